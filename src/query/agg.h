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
    struct intern ids;
    size_t stride; /* words of a group: its keys and its sums */
    uint64_t **segments;
    size_t n_segments;
    size_t n;              /* groups */
    uint64_t *slots;       /* hash << 32 | number + 1; 0: free */
    size_t n_slots;        /* a power of two */
    struct fraction *rest; /* of each group; NULL as long as all rates are whole */
    size_t rest_cap;
    size_t limit_bytes;
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
              size_t limit_bytes) MUST_USE;
void agg_free(struct agg *a);

/* Add the rows that were last given to meter_rows(). 0 or ERR_LIMIT. */
int agg_add(struct agg *a, const struct chunk *c, struct err *err) MUST_USE;

/* Fold the fractions into the sums: once, after the last row. */
void agg_finish(struct agg *a);

struct sums agg_sums(const struct agg *a, size_t group);
const uint64_t *agg_state(const struct agg *a, size_t group);
struct value agg_key(const struct agg *a, size_t group, size_t key);
size_t agg_size(const struct agg *a);

#endif
