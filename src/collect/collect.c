#include "collect/collect.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "collect/status.h"
#include "net/ctl.h"
#include "net/sock.h"
#include "store/recover.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TICK_MS = 250,
    BATCHES_A_ROUND = 4,
    DRAIN_MS = 2000, /* at most, when somebody goes on sending */
    STATE_BYTES_MAX = 256 * 1024 * 1024
};

struct collect_options collect_options_default(void)
{
    return (struct collect_options){
        .dir = "./var",
        .instance = "collect",
        .rcvbuf_bytes = 16 * 1024 * 1024,
        .seal_every_ms = 300000,
        .journal_bytes = 64 * 1000 * 1000,
        .sync_ms = 1000,
    };
}

int collect_socket(char *out, size_t size, const char *dir, const char *instance, struct err *err)
{
    const char *runtime = getenv("RUNTIME_DIRECTORY");
    int n = runtime && runtime[0] == '/' ? snprintf(out, size, "%s/%s.sock", runtime, instance)
                                         : snprintf(out, size, "%s/run/%s.sock", dir, instance);
    return n < 0 || (size_t)n >= size ? err_set(err, ERR_LIMIT, "control socket's path is too long")
                                      : 0;
}

/* --- datagrams --- */

/* true: the batch was full, so there is more. */
static bool receive(struct collect *c, struct socket *s)
{
    size_t n = udp_recv(&s->udp, c->batch);

    if (n == 0)
        return false;
    int64_t now = clock_wall_ms();
    worker_begin(&c->worker, now);
    for (size_t i = 0; i < n; i++) {
        const struct udp_datagram *u = udp_at(c->batch, i);
        struct datagram d = {.data = u->data,
                             .len = u->len,
                             .received_ms = now,
                             .from = {.addr = u->addr, .port = u->port, .listener = s->udp.number}};
        worker_add(&c->worker, &d);
    }
    worker_commit(&c->worker);
    return n == UDP_BATCH;
}

static void on_udp(struct io *io, uint32_t events)
{
    struct socket *s = container_of(io, struct socket, udp.io);
    bool full = true;

    (void)events;
    for (int i = 0; i < BATCHES_A_ROUND && full; i++)
        full = receive(s->collect, s);
    if (!full && s->nap)
        loop_nap(&s->collect->loop);
}

/* --- IPFIX over TCP --- */

static struct sender sender_of(const struct tcp_peer *p)
{
    return (struct sender){
        .addr = p->addr, .port = p->port, .listener = p->listener, .session = p->session};
}

static void log_peer(enum log_level level, const char *what, const struct tcp_peer *p)
{
    char text[ADDR_PORT_TEXT];

    (void)addr_port_print(&p->addr, p->port, text);
    if (level == LOG_INFO)
        log_info(what, KV("peer", text), KV("session", p->session));
    else
        log_warn(what, KV("peer", text), KV("session", p->session));
}

static void on_opened(struct tcp_handler *h, const struct tcp_peer *p)
{
    struct collect *c = container_of(h, struct collect, handler);
    count_add(&c->worker.counts, COUNT_TCP_SESSIONS, 1);
    log_peer(LOG_INFO, "IPFIX session begins", p);
}

static void on_refused(struct tcp_handler *h, const struct tcp_peer *p)
{
    struct collect *c = container_of(h, struct collect, handler);
    count_add(&c->worker.counts, COUNT_TCP_REFUSED, 1);
    log_peer(LOG_WARN, "IPFIX session refused: too many are open", p);
}

static void on_message(struct tcp_handler *h, const struct tcp_peer *p, const uint8_t *data,
                       size_t len)
{
    struct collect *c = container_of(h, struct collect, handler);
    struct datagram d = {.data = data, .len = len, .from = sender_of(p)};

    if (!c->in_batch) {
        c->batch_ms = clock_wall_ms();
        worker_begin(&c->worker, c->batch_ms);
        c->in_batch = true;
    }
    d.received_ms = c->batch_ms;
    worker_add(&c->worker, &d);
}

static void on_read(struct tcp_handler *h)
{
    struct collect *c = container_of(h, struct collect, handler);

    if (c->in_batch)
        worker_commit(&c->worker);
    c->in_batch = false;
}

static void on_ended(struct tcp_handler *h, const struct tcp_peer *p, enum tcp_end why)
{
    struct collect *c = container_of(h, struct collect, handler);
    struct sender who = sender_of(p);

    worker_end_session(&c->worker, &who, clock_wall_ms());
    if (why == TCP_BROKEN) {
        count_add(&c->worker.counts, COUNT_TCP_BROKEN, 1);
        log_peer(LOG_WARN, "IPFIX session closed: what it sends is not IPFIX, or nothing", p);
    } else {
        log_peer(LOG_INFO, "IPFIX session ends", p);
    }
}

/* --- timer, signals, questions --- */

static void read_drops(struct collect *c)
{
    for (size_t i = 0; i < c->n_udp; i++) {
        uint64_t drops = udp_drops(&c->udp[i].udp);
        if (drops == 0)
            continue;
        char text[ADDR_PORT_TEXT];
        (void)addr_port_print(&c->udp[i].udp.addr, c->udp[i].udp.port, text);
        count_add(&c->worker.counts, COUNT_KERNEL_DROPS, drops);
        log_warn("datagrams lost: the socket's buffer was full", KV("listen", text),
                 KV("datagrams", drops));
    }
}

static void on_tick(struct timer *t, int64_t now_mono_ms)
{
    struct collect *c = container_of(t, struct collect, tick);

    for (size_t i = 0; i < c->n_udp; i++) {
        struct socket *s = &c->udp[i];
        double since = (double)(s->udp.datagrams - s->counted);
        s->counted = s->udp.datagrams;
        s->nap = udp_nap_ok(&s->udp, since * 1000 / TICK_MS);
    }
    read_drops(c);
    tcp_sweep(&c->tcp);
    worker_tick(&c->worker, clock_wall_ms());
    timer_set(&c->loop, t, now_mono_ms + TICK_MS);
}

static void on_signal(struct io *io, uint32_t events)
{
    struct collect *c = container_of(io, struct collect, signals);

    (void)events;
    if (signals_read(io) != 0)
        loop_stop(&c->loop);
}

static void on_question(struct ctl *ctl, const char *line, struct buf *out)
{
    struct collect *c = container_of(ctl, struct collect, ctl);

    read_drops(c);
    status_answer(c, line, out);
}

/* --- start and stop --- */

static void warn_of_listening(const char *kind, const struct addr *addr, uint16_t port)
{
    char text[ADDR_PORT_TEXT];

    (void)addr_port_print(addr, port, text);
    log_info("listening", KV(kind, text));
    if (!sock_is_loopback(addr))
        log_warn("this address is open to the network: whoever reaches it can add flows; allow "
                 "only your exporters in the firewall",
                 KV(kind, text));
}

static void advise_rcvbuf(const struct udp *u, size_t wanted)
{
    if (u->rcvbuf_bytes >= 2 * wanted) /* the kernel accounts double */
        return;
    log_warn("the kernel keeps the receive buffer small, so bursts may be lost; allow more with "
             "sysctl -w net.core.rmem_max=WANTED, or run with CAP_NET_ADMIN",
             KV("wanted", wanted), KV("got", u->rcvbuf_bytes / 2));
}

static int listen_udp(struct collect *c, struct err *err)
{
    const struct collect_options *o = c->options;

    for (size_t i = 0; i < o->n_udp; i++) {
        struct socket *s = &c->udp[i];
        int r = udp_open(&s->udp, &o->udp[i].addr, o->udp[i].port, o->rcvbuf_bytes, err);
        if (r)
            return r;
        c->n_udp++;
        s->collect = c;
        s->udp.number = (uint16_t)i;
        s->udp.io.on = on_udp;
        r = loop_add(&c->loop, &s->udp.io, EPOLLIN, err);
        if (r)
            return r;
        warn_of_listening("udp", &s->udp.addr, s->udp.port);
    }
    if (c->n_udp > 0)
        advise_rcvbuf(&c->udp[0].udp, o->rcvbuf_bytes);
    return 0;
}

static int listen_tcp(struct collect *c, struct err *err)
{
    const struct collect_options *o = c->options;

    c->handler = (struct tcp_handler){on_opened, on_refused, on_message, on_read, on_ended};
    /* Session numbers of an earlier run may still be in the decoder's state: begin elsewhere. */
    c->tcp = (struct tcp){.loop = &c->loop,
                          .handler = &c->handler,
                          .max = COLLECT_TCP_SESSIONS,
                          .next_session = (uint32_t)(clock_wall_ms() / 1000) | 1};
    for (size_t i = 0; i < o->n_tcp; i++) {
        struct tcp_listener *l = &c->listener[i];
        int r =
            tcp_listen(l, &c->tcp, &o->tcp[i].addr, o->tcp[i].port, (uint16_t)(o->n_udp + i), err);
        if (r)
            return r;
        c->n_tcp++;
        warn_of_listening("tcp", &l->addr, l->port);
    }
    return 0;
}

static void say_recovered(const struct recover *r)
{
    if (r->journals > 0)
        log_info("journals of an earlier run are now in the store", KV("journals", r->journals),
                 KV("datagrams", r->datagrams), KV("flows", r->rows));
    if (r->torn > 0)
        log_warn("journals of an earlier run are torn; what can be read of them is kept",
                 KV("journals", r->torn), KV("last", r->last_torn.text));
    if (r->broken > 0)
        log_error("journals of an earlier run cannot be read; they are kept as *.journal.broken",
                  KV("journals", r->broken), KV("last", r->last_broken.text));
    if (r->failed > 0)
        log_error("journals of an earlier run could not be made into files; they are tried again",
                  KV("journals", r->failed), KV("last", r->last_failed.text));
}

static int start_worker(struct collect *c, struct err *err)
{
    const struct collect_options *o = c->options;
    struct worker_options w = {.dir = o->dir,
                               .instance = o->instance,
                               .seal_every_ms = o->seal_every_ms,
                               .journal_bytes = o->journal_bytes,
                               .sync_ms = o->sync_ms,
                               .pq = {.codec = PQ_ZSTD},
                               .limits = decode_limits_default()};
    struct buf state;
    struct recover rec = {.dir = w.dir,
                          .instance = w.instance,
                          .options = &w.pq,
                          .limits = &w.limits,
                          .state = &state};

    buf_init(&state, STATE_BYTES_MAX);
    int r = recover_run(&rec, err);
    if (r == 0) {
        say_recovered(&rec);
        w.order = recover_next_order(rec.run);
        r = worker_open(&c->worker, &w, &state, err);
        c->has_worker = r == 0;
    }
    if (r == 0)
        r = recover_done(&rec, err);
    for (size_t i = 0; i < rec.failed && r == 0; i++)
        seal_adopt(c->worker.seal, &rec.failed_list[i].id, rec.failed_list[i].hour_ms);
    count_add(&c->worker.counts, COUNT_JOURNAL_RECOVERED, rec.journals);
    count_add(&c->worker.counts, COUNT_FLOWS_RECOVERED, rec.rows);
    count_add(&c->worker.counts, COUNT_JOURNALS_TORN, rec.torn);
    buf_free(&state);
    recover_free(&rec);
    return r;
}

static int start(struct collect *c, struct err *err)
{
    static const int stops[] = {SIGINT, SIGTERM};
    char path[FILE_PATH];
    /* Ports first: one that is taken should be said before anything is touched. Signals before
     * threads, which inherit that they are blocked. */
    int r = loop_open(&c->loop, err);

    if (r == 0)
        r = signals_open(&c->signals, stops, COUNT_OF(stops), err);
    if (r == 0)
        r = loop_add(&c->loop, &c->signals, EPOLLIN, err);
    if (r == 0)
        r = store_lock(c->options->dir, c->options->instance, &c->lock_fd, err);
    if (r == 0)
        r = listen_udp(c, err);
    if (r == 0)
        r = listen_tcp(c, err);
    if (r == 0)
        r = start_worker(c, err);
    if (r == 0)
        r = collect_socket(path, sizeof path, c->options->dir, c->options->instance, err);
    if (r == 0)
        r = ctl_open(&c->ctl, &c->loop, path, err);
    if (r == 0)
        timer_set(&c->loop, &c->tick, c->loop.now_mono_ms + TICK_MS);
    return r;
}

/* What has arrived is ours: read it before the sockets go. */
static void drain(struct collect *c)
{
    int64_t until = clock_mono_ms() + DRAIN_MS;

    for (size_t i = 0; i < c->n_udp; i++)
        for (size_t idle = 0; idle < 1 && clock_mono_ms() < until;)
            idle += !receive(c, &c->udp[i]);
    tcp_drain(&c->tcp);
    read_drops(c);
}

static void say_what_was_done(const struct collect *c, const struct counts *all)
{
    char uptime[TEXT_SHORT];

    (void)text_print_duration(clock_mono_ms() - c->started_mono_ms, uptime);
    log_info("stopped", KV("after", uptime), KV("datagrams", count_get(all, COUNT_DATAGRAMS)),
             KV("flows", count_get(all, COUNT_FLOWS)),
             KV("stored", count_get(all, COUNT_FLOWS_STORED)),
             KV("files", count_get(all, COUNT_FILES_SEALED)),
             KV("kernel_drops", count_get(all, COUNT_KERNEL_DROPS)),
             KV("seal_errors", count_get(all, COUNT_SEAL_ERRORS)));
}

static void stop(struct collect *c)
{
    ctl_close(&c->ctl);
    if (c->has_worker) {
        struct counts *all = mem_new(1, sizeof *all);
        drain(c);
        worker_close(&c->worker, clock_wall_ms(), all);
        say_what_was_done(c, all);
        free(all);
    }
    for (size_t i = 0; i < c->n_tcp; i++)
        tcp_listener_close(&c->listener[i]);
    for (size_t i = 0; i < c->n_udp; i++)
        udp_close(&c->udp[i].udp);
    loop_close(&c->loop);
    if (c->signals.fd >= 0)
        (void)close(c->signals.fd);
    if (c->lock_fd >= 0)
        (void)close(c->lock_fd);
    udp_batch_free(c->batch);
}

int collect_run(const struct collect_options *options, struct err *err)
{
    struct collect *c = mem_new(1, sizeof *c);

    c->options = options;
    c->lock_fd = -1;
    c->signals = (struct io){.fd = -1, .on = on_signal};
    c->tick.on = on_tick;
    c->ctl.answer = on_question;
    c->batch = udp_batch_new();
    c->started_ms = clock_wall_ms();
    c->started_mono_ms = clock_mono_ms();
    int r = start(c, err);
    if (r == 0) {
        log_info("ready", KV("store", options->dir), KV("instance", options->instance));
        r = loop_run(&c->loop, err);
    }
    stop(c);
    free(c);
    return r;
}
