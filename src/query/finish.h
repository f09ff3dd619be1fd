/* finish: the groups of all threads → one agg, parts of the hash at a time on all cores. */
#ifndef QUERY_FINISH_H
#define QUERY_FINISH_H

#include "query/parts.h"
#include "query/spec.h"

/* `all` has groups, and more rows of any groups are in parts. Makes all groups of it; keeps the
 * first spec->top in the asked order if the answer needs no others, and says in all->n_all how many
 * there were. 0, ERR_LIMIT or ERR_SYS. */
int finish_groups(struct agg *all, struct parts *parts, const struct query_spec *spec,
                  size_t threads, struct err *err) MUST_USE;

#endif
