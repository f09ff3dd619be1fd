/* facts: what is known of one packet, in the form in which a flow's columns have it.
 *
 * A record picks its keys and values out of it by place and width (probe/record.c). Fields that
 * records often have together stand together, so that they are copied together. */
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
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint32_t in_if;
    uint32_t out_if;
    uint8_t ip_version;
    uint8_t direction;
    uint8_t dscp;
    uint8_t ttl;
    uint16_t vlan;
    uint16_t customer_vlan;
    uint32_t flow_label;
    uint32_t fragment_id;
    uint16_t fragment_offset; /* in 8 octets */
    uint8_t fragment_flags;
    uint8_t src_mac[6];
    uint8_t dst_mac[6];
    uint64_t sampler; /* number of the place's sampler; 0: none */
    /* What only a router knows. */
    struct addr next_hop;
    struct addr bgp_next_hop;
    uint32_t src_as;
    uint32_t dst_as;
    uint8_t src_mask;
    uint8_t dst_mask;
};

#endif
