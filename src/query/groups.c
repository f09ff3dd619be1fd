#include "query/groups.h"

#include "query/matrix.h"
#include "query/series.h"
#include "query/top.h"

#include <stdlib.h>

struct groups_order {
    struct order order;
    const struct agg *agg;
    const struct query_spec *spec;
    struct value *sorted; /* of each group, worked out before: percentiles cost much. Or NULL */
};

struct known groups_known(const struct agg *a, size_t group)
{
    return (struct known){agg_sums(a, group), agg_state(a, group)};
}

void groups_keys(const struct agg *a, size_t group, struct value keys[static KEYS_MAX])
{
    for (size_t k = 0; k < a->keys.n; k++)
        keys[k] = agg_key(a, group, k);
}

struct sums groups_total(const struct agg *a)
{
    struct sums total = sums_none();

    for (size_t i = 0; i < a->n; i++) {
        struct sums s = agg_sums(a, i);
        sums_add(&total, &s);
    }
    return total;
}

int groups_compare_key(const struct agg *a, uint32_t x, uint32_t y, size_t key)
{
    struct value v = agg_key(a, x, key);
    struct value w = agg_key(a, y, key);
    return value_compare(&v, &w);
}

static struct value sort_value(const struct groups_order *g, uint32_t i)
{
    struct known known = {.sums = agg_sums(g->agg, i)};

    return g->sorted ? g->sorted[i] : answer_sort_value(g->spec, &known);
}

static int compare(struct order *o, uint32_t a, uint32_t b)
{
    const struct groups_order *g = container_of(o, struct groups_order, order);
    int r;

    if (g->spec->sort.by == SORT_KEY) {
        r = groups_compare_key(g->agg, a, b, g->spec->sort.which);
    } else {
        struct value v = sort_value(g, a);
        struct value w = sort_value(g, b);
        r = value_compare(&v, &w);
    }
    if (r)
        return g->spec->sort.ascending ? r : -r;
    for (size_t i = 0; !r && i < g->agg->keys.n; i++)
        r = groups_compare_key(g->agg, a, b, i);
    return r ? r : (a > b) - (a < b);
}

size_t groups_first(const struct agg *a, const struct query_spec *spec, size_t k, uint32_t **out)
{
    struct groups_order o = {.order = {compare}, .agg = a, .spec = spec};
    return top_of(&o.order, a->n, k, out);
}

static struct value *sort_values(const struct agg *a, const struct query_spec *spec)
{
    struct value *v = malloc((a->n + 1) * sizeof *v);

    for (size_t i = 0; v && i < a->n; i++) {
        struct known known = groups_known(a, i);
        v[i] = answer_sort_value(spec, &known);
    }
    return v;
}

/* All groups but those of order[] in one more row. */
static int print_others(const struct agg *a, const uint32_t *order, size_t n, struct answer *answer,
                        struct err *err)
{
    struct value keys[KEYS_MAX];
    struct tallies other;
    uint8_t *shown = calloc(a->n + 1, 1);
    int r = tallies_init(&other, answer->spec, 1, err);

    if (!r && !shown)
        r = err_set(err, ERR_LIMIT, "no memory to add up %zu groups", a->n);
    for (size_t i = 0; !r && i < n; i++)
        shown[order[i]] = 1;
    for (size_t i = 0; !r && i < a->n; i++) {
        struct known known = groups_known(a, i);
        r = shown[i] ? 0 : tallies_add(&other, 0, &known, err);
    }
    if (!r) {
        struct known known = tallies_get(&other, 0);
        answer_other_keys(answer->spec, 0, keys);
        answer_row(answer, keys, &known);
    }
    tallies_free(&other);
    free(shown);
    return r;
}

/* Groups without keys are one, there or not. */
static int print_nothing(struct answer *answer, struct err *err)
{
    struct value no_keys[KEYS_MAX] = {0};
    struct tallies none;
    int r = tallies_init(&none, answer->spec, 1, err);

    if (!r) {
        struct known known = tallies_get(&none, 0);
        answer_row(answer, no_keys, &known);
    }
    tallies_free(&none);
    return r;
}

static int print_list(const struct agg *a, const struct query_spec *spec, struct printer *p,
                      struct err *err)
{
    struct groups_order o = {.order = {compare}, .agg = a, .spec = spec};
    struct sums total = groups_total(a);
    struct value keys[KEYS_MAX];
    struct answer answer;
    uint32_t *order = NULL;
    int r = 0;

    if (spec->sort.by == SORT_AGGREGATE)
        o.sorted = sort_values(a, spec);
    bool sorted = spec->sort.by != SORT_NONE; /* else in any order, and all */
    size_t n = sorted ? top_of(&o.order, a->n, spec->top, &order) : a->n;
    if (a->n > 0 && sorted && !order)
        r = err_set(err, ERR_LIMIT, "no memory to sort %zu groups; ask for fewer with --top", a->n);
    answer_begin(&answer, spec, p, &total);
    for (size_t i = 0; !r && i < n; i++) {
        size_t g = order ? order[i] : i;
        struct known known = groups_known(a, g);
        groups_keys(a, g, keys);
        answer_row(&answer, keys, &known);
    }
    if (!r && spec->others && n < a->n)
        r = print_others(a, order, n, &answer, err);
    if (!r && spec->keys.n == 0 && a->n == 0)
        r = print_nothing(&answer, err);
    free(o.sorted);
    free(order);
    return r;
}

int groups_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err)
{
    if (spec->shape == SHAPE_SERIES)
        return series_print(a, spec, p, err);
    if (spec->shape == SHAPE_MATRIX)
        return matrix_print(a, spec, p, err);
    return print_list(a, spec, p, err);
}
