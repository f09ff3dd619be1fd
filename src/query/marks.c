#include "query/marks.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    MARKS_MAX = 1 << 22, /* of one field, a byte each: as fast to set as can be */
    TAKE = 512           /* values that are given at a time */
};

struct mark {
    enum field_id field;
    const struct pq_codes *codes; /* of the rows in hand */
    uint64_t serial;              /* of the dictionary; 0: none */
    uint64_t *hash;               /* of its n values */
    size_t n;
    size_t cap;
    uint8_t *met; /* of each cell: n values, and whether there was none */
    size_t met_cap;
};

struct marks {
    size_t n;
    struct mark at[AGGREGATES_MAX];
};

bool marks_can(const struct aggregates *of)
{
    for (size_t i = 0; i < of->n; i++)
        if (of->at[i].fn != AGGREGATE_DISTINCT || of->at[i].of.kind != SOURCE_FIELD)
            return false;
    return of->n > 0;
}

struct marks *marks_new(const struct aggregates *of)
{
    struct marks *m = mem_new(1, sizeof *m);

    m->n = of->n;
    for (size_t i = 0; i < of->n; i++)
        m->at[i].field = of->at[i].of.field;
    return m;
}

void marks_free(struct marks *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++) {
        free(m->at[i].hash);
        free(m->at[i].met);
    }
    free(m);
}

int marks_look(struct marks *m, struct scan_reader *r, bool *coded, bool *other, struct err *err)
{
    *coded = true;
    *other = false;
    for (size_t i = 0; i < m->n; i++) {
        struct mark *k = &m->at[i];
        int e = scan_reader_codes(r, k->field, &k->codes, err);
        if (e)
            return e;
        *coded &= k->codes != NULL;
        *other |= !k->codes || !k->hash || k->serial != k->codes->serial;
    }
    return 0;
}

static void hash_dict(struct mark *k)
{
    const struct pq_codes *c = k->codes;

    k->serial = c->serial;
    k->n = c->dict_n;
    if (k->n >= k->cap) {
        k->cap = k->n + k->n / 8 + 1;
        k->hash = mem_resize(k->hash, k->cap, sizeof *k->hash);
    }
    source_hash(k->field, c->dict, c->text, k->n, k->hash);
}

bool marks_begin(struct marks *m, size_t cells)
{
    for (size_t i = 0; i < m->n; i++) {
        struct mark *k = &m->at[i];
        size_t each = k->codes->dict_n + (size_t)1;
        if (cells > MARKS_MAX / each)
            return false;
        if (k->serial != k->codes->serial || !k->hash)
            hash_dict(k);
        if (cells * each > k->met_cap) {
            k->met_cap = cells * each + cells * each / 8;
            free(k->met);
            k->met = mem_new(k->met_cap, 1);
        }
        memset(k->met, 0, cells * each);
    }
    return true;
}

static void mark_rows(struct mark *k, const uint32_t *cell, const uint32_t *rows, size_t n)
{
    const uint32_t *code = k->codes->code;
    size_t each = k->n + 1;

    if (!code)
        for (size_t i = 0; i < n; i++)
            k->met[cell[i] * each + k->codes->same] = 1;
    else if (rows)
        for (size_t i = 0; i < n; i++)
            k->met[cell[i] * each + code[rows[i]]] = 1;
    else
        for (size_t i = 0; i < n; i++)
            k->met[cell[i] * each + code[i]] = 1;
}

void marks_add(struct marks *m, const uint32_t *cell, const uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < m->n; i++)
        mark_rows(&m->at[i], cell, rows, n);
}

int marks_take(const struct marks *m, size_t cell, struct acc *acc, uint64_t *state,
               struct err *err)
{
    uint64_t hashes[TAKE];
    int r = 0;

    for (size_t i = 0; i < m->n; i++) {
        const struct mark *k = &m->at[i];
        const uint8_t *met = k->met + cell * (k->n + 1);
        size_t n = 0;
        for (size_t v = 0; v < k->n && !r; v++) {
            hashes[n] = k->hash[v];
            n += met[v];
            if (n < TAKE)
                continue;
            r = acc->put(acc, state, i, hashes, n, err);
            n = 0;
        }
        if (!r && n > 0)
            r = acc->put(acc, state, i, hashes, n, err);
    }
    return r;
}
