/* list: records as they are, in the order of the scan or sorted.
 *
 * Without --sort rows are printed as they come, and --top ends the scan. With it, rows are kept:
 * with --top some thousands, of which the best are picked again and again; else all, within
 * limit_bytes. Packets and bytes of single records are never multiplied by a rate. */
#ifndef QUERY_LIST_H
#define QUERY_LIST_H

#include "query/print.h"
#include "query/spec.h"

struct list;

/* The fields that listing reads. */
void list_fields(const struct query_spec *spec, const struct print_format *f,
                 struct field_set *want);

/* Begins to print; never NULL. */
struct list *list_new(const struct query_spec *spec, struct printer *p);
/* Another list, for rows that are printed in the order of which somebody else takes care, through
 * a fork of the printer. Only of lists without --sort and --top. */
struct list *list_fork(const struct list *l, struct printer *fork);
void list_free(struct list *l);

/* How many more rows are wanted; SIZE_MAX: all that there are. */
size_t list_wants(const struct list *l);

/* Take rows of a batch, not more than list_wants(). 0 or ERR_LIMIT. */
int list_add(struct list *l, const struct batch *b, const uint32_t *rows, size_t n,
             struct err *err) MUST_USE;

/* Print what was kept. 0 or ERR_LIMIT. */
int list_finish(struct list *l, struct err *err) MUST_USE;

#endif
