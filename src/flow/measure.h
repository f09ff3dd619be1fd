/* measure: what bytes, packets, duration and rates of a flow mean in questions.
 *
 * Counters and times are stored as they came, in several forms; filters, groups and totals mean
 *
 *   bytes     bytes, else bytes_total, else initiator_bytes + responder_bytes (what is there)
 *   packets   the same of packets
 *   duration  last_ms - first_ms, else last_uptime_ms - first_uptime_ms, else duration_ms; a span
 *             that ends before it begins counts as not there
 *   bps, pps  bits and packets a second over the duration; absent where that is absent or 0
 *   bpp       bytes a packet; absent where there are no packets
 *
 * Values are those on the wire: sampling is the caller's business. This is the only place that
 * knows these rules. */
#ifndef FLOW_MEASURE_H
#define FLOW_MEASURE_H

#include "flow/batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum measure { MEASURE_BYTES, MEASURE_PACKETS, MEASURE_DURATION_MS, MEASURE_N };

enum ratio { RATIO_BPS, RATIO_PPS, RATIO_BPP, RATIO_N };

/* A column of values and its presence bits. A value whose bit is clear, and bits behind the last
 * row, are not to be read. */
struct measure_col {
    const uint64_t *v;
    const uint64_t *seen;
};

/* Memory of the caller's for as many rows as are asked for: n values, (n + 63) / 64 words. */
struct measure_room {
    uint64_t *v;
    uint64_t *seen;
};

/* Add the columns that a measure or a ratio is made from. */
void measure_fields(enum measure m, struct field_set *out);
void ratio_fields(enum ratio r, struct field_set *out);

/* One row's value; false (and *v = 0) if absent. */
bool measure_at(const struct batch *b, enum measure m, size_t row, uint64_t *v);
bool ratio_at(const struct batch *b, enum ratio r, size_t row, double *v);

/* Rows [from, from + n) as a column; `from` is a multiple of 64. Where the batch has only the
 * column of deltas, that column itself is given, else `room` filled. */
struct measure_col measure_get(const struct batch *b, enum measure m, size_t from, size_t n,
                               struct measure_room room);

/* The same of a ratio, into v[n] and seen[(n + 63) / 64]. Values whose bit is clear are 0. */
void ratio_get(const struct batch *b, enum ratio r, size_t from, size_t n, double *v,
               uint64_t *seen);

#endif
