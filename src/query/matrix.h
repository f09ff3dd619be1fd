/* matrix: groups of two keys as a table, one down and one across: one column of the answer in its
 * cells, totals at its edges, and what is not among the first as "other", so that all adds up.
 * Formats for programs get a row for each cell. */
#ifndef QUERY_MATRIX_H
#define QUERY_MATRIX_H

#include "query/groups.h"

/* Returns 0 or ERR_LIMIT. */
int matrix_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err) MUST_USE;

#endif
