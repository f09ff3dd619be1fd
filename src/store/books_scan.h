/* books_scan: the books of a store in a span of time: those in the footers of files, and those of
 * journals that are in no file yet, which are decoded for it.
 *
 * As in scan.h, a journal that is sealed meanwhile is seen exactly once. */
#ifndef STORE_BOOKS_SCAN_H
#define STORE_BOOKS_SCAN_H

#include "base/err.h"
#include "flow/books.h"

struct books_scan {
    /* Minutes of receipt that touch [from, to). */
    int64_t from_ms;
    int64_t to_ms;
    /* Called for each row of these minutes; those of one key may be many. */
    void (*row)(struct books_scan *s, const struct book *row);
    /* Called for what cannot be read, and for a file whose rows are not what its books say. */
    void (*broken)(struct books_scan *s, const char *text);
    /* What was found. */
    uint64_t files; /* with books */
    uint64_t journals;
    uint64_t without;      /* files without books: of an earlier version, or of others */
    uint64_t without_rows; /* flow records in them, of whole files */
    uint64_t n_broken;
};

/* ERR_CONFIG: no store there. */
int books_scan(struct books_scan *s, const char *dir, struct err *err) MUST_USE;

#endif
