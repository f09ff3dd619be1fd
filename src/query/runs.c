#include "query/runs.h"

#include "query/top.h"

#include <stdlib.h>

/* The keys of runs first, then all that are not. */
struct by_keys {
    struct order order;
    const struct agg *agg;
    size_t from, to;
};

static int compare_span(const struct agg *a, uint32_t x, uint32_t y, size_t from, size_t to)
{
    int r = 0;

    for (size_t k = from; !r && k < to; k++)
        r = groups_compare_key(a, x, y, k);
    return r;
}

static int compare_groups(struct order *o, uint32_t x, uint32_t y)
{
    const struct by_keys *b = container_of(o, struct by_keys, order);
    int r = compare_span(b->agg, x, y, b->from, b->to);

    r = r ? r : compare_span(b->agg, x, y, 0, b->from);
    r = r ? r : compare_span(b->agg, x, y, b->to, b->agg->keys.n);
    return r ? r : (x > y) - (x < y);
}

struct by_total {
    struct order order;
    const struct runs *runs;
    const struct query_spec *spec;
    size_t from, to;
};

static int compare_runs(struct order *o, uint32_t x, uint32_t y)
{
    const struct by_total *b = container_of(o, struct by_total, order);
    const struct sort *sort = &b->spec->sort;
    int by_key = (x > y) - (x < y); /* runs are in the order of their keys */

    if (sort->by == SORT_KEY && sort->which >= b->from && sort->which < b->to)
        return sort->ascending ? by_key : -by_key;
    struct known v = tallies_get(&b->runs->totals, x);
    struct known w = tallies_get(&b->runs->totals, y);
    struct value a = answer_sort_value(b->spec, &v);
    struct value c = answer_sort_value(b->spec, &w);
    int r = value_compare(&a, &c);
    r = sort->ascending && sort->by != SORT_KEY ? r : -r;
    return r ? r : by_key;
}

static int no_memory(const struct agg *a, struct err *err)
{
    return err_set(err, ERR_LIMIT, "no memory to lay out %zu groups", a->n);
}

static void find_runs(struct runs *r, size_t from, size_t to)
{
    const struct agg *a = r->agg;

    for (size_t i = 0; i < a->n; i++)
        if (i == 0 || compare_span(a, r->groups[i - 1], r->groups[i], from, to) != 0)
            r->begin[r->n++] = (uint32_t)i;
    r->begin[r->n] = (uint32_t)a->n;
}

static int add_up(struct runs *r, const struct query_spec *spec, struct err *err)
{
    int status = tallies_init(&r->totals, spec, r->n, err);

    for (size_t i = 0; i < r->n; i++) {
        for (size_t g = r->begin[i]; !status && g < r->begin[i + 1]; g++) {
            struct known known = groups_known(r->agg, r->groups[g]);
            status = tallies_add(&r->totals, i, &known, err);
        }
    }
    return status;
}

int runs_make(struct runs *r, const struct agg *a, const struct query_spec *spec, size_t from,
              size_t to, struct err *err)
{
    struct by_keys keys = {.order = {compare_groups}, .agg = a, .from = from, .to = to};
    struct by_total totals = {
        .order = {compare_runs}, .runs = r, .spec = spec, .from = from, .to = to};

    *r = (struct runs){.agg = a};
    r->begin = calloc(a->n + 1, sizeof *r->begin);
    if (top_of(&keys.order, a->n, 0, &r->groups) < a->n || !r->begin)
        return no_memory(a, err);
    find_runs(r, from, to);
    int status = add_up(r, spec, err);
    if (status)
        return status;
    r->n_best = top_of(&totals.order, r->n, spec->top, &r->best);
    r->is_best = calloc(r->n + 1, 1);
    if (!r->is_best || (r->n > 0 && !r->best))
        return no_memory(a, err);
    for (size_t i = 0; i < r->n_best; i++)
        r->is_best[r->best[i]] = 1;
    return 0;
}

void runs_free(struct runs *r)
{
    tallies_free(&r->totals);
    free(r->groups);
    free(r->begin);
    free(r->best);
    free(r->is_best);
    *r = (struct runs){0};
}
