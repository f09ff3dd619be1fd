/* quantile: the value that a given part of many values do not exceed.
 *
 * Up to QUANTILE_EXACT values are kept and the answer is exact. Beyond, values are counted in
 * buckets, 64 for each power of two (the exponent and the first six bits of the mantissa of a
 * double), and the answer is the middle of its bucket: less than 0.8 % off. Either way the answer
 * depends on the values alone, not on their order or on how they were put together.
 *
 * Values are finite and not negative; those below 2^-20 count as 0, those above 2^64 as that. So a
 * sketch takes at most 84 * 64 counters, 43 kB. */
#ifndef QUERY_QUANTILE_H
#define QUERY_QUANTILE_H

#include "base/attr.h"
#include "query/budget.h"

#include <stdint.h>

enum { QUANTILE_EXACT = 256 };

struct quantile {
    uint64_t n;
    double *values; /* exact: n of them, in no order; NULL when they are counted in buckets */
    size_t cap;
    uint64_t zeros;
    uint64_t *counts; /* of buckets first, first + 1, ... */
    uint32_t first;
    uint32_t n_counts;
};

/* A zeroed struct is empty. Both are false, and change nothing, if there is no memory for it. */
bool quantile_add(struct quantile *q, double v, struct budget *b) MUST_USE;
bool quantile_merge(struct quantile *q, const struct quantile *from, struct budget *b) MUST_USE;
void quantile_free(struct quantile *q, struct budget *b);

/* The smallest value that at least `part` (above 0, up to 1) of the values do not exceed (nearest
 * rank); 0 of none. Sorts what it holds. */
double quantile_at(struct quantile *q, double part);

#endif
