/* top: the first k of n things in an order, without sorting them all. */
#ifndef QUERY_TOP_H
#define QUERY_TOP_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in who knows the things: below 0 if thing a comes before b. No two things are equal, so
 * that an answer does not depend on luck: ties are broken by key or by number. */
struct order {
    int (*compare)(struct order *o, uint32_t a, uint32_t b);
};

/* The numbers of the first k (all, if k is 0) of things 0..n-1, in order. Returns how many; *out
 * is the caller's to free(), NULL if there are none or no memory for them. */
size_t top_of(struct order *o, size_t n, size_t k, uint32_t **out);

#endif
