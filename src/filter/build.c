#include "filter/build.h"

#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct node *build_node(struct arena *a, enum node_op op)
{
    struct node *node = arena_new(a, sizeof *node);

    if (node)
        node->op = op;
    return node;
}

struct node *build_has(struct arena *a, unsigned what)
{
    struct node *node = build_node(a, NODE_TEST);

    if (node)
        node->test = (struct test){.op = TEST_HAS, .what = what, .max = what_max(what)};
    return node;
}

struct node *build_same(struct arena *a, const struct node *node, unsigned what)
{
    struct node *same = arena_new(a, sizeof *same);

    if (!same)
        return NULL;
    *same = *node;
    same->test.what = what;
    return same;
}

void children_add(struct children *c, struct node *node)
{
    struct node **at = c->head[node->cost] ? c->tail[node->cost] : &c->head[node->cost];

    *at = node;
    c->tail[node->cost] = &node->next;
    c->n++;
}

void children_add_flat(struct children *c, struct node *node, enum node_op op)
{
    if (node->op == (op == NODE_AND ? NODE_ALL : NODE_NONE)) {
        c->idle = node;
        return;
    }
    if (node->op == (op == NODE_AND ? NODE_NONE : NODE_ALL)) {
        c->decisive = node;
        return;
    }
    if (node->op != op) {
        children_add(c, node);
        return;
    }
    for (struct node *child = node->first; child;) {
        struct node *next = child->next; /* which adding changes */
        children_add(c, child);
        child = next;
    }
}

struct node *children_join(struct arena *a, struct children *c, enum node_op op)
{
    struct node all = {.op = op};
    struct node **end = &all.first;

    for (int cost = 0; cost < COST_N; cost++) {
        if (!c->head[cost])
            continue;
        *end = c->head[cost];
        end = c->tail[cost];
        all.cost = (enum cost)cost;
    }
    *end = NULL;
    struct node *only = c->decisive ? c->decisive : c->n == 0 ? c->idle : NULL;
    if (c->n == 1 && !only)
        only = all.first;
    *c = (struct children){0};
    if (only)
        return only;
    struct node *node = build_node(a, op);
    if (node)
        *node = all;
    return node;
}

static int by_first_key(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    return wide_cmp(x->lo, y->lo);
}

static unsigned octet_of(const struct item *item, unsigned i)
{
    uint64_t half = i < 8 ? item->lo.lo : item->lo.hi;
    return (unsigned)(half >> i % 8 * 8) & 0xff;
}

/* By the i-th octet of their first keys, from the last one, into `to`; false, and nothing is done,
 * if it is the same in all. */
static bool sort_by_octet(const struct item *items, size_t n, unsigned i, struct item *to)
{
    size_t count[256] = {0};
    size_t at = 0;

    for (size_t k = 0; k < n; k++)
        count[octet_of(&items[k], i)]++;
    if (count[octet_of(items, i)] == n)
        return false;
    for (unsigned v = 0; v < 256; v++) {
        size_t here = count[v];
        count[v] = at;
        at += here;
    }
    for (size_t k = 0; k < n; k++)
        to[count[octet_of(&items[k], i)]++] = items[k];
    return true;
}

/* Long lists octet by octet: a quarter of what qsort() takes for a million. */
static void sort_ranges(struct item *items, size_t n)
{
    enum { LONG = 4096, OCTETS = 16 };
    struct item *other = n >= LONG ? malloc(n * sizeof *other) : NULL;
    struct item *from = items;
    struct item *to = other;

    if (!other) {
        qsort(items, n, sizeof *items, by_first_key);
        return;
    }
    for (unsigned i = 0; i < OCTETS; i++) {
        if (!sort_by_octet(from, n, i, to))
            continue;
        struct item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
    free(other);
}

static struct wide more(struct wide w)
{
    w.lo++;
    w.hi += w.lo == 0;
    return w;
}

static struct wide less(struct wide w)
{
    w.hi -= w.lo == 0;
    w.lo--;
    return w;
}

/* Sort, and join what overlaps or touches; returns how many are left. */
static size_t merge_ranges(struct item *items, size_t n)
{
    size_t kept = 0;
    size_t sorted = 1;

    while (sorted < n && wide_cmp(items[sorted - 1].lo, items[sorted].lo) <= 0)
        sorted++;
    if (sorted < n)
        sort_ranges(items, n);
    for (size_t i = 1; i < n; i++) {
        struct item *last = &items[kept];
        struct wide all_ones = {UINT64_MAX, UINT64_MAX};
        bool touches =
            wide_cmp(last->hi, all_ones) == 0 || wide_cmp(items[i].lo, more(last->hi)) <= 0;
        if (!touches)
            items[++kept] = items[i];
        else if (wide_cmp(items[i].hi, last->hi) > 0)
            last->hi = items[i].hi;
    }
    return kept + 1;
}

/* `op value` as a range of keys; false if no key is in it. */
static bool range_of(unsigned what, enum compare op, struct item *item)
{
    struct wide min = what_min(what);
    struct wide max = what_max(what);

    switch (op) {
    case COMPARE_EQ:
    case COMPARE_NE:
        return true;
    case COMPARE_LT:
        if (wide_cmp(item->lo, min) <= 0)
            return false;
        *item = (struct item){.is = ITEM_RANGE, .lo = min, .hi = less(item->lo)};
        return true;
    case COMPARE_LE:
        *item = (struct item){.is = ITEM_RANGE, .lo = min, .hi = item->lo};
        return true;
    case COMPARE_GT:
        if (wide_cmp(item->lo, max) >= 0)
            return false;
        *item = (struct item){.is = ITEM_RANGE, .lo = more(item->lo), .hi = max};
        return true;
    case COMPARE_GE:
        item->hi = max;
        return true;
    }
    return false;
}

/* The bits that all addresses from lo to hi share, if they are all the addresses that do. */
static bool prefix_of(const struct item *item, struct mask16 *out)
{
    struct wide diff = {item->lo.hi ^ item->hi.hi, item->lo.lo ^ item->hi.lo};
    bool low = diff.hi == 0;
    uint64_t part = low ? diff.lo : diff.hi;

    if ((part & (part + 1)) != 0 || (!low && diff.lo != UINT64_MAX))
        return false;
    if ((item->lo.hi & diff.hi) != 0 || (item->lo.lo & diff.lo) != 0)
        return false;
    *out = (struct mask16){.mask = {htobe64(~diff.hi), htobe64(~diff.lo)},
                           .want = {htobe64(item->lo.hi), htobe64(item->lo.lo)}};
    return true;
}

/* The test of a set, of addresses or of other keys. */
static bool build_set(struct arena *a, struct test *t, const struct item *items, size_t n)
{
    bool wide = what_type(t->what) == VALUE_ADDR;

    if (n == 1 && wide && prefix_of(items, &t->prefix)) {
        t->op = TEST_PREFIX;
        return true;
    }
    struct wide *first = arena_new(a, n * sizeof *first);
    struct wide *last = arena_new(a, n * sizeof *last);
    if (!first || !last)
        return false;
    for (size_t i = 0; i < n; i++) {
        first[i] = items[i].lo;
        last[i] = items[i].hi;
    }
    t->op = wide ? TEST_WIDE : TEST_LIST;
    return set_init(&t->set, a, first, last, n);
}

static bool takes(const struct item *item, uint64_t v)
{
    if (item->is == ITEM_BITS)
        return ((v & item->bits.mask) == item->bits.want) != item->other;
    return v >= item->lo.lo && v <= item->hi.lo;
}

static bool build_table(struct arena *a, struct test *t, const struct item *items, size_t n)
{
    uint64_t values = what_max(t->what).lo + 1;
    uint64_t *table = arena_new(a, (size_t)values / 8);

    if (!table)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = items[i].is == ITEM_BITS ? 0 : items[i].lo.lo;
        uint64_t end = items[i].is == ITEM_BITS ? values - 1 : items[i].hi.lo;
        for (; v <= end; v++)
            table[v / 64] |= (uint64_t)takes(&items[i], v) << v % 64;
    }
    t->op = TEST_TABLE;
    t->table = table;
    return true;
}

static bool has_bits(const struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].is == ITEM_BITS)
            return true;
    return false;
}

static bool is_narrow(unsigned what)
{
    return what < WHAT_MEASURE && kind_table[field_table[what].kind].width <= 2;
}

/* Items that look at single bits, with or without numbers among them. */
static bool build_bits(struct arena *a, struct test *t, const struct item *items, size_t n)
{
    t->max = what_max(t->what);
    if (n > 1 || kind_table[field_table[t->what].kind].width != 2)
        return build_table(a, t, items, n);
    t->op = TEST_BITS;
    t->bits = items->bits;
    t->negate = t->negate != items->other;
    return true;
}

static bool build_ranges(struct arena *a, struct test *t, struct item *items, size_t n)
{
    n = merge_ranges(items, n);
    t->min = items[0].lo;
    t->max = items[n - 1].hi;
    if (what_type(t->what) == VALUE_ADDR)
        return build_set(a, t, items, n);
    if (n > 1)
        return is_narrow(t->what) ? build_table(a, t, items, n) : build_set(a, t, items, n);
    t->op = TEST_RANGE;
    t->range.lo = items->lo.lo;
    t->range.span = items->hi.lo - items->lo.lo;
    return true;
}

/* Each text once, in the order in which they came. */
static bool hash_texts(struct arena *a, struct texts *t, const struct item *items, size_t n)
{
    size_t slots = 2;

    while (slots < n * 2)
        slots *= 2;
    struct text *v = arena_new(a, n * sizeof *v);
    uint32_t *slot = arena_new(a, slots * sizeof *slot);
    if (!v || !slot)
        return false;
    *t = (struct texts){.v = v, .slots = slot, .mask = slots - 1};
    for (size_t i = 0; i < n; i++) {
        const struct text *text = &items[i].text;
        size_t at = hash_keyed(text->s, text->len) & t->mask;
        while (slot[at] != 0 && !text_is(&v[slot[at] - 1], text->s, text->len))
            at = (at + 1) & t->mask;
        if (slot[at] != 0)
            continue;
        v[t->n++] = *text;
        slot[at] = (uint32_t)t->n;
    }
    return true;
}

static bool build_texts(struct arena *a, struct test *t, enum compare op, const struct item *items,
                        size_t n)
{
    static const unsigned order[] = {
        [COMPARE_EQ] = ORDER_SAME, [COMPARE_NE] = ORDER_SAME, /* and negated */
        [COMPARE_LT] = ORDER_LESS, [COMPARE_LE] = ORDER_LESS | ORDER_SAME,
        [COMPARE_GT] = ORDER_MORE, [COMPARE_GE] = ORDER_MORE | ORDER_SAME,
    };

    t->op = TEST_TEXTS;
    if (n > 1 && !hash_texts(a, &t->texts, items, n))
        return false;
    if (n == 1 || t->texts.n == 1) {
        t->op = TEST_ORDER;
        t->order = (struct order){items->text, order[op]};
    }
    return true;
}

static bool takes_all(const struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].is == ITEM_ANY)
            return true;
    return false;
}

static enum cost cost_of(const struct test *t)
{
    switch (t->op) {
    case TEST_WIDE:
    case TEST_LIST:
    case TEST_ORDER:
    case TEST_TEXTS:
    case TEST_PATTERN:
        return COST_HIGH;
    case TEST_PREFIX:
        return COST_MIDDLE;
    case TEST_HAS:
    case TEST_RANGE:
    case TEST_BITS:
    case TEST_TABLE:
        break;
    }
    if (t->what < WHAT_MEASURE)
        return COST_LOW;
    return t->what < WHAT_RATIO ? COST_MIDDLE : COST_HIGH;
}

static struct node *build_test(struct arena *a, const struct test *t)
{
    struct node *node = build_node(a, NODE_TEST);

    if (node) {
        node->test = *t;
        node->cost = cost_of(t);
    }
    return node;
}

/* Patterns are tried one after another: any of them will do, or none may. */
static struct node *build_patterns(struct arena *a, struct test *t, const struct item *items,
                                   size_t n)
{
    struct children c = {0};

    t->op = TEST_PATTERN;
    for (size_t i = 0; i < n; i++) {
        t->like = items[i].like;
        struct node *node = build_test(a, t);
        if (!node)
            return NULL;
        children_add(&c, node);
    }
    return children_join(a, &c, t->negate ? NODE_AND : NODE_OR);
}

struct node *build_compare(struct arena *a, unsigned what, enum compare op, struct item *items,
                           size_t n)
{
    struct test t = {.what = what, .negate = op == COMPARE_NE};
    bool ok;

    assert(n > 0);
    if (takes_all(items, n))
        return build_node(a, t.negate ? NODE_NONE : NODE_ALL);
    if (items->is == ITEM_PATTERN)
        return build_patterns(a, &t, items, n);
    if (items->is == ITEM_TEXT)
        ok = build_texts(a, &t, op, items, n);
    else if (has_bits(items, n))
        ok = build_bits(a, &t, items, n);
    else if (!range_of(what, op, items))
        return build_node(a, NODE_NONE);
    else
        ok = build_ranges(a, &t, items, n);

    return ok ? build_test(a, &t) : NULL;
}
