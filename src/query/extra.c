#include "query/extra.h"

#include "base/mem.h"
#include "query/dedup.h"
#include "query/fold.h"
#include "query/spread.h"

#include <stdlib.h>
#include <string.h>

/* Drops, turns, then spreads. */
struct turn {
    struct stage stage;
    const struct dedup *dropped; /* NULL: nothing is */
    struct thinned {
        uint32_t rows[METER_CHUNK];
        struct sums sums[METER_CHUNK];
        struct fraction rest[METER_CHUNK];
    } thinned;
    bool fold;
    struct spread *spread; /* NULL: not */
    uint64_t swap[METER_CHUNK / 64];
};

/* Leave out what another exporter saw better. */
static void thin(struct turn *t, struct chunk *c)
{
    struct thinned *to = &t->thinned;
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (dedup_drops(t->dropped, c->batch, c->rows[i]))
            continue;
        to->rows[n] = c->rows[i];
        to->sums[n] = c->sums[i];
        if (c->rest)
            to->rest[n] = c->rest[i];
        n++;
    }
    c->rows = to->rows;
    c->sums = to->sums;
    c->rest = c->rest ? to->rest : NULL;
    c->n = n;
}

static int turn_run(struct stage *s, const struct chunk *c, struct chunk_sink *to, struct err *err)
{
    struct turn *t = container_of(s, struct turn, stage);
    struct chunk turned = *c;

    if (t->dropped)
        thin(t, &turned);
    if (turned.n == 0)
        return 0;
    if (t->fold) {
        fold_find(&turned, t->swap);
        turned.swap = t->swap;
    }
    return t->spread ? spread_run(t->spread, &turned, to, err) : to->take(to, &turned, err);
}

static void turn_free(struct stage *s)
{
    struct turn *t = container_of(s, struct turn, stage);

    spread_free(t->spread);
    free(t);
}

static struct stage *stage_new(const struct query_extra *query)
{
    const struct extra *e = const_container_of(query, struct extra, query);
    struct turn *t = mem_new(1, sizeof *t);

    t->stage = (struct stage){.run = turn_run, .free = turn_free};
    t->dropped = e->spec->dropped;
    t->fold = e->spec->fold;
    t->spread = e->spec->spread ? spread_new(spec_bucket(e->spec)) : NULL;
    return &t->stage;
}

/* The aggregates of one thread. */
struct counted {
    struct acc acc;
    const struct aggregates *of;
    struct aggregate_pool pool;
};

static int no_memory(const struct budget *b, struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "distinct counts and percentiles fill the memory limit of %zu MB; ask for a "
                   "shorter time, filter more, group by fewer or masked fields (src_addr/24), or "
                   "raise --memory",
                   b->limit_bytes / 1000000);
}

static void counted_init(struct acc *a, uint64_t *state)
{
    const struct counted *c = container_of(a, struct counted, acc);

    memset(state, 0, c->of->words * sizeof *state);
}

static int counted_add(struct acc *a, const struct chunk *chunk, uint64_t *const *state,
                       struct err *err)
{
    struct counted *c = container_of(a, struct counted, acc);

    return aggregates_add(c->of, chunk, state, &c->pool) ? 0 : no_memory(&c->pool.budget, err);
}

static int counted_put(struct acc *a, uint64_t *state, size_t which, const uint64_t *hashes,
                       size_t n, struct err *err)
{
    struct counted *c = container_of(a, struct counted, acc);

    return aggregates_put(c->of, which, state, hashes, n, &c->pool)
               ? 0
               : no_memory(&c->pool.budget, err);
}

static int counted_merge(struct acc *to, uint64_t *to_state, struct acc *from,
                         const uint64_t *from_state, struct err *err)
{
    struct counted *c = container_of(to, struct counted, acc);

    (void)from; /* lives as long */
    return aggregates_merge(c->of, to_state, from_state, &c->pool)
               ? 0
               : no_memory(&c->pool.budget, err);
}

static size_t counted_size(const struct acc *a)
{
    const struct counted *c = const_container_of(a, struct counted, acc);

    return c->pool.budget.used_bytes > 0 ? (size_t)c->pool.budget.used_bytes : 0;
}

static void counted_free(struct acc *a)
{
    struct counted *c = container_of(a, struct counted, acc);

    aggregate_pool_free(&c->pool);
    free(c);
}

static struct acc *acc_new(const struct query_extra *query)
{
    const struct extra *e = const_container_of(query, struct extra, query);
    struct counted *c = mem_new(1, sizeof *c);

    c->acc = (struct acc){.init = counted_init,
                          .add = counted_add,
                          .put = counted_put,
                          .merge = counted_merge,
                          .size = counted_size,
                          .free = counted_free};
    c->of = &e->spec->columns.aggregates;
    c->pool.budget.limit_bytes = e->spec->limit_bytes;
    return &c->acc;
}

/* Where rows are turned, what stands in for a field is read, too. */
static void turned_fields(const struct query_spec *spec, struct field_set *want)
{
    const struct aggregates *a = &spec->columns.aggregates;

    fold_fields(want);
    for (size_t i = 0; i < spec->keys.n; i++)
        field_set_add(want, keys_swapped(spec->keys.at[i].field));
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].of.kind == SOURCE_FIELD)
            field_set_add(want, keys_swapped(a->at[i].of.field));
}

const struct query_extra *extra_init(struct extra *e, const struct query_spec *spec)
{
    bool staged = spec->fold || spec->spread || spec->dedup;
    size_t words = spec->columns.aggregates.words;

    *e = (struct extra){.spec = spec};
    if (!spec->grouped || (!staged && words == 0))
        return NULL;
    e->query = (struct query_extra){
        .words = words, .acc = words > 0 ? acc_new : NULL, .stage = staged ? stage_new : NULL};
    aggregates_fields(&spec->columns.aggregates, &e->query.want);
    if (spec->fold)
        turned_fields(spec, &e->query.want);
    if (spec->dedup)
        dedup_fields(&e->query.want);
    if (spec->spread)
        spread_fields(&e->query.want);
    return &e->query;
}
