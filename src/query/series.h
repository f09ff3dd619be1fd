/* series: groups whose first key is time, as rows in the order of time: for each bucket the first
 * of the other keys over the whole span, and the rest as "other" if asked for; a row of zeros where
 * there is nothing. Rates are over the length of a bucket. */
#ifndef QUERY_SERIES_H
#define QUERY_SERIES_H

#include "query/groups.h"

enum { SERIES_ROWS_MAX = 10000000 };

/* Returns 0 or ERR_LIMIT. */
int series_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err) MUST_USE;

#endif
