/* entries: what many rows count for, by their keys, in as little memory as can be.
 *
 * An entry is the words of a packed key, then struct entry_sums: 24 bytes. Where the last word of
 * the keys is nothing but their tags, it is left out, and a number of its value takes its place:
 * few values of it occur. Entries lie in blocks of at most 4096 bytes where keys are not long.
 *
 *   plain   rows as they came; a group may be there many times
 *   table   open addressing finds the entry of a group: 2 bytes a slot, an entry's number + 1
 *
 * An entry whose sums are full stays, and another one of its group begins: then groups are not
 * unique. Not for several threads at once. */
#ifndef QUERY_ENTRIES_H
#define QUERY_ENTRIES_H

#include "query/agg.h"

#include <string.h>

enum {
    ENTRIES_BLOCK_MAX = 128,        /* entries */
    ENTRIES_TABLE_MAX = UINT16_MAX, /* entries */
    ENTRIES_TAGS_MAX = 256,
    ENTRIES_SPARE = 4 /* free blocks that a function may need */
};

struct entry_sums {
    uint64_t bytes;
    uint32_t packets;
    uint32_t flows_tags; /* 24 bits of flows, above 8 of the number of the tags */
    uint32_t first;      /* distance from a time that all entries share; UINT32_MAX: no time */
    uint32_t last;       /* the same and 1 more; 0: no time */
};

enum { ENTRY_FLOWS_MAX = (1 << 24) - 1 };

struct entries_form {
    size_t words; /* of a packed key */
    size_t kept;  /* of these, in an entry */
    size_t bytes; /* of an entry */
    uint64_t secret[2];
};

struct entries_block {
    uint8_t *at;
    uint32_t n; /* entries */
};

struct entries {
    struct entries_block *blocks; /* those of the table are full but for the last one */
    size_t n_blocks;
    size_t cap;
    size_t n;        /* entries */
    uint16_t *slots; /* NULL: plain */
    size_t n_slots;  /* a power of two */
    bool split;      /* a group may have more than one entry in the table */
};

/* Free blocks: each begins with a pointer to the next. */
struct entries_spare {
    uint8_t *first;
    size_t n;
};

void entries_form_init(struct entries_form *f, const struct keys *k);
void entries_free(struct entries *c);

/* Of the number of entries in a block. */
static inline unsigned entries_bits(size_t kept) { return kept == 1 ? 7 : 6; }

static inline size_t entries_block(const struct entries_form *f)
{
    return (size_t)1 << entries_bits(f->kept);
}

static inline size_t entries_block_bytes(const struct entries_form *f)
{
    return f->bytes * entries_block(f);
}

static inline void entries_give(struct entries_spare *s, uint8_t *block)
{
    memcpy(block, &s->first, sizeof s->first);
    s->first = block;
    s->n++;
}

static inline uint8_t *entries_take(struct entries_spare *s)
{
    uint8_t *block = s->first;

    memcpy(&s->first, block, sizeof s->first);
    s->n--;
    return block;
}

/* A block of n entries becomes one of plain ones. */
void entries_push(struct entries *c, uint8_t *block, size_t n);

/* Put n entries into the table; takes blocks of `spare`. false, and nothing done, if it is full. */
bool entries_add(const struct entries_form *f, struct entries *c, const uint8_t *from, size_t n,
                 struct entries_spare *spare) MUST_USE;

/* How many slots a table of n entries needs, at most ENTRIES_TABLE_MAX. */
size_t entries_slots(size_t n);

/* Plain ones (at most ENTRIES_TABLE_MAX) become a table with these zeroed slots, where they lie;
 * what is free then goes to `spare`. The slots stay the caller's: no entries_add() before
 * entries_untidy().
 */
void entries_tidy(const struct entries_form *f, struct entries *c, uint16_t *slots, size_t n_slots,
                  struct entries_spare *spare);

/* Plain ones again, of as many groups as the table had. */
void entries_untidy(struct entries *c);

/* Plain ones, of which each is a group, become a table with slots of its own. */
void entries_table(const struct entries_form *f, struct entries *c);

/* Its blocks are somebody else's now; a table stays one. */
void entries_empty(struct entries *c);

#endif
