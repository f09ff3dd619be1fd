#include "filter/parse.h"

#include "filter/build.h"
#include "filter/term.h"
#include "filter/value.h"

#include <string.h>

int parse_limit(struct parse *p, const char *what)
{
    return filter_fail(p->lex.error, ERR_LIMIT, p->lex.tok.at, p->lex.tok.len, "%s", what);
}

int parse_no_memory(struct parse *p) { return parse_limit(p, "the filter is too large"); }

int parse_not(struct parse *p, struct node **node)
{
    struct node *inner = *node;

    if (inner->op == NODE_NOT) {
        *node = inner->first;
        return 0;
    }
    bool whole = inner->op == NODE_ALL || inner->op == NODE_NONE;
    enum node_op op = !whole ? NODE_NOT : inner->op == NODE_ALL ? NODE_NONE : NODE_ALL;
    struct node *outer = build_node(&p->f->arena, op);
    if (!outer)
        return parse_no_memory(p);
    outer->first = whole ? NULL : inner;
    outer->cost = inner->cost;
    *node = outer;
    return 0;
}

static int read_either(struct parse *p, struct node **out);

static int read_group(struct parse *p, struct node **out)
{
    size_t opened = p->lex.tok.at;

    if (p->depth >= FILTER_DEPTH_MAX)
        return parse_limit(p, "brackets are at most 100 deep");
    p->depth++;
    p->opened++;
    int r = lex_next(&p->lex);
    if (r == 0)
        r = read_either(p, out);
    if (r)
        return r;
    p->depth--;
    p->opened--;
    if (p->lex.tok.is != TOKEN_CLOSE)
        return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                           "expected \")\" for the bracket that column %zu opens, found %s",
                           opened + 1, shown_token(&p->lex, p->lex.tok).text);
    return lex_next(&p->lex);
}

/* "not flags SA": not both, or neither? nfdump means the latter. */
static int fail_letters(struct parse *p)
{
    struct token tok = p->letters;
    int len = tok.len < VALUE_WORD_MAX ? (int)tok.len : VALUE_WORD_MAX;
    const char *s = p->lex.text + tok.at;

    return filter_fail(p->lex.error, ERR_CONFIG, tok.at, tok.len,
                       "expected all, any or none before several flags behind \"not\"; write "
                       "\"flags none %.*s\" (what nfdump means) or \"not flags all %.*s\"",
                       len, s, len, s);
}

static int read_one(struct parse *p, struct node **out)
{
    bool negate = false;
    int r = 0;

    while (r == 0 && p->lex.tok.is == TOKEN_NOT) {
        negate = !negate;
        r = lex_next(&p->lex);
    }
    if (r)
        return r;
    bool group = p->lex.tok.is == TOKEN_OPEN;
    r = group ? read_group(p, out) : term_read(p, out);
    if (r)
        return r;
    if (negate && !group && p->letters.len > 0)
        return fail_letters(p);
    return negate ? parse_not(p, out) : 0;
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
        if (p->opened > 0)
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
    case TOKEN_LIKE:
    case TOKEN_UNLIKE:
    case TOKEN_REGEX:
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
        children_add_flat(&c, node, NODE_AND);
        if (p->lex.tok.is != TOKEN_AND)
            break;
        r = lex_next(&p->lex);
        if (r)
            return r;
    }
    *out = children_join(&p->f->arena, &c, NODE_AND);
    return *out ? 0 : parse_no_memory(p);
}

static int read_either(struct parse *p, struct node **out)
{
    struct children c = {0};

    for (;;) {
        struct node *node;
        int r = read_both(p, &node);
        if (r)
            return r;
        children_add_flat(&c, node, NODE_OR);
        if (p->lex.tok.is != TOKEN_OR)
            break;
        r = lex_next(&p->lex);
        if (r)
            return r;
    }
    *out = children_join(&p->f->arena, &c, NODE_OR);
    return *out ? 0 : parse_no_memory(p);
}

static int read_all(struct parse *p, struct node **out)
{
    if (p->lex.len > FILTER_TEXT_MAX)
        return filter_fail(p->lex.error, ERR_LIMIT, 0, 0, "a filter has at most 32 MB of text");
    int r = lex_next(&p->lex);
    if (r)
        return r;
    if (p->lex.tok.is != TOKEN_END)
        return read_either(p, out);
    *out = build_node(&p->f->arena, NODE_ALL);
    return *out ? 0 : parse_no_memory(p);
}

int parse_text(struct filter *f, const char *text, const struct filter_env *env,
               struct filter_error *error)
{
    struct parse p = {
        .lex = {.text = text, .len = strlen(text), .error = error}, .f = f, .env = env};

    return read_all(&p, &f->root);
}

int parse_named(const struct parse *outer, const char *text, struct filter_error *error,
                struct node **out)
{
    struct parse p = {.lex = {.text = text, .len = strlen(text), .error = error},
                      .f = outer->f,
                      .env = outer->env,
                      .depth = outer->depth + 1,
                      .named = outer->named + 1};

    return read_all(&p, out);
}
