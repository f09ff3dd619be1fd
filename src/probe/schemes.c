#include "probe/schemes.h"

#include "probe/details.h"

#include <string.h>

struct batch_of {
    struct cache_packet packet[SCHEME_BATCH];
    uint64_t key[SCHEME_BATCH][SCHEME_KEY_MAX / sizeof(uint64_t)];
    uint64_t numbers[SCHEME_BATCH][CACHE_RUNNING_MAX];
};

void schemes_init(struct schemes *a) { *a = (struct schemes){.from = NULL}; }

void schemes_feed(struct schemes *a, struct cache *cache, const struct record *record,
                  uint8_t src_bits_min, uint8_t dst_bits_min)
{
    bool prefixes = record_wanted(record)->routes_early;

    a->v[a->n++] = (struct scheme){.cache = cache,
                                   .record = record,
                                   .prefixes = prefixes,
                                   .src_bits_min = src_bits_min,
                                   .dst_bits_min = dst_bits_min};
    a->prefixes = a->prefixes || prefixes;
}

static uint8_t at_least(uint8_t bits, uint8_t min) { return bits > min ? bits : min; }

/* Prefixes of a scheme that has masks of its own. */
static void widen(const struct scheme *a, struct facts *f, struct details *d)
{
    f->src_mask = at_least(f->src_mask, a->src_bits_min);
    f->dst_mask = at_least(f->dst_mask, a->dst_bits_min);
    d->src_prefix = details_prefix(&f->src, f->src_mask, f->ip_version);
    d->dst_prefix = details_prefix(&f->dst, f->dst_mask, f->ip_version);
}

/* What the record asks of a flow, as of a packet. */
static void make_key(const struct scheme *a, const struct scheme_flow *f, struct details *d,
                     uint64_t *key, uint64_t *numbers)
{
    d->src_prefix = f->src_net;
    d->dst_prefix = f->dst_net;
    d->flow_first_ms = f->first_ms;
    d->flow_last_ms = f->last_ms;
    if (a->src_bits_min == 0 && a->dst_bits_min == 0) {
        record_key(a->record, &f->facts, d, (uint8_t *)key);
    } else {
        struct facts facts = f->facts;
        widen(a, &facts, d);
        record_key(a->record, &facts, d, (uint8_t *)key);
    }
    record_numbers(a->record, d, numbers);
}

static void add_up(const struct scheme *a, const struct scheme_flow *v, size_t n)
{
    struct details d;
    struct batch_of b;

    memset(&d, 0, offsetof(struct details, section));
    d.flows = 1;
    for (size_t i = 0; i < n; i++) {
        make_key(a, &v[i], &d, b.key[i], b.numbers[i]);
        b.packet[i] = (struct cache_packet){.time_ms = v[i].time_ms,
                                            .hash = cache_hash(a->cache, b.key[i]),
                                            .key = b.key[i],
                                            .running = b.numbers[i],
                                            .packets = v[i].packets,
                                            .bytes = v[i].bytes};
        cache_fetch_spot(a->cache, b.packet[i].hash);
    }
    for (size_t i = 0; i < n; i++)
        cache_fetch_flow(a->cache, b.packet[i].hash);
    for (size_t i = 0; i < n; i++)
        cache_add(a->cache, &b.packet[i]);
}

void schemes_flush(struct schemes *a)
{
    for (size_t i = 0; i < a->n && a->waiting > 0; i++)
        add_up(&a->v[i], a->flows, a->waiting);
    a->waiting = 0;
}

void schemes_add(struct schemes *a, const struct cache_flow *f, int64_t now_ms)
{
    if (a->n == 0)
        return;
    struct scheme_flow *w = &a->flows[a->waiting++];
    int64_t last_ms = f->first_ms + f->age_ms;
    const struct addr v4 = addr_of_v4((const uint8_t[4]){0}); /* of it a flow has four octets */
    *w = (struct scheme_flow){.facts = {.src = v4, .dst = v4, .next_hop = v4, .bgp_next_hop = v4},
                              .first_ms = (uint64_t)f->first_ms,
                              .last_ms = (uint64_t)last_ms,
                              .packets = f->packets,
                              .bytes = f->bytes,
                              .time_ms = last_ms > now_ms ? last_ms : now_ms};
    record_facts(a->from, f, &w->facts);
    w->facts.ip_version = addr_is_v4(&w->facts.src) ? 4 : 6;
    if (a->prefixes) {
        w->src_net = details_prefix(&w->facts.src, w->facts.src_mask, w->facts.ip_version);
        w->dst_net = details_prefix(&w->facts.dst, w->facts.dst_mask, w->facts.ip_version);
    }
    if (a->waiting == SCHEME_BATCH)
        schemes_flush(a);
}
