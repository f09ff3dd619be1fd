#include "filter/operand.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_SHOWN = 40,      /* bytes of a name in messages */
    FILE_NAME_MAX = 4096, /* bytes of a path */
};

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

static bool is_value(struct token tok)
{
    return tok.is == TOKEN_WORD || tok.is == TOKEN_STRING || tok.is == TOKEN_REGEX;
}

static int add_item(struct parse *p, const struct item *item, size_t most, struct buf *items)
{
    if (items->len / sizeof *item >= most)
        return most == FILTER_LIST_MAX ? parse_limit(p, "a list has at most 1048576 values")
                                       : parse_limit(p, "a set has at most 4194304 values");
    buf_bytes(items, item, sizeof *item);
    return buf_ok(items) ? 0 : parse_no_memory(p);
}

/* --- signs --- */

static const struct {
    enum token_is token;
    struct sign sign;
} signs[] = {
    {TOKEN_EQ, {.op = COMPARE_EQ}},
    {TOKEN_NE, {.op = COMPARE_NE}},
    {TOKEN_LT, {.op = COMPARE_LT}},
    {TOKEN_LE, {.op = COMPARE_LE}},
    {TOKEN_GT, {.op = COMPARE_GT}},
    {TOKEN_GE, {.op = COMPARE_GE}},
    {TOKEN_LIKE, {.op = COMPARE_EQ, .like = true}},
    {TOKEN_UNLIKE, {.op = COMPARE_NE, .like = true}},
};

/* nfdump's, which a shell does not take for redirections. */
static const struct {
    const char *word;
    enum compare op;
} sign_words[] = {
    {"eq", COMPARE_EQ}, {"ne", COMPARE_NE}, {"lt", COMPARE_LT},
    {"le", COMPARE_LE}, {"gt", COMPARE_GT}, {"ge", COMPARE_GE},
};

static bool find_sign(const struct parse *p, unsigned what, struct sign *out)
{
    enum value_type type = what_type(what);
    bool words = type != VALUE_TEXT && type != VALUE_NAME;

    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (p->lex.tok.is == signs[i].token) {
            *out = signs[i].sign;
            return true;
        }
    }
    for (size_t i = 0; words && i < COUNT_OF(sign_words); i++) {
        if (lex_is(&p->lex, p->lex.tok, sign_words[i].word)) {
            *out = (struct sign){.op = sign_words[i].op};
            return true;
        }
    }
    return false;
}

static int read_in(struct parse *p, struct sign *out)
{
    if (p->lex.tok.is == TOKEN_NOT) {
        int r = lex_next(&p->lex);
        if (r)
            return r;
        if (!lex_is(&p->lex, p->lex.tok, "in"))
            return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                               "expected \"in\" after \"not\", found %s",
                               shown_token(&p->lex, p->lex.tok).text);
        out->inverted = true;
    }
    out->in = lex_is(&p->lex, p->lex.tok, "in");
    out->said = out->in;
    return out->in ? lex_next(&p->lex) : 0;
}

int sign_read(struct parse *p, const struct subject *s, struct sign *out)
{
    struct token tok = p->lex.tok;
    struct sign found;

    *out = (struct sign){.op = COMPARE_EQ, .tok = tok};
    if (!find_sign(p, s->what[0], &found))
        return read_in(p, out);
    *out = found;
    out->said = true;
    out->tok = tok;
    if (found.like && what_type(s->what[0]) != VALUE_TEXT)
        return filter_fail(p->lex.error, ERR_CONFIG, tok.at, tok.len,
                           "%.*s: expected =, != or in, since only texts have patterns, found %s",
                           (int)(s->len < NAME_SHOWN ? s->len : NAME_SHOWN), p->lex.text + s->at,
                           shown_token(&p->lex, tok).text);
    p->lex.patterns = found.like;
    return lex_next(&p->lex);
}

/* --- values --- */

static bool flags_mode(const struct parse *p, enum flags_mode *mode)
{
    static const char *const words[] = {
        [FLAGS_ALL] = "all", [FLAGS_ANY] = "any", [FLAGS_NONE] = "none"};

    for (int i = FLAGS_ALL; i <= FLAGS_NONE; i++) {
        if (lex_is(&p->lex, p->lex.tok, words[i])) {
            *mode = (enum flags_mode)i;
            return true;
        }
    }
    return false;
}

/* Letters may have `all`, `any` or `none` before them. */
static int read_flags(struct parse *p, const struct value_in *in, struct item *out)
{
    enum flags_mode mode;

    if (!flags_mode(p, &mode)) {
        struct token tok = p->lex.tok;
        int r = value_read(in, tok, out);
        if (r == 0 && out->is == ITEM_BITS && tok.len > 1 &&
            !memchr(in->text + tok.at, '/', tok.len))
            p->letters = tok;
        return r;
    }
    int r = lex_next(&p->lex);
    if (r)
        return r;
    if (p->lex.tok.is != TOKEN_WORD)
        return filter_fail(in->error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                           "expected letters of F S R P A U E C N, found %s",
                           shown_token(&p->lex, p->lex.tok).text);
    return value_read_flags(in, mode, p->lex.tok, out);
}

/* A regular expression may have an `i` right behind it. */
static int read_pattern(struct parse *p, const struct value_in *in, struct item *out)
{
    struct token tok = p->lex.tok;
    bool any_case = false;

    if (tok.is == TOKEN_REGEX && p->lex.next < p->lex.len &&
        isalpha((unsigned char)p->lex.text[p->lex.next])) {
        int r = lex_next(&p->lex);
        if (r)
            return r;
        any_case = lex_is(&p->lex, p->lex.tok, "i");
        if (!any_case)
            return filter_fail(in->error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                               "expected i (any case) or a blank behind the pattern, found %s",
                               shown_token(&p->lex, p->lex.tok).text);
    }
    return value_read_pattern(in, tok, any_case, out);
}

static int read_value(struct parse *p, const struct subject *s, const struct sign *sign,
                      struct item *out)
{
    struct value_in in = value_in_of(p, s);
    int r;

    if (!is_value(p->lex.tok))
        return fail_value(p, s, "");
    if (sign->like)
        r = read_pattern(p, &in, out);
    else if (what_type(in.what) == VALUE_FLAGS)
        r = read_flags(p, &in, out);
    else
        r = value_read(&in, p->lex.tok, out);
    return r;
}

/* --- files of values --- */

struct file {
    struct parse *p;
    const struct subject *s;
    struct buf text;
    char path[FILE_NAME_MAX];
    struct token tok; /* where it is named */
};

static int fail_file(const struct file *f, const char *text)
{
    return filter_fail(f->p->lex.error, ERR_CONFIG, f->tok.at, f->tok.len, "%s: %s", f->path, text);
}

/* `@PATH` or `@"PATH"`; the lexer then stands on its last token. */
static int read_path(struct file *f)
{
    struct lex *lex = &f->p->lex;
    struct token name = {TOKEN_WORD, f->tok.at + 1, f->tok.len - 1};

    if (name.len == 0 && lex->next < lex->len &&
        (lex->text[lex->next] == '"' || lex->text[lex->next] == '\'')) {
        int r = lex_next(lex);
        if (r)
            return r;
        name = lex->tok;
        f->tok.len = name.at + name.len + 1 - f->tok.at;
    }
    if (name.len == 0 || name.len >= sizeof f->path)
        return filter_fail(lex->error, ERR_CONFIG, f->tok.at, f->tok.len,
                           "expected the name of a file behind @, found %s",
                           shown_token(lex, f->tok).text);
    memcpy(f->path, lex->text + name.at, name.len);
    f->path[name.len] = '\0';
    return 0;
}

/* "PATH:LINE:COLUMN: what is wrong there". */
static int fail_line(const struct file *f, const char *line, size_t number,
                     const struct filter_error *wrong)
{
    char text[ERR_TEXT];
    size_t column = wrong->at - (size_t)(line - (const char *)f->text.data) + 1;

    (void)snprintf(text, sizeof text, "%s", wrong->text);
    return filter_fail(f->p->lex.error, ERR_CONFIG, f->tok.at, f->tok.len, "%s:%zu:%zu: %s",
                       f->path, number, column, text);
}

/* Without blanks around it; a comment begins the line or, but for texts, follows a value. */
static struct token value_of_line(const char *text, size_t at, size_t end, bool texts)
{
    while (at < end && isspace((unsigned char)text[at]))
        at++;
    const char *comment = memchr(text + at, '#', end - at);
    if (comment && (!texts || comment == text + at))
        end = (size_t)(comment - text);
    while (end > at && isspace((unsigned char)text[end - 1]))
        end--;
    return (struct token){TOKEN_WORD, at, end - at};
}

static int read_lines(struct file *f, struct buf *items)
{
    struct value_in in = value_in_of(f->p, f->s);
    struct filter_error wrong;
    const char *text = (const char *)f->text.data;
    bool texts = what_type(in.what) == VALUE_TEXT;
    size_t number = 0;

    in.text = text;
    in.error = &wrong;
    for (size_t at = 0; at < f->text.len;) {
        const char *stop = memchr(text + at, '\n', f->text.len - at);
        size_t end = stop ? (size_t)(stop - text) : f->text.len;
        struct token tok = value_of_line(text, at, end, texts);
        struct item item;
        number++;
        int r = tok.len > 0 ? value_read(&in, tok, &item) : 0;
        if (r == ERR_CONFIG)
            return fail_line(f, text + at, number, &wrong);
        if (r == ERR_LIMIT)
            return parse_no_memory(f->p);
        if (tok.len > 0)
            r = add_item(f->p, &item, FILTER_SET_MAX, items);
        if (r)
            return r;
        at = end + 1;
    }
    return 0;
}

static int read_file(struct parse *p, const struct subject *s, struct buf *items)
{
    struct file f = {.p = p, .s = s, .tok = p->lex.tok};
    struct err why;
    size_t before = items->len;

    int r = read_path(&f);
    if (r)
        return r;
    if (!p->env || !p->env->read_file)
        return filter_fail(p->lex.error, ERR_CONFIG, f.tok.at, f.tok.len,
                           "expected %s, found %s; filters cannot read files here",
                           value_expected(s->what[0]).text, shown_token(&p->lex, f.tok).text);
    buf_init(&f.text, FILTER_FILE_MAX);
    r = p->env->read_file(p->env->arg, f.path, &f.text, &why);
    if (r)
        r = filter_fail(p->lex.error, ERR_CONFIG, f.tok.at, f.tok.len, "%s", why.text);
    else if (f.text.len > 0)
        r = read_lines(&f, items);
    buf_free(&f.text);
    if (r == 0 && items->len == before)
        return fail_file(&f, "expected one value a line, found none");
    return r;
}

/* --- lists --- */

/* A value, or behind `in` a file of them; then the token behind it. */
static int read_element(struct parse *p, const struct subject *s, const struct sign *sign,
                        struct buf *items)
{
    struct item item;
    bool file = sign->in && p->lex.tok.is == TOKEN_WORD && p->lex.text[p->lex.tok.at] == '@' &&
                what_type(s->what[0]) != VALUE_TIME;
    int r;

    if (file) {
        r = read_file(p, s, items);
    } else {
        r = read_value(p, s, sign, &item);
        if (r == 0)
            r = add_item(p, &item, FILTER_LIST_MAX, items);
    }
    return r ? r : lex_next(&p->lex);
}

/* Behind "[" up to and with "]". */
static int read_list(struct parse *p, const struct subject *s, const struct sign *sign,
                     struct buf *items)
{
    size_t opened = p->lex.tok.at;
    int r = lex_next(&p->lex);

    while (r == 0) {
        r = read_element(p, s, sign, items);
        if (r)
            return r;
        if (p->lex.tok.is == TOKEN_CLOSE_LIST) {
            p->lex.patterns = false;
            return lex_next(&p->lex);
        }
        if (p->lex.tok.is == TOKEN_COMMA)
            r = lex_next(&p->lex);
        else if (!is_value(p->lex.tok))
            return filter_fail(p->lex.error, ERR_CONFIG, p->lex.tok.at, p->lex.tok.len,
                               "expected \",\" or \"]\" for the list that column %zu opens, "
                               "found %s",
                               opened + 1, shown_token(&p->lex, p->lex.tok).text);
    }
    return r;
}

/* Signs of order take one value, of a thing that has an order. */
static int check_order(struct parse *p, const struct subject *s, const struct sign *sign,
                       struct token value, const struct item *item)
{
    const char *sign_text = p->lex.text + sign->tok.at;
    const char *wrong = NULL;

    if (what_type(s->what[0]) == VALUE_NAME)
        return filter_fail(p->lex.error, ERR_CONFIG, sign->tok.at, sign->tok.len,
                           "%s: expected =, != or in, since its values have no order, found %s",
                           what_name(s->what[0]), shown_token(&p->lex, sign->tok).text);
    if (item->is == ITEM_BITS && what_type(s->what[0]) == VALUE_FLAGS)
        return filter_fail(p->lex.error, ERR_CONFIG, value.at, value.len,
                           "expected a number after %.*s, found %s; flags in letters go with = "
                           "and !=",
                           (int)sign->tok.len, sign_text, shown_token(&p->lex, value).text);
    if (item->is == ITEM_BITS || item->is == ITEM_ICMP)
        wrong = "a name that stands for several values";
    else if (item->is == ITEM_RANGE && wide_cmp(item->lo, item->hi) != 0)
        wrong = "a range or prefix";
    if (wrong)
        return filter_fail(p->lex.error, ERR_CONFIG, value.at, value.len,
                           "expected one value after %.*s, found %s; %s goes with = and in",
                           (int)sign->tok.len, sign_text, shown_token(&p->lex, value).text, wrong);
    return 0;
}

/* "net 10.0.0.0 255.0.0.0" */
static int read_netmask(struct parse *p, const struct subject *s, struct item *item)
{
    struct piece word = {p->lex.text + p->lex.tok.at, p->lex.tok.len, p->lex.tok.at};

    if (what_type(s->what[0]) != VALUE_ADDR || p->lex.tok.is != TOKEN_WORD)
        return 0;
    if (take_netmask(item, word))
        return lex_next(&p->lex);
    if (is_address(word.s, word.n))
        return filter_fail(p->lex.error, ERR_CONFIG, word.at, word.n,
                           "expected \"and\" or \"or\" before the next term, or a netmask such as "
                           "255.255.0.0, found %s; a list is written \"ip in [A, B]\"",
                           shown_token(&p->lex, p->lex.tok).text);
    return 0;
}

static int read_one(struct parse *p, const struct subject *s, const struct sign *sign,
                    struct buf *items)
{
    bool ordered = sign->op != COMPARE_EQ && sign->op != COMPARE_NE;
    struct token value = p->lex.tok;

    int r = read_element(p, s, sign, items);
    if (r)
        return r;
    struct item *item = (struct item *)(void *)items->data;
    if (ordered)
        return check_order(p, s, sign, value, item);
    return items->len == sizeof *item ? read_netmask(p, s, item) : 0;
}

int operands_read(struct parse *p, const struct subject *s, const struct sign *sign,
                  struct buf *items)
{
    bool ordered = sign->op != COMPARE_EQ && sign->op != COMPARE_NE;

    if (!sign->said && !is_value(p->lex.tok) && p->lex.tok.is != TOKEN_OPEN_LIST)
        return fail_value(p, s, "=, !=, <, <=, >, >=, in or ");
    if (p->lex.tok.is == TOKEN_OPEN_LIST && !ordered)
        return read_list(p, s, sign, items);
    int r = read_one(p, s, sign, items);
    p->lex.patterns = false;
    return r;
}
