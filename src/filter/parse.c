#include "filter/parse.h"

#include "filter/build.h"
#include "filter/lex.h"
#include "filter/value.h"
#include "filter/word.h"

#include <ctype.h>
#include <string.h>

enum { NAME_SHOWN = 40 }; /* bytes of a name in messages */

struct parse {
    struct lex lex;
    struct filter *f;
    unsigned depth;
};

static int fail_limit(struct parse *p, const char *what)
{
    return filter_fail(p->lex.error, ERR_LIMIT, p->lex.tok.at, p->lex.tok.len, "%s", what);
}

static int no_memory(struct parse *p) { return fail_limit(p, "the filter is too large"); }

static const char *word_text(const struct parse *p) { return p->lex.text + p->lex.tok.at; }

/* The token cannot begin a term. Says what was meant, if that can be guessed. */
static int fail_term(struct parse *p)
{
    char suggest[SUGGEST_TEXT];
    struct shown found = shown_token(&p->lex, p->lex.tok);
    struct token tok = p->lex.tok;
    const char *s = word_text(p);
    struct filter_error *e = p->lex.error;

    if (tok.is != TOKEN_WORD)
        return filter_fail(e, ERR_CONFIG, tok.at, tok.len,
                           "expected a term such as \"src port 80\" or \"proto tcp\", found %s",
                           found.text);
    if (proto_number(s, tok.len) >= 0)
        return filter_fail(e, ERR_CONFIG, tok.at, tok.len,
                           "expected a field, found %s; write \"proto %.*s\"", found.text,
                           (int)tok.len, s);
    if (is_address(s, tok.len))
        return filter_fail(e, ERR_CONFIG, tok.at, tok.len,
                           "expected a field, found %s; write \"ip %.*s\"", found.text,
                           (int)tok.len, s);
    if (isdigit((unsigned char)*s))
        return filter_fail(e, ERR_CONFIG, tok.at, tok.len,
                           "expected a field, found %s; write what it is of, such as \"port 80\", "
                           "or a list, \"port in [80, 443]\"",
                           found.text);
    subject_suggest(&p->lex, suggest);
    return filter_fail(e, ERR_CONFIG, tok.at, tok.len, "expected a field, found %s%s", found.text,
                       *suggest ? suggest : "; \"weir fields\" lists all there are");
}

/* `src` or `dst` alone is an address; before a word that is none, it began a name. */
static bool is_side_of_nothing(const struct parse *p, const struct subject *s)
{
    struct token tok = p->lex.tok;
    const char *word = word_text(p);

    return s->bare_side && tok.is == TOKEN_WORD && isalpha((unsigned char)*word) &&
           !lex_is(&p->lex, tok, "in") && !memchr(word, ':', tok.len);
}

static int read_name(struct parse *p, struct subject *out)
{
    struct lex begin = p->lex;

    if (p->lex.tok.is != TOKEN_WORD || !subject_read(&p->lex, out))
        return fail_term(p);
    int r = lex_next(&p->lex);
    if (r)
        return r;
    if (is_side_of_nothing(p, out)) {
        begin.tok.len = p->lex.tok.at + p->lex.tok.len - begin.tok.at;
        p->lex = begin;
        return fail_term(p);
    }
    if (out->what[0] == FIELD_RECORD_KIND)
        p->f->names_kind = true;
    return 0;
}

static struct value_in value_in_of(struct parse *p, const struct subject *s)
{
    struct value_in in = {.text = p->lex.text, .arena = &p->f->arena, .error = p->lex.error};

    in.what = s->what[0];
    in.name = p->lex.text + s->at;
    in.name_len = (int)(s->len < NAME_SHOWN ? s->len : NAME_SHOWN);
    return in;
}

static int fail_value(struct parse *p, const struct subject *s, const char *before)
{
    struct value_in in = value_in_of(p, s);
    struct token tok = p->lex.tok;

    return filter_fail(in.error, ERR_CONFIG, tok.at, tok.len, "%.*s: expected %s%s, found %s",
                       in.name_len, in.name, before, value_expected(in.what).text,
                       shown_token(&p->lex, tok).text);
}

static int read_value(struct parse *p, const struct subject *s, struct item *out)
{
    struct value_in in = value_in_of(p, s);

    if (p->lex.tok.is != TOKEN_WORD && p->lex.tok.is != TOKEN_STRING)
        return fail_value(p, s, "");
    int r = value_read(&in, p->lex.tok, out);
    return r ? r : lex_next(&p->lex);
}

/* Behind "[": values into `items` up to "]". */
static int read_list(struct parse *p, const struct subject *s, struct buf *items)
{
    size_t opened = p->lex.tok.at;
    int r = lex_next(&p->lex);

    while (r == 0) {
        struct item item;
        r = read_value(p, s, &item);
        if (r)
            return r;
        if (items->len / sizeof item >= FILTER_LIST_MAX)
            return fail_limit(p, "a list has at most 1048576 values");
        buf_bytes(items, &item, sizeof item);
        if (!buf_ok(items))
            return no_memory(p);
        if (p->lex.tok.is == TOKEN_CLOSE_LIST)
            return lex_next(&p->lex);
        if (p->lex.tok.is == TOKEN_COMMA)
            r = lex_next(&p->lex);
        else if (p->lex.tok.is != TOKEN_WORD && p->lex.tok.is != TOKEN_STRING)
            return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                               "expected \",\" or \"]\" for the list that column %zu opens, "
                               "found %s",
                               opened + 1, shown_token(&p->lex, p->lex.tok).text);
    }
    return r;
}

static const struct {
    enum token_is token;
    enum compare op;
} signs[] = {
    {TOKEN_EQ, COMPARE_EQ}, {TOKEN_NE, COMPARE_NE}, {TOKEN_LT, COMPARE_LT},
    {TOKEN_LE, COMPARE_LE}, {TOKEN_GT, COMPARE_GT}, {TOKEN_GE, COMPARE_GE},
};

/* The sign, `in` or `not in` behind a name, if there is one; *place is where it stands. */
static int read_compare(struct parse *p, enum compare *op, bool *inverted, struct token *place)
{
    *op = COMPARE_EQ;
    *place = p->lex.tok;
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (p->lex.tok.is == signs[i].token) {
            *op = signs[i].op;
            return lex_next(&p->lex);
        }
    }
    if (p->lex.tok.is == TOKEN_NOT) {
        int r = lex_next(&p->lex);
        if (r)
            return r;
        if (!lex_is(&p->lex, p->lex.tok, "in"))
            return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                               "expected \"in\" after \"not\", found %s",
                               shown_token(&p->lex, p->lex.tok).text);
        *inverted = true;
    }
    return lex_is(&p->lex, p->lex.tok, "in") ? lex_next(&p->lex) : 0;
}

/* Signs of order take one value, of a thing that has an order. */
static int check_order(struct parse *p, const struct subject *s, struct token sign,
                       struct token value, const struct item *item)
{
    const char *sign_text = p->lex.text + sign.at;

    if (what_type(s->what[0]) == VALUE_NAME)
        return filter_fail(p->lex.error, ERR_CONFIG, sign.at, sign.len,
                           "%s: expected =, != or in, since its values have no order, found %s",
                           what_name(s->what[0]), shown_token(&p->lex, sign).text);
    if (item->is == ITEM_FLAGS)
        return filter_fail(p->lex.error, ERR_CONFIG, value.at, value.len,
                           "expected a number after %.*s, found %s; flags in letters go with = "
                           "and !=",
                           (int)sign.len, sign_text, shown_token(&p->lex, value).text);
    if (item->is == ITEM_RANGE && wide_cmp(item->lo, item->hi) != 0)
        return filter_fail(p->lex.error, ERR_CONFIG, value.at, value.len,
                           "expected one value after %.*s, found %s; a range or prefix goes with "
                           "= and in",
                           (int)sign.len, sign_text, shown_token(&p->lex, value).text);
    return 0;
}

/* Tests of one or both sides. Both differ for !=, else either side will do. */
static int build_sides(struct parse *p, const struct subject *s, struct node *node, bool both,
                       struct node **out)
{
    struct children c = {0};

    if (!node)
        return no_memory(p);
    *out = node;
    if (s->what[1] == WHAT_NONE || node->op != NODE_TEST)
        return 0;
    struct node *other = build_same(&p->f->arena, node, s->what[1]);
    if (!other)
        return no_memory(p);
    children_add(&c, node);
    children_add(&c, other);
    *out = children_join(&p->f->arena, &c, both ? NODE_AND : NODE_OR);
    return *out ? 0 : no_memory(p);
}

static int wrap_not(struct parse *p, struct node **node)
{
    struct node *inner = *node;
    struct node *outer = build_node(&p->f->arena, NODE_NOT);

    if (!outer)
        return no_memory(p);
    outer->first = inner;
    outer->cost = inner->cost;
    *node = outer;
    return 0;
}

static int read_operands(struct parse *p, const struct subject *s, enum compare op,
                         struct token sign, struct buf *items)
{
    bool listed = p->lex.tok.is == TOKEN_OPEN_LIST;
    bool ordered = op != COMPARE_EQ && op != COMPARE_NE;
    struct token value = p->lex.tok;
    struct item item;

    if (listed && !ordered)
        return read_list(p, s, items);
    int r = read_value(p, s, &item);
    if (r)
        return r;
    if (ordered)
        r = check_order(p, s, sign, value, &item);
    buf_bytes(items, &item, sizeof item);
    return r == 0 && !buf_ok(items) ? no_memory(p) : r;
}

static int read_comparison(struct parse *p, struct node **out)
{
    struct subject s;
    struct buf items;
    enum compare op;
    struct token sign;
    bool inverted = false;

    int r = read_name(p, &s);
    if (r)
        return r;
    r = read_compare(p, &op, &inverted, &sign);
    if (r)
        return r;
    if (sign.at == p->lex.tok.at && p->lex.tok.is != TOKEN_WORD && p->lex.tok.is != TOKEN_STRING &&
        p->lex.tok.is != TOKEN_OPEN_LIST)
        return fail_value(p, &s, "=, !=, <, <=, >, >=, in or ");

    buf_init(&items, (FILTER_LIST_MAX + 1) * sizeof(struct item));
    r = read_operands(p, &s, op, sign, &items);
    if (r == 0) {
        struct item *v = (struct item *)(void *)items.data;
        struct node *node = build_compare(&p->f->arena, s.what[0], op, v, items.len / sizeof *v);
        r = build_sides(p, &s, node, op == COMPARE_NE, out);
    }
    buf_free(&items);
    return r == 0 && inverted ? wrap_not(p, out) : r;
}

static int read_has(struct parse *p, struct node **out)
{
    struct subject s;

    int r = lex_next(&p->lex);
    if (r == 0)
        r = read_name(p, &s);
    return r ? r : build_sides(p, &s, build_has(&p->f->arena, s.what[0]), false, out);
}

/* Either address is of this family, or the exporter says so. */
static int read_family(struct parse *p, bool v6, struct node **out)
{
    struct item v4_range = {
        .is = ITEM_RANGE, .lo = {0, UINT64_C(0xffff00000000)}, .hi = {0, UINT64_C(0xffffffffffff)}};
    struct item version = {.is = ITEM_RANGE, .lo = {0, v6 ? 6 : 4}, .hi = {0, v6 ? 6 : 4}};
    struct arena *a = &p->f->arena;
    struct children c = {0};

    struct node *src = build_compare(a, FIELD_SRC_ADDR, v6 ? COMPARE_NE : COMPARE_EQ, &v4_range, 1);
    struct node *dst = src ? build_same(a, src, FIELD_DST_ADDR) : NULL;
    struct node *said = build_compare(a, FIELD_IP_VERSION, COMPARE_EQ, &version, 1);
    if (!dst || !said)
        return no_memory(p);
    children_add(&c, src);
    children_add(&c, dst);
    children_add(&c, said);
    *out = children_join(a, &c, NODE_OR);
    return *out ? lex_next(&p->lex) : no_memory(p);
}

static int read_term(struct parse *p, struct node **out)
{
    struct token tok = p->lex.tok;

    if (lex_is(&p->lex, tok, "any")) {
        *out = build_node(&p->f->arena, NODE_ALL);
        return *out ? lex_next(&p->lex) : no_memory(p);
    }
    if (lex_is(&p->lex, tok, "inet") || lex_is(&p->lex, tok, "ipv4"))
        return read_family(p, false, out);
    if (lex_is(&p->lex, tok, "inet6") || lex_is(&p->lex, tok, "ipv6"))
        return read_family(p, true, out);
    if (lex_is(&p->lex, tok, "has"))
        return read_has(p, out);
    return read_comparison(p, out);
}

static int read_either(struct parse *p, struct node **out);

static int read_group(struct parse *p, struct node **out)
{
    size_t opened = p->lex.tok.at;

    if (p->depth == FILTER_DEPTH_MAX)
        return fail_limit(p, "brackets are at most 100 deep");
    p->depth++;
    int r = lex_next(&p->lex);
    if (r == 0)
        r = read_either(p, out);
    if (r)
        return r;
    p->depth--;
    if (p->lex.tok.is != TOKEN_CLOSE)
        return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                           "expected \")\" for the bracket that column %zu opens, found %s",
                           opened + 1, shown_token(&p->lex, p->lex.tok).text);
    return lex_next(&p->lex);
}

static int read_one(struct parse *p, struct node **out)
{
    bool negate = false;
    int r = 0;

    while (r == 0 && p->lex.tok.is == TOKEN_NOT) {
        negate = !negate;
        r = lex_next(&p->lex);
    }
    if (r == 0)
        r = p->lex.tok.is == TOKEN_OPEN ? read_group(p, out) : read_term(p, out);
    return r == 0 && negate ? wrap_not(p, out) : r;
}

/* What follows a term, where it is not an operator between terms. */
static int check_after_term(struct parse *p)
{
    switch (p->lex.tok.is) {
    case TOKEN_END:
    case TOKEN_AND:
    case TOKEN_OR:
        return 0;
    case TOKEN_CLOSE:
        if (p->depth > 0)
            return 0;
        return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                           "expected the end of the filter, found \")\" without its \"(\"");
    case TOKEN_COMMA:
        return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                           "expected \"and\" or \"or\", found \",\"; a list is written "
                           "\"port in [80, 443]\"");
    case TOKEN_WORD:
    case TOKEN_STRING:
    case TOKEN_OPEN:
    case TOKEN_OPEN_LIST:
    case TOKEN_CLOSE_LIST:
    case TOKEN_EQ:
    case TOKEN_NE:
    case TOKEN_LT:
    case TOKEN_LE:
    case TOKEN_GT:
    case TOKEN_GE:
    case TOKEN_NOT:
        break;
    }
    return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                       "expected \"and\" or \"or\" before the next term, found %s",
                       shown_token(&p->lex, p->lex.tok).text);
}

static int read_both(struct parse *p, struct node **out)
{
    struct children c = {0};

    for (;;) {
        struct node *node;
        int r = read_one(p, &node);
        if (r == 0)
            r = check_after_term(p);
        if (r)
            return r;
        children_add(&c, node);
        if (p->lex.tok.is != TOKEN_AND)
            break;
        r = lex_next(&p->lex);
        if (r)
            return r;
    }
    *out = children_join(&p->f->arena, &c, NODE_AND);
    return *out ? 0 : no_memory(p);
}

static int read_either(struct parse *p, struct node **out)
{
    struct children c = {0};

    for (;;) {
        struct node *node;
        int r = read_both(p, &node);
        if (r)
            return r;
        children_add(&c, node);
        if (p->lex.tok.is != TOKEN_OR)
            break;
        r = lex_next(&p->lex);
        if (r)
            return r;
    }
    *out = children_join(&p->f->arena, &c, NODE_OR);
    return *out ? 0 : no_memory(p);
}

int parse_text(struct filter *f, const char *text, struct filter_error *error)
{
    struct parse p = {.lex = {.text = text, .len = strlen(text), .error = error}, .f = f};

    if (p.lex.len > FILTER_TEXT_MAX)
        return filter_fail(error, ERR_LIMIT, 0, 0, "a filter has at most 32 MB of text");
    int r = lex_next(&p.lex);
    if (r)
        return r;
    if (p.lex.tok.is == TOKEN_END) {
        f->root = build_node(&f->arena, NODE_ALL);
        return f->root ? 0 : no_memory(&p);
    }
    return read_either(&p, &f->root);
}
