/* agg: rows → groups with sums, in memory.
 *
 * A group is its packed keys (query/keys.h), then struct sums; groups lie one behind the other in
 * segments that stay where they are. An open-addressing table of 8-byte slots finds them: 32 bits
 * of the hash and 32 of the number, so a wrong group is hardly ever looked at, and growing reads
 * the slots alone. Rows come in chunks: hash all, then probe with slots and groups fetched ahead.
 *
 * The hash is keyed once per process: who sends flows cannot aim for collisions. Memory is bounded
 * by limit_bytes: beyond it adding gives ERR_LIMIT and the groups so far stay. One thread. */
#ifndef QUERY_AGG_H
#define QUERY_AGG_H

#include "query/keys.h"
#include "query/meter.h"

enum {
    AGG_SEGMENT_BITS = 18, /* of a group's number, within its segment */
    AGG_SEGMENT = 1 << AGG_SEGMENT_BITS
};

struct agg {
    struct keys keys;
    struct intern *ids; /* borrowed; all threads have the same */
    size_t stride;      /* words of a group: its keys, its sums, and the acc's state */
    uint64_t **segments;
    size_t n_segments;
    size_t n;              /* groups */
    size_t n_all;          /* of which these are the first in the asked order, if it is more */
    uint64_t *slots;       /* hash << 32 | number + 1; 0: free */
    size_t n_slots;        /* a power of two */
    struct fraction *rest; /* of each group; NULL as long as all rates are whole */
    size_t rest_cap;
    size_t limit_bytes;
    size_t user_limit_bytes; /* the same, unless this is one thread's share of it */
    uint64_t secret[2];

    /* Of the chunk in hand. */
    uint64_t packed[METER_CHUNK * KEYS_WORDS_MAX];
    uint32_t hashes[METER_CHUNK];
    uint64_t *state[METER_CHUNK];
    struct acc *acc;
    size_t words;
};

/* Keys that have their places (keys_place). false if there is no memory at all. */
bool agg_init(struct agg *a, const struct keys *keys, const struct query_extra *extra,
              struct intern *ids, size_t limit_bytes) MUST_USE;
void agg_free(struct agg *a);

/* Forget all groups and what memory they took. */
bool agg_clear(struct agg *a) MUST_USE;

/* Forget all groups, keep the memory. */
void agg_reset(struct agg *a);

/* Add the rows of a chunk. 0, or ERR_LIMIT: nothing was added. */
int agg_add(struct agg *a, const struct chunk *c, struct err *err) MUST_USE;

/* The same in parts, for those who have packed keys. Room for n more groups: 0 or ERR_LIMIT. */
int agg_reserve(struct agg *a, size_t n, struct err *err) MUST_USE;
uint32_t agg_hash(const struct agg *a, const uint64_t *key);

/* Fetch into the cache what agg_find() will look at: its slot, and some time later its group. */
static inline void agg_fetch(const struct agg *a, uint32_t hash)
{
    __builtin_prefetch(&a->slots[hash & (a->n_slots - 1)]);
}

/* The number of a key's group, made if there is none; after agg_reserve(). */
size_t agg_find(struct agg *a, const uint64_t *key, uint32_t hash);

/* A group that is known to be another than those that are there; only for looking at, by number.
 * 0 or ERR_LIMIT. */
int agg_append(struct agg *a, const uint64_t *key, const struct sums *s, struct err *err) MUST_USE;

/* The words of a group: keys, then struct sums. */
static inline uint64_t *agg_at(const struct agg *a, size_t g)
{
    return a->segments[g >> AGG_SEGMENT_BITS] + (g & (AGG_SEGMENT - 1)) * a->stride;
}

static inline void agg_fetch_group(const struct agg *a, uint32_t hash)
{
    uint64_t slot = a->slots[hash & (a->n_slots - 1)];

    if (slot)
        __builtin_prefetch(agg_at(a, (uint32_t)slot - 1));
}

/* Add the groups of another one with the same keys and ids, whose acc must live on. */
int agg_merge(struct agg *a, const struct agg *from, struct err *err) MUST_USE;

/* Fold the fractions into the sums: once, after the last row. */
void agg_finish(struct agg *a);

struct sums agg_sums(const struct agg *a, size_t group);
const uint64_t *agg_state(const struct agg *a, size_t group);
struct value agg_key(const struct agg *a, size_t group, size_t key);
size_t agg_size(const struct agg *a);

#endif
