/* parts: rows on their way into many groups, kept apart by their hash.
 *
 * Groups that do not fit the caches are made in two steps: rows, as packed keys and what they count
 * for, are put down by PARTS ranges of the hash; when all are there, each part is small enough that
 * its groups are made within the cache, and threads take parts as they please.
 *
 *   entry    the words of the packed key, then struct entry: 24 bytes
 *   block    BLOCK_BYTES of entries of one part
 *
 * When much has come, entries of the same group are put together, if that makes them fewer.
 * Beyond the limit that threads share, full blocks go to a file without a name and come back when
 * their part is made into groups. One writer; anybody may read when all writing is over. */
#ifndef QUERY_PARTS_H
#define QUERY_PARTS_H

#include "query/agg.h"
#include "query/tally.h"

#include <stdatomic.h>

enum { PARTS_BITS = 10, PARTS = 1 << PARTS_BITS };

/* What all threads' parts take. */
struct parts_room {
    atomic_size_t used_bytes;
    size_t limit_bytes; /* to keep within, by writing to a file */
    size_t tidy_bytes;  /* of a thread, from which on putting together is tried */
    const char *folder; /* for it */
    atomic_uint_fast64_t spilled_bytes;
};

struct parts;

struct parts *parts_new(size_t words, struct parts_room *room); /* never NULL */
void parts_free(struct parts *p);

/* Put down rows [from, from + n) of `t` with packed keys and hashes. Rows that an entry cannot hold
 * (numbers above 32 bits, other times) are left over: their numbers, *n_left of them, are in left[]
 * counted from `from`. 0, or ERR_SYS for a file that cannot be written. */
int parts_add(struct parts *p, const struct tally *t, size_t from, size_t n, const uint64_t *packed,
              const uint32_t *hashes, uint32_t *left, size_t *n_left, struct err *err) MUST_USE;

/* Put entries of the same group together, if enough has come since the last time; `a` is for
 * working in. 0, ERR_LIMIT or ERR_SYS. */
int parts_tidy(struct parts *p, struct agg *a, struct err *err) MUST_USE;

/* Add all rows of one part to `a`: 0, ERR_LIMIT, or an error of the file. */
int parts_groups(const struct parts *p, size_t part, struct agg *a, struct err *err) MUST_USE;

static inline size_t parts_of(uint32_t hash) { return hash >> (32 - PARTS_BITS); }

#endif
