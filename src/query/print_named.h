/* print_named: a printer before another, that puts columns of names beside those of numbers and
 * addresses. */
#ifndef QUERY_PRINT_NAMED_H
#define QUERY_PRINT_NAMED_H

#include "query/names.h"
#include "query/print.h"

/* Rows that are kept until their names are known; of later ones, what is known then. */
enum { NAMED_ROWS = 1000 };

/* Takes `inner`; `n` must live as long. */
struct printer *print_named(struct printer *inner, struct names *n);

#endif
