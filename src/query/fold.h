/* fold: both directions of a conversation as one.
 *
 * Records whose destination looks like the client are turned: source and destination change
 * places, in addresses, ports and all else that comes in such pairs, and what they count for is
 * "in" (to the client), not "out". The client is
 *
 *   1. where the exporter says who began (biflow_direction 1 or 2): that side
 *   2. of TCP, UDP, SCTP, DCCP and UDP-Lite: the side with the higher port
 *   3. else, and where ports are equal: the side with the lower address
 *
 * So both directions of a conversation are turned alike, whoever is seen first. */
#ifndef QUERY_FOLD_H
#define QUERY_FOLD_H

#include "query/acc.h"

/* Fields that it reads. */
void fold_fields(struct field_set *want);

/* Set a bit for each row of the chunk that is to be turned. */
void fold_find(const struct chunk *c, uint64_t swap[static METER_CHUNK / 64]);

#endif
