#include "query/groups.h"

#include "query/top.h"

#include <stdlib.h>

struct groups_order {
    struct order order;
    const struct agg *agg;
    struct sort sort;
};

struct value group_value(const struct sums *s, enum group_measure m)
{
    switch (m) {
    case GROUP_FLOWS:
        return value_uint(s->flows);
    case GROUP_PACKETS:
        return value_uint(s->packets);
    case GROUP_BYTES:
        return value_uint(s->bytes);
    case GROUP_BPS:
        return value_real(sums_bps(s));
    case GROUP_PPS:
        return value_real(sums_pps(s));
    case GROUP_BPP:
        return value_real(sums_bpp(s));
    case GROUP_FIRST:
        if (s->first_ms != SUMS_NO_FIRST)
            return value_time(s->first_ms);
        break;
    case GROUP_LAST:
        if (s->last_ms != SUMS_NO_LAST)
            return value_time(s->last_ms);
        break;
    case GROUP_MEASURES:
        break;
    }
    return (struct value){.type = VALUE_NONE};
}

static int compare_key(const struct agg *agg, uint32_t a, uint32_t b, size_t key)
{
    struct value x = agg_key(agg, a, key);
    struct value y = agg_key(agg, b, key);
    return value_compare(&x, &y);
}

static int compare(struct order *o, uint32_t a, uint32_t b)
{
    const struct groups_order *g = container_of(o, struct groups_order, order);
    int r;

    if (g->sort.by == SORT_KEY) {
        r = compare_key(g->agg, a, b, g->sort.which);
    } else {
        struct sums x = agg_sums(g->agg, a);
        struct sums y = agg_sums(g->agg, b);
        struct value v = group_value(&x, (enum group_measure)g->sort.which);
        struct value w = group_value(&y, (enum group_measure)g->sort.which);
        r = value_compare(&v, &w);
    }
    if (r)
        return g->sort.ascending ? r : -r;
    for (size_t i = 0; !r && i < g->agg->keys.n; i++)
        r = compare_key(g->agg, a, b, i);
    return r ? r : (a > b) - (a < b);
}

int groups_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err)
{
    struct groups_order o = {.order = {compare}, .agg = a, .sort = spec->sort};
    struct column columns[KEYS_MAX + GROUP_MEASURES];
    struct value values[KEYS_MAX + GROUP_MEASURES];
    uint32_t *order;
    size_t n = top_of(&o.order, a->n, spec->top, &order);

    if (a->n > 0 && !order)
        return err_set(err, ERR_LIMIT, "no memory to sort %zu groups; ask for fewer with --top",
                       a->n);
    for (size_t k = 0; k < a->keys.n; k++)
        columns[k] = spec_key_column(&a->keys.at[k]);
    for (size_t m = 0; m < GROUP_MEASURES; m++)
        columns[a->keys.n + m] = group_columns[m];
    print_begin(p, columns, a->keys.n + GROUP_MEASURES, true);
    for (size_t i = 0; i < n; i++) {
        struct sums s = agg_sums(a, order[i]);
        for (size_t k = 0; k < a->keys.n; k++)
            values[k] = agg_key(a, order[i], k);
        for (size_t m = 0; m < GROUP_MEASURES; m++)
            values[a->keys.n + m] = group_value(&s, (enum group_measure)m);
        print_row(p, values);
    }
    free(order);
    return 0;
}
