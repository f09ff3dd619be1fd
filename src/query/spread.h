/* spread: a flow's packets and bytes over the time that it lived, bucket by bucket.
 *
 * A bucket gets the part of a flow's packets and bytes that the time in it is of the flow's life,
 * cut so that the parts of a flow add up to it exactly. The flow itself counts once, in the bucket
 * of its end, as do aggregates. A flow whose times are not known or not in order, whose end is not
 * its time_ms (the exporter's clock is not believed) or that lived for more than SPREAD_MAX
 * buckets counts whole in the bucket of its time_ms. */
#ifndef QUERY_SPREAD_H
#define QUERY_SPREAD_H

#include "query/acc.h"

enum { SPREAD_MAX = 10000 };

struct spread;

struct spread *spread_new(int64_t bucket_ms);
void spread_free(struct spread *s);

/* Fields that it reads beside those of meter_fields(). */
void spread_fields(struct field_set *want);

/* Give the parts of a chunk's rows to `to`. */
int spread_run(struct spread *s, const struct chunk *c, struct chunk_sink *to,
               struct err *err) MUST_USE;

#endif
