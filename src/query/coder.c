#include "query/coder.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELLS_MAX = 1 << 16,
    CELLS_MAX_ONE = 1 << 21, /* of a single key: as many as a dictionary */
    UNMET = 64               /* that are looked for together */
};

struct part {
    uint64_t serial;     /* of the dictionary; 0: none */
    struct key_part *of; /* of each code, and of that for "absent" */
    size_t n;            /* codes, that one included */
    size_t cap;
    const uint32_t *code; /* of the rows in hand; NULL: all have `same` */
    uint32_t same;
    bool coded; /* else the rows are in the batch */
};

struct coder {
    struct keys keys;
    struct keys values; /* those that are not coded */
    struct intern *ids;
    struct part parts[KEYS_MAX];
    uint32_t *cell; /* group + 1 of each combination of codes; 0: not met yet */
    size_t n_cells;
    size_t cells_cap;
    uint32_t index[BATCH_ROWS]; /* of the rows' cells */
};

struct coder *coder_new(const struct keys *k, struct intern *ids)
{
    struct coder *c = mem_new(1, sizeof *c);

    c->keys = *k;
    c->ids = ids;
    return c;
}

void coder_free(struct coder *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < KEYS_MAX; i++)
        free(c->parts[i].of);
    free(c->cell);
    free(c);
}

bool coder_can(const struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->at[i].field == FIELD_BYTES || k->at[i].field == FIELD_PACKETS)
            return false; /* they are measures, of several columns */
    return k->n > 0;
}

void coder_forget(struct coder *c)
{
    if (c->n_cells)
        memset(c->cell, 0, c->n_cells * sizeof *c->cell);
}

static int no_room(struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "the text of the keys fills the memory limit; filter more, or "
                   "raise --memory");
}

/* Parts of another dictionary than before. */
static int part_fill(struct coder *c, size_t i, const struct pq_codes *codes, struct err *err)
{
    struct part *p = &c->parts[i];

    p->serial = codes->serial;
    p->n = codes->dict_n + (size_t)1;
    if (p->n > p->cap) {
        p->cap = p->n;
        p->of = mem_resize(p->of, p->cap, sizeof *p->of);
    }
    assert(p->of); /* n is 1 at least */
    p->of[codes->dict_n] = (struct key_part){0, 0};
    return keys_parts(&c->keys.at[i], c->ids, codes->dict, codes->text, codes->dict_n, p->of)
               ? 0
               : no_room(err);
}

static void cells_begin(struct coder *c, size_t n)
{
    if (n > c->cells_cap) {
        c->cells_cap = n;
        c->cell = mem_resize(c->cell, n, sizeof *c->cell);
    }
    c->n_cells = n;
    memset(c->cell, 0, n * sizeof *c->cell);
}

int coder_begin(struct coder *c, struct scan_reader *r, bool *cells, struct err *err)
{
    size_t n = 1;
    bool other = c->n_cells == 0;

    *cells = true;
    c->values = c->keys;
    c->values.n = 0;
    for (size_t i = 0; i < c->keys.n; i++) {
        struct part *p = &c->parts[i];
        const struct pq_codes *codes;
        int e = scan_reader_codes(r, c->keys.at[i].field, &codes, err);
        if (!e && !codes)
            e = scan_reader_need(r, c->keys.at[i].field, err);
        if (e)
            return e;
        p->coded = codes != NULL;
        if (!codes) {
            c->values.at[c->values.n++] = c->keys.at[i];
            *cells = false;
            continue;
        }
        if (p->serial != codes->serial || !p->of) {
            e = part_fill(c, i, codes, err);
            other = true;
        }
        if (e)
            return e;
        p->code = codes->code;
        p->same = codes->same;
        size_t max = c->keys.n == 1 ? (size_t)CELLS_MAX_ONE : (size_t)CELLS_MAX;
        *cells &= p->n <= max / n;
        n = *cells ? n * p->n : 1;
    }
    if (!*cells)
        c->n_cells = 0;
    else if (other)
        cells_begin(c, n);
    return 0;
}

static void add_part(const struct key *k, const struct key_part *p, uint64_t *out)
{
    out[k->word] |= p->value << k->shift;
    out[k->tag_word] |= p->tag << k->tag_shift;
}

static uint32_t code_of(const struct part *p, uint32_t row)
{
    return p->code ? p->code[row] : p->same;
}

/* Combinations that were not met yet: their groups' slots are fetched while others are looked at.
 */
struct unmet {
    uint32_t index[UNMET];
    uint32_t hash[UNMET];
    uint64_t key[UNMET][KEYS_WORDS_MAX];
    size_t n;
};

static void unmet_add(const struct coder *c, struct unmet *u, const struct agg *a, uint32_t row,
                      uint32_t index)
{
    uint64_t *key = u->key[u->n];

    memset(key, 0, c->keys.words * sizeof *key);
    for (size_t i = 0; i < c->keys.n; i++)
        add_part(&c->keys.at[i], &c->parts[i].of[code_of(&c->parts[i], row)], key);
    u->index[u->n] = index;
    u->hash[u->n] = agg_hash(a, key);
    agg_fetch(a, u->hash[u->n]);
    u->n++;
}

static void unmet_find(struct coder *c, struct unmet *u, struct agg *a)
{
    for (size_t i = 0; i < u->n; i++)
        agg_fetch_group(a, u->hash[i]);
    for (size_t i = 0; i < u->n; i++)
        c->cell[u->index[i]] = (uint32_t)agg_find(a, u->key[i], u->hash[i]) + 1;
    u->n = 0;
}

/* Which cell each row is in. */
static void index_rows(struct coder *c, const uint32_t *rows, size_t n)
{
    uint32_t base = 0;
    bool first = true;
    size_t step = 1;

    for (size_t k = 0; k < c->keys.n; step *= c->parts[k].n, k++) {
        const struct part *p = &c->parts[k];
        if (!p->code) {
            base += (uint32_t)(p->same * step);
            continue;
        }
        for (size_t i = 0; first && i < n; i++)
            c->index[i] = p->code[rows[i]] * (uint32_t)step;
        for (size_t i = 0; !first && i < n; i++)
            c->index[i] += p->code[rows[i]] * (uint32_t)step;
        first = false;
    }
    for (size_t i = 0; first && i < n; i++)
        c->index[i] = base;
    for (size_t i = 0; !first && base && i < n; i++)
        c->index[i] += base;
}

int coder_groups(struct coder *c, struct agg *a, const uint32_t *rows, size_t n, uint32_t *groups,
                 struct err *err)
{
    struct unmet u = {.n = 0};
    int r = agg_reserve(a, n, err);

    if (r)
        return r;
    index_rows(c, rows, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t *cell = &c->cell[c->index[i]];
        if (*cell)
            continue;
        *cell = UINT32_MAX; /* it is being looked for */
        unmet_add(c, &u, a, rows[i], c->index[i]);
        if (u.n == UNMET)
            unmet_find(c, &u, a);
    }
    unmet_find(c, &u, a);
    for (size_t i = 0; i < n; i++)
        groups[i] = c->cell[c->index[i]] - 1;
    return 0;
}

static void pack_key(const struct key *k, const struct part *p, const uint32_t *rows, size_t n,
                     size_t words, uint64_t *out)
{
    if (!p->code) {
        for (size_t i = 0; i < n; i++)
            add_part(k, &p->of[p->same], out + i * words);
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_part(k, &p->of[p->code[rows[i]]], out + i * words);
}

bool coder_pack(struct coder *c, const struct batch *b, const uint32_t *rows, size_t n,
                uint64_t *out)
{
    struct chunk chunk = {.batch = b, .rows = rows, .n = n};

    if (!keys_pack(&c->values, c->ids, &chunk, out)) /* zeroes the others */
        return false;
    for (size_t i = 0; i < c->keys.n; i++)
        if (c->parts[i].coded)
            pack_key(&c->keys.at[i], &c->parts[i], rows, n, c->keys.words, out);
    return true;
}
