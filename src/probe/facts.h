/* facts: what is known of every packet, in the machine's byte order.
 *
 * A record picks its keys and values out of it by place and width (probe/record.c). Fields that
 * records often have together stand together, so that they are copied together. What few records
 * ask for is in probe/details.h. */
#ifndef PROBE_FACTS_H
#define PROBE_FACTS_H

#include "base/addr.h"

#include <stdint.h>

struct facts {
    struct addr src;
    struct addr dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t proto;
    uint8_t tos;
    uint8_t tcp_flags;
    uint8_t ip_version;
    uint32_t in_if;
    uint32_t out_if;
    uint64_t sampler; /* number of the place's sampler; 0: none */
    uint8_t direction;
    /* What only the routing table knows. */
    uint8_t src_mask;
    uint8_t dst_mask;
    struct addr next_hop;
    /* What BGP tells. */
    struct addr bgp_next_hop;
    uint32_t src_as; /* where the addresses belong, */
    uint32_t dst_as;
    uint32_t prev_as; /* and the neighbours on the way there */
    uint32_t next_as;
};

#endif
