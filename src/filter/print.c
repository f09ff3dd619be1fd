#include "filter/print.h"

#include "base/text.h"
#include "filter/name.h"
#include "filter/tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How tightly a part binds: NOT before AND before OR. */
enum tight { TIGHT_OR, TIGHT_AND, TIGHT_NOT };

/* --- values --- */

static void put_quoted(const struct text *t, struct buf *out)
{
    buf_u8(out, '"');
    for (size_t i = 0; i < t->len; i++) {
        if (t->s[i] == '"' || t->s[i] == '\\')
            buf_u8(out, '\\');
        buf_u8(out, t->s[i]);
    }
    buf_u8(out, '"');
}

static void put_octets(const struct text *t, struct buf *out)
{
    for (size_t i = 0; i < t->len; i++)
        buf_printf(out, "%02x", t->s[i]);
}

static void put_text(unsigned what, const struct text *t, struct buf *out)
{
    if (what_type(what) == VALUE_BYTES)
        put_octets(t, out);
    else
        put_quoted(t, out);
}

static double real_of_key(uint64_t key)
{
    uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Digits that a number needs to be read back as the same, at least 15. */
static int real_digits(double v)
{
    char text[40];
    int digits = 15;

    for (; digits < 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return digits;
}

static void put_real(uint64_t key, struct buf *out)
{
    double v = real_of_key(key);

    if (isinf(v))
        buf_text(out, "1e999");
    else
        buf_printf(out, "%.*g", real_digits(v), v);
}

static void put_time(uint64_t key, struct buf *out)
{
    static const int64_t year_10000_ms = 253402300800000;
    char text[TEXT_TIME];
    int64_t ms = (int64_t)key_of_time((int64_t)key);

    (void)text_print_time(ms, text);
    if (ms >= year_10000_ms) /* behind what text can say */
        buf_printf(out, "%" PRId64, ms);
    else
        buf_text(out, text);
}

static void put_duration(uint64_t ms, struct buf *out)
{
    bool whole = ms % 1000 == 0;
    buf_printf(out, "%" PRIu64 "%s", whole ? ms / 1000 : ms, whole ? "s" : "ms");
}

static void put_mac(uint64_t v, struct buf *out)
{
    for (int shift = 40; shift >= 0; shift -= 8)
        buf_printf(out, "%s%02x", shift < 40 ? ":" : "", (unsigned)(v >> shift) & 0xff);
}

static void put_name(const char *name, uint64_t v, struct buf *out)
{
    if (name)
        buf_text(out, name);
    else
        buf_printf(out, "%" PRIu64, v);
}

static void put_key(unsigned what, struct wide key, struct buf *out)
{
    char text[ADDR_TEXT];
    struct addr a;

    switch (what_type(what)) {
    case VALUE_REAL:
        put_real(key.lo, out);
        break;
    case VALUE_TIME:
        put_time(key.lo, out);
        break;
    case VALUE_MS:
    case VALUE_DURATION:
        put_duration(key.lo, out);
        break;
    case VALUE_ADDR:
        a = addr_of_key(key);
        (void)addr_print(&a, text);
        buf_text(out, text);
        break;
    case VALUE_MAC:
        put_mac(key.lo, out);
        break;
    case VALUE_NAME:
        put_name(key.lo <= UINT8_MAX ? field_enum_name((enum field_id)what, (uint8_t)key.lo) : NULL,
                 key.lo, out);
        break;
    case VALUE_PROTO:
    case VALUE_COUNT:
        put_name(name_of(what, key.lo), key.lo, out);
        break;
    case VALUE_PORT:
    case VALUE_FLAGS:
    case VALUE_ICMP:
    case VALUE_TEXT:
    case VALUE_BYTES:
    case VALUE_N:
        buf_printf(out, "%" PRIu64, key.lo);
        break;
    }
}

/* The length of the prefix that a range is, as its family counts it; false if it is none. */
static bool prefix_bits(struct wide lo, struct wide hi, unsigned *bits)
{
    struct addr a = addr_of_key(lo);
    struct addr b = addr_of_key(hi);
    unsigned n = 0;

    while (n < 128 && ((a.b[n / 8] ^ b.b[n / 8]) >> (7 - n % 8) & 1) == 0)
        n++;
    for (unsigned i = n; i < 128; i++)
        if ((a.b[i / 8] >> (7 - i % 8) & 1) || !(b.b[i / 8] >> (7 - i % 8) & 1))
            return false;
    bool v4 = addr_is_v4(&a) && n >= ADDR_V4_BITS;
    *bits = v4 ? n - ADDR_V4_BITS : n;
    /* ::ffff:0:0 is written as IPv4, and so is a prefix above it, which would count less bits. */
    return v4 || !addr_is_v4(&a);
}

static void put_range(unsigned what, struct wide lo, struct wide hi, struct buf *out)
{
    unsigned bits;

    put_key(what, lo, out);
    if (wide_cmp(lo, hi) == 0)
        return;
    if (what_type(what) == VALUE_ADDR && prefix_bits(lo, hi, &bits)) {
        buf_printf(out, "/%u", bits);
        return;
    }
    buf_text(out, "..");
    put_key(what, hi, out);
}

/* --- tests --- */

static const char *equal(const struct test *t) { return t->negate ? "!=" : "="; }

/* Values behind "=", "!=" or in a list after them: `n` of them, made by `put`. */
struct list {
    struct buf *out;
    size_t most;
    size_t n;
};

static bool list_next(struct list *l)
{
    if (l->n > 0)
        buf_text(l->out, ", ");
    if (l->n++ < l->most)
        return true;
    buf_text(l->out, "...");
    return false;
}

/* Whether a real was made from `> 10` or `< 10`: the next one is shorter to write, or is zero. */
static bool is_beside(uint64_t key, uint64_t next)
{
    return real_digits(real_of_key(next)) < real_digits(real_of_key(key)) || next == key_of_f64(0);
}

static void print_range(const struct test *t, struct buf *out)
{
    struct wide lo = {0, t->range.lo};
    struct wide hi = {0, t->range.lo + t->range.span};
    bool from_min = wide_cmp(lo, what_min(t->what)) == 0;
    bool to_max = wide_cmp(hi, what_max(t->what)) == 0;

    if (wide_cmp(lo, hi) == 0 || t->negate || from_min == to_max) {
        buf_printf(out, "%s ", equal(t));
        put_range(t->what, lo, hi, out);
        return;
    }
    struct wide end = from_min ? hi : lo;
    struct wide beyond = {0, from_min ? end.lo + 1 : end.lo - 1};
    bool beside = what_type(t->what) == VALUE_REAL && is_beside(end.lo, beyond.lo);
    buf_printf(out, "%s%s ", from_min ? "<" : ">", beside ? "" : "=");
    put_key(t->what, beside ? beyond : end, out);
}

static void print_letters(uint16_t bits, struct buf *out)
{
    static const char letters[] = "FSRPAUECN";

    for (unsigned i = 0; letters[i]; i++)
        if (bits >> i & 1)
            buf_u8(out, (uint8_t)letters[i]);
}

static void print_bits(const struct test *t, struct buf *out)
{
    struct bits b = t->bits;

    if (b.want == 0) {
        buf_text(out, t->negate ? "any " : "none ");
        print_letters(b.mask, out);
        return;
    }
    buf_printf(out, "%s ", equal(t));
    print_letters(b.want, out);
    if (b.want == b.mask)
        return;
    buf_u8(out, '/');
    print_letters(b.mask, out);
}

static bool in_table(const struct test *t, uint64_t v, uint64_t n)
{
    return v < n && (t->table[v / 64] >> v % 64 & 1);
}

/* The next run of values from *v on; false if there is none. */
static bool next_run(const struct test *t, uint64_t *v, struct wide *lo, struct wide *hi)
{
    uint64_t n = what_max(t->what).lo + 1;

    while (*v < n && !in_table(t, *v, n))
        (*v)++;
    if (*v == n)
        return false;
    *lo = (struct wide){0, *v};
    while (in_table(t, *v, n))
        (*v)++;
    *hi = (struct wide){0, *v - 1};
    return true;
}

static void print_table(const struct test *t, size_t most, struct buf *out)
{
    struct list l = {.out = out, .most = most};
    struct wide lo = {0};
    struct wide hi = {0};
    uint64_t v = 0;
    uint64_t first;

    bool any = next_run(t, &v, &lo, &hi);
    first = v;
    if (any && !next_run(t, &v, &(struct wide){0}, &(struct wide){0})) {
        buf_printf(out, "%s ", equal(t));
        put_range(t->what, lo, hi, out);
        return;
    }
    buf_printf(out, "%s [", t->negate ? "!=" : "in");
    for (v = first; any && list_next(&l); any = next_run(t, &v, &lo, &hi))
        put_range(t->what, lo, hi, out);
    buf_u8(out, ']');
}

static void print_set(const struct test *t, size_t most, struct buf *out)
{
    struct list l = {.out = out, .most = most};

    buf_printf(out, "%s [", t->negate ? "!=" : "in");
    for (size_t i = 0; i < t->set.n && list_next(&l); i++)
        put_range(t->what, t->set.first[i], t->set.last[i], out);
    buf_u8(out, ']');
}

static void print_texts(const struct test *t, size_t most, struct buf *out)
{
    struct list l = {.out = out, .most = most};

    buf_printf(out, "%s [", t->negate ? "!=" : "in");
    for (size_t i = 0; i < t->texts.n && list_next(&l); i++)
        put_text(t->what, &t->texts.v[i], out);
    buf_u8(out, ']');
}

static void print_order(const struct test *t, struct buf *out)
{
    static const char *const signs[] = {
        [ORDER_LESS] = "<",
        [ORDER_SAME] = "=",
        [ORDER_LESS | ORDER_SAME] = "<=",
        [ORDER_MORE] = ">",
        [ORDER_MORE | ORDER_SAME] = ">=",
    };

    buf_printf(out, "%s ", t->negate ? "!=" : signs[t->order.takes]);
    put_text(t->what, &t->order.value, out);
}

static void print_like(const struct test *t, struct buf *out)
{
    const struct text *s = &t->like.text;
    uint8_t quote = t->like.is == PATTERN_GLOB ? '"' : '/';

    buf_printf(out, "%s %c", t->negate ? "!~" : "~", quote);
    for (size_t i = 0; i < s->len; i++) {
        bool escaped = s->s[i] == '\\' && i + 1 < s->len;
        if (!escaped && (s->s[i] == quote || s->s[i] == '\\')) /* one at the end is itself */
            buf_u8(out, '\\');
        buf_u8(out, s->s[i]);
        if (escaped)
            buf_u8(out, s->s[++i]);
    }
    buf_printf(out, "%c%s", quote, t->like.is == PATTERN_REGEX_ANY_CASE ? "i" : "");
}

static void print_test(const struct test *t, size_t most, struct buf *out)
{
    if (t->op == TEST_HAS) {
        buf_printf(out, "has %s", what_name(t->what));
        return;
    }
    buf_printf(out, "%s ", what_name(t->what));
    switch (t->op) {
    case TEST_HAS:
        break;
    case TEST_RANGE:
        print_range(t, out);
        break;
    case TEST_BITS:
        print_bits(t, out);
        break;
    case TEST_TABLE:
        print_table(t, most, out);
        break;
    case TEST_LIST:
    case TEST_WIDE:
        print_set(t, most, out);
        break;
    case TEST_PREFIX:
        buf_printf(out, "%s ", equal(t));
        put_range(t->what, t->min, t->max, out);
        break;
    case TEST_ORDER:
        print_order(t, out);
        break;
    case TEST_TEXTS:
        print_texts(t, most, out);
        break;
    case TEST_PATTERN:
        print_like(t, out);
        break;
    }
}

/* --- the tree --- */

static void print_node(const struct node *node, enum tight within, size_t most, struct buf *out)
{
    bool and = node->op == NODE_AND;

    switch (node->op) {
    case NODE_ALL:
        buf_text(out, "any");
        break;
    case NODE_NONE:
        buf_text(out, "not any");
        break;
    case NODE_TEST:
        print_test(&node->test, most, out);
        break;
    case NODE_NOT:
        buf_text(out, "not ");
        print_node(node->first, TIGHT_NOT, most, out);
        break;
    case NODE_AND:
    case NODE_OR:
        if (within > (and? TIGHT_AND : TIGHT_OR))
            buf_u8(out, '(');
        for (const struct node *child = node->first; child; child = child->next) {
            if (child != node->first)
                buf_text(out, and? " and " : " or ");
            print_node(child, and? TIGHT_AND : TIGHT_OR, most, out);
        }
        if (within > (and? TIGHT_AND : TIGHT_OR))
            buf_u8(out, ')');
        break;
    }
}

void node_print(const struct node *node, size_t most, struct buf *out)
{
    print_node(node, TIGHT_OR, most, out);
}

void filter_print(const struct filter *f, size_t most, struct buf *out)
{
    node_print(f->root, most, out);
}
