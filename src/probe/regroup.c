#include "probe/regroup.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { WIDE = 8, FLOWS = 3, TCP_FLAGS = 6, FIRST_MS = 152, LAST_MS = 153, FIRST_SPOTS = 1024 };

enum merge { MERGE_NONE, MERGE_SUM, MERGE_MIN, MERGE_MAX, MERGE_OR };

struct regroup {
    const struct pick_field *from;
    size_t n_from;
    size_t from_bytes;
    struct pick_field fields[SETUP_FIELDS + 1];
    size_t field_of[SETUP_FIELDS + 1];
    enum merge merge[SETUP_FIELDS + 1];
    size_t n;
    size_t key_bytes; /* which stand first */
    size_t bytes;
    uint8_t *rows;
    size_t n_rows;
    size_t cap;
    uint32_t *spots; /* number of a row; 0: empty */
    size_t n_spots;  /* a power of two */
};

static enum merge merge_of(const struct pick_field *f)
{
    static const uint16_t sums[] = {1, 2, 3, 198, 352, 231, 232, 298, 299, 278, 279};

    if (f->enterprise != 0 || f->key)
        return MERGE_NONE;
    for (size_t i = 0; i < COUNT_OF(sums); i++)
        if (f->number == sums[i])
            return MERGE_SUM;
    return f->number == FIRST_MS    ? MERGE_MIN
           : f->number == LAST_MS   ? MERGE_MAX
           : f->number == TCP_FLAGS ? MERGE_OR
                                    : MERGE_NONE;
}

static void add_field(struct regroup *g, const struct pick_field *f, size_t of, enum merge merge)
{
    struct pick_field *own = &g->fields[g->n];

    *own = *f;
    own->at = (uint16_t)g->bytes;
    own->key = merge == MERGE_NONE;
    if (merge != MERGE_NONE)
        own->len = WIDE;
    g->field_of[g->n] = of;
    g->merge[g->n++] = merge;
    g->bytes += own->len;
}

struct regroup *regroup_new(const struct pick_field *fields, size_t n, size_t record_bytes,
                            const size_t *by, size_t n_by)
{
    const struct pick_field flows = {.number = FLOWS};
    struct regroup *g = mem_new(1, sizeof *g);
    bool told = false;

    g->from = fields;
    g->n_from = n;
    g->from_bytes = record_bytes;
    for (size_t i = 0; i < n_by; i++)
        add_field(g, &fields[by[i]], by[i], MERGE_NONE);
    g->key_bytes = g->bytes;
    for (size_t i = 0; i < n; i++) {
        bool chosen = false;
        for (size_t k = 0; k < n_by; k++)
            chosen = chosen || by[k] == i;
        if (chosen || merge_of(&fields[i]) == MERGE_NONE)
            continue;
        add_field(g, &fields[i], i, merge_of(&fields[i]));
        told = told || (fields[i].enterprise == 0 && fields[i].number == FLOWS);
    }
    if (!told)
        add_field(g, &flows, n, MERGE_SUM);
    g->n_spots = FIRST_SPOTS;
    g->spots = mem_new(g->n_spots, sizeof *g->spots);
    return g;
}

void regroup_free(struct regroup *g)
{
    if (!g)
        return;
    free(g->rows);
    free(g->spots);
    free(g);
}

static uint8_t *row(const struct regroup *g, size_t i) { return g->rows + i * g->bytes; }

static size_t spot_of(const struct regroup *g, const uint8_t *key)
{
    size_t i = hash_keyed(key, g->key_bytes) & (g->n_spots - 1);

    while (g->spots[i] != 0 && memcmp(row(g, g->spots[i] - 1), key, g->key_bytes) != 0)
        i = (i + 1) & (g->n_spots - 1);
    return i;
}

static void grow(struct regroup *g)
{
    g->n_spots *= 2;
    free(g->spots);
    g->spots = mem_new(g->n_spots, sizeof *g->spots);
    for (size_t i = 0; i < g->n_rows; i++)
        g->spots[spot_of(g, row(g, i))] = (uint32_t)i + 1;
}

static void store(uint8_t *to, uint64_t v)
{
    for (size_t i = WIDE; i > 0; i--, v >>= 8)
        to[i - 1] = (uint8_t)v;
}

static uint64_t value_of(const struct regroup *g, size_t i, const uint8_t *record)
{
    size_t of = g->field_of[i];

    return of == g->n_from ? 1 : pick_load(record + g->from[of].at, g->from[of].len);
}

static uint64_t merged(enum merge how, uint64_t a, uint64_t b)
{
    switch (how) {
    case MERGE_MIN:
        return a < b ? a : b;
    case MERGE_MAX:
        return a > b ? a : b;
    case MERGE_OR:
        return a | b;
    case MERGE_SUM:
    case MERGE_NONE:
        break;
    }
    return a + b;
}

static void add(struct regroup *g, const uint8_t *record)
{
    if (g->n_rows == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 256;
        g->rows = mem_resize(g->rows, g->cap, g->bytes);
    }
    uint8_t *own = row(g, g->n_rows); /* as if it were a new group */
    for (size_t i = 0; i < g->n; i++) {
        const struct pick_field *f = &g->fields[i];
        if (g->merge[i] == MERGE_NONE)
            memcpy(own + f->at, record + g->from[g->field_of[i]].at, f->len);
        else
            store(own + f->at, value_of(g, i, record));
    }
    size_t spot = spot_of(g, own);
    if (g->spots[spot] == 0) {
        g->spots[spot] = (uint32_t)++g->n_rows;
        if (2 * g->n_rows > g->n_spots)
            grow(g);
        return;
    }
    uint8_t *there = row(g, g->spots[spot] - 1);
    for (size_t i = 0; i < g->n; i++)
        if (g->merge[i] != MERGE_NONE)
            store(there + g->fields[i].at,
                  merged(g->merge[i], pick_load(there + g->fields[i].at, WIDE),
                         pick_load(own + g->fields[i].at, WIDE)));
}

void regroup_offer(struct regroup *g, const uint8_t *records, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(g, records + i * g->from_bytes);
}

const struct pick_field *regroup_fields(const struct regroup *g, size_t *n)
{
    *n = g->n;
    return g->fields;
}

size_t regroup_field_of(const struct regroup *g, size_t i) { return g->field_of[i]; }

size_t regroup_record_bytes(const struct regroup *g) { return g->bytes; }

const uint8_t *regroup_rows(const struct regroup *g, size_t *n)
{
    *n = g->n_rows;
    return g->rows;
}
