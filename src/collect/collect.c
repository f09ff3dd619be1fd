#include "collect/collect.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "collect/resume.h"
#include "collect/status.h"
#include "net/notify.h"
#include "net/priv.h"
#include "net/sock.h"
#include "net/syscalls.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ADVICE_MS = 1000, WORKERS_USUAL_MAX = 4 };

struct collect_options collect_options_default(void)
{
    return (struct collect_options){
        .dir = "./var",
        .instance = "collect",
        .seal_every_ms = 300000,
        .journal_bytes = 64 * 1000 * 1000,
        .sync_ms = 1000,
    };
}

unsigned collect_workers(void)
{
    cpu_set_t may;
    int n = sched_getaffinity(0, sizeof may, &may) == 0 ? CPU_COUNT(&may) / 2 : 1;

    return n < 1 ? 1 : n > WORKERS_USUAL_MAX ? WORKERS_USUAL_MAX : (unsigned)n;
}

int collect_socket(char *out, size_t size, const char *dir, const char *instance, struct err *err)
{
    const char *runtime = getenv("RUNTIME_DIRECTORY");
    int n = runtime && runtime[0] == '/' ? snprintf(out, size, "%s/%s.sock", runtime, instance)
                                         : snprintf(out, size, "%s/run/%s.sock", dir, instance);
    return n < 0 || (size_t)n >= size ? err_set(err, ERR_LIMIT, "control socket's path is too long")
                                      : 0;
}

/* --- timer, signals, questions --- */

/* Once, when a receive buffer that the rate asks for, or the user, is more than the kernel allows.
 */
static void on_tick(struct timer *t, int64_t now_mono_ms)
{
    struct collect *c = container_of(t, struct collect, tick);
    struct receiver_status s;
    size_t wanted = 0;
    size_t got = 0;

    for (unsigned w = 0; w < c->workers; w++) {
        receiver_look(&c->receiver[w], &s);
        for (size_t i = 0; i < c->options->n_udp; i++)
            if (s.udp[i].rcvbuf_wanted > wanted &&
                s.udp[i].rcvbuf_bytes < 2 * s.udp[i].rcvbuf_wanted) { /* it accounts double */
                wanted = s.udp[i].rcvbuf_wanted;
                got = s.udp[i].rcvbuf_bytes / 2;
            }
    }
    if (wanted == 0) {
        timer_set(&c->loop, t, now_mono_ms + ADVICE_MS);
        return;
    }
    char line[64];
    (void)snprintf(line, sizeof line, "sysctl -w net.core.rmem_max=%zu", wanted);
    log_warn("the kernel keeps a receive buffer smaller than this rate needs, so bursts may be "
             "lost: allow more and send SIGHUP, or run with CAP_NET_ADMIN",
             KV("wanted", wanted), KV("got", got), KV("type", line));
}

/* --- the access list --- */

void collect_place(const struct collect_options *o, size_t line, size_t column,
                   char out[static COLLECT_PLACE])
{
    out[0] = '\0';
    if (o->file && line > 0)
        (void)snprintf(out, COLLECT_PLACE, "%.400s:%zu:%zu: ", o->file, line, column);
}

/* `l`: what the options say of this listener. */
static int check_access(const struct collect_options *o, const struct access *a,
                        const struct collect_listen *l, const char *where, struct err *err)
{
    char place[COLLECT_PLACE];

    collect_place(o, l->line, l->column, place);
    return access_permits_some(a)
               ? 0
               : err_set(err, ERR_CONFIG,
                         "%sthe access list of %s permits nobody: whom no rule names is denied; "
                         "permit a prefix, or any behind the others",
                         place, where);
}

static bool has_port(const struct receiver *r, uint16_t port)
{
    bool has = false;

    for (size_t i = 0; i < r->n_udp; i++)
        has = has || r->udp[i].udp.port == port;
    for (size_t i = 0; i < r->n_tcp; i++)
        has = has || r->tcp_listener[i].port == port;
    return has;
}

/* A rule for a port that is not ours is a mistake that would leave another port open. */
static int check_ports(const struct collect *c, const struct collect_options *o, struct err *err)
{
    char place[COLLECT_PLACE];

    for (size_t i = 0; i < o->access.n; i++) {
        const struct access_rule *rule = &o->access.v[i];
        if (rule->port == 0 || has_port(&c->receiver[0], rule->port))
            continue;
        collect_place(o, rule->line, rule->column, place);
        return err_set(err, ERR_CONFIG, "%sa rule of access is for port %u, where nothing listens",
                       place, rule->port);
    }
    return 0;
}

/* Listeners are those of the start; options that are read again may have others. */
static int check_rules(const struct collect *c, const struct collect_options *o, struct err *err)
{
    static const struct collect_listen nowhere;
    struct receiver_settings *s = receiver_settings_of(&c->receiver[0], o);
    char where[ADDR_PORT_TEXT];
    int r = s ? check_ports(c, o, err) : err_set(err, ERR_LIMIT, "no memory for the access list");

    for (size_t i = 0; i < c->receiver[0].n_udp && r == 0; i++) {
        const struct udp *u = &c->receiver[0].udp[i].udp;
        (void)addr_port_print(&u->addr, u->port, where);
        r = check_access(o, s->lists.v[u->number], i < o->n_udp ? &o->udp[i] : &nowhere, where,
                         err);
    }
    for (size_t i = 0; i < c->receiver[0].n_tcp && r == 0; i++) {
        const struct tcp_listener *l = &c->receiver[0].tcp_listener[i];
        (void)addr_port_print(&l->addr, l->port, where);
        r = check_access(o, s->lists.v[l->number], i < o->n_tcp ? &o->tcp[i] : &nowhere, where,
                         err);
    }
    receiver_settings_free(s);
    return r;
}

/* --- reload --- */

static bool listens_alike(const struct collect_listen *a, const struct collect_listen *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].port != b[i].port || !addr_eq(&a[i].addr, &b[i].addr))
            return false;
    return true;
}

/* What has changed, and is not taken up before a restart; NULL: nothing. */
static const char *needs_restart(const struct collect_options *a, const struct collect_options *b)
{
    if (a->n_udp != b->n_udp || a->n_tcp != b->n_tcp || !listens_alike(a->udp, b->udp, a->n_udp) ||
        !listens_alike(a->tcp, b->tcp, a->n_tcp))
        return "listen";
    if (strcmp(a->dir, b->dir) != 0 || strcmp(a->instance, b->instance) != 0 ||
        strcmp(a->user ? a->user : "", b->user ? b->user : "") != 0)
        return "path, instance, user";
    if (a->workers != b->workers || a->pin != b->pin || a->rcvbuf_bytes != b->rcvbuf_bytes)
        return "workers, pin, rcvbuf";
    if (a->seal_every_ms != b->seal_every_ms || a->journal_bytes != b->journal_bytes ||
        a->sync_ms != b->sync_ms)
        return "seal-every, journal-size, sync";
    return NULL;
}

/* The options as they are now; NULL if they are wrong, which is logged: then those before stay. */
static const struct collect_options *read_again(struct collect *c)
{
    const struct collect_options *fresh;
    struct collect_source *source = c->options->source;
    struct err err;
    int r = source->read(source, &fresh, &err);

    if (r == 0)
        r = check_rules(c, fresh, &err);
    if (r) {
        log_error("SIGHUP: the configuration is wrong; that before stays in force",
                  KV("error", err.text));
        return NULL;
    }
    const char *restart = needs_restart(c->options, fresh);
    if (restart)
        log_warn("SIGHUP: some of what has changed in the configuration needs a restart",
                 KV("settings", restart));
    return fresh;
}

static void reload(struct collect *c)
{
    const struct collect_options *fresh = c->options->source ? read_again(c) : NULL;

    log_info("SIGHUP: the configuration is read, what has been received goes into files, receive "
             "buffers are asked for again");
    if (c->options->sink)
        c->options->sink->reopen(c->options->sink);
    for (unsigned w = 0; w < c->workers; w++) {
        struct receiver *r = &c->receiver[w];
        receiver_reload(r, fresh ? receiver_settings_of(r, fresh) : NULL);
    }
    timer_set(&c->loop, &c->tick, c->loop.now_mono_ms + ADVICE_MS);
}

/* The service manager hears of us as long as all receivers are alive. */
static void on_watchdog(struct timer *t, int64_t now_mono_ms)
{
    struct collect *c = container_of(t, struct collect, watchdog);
    struct receiver_status s;
    bool alive = true;

    for (unsigned w = 0; w < c->workers; w++) {
        receiver_look(&c->receiver[w], &s);
        alive = alive && clock_mono_ms() - s.at_mono_ms < c->watchdog_ms;
    }
    if (alive)
        (void)notify_send("WATCHDOG=1");
    else
        log_error("a receiving thread does not go on: the service manager is not told that all is "
                  "well");
    timer_set(&c->loop, t, now_mono_ms + c->watchdog_ms / 3);
}

static void on_signal(struct io *io, uint32_t events)
{
    struct collect *c = container_of(io, struct collect, signals);

    (void)events;
    for (int signal; (signal = signals_read(io)) != 0;) {
        if (signal == SIGHUP) {
            notify_reloading();
            reload(c);
            (void)notify_send("READY=1");
        } else {
            loop_stop(&c->loop);
        }
    }
}

static void on_ended(struct io *io, uint32_t events)
{
    (void)events;
    loop_stop(&container_of(io, struct collect, ended)->loop);
}

static void on_question(struct ctl *ctl, const char *line, struct buf *out)
{
    status_answer(container_of(ctl, struct collect, ctl), line, out);
}

/* --- start and stop --- */

static void say_listening(const char *kind, const struct addr *addr, uint16_t port,
                          const struct access *a)
{
    char text[ADDR_PORT_TEXT];

    (void)addr_port_print(addr, port, text);
    log_info("listening", KV(kind, text));
    if (!a && !sock_is_loopback(addr))
        log_warn("this address is open to the network: whoever reaches it can add flows; permit "
                 "your exporters only (--permit)",
                 KV(kind, text));
}

/* Each receiver gets a socket of it. */
static int listen_at(struct collect *c, const struct collect_listen *l, int type, struct err *err)
{
    int fd[COLLECT_WORKERS];
    uint16_t port = l->port;
    int r = steer_bind(&l->addr, &port, type, fd, c->workers, err);

    if (r)
        return r;
    for (unsigned w = 0; w < c->workers; w++) {
        struct receiver *to = &c->receiver[w];
        if (r)
            (void)close(fd[w]);
        else if (type == SOCK_STREAM)
            r = receiver_add_tcp(to, fd[w], &l->addr, port, err);
        else
            r = receiver_add_udp(to, fd[w], &l->addr, port, err);
    }
    if (r)
        return r;
    const struct receiver *first = &c->receiver[0];
    size_t number = type == SOCK_STREAM ? c->options->n_udp + first->n_tcp - 1 : first->n_udp - 1;
    say_listening(type == SOCK_STREAM ? "tcp" : "udp", &l->addr, port, first->gate.lists.v[number]);
    return 0;
}

static int open_receivers(struct collect *c, struct err *err)
{
    const struct collect_options *o = c->options;
    int r = 0;

    c->receiver = mem_new(c->workers, sizeof *c->receiver);
    for (unsigned w = 0; w < c->workers && r == 0; w++)
        r = receiver_open(&c->receiver[w], o, w, err);
    for (size_t i = 0; i < o->n_udp && r == 0; i++)
        r = listen_at(c, &o->udp[i], SOCK_DGRAM, err);
    for (size_t i = 0; i < o->n_tcp && r == 0; i++)
        r = listen_at(c, &o->tcp[i], SOCK_STREAM, err);
    return r ? r : check_rules(c, o, err);
}

/* Worker 0's journal comes last, see store/recover.h. */
static int open_workers(struct collect *c, struct worker_options *w, const struct buf *state,
                        struct err *err)
{
    struct buf share;
    int r = 0;

    buf_init(&share, RESUME_STATE_MAX);
    for (unsigned i = c->workers; i-- > 0 && r == 0;) {
        buf_reset(&share);
        w->number = i;
        r = decoder_state_share(state, c->workers, i, &share, err);
        if (r == 0)
            r = receiver_open_worker(&c->receiver[i], w, &share, err);
    }
    buf_free(&share);
    return r;
}

static int start_workers(struct collect *c, struct err *err)
{
    struct resume earlier;
    int r = resume_begin(&earlier, c->options, err);

    if (r == 0)
        r = open_workers(c, &earlier.worker, &earlier.state, err);
    if (r == 0)
        r = resume_end(&earlier, &c->receiver[0].worker, err);
    resume_free(&earlier);
    for (unsigned i = 0; i < c->workers && r == 0; i++)
        r = receiver_start(&c->receiver[i], &c->ended, err);
    return r;
}

/* All that needs privileges has been done, and nothing has been read that others wrote. */
static int give_up_privileges(const struct collect_options *o, struct err *err)
{
    struct priv_user user;
    struct err why;
    int r = o->user ? priv_find(o->user, &user, err) : 0;

    if (r == 0 && o->user)
        r = priv_make_dir(o->dir, &user, err);
    if (r == 0)
        r = priv_drop(o->user ? &user : NULL, err);
    if (r)
        return r;
    if (geteuid() == 0)
        log_warn("it runs as root: whoever finds a mistake in it is root too; name a user that it "
                 "becomes once its ports are open (--user)");
    if (syscalls_restrict(&why) != 0)
        log_warn("system calls are not restricted", KV("reason", why.text));
    return 0;
}

/* As the user that it runs as. */
static int lock_store(struct collect *c, struct err *err)
{
    const struct collect_options *o = c->options;
    int r = store_lock(o->dir, o->instance, &c->lock_fd, err);

    if (r == ERR_SYS && o->user)
        return err_in(err, r, "user %s needs a store that it may write to", o->user);
    return r;
}

static int start(struct collect *c, struct err *err)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    char path[FILE_PATH];
    /* Ports first: one that is taken should be said before anything is touched. Signals before
     * threads, which inherit that they are blocked. */
    int r = loop_open(&c->loop, err);

    if (r == 0)
        r = signals_open(&c->signals, signals, COUNT_OF(signals), err);
    if (r == 0)
        r = loop_add(&c->loop, &c->signals, EPOLLIN, err);
    if (r == 0)
        r = wake_open(&c->ended, err);
    if (r == 0)
        r = loop_add(&c->loop, &c->ended, EPOLLIN, err);
    if (r == 0)
        r = open_receivers(c, err);
    if (r == 0)
        r = give_up_privileges(c->options, err);
    if (r == 0)
        r = lock_store(c, err);
    if (r == 0 && c->options->sink)
        r = c->options->sink->start(c->options->sink, c->workers, err);
    if (r == 0)
        r = start_workers(c, err);
    if (r == 0)
        r = collect_socket(path, sizeof path, c->options->dir, c->options->instance, err);
    if (r == 0)
        r = ctl_open(&c->ctl, &c->loop, path, err);
    if (r == 0)
        timer_set(&c->loop, &c->tick, c->loop.now_mono_ms);
    if (r == 0 && c->watchdog_ms > 0)
        timer_set(&c->loop, &c->watchdog, c->loop.now_mono_ms);
    return r;
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

/* Receivers drain and seal side by side. `r` and `err` are what went wrong until now. */
static int stop(struct collect *c, int r, struct err *err)
{
    struct counts *all = mem_new(1, sizeof *all);
    bool ran = false;

    (void)notify_send("STOPPING=1");
    ctl_close(&c->ctl);
    for (unsigned w = 0; c->receiver && w < c->workers; w++)
        receiver_stop(&c->receiver[w]);
    for (unsigned w = 0; c->receiver && w < c->workers; w++) {
        struct receiver *from = &c->receiver[w];
        ran |= from->running;
        receiver_close(from);
        counts_sum(all, &from->last);
        if (r == 0 && from->result) {
            r = from->result;
            *err = from->err;
        }
    }
    if (c->options->sink)
        c->options->sink->stop(c->options->sink);
    if (ran)
        say_what_was_done(c, all);
    free(all);
    free(c->receiver);
    loop_close(&c->loop);
    if (c->signals.fd >= 0)
        (void)close(c->signals.fd);
    if (c->ended.fd >= 0)
        (void)close(c->ended.fd);
    if (c->lock_fd >= 0)
        (void)close(c->lock_fd);
    return r;
}

int collect_run(const struct collect_options *options, struct err *err)
{
    struct collect *c = mem_new(1, sizeof *c);

    c->options = options;
    c->workers = options->workers ? options->workers : collect_workers();
    c->lock_fd = -1;
    c->signals = (struct io){.fd = -1, .on = on_signal};
    c->ended = (struct io){.fd = -1, .on = on_ended};
    c->tick.on = on_tick;
    c->watchdog.on = on_watchdog;
    c->watchdog_ms = notify_watchdog_ms();
    c->ctl.answer = on_question;
    c->started_ms = clock_wall_ms();
    c->started_mono_ms = clock_mono_ms();
    int r = start(c, err);
    if (r == 0) {
        log_info("ready", KV("store", options->dir), KV("instance", options->instance),
                 KV("workers", c->workers));
        (void)notify_send("READY=1");
        r = loop_run(&c->loop, err);
    }
    r = stop(c, r, err);
    free(c);
    return r;
}
