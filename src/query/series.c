#include "query/series.h"

#include "base/mem.h"
#include "base/text.h"
#include "query/runs.h"

#include <stdlib.h>

struct series {
    const struct query_spec *spec;
    const struct agg *agg;
    struct answer answer;
    struct runs runs;
    int64_t bucket_ms;
    int64_t first;         /* bucket, */
    size_t n;              /* and how many */
    int64_t *bucket;       /* of each group */
    struct tallies others; /* of each bucket */
    struct tallies nothing;
};

/* The number of a time's bucket, before 1970 too. */
static int64_t bucket_of(int64_t ms, int64_t bucket_ms)
{
    return ms / bucket_ms - (ms % bucket_ms < 0);
}

/* From the first bucket with something, or that was asked for, to the last. */
static bool find_span(const struct series *s, int64_t *first, int64_t *last)
{
    const struct query_spec *spec = s->spec;
    bool any = false;

    if (spec->from_ms != INT64_MIN && (spec->to_ms != INT64_MAX || spec->until_ms != INT64_MIN)) {
        int64_t end = spec->to_ms != INT64_MAX ? spec->to_ms - 1 : spec->until_ms;
        *first = bucket_of(spec->from_ms, s->bucket_ms);
        *last = bucket_of(end, s->bucket_ms);
        any = *last >= *first;
    }
    for (size_t i = 0; i < s->agg->n; i++) {
        int64_t b = s->bucket[i];
        *first = !any || b < *first ? b : *first;
        *last = !any || b > *last ? b : *last;
        any = true;
    }
    return any;
}

static int set_span(struct series *s, struct err *err)
{
    int64_t first = 0;
    int64_t last = 0;
    size_t runs = s->runs.n_best + s->spec->others;
    char from[TEXT_TIME];
    char to[TEXT_TIME];

    if (!find_span(s, &first, &last))
        return 0;
    uint64_t n = (uint64_t)last - (uint64_t)first + 1;
    s->first = first;
    s->n = (size_t)n;
    if (n <= SERIES_ROWS_MAX / (runs > 0 ? runs : 1))
        return 0;
    (void)text_print_time(first * s->bucket_ms, from);
    (void)text_print_time(last * s->bucket_ms, to);
    return err_set(err, ERR_LIMIT,
                   "a series from %s to %s has more than %d rows; say the time with --last or "
                   "--from and --to, or make --every longer",
                   from, to, SERIES_ROWS_MAX);
}

/* The runs that are not shown, bucket by bucket. */
static int add_others(struct series *s, struct err *err)
{
    const struct runs *r = &s->runs;
    int status = tallies_init(&s->others, s->spec, s->n, err);

    for (size_t i = 0; i < r->n; i++) {
        for (size_t g = r->begin[i]; !status && !r->is_best[i] && g < r->begin[i + 1]; g++) {
            uint32_t group = r->groups[g];
            struct known known = groups_known(s->agg, group);
            status = tallies_add(&s->others, (size_t)(s->bucket[group] - s->first), &known, err);
        }
    }
    return status;
}

static int by_bucket(const void *a, const void *b, void *buckets)
{
    const int64_t *bucket = buckets;
    int64_t x = bucket[*(const uint32_t *)a];
    int64_t y = bucket[*(const uint32_t *)b];
    return (x > y) - (x < y);
}

/* The group of a run in a bucket; NULL if there is none. */
static const uint32_t *find(const struct series *s, size_t run, int64_t bucket)
{
    const struct runs *r = &s->runs;
    size_t low = r->begin[run];
    size_t high = r->begin[run + 1];

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t at = s->bucket[r->groups[middle]];
        if (at == bucket)
            return &r->groups[middle];
        if (at < bucket)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A bucket's row of one run; where it has no group, one of nothing. */
static void print_run(struct series *s, size_t run, int64_t bucket)
{
    const uint32_t *g = find(s, run, bucket);
    struct known known = g ? groups_known(s->agg, *g) : tallies_get(&s->nothing, 0);
    struct value keys[KEYS_MAX];

    groups_keys(s->agg, s->runs.groups[s->runs.begin[run]], keys);
    keys[0] = value_time(bucket * s->bucket_ms);
    answer_row(&s->answer, keys, &known);
}

static void print_bucket(struct series *s, size_t i)
{
    int64_t bucket = s->first + (int64_t)i;
    struct value keys[KEYS_MAX];
    struct known known;

    for (size_t run = 0; run < s->runs.n_best; run++)
        print_run(s, s->runs.best[run], bucket);
    keys[0] = value_time(bucket * s->bucket_ms);
    if (s->runs.n == 0 && s->spec->keys.n == 1) { /* a series of nothing */
        known = tallies_get(&s->nothing, 0);
        answer_row(&s->answer, keys, &known);
    }
    if (s->others.n > 0) {
        known = tallies_get(&s->others, i);
        answer_other_keys(s->spec, 1, keys);
        answer_row(&s->answer, keys, &known);
    }
}

/* time_ms is never absent; were it, it would count at 1970. */
static void find_buckets(struct series *s)
{
    s->bucket = mem_new(s->agg->n + 1, sizeof *s->bucket);
    for (size_t i = 0; i < s->agg->n; i++) {
        struct value v = agg_key(s->agg, i, 0);
        s->bucket[i] = v.type == VALUE_TIME ? bucket_of(v.as.ms, s->bucket_ms) : 0;
    }
}

static void sort_best(struct series *s)
{
    struct runs *r = &s->runs;

    for (size_t i = 0; i < r->n_best; i++) {
        uint32_t from = r->begin[r->best[i]];
        uint32_t to = r->begin[r->best[i] + 1];
        qsort_r(r->groups + from, to - from, sizeof *r->groups, by_bucket, s->bucket);
    }
}

static void print_all(struct series *s, struct printer *p)
{
    const struct sort *sort = &s->spec->sort;
    struct sums total = groups_total(s->agg);
    bool newest_first = sort->by == SORT_KEY && sort->which == 0 && !sort->ascending;

    answer_begin(&s->answer, s->spec, p, &total);
    for (size_t i = 0; i < s->n; i++)
        print_bucket(s, newest_first ? s->n - 1 - i : i);
}

int series_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err)
{
    struct series *s = mem_new(1, sizeof *s);

    s->spec = spec;
    s->agg = a;
    s->bucket_ms = spec_bucket(spec);
    find_buckets(s);
    int r = runs_make(&s->runs, a, spec, 1, spec->keys.n, err);
    if (!r)
        sort_best(s);
    if (!r)
        r = set_span(s, err);
    if (!r)
        r = tallies_init(&s->nothing, spec, 1, err);
    if (!r && spec->others && s->runs.n_best < s->runs.n)
        r = add_others(s, err);
    if (!r)
        print_all(s, p);
    runs_free(&s->runs);
    free(s->bucket);
    tallies_free(&s->others);
    tallies_free(&s->nothing);
    free(s);
    return r;
}
