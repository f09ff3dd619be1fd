/* regroup: flows, as octets (probe/pick.h), added up by some of their fields.
 *
 * What is counted is added up in 8 octets; of first and last times the earliest and latest are
 * kept; TCP's flags are or-ed; what else a flow has is dropped. How many flows there were is in
 * element 3. Memory grows with the groups: for who asks, not for what runs. */
#ifndef PROBE_REGROUP_H
#define PROBE_REGROUP_H

#include "probe/pick.h"

struct regroup;

/* By the n_by fields with these numbers. `fields` must outlive it. */
struct regroup *regroup_new(const struct pick_field *fields, size_t n, size_t record_bytes,
                            const size_t *by, size_t n_by);
void regroup_free(struct regroup *g);

void regroup_offer(struct regroup *g, const uint8_t *records, size_t n);

/* What the groups have: which field each was, n for the number of flows. */
const struct pick_field *regroup_fields(const struct regroup *g, size_t *n);
size_t regroup_field_of(const struct regroup *g, size_t i);
size_t regroup_record_bytes(const struct regroup *g);

const uint8_t *regroup_rows(const struct regroup *g, size_t *n);

#endif
