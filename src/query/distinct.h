/* distinct: how many different values were there?
 *
 * Values come as hashes of 64 bits. Up to DISTINCT_EXACT different ones are kept and the count is
 * exact (two of so few agree by chance once in 10^12). Beyond, it is a HyperLogLog of 32,768
 * registers, with Ertl's estimator (arXiv 1702.01284, algorithm 6): a standard error of 0.6 %.
 * Either way it depends on the values alone, not on their order or how they were put together. */
#ifndef QUERY_DISTINCT_H
#define QUERY_DISTINCT_H

#include "base/attr.h"
#include "query/budget.h"

#include <stdint.h>

enum { DISTINCT_EXACT = 3072 };

struct distinct {
    uint64_t *slots;  /* exact: open addressing, 0 is free; NULL when there are registers */
    uint32_t n_slots; /* a power of two */
    uint32_t n;
    uint8_t *registers;
};

/* A zeroed struct is empty. Both are false if there is no memory for it. */
bool distinct_add(struct distinct *d, uint64_t hash, struct budget *b) MUST_USE;
bool distinct_merge(struct distinct *d, const struct distinct *from, struct budget *b) MUST_USE;
void distinct_free(struct distinct *d, struct budget *b);
uint64_t distinct_count(const struct distinct *d);

/* The hash of a value: the same in every process, so that an answer is, too. */
uint64_t distinct_hash(const void *at, size_t n);
uint64_t distinct_hash_u64(uint64_t v);

#endif
