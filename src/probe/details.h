/* details: what else is known of a packet, for records that ask for it.
 *
 * Numbers that run over a flow (smallest, largest, sum) are uint64_t: the cache keeps them so. */
#ifndef PROBE_DETAILS_H
#define PROBE_DETAILS_H

#include "net/frames.h"
#include "probe/facts.h"
#include "wire/headers.h"

enum { DETAILS_SECTION_MAX = 1200 };

struct details {
    struct headers h;

    /* Ports and types, 0 in packets of another protocol. */
    uint16_t tcp_src_port;
    uint16_t tcp_dst_port;
    uint16_t udp_src_port;
    uint16_t udp_dst_port;
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint8_t icmpv6_type;
    uint8_t icmpv6_code;

    /* Of the frame, as it came or as it left; 0 on the side that was not seen. */
    uint8_t in_src_mac[6];
    uint8_t in_dst_mac[6];
    uint8_t out_src_mac[6];
    uint8_t out_dst_mac[6];
    uint16_t in_vlan;
    uint16_t out_vlan;

    struct addr src_prefix; /* by the facts' masks */
    struct addr dst_prefix;
    uint32_t interface;
    uint64_t flow_id;
    uint64_t conversation; /* probe/applications.h */
    uint32_t application;  /* what is known of it at this packet */

    /* Running. Of what the kernel made one packet of, each is counted as it was on the wire. */
    uint64_t ttl;
    uint64_t length_min;
    uint64_t length_max;
    uint64_t squares;
    uint64_t frame_bytes;
    uint64_t flows; /* of what flows are added up to */
    uint64_t flow_first_ms;
    uint64_t flow_last_ms;

    /* The interval of the cache's clock. */
    int64_t interval_start_ms;
    uint64_t interval_end_ms;

    /* Of the connection; client is who began it. */
    struct addr client;
    struct addr server;
    uint16_t client_port;
    uint16_t server_port;
    uint32_t connection;
    uint8_t initiator; /* 1: from the client, 2: from the server */
    uint64_t connections_begun;
    uint64_t connection_ms; /* since the one before it */
    uint64_t client_packets;
    uint64_t client_bytes;
    uint64_t client_payload;
    uint64_t server_packets;
    uint64_t server_bytes;
    uint64_t server_payload;

    uint8_t section[DETAILS_SECTION_MAX];
    uint8_t payload_section[DETAILS_SECTION_MAX];
};

/* What records ask for. */
struct details_wanted {
    bool any; /* of these, or of what follows */
    bool connections;
    bool applications;
    bool intervals;
    bool routes;       /* of the facts, too */
    bool routes_early; /* of each packet, not only of a flow's first */
    uint16_t section;  /* octets */
    uint16_t payload_section;
};

/* What a packet and its frame say. */
struct details_source {
    const struct packet *packet;
    const struct frame *frame;
    const struct facts *facts;
    uint32_t packets; /* on the wire */
    uint64_t bytes;
    uint32_t interface;
};

void details_read(const struct details_source *s, const struct details_wanted *w,
                  struct details *out);

/* The network of an address: 0 to 32 bits, or 128. */
struct addr details_prefix(const struct addr *a, uint8_t bits, uint8_t version);

void details_set_interval(struct details *d, int64_t time_ms, int64_t interval_ms);

#endif
