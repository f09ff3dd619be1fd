#include "query/quick.h"

#include <string.h>

enum { AHEAD = 12 /* rows, whose groups are fetched meanwhile */ };

static struct sums *sums_of(const struct agg *a, size_t g)
{
    return (struct sums *)(void *)(agg_at(a, g) + a->keys.words);
}

int quick_add_keys(struct agg *a, const struct tally *t, size_t from, size_t n,
                   const uint64_t *packed, struct err *err)
{
    size_t words = a->keys.words;
    size_t mask;
    int r = agg_reserve(a, n, err);

    if (r)
        return r;
    mask = a->n_slots - 1;
    for (size_t i = 0; i < n; i++) {
        a->hashes[i] = agg_hash(a, packed + i * words);
        __builtin_prefetch(&a->slots[a->hashes[i] & mask]);
    }
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n) {
            uint64_t slot = a->slots[a->hashes[i + AHEAD] & mask];
            if (slot) {
                const uint64_t *group = agg_at(a, (uint32_t)slot - 1);
                __builtin_prefetch(group, 1);
                __builtin_prefetch(group + a->stride - 1, 1);
            }
        }
        size_t g = agg_find(a, packed + i * words, a->hashes[i]);
        const struct sums row = tally_at(t, from + i);
        sums_add(sums_of(a, g), &row);
        a->state[i] = (uint64_t *)(void *)(sums_of(a, g) + 1);
    }
    return 0;
}
