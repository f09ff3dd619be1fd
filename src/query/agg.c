#include "query/agg.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    SUMS_WORDS = sizeof(struct sums) / sizeof(uint64_t),
    WORD = sizeof(uint64_t),
    FIRST_SLOTS = 4096,
    FETCH_SLOT = 40, /* rows ahead */
    FETCH_GROUP = 16
};

_Static_assert(sizeof(struct sums) % sizeof(uint64_t) == 0, "groups are words");

__extension__ typedef unsigned __int128 wide;

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    wide p = (wide)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static size_t segment_bytes(const struct agg *a) { return AGG_SEGMENT * a->stride * WORD; }

bool agg_init(struct agg *a, const struct keys *keys, const struct query_extra *extra,
              struct intern *ids, size_t limit_bytes)
{
    a->keys = *keys;
    a->ids = ids;
    a->words = extra ? extra->words : 0;
    a->acc = a->words ? extra->acc(extra) : NULL;
    a->stride = keys->words + SUMS_WORDS + a->words;
    a->segments = NULL;
    a->n_segments = 0;
    a->n = 0;
    a->n_all = 0;
    a->n_slots = FIRST_SLOTS;
    a->rest = NULL;
    a->rest_cap = 0;
    a->limit_bytes = limit_bytes;
    a->user_limit_bytes = limit_bytes;
    for (uint64_t i = 0; i < 2; i++)
        a->secret[i] = hash_keyed(&i, sizeof i) | 1;
    a->slots = mem_big_new(a->n_slots * WORD);
    return a->slots != NULL;
}

static void drop_groups(struct agg *a)
{
    for (size_t i = 0; i < a->n_segments; i++)
        mem_big_free(a->segments[i], segment_bytes(a));
    mem_big_free(a->slots, a->n_slots * WORD);
    free(a->segments);
    free(a->rest);
    a->segments = NULL;
    a->slots = NULL;
    a->rest = NULL;
    a->n = a->n_segments = a->rest_cap = 0;
}

bool agg_clear(struct agg *a)
{
    drop_groups(a);
    a->n_slots = FIRST_SLOTS;
    a->slots = mem_big_new(a->n_slots * WORD);
    return a->slots != NULL;
}

void agg_reset(struct agg *a)
{
    memset(a->slots, 0, a->n_slots * WORD);
    a->n = 0;
}

void agg_free(struct agg *a)
{
    if (a->acc)
        a->acc->free(a->acc);
    a->acc = NULL;
    drop_groups(a);
}

/* What has been touched: a new segment takes no memory until groups are in it. */
static size_t size_with(const struct agg *a, size_t n, size_t n_slots)
{
    return n * a->stride * WORD + n_slots * WORD + a->rest_cap * sizeof *a->rest +
           intern_size(a->ids) + (a->acc ? a->acc->size(a->acc) : 0);
}

size_t agg_size(const struct agg *a) { return size_with(a, a->n, a->n_slots); }

static int over_limit(const struct agg *a, struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "%zu groups fill the memory limit of %zu MB; ask for a shorter time, filter "
                   "more, group by fewer or masked fields (src_addr/24), or raise --memory",
                   a->n, a->user_limit_bytes / 1000000);
}

static bool slots_grow(struct agg *a)
{
    size_t n = a->n_slots * 2;
    size_t mask = n - 1;
    uint64_t *slots = mem_big_new(n * WORD);

    if (!slots)
        return false;
    for (size_t i = 0; i < a->n_slots; i++) {
        if (!a->slots[i])
            continue;
        size_t s = a->slots[i] >> 32 & mask;
        while (slots[s])
            s = (s + 1) & mask;
        slots[s] = a->slots[i];
    }
    mem_big_free(a->slots, a->n_slots * WORD);
    a->slots = slots;
    a->n_slots = n;
    return true;
}

static bool segment_add(struct agg *a)
{
    uint64_t *segment = mem_big_new(segment_bytes(a));

    if (!segment)
        return false;
    a->segments = mem_resize(a->segments, a->n_segments + 1, sizeof *a->segments);
    a->segments[a->n_segments++] = segment;
    return true;
}

int agg_reserve(struct agg *a, size_t n, struct err *err)
{
    if (a->n + n >= UINT32_MAX || size_with(a, a->n + n, a->n_slots) > a->limit_bytes)
        return over_limit(a, err);
    if (a->n + n > a->n_segments * AGG_SEGMENT && !segment_add(a))
        return over_limit(a, err);
    while (a->n + n > a->n_slots / 8 * 5) {
        /* while it grows, old and new slots are there */
        if (size_with(a, a->n + n, a->n_slots * 3) > a->limit_bytes || !slots_grow(a))
            return over_limit(a, err);
    }
    return 0;
}

/* Room for the fractions of as many groups as there may be after n more. */
static int rest_reserve(struct agg *a, size_t n, struct err *err)
{
    size_t cap = a->rest_cap ? a->rest_cap : FIRST_SLOTS;

    while (cap < a->n + n)
        cap *= 2;
    if (cap == a->rest_cap)
        return 0;
    if (agg_size(a) + cap * sizeof *a->rest > a->limit_bytes)
        return over_limit(a, err);
    a->rest = mem_resize(a->rest, cap, sizeof *a->rest);
    memset(a->rest + a->rest_cap, 0, (cap - a->rest_cap) * sizeof *a->rest);
    a->rest_cap = cap;
    return 0;
}

static inline bool same(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static inline uint32_t hash_key(const struct agg *a, const uint64_t *k, const size_t words)
{
    uint64_t h = a->secret[0];

    for (size_t w = 0; w < words; w += 2)
        h = fold(k[w] ^ h, (w + 1 < words ? k[w + 1] : 0) ^ a->secret[1]);
    return (uint32_t)fold(h ^ a->secret[1], UINT64_C(0x9e3779b97f4a7c15));
}

static inline void hash_rows(struct agg *a, size_t n, const size_t words)
{
    for (size_t i = 0; i < n; i++)
        a->hashes[i] = hash_key(a, a->packed + i * words, words);
}

uint32_t agg_hash(const struct agg *a, const uint64_t *key)
{
    return hash_key(a, key, a->keys.words);
}

static void begin_group(struct agg *a, size_t g, const uint64_t *key, size_t words)
{
    const struct sums none = sums_none();
    uint64_t *group = agg_at(a, g);

    for (size_t w = 0; w < words; w++)
        group[w] = key[w];
    memcpy(group + words, &none, sizeof none);
    if (a->acc)
        a->acc->init(a->acc, group + words + SUMS_WORDS);
}

/* The group of a key, made if there is none. */
static inline size_t find(struct agg *a, const uint64_t *key, uint32_t hash, const size_t words)
{
    size_t mask = a->n_slots - 1;
    size_t s = hash & mask;

    for (uint64_t slot; (slot = a->slots[s]) != 0; s = (s + 1) & mask) {
        size_t g = (uint32_t)slot - 1;
        if (slot >> 32 == hash && same(agg_at(a, g), key, words))
            return g;
    }
    size_t g = a->n++;
    begin_group(a, g, key, words);
    a->slots[s] = (uint64_t)hash << 32 | (g + 1);
    return g;
}

size_t agg_find(struct agg *a, const uint64_t *key, uint32_t hash)
{
    return find(a, key, hash, a->keys.words);
}

static inline void fetch(const struct agg *a, size_t i, size_t n)
{
    size_t mask = a->n_slots - 1;

    if (i + FETCH_SLOT < n)
        __builtin_prefetch(&a->slots[a->hashes[i + FETCH_SLOT] & mask]);
    if (i + FETCH_GROUP < n) {
        uint64_t slot = a->slots[a->hashes[i + FETCH_GROUP] & mask];
        if (slot) {
            const uint64_t *group = agg_at(a, (uint32_t)slot - 1);
            __builtin_prefetch(group);
            __builtin_prefetch(group + a->stride - 1);
        }
    }
}

__attribute__((always_inline)) static inline void add_rows(struct agg *a, const struct chunk *c,
                                                           const size_t words)
{
    size_t n = c->n;

    hash_rows(a, n, words);
    for (size_t i = 0; i < n; i++) {
        struct sums s;
        fetch(a, i, n);
        size_t g = find(a, a->packed + i * words, a->hashes[i], words);
        uint64_t *at = agg_at(a, g) + words;
        memcpy(&s, at, sizeof s);
        sums_add(&s, &c->sums[i]);
        memcpy(at, &s, sizeof s);
        a->state[i] = at + SUMS_WORDS;
        if (c->rest) {
            a->rest[g].packets += c->rest[i].packets;
            a->rest[g].bytes += c->rest[i].bytes;
        }
    }
}

int agg_add(struct agg *a, const struct chunk *c, struct err *err)
{
    size_t others = agg_size(a) - intern_size(a->ids);

    atomic_store_explicit(&a->ids->limit_bytes,
                          a->limit_bytes > others ? a->limit_bytes - others : 0,
                          memory_order_relaxed);
    if (!keys_pack(&a->keys, a->ids, c, a->packed))
        return over_limit(a, err);
    int r = agg_reserve(a, c->n, err);
    if (!r && c->rest)
        r = rest_reserve(a, c->n, err);
    if (r)
        return r;
    switch (a->keys.words) { /* the usual ones with their loops unrolled */
    case 1:
        add_rows(a, c, 1);
        break;
    case 2:
        add_rows(a, c, 2);
        break;
    default:
        add_rows(a, c, a->keys.words);
        break;
    }
    return a->acc ? a->acc->add(a->acc, c, a->state, err) : 0;
}

int agg_append(struct agg *a, const uint64_t *key, const struct sums *s, struct err *err)
{
    if (a->n + 1 >= UINT32_MAX || size_with(a, a->n + 1, a->n_slots) > a->limit_bytes ||
        (a->n == a->n_segments * AGG_SEGMENT && !segment_add(a)))
        return over_limit(a, err);
    uint64_t *group = agg_at(a, a->n++);
    memcpy(group, key, a->keys.words * WORD);
    memcpy(group + a->keys.words, s, sizeof *s);
    return 0;
}

static int merge_group(struct agg *a, const struct agg *from, size_t i, struct err *err)
{
    const uint64_t *other = agg_at(from, i);
    size_t words = a->keys.words;
    size_t had = a->n;
    size_t g = find(a, other, hash_key(a, other, words), words);
    uint64_t *at = agg_at(a, g) + words;
    struct sums s;
    struct sums t;

    if (a->rest && from->rest && i < from->rest_cap) {
        a->rest[g].packets += from->rest[i].packets;
        a->rest[g].bytes += from->rest[i].bytes;
    }
    if (g == had) {
        memcpy(at, other + words, (a->stride - words) * WORD);
        return 0;
    }
    memcpy(&s, at, sizeof s);
    memcpy(&t, other + words, sizeof t);
    sums_add(&s, &t);
    memcpy(at, &s, sizeof s);
    return a->acc
               ? a->acc->merge(a->acc, at + SUMS_WORDS, from->acc, other + words + SUMS_WORDS, err)
               : 0;
}

int agg_merge(struct agg *a, const struct agg *from, struct err *err)
{
    int r = 0;

    for (size_t i = 0; i < from->n && !r; i++) {
        r = agg_reserve(a, 1, err);
        if (!r && (from->rest || a->rest))
            r = rest_reserve(a, 1, err);
        if (!r)
            r = merge_group(a, from, i, err);
    }
    return r;
}

const uint64_t *agg_state(const struct agg *a, size_t group)
{
    return a->words ? agg_at(a, group) + a->keys.words + SUMS_WORDS : NULL;
}

void agg_finish(struct agg *a)
{
    for (size_t g = 0; g < a->n && g < a->rest_cap; g++) {
        struct sums s = agg_sums(a, g);
        sums_add_fraction(&s, &a->rest[g]);
        memcpy(agg_at(a, g) + a->keys.words, &s, sizeof s);
    }
    free(a->rest);
    a->rest = NULL;
    a->rest_cap = 0;
    a->n_all = a->n;
}

struct sums agg_sums(const struct agg *a, size_t group)
{
    struct sums s;

    memcpy(&s, agg_at(a, group) + a->keys.words, sizeof s);
    return s;
}

struct value agg_key(const struct agg *a, size_t group, size_t key)
{
    return keys_value(&a->keys, key, a->ids, agg_at(a, group));
}
