/* quick: tallied rows → the sums of their groups. */
#ifndef QUERY_QUICK_H
#define QUERY_QUICK_H

#include "query/agg.h"
#include "query/tally.h"

/* Add rows [from, from + n) of `t`, whose packed keys are given: 0 or ERR_LIMIT. a->state
 * has the places of what an acc knows of their groups then. */
int quick_add_keys(struct agg *a, const struct tally *t, size_t from, size_t n,
                   const uint64_t *packed, struct err *err) MUST_USE;

#endif
