#include "query/quick.h"

#include <string.h>

enum {
    LANES = 4, /* rows that follow each other go to the same few groups: they need not wait */
    FEW = 32,  /* groups, so that their lanes stay in the first cache */
    AHEAD = 12 /* rows, whose groups are fetched meanwhile */
};

static inline void add_row(struct sums *s, const struct tally *t, size_t i)
{
    s->flows = sums_add_u64(s->flows, t->flows ? t->flows[i] : 1);
    s->packets = sums_add_u64(s->packets, t->packets[i]);
    s->bytes = sums_add_u64(s->bytes, t->bytes[i]);
    s->first_ms = t->first[i] < s->first_ms ? t->first[i] : s->first_ms;
    s->last_ms = t->last[i] > s->last_ms ? t->last[i] : s->last_ms;
}

static struct sums *sums_of(const struct agg *a, size_t g)
{
    return (struct sums *)(void *)(agg_at(a, g) + a->keys.words);
}

static void add_to_few(struct agg *a, const struct tally *t, const uint32_t *groups)
{
    struct sums lane[FEW][LANES];
    size_t whole = t->n / LANES * LANES;

    for (size_t g = 0; g < a->n; g++)
        for (size_t l = 0; l < LANES; l++)
            lane[g][l] = sums_none();
    for (size_t i = 0; i < whole; i += LANES)
#pragma GCC unroll 4
        for (size_t l = 0; l < LANES; l++)
            add_row(&lane[groups[i + l]][l], t, i + l);
    for (size_t i = whole; i < t->n; i++)
        add_row(&lane[groups[i]][0], t, i);
    for (size_t g = 0; g < a->n; g++)
        for (size_t l = 0; l < LANES; l++)
            sums_add(sums_of(a, g), &lane[g][l]);
}

void quick_add(struct agg *a, const struct tally *t, const uint32_t *groups)
{
    if (a->n <= FEW) {
        add_to_few(a, t, groups);
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (i + AHEAD < t->n)
            __builtin_prefetch(sums_of(a, groups[i + AHEAD]), 1);
        add_row(sums_of(a, groups[i]), t, i);
    }
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
            if (slot)
                __builtin_prefetch(agg_at(a, (uint32_t)slot - 1), 1);
        }
        size_t g = agg_find(a, packed + i * words, a->hashes[i]);
        add_row(sums_of(a, g), t, from + i);
    }
    return 0;
}
