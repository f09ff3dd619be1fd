/* books_text: books as they stand in a file's footer, under PQ_KEY_BOOKS.
 *
 * JSON, a list for each column, so that SQL and data frames take it as a table:
 *
 *   {"minute_ms":[1700000000000,...],"what":["sender",...],"exporter":["192.0.2.1",...],
 *    "version":[9,...],"source":[0,...],"datagrams":[12,...],...}
 *
 * what: sender, socket or others (flow/books.h); exporter, version and source are null where there
 * is none; a socket's source is its port. Then the columns of books.def; one in which every row
 * has 0 is left out. Read, unknown columns are skipped, so that there may be more some day. */
#ifndef STORE_BOOKS_TEXT_H
#define STORE_BOOKS_TEXT_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "flow/books.h"

extern const char *const book_what_names[BOOK_WHATS];

void books_print(struct books *b, struct buf *out);

struct book_list {
    struct book *v; /* in the order of the file */
    size_t n;
};

/* 0, or ERR_DATA with the place. Free the list either way. */
int books_parse(struct cur text, struct book_list *out, struct err *err) MUST_USE;
void book_list_free(struct book_list *l);

#endif
