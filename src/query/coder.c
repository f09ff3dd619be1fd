#include "query/coder.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELLS_MAX = 1 << 16,
    CELLS_MAX_ONE = 1 << 18 /* of a single key: more than the dictionaries that we write have */
};

struct part {
    uint64_t serial;     /* of the dictionary; 0: none */
    struct key_part *of; /* of each code, and of that for "absent" */
    size_t n;            /* codes, that one included */
    size_t cap;
    const struct pq_codes *codes; /* of the rows in hand; NULL: they are in the batch */
};

struct coder {
    struct keys keys;
    struct keys values; /* those that are not coded */
    struct intern *ids;
    struct part parts[KEYS_MAX];
    uint32_t cell[BATCH_ROWS]; /* of the rows in hand */
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
    free(c);
}

bool coder_can(const struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->at[i].field == FIELD_BYTES || k->at[i].field == FIELD_PACKETS)
            return false; /* they are measures, of several columns */
    return true;
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
        p->cap = p->n + p->n / 8;
        p->of = mem_resize(p->of, p->cap, sizeof *p->of);
    }
    assert(p->of); /* n is 1 at least */
    p->of[codes->dict_n] = (struct key_part){0, 0};
    return keys_parts(&c->keys.at[i], c->ids, codes->dict, codes->text, codes->dict_n, p->of)
               ? 0
               : no_room(err);
}

int coder_look(struct coder *c, struct scan_reader *r, bool *other, struct err *err)
{
    *other = false;
    for (size_t i = 0; i < c->keys.n; i++) {
        struct part *p = &c->parts[i];
        enum field_id f = c->keys.at[i].field;
        int e = scan_reader_codes(r, f, &p->codes, err);
        if (!e && !p->codes)
            e = scan_reader_need(r, f, err);
        if (e)
            return e;
        *other |= !p->codes || !p->of || p->serial != p->codes->serial;
    }
    return 0;
}

int coder_begin(struct coder *c, size_t *cells, struct err *err)
{
    size_t max = c->keys.n == 1 ? (size_t)CELLS_MAX_ONE : (size_t)CELLS_MAX;
    size_t n = 1;

    c->values = c->keys;
    c->values.n = 0;
    for (size_t i = 0; i < c->keys.n; i++) {
        struct part *p = &c->parts[i];
        if (!p->codes) {
            c->values.at[c->values.n++] = c->keys.at[i];
            n = 0;
            continue;
        }
        int r = p->serial != p->codes->serial || !p->of ? part_fill(c, i, p->codes, err) : 0;
        if (r)
            return r;
        n = p->n <= (n ? max / n : 0) ? n * p->n : 0;
    }
    *cells = n;
    return 0;
}

static void add_part(const struct key *k, const struct key_part *p, uint64_t *out)
{
    out[k->word] |= p->value << k->shift;
    out[k->tag_word] |= p->tag << k->tag_shift;
}

void coder_keys(const struct coder *c, const uint32_t *cell, size_t n, uint64_t *out)
{
    size_t words = c->keys.words;
    size_t step = 1;

    memset(out, 0, n * words * sizeof *out);
    for (size_t k = 0; k < c->keys.n; k++) {
        const struct part *p = &c->parts[k];
        for (size_t i = 0; i < n; i++)
            add_part(&c->keys.at[k], &p->of[c->keys.n == 1 ? cell[i] : cell[i] / step % p->n],
                     out + i * words);
        step *= p->n;
    }
}

/* step times the code of each row; added to what is there, or instead of it. */
static void add_codes(uint32_t *cell, const uint32_t *code, const uint32_t *rows, size_t n,
                      uint32_t step, bool first)
{
    if (first) {
        for (size_t i = 0; i < n; i++)
            cell[i] = code[rows ? rows[i] : i] * step;
        return;
    }
    for (size_t i = 0; i < n; i++)
        cell[i] += code[rows ? rows[i] : i] * step;
}

const uint32_t *coder_cells(struct coder *c, const uint32_t *rows, size_t n)
{
    uint32_t base = 0;
    uint32_t step = 1;
    bool first = true;

    if (c->keys.n == 1 && !rows && c->parts[0].codes->code)
        return c->parts[0].codes->code;
    for (size_t k = 0; k < c->keys.n; k++) {
        const struct pq_codes *codes = c->parts[k].codes;
        if (codes->code)
            add_codes(c->cell, codes->code, rows, n, step, first);
        else
            base += codes->same * step;
        first &= !codes->code;
        step *= (uint32_t)c->parts[k].n;
    }
    for (size_t i = 0; first && i < n; i++)
        c->cell[i] = base;
    for (size_t i = 0; !first && base && i < n; i++)
        c->cell[i] += base;
    return c->cell;
}

static void pack_key(const struct key *k, const struct part *p, const uint32_t *rows, size_t n,
                     size_t words, uint64_t *out)
{
    const uint32_t *code = p->codes->code;

    if (!code) {
        for (size_t i = 0; i < n; i++)
            add_part(k, &p->of[p->codes->same], out + i * words);
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_part(k, &p->of[code[rows[i]]], out + i * words);
}

bool coder_pack(struct coder *c, const struct batch *b, const uint32_t *rows, size_t n,
                uint64_t *out)
{
    struct chunk chunk = {.batch = b, .rows = rows, .n = n};

    if (!keys_pack(&c->values, c->ids, &chunk, out)) /* zeroes the others */
        return false;
    for (size_t i = 0; i < c->keys.n; i++)
        if (c->parts[i].codes)
            pack_key(&c->keys.at[i], &c->parts[i], rows, n, c->keys.words, out);
    return true;
}
