#include "query/agg.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SUMS_WORDS = sizeof(struct sums) / sizeof(uint64_t),
    WORD = sizeof(uint64_t),
    FIRST_SLOTS = 4096,
    HUGE_PAGE = 2 * 1024 * 1024,
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

/* Zeroed memory on huge pages where the system has them: groups are met at random, and with small
 * pages most of the time goes into finding them. NULL if there is none. */
static void *big_new(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (bytes >= HUGE_PAGE)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* works without, too */
    return p;
}

static void big_free(void *p, size_t bytes)
{
    if (p)
        (void)munmap(p, bytes);
}

static size_t segment_bytes(const struct agg *a) { return AGG_SEGMENT * a->stride * WORD; }

bool agg_init(struct agg *a, const struct keys *keys, const struct query_extra *extra,
              size_t limit_bytes)
{
    a->keys = *keys;
    intern_init(&a->ids, limit_bytes);
    a->words = extra ? extra->words : 0;
    a->acc = a->words ? extra->acc(extra) : NULL;
    a->stride = keys->words + SUMS_WORDS + a->words;
    a->segments = NULL;
    a->n_segments = 0;
    a->n = 0;
    a->n_slots = FIRST_SLOTS;
    a->rest = NULL;
    a->rest_cap = 0;
    a->limit_bytes = limit_bytes;
    for (uint64_t i = 0; i < 2; i++)
        a->secret[i] = hash_keyed(&i, sizeof i) | 1;
    a->slots = big_new(a->n_slots * WORD);
    return a->slots != NULL;
}

void agg_free(struct agg *a)
{
    if (a->acc)
        a->acc->free(a->acc);
    for (size_t i = 0; i < a->n_segments; i++)
        big_free(a->segments[i], segment_bytes(a));
    big_free(a->slots, a->n_slots * WORD);
    intern_free(&a->ids);
    free(a->segments);
    free(a->rest);
    a->segments = NULL;
    a->slots = NULL;
    a->rest = NULL;
    a->n = a->n_segments = 0;
}

static inline uint64_t *group_at(const struct agg *a, size_t g)
{
    return a->segments[g >> AGG_SEGMENT_BITS] + (g & (AGG_SEGMENT - 1)) * a->stride;
}

/* What has been touched: a new segment takes no memory until groups are in it. */
static size_t size_with(const struct agg *a, size_t n, size_t n_slots)
{
    return n * a->stride * WORD + n_slots * WORD + a->rest_cap * sizeof *a->rest +
           intern_size(&a->ids);
}

size_t agg_size(const struct agg *a) { return size_with(a, a->n, a->n_slots); }

static int over_limit(const struct agg *a, struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "%zu groups fill the memory limit of %zu MB; ask for a shorter time, filter "
                   "more, group by fewer or masked fields (src_addr/24), or raise --memory",
                   a->n, a->limit_bytes / 1000000);
}

static bool slots_grow(struct agg *a)
{
    size_t n = a->n_slots * 2;
    size_t mask = n - 1;
    uint64_t *slots = big_new(n * WORD);

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
    big_free(a->slots, a->n_slots * WORD);
    a->slots = slots;
    a->n_slots = n;
    return true;
}

static bool segment_add(struct agg *a)
{
    uint64_t *segment = big_new(segment_bytes(a));

    if (!segment)
        return false;
    a->segments = mem_resize(a->segments, a->n_segments + 1, sizeof *a->segments);
    a->segments[a->n_segments++] = segment;
    return true;
}

/* Room for n more groups, should all rows of a chunk be new ones. */
static int reserve(struct agg *a, size_t n, struct err *err)
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

static inline void hash_rows(struct agg *a, size_t n, const size_t words)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t *k = a->packed + i * words;
        uint64_t h = a->secret[0];
        for (size_t w = 0; w < words; w += 2)
            h = fold(k[w] ^ h, (w + 1 < words ? k[w + 1] : 0) ^ a->secret[1]);
        a->hashes[i] = (uint32_t)fold(h ^ a->secret[1], UINT64_C(0x9e3779b97f4a7c15));
    }
}

/* The group of packed row i, made if there is none. */
static inline size_t find(struct agg *a, size_t i, const size_t words)
{
    const uint64_t *key = a->packed + i * words;
    size_t mask = a->n_slots - 1;
    size_t s = a->hashes[i] & mask;

    for (uint64_t slot; (slot = a->slots[s]) != 0; s = (s + 1) & mask) {
        size_t g = (uint32_t)slot - 1;
        if (slot >> 32 == a->hashes[i] && same(group_at(a, g), key, words))
            return g;
    }
    size_t g = a->n++;
    uint64_t *group = group_at(a, g);
    const struct sums none = sums_none();
    for (size_t w = 0; w < words; w++)
        group[w] = key[w];
    memcpy(group + words, &none, sizeof none);
    a->slots[s] = (uint64_t)a->hashes[i] << 32 | (g + 1);
    return g;
}

static inline void fetch(const struct agg *a, size_t i, size_t n)
{
    size_t mask = a->n_slots - 1;

    if (i + FETCH_SLOT < n)
        __builtin_prefetch(&a->slots[a->hashes[i + FETCH_SLOT] & mask]);
    if (i + FETCH_GROUP < n) {
        uint64_t slot = a->slots[a->hashes[i + FETCH_GROUP] & mask];
        if (slot) {
            const uint64_t *group = group_at(a, (uint32_t)slot - 1);
            __builtin_prefetch(group);
            __builtin_prefetch(group + a->stride - 1);
        }
    }
}

__attribute__((always_inline)) static inline void add_rows(struct agg *a, const struct chunk *m,
                                                           size_t n, const size_t words)
{
    hash_rows(a, n, words);
    for (size_t i = 0; i < n; i++) {
        struct sums s;
        fetch(a, i, n);
        size_t g = find(a, i, words);
        uint64_t *at = group_at(a, g) + words;
        memcpy(&s, at, sizeof s);
        sums_add(&s, &m->sums[i]);
        memcpy(at, &s, sizeof s);
        a->state[i] = at + SUMS_WORDS;
        if (m->rest) {
            a->rest[g].packets += m->rest[i].packets;
            a->rest[g].bytes += m->rest[i].bytes;
        }
    }
}

int agg_add(struct agg *a, const struct chunk *c, struct err *err)
{
    size_t n = c->n;
    size_t others = agg_size(a) - intern_size(&a->ids);

    a->ids.limit_bytes = a->limit_bytes > others ? a->limit_bytes - others : 0;
    if (!keys_pack(&a->keys, &a->ids, c, a->packed))
        return over_limit(a, err);
    int r = reserve(a, n, err);
    if (!r && c->rest)
        r = rest_reserve(a, n, err);
    if (r)
        return r;
    add_rows(a, c, n, a->keys.words);
    return a->acc ? a->acc->add(a->acc, c, a->state, err) : 0;
}

const uint64_t *agg_state(const struct agg *a, size_t group)
{
    return a->words ? group_at(a, group) + a->keys.words + SUMS_WORDS : NULL;
}

void agg_finish(struct agg *a)
{
    for (size_t g = 0; g < a->n && g < a->rest_cap; g++) {
        struct sums s = agg_sums(a, g);
        sums_add_fraction(&s, &a->rest[g]);
        memcpy(group_at(a, g) + a->keys.words, &s, sizeof s);
    }
    free(a->rest);
    a->rest = NULL;
    a->rest_cap = 0;
}

struct sums agg_sums(const struct agg *a, size_t group)
{
    struct sums s;

    memcpy(&s, group_at(a, group) + a->keys.words, sizeof s);
    return s;
}

struct value agg_key(const struct agg *a, size_t group, size_t key)
{
    return keys_value(&a->keys, key, &a->ids, group_at(a, group));
}
