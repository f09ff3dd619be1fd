/* parts: rows on their way into many groups, kept apart by their hash.
 *
 * Groups that do not fit the caches are made in two steps: rows, as entries (query/entries.h), are
 * put down by PARTS ranges of the hash; when all are there, each part is small enough that its
 * groups are made within the cache, and threads take parts as they please. Each thread fills a
 * block of its own for each part; full blocks go to the part, which all threads share:
 *
 *   rows    blocks follow each other. Once there are some, a few parts try whether there are far
 *           fewer groups than rows; when that is so, all become
 *   groups  a few blocks at a time are added to the groups, so that these come into the cache for
 *           many rows
 *
 * Beyond a limit parts are written to a file without a name, and come back when their groups are
 * made. Locks: one of a part, held for a block; and one of all the rest, beneath which a part's may
 * be taken. */
#ifndef QUERY_PARTS_H
#define QUERY_PARTS_H

#include "query/entries.h"
#include "query/tally.h"

enum { PARTS_BITS = 10, PARTS = 1 << PARTS_BITS };

struct parts;
struct parts_in; /* one thread's way to them */

/* Never NULL. Beyond limit_bytes there is the file. */
struct parts *parts_new(const struct keys *k, size_t limit_bytes);
void parts_free(struct parts *p);

struct parts_in *parts_in_new(struct parts *p); /* never NULL */
void parts_in_free(struct parts_in *in);

/* Put down rows [from, from + n) of `t` with packed keys and hashes. Rows that an entry cannot hold
 * (large numbers, other times) are left over: their numbers, *n_left of them, are in left[] counted
 * from `from`. 0, ERR_LIMIT, or ERR_SYS for a file that cannot be written. */
int parts_add(struct parts_in *in, const struct tally *t, size_t from, size_t n,
              const uint64_t *packed, const uint32_t *hashes, uint32_t *left, size_t *n_left,
              struct err *err) MUST_USE;

/* Put down all groups of `a` and empty it, if entries can hold them all. */
int parts_take(struct parts_in *in, struct agg *a, struct err *err) MUST_USE;

/* What this thread's blocks still have goes to the parts. */
int parts_over(struct parts_in *in, struct err *err) MUST_USE;

/* Has anything been put down? How much of it went to the file? */
bool parts_any(const struct parts *p);
uint64_t parts_spilled(const struct parts *p);

/* All threads are over: from now on each part is one thread's, and nothing goes to the file. */
void parts_end(struct parts *p);

/* Make one part's groups where its rows lie, if that can be: each entry is
 * a group then. 0 or ERR_LIMIT. */
int parts_make(struct parts_in *in, size_t part, bool *made, struct err *err) MUST_USE;
const struct entries *parts_entries(const struct parts *p, size_t part);
size_t parts_entry_bytes(const struct parts *p);
void parts_entry(const struct parts *p, const uint8_t *entry, uint64_t *key);
struct sums parts_sums(const struct parts *p, const uint8_t *entry);

/* Or add all rows of one part to `a`: 0, ERR_LIMIT, or an error of the file. */
int parts_groups(const struct parts *p, size_t part, struct agg *a, struct err *err) MUST_USE;

static inline size_t parts_of(uint32_t hash) { return hash >> (32 - PARTS_BITS); }

#endif
