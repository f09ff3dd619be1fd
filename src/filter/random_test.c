/* Random trees, printed as text, parsed and run, against an interpreter that goes row by row and
 * knows nothing but the rules of docs/filter.md. */
#include "filter/filter.h"
#include "filter/leaf.h"
#include "filter/print.h"
#include "flow/measure.h"

#include <fnmatch.h>
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

enum leaf_is {
    LEAF_NUMBER,
    LEAF_ADDR,
    LEAF_TEXT,
    LEAF_REAL,
    LEAF_FLAGS,
    LEAF_GLOB,
    LEAF_LABEL, /* of any entry of the stack */
    LEAF_HAS,
    LEAF_ANY
};
enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN, OP_N };

static const char *const op_text[OP_N] = {"=", "!=", "<", "<=", ">", ">=", "in", "not in"};

static struct batch batch;

/* Numbers that are made of columns, row by row; false if there is none. */
static bool bytes_at(size_t row, uint64_t *v) { return measure_at(&batch, MEASURE_BYTES, row, v); }

static bool dscp_at(size_t row, uint64_t *v)
{
    bool own = batch_has(&batch, FIELD_DSCP, row);
    *v = own ? batch_u64(&batch, FIELD_DSCP, row) : batch_u64(&batch, FIELD_TOS, row) / 4;
    return own || batch_has(&batch, FIELD_TOS, row);
}

static bool flows_at(size_t row, uint64_t *v)
{
    *v = batch_has(&batch, FIELD_FLOWS, row) ? batch_u64(&batch, FIELD_FLOWS, row) : 1;
    return true;
}

static bool out_bytes_at(size_t row, uint64_t *v)
{
    static const enum field_id from[] = {FIELD_REV_BYTES, FIELD_REV_BYTES_TOTAL,
                                         FIELD_RESPONDER_BYTES, FIELD_POST_BYTES,
                                         FIELD_POST_BYTES_TOTAL};

    for (size_t i = 0; i < COUNT_OF(from); i++) {
        if (batch_has(&batch, from[i], row)) {
            *v = batch_u64(&batch, from[i], row);
            return true;
        }
    }
    return false;
}

/* The label of an entry, from 0. */
static bool entry_at(size_t row, size_t nth, uint64_t *v)
{
    size_t len;
    const uint8_t *s = batch_bytes(&batch, FIELD_MPLS, row, &len);

    if (!s || nth >= len / 3)
        return false;
    *v = (uint64_t)s[nth * 3] << 12 | (uint64_t)s[nth * 3 + 1] << 4 | s[nth * 3 + 2] >> 4;
    return true;
}

static bool second_label_at(size_t row, uint64_t *v) { return entry_at(row, 1, v); }

/* What the leaves are about: the word, and the one or two columns behind it, or what makes it. */
static const struct {
    const char *word;
    enum leaf_is is;
    enum field_id field[2];
    uint64_t max;
    bool (*made)(size_t row, uint64_t *v);
} abouts[] = {
    {"proto", LEAF_NUMBER, {FIELD_PROTO, FIELD_NONE}, UINT8_MAX, NULL},
    {"dst_port", LEAF_NUMBER, {FIELD_DST_PORT, FIELD_NONE}, UINT16_MAX, NULL},
    {"src as", LEAF_NUMBER, {FIELD_SRC_AS, FIELD_NONE}, UINT32_MAX, NULL},
    {"bytes_total", LEAF_NUMBER, {FIELD_BYTES_TOTAL, FIELD_NONE}, UINT64_MAX, NULL},
    {"first_ms", LEAF_NUMBER, {FIELD_FIRST, FIELD_NONE}, 9, NULL},
    {"port", LEAF_NUMBER, {FIELD_SRC_PORT, FIELD_DST_PORT}, UINT16_MAX, NULL},
    {"as", LEAF_NUMBER, {FIELD_SRC_AS, FIELD_DST_AS}, UINT32_MAX, NULL},
    {"bytes", LEAF_NUMBER, {FIELD_BYTES, FIELD_NONE}, UINT64_MAX, bytes_at},
    {"dscp", LEAF_NUMBER, {FIELD_DSCP, FIELD_NONE}, 63, dscp_at},
    {"flows", LEAF_NUMBER, {FIELD_FLOWS, FIELD_NONE}, UINT64_MAX, flows_at},
    {"out bytes", LEAF_NUMBER, {FIELD_REV_BYTES, FIELD_NONE}, UINT64_MAX, out_bytes_at},
    {"mpls label2", LEAF_NUMBER, {FIELD_MPLS, FIELD_NONE}, 0xfffff, second_label_at},
    {"mpls label", LEAF_LABEL, {FIELD_MPLS, FIELD_NONE}, 0xfffff, NULL},
    {"src_addr", LEAF_ADDR, {FIELD_SRC_ADDR, FIELD_NONE}, 0, NULL},
    {"net", LEAF_ADDR, {FIELD_SRC_ADDR, FIELD_DST_ADDR}, 0, NULL},
    {"app_name", LEAF_TEXT, {FIELD_APP_NAME, FIELD_NONE}, 0, NULL},
    {"app_name", LEAF_GLOB, {FIELD_APP_NAME, FIELD_NONE}, 0, NULL},
    {"rate", LEAF_REAL, {FIELD_RATE, FIELD_NONE}, 0, NULL},
    {"flags", LEAF_FLAGS, {FIELD_TCP_FLAGS, FIELD_NONE}, 0, NULL},
    {"has src_as", LEAF_HAS, {FIELD_SRC_AS, FIELD_NONE}, 0, NULL},
    {"has port", LEAF_HAS, {FIELD_SRC_PORT, FIELD_DST_PORT}, 0, NULL},
    {"has ssid", LEAF_HAS, {FIELD_SSID, FIELD_NONE}, 0, NULL}, /* never used */
    {"any", LEAF_ANY, {FIELD_NONE, FIELD_NONE}, 0, NULL},
};

struct item {
    u128 lo;
    u128 hi;
    double real;
    bool other; /* of flags: lo is the mask, hi what is wanted, or not wanted */
    char text[8];
};

enum node_is { IS_LEAF, IS_NAMED, IS_NOT, IS_AND, IS_OR };

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
/* Files of values and filters by name that the text refers to. */
enum { REFERRED = 16, REFERRED_BYTES = 4096 };
static char files[REFERRED][REFERRED_BYTES];
static char named[REFERRED][2][REFERRED_BYTES];
static int n_files;
static int n_named;

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

static void put_letters(u128 bits)
{
    put("%s%s%s", bits & 1 ? "F" : "", bits & 2 ? "s" : "", bits & 4 ? "R" : "");
}

static void make_flags(struct item *item)
{
    int form = rand() % 4;

    uint64_t mask = 1 + (uint64_t)(rand() % 7);
    uint64_t want = form == 2 ? 0 : form == 3 ? mask & (uint64_t)(rand() % 8) : mask;
    item->lo = mask;
    item->hi = want;
    item->other = form == 2 && one_in(2);
    if (form == 1)
        put("all ");
    if (form == 2)
        put(item->other ? "any " : "none ");
    if (form == 3) {
        put_letters(item->hi);
        put("/");
    }
    put_letters(item->lo);
}

static void make_item(struct part *leaf, struct item *item, bool may_range)
{
    uint64_t lo = pick_number(abouts[leaf->a].max);
    uint64_t hi = pick_number(abouts[leaf->a].max);

    switch (abouts[leaf->a].is) {
    case LEAF_NUMBER:
    case LEAF_LABEL:
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
        make_flags(item);
        return;
    case LEAF_GLOB:
        for (int i = 0; i < rand() % 5; i++)
            item->text[i] = "aab*?"[rand() % 5];
        put("\"%s\"", item->text);
        return;
    case LEAF_HAS:
    case LEAF_ANY:
        return;
    }
}

static void make_list(struct part *leaf, bool order)
{
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

/* The text behind `from` goes into `to` instead. */
static void move_text(size_t from, char to[static REFERRED_BYTES])
{
    assert_true(text_len - from < REFERRED_BYTES);
    memcpy(to, text + from, text_len - from);
    to[text_len - from] = '\0';
    text_len = from;
}

static void make_file(struct part *leaf)
{
    size_t begin = text_len;

    for (size_t i = 0; i < leaf->n; i++) {
        if (one_in(4))
            put(one_in(2) ? "# nothing\n" : "\n");
        make_item(leaf, &leaf->items[i], true);
        put(one_in(2) ? "\n" : " # one\r\n");
    }
    move_text(begin, files[n_files]);
    put("@%d", n_files++);
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
    bool order = leaf->op >= OP_LT && leaf->op <= OP_GE;
    if (order && (is == LEAF_FLAGS || is == LEAF_GLOB)) {
        leaf->op = OP_EQ;
        order = false;
    }
    if (is == LEAF_GLOB) {
        leaf->op = leaf->op == OP_NE ? OP_NE : OP_EQ;
        put(leaf->op == OP_NE ? " !~ " : " ~ ");
    } else {
        put(" %s ", op_text[leaf->op]);
    }
    leaf->n = order || one_in(2) ? 1 : 1 + (size_t)(rand() % ITEMS);
    bool in = leaf->op == OP_IN || leaf->op == OP_NOT_IN;
    bool file = is == LEAF_ADDR || is == LEAF_LABEL ||
                (is == LEAF_NUMBER && abouts[leaf->a].field[0] != FIELD_FIRST); /* @1 is a time */
    if (in && file && n_files < REFERRED && one_in(3))
        make_file(leaf);
    else
        make_list(leaf, order);
}

static int make(int depth, enum node_is loosest);

/* "filter 3", whose text is that of the child. */
static void make_named(struct part *node, int depth)
{
    size_t begin = text_len;

    node->is = IS_NAMED;
    node->a = make(depth - 1, IS_OR);
    int self = n_named++;
    if (self >= REFERRED || text_len - begin >= REFERRED_BYTES)
        fail_msg("too many or too long filters by name");
    (void)snprintf(named[self][0], sizeof named[self][0], "%d", self);
    move_text(begin, named[self][1]);
    put("filter %d", self);
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
    if (n_named < REFERRED && one_in(12)) {
        make_named(node, depth);
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

    if (abouts[leaf->a].made) {
        bool there = abouts[leaf->a].made(row, &v);
        wide = v;
        *c = wide < item->lo ? -1 : wide > item->hi;
        return there;
    }
    if (!at)
        return false;
    if (abouts[leaf->a].is == LEAF_FLAGS) {
        *c = ((v & (uint64_t)item->lo) == (uint64_t)item->hi) == item->other;
    } else if (abouts[leaf->a].is == LEAF_REAL) {
        memcpy(&real, at, sizeof real);
        *c = (real > item->real) - (real < item->real);
    } else if (abouts[leaf->a].is == LEAF_TEXT || abouts[leaf->a].is == LEAF_GLOB) {
        const uint8_t *s = batch_bytes(&batch, f, row, &len);
        char own[8] = "";
        memcpy(own, s, len);
        *c = abouts[leaf->a].is == LEAF_TEXT ? strcmp(own, item->text)
                                             : fnmatch(item->text, own, 0) != 0;
    } else {
        if (abouts[leaf->a].is == LEAF_ADDR)
            wide = wide_of(at);
        *c = wide < item->lo ? -1 : wide > item->hi;
    }
    return true;
}

/* Of any entry: one that stands so will do; != wants a stack in which none is equal. */
static bool label_holds(const struct part *leaf, size_t row)
{
    bool differ = leaf->op == OP_NE;
    bool any = false;
    uint64_t v;
    size_t nth = 0;

    for (; entry_at(row, nth, &v); nth++)
        for (size_t i = 0; i < leaf->n; i++) {
            const struct item *item = &leaf->items[i];
            int c = v < item->lo ? -1 : v > item->hi;
            any = any || compare(c, differ ? OP_EQ : leaf->op);
        }
    return nth > 0 && any != differ;
}

static bool holds_for(const struct part *leaf, enum field_id f, size_t row)
{
    bool any_equal = false;
    int c = 1;

    if (abouts[leaf->a].is == LEAF_HAS)
        return batch_has(&batch, f, row);
    if (abouts[leaf->a].is == LEAF_LABEL)
        return label_holds(leaf, row);
    for (size_t i = 0; i < leaf->n; i++) {
        if (!stands(leaf, f, row, &leaf->items[i], &c))
            return false;
        any_equal = any_equal || c == 0;
    }
    return leaf->n == 1 ? compare(c, leaf->op) : any_equal != (leaf->op == OP_NE);
}

static bool holds(const struct part *node, size_t row)
{
    if (node->is == IS_NAMED)
        return holds(&nodes[node->a], row);
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
            if (abouts[i].is == LEAF_NUMBER && abouts[i].field[side] != FIELD_NONE &&
                abouts[i].field[side] != FIELD_MPLS && !one_in(3))
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
    if (!one_in(3))
        assert_true(batch_put_u64(&batch, FIELD_TOS, row, (uint64_t)(rand() % 40)));
    if (!one_in(3))
        assert_true(batch_put_u64(&batch, FIELD_POST_BYTES, row, pick_number(UINT64_MAX)));
    if (!one_in(3)) {
        uint8_t stack[11];
        for (size_t i = 0; i < sizeof stack; i++)
            stack[i] = i % 3 == 2 ? (uint8_t)rand() : 0;
        assert_true(batch_put_bytes(&batch, FIELD_MPLS, row, stack, (size_t)rand() % sizeof stack));
    }
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

static int read_made(const void *arg, const char *path, struct buf *out, struct err *err)
{
    (void)arg;
    (void)err;
    buf_text(out, files[atoi(path)]);
    return 0;
}

static const struct filter_named *named_made(const void *arg, size_t i)
{
    static struct filter_named row;

    (void)arg;
    row = (struct filter_named){named[i][0], named[i][1], "x", 1, 1};
    return i < (size_t)n_named ? &row : NULL;
}

static struct filter *parse_made(void)
{
    static const struct filter_env env = {.read_file = read_made, .named = named_made};
    struct filter_error wrong = {0};
    struct filter *f;

    if (filter_parse_at(&f, text, &env, &wrong) != 0)
        fail_msg("%s\n%zu: %s", text, wrong.at, wrong.text);
    return f;
}

static void equals_a_naive_interpreter(void **state)
{
    static uint64_t selected[WORDS];

    const char *seed = getenv("WEIR_SEED");

    (void)state;
    srand(seed ? (unsigned)atoi(seed) : 7);
    assert_true(batch_init(&batch, ROWS));
    for (size_t row = 0; row < ROWS; row++)
        fill_row(row);
    batch.rows = ROWS;
    for (int tree = 0; tree < TREES; tree++) {
        used = 0;
        text_len = 0;
        n_files = 0;
        n_named = 0;
        int root = make(5, IS_OR);
        struct filter *f = parse_made();
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
