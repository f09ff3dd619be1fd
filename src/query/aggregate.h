/* aggregate: what is known of a group beside its sums: averages, smallest and largest values,
 * percentiles, counts of different values.
 *
 * The state of a group is some 8-byte words, zero at first, which whoever keeps groups may copy
 * but not look into: they may point to memory that belongs to the aggregates. Several columns can
 * be of one aggregate (all percentiles of bytes are). A record whose packets and bytes are spread
 * over several rows counts once, with the row that has its flow. */
#ifndef QUERY_AGGREGATE_H
#define QUERY_AGGREGATE_H

#include "query/budget.h"
#include "query/source.h"

enum { AGGREGATES_MAX = 32 };

enum aggregate_fn {
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_QUANTILE,
    AGGREGATE_DISTINCT
};

struct aggregate {
    enum aggregate_fn fn;
    struct source of;
    size_t word; /* where its state begins */
};

struct aggregates {
    struct aggregate at[AGGREGATES_MAX];
    size_t n;
    size_t words; /* of a group's state */
};

/* The number of an aggregate, which is added if it is not there; false if there are too many. */
bool aggregates_want(struct aggregates *a, enum aggregate_fn fn, struct source of,
                     size_t *out) MUST_USE;

/* The fields that they read. */
void aggregates_fields(const struct aggregates *a, struct field_set *want);

/* Holds what states point to. States of one may be merged into those of another. */
struct aggregate_pool {
    struct budget budget;
    struct held *held;
};

void aggregate_pool_free(struct aggregate_pool *p);

/* Add the rows of a chunk, each to the state of its group. false if the budget is spent. */
bool aggregates_add(const struct aggregates *a, const struct chunk *c, uint64_t *const *states,
                    struct aggregate_pool *p) MUST_USE;

/* Add n values, as hashes, to what aggregate `i`, which is AGGREGATE_DISTINCT, has met. The same.
 */
bool aggregates_put(const struct aggregates *a, size_t i, uint64_t *state, const uint64_t *hashes,
                    size_t n, struct aggregate_pool *p) MUST_USE;

/* Add one group's state to another's, and leave the first as it is. */
bool aggregates_merge(const struct aggregates *a, uint64_t *to, const uint64_t *from,
                      struct aggregate_pool *p) MUST_USE;

/* What came of aggregate `i`; `part` is that of AGGREGATE_QUANTILE (0.95). VALUE_NONE if no record
 * had a value. */
struct value aggregates_value(const struct aggregates *a, size_t i, const uint64_t *state,
                              double part);

#endif
