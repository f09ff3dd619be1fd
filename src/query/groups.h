/* groups: the groups of an agg in the asked order, as rows of an answer. */
#ifndef QUERY_GROUPS_H
#define QUERY_GROUPS_H

#include "query/agg.h"
#include "query/print.h"
#include "query/spec.h"

/* A measure of a group, as a value. */
struct value group_value(const struct sums *s, enum group_measure m);

/* Print the first spec->top of them. Returns 0 or ERR_LIMIT. */
int groups_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err) MUST_USE;

#endif
