#include "probe/probe.h"

#include "base/mem.h"

#include <stdlib.h>

struct probe {
    const struct setup *setup;
    struct counts *counts;
    struct gauge *gauge;
    struct monitor **monitors;
    struct exporter **exporters;
    bool begun;
    int64_t now_ms;
    int64_t give_ms; /* when what has ended goes out */
    uint64_t flows;  /* that `counts` knows of */
};

/* Does the exporter send what this place meters? */
static bool serves(const struct setup *s, size_t exporter, const struct setup_place *place)
{
    const struct setup_monitor *m = &s->monitors[place->monitor];

    for (size_t i = 0; i < m->n_exporters; i++)
        if ((size_t)m->exporters[i] == exporter)
            return true;
    return false;
}

/* SETUP_NONE: nothing it sends was sampled; `several`: not all in the same way. */
static int sampler_of(const struct setup *s, size_t exporter, bool *several)
{
    int found = SETUP_NONE;
    bool any = false;

    *several = false;
    for (size_t i = 0; i < s->n_places; i++) {
        if (!serves(s, exporter, &s->places[i]))
            continue;
        *several = *several || (any && s->places[i].sampler != found);
        found = s->places[i].sampler;
        any = true;
    }
    return found;
}

static int make_exporter(struct probe *p, size_t i, const struct probe_options *o, struct err *err)
{
    const struct setup *s = p->setup;
    const struct setup_exporter *x = &s->exporters[i];
    struct way *way = o->own_way;
    bool several;
    int sampler = sampler_of(s, i, &several);

    if (several && x->version == 5)
        return err_set(err, ERR_CONFIG,
                       "flow exporter %s: NetFlow v5 says one sampling rate for all that it sends, "
                       "and its monitors have several; expected version 9 or IPFIX",
                       x->name);
    int r = x->own_way ? 0 : way_open(&way, x, &o->way, p->counts, err);
    if (r)
        return r;
    p->exporters[i] = exporter_new(x, way, p->counts);
    exporter_set_samplers(p->exporters[i], s->samplers, s->n_samplers, several);
    if (!several && sampler != SETUP_NONE)
        exporter_set_sampling(p->exporters[i], &s->samplers[sampler]);
    return 0;
}

static int make(struct probe *p, const struct probe_options *o, struct err *err)
{
    const struct setup *s = p->setup;
    int r = 0;

    p->exporters = mem_new(s->n_exporters + 1, sizeof *p->exporters);
    p->monitors = mem_new(s->n_monitors + 1, sizeof *p->monitors);
    for (size_t i = 0; i < s->n_exporters && r == 0; i++)
        r = make_exporter(p, i, o, err);
    for (size_t i = 0; i < s->n_monitors && r == 0; i++)
        r = monitor_new(&p->monitors[i], s, i, p->exporters, err);
    if (r == 0)
        p->gauge = gauge_new(s, p->monitors, p->exporters, &o->gauge, p->counts);
    return r;
}

int probe_new(struct probe **out, const struct setup *setup, const struct probe_options *o,
              struct counts *counts, struct err *err)
{
    struct probe *p = mem_new(1, sizeof *p);

    p->setup = setup;
    p->counts = counts;
    int r = make(p, o, err);
    if (r)
        probe_free(p);
    else
        *out = p;
    return r;
}

void probe_free(struct probe *p)
{
    if (!p)
        return;
    gauge_free(p->gauge);
    for (size_t i = 0; i < p->setup->n_monitors; i++)
        monitor_free(p->monitors[i]);
    for (size_t i = 0; i < p->setup->n_exporters; i++)
        exporter_free(p->exporters[i]);
    free(p->monitors);
    free(p->exporters);
    free(p);
}

/* Uptimes count from a day before the first packet: captures may hold earlier ones behind it. */
static void begin(struct probe *p, int64_t time_ms)
{
    enum { SECOND_MS = 1000, DAY_MS = 24 * 3600 * SECOND_MS };

    p->begun = true;
    p->now_ms = time_ms;
    p->give_ms = time_ms;
    for (size_t i = 0; i < p->setup->n_exporters; i++)
        exporter_boot(p->exporters[i], time_ms - time_ms % SECOND_MS - DAY_MS);
}

static void take_counts(struct probe *p)
{
    struct cache_stats sum = {0};

    for (size_t i = 0; i < p->setup->n_monitors; i++) {
        const struct cache_stats *s = cache_stats(monitor_cache(p->monitors[i]));
        sum.added += s->added;
        sum.refused += s->refused;
        sum.ended[CACHE_END_FULL] += s->ended[CACHE_END_FULL];
    }
    count_add(p->counts, COUNT_FLOWS_METERED,
              sum.added - count_get(p->counts, COUNT_FLOWS_METERED));
    count_add(p->counts, COUNT_FLOWS_EARLY,
              sum.ended[CACHE_END_FULL] - count_get(p->counts, COUNT_FLOWS_EARLY));
    count_add(p->counts, COUNT_PACKETS_REFUSED,
              sum.refused - count_get(p->counts, COUNT_PACKETS_REFUSED));
}

static void give(struct probe *p, int64_t now_ms)
{
    for (size_t i = 0; i < p->setup->n_monitors; i++)
        monitor_give(p->monitors[i], now_ms);
    for (size_t i = 0; i < p->setup->n_exporters; i++) {
        exporter_tick(p->exporters[i], now_ms);
        exporter_flush(p->exporters[i]);
    }
    take_counts(p);
    p->give_ms = now_ms + PROBE_WAIT_MS;
}

static size_t flows_now(const struct probe *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->setup->n_monitors; i++)
        n += cache_stats(monitor_cache(p->monitors[i]))->now;
    return n;
}

static void tick(struct probe *p, int64_t now_ms)
{
    p->now_ms = now_ms;
    for (size_t i = 0; i < p->setup->n_monitors; i++)
        monitor_tick(p->monitors[i], now_ms);
    if (now_ms >= p->give_ms)
        give(p, now_ms);
}

/* Nothing came from the last frame until now_ms: flows ended meanwhile, and went out then. */
static void catch_up(struct probe *p, int64_t now_ms)
{
    enum { STEP_MS = 10000 };
    int64_t at = p->now_ms;

    while (flows_now(p) > 0 && now_ms - at > STEP_MS) {
        at += STEP_MS;
        tick(p, at);
    }
    give(p, at);
}

/* How many go by before it is time to see what has ended. */
static size_t run_of(const struct frame *v, size_t n)
{
    size_t i = 1;

    while (i < n && v[i].time_ms - v[0].time_ms <= PROBE_WAIT_MS &&
           v[i].time_ms - v[i - 1].time_ms <= PROBE_WAIT_MS)
        i++;
    return i;
}

void probe_frames(struct probe *p, uint32_t ifindex, const struct frame *v, size_t n)
{
    if (!p->begun && n > 0)
        begin(p, v[0].time_ms);
    for (size_t at = 0; at < n;) {
        size_t some = run_of(v + at, n - at);
        if (v[at].time_ms - p->now_ms > PROBE_WAIT_MS)
            catch_up(p, v[at].time_ms);
        gauge_frames(p->gauge, ifindex, v + at, some);
        tick(p, v[at + some - 1].time_ms);
        at += some;
    }
}

void probe_tick(struct probe *p, int64_t now_ms)
{
    if (!p->begun)
        begin(p, now_ms);
    tick(p, now_ms);
}

void probe_end(struct probe *p)
{
    if (!p->begun)
        return;
    for (size_t i = 0; i < p->setup->n_monitors; i++)
        monitor_end(p->monitors[i], p->now_ms);
    give(p, p->now_ms);
}

const struct cache_stats *probe_cache_stats(const struct probe *p, size_t i)
{
    return cache_stats(monitor_cache(p->monitors[i]));
}

struct exporter_totals probe_exporter_totals(const struct probe *p, size_t i)
{
    return exporter_totals(p->exporters[i]);
}

size_t probe_section_bytes(const struct probe *p) { return gauge_section_bytes(p->gauge); }
