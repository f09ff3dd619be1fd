/* print_named: a printer before another, that puts columns of names beside those of numbers and
 * addresses. */
#ifndef QUERY_PRINT_NAMED_H
#define QUERY_PRINT_NAMED_H

#include "query/names.h"
#include "query/print.h"

/* Rows that are kept until their names are known; of later ones, what is known then. */
enum { NAMED_ROWS = 1000 };

/* What is known of all rows that does not stand in their columns. */
struct named_all {
    size_t hidden;        /* so many columns, the last ones, are not to be printed */
    bool exported;        /* all are one exporter's, */
    struct addr exporter; /* this one's */
    int64_t from_ms;      /* they lie in this time, to */
    int64_t to_ms;
    int64_t bucket_ms; /* 0, or time_ms is the beginning of as much */
};

/* Takes `inner`; `n` must live as long. */
struct printer *print_named(struct printer *inner, struct names *n, const struct named_all *all);

#endif
