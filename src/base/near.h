/* near: which known word did the user probably mean? */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <stddef.h>

/* Longer words are compared by their first so many bytes. */
enum { NEAR_MAX = 64 };

struct near {
    const char *word;
    size_t len;
    const char *best;
    size_t distance;
};

struct near near_of(const char *word, size_t len);

/* Offer a known word; the first of the nearest is kept. */
void near_try(struct near *n, const char *known);

/* The nearest word tried, or NULL if none is near enough to be what was meant. */
const char *near_best(const struct near *n);

/* Insertions, deletions, substitutions and swaps of neighbours that lead from a to b. */
size_t near_distance(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
