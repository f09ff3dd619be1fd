#include "query/aggregate.h"

#include "base/mem.h"
#include "query/distinct.h"
#include "query/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* State of sums, averages and bounds. */
enum { WORD_VALUE, WORD_COUNT, WORDS_NUMBER };
/* State of the others: a pointer, or 0. */
enum { WORDS_POINTER = 1 };

static size_t words_of(enum aggregate_fn fn)
{
    return fn == AGGREGATE_QUANTILE || fn == AGGREGATE_DISTINCT ? WORDS_POINTER : WORDS_NUMBER;
}

bool aggregates_want(struct aggregates *a, enum aggregate_fn fn, struct source of, size_t *out)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct aggregate *x = &a->at[i];
        if (x->fn == fn && x->of.kind == of.kind &&
            (of.kind != SOURCE_FIELD || x->of.field == of.field)) {
            *out = i;
            return true;
        }
    }
    if (a->n == AGGREGATES_MAX)
        return false;
    *out = a->n;
    a->at[a->n++] = (struct aggregate){.fn = fn, .of = of, .word = a->words};
    a->words += words_of(fn);
    return true;
}

void aggregates_fields(const struct aggregates *a, struct field_set *want)
{
    for (size_t i = 0; i < a->n; i++)
        source_fields(&a->at[i].of, want);
}

static double real_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* Below 0, 0 or above: order of two numbers of a kind. */
static int compare(enum number kind, uint64_t a, uint64_t b)
{
    if (kind == NUMBER_REAL)
        return (real_of(a) > real_of(b)) - (real_of(a) < real_of(b));
    if (kind == NUMBER_TIME)
        return ((int64_t)a > (int64_t)b) - ((int64_t)a < (int64_t)b);
    return (a > b) - (a < b);
}

/* A value, or what came of `count` values, into a number's state. */
static void add_number(enum aggregate_fn fn, enum number kind, uint64_t *state, uint64_t v,
                       uint64_t count)
{
    bool better;

    if (fn == AGGREGATE_MIN || fn == AGGREGATE_MAX) {
        int order = compare(kind, v, state[WORD_VALUE]);
        better = state[WORD_COUNT] == 0 || (fn == AGGREGATE_MIN ? order < 0 : order > 0);
        state[WORD_VALUE] = better ? v : state[WORD_VALUE];
    } else if (kind == NUMBER_REAL) {
        state[WORD_VALUE] = bits_of(real_of(state[WORD_VALUE]) + real_of(v));
    } else {
        state[WORD_VALUE] = sums_add_u64(state[WORD_VALUE], v);
    }
    state[WORD_COUNT] += count;
}

/* What a state points to. */
struct held {
    struct held *next;
    enum aggregate_fn fn;
    union {
        struct quantile quantile;
        struct distinct distinct;
    } as;
};

_Static_assert(sizeof(struct held *) == sizeof(uint64_t), "a pointer is a word of a state");

static struct held *held_at(const uint64_t *state)
{
    struct held *h;

    memcpy(&h, state, sizeof h);
    return h;
}

/* That, made if there is none; NULL if there is no memory. */
static struct held *held_get(uint64_t *state, enum aggregate_fn fn, struct aggregate_pool *p)
{
    struct held *h = held_at(state);

    if (h || !budget_take(&p->budget, sizeof *h))
        return h;
    h = mem_new(1, sizeof *h);
    *h = (struct held){.next = p->held, .fn = fn};
    p->held = h;
    memcpy(state, &h, sizeof h);
    return h;
}

static bool add_one(const struct aggregate *x, enum number kind, uint64_t *state, uint64_t v,
                    struct aggregate_pool *p)
{
    if (x->fn == AGGREGATE_DISTINCT) {
        struct held *h = held_get(state, x->fn, p);
        return h && distinct_add(&h->as.distinct, v, &p->budget);
    }
    if (kind == NUMBER_REAL && !isfinite(real_of(v)))
        return true;
    if (x->fn != AGGREGATE_QUANTILE) {
        add_number(x->fn, kind, state, v, 1);
        return true;
    }
    double d = kind == NUMBER_REAL ? real_of(v) : (double)v;
    if (d < 0)
        return true;
    struct held *h = held_get(state, x->fn, p);
    return h && quantile_add(&h->as.quantile, d, &p->budget);
}

/* Parts of a record that do not have its flow count only for what is itself a part. */
static bool counts(const struct aggregate *x, const struct chunk *c, size_t i)
{
    return c->sums[i].flows > 0 || x->fn == AGGREGATE_SUM;
}

bool aggregates_add(const struct aggregates *a, const struct chunk *c, uint64_t *const *states,
                    struct aggregate_pool *p)
{
    struct values values;

    for (size_t k = 0; k < a->n; k++) {
        const struct aggregate *x = &a->at[k];
        enum number kind = source_number(&x->of);
        if (x->fn == AGGREGATE_DISTINCT)
            source_hashes(&x->of, c, &values);
        else
            source_numbers(&x->of, c, &values);
        for (size_t i = 0; i < c->n; i++)
            if (values.seen[i] && counts(x, c, i) &&
                !add_one(x, kind, states[i] + x->word, values.v[i], p))
                return false;
    }
    return true;
}

bool aggregates_put(const struct aggregates *a, size_t i, uint64_t *state, const uint64_t *hashes,
                    size_t n, struct aggregate_pool *p)
{
    struct held *h = held_get(state + a->at[i].word, AGGREGATE_DISTINCT, p);
    bool ok = h != NULL;

    for (size_t k = 0; k < n && ok; k++)
        ok = distinct_add(&h->as.distinct, hashes[k], &p->budget);
    return ok;
}

static bool merge_held(enum aggregate_fn fn, uint64_t *to, const struct held *from,
                       struct aggregate_pool *p)
{
    if (!from)
        return true;
    struct held *h = held_get(to, fn, p);
    if (!h)
        return false;
    return fn == AGGREGATE_QUANTILE
               ? quantile_merge(&h->as.quantile, &from->as.quantile, &p->budget)
               : distinct_merge(&h->as.distinct, &from->as.distinct, &p->budget);
}

bool aggregates_merge(const struct aggregates *a, uint64_t *to, const uint64_t *from,
                      struct aggregate_pool *p)
{
    for (size_t k = 0; k < a->n; k++) {
        const struct aggregate *x = &a->at[k];
        const uint64_t *f = from + x->word;
        uint64_t *t = to + x->word;
        if (words_of(x->fn) == WORDS_NUMBER) {
            if (f[WORD_COUNT] > 0)
                add_number(x->fn, source_number(&x->of), t, f[WORD_VALUE], f[WORD_COUNT]);
        } else if (!merge_held(x->fn, t, held_at(f), p)) {
            return false;
        }
    }
    return true;
}

void aggregate_pool_free(struct aggregate_pool *p)
{
    for (struct held *h = p->held; h;) {
        struct held *next = h->next;
        if (h->fn == AGGREGATE_QUANTILE)
            quantile_free(&h->as.quantile, &p->budget);
        else
            distinct_free(&h->as.distinct, &p->budget);
        free(h);
        h = next;
    }
    p->held = NULL;
    p->budget.used_bytes = 0;
}

static struct value number_value(enum number kind, uint64_t v)
{
    if (kind == NUMBER_TIME)
        return value_time((int64_t)v);
    return kind == NUMBER_REAL ? value_real(real_of(v)) : value_uint(v);
}

static struct value quantile_value(enum number kind, struct quantile *q, double part)
{
    double v = quantile_at(q, part);
    if (kind == NUMBER_REAL)
        return value_real(v);
    return value_uint(v < 0x1p64 ? (uint64_t)(v + 0.5) : UINT64_MAX);
}

struct value aggregates_value(const struct aggregates *a, size_t i, const uint64_t *state,
                              double part)
{
    const struct aggregate *x = &a->at[i];
    enum number kind = source_number(&x->of);
    uint64_t v = state[x->word];

    if (words_of(x->fn) == WORDS_POINTER) {
        struct held *h = held_at(state + x->word);
        if (x->fn == AGGREGATE_DISTINCT)
            return value_uint(h ? distinct_count(&h->as.distinct) : 0);
        return h ? quantile_value(kind, &h->as.quantile, part) : (struct value){.type = VALUE_NONE};
    }
    uint64_t count = state[x->word + WORD_COUNT];
    if (count == 0)
        return (struct value){.type = VALUE_NONE};
    if (x->fn != AGGREGATE_AVG)
        return number_value(kind, v);
    return value_real((kind == NUMBER_REAL ? real_of(v) : (double)v) / (double)count);
}
