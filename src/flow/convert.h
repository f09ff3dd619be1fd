/* convert: the octets of one element in n records → one column of a batch.
 *
 * The only code that reads records without a cursor: plan.c has checked that n records of stride
 * octets, each with `len` octets at its `src`, lie in the set. */
#ifndef FLOW_CONVERT_H
#define FLOW_CONVERT_H

#include "flow/batch.h"
#include "flow/element.h"
#include "flow/plan.h"
#include "flow/quirk.h"

struct strip {
    const uint8_t *src; /* of the first record */
    size_t len;         /* octets of the element */
    size_t stride;      /* from one record to the next */
    size_t n;
};

enum convert_how {
    CONVERT_PLAIN,
    CONVERT_NARROW, /* longer on the wire than the column: only values that fit */
    CONVERT_TWIN    /* only where the column's value is zero and this one is not */
};

/* How one element fills one column. */
struct convert {
    enum conv conv;
    enum field_id field;
    enum convert_how how;
    bool uptime_of_init;  /* CONV_UPTIME counts from the row's INIT column, not from the header */
    bool uptime_raw;      /* CONV_UPTIME: the column is an uptime, no clock is known */
    enum quirk_unit unit; /* a time is in this one, whatever conv says */
    bool little;          /* the octets stand last first */
};

/* The loop for the common case: element and column are of a size and nothing has to be looked at;
 * NULL if this is not such a case. What it fills is to be marked present. */
typedef void convert_load(void *restrict dst, const uint8_t *restrict from, size_t stride,
                          size_t n);
convert_load *convert_loader(const struct convert *c, size_t len);

/* Fill rows [row, row + s->n), any case. false if there is no memory. */
bool convert_run(const struct convert *c, const struct plan_clock *clock, const struct strip *s,
                 struct batch *b, size_t row);

/* The difference is signed and of 32 bits, so that it is right over the wrap of either clock. */
static inline int64_t convert_uptime(const struct plan_clock *clock, uint64_t v)
{
    return clock->export_ms - (int32_t)(clock->uptime_ms - (uint32_t)v);
}

/* The same where the exporter's start is known, not its uptime. */
static inline int64_t convert_uptime_since(int64_t export_ms, int64_t init_ms, uint64_t v)
{
    struct plan_clock clock = {.export_ms = export_ms,
                               .uptime_ms = (uint32_t)((uint64_t)export_ms - (uint64_t)init_ms)};
    return convert_uptime(&clock, v);
}

static inline uint64_t convert_le(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = len; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static inline uint64_t convert_be(const uint8_t *p, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | p[i];
    return v;
}

/* Are the octets all zero? */
static inline bool convert_zero(const uint8_t *p, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= p[i];
    return any == 0;
}

#endif
