/* lex: the text of a filter as tokens, each with its place.
 *
 * A word is a run of bytes without blanks, brackets, commas, quotes and operator signs; so
 * addresses, prefixes, times and ranges are one word each. What a word means depends on where it
 * stands, so that is the parser's business. `#` where a token could begin makes the rest of the
 * line a comment. */
#ifndef FILTER_LEX_H
#define FILTER_LEX_H

#include "base/attr.h"
#include "filter/filter.h"

enum token_is {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING, /* "..." or '...': at and len are those of what stands between the quotes */
    TOKEN_REGEX,  /* between the slashes of /.../, only behind ~ and !~ and in their lists */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_LIST,
    TOKEN_CLOSE_LIST,
    TOKEN_COMMA,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_LIKE,   /* ~ */
    TOKEN_UNLIKE, /* !~ */
    TOKEN_AND,    /* &&, and */
    TOKEN_OR,     /* ||, or */
    TOKEN_NOT     /* !, not */
};

struct token {
    enum token_is is;
    size_t at;
    size_t len;
};

struct lex {
    const char *text;
    size_t len;
    size_t next; /* where to read on */
    struct token tok;
    bool patterns; /* a word that begins with / is a regular expression */
    struct filter_error *error;
};

/* Reads the next token into lex->tok. 0 or ERR_CONFIG. */
int lex_next(struct lex *lex) MUST_USE;

/* Whether the token is this word, in any case. */
bool lex_is(const struct lex *lex, struct token tok, const char *word);

/* Whether two words are the same in any case (ASCII). */
bool word_is(const char *s, size_t n, const char *word);

/* Set the error. */
void filter_explain(struct filter_error *e, size_t at, size_t len, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* The same, and return `kind`: a macro, so that analysers see that it is not 0, as err_set(). */
#define filter_fail(e, kind, at, len, ...) (filter_explain((e), (at), (len), __VA_ARGS__), (kind))

/* Text for a message: in quotes, cut when long, without control characters. */
struct shown {
    char text[64];
};
struct shown shown_text(const char *s, size_t n);
struct shown shown_token(const struct lex *lex, struct token tok);

#endif
