/* answer: sums and aggregates of a group → a row of the asked columns.
 *
 * Groups that are not shown by themselves are put together in tallies. */
#ifndef QUERY_ANSWER_H
#define QUERY_ANSWER_H

#include "query/print.h"
#include "query/spec.h"

/* What is known of a group beside its keys. */
struct known {
    struct sums sums;
    const uint64_t *state; /* of the aggregates; NULL if there are none */
};

struct answer {
    const struct query_spec *spec;
    struct printer *printer;
    struct sums total;  /* of which shares are */
    struct sums so_far; /* of the rows so far */
    int64_t over_ms;    /* what rates are over; 0: from first packet to last */
    struct value values[COLUMNS_MAX];
};

/* Begins to print; `total` is that of all groups. */
void answer_begin(struct answer *a, const struct query_spec *spec, struct printer *p,
                  const struct sums *total);

/* Print a row; keys[] are spec->keys.n values. */
void answer_row(struct answer *a, const struct value *keys, const struct known *g);

/* One column of a group, which is no key; shares are of `total`. */
struct value answer_value(const struct query_spec *spec, size_t column, const struct known *g,
                          const struct sums *total);

/* What groups are ordered by, of one of them; not for SORT_KEY. */
struct value answer_sort_value(const struct query_spec *spec, const struct known *g);

/* A measure of a group; rates over so many milliseconds (0: from first to last). */
struct value answer_measure(const struct sums *s, enum group_measure m, int64_t over_ms);

/* The column that a chart draws: the sorted one, else bytes, else the first number. */
size_t answer_drawn(const struct query_spec *spec);

/* Keys of a row that stands for all that are not shown. */
void answer_other_keys(const struct query_spec *spec, size_t first, struct value *keys);

/* Some groups that are made of others. */
struct tallies {
    const struct aggregates *of;
    size_t n;
    struct sums *sums;
    uint64_t *states; /* NULL if there are no aggregates */
    struct aggregate_pool pool;
};

/* n empty ones. 0 or ERR_LIMIT; freed or not, tallies_free() may follow. */
int tallies_init(struct tallies *t, const struct query_spec *spec, size_t n,
                 struct err *err) MUST_USE;
void tallies_free(struct tallies *t);
int tallies_add(struct tallies *t, size_t i, const struct known *g, struct err *err) MUST_USE;
struct known tallies_get(const struct tallies *t, size_t i);

#endif
