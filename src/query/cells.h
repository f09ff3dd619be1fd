/* cells: rows added up by their cell (coder.h), as long as cells mean the same. They become groups
 * when other dictionaries come: a key is packed and a group looked for once a cell, not once a row,
 * and cells lie closer together than groups. One thread. */
#ifndef QUERY_CELLS_H
#define QUERY_CELLS_H

#include "query/tally.h"

struct cell_counts {
    uint64_t flows; /* 0: it was not met */
    uint64_t packets;
    uint64_t bytes;
};

struct cell_times {
    int64_t first;
    int64_t last;
};

struct cells {
    struct cell_counts *counts; /* of n cells */
    struct cell_times *times;   /* if they are timed */
    bool timed;
    size_t n;
    size_t cap;
    size_t times_cap;
    struct sums all; /* of all cells, but for times */
};

void cells_free(struct cells *c);

/* Begin with n empty ones; with none if there is no memory for so many. Not timed: no times are
 * kept. */
void cells_begin(struct cells *c, size_t n, bool timed);

/* Was any met? */
static inline bool cells_any(const struct cells *c) { return c->all.flows > 0; }

/* Add the rows of `t` to these cells. */
void cells_add(struct cells *c, const struct tally *t, const uint32_t *cell);

/* Take the next cells that were met, from number *at on, at most METER_CHUNK of them, as rows of
 * `t` with their numbers. How many they are; 0: no more. */
size_t cells_take(const struct cells *c, size_t *at, struct tally *t, uint32_t *cell);

#endif
