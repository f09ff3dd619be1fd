/* word: the names that a term may begin with.
 *
 * Every field of the catalogue by its name; the same with blanks for underscores (`src port`); and
 * the words of people: `ip`, `net`, `src net`, `flags`, `duration`. */
#ifndef FILTER_WORD_H
#define FILTER_WORD_H

#include "filter/lex.h"
#include "filter/what.h"

struct subject {
    unsigned what[2]; /* the second of an either-side word, else WHAT_NONE */
    size_t at;        /* place in the text */
    size_t len;
    bool bare_side; /* only `src` or `dst` was said */
};

/* Reads the longest name that begins at lex->tok; the lexer then stands on its last word, so that
 * lex_next() gives what is behind it. false if there is none; then nothing has moved. */
bool subject_read(struct lex *lex, struct subject *out);

enum { SUGGEST_TEXT = 200 };

/* "; did you mean src_port or dst_port?", or nothing, for a name that begins at lex->tok. */
void subject_suggest(const struct lex *lex, char out[static SUGGEST_TEXT]);

#endif
