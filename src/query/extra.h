/* extra: what an answer needs beside filter, groups and sums, made for query.c: the stage that
 * turns and spreads records, and the aggregates of columns. */
#ifndef QUERY_EXTRA_H
#define QUERY_EXTRA_H

#include "query/acc.h"
#include "query/spec.h"

struct extra {
    struct query_extra query;
    const struct query_spec *spec;
};

/* For a spec whose columns and flags are set, which must live as long. NULL if it needs nothing. */
const struct query_extra *extra_init(struct extra *e, const struct query_spec *spec);

#endif
