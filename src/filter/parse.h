/* parse: text → tree.
 *
 *   filter   = [ either ]
 *   either   = both { ("or" | "||") both }
 *   both     = one { ("and" | "&&") one }
 *   one      = { "not" | "!" } ( "(" either ")" | term )
 *   term     = "any" | "inet" | "inet6" | "has" name | name compare
 *   compare  = [ "=" | "==" | "!=" | "<>" ] ( value | list )
 *            | ( "<" | "<=" | ">" | ">=" ) value
 *            | [ "not" ] "in" ( value | list )
 *   list     = "[" value { [ "," ] value } "]"
 *
 * Names are in filter/word.h, values in filter/value.h. */
#ifndef FILTER_PARSE_H
#define FILTER_PARSE_H

#include "filter/tree.h"

/* Sets f->root and f->names_kind. 0, ERR_CONFIG or ERR_LIMIT; `f` is freed by the caller. */
int parse_text(struct filter *f, const char *text, struct filter_error *error) MUST_USE;

#endif
