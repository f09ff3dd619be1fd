/* fixed: the record layouts of NetFlow v1, v5, v6, v7 and the fourteen aggregations of v8, as
 * constant templates in terms of information elements. Offsets follow flow-tools and cflowd where
 * documents disagree (docs/architecture.md). */
#ifndef WIRE_FIXED_H
#define WIRE_FIXED_H

#include "wire/layout.h"

/* The layout of a version's records; aggregation is used for v8 only. NULL if there is none. */
const struct layout *fixed_layout(uint16_t version, uint8_t aggregation);

/* v1 as one vendor sends it: records of 52 octets, the last padding. */
const struct layout *fixed_layout_v1_long(void);

#endif
