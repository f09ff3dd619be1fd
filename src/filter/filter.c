#include "filter/filter.h"

#include "filter/build.h"
#include "filter/eval.h"
#include "filter/leaf.h"
#include "filter/parse.h"

#include <stdlib.h>
#include <string.h>

int filter_parse_at(struct filter **out, const char *text, const struct filter_env *env,
                    struct filter_error *error)
{
    struct filter *f = mem_new(1, sizeof *f);

    *error = (struct filter_error){0};
    arena_init(&f->arena, FILTER_BYTES_MAX);
    int r = parse_text(f, text, env, error);
    if (r) {
        filter_free(f);
        return r;
    }
    *out = f;
    return 0;
}

int filter_parse(struct filter **out, const char *text, struct err *err)
{
    struct filter_error error;

    int r = filter_parse_at(out, text, NULL, &error);
    if (r)
        return err_set(err, r, "filter: column %zu: %s", error.at + 1, error.text);
    return 0;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    arena_free(&f->arena);
    free(f);
}

int filter_only_flows(struct filter *f, struct err *err)
{
    struct children c = {0};
    struct item flow = {.is = ITEM_RANGE, .lo = {0, RECORD_FLOW}, .hi = {0, RECORD_FLOW}};

    if (f->names_kind)
        return 0;
    struct node *test = build_compare(&f->arena, FIELD_RECORD_KIND, COMPARE_EQ, &flow, 1);
    if (test) {
        children_add(&c, test);
        children_add_flat(&c, f->root, NODE_AND);
        test = children_join(&f->arena, &c, NODE_AND);
    }
    if (!test)
        return err_set(err, ERR_LIMIT, "filter: the filter is too large");
    f->root = test;
    f->names_kind = true;
    return 0;
}

void filter_fields(const struct filter *f, struct field_set *out) { node_fields(f->root, out); }

bool filter_is_all(const struct filter *f) { return f->root->op == NODE_ALL; }

void filter_eval(const struct filter *f, const struct batch *b, uint64_t *selected)
{
    eval_tree(f->root, b, selected);
}

struct bounds {
    int64_t min;
    int64_t max;
};

static int64_t value_of_key(enum field_id f, uint64_t key)
{
    if (field_table[f].kind == KIND_TIME)
        return (int64_t)key_of_time((int64_t)key);
    return key > INT64_MAX ? INT64_MAX : (int64_t)key;
}

static bool bound_node(const struct node *node, enum field_id f, struct bounds *out);

/* Of an `and`, every part that has bounds narrows them; of an `or`, all parts must have some. */
static bool bound_children(const struct node *node, enum field_id f, struct bounds *out)
{
    bool and = node->op == NODE_AND;
    bool known = false;
    struct bounds b;

    for (const struct node *child = node->first; child; child = child->next) {
        if (!bound_node(child, f, &b)) {
            if (!and)
                return false;
            continue;
        }
        bool wider = known && !and;
        if (!known || (wider ? b.min < out->min : b.min > out->min))
            out->min = b.min;
        if (!known || (wider ? b.max > out->max : b.max < out->max))
            out->max = b.max;
        known = true;
    }
    return known;
}

static bool bound_node(const struct node *node, enum field_id f, struct bounds *out)
{
    switch (node->op) {
    case NODE_AND:
    case NODE_OR:
        return bound_children(node, f, out);
    case NODE_NONE:
        *out = (struct bounds){INT64_MAX, INT64_MIN};
        return true;
    case NODE_TEST:
        if (node->test.what != f || node->test.negate || node->test.op == TEST_HAS)
            return false;
        *out =
            (struct bounds){value_of_key(f, node->test.min.lo), value_of_key(f, node->test.max.lo)};
        return true;
    case NODE_ALL:
    case NODE_NOT:
        break;
    }
    return false;
}

static bool is_number(enum field_id f)
{
    unsigned kinds = 1u << KIND_U8 | 1u << KIND_U16 | 1u << KIND_U32 | 1u << KIND_U64 |
                     1u << KIND_TIME | 1u << KIND_ENUM;
    return kinds >> field_table[f].kind & 1;
}

bool filter_range(const struct filter *f, enum field_id field, int64_t *min, int64_t *max)
{
    struct bounds b;

    if (!is_number(field) || !bound_node(f->root, field, &b))
        return false;
    *min = b.min;
    *max = b.max;
    return true;
}

static bool may_hold(const struct filter_known *k, enum field_id f, struct wide key)
{
    struct addr a = addr_of_key(key);
    return k->may_hold(k->arg, f, &a);
}

/* A list of single addresses, as far as it pays to ask for each. */
static bool is_askable(const struct set *list)
{
    enum { ASK_MAX = 256 };

    for (size_t i = 0; i < list->n && i < ASK_MAX; i++)
        if (wide_cmp(list->first[i], list->last[i]) != 0)
            return false;
    return list->n <= ASK_MAX;
}

static bool may_list(const struct filter_known *k, enum field_id f, const struct set *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (may_hold(k, f, list->first[i]))
            return true;
    return false;
}

static enum leaf_skip skips(const struct test *t, int64_t *min, int64_t *max)
{
    enum field_id f = what_field(t->what);

    if (f == FIELD_NONE)
        return SKIP_NEVER;
    if (t->negate || t->op == TEST_HAS || t->what != f)
        return SKIP_ABSENT;
    if (t->op == TEST_WIDE)
        return is_askable(&t->set) ? SKIP_ADDRESSES : SKIP_ABSENT;
    if (t->op == TEST_PREFIX)
        return wide_cmp(t->min, t->max) == 0 ? SKIP_ADDRESSES : SKIP_ABSENT;
    if (!is_number(f))
        return SKIP_ABSENT;
    *min = value_of_key(f, t->min.lo);
    *max = value_of_key(f, t->max.lo);
    return SKIP_RANGE;
}

enum leaf_skip leaf_skips(const struct node *leaf, int64_t *min, int64_t *max)
{
    return leaf->op == NODE_TEST ? skips(&leaf->test, min, max) : SKIP_NEVER;
}

static bool may_test(const struct test *t, const struct filter_known *k)
{
    enum field_id f = what_field(t->what);
    int64_t min = INT64_MIN;
    int64_t max = INT64_MAX;

    enum leaf_skip by = skips(t, &min, &max);
    if (by == SKIP_NEVER)
        return true;
    if (!k->may_range(k->arg, f, INT64_MIN, INT64_MAX))
        return false;
    if (by == SKIP_RANGE)
        return k->may_range(k->arg, f, min, max);
    if (by == SKIP_ADDRESSES)
        return t->op == TEST_WIDE ? may_list(k, f, &t->set) : may_hold(k, f, t->min);
    return true;
}

bool node_may_select(const struct node *node, const struct filter_known *known)
{
    switch (node->op) {
    case NODE_NONE:
        return false;
    case NODE_TEST:
        return may_test(&node->test, known);
    case NODE_AND:
        for (const struct node *child = node->first; child; child = child->next)
            if (!node_may_select(child, known))
                return false;
        return true;
    case NODE_OR:
        for (const struct node *child = node->first; child; child = child->next)
            if (node_may_select(child, known))
                return true;
        return false;
    case NODE_ALL:
    case NODE_NOT:
        break;
    }
    return true;
}

bool filter_may_select(const struct filter *f, const struct filter_known *known)
{
    return node_may_select(f->root, known);
}

static bool is_continued(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* Columns of text, as a terminal shows them. */
static size_t columns(const char *s, size_t n)
{
    size_t c = 0;

    for (size_t i = 0; i < n; i++)
        c += !is_continued(s[i]);
    return c;
}

static void put_plain(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_u8(out, (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? ' ' : (uint8_t)s[i]);
}

void filter_error_print(const struct filter_error *error, const char *text, struct buf *out)
{
    size_t end = strlen(text);
    size_t at = error->at < end ? error->at : end;
    size_t from = at;

    while (from > 0 && text[from - 1] != '\n')
        from--;
    size_t to = at + strcspn(text + at, "\n");
    bool cut_front = at - from > FILTER_SHOW_COLUMNS * 2 / 3;
    if (cut_front)
        from = at - FILTER_SHOW_COLUMNS / 2;
    while (cut_front && from < at && is_continued(text[from]))
        from++;
    bool cut_back = to - from > FILTER_SHOW_COLUMNS;
    if (cut_back)
        to = from + FILTER_SHOW_COLUMNS;
    while (cut_back && to > at && is_continued(text[to]))
        to--;

    buf_printf(out, "  %s", cut_front ? "..." : "");
    put_plain(out, text + from, to - from);
    buf_printf(out, "%s\n  %s", cut_back ? "..." : "", cut_front ? "   " : "");
    for (size_t i = columns(text + from, at - from); i > 0; i--)
        buf_u8(out, ' ');
    size_t wrong = error->len < to - at ? error->len : to - at;
    size_t carets = columns(text + at, wrong);
    for (size_t i = carets ? carets : 1; i > 0; i--)
        buf_u8(out, '^');
    buf_printf(out, "\n%s\n", error->text);
}
