/* headers: what else the headers of a packet say, beside what wire/packet tells of each.
 *
 * Read of packets only where somebody asks. Values are as IANA's register of information elements
 * defines them, in the machine's byte order; 0 where the packet has no such header, or the capture
 * cut it off. The transport header is there in a first fragment only. */
#ifndef WIRE_HEADERS_H
#define WIRE_HEADERS_H

#include "wire/packet.h"

enum { HEADERS_LABEL = 3 }; /* octets of a label stack entry without its TTL */

struct headers {
    uint8_t src_mac[6];
    uint8_t dst_mac[6];
    uint16_t vlan;
    uint16_t customer_vlan;
    uint16_t ethertype;
    uint8_t priority;
    uint8_t label_exp; /* of the top label */
    uint8_t label_ttl;
    uint8_t labels[PACKET_LABELS][HEADERS_LABEL]; /* top first */
    uint64_t segment;

    uint8_t ttl;
    uint8_t dscp;
    uint8_t precedence;
    uint8_t next_header;    /* IPv6: of the first header (element 193) */
    uint8_t header_words;   /* IPv4: of 4 octets (207) */
    uint8_t header_octets;  /* IPv6: 40 (189) */
    uint8_t fragment_flags; /* 0x40 don't fragment, 0x20 more follow (197) */
    uint8_t multicast;      /* of the destination (206) */
    uint16_t fragment_offset;
    uint16_t v4_total;    /* IPv4 (190) */
    uint16_t v6_payload;  /* IPv6 (191) */
    uint32_t payload;     /* behind the IP header, IPv6's extensions are payload (204) */
    uint32_t fragment_id; /* IPv4: always; IPv6: of fragments */
    uint32_t flow_label;  /* IPv6 */
    uint32_t options;     /* IPv4: a bit for each that is there (208) */
    uint32_t extensions;  /* IPv6: a bit for each header that is there (64) */
    uint64_t total;       /* (224) */
    uint64_t transport;   /* octets behind the transport header */
    uint32_t tcp_seq;
    uint32_t tcp_ack;
    uint16_t tcp_window;
    uint16_t tcp_urgent;
    uint16_t udp_length;
    uint8_t tcp_head; /* octets */
    uint8_t igmp_type;
    uint64_t tcp_options; /* a bit for each that is there (209) */
};

void headers_read(const struct packet *p, struct headers *out);

/* The first n octets of what was captured from the IP header on, or from what is behind it (behind
 * IPv6's 40 octets); filled up with zeros. */
void headers_section(const struct packet *p, uint8_t *out, size_t n);
void headers_payload_section(const struct packet *p, uint8_t *out, size_t n);

#endif
