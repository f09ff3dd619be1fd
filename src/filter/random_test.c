/* Random trees, printed as text, parsed and run, against an interpreter that goes row by row and
 * knows nothing but the rules of docs/filter.md. */
#include "filter/filter.h"
#include "filter/leaf.h"
#include "filter/print.h"
#include "flow/measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    ROWS = 1100,
    WORDS = (ROWS + 63) / 64,
    TREES = 3000,
    NODES = 64,
    ITEMS = 12,
    TEXT_ROOM = 16384
};

__extension__ typedef unsigned __int128 u128;

enum leaf_is { LEAF_NUMBER, LEAF_ADDR, LEAF_TEXT, LEAF_REAL, LEAF_FLAGS, LEAF_HAS, LEAF_ANY };
enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN, OP_N };

static const char *const op_text[OP_N] = {"=", "!=", "<", "<=", ">", ">=", "in", "not in"};

/* What the leaves are about: the word, and the one or two columns behind it. */
static const struct {
    const char *word;
    enum leaf_is is;
    enum field_id field[2];
    bool measure; /* by flow/measure.h, which has its own test */
    uint64_t max;
} abouts[] = {
    {"proto", LEAF_NUMBER, {FIELD_PROTO, FIELD_NONE}, false, UINT8_MAX},
    {"dst_port", LEAF_NUMBER, {FIELD_DST_PORT, FIELD_NONE}, false, UINT16_MAX},
    {"src as", LEAF_NUMBER, {FIELD_SRC_AS, FIELD_NONE}, false, UINT32_MAX},
    {"bytes_total", LEAF_NUMBER, {FIELD_BYTES_TOTAL, FIELD_NONE}, false, UINT64_MAX},
    {"first_ms", LEAF_NUMBER, {FIELD_FIRST, FIELD_NONE}, false, 9},
    {"port", LEAF_NUMBER, {FIELD_SRC_PORT, FIELD_DST_PORT}, false, UINT16_MAX},
    {"as", LEAF_NUMBER, {FIELD_SRC_AS, FIELD_DST_AS}, false, UINT32_MAX},
    {"bytes", LEAF_NUMBER, {FIELD_BYTES, FIELD_NONE}, true, UINT64_MAX},
    {"src_addr", LEAF_ADDR, {FIELD_SRC_ADDR, FIELD_NONE}, false, 0},
    {"net", LEAF_ADDR, {FIELD_SRC_ADDR, FIELD_DST_ADDR}, false, 0},
    {"app_name", LEAF_TEXT, {FIELD_APP_NAME, FIELD_NONE}, false, 0},
    {"rate", LEAF_REAL, {FIELD_RATE, FIELD_NONE}, false, 0},
    {"flags", LEAF_FLAGS, {FIELD_TCP_FLAGS, FIELD_NONE}, false, 0},
    {"has src_as", LEAF_HAS, {FIELD_SRC_AS, FIELD_NONE}, false, 0},
    {"has port", LEAF_HAS, {FIELD_SRC_PORT, FIELD_DST_PORT}, false, 0},
    {"has ssid", LEAF_HAS, {FIELD_SSID, FIELD_NONE}, false, 0}, /* never used */
    {"any", LEAF_ANY, {FIELD_NONE, FIELD_NONE}, false, 0},
};

struct item {
    u128 lo;
    u128 hi;
    double real;
    char text[4];
};

enum node_is { IS_LEAF, IS_NOT, IS_AND, IS_OR };

struct part {
    enum node_is is;
    int a; /* children; of a leaf: index of abouts[] */
    int b;
    enum op op;
    size_t n;
    struct item items[ITEMS];
};

static struct part nodes[NODES];
static int used;
static char text[TEXT_ROOM];
static size_t text_len;
static struct batch batch;

static bool one_in(int n) { return rand() % n == 0; }

/* Few values, and those at the ends. */
static uint64_t pick_number(uint64_t max)
{
    uint64_t v = (uint64_t)(rand() % 10);
    return max > 9 && one_in(6) ? max - v : v;
}

static struct addr pick_addr(void)
{
    uint8_t v4[4] = {10, (uint8_t)(rand() % 2), 0, (uint8_t)(rand() % 4)};
    struct addr a = addr_of_v4(v4);

    if (one_in(3)) {
        memset(&a, 0, sizeof a);
        a.b[0] = 0x20;
        a.b[7] = (uint8_t)(rand() % 2);
        a.b[15] = (uint8_t)(rand() % 4);
    }
    return a;
}

static void pick_text(char out[static 4])
{
    int n = rand() % 3;

    for (int i = 0; i < n; i++)
        out[i] = (char)('a' + rand() % 3);
    out[n] = '\0';
}

static u128 wide_of(const struct addr *a)
{
    u128 v = 0;
    for (size_t i = 0; i < sizeof a->b; i++)
        v = v << 8 | a->b[i];
    return v;
}

__attribute__((format(printf, 1, 2))) static void put(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text_len += (size_t)vsnprintf(text + text_len, sizeof text - text_len, fmt, ap);
    va_end(ap);
    assert_true(text_len < sizeof text);
}

/* Make a value and print it. */
static void make_addr(struct item *item, bool may_range)
{
    struct addr a = pick_addr();
    char s[ADDR_TEXT];
    unsigned most = addr_is_v4(&a) ? 32 : 128;
    unsigned bits = may_range && one_in(2) ? (unsigned)rand() % (most + 1) : most;

    (void)addr_print(&a, s);
    item->lo = wide_of(&a);
    if (may_range && one_in(4)) {
        struct addr b = pick_addr();
        char t[ADDR_TEXT];
        item->hi = wide_of(&b);
        (void)addr_print(&b, t);
        bool swap = item->lo > item->hi;
        put("%s-%s", swap ? t : s, swap ? s : t);
        item->lo = wide_of(swap ? &b : &a);
        item->hi = wide_of(swap ? &a : &b);
        return;
    }
    u128 below = most == bits ? 0 : (~(u128)0 >> (128 - (most - bits)));
    item->lo &= ~below;
    item->hi = item->lo | below;
    if (bits == most)
        put("%s", s);
    else
        put("%s/%u", s, bits);
}

static void make_item(struct part *leaf, struct item *item, bool may_range)
{
    uint64_t lo = pick_number(abouts[leaf->a].max);
    uint64_t hi = pick_number(abouts[leaf->a].max);

    switch (abouts[leaf->a].is) {
    case LEAF_NUMBER:
        if (!may_range || one_in(2) || hi < lo)
            hi = lo;
        item->lo = lo;
        item->hi = hi;
        if (hi == lo)
            put("%llu", (unsigned long long)lo);
        else
            put("%llu..%llu", (unsigned long long)lo, (unsigned long long)hi);
        return;
    case LEAF_ADDR:
        make_addr(item, may_range);
        return;
    case LEAF_TEXT:
        pick_text(item->text);
        put("\"%s\"", item->text);
        return;
    case LEAF_REAL:
        item->real = (double)(rand() % 8) / 2;
        put("%g", item->real);
        return;
    case LEAF_FLAGS:
        item->lo = 1 + (u128)(rand() % 7);
        put("%s%s%s", item->lo & 1 ? "F" : "", item->lo & 2 ? "s" : "", item->lo & 4 ? "R" : "");
        return;
    case LEAF_HAS:
    case LEAF_ANY:
        return;
    }
}

static void make_leaf(struct part *leaf)
{
    enum leaf_is is;

    leaf->is = IS_LEAF;
    leaf->a = rand() % (int)COUNT_OF(abouts);
    is = abouts[leaf->a].is;
    put("%s", abouts[leaf->a].word);
    if (is == LEAF_HAS || is == LEAF_ANY)
        return;
    leaf->op = (enum op)(rand() % OP_N);
    if (is == LEAF_FLAGS && leaf->op >= OP_LT && leaf->op <= OP_GE)
        leaf->op = OP_EQ;
    bool order = leaf->op >= OP_LT && leaf->op <= OP_GE;
    put(" %s ", op_text[leaf->op]);
    leaf->n = order || one_in(2) ? 1 : 1 + (size_t)(rand() % ITEMS);
    if (leaf->n > 1)
        put("[");
    for (size_t i = 0; i < leaf->n; i++) {
        if (i > 0)
            put(one_in(2) ? ", " : " ");
        make_item(leaf, &leaf->items[i], !order);
    }
    if (leaf->n > 1)
        put("]");
}

/* Make and print a tree whose root binds at least as tight as `tight`, or stands in brackets. */
static int make(int depth, enum node_is loosest)
{
    int self = used++;
    struct part *node = &nodes[self];

    *node = (struct part){0};
    if (depth == 0 || used > NODES - 8 || one_in(4)) {
        make_leaf(node);
        return self;
    }
    enum node_is is = (enum node_is)(IS_NOT + rand() % 3);
    bool brackets = is > loosest || one_in(8);
    node->is = is;
    if (brackets)
        put("(");
    if (is == IS_NOT) {
        put(one_in(2) ? "not " : "!");
        node->a = make(depth - 1, IS_NOT);
    } else {
        const char *words[] = {" and ", " && ", " or ", "||"};
        node->a = make(depth - 1, is);
        put("%s", words[(is == IS_OR ? 2 : 0) + rand() % 2]);
        node->b = make(depth - 1, is);
    }
    if (brackets)
        put(")");
    return self;
}

static bool compare(int c, enum op op)
{
    switch (op) {
    case OP_EQ:
    case OP_IN:
    case OP_NOT_IN:
        return c == 0;
    case OP_NE:
        return c != 0;
    case OP_LT:
        return c < 0;
    case OP_LE:
        return c <= 0;
    case OP_GT:
        return c > 0;
    case OP_GE:
        return c >= 0;
    case OP_N:
        break;
    }
    return false;
}

/* How a row's value stands to an item: 0 if it is in it. False if it has none. */
static bool stands(const struct part *leaf, enum field_id f, size_t row, const struct item *item,
                   int *c)
{
    uint64_t v = batch_u64(&batch, f, row);
    u128 wide = v;
    const void *at = batch_at(&batch, f, row);
    size_t len;
    double real;

    if (abouts[leaf->a].measure) {
        bool there = measure_at(&batch, MEASURE_BYTES, row, &v);
        wide = v;
        *c = wide < item->lo ? -1 : wide > item->hi;
        return there;
    }
    if (!at)
        return false;
    if (abouts[leaf->a].is == LEAF_FLAGS) {
        *c = (v & (uint64_t)item->lo) == (uint64_t)item->lo ? 0 : 1;
    } else if (abouts[leaf->a].is == LEAF_REAL) {
        memcpy(&real, at, sizeof real);
        *c = (real > item->real) - (real < item->real);
    } else if (abouts[leaf->a].is == LEAF_TEXT) {
        const uint8_t *s = batch_bytes(&batch, f, row, &len);
        char own[8] = "";
        memcpy(own, s, len);
        *c = strcmp(own, item->text);
    } else {
        if (abouts[leaf->a].is == LEAF_ADDR)
            wide = wide_of(at);
        *c = wide < item->lo ? -1 : wide > item->hi;
    }
    return true;
}

static bool holds_for(const struct part *leaf, enum field_id f, size_t row)
{
    bool any_equal = false;
    int c = 1;

    if (abouts[leaf->a].is == LEAF_HAS)
        return batch_has(&batch, f, row);
    for (size_t i = 0; i < leaf->n; i++) {
        if (!stands(leaf, f, row, &leaf->items[i], &c))
            return false;
        any_equal = any_equal || c == 0;
    }
    return leaf->n == 1 ? compare(c, leaf->op) : any_equal != (leaf->op == OP_NE);
}

static bool holds(const struct part *node, size_t row)
{
    if (node->is == IS_NOT)
        return !holds(&nodes[node->a], row);
    if (node->is == IS_AND)
        return holds(&nodes[node->a], row) && holds(&nodes[node->b], row);
    if (node->is == IS_OR)
        return holds(&nodes[node->a], row) || holds(&nodes[node->b], row);
    if (abouts[node->a].is == LEAF_ANY)
        return true;
    const enum field_id *f = abouts[node->a].field;
    bool yes = holds_for(node, f[0], row);
    if (f[1] != FIELD_NONE)
        yes = node->op == OP_NE ? yes && holds_for(node, f[1], row)
                                : yes || holds_for(node, f[1], row);
    return yes != (node->op == OP_NOT_IN);
}

static void fill_row(size_t row)
{
    struct addr src = pick_addr();
    struct addr dst = pick_addr();
    char s[4];

    for (size_t i = 0; i < COUNT_OF(abouts); i++)
        for (int side = 0; side < 2; side++)
            if (abouts[i].is == LEAF_NUMBER && abouts[i].field[side] != FIELD_NONE && !one_in(3))
                assert_true(
                    batch_put_u64(&batch, abouts[i].field[side], row, pick_number(abouts[i].max)));
    if (!one_in(4))
        assert_true(batch_put_raw(&batch, FIELD_SRC_ADDR, row, &src));
    if (!one_in(4))
        assert_true(batch_put_raw(&batch, FIELD_DST_ADDR, row, &dst));
    if (!one_in(4))
        assert_true(batch_put_f64(&batch, FIELD_RATE, row, (double)(rand() % 8) / 2));
    if (!one_in(4))
        assert_true(batch_put_u64(&batch, FIELD_TCP_FLAGS, row, (uint64_t)(rand() % 8)));
    if (!one_in(4)) {
        pick_text(s);
        assert_true(batch_put_bytes(&batch, FIELD_APP_NAME, row, s, strlen(s)));
    }
}

/* What filter_range() promises, for every selected row. */
static void check_range(const struct filter *f, enum field_id field, size_t row)
{
    int64_t min;
    int64_t max;

    if (!filter_range(f, field, &min, &max))
        return;
    uint64_t v = batch_u64(&batch, field, row);
    int64_t known = v > INT64_MAX ? INT64_MAX : (int64_t)v;
    if (!batch_has(&batch, field, row) || known < min || known > max)
        fail_msg("%s: row %zu is selected but %s is not within its bounds", text, row,
                 field_table[field].name);
}

/* The row, as what filter_may_select() may know of it. */
static bool row_range(const void *arg, enum field_id f, int64_t min, int64_t max)
{
    const size_t *row = arg;
    uint64_t v = batch_u64(&batch, f, *row);
    int64_t known = v > INT64_MAX ? INT64_MAX : (int64_t)v;
    bool number = field_table[f].kind <= KIND_U64 || field_table[f].kind == KIND_TIME;

    return batch_has(&batch, f, *row) && (!number || (known >= min && known <= max));
}

static bool row_holds(const void *arg, enum field_id f, const struct addr *value)
{
    const size_t *row = arg;
    const struct addr *a = batch_at(&batch, f, *row);
    return a && addr_eq(a, value);
}

/* What is selected may not be ruled out. */
static void check_may(const struct filter *f, size_t row)
{
    const struct filter_known k = {.may_range = row_range, .may_hold = row_holds, .arg = &row};

    if (!filter_may_select(f, &k))
        fail_msg("%s: row %zu is selected but ruled out before", text, row);
}

/* A leaf asked about the values of its field that are there, without the rows around them. */
static void leaf_by_values(const struct node *leaf, uint64_t *hit)
{
    static _Alignas(16) uint8_t values[ROWS * sizeof(struct addr)];
    static size_t row_of[ROWS];
    static uint64_t of_values[WORDS];
    enum field_id f = leaf_field(leaf);
    size_t width = kind_table[field_table[f].kind].width;
    size_t n = 0;

    for (size_t row = 0; row < ROWS; row++) {
        if (!batch_has(&batch, f, row))
            continue;
        memcpy(values + n * width, batch_at(&batch, f, row), width);
        row_of[n++] = row;
    }
    leaf_eval(leaf, values, batch.bytes.data, n, of_values);
    memset(hit, 0, WORDS * sizeof *hit);
    for (size_t i = 0; i < n; i++)
        hit[row_of[i] / 64] |= (of_values[i / 64] >> i % 64 & 1) << row_of[i] % 64;
    if (leaf_is_has(leaf))
        assert_true(of_values[0] & 1 || n == 0);
}

/* The tree, run from outside: leaf.h says how. */
static void by_leaves(const struct node *node, uint64_t hit[static WORDS])
{
    uint64_t part[WORDS];
    enum filter_op op = node_op(node);

    if (op == FILTER_LEAF && leaf_field(node) != FIELD_NONE) {
        leaf_by_values(node, hit);
        return;
    }
    if (op == FILTER_LEAF) {
        node_eval(node, &batch, hit);
        return;
    }
    memset(hit, op == FILTER_ALL || op == FILTER_AND ? 0xff : 0, WORDS * sizeof *hit);
    for (const struct node *child = node_first(node); child; child = node_next(child)) {
        by_leaves(child, part);
        for (size_t w = 0; w < WORDS; w++)
            hit[w] = op == FILTER_AND   ? hit[w] & part[w]
                     : op == FILTER_NOT ? ~part[w]
                                        : hit[w] | part[w];
    }
}

static void check_leaves(const struct filter *f, const uint64_t selected[WORDS])
{
    uint64_t hit[WORDS];

    by_leaves(filter_root(f), hit);
    hit[WORDS - 1] &= (UINT64_C(1) << ROWS % 64) - 1;
    if (memcmp(hit, selected, sizeof hit) != 0)
        fail_msg("%s: its leaves say something else", text);
}

/* Printed and read back it selects the same, and prints the same. */
static void check_print(const struct filter *f, const uint64_t selected[WORDS])
{
    uint64_t again[WORDS];
    struct buf first;
    struct buf second;
    struct filter *other;
    struct err err;

    buf_init(&first, 4 << 20);
    buf_init(&second, 4 << 20);
    filter_print(f, SIZE_MAX, &first);
    buf_u8(&first, 0);
    if (filter_parse(&other, (const char *)first.data, &err) != 0)
        fail_msg("%s\nprints %s\n%s", text, (const char *)first.data, err.text);
    filter_eval(other, &batch, again);
    if (memcmp(again, selected, sizeof again) != 0)
        fail_msg("%s\nprints %s,\nwhich selects other rows", text, (const char *)first.data);
    filter_print(other, SIZE_MAX, &second);
    buf_u8(&second, 0);
    assert_string_equal(first.data, second.data);
    filter_free(other);
    buf_free(&first);
    buf_free(&second);
}

static void equals_a_naive_interpreter(void **state)
{
    static uint64_t selected[WORDS];

    (void)state;
    srand(7);
    assert_true(batch_init(&batch, ROWS));
    for (size_t row = 0; row < ROWS; row++)
        fill_row(row);
    batch.rows = ROWS;
    for (int tree = 0; tree < TREES; tree++) {
        struct filter *f;
        struct err err = {""};
        used = 0;
        text_len = 0;
        int root = make(5, IS_OR);
        if (filter_parse(&f, text, &err) != 0)
            fail_msg("%s\n%s", text, err.text);
        filter_eval(f, &batch, selected);
        for (size_t row = 0; row < ROWS; row++) {
            bool got = selected[row / 64] >> (row % 64) & 1;
            if (got != holds(&nodes[root], row))
                fail_msg("%s: row %zu is %s", text, row, got ? "selected" : "not selected");
            if (got) {
                check_range(f, FIELD_DST_PORT, row);
                check_range(f, FIELD_BYTES_TOTAL, row);
                check_range(f, FIELD_FIRST, row);
                check_may(f, row);
            }
        }
        assert_int_equal(selected[ROWS / 64] >> ROWS % 64, 0);
        check_leaves(f, selected);
        check_print(f, selected);
        filter_free(f);
    }
    batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_a_naive_interpreter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
