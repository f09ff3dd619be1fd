/* traffic: how long the packets of a monitor were, and which protocols its flows had, as routers
 * show it. */
#ifndef PROBE_TRAFFIC_H
#define PROBE_TRAFFIC_H

#include "probe/facts.h"

#include <stddef.h>
#include <stdint.h>

/* Up to 576 octets in steps of 32; then 1024, 1536, ... 4608 and what is longer. */
enum { TRAFFIC_SHORT = 18, TRAFFIC_SIZES = TRAFFIC_SHORT + 8 };

enum { TRAFFIC_PROTOCOLS = 20 };

/* Of flows that have ended. */
struct traffic_flows {
    uint64_t flows;
    uint64_t packets;
    uint64_t bytes;
    uint64_t active_ms; /* from their first packet to their last */
    uint64_t idle_ms;   /* from there until they ended */
};

struct traffic {
    uint64_t sizes[TRAFFIC_SIZES];
    struct traffic_flows by[TRAFFIC_PROTOCOLS];
};

static inline size_t traffic_size(uint64_t bytes)
{
    enum { STEP = 32, LONG = 512 };
    size_t i = bytes <= STEP * TRAFFIC_SHORT ? (size_t)(bytes + STEP - 1) / STEP
                                             : TRAFFIC_SHORT + (size_t)(bytes - 1) / LONG;

    if (i == 0)
        return 0;
    return i <= TRAFFIC_SIZES ? i - 1 : TRAFFIC_SIZES - 1;
}

/* The longest packet of the i-th size. */
unsigned traffic_longest(size_t i);

/* Which row of a flow, by protocol and ports; and what it is called ("TCP-WWW"). */
size_t traffic_protocol(const struct facts *f);
const char *traffic_name(size_t i);

/* sum += t. */
void traffic_sum(struct traffic *sum, const struct traffic *t);

/* now -= then, which was before it. */
void traffic_since(struct traffic *now, const struct traffic *then);

#endif
