#include "filter/term.h"

#include "base/near.h"
#include "filter/hint.h"
#include "filter/name.h"
#include "filter/operand.h"
#include "filter/word.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *word_text(const struct parse *p) { return p->lex.text + p->lex.tok.at; }

/* The token cannot begin a term. Says what was meant, if that can be guessed. */
static int fail_term(struct parse *p)
{
    char suggest[SUGGEST_TEXT];
    struct shown found = shown_token(&p->lex, p->lex.tok);
    struct token tok = p->lex.tok;
    const char *s = word_text(p);
    struct filter_error *e = p->lex.error;

    const char *hint = hint_find(&p->lex);

    if (tok.is != TOKEN_WORD)
        return filter_fail(e, ERR_CONFIG, tok.at, tok.len,
                           "expected a term such as \"src port 80\" or \"proto tcp\", found %s",
                           found.text);
    if (name_protocol(s, tok.len) >= 0)
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
    if (hint)
        return filter_fail(e, ERR_CONFIG, tok.at, tok.len, "expected a field, found %s; %s",
                           found.text, hint);
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

/* Only records of other kinds have events. */
static bool names_kind(unsigned what)
{
    return what == FIELD_RECORD_KIND || what == FIELD_FW_EVENT || what == FIELD_FW_EXT_EVENT ||
           what == FIELD_NAT_EVENT;
}

static int read_name(struct parse *p, bool pairs, struct subject *out)
{
    struct lex begin = p->lex;

    if (p->lex.tok.is != TOKEN_WORD || !subject_read(&p->lex, pairs, out))
        return fail_term(p);
    int r = lex_next(&p->lex);
    if (r)
        return r;
    if (is_side_of_nothing(p, out)) {
        begin.tok.len = p->lex.tok.at + p->lex.tok.len - begin.tok.at;
        p->lex = begin;
        return fail_term(p);
    }
    if (names_kind(out->what[0]))
        p->f->names_kind = true;
    return 0;
}

/* Tests of all that a word is for. For != all must differ, else one will do, or for `src and dst`
 * none may fail. */
static int build_sides(struct parse *p, const struct subject *s, struct node *node, bool differ,
                       struct node **out)
{
    struct children c = {0};
    bool all = differ || s->sides == SIDES_BOTH;

    if (!node)
        return parse_no_memory(p);
    *out = node;
    if (s->n == 1 || node->op != NODE_TEST)
        return 0;
    for (size_t i = 0; i < s->n; i++) {
        struct node *one = build_same(&p->f->arena, node, s->what[i]);
        if (!one)
            return parse_no_memory(p);
        children_add(&c, one);
    }
    *out = children_join(&p->f->arena, &c, all ? NODE_AND : NODE_OR);
    return *out ? 0 : parse_no_memory(p);
}

/* --- ICMP --- */

static struct node *number_test(struct arena *a, unsigned what, uint64_t v)
{
    struct item item = {.is = ITEM_RANGE, .lo = {0, v}, .hi = {0, v}};
    return build_compare(a, what, COMPARE_EQ, &item, 1);
}

/* The protocol, the type and, for a code's name, the code. */
static struct node *icmp_meaning(struct arena *a, uint8_t proto, bool code,
                                 const struct icmp_meaning *m)
{
    struct children c = {0};
    struct node *parts[] = {number_test(a, FIELD_PROTO, proto),
                            number_test(a, FIELD_ICMP_TYPE, m->type),
                            code ? number_test(a, FIELD_ICMP_CODE, m->code) : NULL};

    for (size_t i = 0; i < 2 + (size_t)code; i++) {
        if (!parts[i])
            return NULL;
        children_add(&c, parts[i]);
    }
    return children_join(a, &c, NODE_AND);
}

static bool add_meanings(struct arena *a, bool code, const struct icmp_name *name,
                         struct children *c)
{
    const struct icmp_meaning *of[] = {&name->v4, &name->v6};

    for (size_t i = 0; i < COUNT_OF(of); i++) {
        if (!of[i]->is)
            continue;
        struct node *node = icmp_meaning(a, i == 0 ? ICMP_PROTO : ICMP6_PROTO, code, of[i]);
        if (!node)
            return false;
        children_add(c, node);
    }
    return true;
}

/* Names, with or without numbers among them; numbers are meant whatever the protocol. */
static struct node *icmp_any(struct arena *a, unsigned what, struct item *items, size_t n)
{
    struct children c = {0};
    size_t numbers = 0;

    for (size_t i = 0; i < n; i++) {
        if (items[i].is == ITEM_ICMP &&
            !add_meanings(a, what == FIELD_ICMP_CODE, &items[i].icmp, &c))
            return NULL;
        if (items[i].is != ITEM_ICMP)
            items[numbers++] = items[i];
    }
    if (numbers > 0) {
        struct node *node = build_compare(a, what, COMPARE_EQ, items, numbers);
        if (!node)
            return NULL;
        children_add(&c, node);
    }
    return children_join(a, &c, NODE_OR);
}

/* != is: there is a type, and it is none of those. */
static int build_icmp(struct parse *p, unsigned what, bool differ, struct item *items, size_t n,
                      struct node **out)
{
    struct arena *a = &p->f->arena;
    struct children c = {0};

    *out = icmp_any(a, what, items, n);
    if (!*out)
        return parse_no_memory(p);
    if (!differ)
        return 0;
    int r = parse_not(p, out);
    struct node *has = build_has(a, what);
    if (r || !has)
        return r ? r : parse_no_memory(p);
    children_add(&c, has);
    children_add(&c, *out);
    *out = children_join(a, &c, NODE_AND);
    return *out ? 0 : parse_no_memory(p);
}

static bool has_icmp(const struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].is == ITEM_ICMP)
            return true;
    return false;
}

/* nfdump's "asa event denied ingress": the event, and why. */
static int read_reason(struct parse *p, const struct subject *s, const struct item *item,
                       struct node **node)
{
    struct token tok = p->lex.tok;
    const struct value_name *reason = NULL;
    struct children c = {0};

    if (s->what[0] == FIELD_FW_EVENT && tok.is == TOKEN_WORD && item->is == ITEM_RANGE &&
        item->lo.lo == 3)
        reason = name_find(FIELD_FW_EXT_EVENT, p->lex.text + tok.at, tok.len);
    if (!reason)
        return 0;
    struct node *why = number_test(&p->f->arena, FIELD_FW_EXT_EVENT, reason->value);
    if (!why)
        return parse_no_memory(p);
    children_add(&c, *node);
    children_add(&c, why);
    *node = children_join(&p->f->arena, &c, NODE_AND);
    return *node ? lex_next(&p->lex) : parse_no_memory(p);
}

/* --- terms --- */

static int build_comparison(struct parse *p, const struct subject *s, const struct sign *sign,
                            struct buf *items, struct node **out)
{
    struct item *v = (struct item *)(void *)items->data;
    size_t n = items->len / sizeof *v;
    bool differ = sign->op == COMPARE_NE;

    if (has_icmp(v, n))
        return build_icmp(p, s->what[0], differ, v, n, out);
    struct node *node = build_compare(&p->f->arena, s->what[0], sign->op, v, n);
    int r = build_sides(p, s, node, differ, out);
    return r == 0 && n == 1 && sign->op == COMPARE_EQ ? read_reason(p, s, v, out) : r;
}

/* Behind a name. */
static int read_comparison(struct parse *p, const struct subject *s, struct node **out)
{
    struct sign sign;
    struct buf items;

    int r = sign_read(p, s, &sign);
    if (r)
        return r;
    buf_init(&items, (FILTER_SET_MAX + 1) * sizeof(struct item));
    r = operands_read(p, s, &sign, &items);
    if (sign.said || items.len > sizeof(struct item))
        p->letters.len = 0;
    if (r == 0)
        r = build_comparison(p, s, &sign, &items, out);
    buf_free(&items);
    return r == 0 && sign.inverted ? parse_not(p, out) : r;
}

static int read_field(struct parse *p, struct node **out)
{
    struct lex begin = p->lex;
    struct subject s;

    int r = read_name(p, true, &s);
    if (r)
        return r;
    r = read_comparison(p, &s, out);
    const char *hint = r == ERR_CONFIG ? hint_find(&begin) : NULL;
    if (hint) {
        char text[ERR_TEXT];
        struct filter_error *e = p->lex.error;
        (void)snprintf(text, sizeof text, "%s", e->text);
        return filter_fail(e, r, e->at, e->len, "%.400s; %s", text, hint);
    }
    return r;
}

static int read_has(struct parse *p, struct node **out)
{
    struct subject s;

    int r = lex_next(&p->lex);
    if (r == 0)
        r = read_name(p, false, &s); /* `has src` is whole: what is behind it is another term */
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
        return parse_no_memory(p);
    children_add(&c, src);
    children_add(&c, dst);
    children_add(&c, said);
    *out = children_join(a, &c, NODE_OR);
    return *out ? lex_next(&p->lex) : parse_no_memory(p);
}

/* --- filters by name --- */

static const struct filter_named *find_named(const struct parse *p, struct near *near)
{
    const struct filter_named *named;
    const char *s = word_text(p);

    for (size_t i = 0; p->env && p->env->named && (named = p->env->named(p->env->arg, i)); i++) {
        if (strlen(named->name) == p->lex.tok.len && memcmp(named->name, s, p->lex.tok.len) == 0)
            return named;
        near_try(near, named->name);
    }
    return NULL;
}

static int fail_named(struct parse *p, const struct near *near)
{
    struct token tok = p->lex.tok;
    const char *best = near_best(near);

    if (!near->best)
        return filter_fail(p->lex.error, ERR_CONFIG, tok.at, tok.len,
                           "there is no filter %s: the configuration names none; it would say "
                           "\"filter NAME TEXT\"",
                           shown_token(&p->lex, tok).text);
    return filter_fail(p->lex.error, ERR_CONFIG, tok.at, tok.len, "there is no filter %s%s%s%s",
                       shown_token(&p->lex, tok).text, best ? "; did you mean " : "",
                       best ? best : "", best ? "?" : "");
}

/* `filter NAME`: the filter that the configuration calls so. */
static int read_filter(struct parse *p, struct node **out)
{
    struct filter_error within;

    int r = lex_next(&p->lex);
    if (r)
        return r;
    struct token tok = p->lex.tok;
    if (tok.is != TOKEN_WORD && tok.is != TOKEN_STRING)
        return filter_fail(p->lex.error, ERR_CONFIG, tok.at, tok.len,
                           "expected the name of a filter in the configuration, found %s",
                           shown_token(&p->lex, tok).text);
    struct near near = near_of(word_text(p), tok.len);
    const struct filter_named *named = find_named(p, &near);
    if (!named)
        return fail_named(p, &near);
    if (p->named == FILTER_NAMED_MAX)
        return filter_fail(p->lex.error, ERR_LIMIT, tok.at, tok.len,
                           "filter %s: expected no more than 16 filters within each other; does it "
                           "mean itself?",
                           named->name);
    r = parse_named(p, named->text, &within, out);
    if (r == ERR_LIMIT)
        return filter_fail(p->lex.error, r, tok.at, tok.len, "%s", within.text);
    if (r)
        return filter_fail(p->lex.error, r, tok.at, tok.len, "filter %s: %s:%zu:%zu: %.400s",
                           named->name, named->file, named->line, named->column + within.at,
                           within.text);
    return lex_next(&p->lex);
}

int term_read(struct parse *p, struct node **out)
{
    struct token tok = p->lex.tok;

    p->letters.len = 0;
    if (lex_is(&p->lex, tok, "any")) {
        *out = build_node(&p->f->arena, NODE_ALL);
        return *out ? lex_next(&p->lex) : parse_no_memory(p);
    }
    if (lex_is(&p->lex, tok, "inet") || lex_is(&p->lex, tok, "ipv4"))
        return read_family(p, false, out);
    if (lex_is(&p->lex, tok, "inet6") || lex_is(&p->lex, tok, "ipv6"))
        return read_family(p, true, out);
    if (lex_is(&p->lex, tok, "has"))
        return read_has(p, out);
    if (lex_is(&p->lex, tok, "filter"))
        return read_filter(p, out);
    return read_field(p, out);
}
