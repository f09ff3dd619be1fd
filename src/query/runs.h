/* runs: groups put together by some of their keys: the series of an answer, the rows or columns of
 * a matrix. */
#ifndef QUERY_RUNS_H
#define QUERY_RUNS_H

#include "query/groups.h"

struct runs {
    const struct agg *agg;
    uint32_t *groups; /* all of them, those of a run together, in no order */
    uint32_t *begin;  /* run i is groups[begin[i]] to groups[begin[i + 1]] */
    size_t n;
    struct tallies totals; /* of each run */
    uint32_t *best;        /* runs in the asked order, the first spec->top */
    size_t n_best;
    uint8_t *is_best; /* of each run */
};

/* Runs of groups that agree in keys [from, to). 0 or ERR_LIMIT; runs_free() in any case. */
int runs_make(struct runs *r, const struct agg *a, const struct query_spec *spec, size_t from,
              size_t to, struct err *err) MUST_USE;
void runs_free(struct runs *r);

#endif
