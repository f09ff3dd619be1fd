#include "cli/taps.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/ctl.h"
#include "net/loop.h"
#include "net/notify.h"
#include "net/priv.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 16, RING_LEAST = 8 << 20 }; /* BLOCKS of a ring, before others get their turn */

struct hand;

/* A thread's ring at an interface. */
struct tap {
    struct hand *hand;
    struct live live;
    struct live_out out;
    uint64_t drops; /* that are counted */
    atomic_bool gone;
};

/* A thread that meters. */
struct hand {
    struct taps *taps;
    size_t number;
    struct loop loop;
    struct io stop;
    struct timer timer;
    pthread_t thread;
    bool runs;
};

struct taps {
    struct loop loop;
    struct io signals;
    struct io lost; /* a ring is; how many */
    struct timer timer;
    struct probe *probe;
    struct counts *counts;
    struct ctl ctl;
    struct probe_status status;
    struct routes **routes;
    struct rib **rib;
    const char *rib_path;     /* NULL: none */
    int routes_fd;            /* tells when they change; -1: nobody does */
    const struct live **live; /* for the status */
    size_t left;
    size_t n; /* interfaces */
    size_t n_hands;
    struct hand *hands;
    struct tap *taps; /* by interface, then by hand */
};

/* --- threads that meter --- */

static void on_frames(struct live_out *out, const struct live_frame *v, size_t n)
{
    struct tap *t = container_of(out, struct tap, out);
    struct frame f[LIVE_BATCH];

    for (size_t i = 0; i < n; i++)
        f[i] = (struct frame){.data = v[i].data,
                              .len = v[i].len,
                              .wire_len = v[i].wire_len,
                              .time_ms = v[i].time_ms,
                              .link = t->live.link,
                              .segment_bytes = v[i].segment_bytes,
                              .outgoing = v[i].outgoing};
    probe_frames(t->hand->taps->probe, t->hand->number, (uint32_t)t->live.ifindex, f, n);
}

static void on_ring(struct io *io, uint32_t events)
{
    struct tap *t = container_of(io, struct tap, live.io);
    struct err err;

    for (int i = 0; i < BLOCKS && live_read(&t->live, &t->out); i++)
        ;
    if (!(events & EPOLLERR) || live_check(&t->live, &err) == 0)
        return;
    atomic_store(&t->gone, true);
    loop_del(&t->hand->loop, &t->live.io);
    log_error("interface lost", KV("interface", t->live.dev), KV("error", err.text));
    wake_send(&t->hand->taps->lost, 1);
}

static void on_hand_timer(struct timer *timer, int64_t now_mono_ms)
{
    struct hand *h = container_of(timer, struct hand, timer);

    probe_tick(h->taps->probe, h->number, clock_wall_ms());
    timer_set(&h->loop, timer, now_mono_ms + PROBE_WAIT_MS);
}

static void on_stop(struct io *io, uint32_t events)
{
    struct hand *h = container_of(io, struct hand, stop);

    (void)events;
    (void)wake_read(io);
    loop_stop(&h->loop);
}

static struct tap *tap_of(struct hand *h, size_t dev)
{
    return &h->taps->taps[dev * h->taps->n_hands + h->number];
}

/* What came until now: the kernel gives up a block that is not full within LIVE_RETIRE_MS. No more
 * than the ring holds, as packets go on coming. */
static void drain(struct hand *h)
{
    struct timespec retired = {.tv_nsec = 2 * LIVE_RETIRE_MS * 1000000L};

    (void)nanosleep(&retired, NULL);
    for (size_t i = 0; i < h->taps->n; i++) {
        struct tap *tap = tap_of(h, i);
        for (size_t k = 0; k < tap->live.blocks && !tap->gone; k++)
            if (!live_read(&tap->live, &tap->out))
                break;
    }
}

static void *run_hand(void *arg)
{
    struct hand *h = arg;
    struct err err;
    char name[16];

    (void)snprintf(name, sizeof name, "meter %u", (unsigned)(h->number % 1000));
    (void)pthread_setname_np(pthread_self(), name);
    on_hand_timer(&h->timer, clock_mono_ms());
    if (loop_run(&h->loop, &err) != 0) {
        log_error("a thread ends", KV("thread", name), KV("error", err.text));
        wake_send(&h->taps->lost, h->taps->n);
    }
    drain(h);
    probe_tick(h->taps->probe, h->number, clock_wall_ms());
    return NULL;
}

/* --- the thread that looks after them --- */

static void on_lost(struct io *io, uint32_t events)
{
    struct taps *t = container_of(io, struct taps, lost);
    uint64_t n = wake_read(io);

    (void)events;
    t->left -= n < t->left ? (size_t)n : t->left;
    if (t->left == 0)
        loop_stop(&t->loop);
}

static void say_left_out(const struct taps *t)
{
    size_t n = routes_left_out(*t->routes);

    if (n > 0)
        log_warn("more routes than there is room for: what goes by them has no next hop",
                 KV("left_out", n), KV("room", (int)ROUTES_MAX));
}

static void watch_routes(struct taps *t)
{
    struct err err;

    say_left_out(t);
    if (netlink_watch_routes(&t->routes_fd, &err) == 0)
        return;
    t->routes_fd = -1;
    log_warn("routes stay as they were at the start", KV("reason", err.text));
}

static void follow_routes(struct taps *t)
{
    struct err err;

    if (t->routes_fd < 0 || !netlink_changed(t->routes_fd))
        return;
    struct routes *next = routes_new();
    if (routes_read(next, &err) != 0) {
        log_warn("routes not read; those before are used", KV("reason", err.text));
        routes_free(next);
        return;
    }
    probe_set_routes(t->probe, next);
    routes_free(*t->routes);
    *t->routes = next;
    say_left_out(t);
}

static void count_taps(struct taps *t)
{
    for (size_t i = 0; i < t->n * t->n_hands; i++)
        if (!t->taps[i].gone)
            live_count(&t->taps[i].live);
}

static void on_timer(struct timer *timer, int64_t now_mono_ms)
{
    struct taps *t = container_of(timer, struct taps, timer);

    count_taps(t);
    for (size_t i = 0; i < t->n * t->n_hands; i++) {
        struct tap *tap = &t->taps[i];
        uint64_t more = tap->live.drops - tap->drops;
        tap->drops = tap->live.drops;
        count_add(t->counts, COUNT_CAPTURE_DROPS, more);
        if (more > 0)
            log_warn("the kernel dropped packets", KV("interface", tap->live.dev),
                     KV("packets", more));
    }
    follow_routes(t);
    (void)notify_send("WATCHDOG=1");
    timer_set(&t->loop, timer, now_mono_ms + PROBE_WAIT_MS);
}

/* Packets are metered meanwhile, by the routes before. */
static void reload(struct taps *t)
{
    struct rib *next;
    struct err err;

    if (!t->rib_path) {
        log_warn("there is nothing to reload: no RIB is in use");
        return;
    }
    notify_reloading();
    if (rib_read(&next, t->rib_path, &err) != 0) {
        log_warn("BGP's routes not read; those before are used", KV("reason", err.text));
    } else {
        probe_set_rib(t->probe, next);
        rib_free(*t->rib);
        *t->rib = next;
        log_info("BGP's routes read", KV("prefixes", rib_stats(next)->prefixes),
                 KV("left_out", rib_stats(next)->left_out), KV("broken", rib_stats(next)->broken));
    }
    (void)notify_send("READY=1");
}

static void on_signal(struct io *io, uint32_t events)
{
    struct taps *t = container_of(io, struct taps, signals);

    (void)events;
    int n = signals_read(io);
    if (n == SIGHUP)
        reload(t);
    else if (n != 0)
        loop_stop(&t->loop);
}

static void on_question(struct ctl *c, const char *line, struct buf *out)
{
    struct taps *t = container_of(c, struct taps, ctl);

    count_taps(t);
    probe_status_answer(&t->status, line, out);
}

static void listen_for_questions(struct taps *t, const char *socket)
{
    struct err err;

    t->ctl.answer = on_question;
    if (socket && ctl_open(&t->ctl, &t->loop, socket, &err) != 0)
        log_warn("nobody can ask this probe (weir show)", KV("reason", err.text));
}

/* --- open, run, close --- */

static int open_loops(struct taps *t, struct err *err)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    int r = loop_open(&t->loop, err);

    if (r == 0)
        r = signals_open(&t->signals, signals, COUNT_OF(signals), err);
    t->signals.on = on_signal;
    if (r == 0)
        r = loop_add(&t->loop, &t->signals, EPOLLIN, err);
    if (r == 0)
        r = wake_open(&t->lost, err);
    t->lost.on = on_lost;
    if (r == 0)
        r = loop_add(&t->loop, &t->lost, EPOLLIN, err);
    for (size_t i = 0; i < t->n_hands && r == 0; i++) {
        struct hand *h = &t->hands[i];
        r = loop_open(&h->loop, err);
        if (r == 0)
            r = wake_open(&h->stop, err);
        if (r == 0)
            r = loop_add(&h->loop, &h->stop, EPOLLIN, err);
    }
    return r;
}

static int open_dev(struct taps *t, size_t i, const struct live_options *o, struct err *err)
{
    struct live live[LIVE_RINGS_MAX];
    int r = live_open(live, t->n_hands, o, err);

    if (r)
        return r;
    for (size_t k = 0; k < t->n_hands; k++) {
        struct hand *h = &t->hands[k];
        struct tap *tap = tap_of(h, i);
        tap->hand = h;
        tap->live = live[k];
        tap->out.frames = on_frames;
        tap->live.io.on = on_ring;
        t->left++;
        if (r == 0)
            r = loop_add(&h->loop, &tap->live.io, EPOLLIN, err);
    }
    return r;
}

static int open_all(struct taps *t, const char *const *dev, const struct live_options *o,
                    struct err *err)
{
    int r = open_loops(t, err);

    for (size_t i = 0; i < t->n && r == 0; i++) {
        struct live_options one = *o;
        one.dev = dev[i];
        one.ring_bytes = LIVE_RING_BYTES / t->n_hands;
        if (one.ring_bytes < RING_LEAST)
            one.ring_bytes = RING_LEAST;
        r = open_dev(t, i, &one, err);
    }
    return r ? r : priv_drop(NULL, err);
}

static struct taps *taps_new(size_t n, const struct taps_options *o)
{
    struct taps *t = mem_new(1, sizeof *t);

    t->probe = o->probe;
    t->counts = o->counts;
    t->routes = o->routes;
    t->rib = o->rib;
    t->rib_path = o->rib_path;
    t->routes_fd = -1;
    t->status = o->status;
    t->status.answers = probe_answers_new(o->status.setup, o->probe);
    t->status.rib = (const struct rib *const *)o->rib;
    t->n = n;
    t->n_hands = o->threads;
    t->hands = mem_new(t->n_hands, sizeof *t->hands);
    t->taps = mem_new(n * t->n_hands, sizeof *t->taps);
    t->live = mem_new(n * t->n_hands, sizeof(*t->live));
    for (size_t i = 0; i < n * t->n_hands; i++)
        t->live[i] = &t->taps[i].live;
    for (size_t i = 0; i < t->n_hands; i++)
        t->hands[i] = (struct hand){.taps = t,
                                    .number = i,
                                    .stop = {.fd = -1, .on = on_stop},
                                    .timer = {.on = on_hand_timer}};
    t->status.live = t->live;
    t->status.n_live = n * t->n_hands;
    t->status.n_rings = t->n_hands;
    t->signals.fd = -1;
    t->lost.fd = -1;
    t->timer.on = on_timer;
    return t;
}

int taps_open(struct taps **out, const char *const *dev, size_t n, const struct taps_options *o,
              struct err *err)
{
    struct taps *t = taps_new(n, o);
    int r = open_all(t, dev, &o->live, err);

    if (r) {
        taps_close(t);
        return r;
    }
    watch_routes(t);
    listen_for_questions(t, o->socket);
    *out = t;
    return 0;
}

int taps_run(struct taps *t, struct err *err)
{
    int r = 0;

    for (size_t i = 0; i < t->n; i++)
        log_info("metering", KV("interface", t->taps[i * t->n_hands].live.dev));
    for (size_t i = 0; i < t->n_hands && r == 0; i++) {
        struct hand *h = &t->hands[i];
        h->runs = pthread_create(&h->thread, NULL, run_hand, h) == 0;
        if (!h->runs)
            r = err_set(err, ERR_SYS, "no more threads");
    }
    on_timer(&t->timer, clock_mono_ms());
    if (r == 0)
        (void)notify_send("READY=1");
    if (r == 0)
        r = loop_run(&t->loop, err);
    (void)notify_send("STOPPING=1");
    for (size_t i = 0; i < t->n_hands; i++)
        if (t->hands[i].runs)
            wake_send(&t->hands[i].stop, 1);
    for (size_t i = 0; i < t->n_hands; i++)
        if (t->hands[i].runs)
            (void)pthread_join(t->hands[i].thread, NULL);
    on_timer(&t->timer, clock_mono_ms());
    return r;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void taps_close(struct taps *t)
{
    for (size_t i = 0; i < t->n * t->n_hands; i++)
        live_close(&t->taps[i].live);
    for (size_t i = 0; i < t->n_hands; i++) {
        close_fd(t->hands[i].stop.fd);
        loop_close(&t->hands[i].loop);
    }
    close_fd(t->signals.fd);
    close_fd(t->lost.fd);
    if (t->ctl.answer)
        ctl_close(&t->ctl);
    close_fd(t->routes_fd);
    loop_close(&t->loop);
    probe_answers_free(t->status.answers);
    free((void *)t->live);
    free(t->taps);
    free(t->hands);
    free(t);
}
