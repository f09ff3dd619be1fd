#include "query/cells.h"

#include "base/mem.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    LANES = 4,  /* rows that follow each other go to the same few cells: they need not wait */
    AHEAD = 16, /* rows, whose cells are fetched meanwhile */
    FEW = 32    /* cells, so that their lanes stay in the first cache */
};

void cells_free(struct cells *c)
{
    mem_big_free(c->sums, c->cap * sizeof *c->sums);
    *c = (struct cells){0};
}

/* Room for n cells; false if there is none. */
static bool room(struct cells *c, size_t n)
{
    if (n <= c->cap)
        return true;
    cells_free(c);
    size_t cap = n + n / 8; /* the next dictionary will hardly be as large */
    c->sums = mem_big_new(cap * sizeof *c->sums);
    c->cap = c->sums ? cap : 0;
    return c->sums != NULL;
}

void cells_begin(struct cells *c, size_t n)
{
    c->n = room(c, n) ? n : 0;
    c->all = sums_none();
    for (size_t i = 0; i < c->n; i++)
        c->sums[i] = sums_none();
}

/* What the rows in hand are like. */
struct shape {
    bool large; /* they are not one flow each, or sums may pass what numbers hold; else: */
    bool timed; /* they have times */
};

/* Times change seldom, or with almost every row, so that it is known what comes next. */
ALWAYS_INLINE void add_row(struct sums *s, const struct tally *t, size_t i,
                           const struct shape shape)
{
    if (shape.large) {
        const struct sums row = tally_at(t, i);
        sums_add(s, &row);
        return;
    }
    s->flows++;
    s->packets += t->packets[i];
    s->bytes += t->bytes[i];
    if (shape.timed && t->first[i] < s->first_ms)
        s->first_ms = t->first[i];
    if (shape.timed && t->last[i] > s->last_ms)
        s->last_ms = t->last[i];
}

ALWAYS_INLINE void add_few(struct cells *c, const struct tally *t, const uint32_t *cell,
                           const struct shape shape)
{
    struct sums lane[FEW][LANES];
    size_t whole = t->n / LANES * LANES;

    for (size_t g = 0; g < c->n; g++)
        for (size_t l = 0; l < LANES; l++)
            lane[g][l] = sums_none();
    for (size_t i = 0; i < whole; i += LANES)
#pragma GCC unroll 4
        for (size_t l = 0; l < LANES; l++)
            add_row(&lane[cell[i + l]][l], t, i + l, shape);
    for (size_t i = whole; i < t->n; i++)
        add_row(&lane[cell[i]][0], t, i, shape);
    for (size_t g = 0; g < c->n; g++)
        for (size_t l = 0; l < LANES; l++)
            sums_add(&c->sums[g], &lane[g][l]);
}

ALWAYS_INLINE void add_rows(struct cells *c, const struct tally *t, const uint32_t *cell,
                            const struct shape shape)
{
    if (c->n <= FEW) {
        add_few(c, t, cell, shape);
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (i + AHEAD < t->n)
            __builtin_prefetch(&c->sums[cell[i + AHEAD]], 1);
        add_row(&c->sums[cell[i]], t, i, shape);
    }
}

/* Where there is but one, what all rows come to is known already. */
static void add_to_one(struct cells *c, const struct tally *t)
{
    struct sums s = t->sum;

    for (size_t i = 0; t->timed && i < t->n; i++) {
        s.first_ms = t->first[i] < s.first_ms ? t->first[i] : s.first_ms;
        s.last_ms = t->last[i] > s.last_ms ? t->last[i] : s.last_ms;
    }
    sums_add(&c->sums[0], &s);
}

/* No cell has more than all have together. */
static bool is_large(const struct sums *all)
{
    return all->flows == UINT64_MAX || all->packets == UINT64_MAX || all->bytes == UINT64_MAX;
}

void cells_add(struct cells *c, const struct tally *t, const uint32_t *cell)
{
    sums_add(&c->all, &t->sum);
    if (c->n == 1)
        add_to_one(c, t);
    else if (t->flows || is_large(&c->all))
        add_rows(c, t, cell, (struct shape){.large = true});
    else if (t->timed)
        add_rows(c, t, cell, (struct shape){.timed = true});
    else
        add_rows(c, t, cell, (struct shape){.large = false});
}

size_t cells_take(const struct cells *c, size_t *at, struct tally *t, uint32_t *cell)
{
    size_t n = 0;

    for (; *at < c->n && n < METER_CHUNK; ++*at) {
        const struct sums *s = &c->sums[*at];
        if (s->flows == 0)
            continue;
        cell[n] = (uint32_t)*at;
        tally_put(t, n++, s);
    }
    t->n = n;
    return n;
}
