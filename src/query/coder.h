/* coder: packed keys and cells of a reader's rows, by dictionary codes where columns have them.
 *
 * Each distinct value of a dictionary is packed once: its part of a key (query/keys.h). Where all
 * keys are codes and their combinations are few enough to be numbered, each is a cell: rows are
 * added up by it (query/cells.h), and a key is packed for each cell, none for a row. Otherwise rows
 * are packed from the parts and from columns of values. One thread. */
#ifndef QUERY_CODER_H
#define QUERY_CODER_H

#include "query/agg.h"
#include "store/scan.h"

struct coder;

struct coder *coder_new(const struct keys *k, struct intern *ids); /* never NULL */
void coder_free(struct coder *c);

/* Can keys be had this way at all? */
bool coder_can(const struct keys *k);

/* Have the keys of the rows in hand. *other: dictionaries are others than before, so that cells
 * are over. */
int coder_look(struct coder *c, struct scan_reader *r, bool *other, struct err *err) MUST_USE;

/* Then: go over to these dictionaries. *cells: how many there are; 0: only coder_pack() will do. */
int coder_begin(struct coder *c, size_t *cells, struct err *err) MUST_USE;

/* The cell of each of n selected rows; rows is NULL where they are the first n. */
const uint32_t *coder_cells(struct coder *c, const uint32_t *rows, size_t n);

/* The keys of n cells, into out[n][words]. */
void coder_keys(const struct coder *c, const uint32_t *cell, size_t n, uint64_t *out);

/* The keys of n (at most METER_CHUNK) of them, into out[n][words]. false if `ids` is full. */
bool coder_pack(struct coder *c, const struct batch *b, const uint32_t *rows, size_t n,
                uint64_t *out) MUST_USE;

#endif
