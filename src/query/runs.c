#include "query/runs.h"

#include "base/hash.h"
#include "base/mem.h"
#include "query/top.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_RUNS = 1024 };

/* Finds the run of a group by its keys. */
struct finder {
    const struct agg *agg;
    size_t from, to; /* keys */
    uint32_t *first; /* of each run: one of its groups */
    size_t n;
    size_t cap;
    uint32_t *slots; /* open addressing: a run's number + 1; 0: free */
    size_t n_slots;  /* a power of two */
};

static int compare_span(const struct agg *a, uint32_t x, uint32_t y, size_t from, size_t to)
{
    int r = 0;

    for (size_t k = from; !r && k < to; k++)
        r = groups_compare_key(a, x, y, k);
    return r;
}

static uint64_t hash_value(const struct value *v)
{
    switch (v->type) {
    case VALUE_NONE:
        break;
    case VALUE_UINT:
    case VALUE_REAL:
    case VALUE_TIME:
        return hash_mix(v->as.u + 1);
    case VALUE_ADDR:
    case VALUE_PREFIX:
        return hash_keyed(&v->as.addr, sizeof v->as.addr);
    case VALUE_MAC:
        return hash_keyed(v->as.mac, sizeof v->as.mac);
    case VALUE_TEXT:
    case VALUE_OCTETS:
    case VALUE_JSON:
        return hash_keyed(v->as.s.at, v->as.s.len);
    }
    return 0;
}

static uint64_t hash_group(const struct finder *f, uint32_t group)
{
    uint64_t h = 0;

    for (size_t k = f->from; k < f->to; k++) {
        struct value v = agg_key(f->agg, group, k);
        h = hash_mix(h ^ hash_value(&v));
    }
    return h;
}

static size_t slot_of(const struct finder *f, uint32_t group)
{
    size_t s = (size_t)hash_group(f, group) & (f->n_slots - 1);

    while (f->slots[s] &&
           compare_span(f->agg, f->first[f->slots[s] - 1], group, f->from, f->to) != 0)
        s = (s + 1) & (f->n_slots - 1);
    return s;
}

static void finder_grow(struct finder *f)
{
    f->cap = f->cap ? f->cap * 2 : FIRST_RUNS;
    f->n_slots = f->cap * 2;
    f->first = mem_resize(f->first, f->cap, sizeof *f->first);
    free(f->slots);
    f->slots = mem_new(f->n_slots, sizeof *f->slots);
    for (size_t i = 0; i < f->n; i++)
        f->slots[slot_of(f, f->first[i])] = (uint32_t)i + 1;
}

static uint32_t run_of(struct finder *f, uint32_t group)
{
    if (f->n == f->cap)
        finder_grow(f);
    size_t s = slot_of(f, group);
    if (!f->slots[s]) {
        f->first[f->n++] = group;
        f->slots[s] = (uint32_t)f->n;
    }
    return f->slots[s] - 1;
}

/* Put the groups of each run together: groups[] has the run of each on entry. */
static void gather(struct runs *r, const uint32_t *run)
{
    size_t n = r->agg->n;

    for (size_t i = 0; i < n; i++)
        r->begin[run[i] + 1]++;
    for (size_t i = 0; i < r->n; i++)
        r->begin[i + 1] += r->begin[i];
    for (size_t i = n; i > 0; i--) /* begin[] of the next run moves down to that of this one */
        r->groups[--r->begin[run[i - 1] + 1]] = (uint32_t)(i - 1);
    memmove(r->begin, r->begin + 1, r->n * sizeof *r->begin);
    r->begin[r->n] = (uint32_t)n;
}

/* 0 or ERR_LIMIT. */
static int find_runs(struct runs *r, size_t from, size_t to, struct err *err)
{
    struct finder f = {.agg = r->agg, .from = from, .to = to};
    size_t n = r->agg->n;
    uint32_t *run = calloc(n + 1, sizeof *run);

    r->groups = malloc((n + 1) * sizeof *r->groups);
    for (size_t i = 0; run && i < n; i++)
        run[i] = run_of(&f, (uint32_t)i);
    r->n = f.n;
    r->begin = calloc(f.n + 2, sizeof *r->begin);
    bool ok = run && r->groups && r->begin;
    if (ok)
        gather(r, run);
    free(run);
    free(f.first);
    free(f.slots);
    return ok ? 0 : err_set(err, ERR_LIMIT, "no memory to lay out %zu groups", n);
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
    const struct runs *runs = b->runs;
    int by_key = compare_span(runs->agg, runs->groups[runs->begin[x]], runs->groups[runs->begin[y]],
                              b->from, b->to);

    if (sort->by == SORT_KEY && sort->which >= b->from && sort->which < b->to)
        return sort->ascending ? by_key : -by_key;
    struct known v = tallies_get(&runs->totals, x);
    struct known w = tallies_get(&runs->totals, y);
    struct value a = answer_sort_value(b->spec, &v);
    struct value c = answer_sort_value(b->spec, &w);
    int r = value_compare(&a, &c);
    r = sort->ascending && sort->by != SORT_KEY ? r : -r;
    return r ? r : by_key;
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
    struct by_total totals = {
        .order = {compare_runs}, .runs = r, .spec = spec, .from = from, .to = to};

    *r = (struct runs){.agg = a};
    int status = find_runs(r, from, to, err);
    if (!status)
        status = add_up(r, spec, err);
    if (status)
        return status;
    r->n_best = top_of(&totals.order, r->n, spec->top, &r->best);
    r->is_best = calloc(r->n + 1, 1);
    if (!r->is_best || (r->n > 0 && !r->best))
        return err_set(err, ERR_LIMIT, "no memory to sort %zu series", r->n);
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
