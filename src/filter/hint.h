/* hint: what people know from nfdump and tcpdump and is written another way here. */
#ifndef FILTER_HINT_H
#define FILTER_HINT_H

#include "filter/lex.h"

/* For words at lex->tok that are no term, or not of this kind: what to write instead, or NULL. */
const char *hint_find(const struct lex *lex);

#endif
