/* dedup: flows that several exporters saw, or one of them on entry and on exit, counted once.
 *
 * A conversation is what has the same addresses, ports and protocol in one direction; a point is an
 * exporter, and whether it metered on entry or on exit (`direction`, where it says so). A first
 * scan adds up what each point saw of each conversation, from when to when. Of points that saw it
 * at the same time the one that saw most bytes counts (then most packets, then the lower address,
 * then entry); the records of the others are dropped in the scan that answers.
 *
 * At the same time: the two spans, each a second longer at both ends for clocks that differ, have
 * half of the shorter one in common. So a flow that changed its way counts at both points.
 *
 * Memory is that of the groups of the first scan, and 96 bytes for each of them; spec->limit_bytes
 * bounds both. */
#ifndef QUERY_DEDUP_H
#define QUERY_DEDUP_H

#include "query/query.h"

struct dedup;

/* Scan, and find what is to be dropped. 0 or what query_run() gives. */
int dedup_find(struct dedup **out, const struct query_spec *spec, struct query_watch *w,
               struct err *err) MUST_USE;
void dedup_free(struct dedup *d);

/* Fields that dedup_drops() reads. */
void dedup_fields(struct field_set *want);

/* Has another point seen more of the flow in this row? By many threads at once. */
bool dedup_drops(const struct dedup *d, const struct batch *b, size_t row);

/* How many (conversation, point) are dropped. */
size_t dedup_count(const struct dedup *d);

#endif
