#include "relay/relay.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/ctl.h"
#include "net/notify.h"
#include "net/priv.h"
#include "net/raw.h"
#include "net/sock.h"
#include "relay/match.h"
#include "relay/out.h"
#include "relay/status.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENERS = 2, BATCHES = 4, TICK_MS = 1000 };

struct listener {
    struct udp udp;
    struct relay *relay;
};

struct relay {
    const struct relay_setup *setup;
    struct relay_state state;
    struct match *match;
    uint32_t *rules;         /* of one sender, where there are many */
    struct relay_raw raw[2]; /* of IPv4 and IPv6; fd -1: none */
    struct relay_out **outs;
    struct listener listeners[LISTENERS];
    size_t n_listeners;
    struct udp_batch *batch;
    struct loop loop;
    struct io signals;
    struct timer timer;
    struct ctl ctl;
    struct relay_setup anew; /* read on SIGHUP; zeroed before */
    struct relay_source *source;
    bool trace;
    bool quiet;
    int64_t last_ms; /* something came */
    uint64_t rate_datagrams;
    double per_s;
};

/* --- opening --- */

/* Would what goes there come here again? */
static bool is_here(const struct relay_setup *s, const struct relay_receiver *to)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(&to->to, 0, &ss);

    if (to->port != s->port)
        return false;
    if (!s->any)
        return addr_eq(&to->to, &s->listen);
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool ours = bind(fd, (struct sockaddr *)&ss, len) == 0; /* an address of this machine */
    (void)close(fd);
    return ours;
}

static int check_loops(const struct relay_setup *s, struct err *err)
{
    for (size_t i = 0; i < s->n_receivers; i++)
        if (is_here(s, &s->receivers[i]))
            return err_set(err, ERR_CONFIG,
                           "receiver %s is this relay itself: what it sends there would come back "
                           "for ever",
                           s->receivers[i].name);
    return 0;
}

static void on_datagrams(struct io *io, uint32_t events);

static int listen_at(struct relay *r, const struct addr *at, struct err *err)
{
    struct listener *l = &r->listeners[r->n_listeners];
    uint16_t port = r->setup->port;
    int fd;
    int bad = sock_bind(at, &port, SOCK_DGRAM, SOCK_ALONE, &fd, err);

    if (bad)
        return bad;
    udp_open(&l->udp, fd, at, port, r->setup->buffer_bytes);
    l->udp.io.on = on_datagrams;
    l->relay = r;
    r->n_listeners++;
    return loop_add(&r->loop, &l->udp.io, EPOLLIN, err);
}

static int open_listeners(struct relay *r, struct err *err)
{
    const struct addr any4 = addr_of_v4((const uint8_t[4]){0});
    const struct addr any6 = {.b = {0}};
    const struct relay_setup *s = r->setup;
    int bad = 0;

    if (!s->any)
        return listen_at(r, &s->listen, err);
    if (s->v4)
        bad = listen_at(r, &any4, err);
    if (s->v6 && bad == 0) {
        bad = listen_at(r, &any6, err);
        if (bad && s->v4) { /* a machine without IPv6 */
            log_info("no IPv6 here", KV("reason", err->text));
            bad = 0;
        }
    }
    return bad;
}

/* Both, as a receiver of the other version of IP may come later, when it is too late to ask. */
static int open_raw(struct relay *r, struct err *err)
{
    int bad = 0;

    for (int six = 0; six < 2 && bad == 0 && r->setup->keep_source; six++)
        bad = raw_open(!six, &r->raw[six].fd, err);
    return bad;
}

static int open_out(struct relay *r, const struct relay_setup *s, size_t i, struct relay_out **out,
                    struct err *err)
{
    const struct relay_receiver *to = &s->receivers[i];

    return relay_out_new(out, to, s->keep_source ? &r->raw[!addr_is_v4(&to->to)] : NULL,
                         s->no_checksum, s->buffer_bytes, err);
}

static int open_outs(struct relay *r, struct err *err)
{
    int bad = 0;

    r->outs = mem_new(r->setup->n_receivers + 1, sizeof(*r->outs));
    for (size_t i = 0; i < r->setup->n_receivers && bad == 0; i++)
        bad = open_out(r, r->setup, i, &r->outs[i], err);
    return bad;
}

int relay_new(struct relay **out, const struct relay_setup *setup, struct err *err)
{
    struct relay *r = mem_new(1, sizeof *r);

    r->setup = setup;
    r->raw[0].fd = r->raw[1].fd = r->signals.fd = -1;
    r->batch = udp_batch_new();
    r->match = match_new(setup);
    r->rules = mem_new(setup->n_rules + 1, sizeof *r->rules);
    int bad = check_loops(setup, err);
    if (bad == 0)
        bad = loop_open(&r->loop, err);
    if (bad == 0)
        bad = open_listeners(r, err);
    if (bad == 0)
        bad = open_raw(r, err);
    if (bad == 0)
        bad = open_outs(r, err);
    if (bad)
        relay_free(r);
    else
        *out = r;
    return bad;
}

void relay_free(struct relay *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_listeners; i++)
        udp_close(&r->listeners[i].udp);
    for (size_t i = 0; r->outs && i < r->setup->n_receivers; i++)
        relay_out_free(r->outs[i]);
    for (int i = 0; i < 2; i++)
        if (r->raw[i].fd >= 0)
            (void)close(r->raw[i].fd);
    if (r->signals.fd >= 0)
        (void)close(r->signals.fd);
    loop_close(&r->loop);
    free((void *)r->outs);
    match_free(r->match);
    free(r->rules);
    udp_batch_free(r->batch);
    relay_setup_free(&r->anew);
    free(r);
}

/* --- anew --- */

/* Each of the next receivers gets the way of one that was the same, or a new one. If one cannot be
 * opened, everything is as before. */
static int make_outs(struct relay *r, const struct relay_setup *next, struct relay_out **outs,
                     bool *kept, struct err *err)
{
    int bad = check_loops(next, err);
    size_t n = 0;

    for (; n < next->n_receivers && bad == 0; n++) {
        for (size_t i = 0; i < r->setup->n_receivers && !outs[n]; i++)
            if (!kept[i] && relay_out_is(r->outs[i], &next->receivers[n])) {
                kept[i] = true;
                outs[n] = r->outs[i];
            }
        if (!outs[n])
            bad = open_out(r, next, n, &outs[n], err);
    }
    for (size_t i = 0; i < n && bad; i++) {
        bool old = false;
        for (size_t k = 0; k < r->setup->n_receivers; k++)
            old = old || outs[i] == r->outs[k];
        if (!old)
            relay_out_free(outs[i]);
    }
    return bad;
}

static void put_in_place(struct relay *r, struct relay_setup *next, struct relay_out **outs,
                         const bool *kept)
{
    for (size_t i = 0; i < r->setup->n_receivers; i++)
        if (!kept[i])
            relay_out_free(r->outs[i]);
    free((void *)r->outs);
    match_free(r->match);
    free(r->rules);
    relay_setup_free(&r->anew);
    r->anew = *next;
    *next = (struct relay_setup){.port = 0};
    r->setup = &r->anew;
    r->outs = outs;
    for (size_t i = 0; i < r->setup->n_receivers; i++)
        relay_out_move(outs[i], &r->setup->receivers[i]);
    r->match = match_new(r->setup);
    r->rules = mem_new(r->setup->n_rules + 1, sizeof *r->rules);
}

static int take_over(struct relay *r, struct relay_setup *next, struct err *err)
{
    struct relay_out **outs = mem_new(next->n_receivers + 1, sizeof(*outs));
    bool *kept = mem_new(r->setup->n_receivers + 1, sizeof *kept);
    int bad = make_outs(r, next, outs, kept, err);

    if (bad)
        free((void *)outs);
    else
        put_in_place(r, next, outs, kept);
    free(kept);
    return bad;
}

static void reload(struct relay *r)
{
    struct relay_setup next = {.port = 0};
    struct err err;
    int bad = r->source->read(r->source, &next, &err);

    if (bad == 0)
        bad = take_over(r, &next, &err);
    if (bad)
        log_warn("rules and receivers stay as they were", KV("error", err.text));
    else
        log_info("rules and receivers read", KV("receivers", r->setup->n_receivers),
                 KV("rules", r->setup->n_rules));
    relay_setup_free(&next);
}

/* --- datagrams --- */

static void copy_to(struct relay *r, uint32_t rule, const struct udp_datagram *d, uint64_t sum)
{
    const struct relay_rule *x = &r->setup->rules[rule];

    for (size_t i = x->first; i < x->first + x->n; i++)
        relay_out_add(r->outs[i], d, sum);
}

static void tell(const struct udp_datagram *d, const struct match_found *found)
{
    char from[ADDR_PORT_TEXT];

    (void)addr_port_print(&d->addr, d->port, from);
    (void)fprintf(stderr, "received %zu bytes from %s, for %u rules\n", d->len, from,
                  (unsigned)found->n);
}

static void relay_one(struct relay *r, const struct udp_datagram *from)
{
    struct udp_datagram d = *from;
    struct match_found *found = match_find(r->match, &d.addr);

    r->state.datagrams++;
    r->state.bytes += d.len;
    found->datagrams++;
    found->bytes += d.len;
    if (d.len > r->setup->bytes_max) {
        d.len = r->setup->bytes_max;
        r->state.cut++;
    }
    if (r->trace)
        tell(&d, found);
    if (found->n == 0) {
        r->state.unmatched++;
        return;
    }
    bool summed = r->setup->keep_source && (!r->setup->no_checksum || !addr_is_v4(&d.addr));
    uint64_t sum = summed ? raw_sum(d.data, d.len) : 0;
    if (found->n <= MATCH_RULES) {
        for (uint32_t i = 0; i < found->n; i++)
            copy_to(r, found->rules[i], &d, sum);
        return;
    }
    size_t n = match_all(r->match, &d.addr, r->rules);
    for (size_t i = 0; i < n; i++)
        copy_to(r, r->rules[i], &d, sum);
}

static void on_datagrams(struct io *io, uint32_t events)
{
    struct listener *l = container_of(io, struct listener, udp.io);
    struct relay *r = l->relay;
    size_t n = UDP_BATCH;

    (void)events;
    for (int k = 0; k < BATCHES && n == UDP_BATCH; k++) {
        n = udp_recv(&l->udp, r->batch);
        for (size_t i = 0; i < n; i++)
            relay_one(r, udp_at(r->batch, i));
        for (size_t i = 0; i < r->setup->n_receivers && n > 0; i++)
            relay_out_flush(r->outs[i]);
    }
    if (n > 0)
        r->last_ms = r->loop.now_mono_ms;
    if (n < UDP_BATCH)
        loop_nap(&r->loop, udp_nap_us(&l->udp, r->per_s));
}

/* --- time, questions --- */

static void count_drops(struct relay *r)
{
    for (size_t i = 0; i < r->n_listeners; i++)
        r->state.kernel_drops += udp_drops(&r->listeners[i].udp);
}

static void on_timer(struct timer *t, int64_t now_ms)
{
    struct relay *r = container_of(t, struct relay, timer);
    int64_t quiet_ms = now_ms - r->last_ms;

    r->per_s = (double)(r->state.datagrams - r->rate_datagrams) * 1000 / TICK_MS;
    r->rate_datagrams = r->state.datagrams;
    count_drops(r);
    r->quiet = r->setup->quiet_ms != 0 && quiet_ms >= (int64_t)r->setup->quiet_ms;
    if (r->quiet) {
        loop_stop(&r->loop);
        return;
    }
    int64_t left_ms = r->setup->quiet_ms != 0 ? (int64_t)r->setup->quiet_ms - quiet_ms : TICK_MS;
    timer_set(&r->loop, t, now_ms + (left_ms < TICK_MS ? left_ms : TICK_MS));
}

static void on_signal(struct io *io, uint32_t events)
{
    struct relay *r = container_of(io, struct relay, signals);

    (void)events;
    int n = signals_read(io);
    if (n == SIGHUP)
        reload(r);
    else if (n != 0)
        loop_stop(&r->loop);
}

static void on_question(struct ctl *c, const char *line, struct buf *out)
{
    struct relay *r = container_of(c, struct relay, ctl);

    count_drops(r);
    r->state.per_s = r->per_s;
    relay_status_answer(&r->state, r->setup, (const struct relay_out *const *)r->outs, r->match,
                        line, out);
}

static int prepare(struct relay *r, const char *socket, struct err *err)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct err why;
    int bad = signals_open(&r->signals, signals, COUNT_OF(signals), err);

    r->signals.on = on_signal;
    if (bad == 0)
        bad = loop_add(&r->loop, &r->signals, EPOLLIN, err);
    r->ctl.answer = on_question;
    if (bad == 0 && socket && ctl_open(&r->ctl, &r->loop, socket, &why) != 0)
        log_info("nobody can ask this relay (weir show relay)", KV("reason", why.text));
    return bad ? bad : priv_drop(NULL, err);
}

int relay_run(struct relay *r, const struct relay_options *o, bool *quiet, struct err *err)
{
    int bad = prepare(r, o->socket, err);

    r->trace = o->trace;
    r->source = o->source;
    r->timer.on = on_timer;
    r->last_ms = clock_mono_ms();
    r->state.started_ms = clock_wall_ms();
    if (bad == 0) {
        on_timer(&r->timer, r->last_ms);
        (void)notify_send("READY=1");
        bad = loop_run(&r->loop, err);
    }
    if (r->ctl.open)
        ctl_close(&r->ctl);
    *quiet = r->quiet;
    return bad;
}
