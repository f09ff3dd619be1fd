/* select: which of a reader's rows a filter selects.
 *
 * The filter's tree is walked here. A term about one field is asked about the distinct values of a
 * dictionary once, and rows then go by their codes; where no value passes, no row is looked at.
 * Other terms get the columns that they need and look at values. Parts of an `and` that come after
 * an empty selection are not run, and their columns not read. One thread; the filter is shared. */
#ifndef QUERY_SELECT_H
#define QUERY_SELECT_H

#include "filter/filter.h"
#include "store/scan.h"

enum { SELECT_WORDS = BATCH_ROWS / 64 };

struct select;

struct select *select_new(const struct filter *f); /* never NULL */
void select_free(struct select *s);

/* Sets a bit for each selected row in hand of the reader. 0, or the reader's error. */
int select_rows(struct select *s, struct scan_reader *r, uint64_t selected[static SELECT_WORDS],
                struct err *err) MUST_USE;

#endif
