#include "probe/probe.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct probe {
    const struct setup *setup;
    struct lane **lanes; /* by thread */
    size_t n_lanes;
    struct exporter **exporters;
    struct counts *counts; /* by exporter */
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
    int r = x->own_way ? 0 : way_open(&way, x, &o->way, &p->counts[i], err);
    if (r)
        return r;
    p->exporters[i] = exporter_new(x, way, &p->counts[i]);
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
    p->counts = mem_new(s->n_exporters + 1, sizeof *p->counts);
    p->n_lanes = o->threads;
    p->lanes = mem_new(p->n_lanes, sizeof *p->lanes);
    for (size_t i = 0; i < s->n_exporters && r == 0; i++)
        r = make_exporter(p, i, o, err);
    for (size_t i = 0; i < p->n_lanes && r == 0; i++)
        r = lane_new(&p->lanes[i], s, p->n_lanes, p->exporters, &o->gauge, err);
    return r;
}

int probe_new(struct probe **out, const struct setup *setup, const struct probe_options *o,
              struct err *err)
{
    struct probe *p = mem_new(1, sizeof *p);

    p->setup = setup;
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
    for (size_t i = 0; i < p->n_lanes; i++)
        lane_free(p->lanes[i]);
    for (size_t i = 0; i < p->setup->n_exporters; i++)
        exporter_free(p->exporters[i]);
    free((void *)p->lanes);
    free((void *)p->exporters);
    free(p->counts);
    free(p);
}

void probe_frames(struct probe *p, size_t thread, uint32_t ifindex, const struct frame *v, size_t n)
{
    lane_frames(p->lanes[thread], ifindex, v, n);
}

void probe_tick(struct probe *p, size_t thread, int64_t now_ms)
{
    lane_tick(p->lanes[thread], now_ms);
}

void probe_end(struct probe *p)
{
    for (size_t i = 0; i < p->n_lanes; i++)
        lane_end(p->lanes[i]);
}

void probe_set_routes(struct probe *p, const struct routes *routes)
{
    for (size_t i = 0; i < p->n_lanes; i++)
        lane_set_routes(p->lanes[i], routes);
}

void probe_set_rib(struct probe *p, const struct rib *rib)
{
    for (size_t i = 0; i < p->n_lanes; i++)
        lane_set_rib(p->lanes[i], rib);
}

/* Behind the entries of one lane come those of the next. */
static bool go_on(const struct probe *p, struct probe_place *at, uint32_t next)
{
    at->entry = next;
    if (next == 0)
        at->lane++;
    return at->lane < p->n_lanes;
}

bool probe_look(struct probe *p, size_t i, struct probe_place *at, uint32_t n,
                struct cache_out *out)
{
    return at->lane < p->n_lanes &&
           go_on(p, at, lane_look(p->lanes[at->lane], i, at->entry, n, out));
}

struct applications *probe_applications(const struct probe *p, const struct probe_place *at)
{
    return at->lane < p->n_lanes ? lane_applications(p->lanes[at->lane]) : NULL;
}

bool probe_end_some(struct probe *p, size_t i, struct probe_place *at, uint32_t n)
{
    return at->lane < p->n_lanes &&
           go_on(p, at, lane_end_some(p->lanes[at->lane], i, at->entry, n));
}

size_t probe_cache_bytes(const struct probe *p, size_t i)
{
    size_t sum = 0;

    for (size_t k = 0; k < p->n_lanes; k++)
        sum += lane_cache_bytes(p->lanes[k], i);
    return sum;
}

struct traffic probe_traffic(const struct probe *p, size_t i)
{
    struct traffic sum;

    memset(&sum, 0, sizeof sum);
    for (size_t k = 0; k < p->n_lanes; k++)
        lane_traffic(p->lanes[k], i, &sum);
    return sum;
}

const struct counts *probe_exporter_counts(const struct probe *p, size_t i)
{
    return &p->counts[i];
}

struct exporter *probe_exporter(const struct probe *p, size_t i) { return p->exporters[i]; }

struct cache_stats probe_cache_stats(const struct probe *p, size_t i)
{
    struct cache_stats sum = {0};

    for (size_t k = 0; k < p->n_lanes; k++) {
        struct cache_stats s = lane_cache_stats(p->lanes[k], i);
        sum.added += s.added;
        sum.refused += s.refused;
        sum.now += s.now;
        sum.high += s.high;
        for (int e = 0; e < CACHE_ENDS; e++)
            sum.ended[e] += s.ended[e];
    }
    return sum;
}

struct exporter_totals probe_exporter_totals(const struct probe *p, size_t i)
{
    return exporter_totals(p->exporters[i]);
}

void probe_counts(const struct probe *p, struct counts *into)
{
    for (size_t i = 0; i < p->n_lanes; i++)
        counts_sum(into, lane_counts(p->lanes[i]));
    for (size_t i = 0; i < p->setup->n_exporters; i++)
        counts_sum(into, &p->counts[i]);
}

size_t probe_section_bytes(const struct probe *p) { return lane_section_bytes(p->lanes[0]); }
