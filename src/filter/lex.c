#include "filter/lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void filter_explain(struct filter_error *e, size_t at, size_t len, const char *fmt, ...)
{
    va_list ap;

    e->at = at;
    e->len = len;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
}

struct shown shown_text(const char *s, size_t n)
{
    enum { MOST = 40 };
    struct shown out;
    size_t len = 0;
    size_t take = n > MOST ? MOST : n;

    while (take < n && take > 0 && ((unsigned char)s[take] & 0xc0) == 0x80)
        take--; /* not within a character */
    out.text[len++] = '"';
    for (size_t i = 0; i < take; i++) {
        char c = s[i];
        out.text[len++] = (char)((unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
    }
    (void)snprintf(out.text + len, sizeof out.text - len, "%s\"", take < n ? "..." : "");
    return out;
}

struct shown shown_token(const struct lex *lex, struct token tok)
{
    struct shown end = {"the end of the filter"};
    return tok.is == TOKEN_END ? end : shown_text(lex->text + tok.at, tok.len);
}

bool word_is(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

bool lex_is(const struct lex *lex, struct token tok, const char *word)
{
    return tok.is == TOKEN_WORD && word_is(lex->text + tok.at, tok.len, word);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool ends_word(char c) { return is_blank(c) || strchr("()[],=!<>&|~\"'", c) != NULL; }

static const struct {
    char text[3];
    enum token_is is;
} signs[] = {
    /* the longer first */
    {"==", TOKEN_EQ},        {"!=", TOKEN_NE},   {"!~", TOKEN_UNLIKE}, {"~", TOKEN_LIKE},
    {"<>", TOKEN_NE},        {"<=", TOKEN_LE},   {">=", TOKEN_GE},     {"&&", TOKEN_AND},
    {"||", TOKEN_OR},        {"=", TOKEN_EQ},    {"<", TOKEN_LT},      {">", TOKEN_GT},
    {"!", TOKEN_NOT},        {"(", TOKEN_OPEN},  {")", TOKEN_CLOSE},   {"[", TOKEN_OPEN_LIST},
    {"]", TOKEN_CLOSE_LIST}, {",", TOKEN_COMMA},
};

static const struct {
    const char *text;
    enum token_is is;
} keywords[] = {{"and", TOKEN_AND}, {"or", TOKEN_OR}, {"not", TOKEN_NOT}};

/* Up to the same sign again; a backslash takes what is behind it along. */
static int next_quoted(struct lex *lex, size_t at, enum token_is is)
{
    char quote = lex->text[at];
    size_t i = at + 1;

    while (i < lex->len && lex->text[i] != quote)
        i += lex->text[i] == '\\' && lex->len - i > 1 ? 2 : 1;
    if (i >= lex->len)
        return filter_fail(lex->error, ERR_CONFIG, at, lex->len - at,
                           "expected a closing %c, found the end of the filter", quote);
    lex->tok = (struct token){is, at + 1, i - at - 1};
    lex->next = i + 1;
    return 0;
}

static int next_sign(struct lex *lex, size_t at)
{
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        size_t n = strlen(signs[i].text);
        if (n <= lex->len - at && memcmp(lex->text + at, signs[i].text, n) == 0) {
            lex->tok = (struct token){signs[i].is, at, n};
            lex->next = at + n;
            return 0;
        }
    }
    return filter_fail(lex->error, ERR_CONFIG, at, 1, "expected \"%c%c\" or a word, found \"%c\"",
                       lex->text[at], lex->text[at], lex->text[at]); /* a single & or | */
}

static void next_word(struct lex *lex, size_t at)
{
    size_t i = at;

    while (i < lex->len && !ends_word(lex->text[i]))
        i++;
    lex->tok = (struct token){TOKEN_WORD, at, i - at};
    lex->next = i;
    for (size_t k = 0; k < COUNT_OF(keywords); k++)
        if (word_is(lex->text + at, i - at, keywords[k].text))
            lex->tok.is = keywords[k].is;
}

int lex_next(struct lex *lex)
{
    size_t at = lex->next;

    while (at < lex->len && (is_blank(lex->text[at]) || lex->text[at] == '#'))
        at += lex->text[at] == '#' ? strcspn(lex->text + at, "\n") : 1;
    if (at == lex->len) {
        lex->tok = (struct token){TOKEN_END, at, 0};
        lex->next = at;
        return 0;
    }
    if (lex->text[at] == '"' || lex->text[at] == '\'')
        return next_quoted(lex, at, TOKEN_STRING);
    if (lex->patterns && lex->text[at] == '/')
        return next_quoted(lex, at, TOKEN_REGEX);
    if (ends_word(lex->text[at]))
        return next_sign(lex, at);
    next_word(lex, at);
    return 0;
}
