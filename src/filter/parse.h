/* parse: text → tree.
 *
 *   filter   = [ either ]
 *   either   = both { ("or" | "||") both }
 *   both     = one { ("and" | "&&") one }
 *   one      = { "not" | "!" } ( "(" either ")" | term )
 *   term     = "any" | "inet" | "inet6" | "has" name | "filter" NAME | name compare
 *   compare  = [ "=" | "==" | "!=" | "<>" ] ( value | list )
 *            | ( "<" | "<=" | ">" | ">=" ) value
 *            | [ "not" ] "in" ( value | file | list )
 *            | ( "~" | "!~" ) ( pattern | "[" pattern { [ "," ] pattern } "]" )
 *   list     = "[" ( value | file ) { [ "," ] ( value | file ) } "]"    file: only behind "in"
 *   file     = "@" PATH
 *   pattern  = GLOB | "/" REGEX "/" [ "i" ]
 *
 * Between a name and numbers EQ, NE, LT, LE, GT and GE are signs too, as nfdump has them. Terms are
 * read in filter/term.c; names are in filter/word.h, values in filter/value.h. */
#ifndef FILTER_PARSE_H
#define FILTER_PARSE_H

#include "filter/lex.h"
#include "filter/tree.h"

struct parse {
    struct lex lex;
    struct filter *f;
    const struct filter_env *env; /* or NULL */
    unsigned depth;               /* brackets and filters by name around it */
    unsigned opened;              /* brackets of this text */
    unsigned named;               /* filters by name that this is in */
    struct token letters;         /* flags of the last term, if they stood alone and are several */
};

/* Sets f->root and f->names_kind. 0, ERR_CONFIG or ERR_LIMIT; `f` is freed by the caller. */
int parse_text(struct filter *f, const char *text, const struct filter_env *env,
               struct filter_error *error) MUST_USE;

/* For term.c: a text within the text, as one part. */
int parse_named(const struct parse *outer, const char *text, struct filter_error *error,
                struct node **out) MUST_USE;

int parse_limit(struct parse *p, const char *what) MUST_USE;
int parse_no_memory(struct parse *p) MUST_USE;

/* Puts a NOT around it. */
int parse_not(struct parse *p, struct node **node) MUST_USE;

#endif
