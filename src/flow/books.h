/* books: what came of what was received, by sender and minute of receipt.
 *
 * A decoder enters what it does, in flow records where they can be counted, else in data sets,
 * datagrams and octets (books.def says which). A row is of a sender as its sequence is followed:
 * address, version, and engine, source id or domain; of a socket, whose drops are nobody's; or of
 * others, where there is no room.
 *
 * Rows add up: those of one sender and minute may stand in the books of several journals, and what
 * was held in one and released in another is +1 there and -1 here, both in the minute of receipt.
 *
 * Bounded: BOOKS_MAX rows of 192 octets, 28 MB, of which strangers can take BOOKS_STRANGERS_MAX;
 * what is beyond goes to a row of others in its minute, which is counted, and if there is no room
 * or memory even for that, to one that is always there. */
#ifndef FLOW_BOOKS_H
#define FLOW_BOOKS_H

#include "base/addr.h"
#include "base/count.h"
#include "base/map.h"

enum book_id {
#define BOOK(id, name, unit, help) BOOK_##id,
#include "flow/books.def"
#undef BOOK
    BOOK_N
};

struct book_info {
    const char *name;
    const char *unit;
    const char *help;
};

extern const struct book_info book_table[BOOK_N];

enum {
    BOOKS_MINUTE_MS = 60000,
    BOOKS_STRANGERS_MAX = 16384,
    BOOKS_MAX = 8 * 16384 + BOOKS_STRANGERS_MAX,
    BOOKS_OTHERS_MAX = 256 /* beyond these */
};

enum book_what { BOOK_SENDER, BOOK_SOCKET, BOOK_OTHERS, BOOK_WHATS };

/* No padding: it is hashed as bytes. */
struct book_key {
    struct addr addr; /* a sender's; else zero */
    int64_t minute_ms;
    uint32_t source;  /* as in struct exporter_key; of a socket its port */
    uint16_t version; /* 0: the header could not be read */
    uint16_t what;
};

struct book {
    struct book_key key; /* first: map.h */
    int64_t n[BOOK_N];
};

struct books {
    struct map map;
    size_t max;
    size_t max_strangers;
    size_t strangers;
    size_t others;
    uint64_t generation; /* goes up when the rows are taken: pointers to them are void then */
    bool carried;        /* nobody else has them: they are part of a decoder's saved state */
    bool beyond_journal; /* of datagrams too that could not be written to the journal */
    bool spilled;
    struct book spill;
    struct counts *counts; /* may be NULL */
};

void books_init(struct books *b, struct counts *counts);
void books_free(struct books *b);

/* The minute that a time is in, by its beginning. */
int64_t books_minute(int64_t ms);

struct book_key books_key(const struct addr *addr, uint16_t version, uint32_t source, int64_t ms);

/* Where to enter something: a row, never NULL, good until the rows are taken. `known`: whose it is
 * is no stranger. */
struct book *books_get(struct books *b, const struct book_key *key, bool known);

/* Is `row`, given out when the generation was that, still right at this time? */
static inline bool books_is(const struct books *b, const struct book *row, uint64_t generation,
                            int64_t ms)
{
    return generation == b->generation && row &&
           (uint64_t)ms - (uint64_t)row->key.minute_ms < BOOKS_MINUTE_MS;
}

/* Sums wrap rather than overflow: what a file says may be anything. */
static inline void book_add(struct book *row, enum book_id id, int64_t n)
{
    row->n[id] = (int64_t)((uint64_t)row->n[id] + (uint64_t)n);
}

void book_add_row(struct book *to, const struct book *row);

/* Refused, whatever the reason: flow records. */
int64_t book_refused(const struct book *row);

/* received - stored - refused - malformed: 0, unless something is wrong. */
int64_t book_difference(const struct book *row);

bool books_empty(const struct books *b);

/* All rows into new books, which the caller frees with books_delete(); `b` is empty then. */
struct books *books_take(struct books *b) MUST_USE;
void books_delete(struct books *b); /* NULL is fine */

/* Add all rows of `from`. */
void books_add(struct books *to, const struct books *from);

/* What is entered as stored was lost: there was no journal. */
void books_no_journal(struct books *b);

/* These books are of a journal whose file was made by decoding it again, with the books `decoded`:
 * what that did not store was not in the journal. */
void books_settle(struct books *b, const struct books *decoded);

/* By minute, what, address, version and source, as qsort() wants it. */
int book_key_compare(const struct book_key *x, const struct book_key *y);

/* Every row in that order; the caller frees the list. */
struct book **books_sorted(struct books *b, size_t *n) MUST_USE;

#endif
