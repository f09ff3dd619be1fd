#include "probe/ask.h"

#include "base/near.h"
#include "base/text.h"
#include "flow/element.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOP_MAX = 1000000, SHOWN = 40, MAC_OCTETS = 6, V4_OCTETS = 4, APPLICATION_OCTETS = 4 };

struct word {
    const char *s;
    size_t len;
};

struct reader {
    const char *text;
    const char *at;
    const struct pick_field *fields;
    const char *const *words;
    size_t n;
    struct err *err;
};

enum ask_form ask_form(const struct pick_field *f)
{
    enum { IN_IF = 10, OUT_IF = 14, IN_PHYSICAL = 252, OUT_PHYSICAL = 253 };
    const struct layout_field of = {.enterprise = f->enterprise, .number = f->number};
    const struct element *e = element_find(SPACE_IPFIX, &of);

    if (f->enterprise == 0 && (f->number == IN_IF || f->number == OUT_IF ||
                               f->number == IN_PHYSICAL || f->number == OUT_PHYSICAL))
        return ASK_INTERFACE;
    if (e && e->conv == CONV_APP && f->len == APPLICATION_OCTETS)
        return ASK_APPLICATION;
    if (e && e->conv == CONV_ADDR && (f->len == V4_OCTETS || f->len == sizeof(struct addr)))
        return ASK_ADDR;
    if (e && e->conv == CONV_MAC)
        return ASK_MAC;
    if (e && e->conv == CONV_MSEC && f->len == sizeof(uint64_t))
        return ASK_TIME;
    return f->len <= sizeof(uint64_t) ? ASK_NUMBER : ASK_OCTETS;
}

/* --- words --- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static struct word word_at(const char *s)
{
    struct word w;

    while (is_blank(*s))
        s++;
    w = (struct word){s, strcspn(s, " \t")};
    return w;
}

static struct word peek(const struct reader *r) { return word_at(r->at); }

static void skip(struct reader *r, struct word w) { r->at = w.s + w.len; }

static bool is(struct word w, const char *text)
{
    return w.len == strlen(text) && memcmp(w.s, text, w.len) == 0;
}

static bool take(struct reader *r, const char *text)
{
    struct word w = peek(r);

    if (!is(w, text))
        return false;
    skip(r, w);
    return true;
}

static int fail(const struct reader *r, struct word w, const char *expected)
{
    size_t column = (size_t)(w.s - r->text) + 1;

    if (w.len == 0)
        return err_set(r->err, ERR_CONFIG, "column %zu: expected %s, found the end", column,
                       expected);
    return err_set(r->err, ERR_CONFIG, "column %zu: expected %s, found \"%.*s\"", column, expected,
                   (int)(w.len < SHOWN ? w.len : SHOWN), w.s);
}

/* --- fields --- */

/* "counter bytes long" is also "counter bytes". */
static bool may_be_left_out(struct word w)
{
    return is(w, "long") || is(w, "4-octet") || is(w, "snmp");
}

/* How many octets of the text are the field's words; 0: it is another. */
static size_t match_words(const char *text, const char *words)
{
    const char *at = text;

    for (struct word w = word_at(words); w.len > 0; w = word_at(w.s + w.len)) {
        struct word t = word_at(at);
        if (t.len == w.len && memcmp(t.s, w.s, w.len) == 0)
            at = t.s + t.len;
        else if (!may_be_left_out(w))
            return 0;
    }
    return (size_t)(at - text);
}

/* As many words as the field has, from here. */
static size_t span_of(const char *text, const char *words)
{
    const char *at = text;

    for (struct word w = word_at(words); w.len > 0; w = word_at(w.s + w.len)) {
        struct word t = word_at(at);
        at = t.s + t.len;
    }
    return (size_t)(at - text);
}

static int fail_field(struct reader *r)
{
    struct word w = peek(r);
    size_t least = SIZE_MAX;
    const char *best = "counter bytes";
    char expected[200];

    for (size_t i = 0; i < r->n; i++) {
        size_t n = near_distance(w.s, span_of(w.s, r->words[i]), r->words[i], strlen(r->words[i]));
        if (n >= least)
            continue;
        least = n;
        best = r->words[i];
    }
    (void)snprintf(expected, sizeof expected, "a field of the record, as \"%.60s\"", best);
    return fail(r, w, expected);
}

/* The field with the most words that stand here. */
static int read_field(struct reader *r, size_t *out)
{
    size_t longest = 0;

    for (size_t i = 0; i < r->n; i++) {
        size_t len = match_words(r->at, r->words[i]);
        if (len <= longest)
            continue;
        longest = len;
        *out = i;
    }
    if (longest == 0)
        return fail_field(r);
    r->at += longest;
    return 0;
}

/* --- values --- */

static void put_octets(uint8_t out[static SETUP_TEST_OCTETS], const uint8_t *v, size_t n)
{
    memset(out, 0, SETUP_TEST_OCTETS);
    memcpy(out + SETUP_TEST_OCTETS - n, v, n);
}

static bool copy_word(struct word w, char *out, size_t size)
{
    if (w.len >= size)
        return false;
    memcpy(out, w.s, w.len);
    out[w.len] = '\0';
    return true;
}

static int read_addr(struct reader *r, struct word w, const struct pick_field *f,
                     struct setup_test *t)
{
    char text[PREFIX_TEXT];
    struct prefix p;
    bool v4 = f->len == V4_OCTETS;

    if (!copy_word(w, text, sizeof text) || prefix_parse(text, &p, NULL) != 0 ||
        addr_is_v4(&p.addr) != v4)
        return fail(r, w, v4 ? "an IPv4 address or prefix" : "an IPv6 address or prefix");
    struct addr last = p.addr;
    for (size_t i = p.bits; i < 8 * sizeof last.b; i++)
        last.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
    put_octets(t->lo, p.addr.b + sizeof p.addr.b - f->len, f->len);
    put_octets(t->hi, last.b + sizeof last.b - f->len, f->len);
    return 0;
}

static int read_mac(struct reader *r, struct word w, struct setup_test *t)
{
    unsigned v[MAC_OCTETS];
    uint8_t octets[MAC_OCTETS];
    char text[32];
    int end = 0;

    if (!copy_word(w, text, sizeof text) ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) !=
            MAC_OCTETS ||
        text[end] != '\0')
        return fail(r, w, "a MAC address, as 00:11:22:33:44:55");
    for (size_t i = 0; i < MAC_OCTETS; i++)
        octets[i] = (uint8_t)v[i];
    put_octets(t->lo, octets, sizeof octets);
    put_octets(t->hi, octets, sizeof octets);
    return 0;
}

static int read_application(struct reader *r, struct word w, struct setup_test *t)
{
    enum { SHIFT = 24 };
    unsigned engine;
    unsigned selector;
    char text[32];
    int end = 0;

    if (!copy_word(w, text, sizeof text) ||
        sscanf(text, "%3u:%8u%n", &engine, &selector, &end) != 2 || text[end] != '\0' ||
        engine > UINT8_MAX || selector >> SHIFT != 0)
        return fail(r, w, "an application, as 13:189");
    pick_put(t->lo, (uint64_t)engine << SHIFT | selector);
    memcpy(t->hi, t->lo, sizeof t->hi);
    return 0;
}

static bool parse_number(struct word w, uint64_t *out)
{
    char text[24];
    char *end;

    if (w.len > 2 && w.s[0] == '0' && w.s[1] == 'x' && copy_word(w, text, sizeof text) &&
        w.len <= 2 + 2 * sizeof *out) {
        *out = strtoull(text + 2, &end, 16);
        return *end == '\0';
    }
    return w.len > 0 && text_count(w.s, w.len, UINT64_MAX, out, NULL) == 0;
}

static int read_moment(struct reader *r, struct word w, struct setup_test *t)
{
    int64_t ms;

    if (text_time(w.s, w.len, 0, &ms, NULL) != 0 || ms < 0)
        return fail(r, w, "a time, as 2026-11-22T14:05");
    pick_put(t->lo, (uint64_t)ms);
    pick_put(t->hi, (uint64_t)ms);
    return 0;
}

static int read_value(struct reader *r, const struct pick_field *f, struct setup_test *t)
{
    struct word w = peek(r);
    enum ask_form form = ask_form(f);
    uint64_t v;

    skip(r, w);
    if (form == ASK_ADDR)
        return read_addr(r, w, f, t);
    if (form == ASK_MAC)
        return read_mac(r, w, t);
    if (form == ASK_APPLICATION)
        return read_application(r, w, t);
    if (form == ASK_TIME)
        return read_moment(r, w, t);
    if (form == ASK_OCTETS)
        return fail(r, w, "a field of at most 8 octets to compare");
    if (parse_number(w, &v)) {
        pick_put(t->lo, v);
        pick_put(t->hi, v);
        return 0;
    }
    if (form != ASK_INTERFACE || w.len == 0 || !copy_word(w, t->dev, sizeof t->dev))
        return fail(r, w, form == ASK_INTERFACE ? "an interface" : "a number");
    return 0;
}

/* --- filter --- */

enum sign { SIGN_EQ, SIGN_NE, SIGN_LT, SIGN_LE, SIGN_GT, SIGN_GE };

static enum sign read_sign(struct reader *r)
{
    static const struct {
        const char *text;
        enum sign sign;
    } signs[] = {{"eq", SIGN_EQ}, {"=", SIGN_EQ},  {"==", SIGN_EQ}, {"ne", SIGN_NE},
                 {"!=", SIGN_NE}, {"lt", SIGN_LT}, {"<", SIGN_LT},  {"le", SIGN_LE},
                 {"<=", SIGN_LE}, {"gt", SIGN_GT}, {">", SIGN_GT},  {"ge", SIGN_GE},
                 {">=", SIGN_GE}};

    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (take(r, signs[i].text))
            return signs[i].sign;
    return SIGN_EQ;
}

/* What is compared with one value is outside or inside of bounds. */
static void bend(struct setup_test *t, enum sign sign)
{
    switch (sign) {
    case SIGN_EQ:
        return;
    case SIGN_NE:
        t->outside = true;
        return;
    case SIGN_LT: /* not what is at least the value */
    case SIGN_GE:
        memset(t->hi, UINT8_MAX, sizeof t->hi);
        t->outside = sign == SIGN_LT;
        return;
    case SIGN_GT: /* not what is at most the value */
    case SIGN_LE:
        memset(t->lo, 0, sizeof t->lo);
        t->outside = sign == SIGN_GT;
        return;
    }
}

static int read_test(struct reader *r, struct ask *out)
{
    struct setup_test t = {.number = 0};
    size_t i = 0;
    int bad = read_field(r, &i);

    if (bad)
        return bad;
    struct word sign_at = peek(r);
    enum sign sign = read_sign(r);
    bad = read_value(r, &r->fields[i], &t);
    if (bad)
        return bad;
    if (t.dev[0] && sign != SIGN_EQ && sign != SIGN_NE)
        return fail(r, sign_at, "eq or ne before the name of an interface");
    if (out->n_tests == SETUP_TESTS)
        return err_set(r->err, ERR_CONFIG, "at most %d conditions", SETUP_TESTS);
    t.enterprise = r->fields[i].enterprise;
    t.number = r->fields[i].number;
    bend(&t, sign);
    out->tests[out->n_tests++] = t;
    return 0;
}

static bool is_clause(struct word w)
{
    return w.len == 0 || is(w, "filter") || is(w, "sort") || is(w, "aggregate") || is(w, "format");
}

static int read_filter(struct reader *r, struct ask *out)
{
    int bad = read_test(r, out);

    while (bad == 0 && !is_clause(peek(r))) {
        (void)take(r, "and");
        bad = read_test(r, out);
    }
    return bad;
}

/* --- the others --- */

static int read_group(struct reader *r, struct ask *out)
{
    do {
        size_t i = 0;
        int bad = read_field(r, &i);
        if (bad)
            return bad;
        for (size_t k = 0; k < out->n_group; k++)
            if (out->group[k] == i)
                return err_set(r->err, ERR_CONFIG, "\"%.60s\" is there twice", r->words[i]);
        out->group[out->n_group++] = i;
    } while (!is_clause(peek(r)));
    return 0;
}

static int read_sort(struct reader *r, struct ask *out)
{
    size_t i = 0;
    uint64_t n;

    out->lowest = take(r, "lowest");
    if (!out->lowest)
        (void)take(r, "highest");
    int bad = read_field(r, &i);
    if (bad)
        return bad;
    out->by = (int)i;
    if (!take(r, "top"))
        return 0;
    struct word w = peek(r);
    if (text_count(w.s, w.len, TOP_MAX, &n, NULL) != 0 || n == 0)
        return fail(r, w, "how many, 1 to 1000000");
    skip(r, w);
    out->top = (size_t)n;
    return 0;
}

static int read_format(struct reader *r, struct ask *out)
{
    static const char *const names[] = {
        [ASK_RECORD] = "record", [ASK_TABLE] = "table", [ASK_CSV] = "csv"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (take(r, names[i])) {
            out->format = (enum ask_format)i;
            return 0;
        }
    return fail(r, peek(r), "record, table or csv");
}

static const struct {
    const char *name;
    int (*read)(struct reader *r, struct ask *out);
} clauses[] = {{"filter", read_filter},
               {"aggregate", read_group},
               {"sort", read_sort},
               {"format", read_format}};

static int read_clause(struct reader *r, bool seen[static COUNT_OF(clauses)], struct ask *out)
{
    for (size_t i = 0; i < COUNT_OF(clauses); i++) {
        if (!take(r, clauses[i].name))
            continue;
        if (seen[i])
            return err_set(r->err, ERR_CONFIG, "%s is there twice", clauses[i].name);
        seen[i] = true;
        return clauses[i].read(r, out);
    }
    return fail(r, peek(r), "filter, aggregate, sort or format");
}

int ask_read(const char *text, const struct pick_field *fields, const char *const *words, size_t n,
             struct ask *out, struct err *err)
{
    struct reader r = {
        .text = text, .at = text, .fields = fields, .words = words, .n = n, .err = err};
    bool seen[COUNT_OF(clauses)] = {false};
    struct ask a = {.by = -1};
    int bad = 0;

    while (bad == 0 && peek(&r).len > 0)
        bad = read_clause(&r, seen, &a);
    if (bad == 0)
        *out = a;
    return bad;
}
