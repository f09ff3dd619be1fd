/* suspect: signs that an exporter has a quirk which nobody has confirmed.
 *
 * Three are looked for, in what has been decoded as it stands:
 *   seconds   v8 times make sense only if they are in seconds: they lie within an hour of the
 *             header's uptime then, and otherwise do not
 *   masks     v8 prefixes have bits behind their masks, and none if the masks change places
 *   rate      a sampling rate makes sense only with its octets in the other order
 *
 * Bounded: 32 octets an exporter. Nothing is changed by itself: who operates it is told. */
#ifndef FLOW_SUSPECT_H
#define FLOW_SUSPECT_H

#include "flow/plan.h"
#include "wire/msg.h"

struct suspect {
    uint16_t seconds;       /* records whose times are right in seconds only */
    uint16_t milliseconds;  /* in milliseconds only */
    uint16_t masks;         /* wrong as they stand, */
    uint16_t masks_swapped; /* and the other way round */
    uint16_t rates;         /* announced or in records */
    double rate;            /* the last of these, as it came */
};

enum suspicion { SUSPECT_SECONDS, SUSPECT_MASKS, SUSPECT_RATE, SUSPICIONS };

/* Rows [row, row + n), decoded by this plan from a message of v8. */
void suspect_v8(struct suspect *s, const struct msg *head, const struct plan *p,
                const struct batch *b, size_t row, size_t n);

/* Rows of any version, of which some may speak of sampling. */
void suspect_rates(struct suspect *s, const struct batch *b, size_t row, size_t n);

/* Is there enough to go by? */
bool suspect_is(const struct suspect *s, enum suspicion what);

#endif
