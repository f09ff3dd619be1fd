/* groups: the groups of an agg in the asked order, as rows of an answer. */
#ifndef QUERY_GROUPS_H
#define QUERY_GROUPS_H

#include "query/agg.h"
#include "query/answer.h"

/* Print them as the spec says. Returns 0 or ERR_LIMIT. */
int groups_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err) MUST_USE;

/* For the shapes that an answer may have: */

struct known groups_known(const struct agg *a, size_t group);
void groups_keys(const struct agg *a, size_t group, struct value keys[static KEYS_MAX]);

/* Order of two groups by one key. */
int groups_compare_key(const struct agg *a, uint32_t x, uint32_t y, size_t key);

/* The sums of all. */
struct sums groups_total(const struct agg *a);

/* The numbers of the first k (0: all) groups in the asked order, which is not by an aggregate; as
 * top_of() does. */
size_t groups_first(const struct agg *a, const struct query_spec *spec, size_t k, uint32_t **out);

#endif
