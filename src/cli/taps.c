#include "cli/taps.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/ctl.h"
#include "net/loop.h"
#include "net/priv.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 16 }; /* of a ring, before others get their turn */

struct tap {
    struct taps *taps;
    struct live live;
    struct live_out out;
    uint64_t drops; /* that are counted */
    bool gone;
};

struct taps {
    struct loop loop;
    struct io signals;
    struct timer timer;
    struct probe *probe;
    struct counts *counts;
    struct ctl ctl;
    struct probe_status status;
    struct routes *routes;
    int routes_fd;            /* tells when they change; -1: nobody does */
    const struct live **live; /* for the status */
    size_t left;
    size_t n;
    struct tap tap[];
};

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
    probe_frames(t->taps->probe, (uint32_t)t->live.ifindex, f, n);
}

static void lose(struct tap *t, const char *why)
{
    t->gone = true;
    loop_del(&t->taps->loop, &t->live.io);
    log_error("interface lost", KV("interface", t->live.dev), KV("error", why));
    if (--t->taps->left == 0)
        loop_stop(&t->taps->loop);
}

static void on_ring(struct io *io, uint32_t events)
{
    struct tap *t = container_of(io, struct tap, live.io);
    struct err err;

    for (int i = 0; i < BLOCKS && live_read(&t->live, &t->out); i++)
        ;
    if ((events & EPOLLERR) && live_check(&t->live, &err) != 0)
        lose(t, err.text);
}

static void say_left_out(const struct taps *t)
{
    size_t n = routes_left_out(t->routes);

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
    if (routes_read(t->routes, &err) != 0)
        log_warn("routes not read; those before are used", KV("reason", err.text));
    else
        say_left_out(t);
}

static void on_timer(struct timer *timer, int64_t now_mono_ms)
{
    struct taps *t = container_of(timer, struct taps, timer);

    for (size_t i = 0; i < t->n; i++) {
        struct tap *tap = &t->tap[i];
        if (tap->gone)
            continue;
        live_count(&tap->live);
        uint64_t more = tap->live.drops - tap->drops;
        tap->drops = tap->live.drops;
        count_add(t->counts, COUNT_CAPTURE_DROPS, more);
        if (more > 0)
            log_warn("the kernel dropped packets", KV("interface", tap->live.dev),
                     KV("packets", more));
    }
    follow_routes(t);
    probe_tick(t->probe, clock_wall_ms());
    timer_set(&t->loop, timer, now_mono_ms + PROBE_WAIT_MS);
}

static void on_signal(struct io *io, uint32_t events)
{
    struct taps *t = container_of(io, struct taps, signals);

    (void)events;
    if (signals_read(io) != 0)
        loop_stop(&t->loop);
}

static int open_all(struct taps *t, const char *const *dev, const struct live_options *o,
                    struct err *err)
{
    static const int signals[] = {SIGINT, SIGTERM};
    int r = loop_open(&t->loop, err);

    if (r == 0)
        r = signals_open(&t->signals, signals, COUNT_OF(signals), err);
    t->signals.on = on_signal;
    if (r == 0)
        r = loop_add(&t->loop, &t->signals, EPOLLIN, err);
    for (size_t i = 0; i < t->n && r == 0; i++) {
        struct tap *tap = &t->tap[i];
        struct live_options one = *o;
        one.dev = dev[i];
        r = live_open(&tap->live, 1, &one, err);
        if (r)
            break;
        t->left++;
        tap->taps = t;
        tap->out.frames = on_frames;
        tap->live.io.on = on_ring;
        r = loop_add(&t->loop, &tap->live.io, EPOLLIN, err);
    }
    return r ? r : priv_drop(NULL, err);
}

static void on_question(struct ctl *c, const char *line, struct buf *out)
{
    struct taps *t = container_of(c, struct taps, ctl);

    for (size_t i = 0; i < t->n; i++)
        if (!t->tap[i].gone)
            live_count(&t->tap[i].live);
    probe_status_answer(&t->status, line, out);
}

static void listen_for_questions(struct taps *t, const char *socket)
{
    struct err err;

    t->ctl.answer = on_question;
    if (socket && ctl_open(&t->ctl, &t->loop, socket, &err) != 0)
        log_warn("nobody can ask this probe (weir show)", KV("reason", err.text));
}

int taps_open(struct taps **out, const char *const *dev, size_t n, const struct taps_options *o,
              struct err *err)
{
    struct taps *t = mem_new(1, sizeof *t + n * sizeof t->tap[0]);

    t->probe = o->probe;
    t->counts = o->counts;
    t->routes = o->routes;
    t->routes_fd = -1;
    t->status = o->status;
    t->live = mem_new(n, sizeof(*t->live));
    for (size_t i = 0; i < n; i++)
        t->live[i] = &t->tap[i].live;
    t->status.live = t->live;
    t->status.n_live = n;
    t->n = n;
    t->signals.fd = -1;
    t->timer.on = on_timer;
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

/* What came until now: the kernel gives up a block that is not full within LIVE_RETIRE_MS. No more
 * than the ring holds, as packets go on coming. */
static void drain(struct taps *t)
{
    struct timespec retired = {.tv_nsec = 2 * LIVE_RETIRE_MS * 1000000L};

    (void)nanosleep(&retired, NULL);
    for (size_t i = 0; i < t->n; i++) {
        struct tap *tap = &t->tap[i];
        for (size_t k = 0; k < tap->live.blocks && !tap->gone; k++)
            if (!live_read(&tap->live, &tap->out))
                break;
    }
}

int taps_run(struct taps *t, struct err *err)
{
    for (size_t i = 0; i < t->n; i++)
        log_info("metering", KV("interface", t->tap[i].live.dev));
    on_timer(&t->timer, clock_mono_ms());
    int r = loop_run(&t->loop, err);
    drain(t);
    on_timer(&t->timer, clock_mono_ms());
    return r;
}

void taps_close(struct taps *t)
{
    for (size_t i = 0; i < t->n; i++)
        live_close(&t->tap[i].live);
    if (t->signals.fd >= 0)
        (void)close(t->signals.fd);
    if (t->ctl.answer)
        ctl_close(&t->ctl);
    if (t->routes_fd >= 0)
        (void)close(t->routes_fd);
    loop_close(&t->loop);
    free((void *)t->live);
    free(t);
}
