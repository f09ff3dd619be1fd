/* word: the names that a term may begin with.
 *
 * Every field of the catalogue by its name; the same with blanks for underscores (`src port`); and
 * the words of people: `ip`, `net`, `src net`, `flags`, `duration`; a dash is as good as a blank.
 * `src or dst port` and `src and dst port` are names too. */
#ifndef FILTER_WORD_H
#define FILTER_WORD_H

#include "filter/lex.h"
#include "filter/what.h"

enum { SUBJECT_MAX = 4 };

/* Of a word for several things: is one of them enough, or is it about all? */
enum sides { SIDES_EITHER, SIDES_BOTH };

struct subject {
    unsigned what[SUBJECT_MAX];
    size_t n;
    enum sides sides;
    size_t at; /* place in the text */
    size_t len;
    bool bare_side; /* only `src` or `dst` was said */
};

/* Reads the longest name that begins at lex->tok; the lexer then stands on its last word, so that
 * lex_next() gives what is behind it. `pairs`: "src or dst port" is a name too. false if there is
 * none; then nothing has moved. */
bool subject_read(struct lex *lex, bool pairs, struct subject *out);

/* The words at lex->tok joined as names are, up to `most` of them: "src_port". */
enum { NAME_MAX_BYTES = 64 };
size_t words_join(const struct lex *lex, int most, char out[static NAME_MAX_BYTES]);

enum { SUGGEST_TEXT = 200 };

/* "; did you mean src_port or dst_port?", or nothing, for a name that begins at lex->tok. */
void subject_suggest(const struct lex *lex, char out[static SUGGEST_TEXT]);

#endif
