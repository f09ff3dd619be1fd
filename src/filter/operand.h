/* operand: what stands behind the sign of a term: a value, a list, files of values. */
#ifndef FILTER_OPERAND_H
#define FILTER_OPERAND_H

#include "base/buf.h"
#include "filter/build.h"
#include "filter/parse.h"
#include "filter/word.h"

struct sign {
    enum compare op;
    bool said;     /* there was one */
    bool like;     /* ~ or, with COMPARE_NE, !~ */
    bool in;       /* `in`, before which files may be named */
    bool inverted; /* `not in` */
    struct token tok;
};

/* The sign behind a name, if there is one. */
int sign_read(struct parse *p, const struct subject *s, struct sign *out) MUST_USE;

/* Appends a struct item for each value. */
int operands_read(struct parse *p, const struct subject *s, const struct sign *sign,
                  struct buf *items) MUST_USE;

#endif
