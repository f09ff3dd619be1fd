#include "query/quantile.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAP = 8,
    MANTISSA_BITS = 52,
    BUCKET_BITS = 6, /* of the mantissa */
    BUCKET_SHIFT = MANTISSA_BITS - BUCKET_BITS,
    GROW = 32 /* buckets at a time */
};

static const double SMALLEST = 0x1p-20;
static const double LARGEST = 0x1p64;

static uint32_t bucket_of(double v)
{
    uint64_t bits;

    if (v > LARGEST)
        v = LARGEST;
    memcpy(&bits, &v, sizeof bits);
    return (uint32_t)(bits >> BUCKET_SHIFT);
}

static double middle_of(uint32_t bucket)
{
    uint64_t bits = ((uint64_t)bucket << BUCKET_SHIFT) + (UINT64_C(1) << (BUCKET_SHIFT - 1));
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Counters for buckets [from, to) beside those that there are. */
static bool cover(struct quantile *q, uint32_t from, uint32_t to, struct budget *b)
{
    uint32_t end = q->first + q->n_counts;

    if (q->n_counts > 0 && from >= q->first && to <= end)
        return true;
    from -= from % GROW;
    to += (GROW - to % GROW) % GROW;
    if (q->n_counts > 0) {
        from = from < q->first ? from : q->first;
        to = to > end ? to : end;
    }
    size_t n = to - from;
    if (!budget_take(b, (n - q->n_counts) * sizeof *q->counts))
        return false;
    uint64_t *counts = calloc(n, sizeof *counts);
    if (!counts) {
        budget_give(b, (n - q->n_counts) * sizeof *q->counts);
        return false;
    }
    if (q->n_counts > 0)
        memcpy(counts + (q->first - from), q->counts, q->n_counts * sizeof *counts);
    free(q->counts);
    q->counts = counts;
    q->first = from;
    q->n_counts = (uint32_t)n;
    return true;
}

static bool count(struct quantile *q, double v, struct budget *b)
{
    if (v < SMALLEST) {
        q->zeros++;
        return true;
    }
    uint32_t at = bucket_of(v);
    if (!cover(q, at, at + 1, b))
        return false;
    q->counts[at - q->first]++;
    return true;
}

/* From values to buckets. */
static bool spill(struct quantile *q, struct budget *b)
{
    double least = LARGEST;
    double most = 0;

    for (uint64_t i = 0; i < q->n; i++) {
        double v = q->values[i];
        least = v >= SMALLEST && v < least ? v : least;
        most = v > most ? v : most;
    }
    if (most >= SMALLEST && !cover(q, bucket_of(least), bucket_of(most) + 1, b))
        return false;
    for (uint64_t i = 0; i < q->n; i++)
        if (!count(q, q->values[i], b))
            return false; /* never: all are covered */
    free(q->values);
    budget_give(b, q->cap * sizeof *q->values);
    q->values = NULL;
    q->cap = 0;
    return true;
}

static bool is_exact(const struct quantile *q) { return q->values != NULL || q->n == 0; }

static bool reserve(struct quantile *q, uint64_t n, struct budget *b)
{
    size_t cap = q->cap ? q->cap : FIRST_CAP;

    while (cap < n)
        cap *= 2;
    if (cap == q->cap)
        return true;
    if (!budget_take(b, (cap - q->cap) * sizeof *q->values))
        return false;
    double *values = realloc(q->values, cap * sizeof *values);
    if (!values) {
        budget_give(b, (cap - q->cap) * sizeof *q->values);
        return false;
    }
    q->values = values;
    q->cap = cap;
    return true;
}

bool quantile_add(struct quantile *q, double v, struct budget *b)
{
    if (is_exact(q) && q->n < QUANTILE_EXACT) {
        if (!reserve(q, q->n + 1, b))
            return false;
        q->values[q->n++] = v;
        return true;
    }
    if ((is_exact(q) && !spill(q, b)) || !count(q, v, b))
        return false;
    q->n++;
    return true;
}

static bool merge_counts(struct quantile *q, const struct quantile *from, struct budget *b)
{
    if (from->n_counts > 0 && !cover(q, from->first, from->first + from->n_counts, b))
        return false;
    for (uint32_t i = 0; i < from->n_counts; i++)
        q->counts[from->first + i - q->first] += from->counts[i];
    q->zeros += from->zeros;
    q->n += from->n;
    return true;
}

bool quantile_merge(struct quantile *q, const struct quantile *from, struct budget *b)
{
    if (from->n == 0)
        return true;
    if (!is_exact(from))
        return (!is_exact(q) || q->n == 0 || spill(q, b)) && merge_counts(q, from, b);
    for (uint64_t i = 0; i < from->n; i++)
        if (!quantile_add(q, from->values[i], b))
            return false;
    return true;
}

void quantile_free(struct quantile *q, struct budget *b)
{
    budget_give(b, q->cap * sizeof *q->values + q->n_counts * sizeof *q->counts);
    free(q->values);
    free(q->counts);
    *q = (struct quantile){0};
}

static int by_value(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

double quantile_at(struct quantile *q, double part)
{
    uint64_t before = (uint64_t)ceil(part * (double)q->n); /* so many do not exceed it */

    before = before < 1 ? 1 : before > q->n ? q->n : before;
    if (q->n == 0)
        return 0;
    if (q->values) {
        qsort(q->values, q->n, sizeof *q->values, by_value);
        return q->values[before - 1];
    }
    if (before <= q->zeros)
        return 0;
    before -= q->zeros;
    for (uint32_t i = 0; i < q->n_counts; i++) {
        if (before <= q->counts[i])
            return middle_of(q->first + i);
        before -= q->counts[i];
    }
    return LARGEST; /* never: the counts are n */
}
