/* tally: what the selected rows of a reader count for, a column of each measure: the quick way of
 * meter.h, where no row differs from its neighbours in how it is counted.
 *
 * One whole sampling rate for all rows in hand is multiplied in; rates that differ, or are not
 * whole, are the meter's. A column that is complete is used as it lies. */
#ifndef QUERY_TALLY_H
#define QUERY_TALLY_H

#include "query/meter.h"
#include "store/scan.h"

struct tally {
    bool raw;
    struct meter_needs needs;
    size_t n;
    const uint64_t *packets; /* n of each, in the order of the rows */
    const uint64_t *bytes;
    const uint64_t *flows; /* NULL: each row is one */
    const int64_t *first;
    const int64_t *last;
    bool timed; /* they may say something */

    struct sums sum;   /* of these rows, and */
    struct sums total; /* of all that was tallied; but for times */
    bool scaled;

    uint64_t packets_rows[BATCH_ROWS];
    uint64_t bytes_rows[BATCH_ROWS];
    uint64_t flows_rows[BATCH_ROWS];
    int64_t first_rows[BATCH_ROWS];
    int64_t last_rows[BATCH_ROWS];
    uint64_t words[2][BATCH_ROWS / 64];
    uint64_t values[2][BATCH_ROWS];
    struct tally_absent *absent; /* columns that are not needed; NULL: there was none yet */
};

/* What is not needed is taken for absent. */
void tally_init(struct tally *t, const struct meter_needs *needs, bool raw);
void tally_free(struct tally *t);

/* Columns of n selected rows; rows is NULL where they are all. *quick is false, and nothing
 * tallied, if that is the meter's. */
int tally_rows(struct tally *t, struct scan_reader *r, const uint32_t *rows, size_t n, bool *quick,
               struct err *err) MUST_USE;

/* Have these sums as row i. */
void tally_put(struct tally *t, size_t i, const struct sums *s);

/* Row i as sums. */
static inline struct sums tally_at(const struct tally *t, size_t i)
{
    return (struct sums){t->flows ? t->flows[i] : 1, t->packets[i], t->bytes[i], t->first[i],
                         t->last[i]};
}

#endif
