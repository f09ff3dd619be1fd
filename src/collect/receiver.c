#include "collect/receiver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES_A_ROUND = 4 };

/* Orders add up in the eventfd until they are read. */
static const uint64_t order_reload = 1;
static const uint64_t order_ask = UINT64_C(1) << 16;
static const uint64_t order_stop = UINT64_C(1) << 32;

/* --- what others see --- */

static void publish(struct receiver *r)
{
    const struct worker *w = &r->worker;
    struct receiver_status s = {.at_mono_ms = clock_mono_ms(),
                                .datagrams_per_s = r->datagrams_per_s,
                                .tcp_sessions = r->tcp.n,
                                .has_journal = w->journal != NULL,
                                .journal = w->id,
                                .journal_bytes = w->journal ? journal_bytes(w->journal) : 0,
                                .journal_datagrams = w->frames,
                                .denied = r->gate.denied};

    if (w->received > 0)
        s.journal_age_ms = clock_mono_ms() - w->since_mono_ms;
    for (size_t i = 0; i < r->n_udp; i++) {
        const struct udp *u = &r->udp[i].udp;
        s.udp[i] = (struct receiver_socket){.datagrams = u->datagrams,
                                            .kernel_drops = u->kernel_drops,
                                            .denied = r->udp[i].denied,
                                            .rcvbuf_bytes = u->rcvbuf_bytes,
                                            .rcvbuf_wanted = r->udp[i].wanted};
    }
    (void)pthread_mutex_lock(&r->lock);
    r->status = s;
    (void)pthread_mutex_unlock(&r->lock);
}

void receiver_look(struct receiver *r, struct receiver_status *out)
{
    (void)pthread_mutex_lock(&r->lock);
    *out = r->status;
    (void)pthread_mutex_unlock(&r->lock);
}

static void answer(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool asked = r->asked;
    enum snapshot_what what = r->asked_for;
    (void)pthread_mutex_unlock(&r->lock);
    if (!asked) /* it has been answered, or was given up */
        return;
    struct snapshot s = snapshot_of(r->worker.decoder, what);
    (void)pthread_mutex_lock(&r->lock);
    snapshot_free(&r->snapshot);
    r->snapshot = s;
    r->asked = r->asked_for != what;
    (void)pthread_cond_signal(&r->answered);
    (void)pthread_mutex_unlock(&r->lock);
}

void receiver_ask(struct receiver *r, enum snapshot_what what)
{
    (void)pthread_mutex_lock(&r->lock);
    r->asked = true;
    r->asked_for = what;
    (void)pthread_mutex_unlock(&r->lock);
    wake_send(&r->orders, order_ask);
}

bool receiver_get(struct receiver *r, struct snapshot *out)
{
    struct timespec until;
    int e = 0;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    (void)pthread_mutex_lock(&r->lock);
    while (r->asked && e == 0)
        e = pthread_cond_timedwait(&r->answered, &r->lock, &until);
    r->asked = false;
    if (e) /* of a question before, if anything */
        snapshot_free(&r->snapshot);
    *out = r->snapshot;
    r->snapshot = (struct snapshot){0};
    (void)pthread_mutex_unlock(&r->lock);
    return e == 0;
}

/* --- datagrams --- */

static size_t receive(struct receiver *r, struct socket *s)
{
    size_t n = udp_recv(&s->udp, r->batch);

    if (n == 0)
        return 0;
    int64_t now = clock_wall_ms();
    worker_begin(&r->worker, now);
    for (size_t i = 0; i < n; i++) {
        const struct udp_datagram *u = udp_at(r->batch, i);
        if (!gate_admits(&r->gate, s->udp.number, &u->addr, now)) {
            s->denied++;
            count_add(&r->worker.counts, COUNT_DENIED, 1);
            continue;
        }
        struct datagram d = {.data = u->data,
                             .len = u->len,
                             .received_ms = now,
                             .from = {.addr = u->addr, .port = u->port, .listener = s->udp.number}};
        worker_add(&r->worker, &d);
    }
    worker_commit(&r->worker);
    return n;
}

static void on_udp(struct io *io, uint32_t events)
{
    struct socket *s = container_of(io, struct socket, udp.io);
    bool full = true;

    (void)events;
    for (int i = 0; i < BATCHES_A_ROUND && full; i++)
        full = receive(s->receiver, s) == UDP_BATCH;
    if (!full && s->nap_us > 0)
        loop_nap(&s->receiver->loop, s->nap_us);
}

/* --- IPFIX over TCP --- */

static struct sender sender_of(const struct tcp_peer *p)
{
    return (struct sender){
        .addr = p->addr, .port = p->port, .listener = p->listener, .session = p->session};
}

static void log_peer(const struct receiver *r, enum log_level level, const char *what,
                     const struct tcp_peer *p)
{
    const struct sender_rule *rule = exporters_rule(decoder_exporters(r->worker.decoder), &p->addr);
    char text[SENDER_TEXT];

    sender_print(rule ? rule->name : "", &p->addr, p->port, text);
    if (level == LOG_INFO)
        log_info(what, KV("peer", text), KV("session", p->session));
    else
        log_warn(what, KV("peer", text), KV("session", p->session));
}

static bool on_connecting(struct tcp_handler *h, const struct tcp_peer *p)
{
    struct receiver *r = container_of(h, struct receiver, handler);
    bool admitted = gate_admits(&r->gate, p->listener, &p->addr, clock_wall_ms());

    if (!admitted)
        count_add(&r->worker.counts, COUNT_TCP_DENIED, 1);
    return admitted;
}

static void on_opened(struct tcp_handler *h, const struct tcp_peer *p)
{
    struct receiver *r = container_of(h, struct receiver, handler);
    count_add(&r->worker.counts, COUNT_TCP_SESSIONS, 1);
    log_peer(r, LOG_INFO, "IPFIX session begins", p);
    publish(r);
}

static void on_refused(struct tcp_handler *h, const struct tcp_peer *p)
{
    struct receiver *r = container_of(h, struct receiver, handler);
    count_add(&r->worker.counts, COUNT_TCP_REFUSED, 1);
    log_peer(r, LOG_WARN, "IPFIX session refused: too many are open", p);
}

static void on_message(struct tcp_handler *h, const struct tcp_peer *p, const uint8_t *data,
                       size_t len)
{
    struct receiver *r = container_of(h, struct receiver, handler);
    struct datagram d = {.data = data, .len = len, .from = sender_of(p)};

    if (!r->in_batch) {
        r->batch_ms = clock_wall_ms();
        worker_begin(&r->worker, r->batch_ms);
        r->in_batch = true;
    }
    d.received_ms = r->batch_ms;
    worker_add(&r->worker, &d);
}

static void on_read(struct tcp_handler *h)
{
    struct receiver *r = container_of(h, struct receiver, handler);

    if (r->in_batch)
        worker_commit(&r->worker);
    r->in_batch = false;
}

static void on_ended(struct tcp_handler *h, const struct tcp_peer *p, enum tcp_end why)
{
    struct receiver *r = container_of(h, struct receiver, handler);
    struct sender who = sender_of(p);

    worker_end_session(&r->worker, &who, clock_wall_ms());
    if (why == TCP_BROKEN) {
        count_add(&r->worker.counts, COUNT_TCP_BROKEN, 1);
        log_peer(r, LOG_WARN, "IPFIX session closed: what it sends is not IPFIX, or nothing", p);
    } else {
        log_peer(r, LOG_INFO, "IPFIX session ends", p);
    }
    publish(r);
}

/* --- timer and orders --- */

/* Into the books: what a socket dropped since the last time. */
static void note_drops(struct receiver *r, struct socket *s, uint64_t kernel)
{
    struct drops d = {.port = s->udp.port, .kernel = kernel, .denied = s->denied - s->noted};

    s->noted = s->denied;
    if (d.kernel > 0 || d.denied > 0)
        worker_note(&r->worker, &d, clock_wall_ms());
}

static void read_drops(struct receiver *r)
{
    for (size_t i = 0; i < r->n_udp; i++) {
        struct udp *u = &r->udp[i].udp;
        uint64_t drops = udp_drops(u);
        note_drops(r, &r->udp[i], drops);
        if (drops == 0)
            continue;
        char text[ADDR_PORT_TEXT];
        (void)addr_port_print(&u->addr, u->port, text);
        count_add(&r->worker.counts, COUNT_KERNEL_DROPS, drops);
        log_warn("datagrams lost: the socket's buffer was full", KV("listen", text),
                 KV("datagrams", drops), KV("worker", r->number));
    }
}

/* By what was offered to the socket, dropped or not, since the last tick. */
static void adapt(struct receiver *r, struct socket *s, double ticks_s)
{
    uint64_t count = s->udp.datagrams + s->udp.kernel_drops;
    uint64_t taken = s->udp.datagrams;
    double rate = (double)(count - s->counted) / ticks_s;
    double mean = taken > 0 ? (double)s->udp.bytes / (double)taken : 0;
    size_t want = udp_rcvbuf_for(rate, mean);

    s->counted = count;
    s->nap_us = udp_nap_us(&s->udp, rate);
    r->datagrams_per_s += rate;
    if (r->options->rcvbuf_bytes > 0 || want <= s->wanted)
        return;
    s->wanted = want;
    if (want > s->udp.rcvbuf_asked)
        udp_set_rcvbuf(&s->udp, want);
}

static void on_tick(struct timer *t, int64_t now_mono_ms)
{
    struct receiver *r = container_of(t, struct receiver, tick);
    double ticks_s = (double)(now_mono_ms - r->ticked_mono_ms) / 1000;

    r->ticked_mono_ms = now_mono_ms;
    r->datagrams_per_s = 0;
    read_drops(r);
    for (size_t i = 0; i < r->n_udp && ticks_s > 0; i++)
        adapt(r, &r->udp[i], ticks_s);
    tcp_sweep(&r->tcp);
    gate_tell(&r->gate);
    worker_tick(&r->worker, clock_wall_ms());
    publish(r);
    timer_set(&r->loop, t, now_mono_ms + RECEIVER_TICK_MS);
}

static void take_settings(struct receiver *r)
{
    (void)pthread_mutex_lock(&r->lock);
    struct receiver_settings *fresh = r->fresh;
    r->fresh = NULL;
    (void)pthread_mutex_unlock(&r->lock);
    if (!fresh)
        return;
    struct gate_lists old = r->gate.lists;
    r->gate.lists = fresh->lists;
    fresh->lists = old;
    worker_set_rules(&r->worker, &fresh->senders, &fresh->quirks, clock_wall_ms());
    receiver_settings_free(fresh);
    tcp_review(&r->tcp);
}

static void on_order(struct io *io, uint32_t events)
{
    struct receiver *r = container_of(io, struct receiver, orders);
    uint64_t what = wake_read(io);

    (void)events;
    if (what >= order_stop) {
        loop_stop(&r->loop);
        return;
    }
    if (what / order_ask > 0)
        answer(r);
    if (what % order_ask == 0)
        return;
    take_settings(r);
    for (size_t i = 0; i < r->n_udp; i++)
        udp_set_rcvbuf(&r->udp[i].udp, r->udp[i].udp.rcvbuf_asked);
    worker_rotate(&r->worker, clock_wall_ms());
    publish(r);
}

/* --- the thread --- */

/* To the number-th processor of those that we may use. */
static void pin(const struct receiver *r)
{
    cpu_set_t may;
    cpu_set_t one;
    int left;

    if (sched_getaffinity(0, sizeof may, &may) != 0 || CPU_COUNT(&may) == 0)
        return;
    left = (int)(r->number % (unsigned)CPU_COUNT(&may));
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &may) || left-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0)
            log_info("worker pinned", KV("worker", r->number), KV("cpu", cpu));
        return;
    }
}

/* What has arrived is ours: it is read to its end, which there is, since nothing more gets in. What
 * the kernel refuses from then on came too late, and is not counted. */
static void drain(struct receiver *r)
{
    read_drops(r);
    for (size_t i = 0; i < r->n_udp; i++)
        udp_shut(&r->udp[i].udp);
    for (size_t i = 0; i < r->n_udp; i++)
        while (receive(r, &r->udp[i]) > 0)
            ;
    for (size_t i = 0; i < r->n_udp; i++)
        note_drops(r, &r->udp[i], 0);
    tcp_drain(&r->tcp);
}

static void *run(void *arg)
{
    struct receiver *r = arg;
    char name[16];

    (void)snprintf(name, sizeof name, "receive-%u", r->number);
    (void)pthread_setname_np(pthread_self(), name);
    if (r->options->pin)
        pin(r);
    r->result = loop_run(&r->loop, &r->err);
    if (r->result) { /* until the main thread asks no more questions */
        struct pollfd told = {.fd = r->orders.fd, .events = POLLIN};
        wake_send(r->ended, 1);
        while (wake_read(&r->orders) < order_stop)
            (void)poll(&told, 1, -1);
    }
    drain(r);
    worker_close(&r->worker, clock_wall_ms(), &r->last);
    return NULL;
}

int receiver_start(struct receiver *r, const struct io *ended, struct err *err)
{
    r->ended = ended;
    r->ticked_mono_ms = clock_mono_ms();
    timer_set(&r->loop, &r->tick, r->ticked_mono_ms + RECEIVER_TICK_MS);
    publish(r);
    if (pthread_create(&r->thread, NULL, run, r) != 0)
        return err_set(err, ERR_SYS, "cannot start a receiving thread");
    r->running = true;
    r->has_worker = false; /* the thread closes it */
    return 0;
}

struct receiver_settings *receiver_settings_of(const struct receiver *r,
                                               const struct collect_options *options)
{
    struct receiver_settings *s = mem_new(1, sizeof *s);

    for (size_t i = 0; i < r->n_udp; i++)
        gate_set(&s->lists, r->udp[i].udp.number, &options->access, r->udp[i].udp.port);
    for (size_t i = 0; i < r->n_tcp; i++)
        gate_set(&s->lists, r->tcp_listener[i].number, &options->access, r->tcp_listener[i].port);
    if (senders_copy(&s->senders, &options->senders) && quirks_copy(&s->quirks, &options->quirks))
        return s;
    receiver_settings_free(s);
    return NULL;
}

void receiver_settings_free(struct receiver_settings *s)
{
    if (!s)
        return;
    gate_lists_free(&s->lists);
    senders_free(&s->senders);
    quirks_free(&s->quirks);
    free(s);
}

void receiver_reload(struct receiver *r, struct receiver_settings *fresh)
{
    struct receiver_settings *old = NULL;

    (void)pthread_mutex_lock(&r->lock);
    if (fresh) {
        old = r->fresh; /* it was not taken yet */
        r->fresh = fresh;
    }
    (void)pthread_mutex_unlock(&r->lock);
    receiver_settings_free(old);
    wake_send(&r->orders, order_reload);
}

void receiver_stop(struct receiver *r)
{
    if (r->running)
        wake_send(&r->orders, order_stop);
}

/* --- open and close --- */

int receiver_open(struct receiver *r, const struct collect_options *options, unsigned number,
                  struct err *err)
{
    r->options = options;
    r->number = number;
    r->batch = udp_batch_new();
    r->orders.on = on_order;
    r->tick.on = on_tick;
    r->handler = (struct tcp_handler){.admits = on_connecting,
                                      .opened = on_opened,
                                      .refused = on_refused,
                                      .message = on_message,
                                      .read = on_read,
                                      .ended = on_ended};
    r->tcp = (struct tcp){.loop = &r->loop,
                          .handler = &r->handler,
                          .max = COLLECT_TCP_SESSIONS,
                          /* an earlier run's numbers may be in the state: begin elsewhere */
                          .next_session = (uint32_t)(clock_wall_ms() / 1000) | 1};
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->answered, NULL);
    int e = loop_open(&r->loop, err);
    if (e == 0)
        e = wake_open(&r->orders, err);
    if (e == 0)
        e = loop_add(&r->loop, &r->orders, EPOLLIN, err);
    return e;
}

int receiver_add_udp(struct receiver *r, int fd, const struct addr *addr, uint16_t port,
                     struct err *err)
{
    const struct collect_options *o = r->options;
    struct socket *s = &r->udp[r->n_udp];

    udp_open(&s->udp, fd, addr, port, o->rcvbuf_bytes ? o->rcvbuf_bytes : COLLECT_RCVBUF_BYTES);
    if (o->rcvbuf_bytes == 0 && (o->user || geteuid() != 0))
        udp_force_rcvbuf(&s->udp, COLLECT_RCVBUF_FORCED_BYTES);
    s->receiver = r;
    s->wanted = o->rcvbuf_bytes;
    s->udp.number = (uint16_t)r->n_udp++;
    gate_set(&r->gate.lists, s->udp.number, &o->access, port);
    s->udp.io.on = on_udp;
    return loop_add(&r->loop, &s->udp.io, EPOLLIN, err);
}

int receiver_add_tcp(struct receiver *r, int fd, const struct addr *addr, uint16_t port,
                     struct err *err)
{
    uint16_t number = (uint16_t)(r->options->n_udp + r->n_tcp);
    int e = tcp_listen(&r->tcp_listener[r->n_tcp], &r->tcp, fd, addr, port, number, err);

    if (e == 0)
        gate_set(&r->gate.lists, number, &r->options->access, port);
    r->n_tcp += e == 0;
    return e;
}

int receiver_open_worker(struct receiver *r, const struct worker_options *options,
                         const struct buf *state, struct err *err)
{
    int e = worker_open(&r->worker, options, state, err);

    r->has_worker = e == 0;
    return e;
}

void receiver_close(struct receiver *r)
{
    if (!r->batch)
        return;
    if (r->running)
        (void)pthread_join(r->thread, NULL);
    r->running = false;
    if (r->has_worker)
        worker_close(&r->worker, clock_wall_ms(), NULL);
    r->has_worker = false;
    for (size_t i = 0; i < r->n_tcp; i++)
        tcp_listener_close(&r->tcp_listener[i]);
    for (size_t i = 0; i < r->n_udp; i++)
        udp_close(&r->udp[i].udp);
    loop_close(&r->loop);
    if (r->orders.fd > 0)
        (void)close(r->orders.fd);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->answered);
    snapshot_free(&r->snapshot);
    receiver_settings_free(r->fresh);
    r->fresh = NULL;
    gate_lists_free(&r->gate.lists);
    udp_batch_free(r->batch);
    r->batch = NULL;
}
