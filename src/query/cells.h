/* cells: rows added up by their cell (coder.h), as long as cells mean the same. They become groups
 * when other dictionaries come: a key is packed and a group looked for once a cell, not once a row,
 * and cells lie closer together than groups. One thread. */
#ifndef QUERY_CELLS_H
#define QUERY_CELLS_H

#include "query/tally.h"

struct cells {
    struct sums *sums; /* of n cells; those without flows were not met */
    size_t n;
    size_t cap;
    struct sums all; /* of all cells, but for times */
};

void cells_free(struct cells *c);

/* Begin with n empty ones; with none if there is no memory for so many. */
void cells_begin(struct cells *c, size_t n);

/* Was any met? */
static inline bool cells_any(const struct cells *c) { return c->all.flows > 0; }

/* Add the rows of `t` to these cells. */
void cells_add(struct cells *c, const struct tally *t, const uint32_t *cell);

/* Take the next cells that were met, from number *at on, at most METER_CHUNK of them, as rows of
 * `t` with their numbers. How many they are; 0: no more. */
size_t cells_take(const struct cells *c, size_t *at, struct tally *t, uint32_t *cell);

#endif
