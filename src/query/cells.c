#include "query/cells.h"

#include "base/mem.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    LANES = 4,  /* rows that follow each other go to the same few cells: they need not wait */
    FEW = 32,   /* cells, so that their lanes stay in the first cache */
    AHEAD = 16, /* rows, whose cells are fetched meanwhile */
};

static const struct cell_times no_times = {SUMS_NO_FIRST, SUMS_NO_LAST};

void cells_free(struct cells *c)
{
    mem_big_free(c->counts, c->cap * sizeof *c->counts);
    mem_big_free(c->times, c->times_cap * sizeof *c->times);
    *c = (struct cells){0};
}

/* Room for n things; false if there is none. What was there is lost. */
static bool room(void **at, size_t *cap, size_t n, size_t each)
{
    if (n <= *cap)
        return true;
    mem_big_free(*at, *cap * each);
    *cap = n + n / 8; /* the next dictionary will hardly be as large */
    *at = mem_big_new(*cap * each);
    if (!*at)
        *cap = 0;
    return *at != NULL;
}

void cells_begin(struct cells *c, size_t n, bool timed)
{
    if (!timed) {
        mem_big_free(c->times, c->times_cap * sizeof *c->times);
        c->times = NULL;
        c->times_cap = 0;
    }
    void *counts = c->counts;
    void *times = c->times;
    bool ok = room(&counts, &c->cap, n, sizeof *c->counts) &&
              (!timed || room(&times, &c->times_cap, n, sizeof *c->times));

    c->counts = counts;
    c->times = times;
    c->n = ok ? n : 0;
    c->timed = timed;
    c->all = sums_none();
    for (size_t i = 0; i < c->n; i++)
        c->counts[i] = (struct cell_counts){0};
    for (size_t i = 0; timed && i < c->n; i++)
        c->times[i] = no_times;
}

/* What the rows in hand are like. */
struct shape {
    bool large; /* they are not one flow each, or sums may pass what numbers hold */
    bool timed;
};

/* Times change seldom, or with almost every row, so that it is known what comes next. */
ALWAYS_INLINE void add_row(struct cell_counts *c, struct cell_times *times, const struct tally *t,
                           size_t i, const struct shape shape)
{
    if (shape.large) {
        c->flows = sums_add_u64(c->flows, t->flows ? t->flows[i] : 1);
        c->packets = sums_add_u64(c->packets, t->packets[i]);
        c->bytes = sums_add_u64(c->bytes, t->bytes[i]);
    } else {
        c->flows++;
        c->packets += t->packets[i];
        c->bytes += t->bytes[i];
    }
    if (shape.timed && t->first[i] < times->first)
        times->first = t->first[i];
    if (shape.timed && t->last[i] > times->last)
        times->last = t->last[i];
}

static void join(struct cells *c, size_t cell, const struct cell_counts *from,
                 const struct cell_times *times)
{
    struct cell_counts *to = &c->counts[cell];

    to->flows = sums_add_u64(to->flows, from->flows);
    to->packets = sums_add_u64(to->packets, from->packets);
    to->bytes = sums_add_u64(to->bytes, from->bytes);
    if (!c->timed)
        return;
    struct cell_times *at = &c->times[cell];
    at->first = times->first < at->first ? times->first : at->first;
    at->last = times->last > at->last ? times->last : at->last;
}

ALWAYS_INLINE void add_few(struct cells *c, const struct tally *t, const uint32_t *cell,
                           const struct shape shape)
{
    struct cell_counts lane[FEW][LANES] = {0};
    struct cell_times times[FEW][LANES];
    size_t whole = t->n / LANES * LANES;

    for (size_t g = 0; g < c->n; g++)
        for (size_t l = 0; l < LANES; l++)
            times[g][l] = no_times;
    for (size_t i = 0; i < whole; i += LANES)
#pragma GCC unroll 4
        for (size_t l = 0; l < LANES; l++)
            add_row(&lane[cell[i + l]][l], &times[cell[i + l]][l], t, i + l, shape);
    for (size_t i = whole; i < t->n; i++)
        add_row(&lane[cell[i]][0], &times[cell[i]][0], t, i, shape);
    for (size_t g = 0; g < c->n; g++)
        for (size_t l = 0; l < LANES; l++)
            join(c, g, &lane[g][l], &times[g][l]);
}

ALWAYS_INLINE void add_rows(struct cells *c, const struct tally *t, const uint32_t *cell,
                            const struct shape shape)
{
    if (c->n <= FEW) {
        add_few(c, t, cell, shape);
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (i + AHEAD < t->n) {
            __builtin_prefetch(&c->counts[cell[i + AHEAD]], 1);
            if (shape.timed)
                __builtin_prefetch(&c->times[cell[i + AHEAD]], 1);
        }
        struct cell_times *times = shape.timed ? &c->times[cell[i]] : NULL;
        add_row(&c->counts[cell[i]], times, t, i, shape);
    }
}

/* Where there is but one, what all rows come to is known already. */
static void add_to_one(struct cells *c, const struct tally *t)
{
    const struct cell_counts counts = {t->sum.flows, t->sum.packets, t->sum.bytes};
    struct cell_times times = no_times;

    for (size_t i = 0; c->timed && i < t->n; i++) {
        times.first = t->first[i] < times.first ? t->first[i] : times.first;
        times.last = t->last[i] > times.last ? t->last[i] : times.last;
    }
    join(c, 0, &counts, &times);
}

/* No cell has more than all have together. */
static bool is_large(const struct sums *all)
{
    return all->flows == UINT64_MAX || all->packets == UINT64_MAX || all->bytes == UINT64_MAX;
}

void cells_add(struct cells *c, const struct tally *t, const uint32_t *cell)
{
    bool large;

    sums_add(&c->all, &t->sum);
    large = t->flows || is_large(&c->all);
    if (c->n == 1)
        add_to_one(c, t);
    else if (large && c->timed)
        add_rows(c, t, cell, (struct shape){.large = true, .timed = true});
    else if (large)
        add_rows(c, t, cell, (struct shape){.large = true});
    else if (c->timed)
        add_rows(c, t, cell, (struct shape){.timed = true});
    else
        add_rows(c, t, cell, (struct shape){.timed = false});
}

size_t cells_take(const struct cells *c, size_t *at, struct tally *t, uint32_t *cell)
{
    size_t n = 0;

    for (; *at < c->n && n < METER_CHUNK; ++*at) {
        const struct cell_counts *k = &c->counts[*at];
        const struct cell_times *times = c->timed ? &c->times[*at] : &no_times;
        const struct sums s = {k->flows, k->packets, k->bytes, times->first, times->last};
        if (s.flows == 0)
            continue;
        cell[n] = (uint32_t)*at;
        tally_put(t, n++, &s);
    }
    t->n = n;
    return n;
}
