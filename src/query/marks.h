/* marks: which values each cell (cells.h) has met, of fields whose different values are counted: a
 * mark for each code of a dictionary, so that a value is hashed once and not with every row. They
 * go to the group's count when other dictionaries come. One thread. */
#ifndef QUERY_MARKS_H
#define QUERY_MARKS_H

#include "query/acc.h"
#include "query/aggregate.h"
#include "store/scan.h"

struct marks;

/* Can all of these be had this way? Those that count different values of fields can. */
bool marks_can(const struct aggregates *of);

struct marks *marks_new(const struct aggregates *of); /* never NULL */
void marks_free(struct marks *m);                     /* NULL is fine */

/* Look at the rows in hand. *coded: all fields are there as codes. *other: of other dictionaries
 * than before, so that what is marked must be taken first. */
int marks_look(struct marks *m, struct scan_reader *r, bool *coded, bool *other,
               struct err *err) MUST_USE;

/* Then: begin with so many cells without marks. false: that would be too many marks. */
bool marks_begin(struct marks *m, size_t cells) MUST_USE;

/* Mark n selected rows of these cells; rows is NULL where they are the first n. */
void marks_add(struct marks *m, const uint32_t *cell, const uint32_t *rows, size_t n);

/* Give what a cell has met to its group's state. */
int marks_take(const struct marks *m, size_t cell, struct acc *acc, uint64_t *state,
               struct err *err) MUST_USE;

#endif
