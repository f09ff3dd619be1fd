/* packet: link-layer frames → the IP packet → UDP or TCP payload.
 *
 * Ethernet (with VLAN tags and MPLS labels), Linux cooked v1 and v2, raw IP, BSD loopback. Link
 * types are those of pcap files (LINKTYPE_*). Nothing is allocated; what comes out borrows the
 * frame. */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include "base/addr.h"
#include "base/cursor.h"

enum packet_link {
    PACKET_NULL = 0,
    PACKET_ETHERNET = 1,
    PACKET_RAW_BSD = 12,
    PACKET_RAW_OPENBSD = 14,
    PACKET_RAW = 101,
    PACKET_LOOP = 108,
    PACKET_SLL = 113,
    PACKET_IPV4 = 228,
    PACKET_IPV6 = 229,
    PACKET_SLL2 = 276
};

bool packet_link_ok(int link);

enum { PACKET_TCP = 6, PACKET_UDP = 17 };

/* An IP packet, or a fragment of one. */
struct packet {
    struct addr src;
    struct addr dst;
    uint8_t proto;
    bool fragment;
    bool more;       /* fragments follow */
    uint32_t id;     /* of the fragmented packet */
    size_t offset;   /* of this fragment's payload */
    struct cur body; /* what is behind the IP headers, without padding */
    bool cut;        /* the capture holds less of it than was sent */
};

/* false: no IP packet, or broken. */
bool packet_read(int link, struct cur frame, struct packet *out);

struct segment {
    uint16_t src_port;
    uint16_t dst_port;
    uint32_t seq; /* TCP */
    bool syn;     /* TCP */
    bool end;     /* TCP: FIN or RST */
    struct cur payload;
};

/* The UDP datagram or TCP segment in the body of a whole packet. false: it is neither, or broken.
 */
bool packet_segment(const struct packet *p, struct segment *out);

#endif
