#include "query/select.h"

#include "base/mem.h"
#include "filter/leaf.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* What a leaf says of the values of one dictionary. */
struct table {
    const struct node *leaf;
    uint64_t serial; /* of the dictionary; 0: none yet */
    uint32_t hits;   /* values that pass, */
    uint32_t last;   /* the last of them */
    uint8_t *pass;   /* of each code, and of that for "absent" */
    size_t cap;
    uint64_t *bits; /* the same, without it */
    struct table *next;
};

struct select {
    const struct filter *filter;
    struct table *tables;
};

/* The rows in hand, as leaves are run. */
struct run {
    struct select *select;
    struct scan_reader *reader;
    const struct batch *batch;
    size_t words;
    struct err *err;
};

struct select *select_new(const struct filter *f)
{
    struct select *s = mem_new(1, sizeof *s);

    s->filter = f;
    return s;
}

void select_free(struct select *s)
{
    if (!s)
        return;
    while (s->tables) {
        struct table *t = s->tables;
        s->tables = t->next;
        free(t->pass);
        free(t->bits);
        free(t);
    }
    free(s);
}

static struct table *table_of(struct select *s, const struct node *leaf)
{
    struct table *t = s->tables;

    while (t && t->leaf != leaf)
        t = t->next;
    if (!t) {
        t = mem_new(1, sizeof *t);
        t->leaf = leaf;
        t->next = s->tables;
        s->tables = t;
    }
    return t;
}

static void table_fill(struct table *t, const struct pq_codes *c)
{
    size_t n = c->dict_n;

    t->serial = c->serial;
    if (n + 1 > t->cap) {
        t->cap = n + 1;
        t->pass = mem_resize(t->pass, t->cap, 1);
        t->bits = mem_resize(t->bits, t->cap / 64 + 1, sizeof *t->bits);
    }
    assert(t->pass && t->bits); /* n + 1 is 1 at least */
    if (n > 0)
        leaf_eval(t->leaf, c->dict, c->text, n, t->bits);
    t->hits = 0;
    for (uint32_t i = 0; i < n; i++) {
        t->pass[i] = t->bits[i / 64] >> (i % 64) & 1;
        t->hits += t->pass[i];
        t->last = t->pass[i] ? i : t->last;
    }
    t->pass[n] = 0;
}

/* 64 bytes of 0 and 1 to a word. */
static inline uint64_t pack64(const uint8_t is[static 64])
{
    uint64_t word = 0;

    for (size_t i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, is + i * 8, sizeof eight);
        word |= (le64toh(eight) * UINT64_C(0x0102040810204080) >> 56) << i * 8;
    }
    return word;
}

static void codes_equal(const uint32_t *code, size_t n, uint32_t want, uint64_t *hit)
{
    uint8_t is[64];
    size_t at = 0;

    for (; n - at >= 64; at += 64) {
        for (size_t i = 0; i < 64; i++)
            is[i] = code[at + i] == want;
        hit[at / 64] = pack64(is);
    }
    if (at < n)
        hit[at / 64] = 0;
    for (size_t i = at; i < n; i++)
        hit[at / 64] |= (uint64_t)(code[i] == want) << (i - at);
}

static void codes_pass(const uint32_t *code, size_t n, const uint8_t *pass, uint64_t *hit)
{
    for (size_t at = 0; at < n; at += 64) {
        size_t take = n - at < 64 ? n - at : 64;
        uint64_t word = 0;
        for (size_t i = 0; i < take; i++)
            word |= (uint64_t)pass[code[at + i]] << i;
        hit[at / 64] = word;
    }
}

static void all_rows(size_t n, uint64_t *hit)
{
    memset(hit, 0xff, n / 64 * sizeof *hit);
    if (n % 64)
        hit[n / 64] = (UINT64_C(1) << n % 64) - 1;
}

static void by_codes(struct run *q, const struct node *leaf, const struct pq_codes *c,
                     uint64_t *hit)
{
    struct table *t = table_of(q->select, leaf);
    size_t n = q->batch->rows;

    if (t->serial != c->serial || !t->pass)
        table_fill(t, c);
    if (t->hits == 0 || (!c->code && !t->pass[c->same]))
        memset(hit, 0, q->words * sizeof *hit);
    else if (!c->code)
        all_rows(n, hit);
    else if (t->hits == 1)
        codes_equal(c->code, n, t->last, hit);
    else
        codes_pass(c->code, n, t->pass, hit);
}

/* Evaluate any part on values. */
static int by_values(struct run *q, const struct node *node, uint64_t *hit)
{
    struct field_set fields = {0};

    node_fields(node, &fields);
    for (int f = 0; f < FIELD_N; f++) {
        if (!field_set_has(&fields, (enum field_id)f))
            continue;
        int r = scan_reader_need(q->reader, (enum field_id)f, q->err);
        if (r)
            return r;
    }
    node_eval(node, q->batch, hit);
    return 0;
}

static int run_leaf(struct run *q, const struct node *leaf, uint64_t *hit)
{
    enum field_id f = leaf_field(leaf);
    const struct pq_codes *codes = NULL;

    if (f != FIELD_NONE) {
        int r = scan_reader_codes(q->reader, f, &codes, q->err);
        if (r)
            return r;
    }
    if (!codes)
        return by_values(q, leaf, hit);
    by_codes(q, leaf, codes, hit);
    return 0;
}

/* hit: those of `want` that the node selects. */
static int run_node(struct run *q, const struct node *node, const uint64_t *want, uint64_t *hit)
{
    uint64_t left[SELECT_WORDS]; /* AND: selected so far; OR: not selected so far */
    size_t bytes = q->words * sizeof *hit;
    bool is_and = node_op(node) == FILTER_AND;
    uint64_t any = 1;
    int r = 0;

    switch (node_op(node)) {
    case FILTER_ALL:
        memcpy(hit, want, bytes);
        return 0;
    case FILTER_NONE:
        memset(hit, 0, bytes);
        return 0;
    case FILTER_LEAF:
        r = run_leaf(q, node, hit);
        for (size_t w = 0; w < q->words; w++)
            hit[w] &= want[w];
        return r;
    case FILTER_NOT:
        r = run_node(q, node_first(node), want, hit);
        for (size_t w = 0; w < q->words; w++)
            hit[w] = want[w] & ~hit[w];
        return r;
    case FILTER_AND:
    case FILTER_OR:
        break;
    }
    memcpy(left, want, bytes);
    for (const struct node *child = node_first(node); child && any && !r;
         child = node_next(child)) {
        r = run_node(q, child, left, hit);
        any = 0;
        for (size_t w = 0; w < q->words; w++)
            any |= left[w] = is_and ? hit[w] : left[w] & ~hit[w];
    }
    for (size_t w = 0; w < q->words; w++)
        hit[w] = is_and ? left[w] : want[w] & ~left[w];
    return r;
}

int select_rows(struct select *s, struct scan_reader *r, uint64_t selected[static SELECT_WORDS],
                struct err *err)
{
    const struct batch *b = scan_reader_batch(r);
    struct run q = {.select = s, .reader = r, .batch = b, .words = (b->rows + 63) / 64, .err = err};
    uint64_t want[SELECT_WORDS];

    all_rows(b->rows, want);
    int e = scan_reader_cut(r, want, err);
    return e ? e : run_node(&q, filter_root(s->filter), want, selected);
}
