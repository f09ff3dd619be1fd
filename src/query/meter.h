/* meter: what a record counts for: flows, packets and bytes by the rules of queries.
 *
 * Packets and bytes are the delta, else the total, else initiator and responder (flow/measure.h),
 * times the sampling rate unless it is absent, 0 or 1, or the user wants raw numbers. Flows are
 * not multiplied; an aggregated record (v8) counts as many flows as it says, others one.
 *
 * A rate need not be whole (1 in 1.5). Whole parts are summed as integers, so that sums are exact;
 * what is behind the point is summed apart. Sums that pass 2^64 - 1 stay there. */
#ifndef QUERY_METER_H
#define QUERY_METER_H

#include "flow/batch.h"
#include "flow/measure.h"

struct sums {
    uint64_t flows;
    uint64_t packets;
    uint64_t bytes;
    int64_t first_ms; /* SUMS_NO_FIRST if no record said */
    int64_t last_ms;  /* SUMS_NO_LAST */
};

#define SUMS_NO_FIRST INT64_MAX
#define SUMS_NO_LAST INT64_MIN

/* Parts of a packet or byte that a fractional rate leaves. */
struct fraction {
    double packets;
    double bytes;
};

static inline uint64_t sums_add_u64(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;
    return sum < a ? UINT64_MAX : sum;
}

static inline void sums_add(struct sums *to, const struct sums *from)
{
    to->flows = sums_add_u64(to->flows, from->flows);
    to->packets = sums_add_u64(to->packets, from->packets);
    to->bytes = sums_add_u64(to->bytes, from->bytes);
    to->first_ms = to->first_ms < from->first_ms ? to->first_ms : from->first_ms;
    to->last_ms = to->last_ms > from->last_ms ? to->last_ms : from->last_ms;
}

static inline struct sums sums_none(void)
{
    return (struct sums){.first_ms = SUMS_NO_FIRST, .last_ms = SUMS_NO_LAST};
}

/* Add what fractions came to, rounded. */
void sums_add_fraction(struct sums *s, const struct fraction *rest);

/* Per second and per packet, as nfdump has them: 0 where there is nothing to divide by. */
double sums_bps(const struct sums *s);
double sums_pps(const struct sums *s);
double sums_bpp(const struct sums *s);

enum { METER_CHUNK = 1024 }; /* rows at a time: what is known of them stays in the cache */

struct meter {
    bool raw;

    /* Of the batch in hand, by its rows. */
    struct measure_col packets;
    struct measure_col bytes;
    uint64_t *room; /* where they are worked out if no column has them ready */
    size_t room_rows;

    /* Of the chunk of rows in hand. */
    struct sums sums[METER_CHUNK];
    struct fraction rest[METER_CHUNK]; /* only if `fractions` */
    bool fractions;

    /* Of all chunks. */
    struct sums total;
    struct fraction total_rest;
    bool scaled; /* a rate that is not 1 was met */
};

/* What of sums is looked at, beside flows: the rest need not be read. */
struct meter_needs {
    bool packets;
    bool bytes;
    bool times;
};

void meter_init(struct meter *m, bool raw);
void meter_free(struct meter *m);

/* The fields that are read for it. Where one is not there, it counts as absent. */
void meter_fields(const struct meter_needs *needs, bool raw, struct field_set *want);

/* Look at a batch, which must stay as it is while the meter is used. */
void meter_batch(struct meter *m, const struct batch *b);

/* What the given rows of it, at most METER_CHUNK, count for. */
void meter_rows(struct meter *m, const struct batch *b, const uint32_t *rows, size_t n);

#endif
