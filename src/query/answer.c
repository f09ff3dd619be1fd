#include "query/answer.h"

#include <stdlib.h>
#include <string.h>

static struct value rate(uint64_t v, int64_t over_ms)
{
    return value_real((double)v * 1000 / (double)over_ms);
}

struct value answer_measure(const struct sums *s, enum group_measure m, int64_t over_ms)
{
    switch (m) {
    case GROUP_FLOWS:
        return value_uint(s->flows);
    case GROUP_PACKETS:
        return value_uint(s->packets);
    case GROUP_BYTES:
        return value_uint(s->bytes);
    case GROUP_BPS:
        if (over_ms > 0)
            return value_real((double)s->bytes * 8000 / (double)over_ms);
        return value_real(sums_bps(s));
    case GROUP_PPS:
        return over_ms > 0 ? rate(s->packets, over_ms) : value_real(sums_pps(s));
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

/* What shares are of. */
static uint64_t part_of(const struct sums *s, size_t measure)
{
    return measure == GROUP_FLOWS ? s->flows : measure == GROUP_PACKETS ? s->packets : s->bytes;
}

static struct value share(const struct sums *s, const struct sums *total, size_t measure)
{
    uint64_t all = part_of(total, measure);
    return value_real(all > 0 ? (double)part_of(s, measure) / (double)all : 0);
}

static struct value column_value(const struct answer *a, const struct answer_column *c,
                                 const struct value *keys, const struct known *g)
{
    switch (c->from) {
    case FROM_KEY:
        return keys[c->which];
    case FROM_MEASURE:
        return answer_measure(&g->sums, (enum group_measure)c->which, a->over_ms);
    case FROM_AGGREGATE:
        return aggregates_value(&a->spec->columns.aggregates, c->which, g->state, c->part);
    case FROM_SHARE:
        return share(&g->sums, &a->total, c->which);
    case FROM_CUMULATIVE:
        return share(&a->so_far, &a->total, c->which);
    case FROM_SOURCE:
        break;
    }
    return (struct value){.type = VALUE_NONE};
}

struct value answer_value(const struct query_spec *spec, size_t column, const struct known *g,
                          const struct sums *total)
{
    struct answer a = {.spec = spec, .total = *total, .so_far = g->sums};
    struct value no_keys[KEYS_MAX] = {0};

    return column_value(&a, &spec->columns.at[column], no_keys, g);
}

static bool is_sorted(const struct sort *s, const struct answer_column *c)
{
    if (s->by == SORT_MEASURE)
        return c->from == FROM_MEASURE && c->which == s->which;
    return s->by == SORT_AGGREGATE && c->from == FROM_AGGREGATE && c->which == s->which &&
           !(c->part < s->part || c->part > s->part);
}

size_t answer_drawn(const struct query_spec *spec)
{
    size_t bytes = SIZE_MAX;
    size_t number = SIZE_MAX;

    for (size_t i = spec->columns.n; i > 0; i--) {
        const struct answer_column *c = &spec->columns.at[i - 1];
        if (is_sorted(&spec->sort, c))
            return i - 1;
        if (c->from == FROM_MEASURE && c->which == GROUP_BYTES)
            bytes = i - 1;
        if (c->from != FROM_KEY && c->kind <= KIND_F64)
            number = i - 1;
    }
    return bytes != SIZE_MAX ? bytes : number;
}

void answer_begin(struct answer *a, const struct query_spec *spec, struct printer *p,
                  const struct sums *total)
{
    struct column columns[COLUMNS_MAX];
    size_t drawn = answer_drawn(spec);

    *a = (struct answer){.spec = spec, .printer = p, .total = *total, .so_far = sums_none()};
    a->over_ms = spec->shape == SHAPE_SERIES ? spec_bucket(spec) : 0;
    for (size_t i = 0; i < spec->columns.n; i++) {
        columns[i] = columns_shown(&spec->columns.at[i]);
        columns[i].key = spec->columns.at[i].from == FROM_KEY;
        columns[i].drawn = i == drawn;
    }
    p->shape = spec->shape;
    p->measure = drawn < spec->columns.n ? spec->columns.at[drawn].title : "";
    print_begin(p, columns, spec->columns.n, true);
}

void answer_row(struct answer *a, const struct value *keys, const struct known *g)
{
    const struct columns *c = &a->spec->columns;

    sums_add(&a->so_far, &g->sums);
    for (size_t i = 0; i < c->n; i++)
        a->values[i] = column_value(a, &c->at[i], keys, g);
    print_row(a->printer, a->values);
}

struct value answer_sort_value(const struct query_spec *spec, const struct known *g)
{
    if (spec->sort.by == SORT_AGGREGATE)
        return aggregates_value(&spec->columns.aggregates, spec->sort.which, g->state,
                                spec->sort.part);
    size_t m = spec->sort.by == SORT_MEASURE ? spec->sort.which : GROUP_BYTES;
    return answer_measure(&g->sums, (enum group_measure)m,
                          spec->shape == SHAPE_SERIES ? spec_bucket(spec) : 0);
}

void answer_other_keys(const struct query_spec *spec, size_t first, struct value *keys)
{
    for (size_t i = first; i < spec->keys.n; i++)
        keys[i] = i == first ? value_text("other", 5) : (struct value){.type = VALUE_NONE};
}

static int no_room(const struct query_spec *spec, struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "the answer takes more than the memory limit of %zu MB; ask for fewer rows with "
                   "--top, or raise --memory",
                   spec->limit_bytes / 1000000);
}

int tallies_init(struct tallies *t, const struct query_spec *spec, size_t n, struct err *err)
{
    const struct aggregates *of = &spec->columns.aggregates;
    size_t each = sizeof *t->sums + of->words * sizeof *t->states;

    *t = (struct tallies){.of = of, .n = n, .pool.budget.limit_bytes = spec->limit_bytes};
    if (n > spec->limit_bytes / each)
        return no_room(spec, err);
    t->sums = malloc((n + 1) * sizeof *t->sums);
    t->states = of->words > 0 ? calloc(n * of->words + 1, sizeof *t->states) : NULL;
    if (!t->sums || (of->words > 0 && !t->states))
        return no_room(spec, err);
    for (size_t i = 0; i < n; i++)
        t->sums[i] = sums_none();
    return 0;
}

void tallies_free(struct tallies *t)
{
    aggregate_pool_free(&t->pool);
    free(t->sums);
    free(t->states);
    *t = (struct tallies){0};
}

int tallies_add(struct tallies *t, size_t i, const struct known *g, struct err *err)
{
    sums_add(&t->sums[i], &g->sums);
    if (t->of->words > 0 &&
        !aggregates_merge(t->of, t->states + i * t->of->words, g->state, &t->pool))
        return err_set(
            err, ERR_LIMIT,
            "what is not shown takes more than the memory limit of %zu MB; raise --memory",
            t->pool.budget.limit_bytes / 1000000);
    return 0;
}

struct known tallies_get(const struct tallies *t, size_t i)
{
    return (struct known){t->sums[i], t->states ? t->states + i * t->of->words : NULL};
}
