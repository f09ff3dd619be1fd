/* cells: what many rows count for, by their keys, in as little memory as can be.
 *
 * A cell is the words of a packed key, then struct cell_sums: 24 bytes. Where the last word of the
 * keys is nothing but their tags, it is left out, and a number of its value takes its place: few
 * values of it occur. Cells lie in blocks of at most 4096 bytes
 * where keys are not long.
 *
 *   plain   rows as they came; a group may be there many times
 *   table   open addressing finds the cell of a group: 2 bytes a slot, a cell's number + 1
 *
 * A cell whose sums are full stays, and another one of its group begins: then groups are not
 * unique. Not for several threads at once. */
#ifndef QUERY_CELLS_H
#define QUERY_CELLS_H

#include "query/agg.h"

#include <string.h>

enum {
    CELLS_BLOCK_MAX = 128,        /* cells */
    CELLS_TABLE_MAX = UINT16_MAX, /* cells */
    CELLS_TAGS_MAX = 256,
    CELLS_SPARE = 4 /* free blocks that a function may need */
};

struct cell_sums {
    uint64_t bytes;
    uint32_t packets;
    uint32_t flows_tags; /* 24 bits of flows, above 8 of the number of the tags */
    uint32_t first;      /* distance from a time that all cells share; UINT32_MAX: no time */
    uint32_t last;       /* the same and 1 more; 0: no time */
};

enum { CELL_FLOWS_MAX = (1 << 24) - 1 };

struct cells_form {
    size_t words; /* of a packed key */
    size_t kept;  /* of these, in a cell */
    size_t bytes; /* of a cell */
    uint64_t secret[2];
};

struct cells_block {
    uint8_t *at;
    uint32_t n; /* cells */
};

struct cells {
    struct cells_block *blocks; /* those of the table are full but for the last one */
    size_t n_blocks;
    size_t cap;
    size_t n;        /* cells */
    uint16_t *slots; /* NULL: plain */
    size_t n_slots;  /* a power of two */
    bool split;      /* a group may have more than one cell in the table */
};

/* Free blocks: each begins with a pointer to the next. */
struct cells_spare {
    uint8_t *first;
    size_t n;
};

void cells_form_init(struct cells_form *f, const struct keys *k);
void cells_free(struct cells *c);

/* Of the number of cells in a block. */
static inline unsigned cells_bits(size_t kept) { return kept == 1 ? 7 : 6; }

static inline size_t cells_block(const struct cells_form *f)
{
    return (size_t)1 << cells_bits(f->kept);
}

static inline size_t cells_block_bytes(const struct cells_form *f)
{
    return f->bytes * cells_block(f);
}

static inline void cells_give(struct cells_spare *s, uint8_t *block)
{
    memcpy(block, &s->first, sizeof s->first);
    s->first = block;
    s->n++;
}

static inline uint8_t *cells_take(struct cells_spare *s)
{
    uint8_t *block = s->first;

    memcpy(&s->first, block, sizeof s->first);
    s->n--;
    return block;
}

/* A block of n cells becomes one of plain ones. */
void cells_push(struct cells *c, uint8_t *block, size_t n);

/* Put n cells into the table; takes blocks of `spare`. false, and nothing done, if it is full. */
bool cells_add(const struct cells_form *f, struct cells *c, const uint8_t *from, size_t n,
               struct cells_spare *spare) MUST_USE;

/* How many slots a table of n cells needs, at most CELLS_TABLE_MAX. */
size_t cells_slots(size_t n);

/* Plain ones (at most CELLS_TABLE_MAX) become a table with these zeroed slots, where they lie; what
 * is free then goes to `spare`. The slots stay the caller's: no cells_add() before cells_untidy().
 */
void cells_tidy(const struct cells_form *f, struct cells *c, uint16_t *slots, size_t n_slots,
                struct cells_spare *spare);

/* Plain ones again, of as many groups as the table had. */
void cells_untidy(struct cells *c);

/* Plain ones, of which each is a group, become a table with slots of its own. */
void cells_table(const struct cells_form *f, struct cells *c);

/* Its blocks are somebody else's now; a table stays one. */
void cells_empty(struct cells *c);

#endif
