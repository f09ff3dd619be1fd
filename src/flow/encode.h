/* encode: rows of a batch → data records of a layout; what flow/plan does, the other way.
 *
 * A layout is compiled once into moves, a loop for each: no branch per value but for its presence.
 * An absent value is written as zeros. Elements that have no column, or whose column has another
 * element's values, come as octets beside the batch. */
#ifndef FLOW_ENCODE_H
#define FLOW_ENCODE_H

#include "base/err.h"
#include "flow/batch.h"
#include "wire/layout.h"

struct encode_clock {
    int64_t export_ms; /* UTC, of the message's header */
    uint32_t uptime_ms;
};

/* What is encoded. */
struct encode_rows {
    const struct batch *batch;
    const uint8_t *octets; /* of row i from i * stride on; NULL: every element has its column */
    size_t stride;
};

enum { ENCODE_COLUMN = UINT16_MAX, ENCODE_ZERO = UINT16_MAX - 1 };

struct encode;

/* octets: for each field of the layout where its octets begin in those of a row, or ENCODE_COLUMN,
 * or ENCODE_ZERO; NULL: all have columns. ERR_CONFIG: an element that has no column, or that is not
 * written with this length: `err` names it. Of variable length is only what is ENCODE_ZERO: empty.
 * FIXED_* elements without a column are padding. */
int encode_new(struct encode **out, const struct layout *l, const uint16_t *octets,
               struct err *err) MUST_USE;
void encode_free(struct encode *e);

size_t encode_record_len(const struct encode *e);

/* Rows [from, from + n) as n records at `out`. Returns how many values did not fit their element:
 * counters and interfaces are written as the largest that does, AS numbers as 23456 (RFC 6793). */
size_t encode_records(const struct encode *e, const struct encode_clock *clock,
                      const struct encode_rows *rows, size_t from, size_t n, uint8_t *out);

#endif
