#include "query/entries.h"

#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    SLOTS_MIN = 256,
    AHEAD = 16 /* entries, that are fetched meanwhile */
};

__extension__ typedef unsigned __int128 wide;

/* Are tags alone in the last word? */
static bool tags_apart(const struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->at[i].word == k->words - 1 || k->at[i].tag_word != k->words - 1)
            return false;
    return k->words > 1;
}

void entries_form_init(struct entries_form *f, const struct keys *k)
{
    f->words = k->words;
    f->kept = k->words - tags_apart(k);
    f->bytes = f->kept * sizeof(uint64_t) + sizeof(struct entry_sums);
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t seed = i + 2; /* others than those of agg.c */
        f->secret[i] = hash_keyed(&seed, sizeof seed) | 1;
    }
}

void entries_free(struct entries *c)
{
    free(c->blocks);
    free(c->slots);
    *c = (struct entries){0};
}

void entries_push(struct entries *c, uint8_t *block, size_t n)
{
    if (c->n_blocks == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 8;
        c->blocks = mem_resize(c->blocks, c->cap, sizeof *c->blocks);
    }
    assert(c->blocks); /* cap is 8 at least */
    c->blocks[c->n_blocks++] = (struct entries_block){block, (uint32_t)n};
    c->n += n;
}

/* --- one entry --- */

/* With a constant number of words copying and comparing are some moves. */
ALWAYS_INLINE uint32_t hash(const struct entries_form *f, const uint8_t *entry, const size_t kept)
{
    struct entry_sums s;
    uint64_t h = f->secret[0];

    memcpy(&s, entry + kept * sizeof h, sizeof s);
    for (size_t i = 0; i < kept; i++) {
        uint64_t w;
        memcpy(&w, entry + i * sizeof w, sizeof w);
        wide p = (wide)(w ^ h) * f->secret[1];
        h = (uint64_t)p ^ (uint64_t)(p >> 64);
    }
    h = (h ^ s.flows_tags >> 24) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32);
}

ALWAYS_INLINE bool same(const uint8_t *a, const uint8_t *b, const size_t kept)
{
    struct entry_sums s;
    struct entry_sums t;
    uint64_t differ = 0;

    for (size_t i = 0; i < kept; i++) {
        uint64_t v;
        uint64_t w;
        memcpy(&v, a + i * sizeof v, sizeof v);
        memcpy(&w, b + i * sizeof w, sizeof w);
        differ |= v ^ w;
    }
    memcpy(&s, a + kept * sizeof differ, sizeof s);
    memcpy(&t, b + kept * sizeof differ, sizeof t);
    return (differ | (s.flows_tags ^ t.flows_tags) >> 24) == 0;
}

/* false, and nothing added, if a sum is full. */
ALWAYS_INLINE bool add_sums(uint8_t *to, const uint8_t *from, const size_t kept)
{
    struct entry_sums s;
    struct entry_sums t;

    memcpy(&s, to + kept * sizeof(uint64_t), sizeof s);
    memcpy(&t, from + kept * sizeof(uint64_t), sizeof t);
    uint32_t flows = t.flows_tags & ENTRY_FLOWS_MAX;
    bool full = __builtin_add_overflow(s.bytes, t.bytes, &s.bytes);
    full |= __builtin_add_overflow(s.packets, t.packets, &s.packets);
    full |= (s.flows_tags & ENTRY_FLOWS_MAX) + flows > ENTRY_FLOWS_MAX;
    if (full)
        return false;
    s.flows_tags += flows;
    s.first = t.first < s.first ? t.first : s.first;
    s.last = t.last > s.last ? t.last : s.last;
    memcpy(to + kept * sizeof(uint64_t), &s, sizeof s);
    return true;
}

/* --- the table --- */

ALWAYS_INLINE uint8_t *entry_at(const struct entries *c, size_t i, const size_t kept)
{
    const size_t bytes = kept * sizeof(uint64_t) + sizeof(struct entry_sums);
    const unsigned bits = entries_bits(kept);
    return c->blocks[i >> bits].at + (i & (((size_t)1 << bits) - 1)) * bytes;
}

/* Put one entry in; a new group at c->n, where there is room. */
ALWAYS_INLINE void put(struct entries *c, const uint8_t *from, uint32_t h, const size_t kept)
{
    const size_t bytes = kept * sizeof(uint64_t) + sizeof(struct entry_sums);
    size_t mask = c->n_slots - 1;
    size_t s = h & mask;

    for (; c->slots[s]; s = (s + 1) & mask) {
        uint8_t *at = entry_at(c, c->slots[s] - (size_t)1, kept);
        if (!same(at, from, kept))
            continue;
        if (add_sums(at, from, kept))
            return;
        c->split = true; /* the next one is found instead of it */
        break;
    }
    uint8_t *at = entry_at(c, c->n, kept);
    if (at != from)
        memmove(at, from, bytes);
    c->slots[s] = (uint16_t)++c->n;
}

size_t entries_slots(size_t n)
{
    size_t slots = SLOTS_MIN;

    while (n > slots / 4 * 3)
        slots *= 2;
    return slots;
}

ALWAYS_INLINE void fill_slots(const struct entries_form *f, struct entries *c, const size_t kept)
{
    size_t mask = c->n_slots - 1;

    for (size_t i = 0; i < c->n; i++) {
        size_t s = hash(f, entry_at(c, i, kept), kept) & mask;
        while (c->slots[s])
            s = (s + 1) & mask;
        c->slots[s] = (uint16_t)(i + 1);
    }
}

ALWAYS_INLINE void fetch(const struct entries *c, uint32_t h, const size_t kept)
{
    uint16_t slot = c->slots[h & (c->n_slots - 1)];

    if (slot)
        __builtin_prefetch(entry_at(c, slot - (size_t)1, kept), 1);
}

ALWAYS_INLINE void add(const struct entries_form *f, struct entries *c, const uint8_t *from,
                       size_t n, const size_t kept)
{
    const size_t bytes = kept * sizeof(uint64_t) + sizeof(struct entry_sums);
    uint32_t hashes[ENTRIES_BLOCK_MAX];

    for (size_t i = 0; i < n; i++) {
        hashes[i] = hash(f, from + i * bytes, kept);
        __builtin_prefetch(&c->slots[hashes[i] & (c->n_slots - 1)]);
    }
    for (size_t i = 0; i < n && i < AHEAD; i++)
        fetch(c, hashes[i], kept);
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            fetch(c, hashes[i + AHEAD], kept);
        put(c, from + i * bytes, hashes[i], kept);
    }
}

/* Plain entries, block by block, into the table that grows over them: never faster than they are
 * read. */
ALWAYS_INLINE void tidy(const struct entries_form *f, struct entries *c, const size_t kept)
{
    const size_t bytes = kept * sizeof(uint64_t) + sizeof(struct entry_sums);

    for (size_t b = 0; b < c->n_blocks; b++) {
        const uint8_t *at = c->blocks[b].at;
        for (size_t i = 0; i < c->blocks[b].n; i++, at += bytes)
            put(c, at, hash(f, at, kept), kept);
    }
}

/* The same for each usual number of words. */
#define BY_WORDS(call)               \
    switch (f->kept) {               \
    case 1: {                        \
        const size_t kept = 1;       \
        call;                        \
        break;                       \
    }                                \
    case 2: {                        \
        const size_t kept = 2;       \
        call;                        \
        break;                       \
    }                                \
    default: {                       \
        const size_t kept = f->kept; \
        call;                        \
        break;                       \
    }                                \
    }

/* Slots for n entries more: false if that is more than there may be. */
static bool slots_reserve(const struct entries_form *f, struct entries *c, size_t n)
{
    size_t want = entries_slots(c->n + n);

    if (c->n + n > ENTRIES_TABLE_MAX)
        return false;
    if (want <= c->n_slots)
        return true;
    free(c->slots);
    c->slots = mem_new(want, sizeof *c->slots);
    c->n_slots = want;
    BY_WORDS(fill_slots(f, c, kept))
    return true;
}

/* The counts of blocks, from one on, follow from that of entries. */
static void count_blocks(struct entries *c, size_t from, size_t block)
{
    for (size_t b = from; b < c->n_blocks; b++) {
        size_t left = c->n - b * block;
        c->blocks[b].n = (uint32_t)(left < block ? left : block);
    }
}

static size_t blocks_for(size_t n, size_t block) { return (n + block - 1) / block; }

bool entries_add(const struct entries_form *f, struct entries *c, const uint8_t *from, size_t n,
                 struct entries_spare *spare)
{
    size_t block = entries_block(f);
    size_t had = c->n;

    if (!slots_reserve(f, c, n))
        return false;
    while (c->n_blocks < blocks_for(had + n, block))
        entries_push(c, entries_take(spare), 0);
    BY_WORDS(add(f, c, from, n, kept))
    while (c->n_blocks > blocks_for(c->n, block))
        entries_give(spare, c->blocks[--c->n_blocks].at);
    count_blocks(c, had / block, block);
    return true;
}

void entries_tidy(const struct entries_form *f, struct entries *c, uint16_t *slots, size_t n_slots,
                  struct entries_spare *spare)
{
    size_t block = entries_block(f);

    c->slots = slots;
    c->n_slots = n_slots;
    c->split = false;
    c->n = 0;
    BY_WORDS(tidy(f, c, kept))
    while (c->n_blocks > blocks_for(c->n, block))
        entries_give(spare, c->blocks[--c->n_blocks].at);
    count_blocks(c, 0, block);
}

void entries_untidy(struct entries *c)
{
    c->slots = NULL;
    c->n_slots = 0;
}

void entries_table(const struct entries_form *f, struct entries *c)
{
    (void)slots_reserve(f, c, 0);
}

void entries_empty(struct entries *c)
{
    if (c->slots)
        memset(c->slots, 0, c->n_slots * sizeof *c->slots);
    c->n = c->n_blocks = 0;
    c->split = false;
}
