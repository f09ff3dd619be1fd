/* acc: what may be plugged between the filter and the groups, and what groups may count besides
 * their sums. query.c runs them and knows no more of them than this.
 *
 *   batch → filter → rows, metered → [stage] → groups: keys, sums [acc]
 *
 * A stage takes chunks of metered rows and gives chunks on: rows left out, repeated, with other
 * sums, another time, their ends swapped. An acc has some words in each group. Each thread has its
 * own of both, made by struct query_extra. */
#ifndef QUERY_ACC_H
#define QUERY_ACC_H

#include "base/err.h"
#include "query/meter.h"

/* Rows of a batch on their way into groups. A row may stand in it several times. */
struct chunk {
    const struct batch *batch;
    const struct meter *meter;   /* of the batch: its columns of bytes and packets */
    const uint32_t *rows;        /* n of them, at most METER_CHUNK */
    size_t n;                    /* the same below: one for each of rows[] */
    const struct sums *sums;     /* what they count for */
    const struct fraction *rest; /* NULL: nothing behind the point */
    const int64_t *time;         /* NULL, or what keys cut to buckets take for the time */
    const uint64_t *swap;        /* NULL, or a bit for rows whose src_X and dst_X change places */
    const struct sums *whole;    /* NULL, or those of whole records where `sums` are of parts */
};

struct chunk_sink {
    int (*take)(struct chunk_sink *to, const struct chunk *c, struct err *err);
};

/* Embedded in who implements it. */
struct stage {
    /* Give what becomes of the chunk to `to`, in one or more chunks or none. */
    int (*run)(struct stage *s, const struct chunk *c, struct chunk_sink *to, struct err *err);
    void (*free)(struct stage *s);
};

struct acc {
    /* Begin with a group of which nothing is known but that it is there. */
    void (*init)(struct acc *a, uint64_t *state);
    /* state[i] is that of the group of c->rows[i]. */
    int (*add)(struct acc *a, const struct chunk *c, uint64_t *const *state, struct err *err);
    /* Hashes of n values (distinct_hash()) that a group has met, for aggregate `which`. */
    int (*put)(struct acc *a, uint64_t *state, size_t which, const uint64_t *hashes, size_t n,
               struct err *err);
    /* The same group in two threads; `from` is not looked at again. A group that only one thread
     * has is copied word by word, so state may point into memory of its acc, which lives on. */
    int (*merge)(struct acc *to, uint64_t *to_state, struct acc *from, const uint64_t *from_state,
                 struct err *err);
    size_t (*size)(const struct acc *a); /* memory that states point to */
    void (*free)(struct acc *a);
};

/* What a query does beyond filter, groups and sums; in struct query_spec, NULL if nothing. */
struct query_extra {
    size_t words;                                        /* of an acc's state; 0: there is none */
    struct acc *(*acc)(const struct query_extra *e);     /* a new one for a thread */
    struct stage *(*stage)(const struct query_extra *e); /* NULL, or a new one for a thread */
    struct field_set want;                               /* columns that they read */
};

#endif
