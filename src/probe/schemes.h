/* schemes: flows that end in one cache → the caches of its aggregations, as routers have them for
 * NetFlow v8: by AS, by prefix, by port.
 *
 * A flow's octets tell again what its packets' facts were (probe/record); the aggregation's record
 * makes its key of them, as if they were a packet's. Its cache's clock is that of when flows come,
 * not of when they were; the times that they had are numbers that run. Flows are taken some at a
 * time, so that each cache is waited for once and not for each of them.
 *
 * Owner: the monitor whose flows they are, and its lane's thread. */
#ifndef PROBE_SCHEMES_H
#define PROBE_SCHEMES_H

#include "probe/cache.h"
#include "probe/facts.h"
#include "probe/record.h"

enum { SCHEMES_MAX = 16, SCHEME_BATCH = 32, SCHEME_KEY_MAX = 256 };

/* All borrowed. */
struct scheme {
    struct cache *cache;
    const struct record *record;
    bool prefixes; /* are in its key */
    uint8_t src_bits_min;
    uint8_t dst_bits_min;
};

/* A flow that waits to be added up. */
struct scheme_flow {
    struct facts facts;
    struct addr src_net; /* by the facts' masks, where some scheme has prefixes */
    struct addr dst_net;
    uint64_t first_ms;
    uint64_t last_ms;
    uint64_t packets;
    uint64_t bytes;
    int64_t time_ms; /* it came */
};

struct schemes {
    const struct record *from; /* whose flows they are */
    struct scheme v[SCHEMES_MAX];
    size_t n;
    bool prefixes; /* in any */
    size_t waiting;
    struct scheme_flow flows[SCHEME_BATCH];
};

void schemes_init(struct schemes *a);

/* One more, whose masks are at least so long; at most SCHEMES_MAX. */
void schemes_feed(struct schemes *a, struct cache *cache, const struct record *record,
                  uint8_t src_bits_min, uint8_t dst_bits_min);

/* A flow that has ended at now_ms. */
void schemes_add(struct schemes *a, const struct cache_flow *f, int64_t now_ms);

/* All that waits is in the caches then. */
void schemes_flush(struct schemes *a);

#endif
