/* packet: link-layer frames → the IP packet → its transport header.
 *
 * Ethernet (VLAN and QinQ tags, MPLS labels, PPPoE), Linux cooked v1 and v2, raw IP, PPP, BSD
 * loopback. Link types are those of pcap files (LINKTYPE_*). Nothing is allocated; what comes out
 * borrows the frame. Lengths are those on the wire, also where a capture kept only the begin of a
 * packet. */
#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

#include "base/addr.h"
#include "base/cursor.h"

enum packet_link {
    PACKET_NULL = 0,
    PACKET_ETHERNET = 1,
    PACKET_PPP = 9,
    PACKET_RAW_BSD = 12,
    PACKET_RAW_OPENBSD = 14,
    PACKET_PPP_HDLC = 50,
    PACKET_RAW = 101,
    PACKET_LOOP = 108,
    PACKET_SLL = 113,
    PACKET_IPV4 = 228,
    PACKET_IPV6 = 229,
    PACKET_SLL2 = 276
};

bool packet_link_ok(int link);

enum {
    PACKET_ICMP = 1,
    PACKET_IGMP = 2,
    PACKET_TCP = 6,
    PACKET_UDP = 17,
    PACKET_GRE = 47,
    PACKET_ESP = 50,
    PACKET_ICMPV6 = 58,
    PACKET_SCTP = 132
};

enum { PACKET_TCP_FIN = 1, PACKET_TCP_SYN = 2, PACKET_TCP_RST = 4 };

enum { PACKET_LABELS = 6 };

/* Why a frame gives no IP packet. */
enum packet_fault {
    PACKET_GOOD,
    PACKET_NOT_IP, /* ARP, spanning tree, ... */
    PACKET_SHORT,  /* it ends within a header */
    PACKET_BROKEN, /* a header that cannot be: version, length */
    PACKET_DEEP,   /* more tags or extension headers than anybody sends */
    PACKET_FAULTS
};

/* An IP packet, or a fragment of one. */
struct packet {
    struct addr src;
    struct addr dst;
    uint8_t proto; /* behind IPv6 extension headers */
    uint8_t version;
    uint8_t tos; /* or traffic class */
    uint8_t ttl; /* or hop limit */
    bool fragment;
    bool more;            /* fragments follow */
    bool cut;             /* the capture holds less of it than was sent */
    uint8_t vlans;        /* tags before it; the numbers of the first two: */
    uint16_t vlan[2];     /* outermost first, without priority */
    uint8_t priority;     /* of the outermost tag */
    uint16_t ethertype;   /* behind the tags; on links without one, as Ethernet would have it */
    uint8_t labels;       /* MPLS label stack entries before it; the first of them: */
    const uint8_t *mpls;  /* 4 octets each, outermost first; NULL without any */
    const uint8_t *ether; /* destination and source address, 6 octets each; NULL on other links */
    const uint8_t *ip;    /* where its header begins; body.at is behind it and its extensions */
    uint64_t segment;     /* of what VXLAN carried: element 351 of that; 0: nothing did */
    uint32_t flow_label;  /* IPv6 */
    uint32_t id;          /* IPv4: always; IPv6: of a fragmented packet */
    size_t offset;        /* of this fragment's payload */
    size_t bytes;         /* IP header and all behind it, as sent */
    size_t head;          /* octets of IP headers, IPv6's extensions included */
    struct cur body;      /* what is behind the IP headers, without padding */
};

/* A frame's IP packet; not those in tunnels. Not PACKET_GOOD: *out is of no use. */
enum packet_fault packet_read(int link, struct cur frame, struct packet *out);

/* The packet that a packet carries by GRE, IP-in-IP (RFC 2003, 4213), VXLAN (RFC 7348) or GTP-U
 * (3GPP TS 29.281). false: it carries none that can be read. `out` and `p` may be the same. */
bool packet_inner(const struct packet *p, struct packet *out);

/* The VXLAN network that it carries a frame of, as layer2SegmentId (element 351) has it: 1 in the
 * first octet, VNI in the last three. 0: it carries none. */
uint64_t packet_segment_id(const struct packet *p);

/* What a flow's key takes from the transport header. */
struct transport {
    uint16_t src_port; /* TCP, UDP, UDP-Lite, DCCP, SCTP; else 0 */
    uint16_t dst_port; /* ICMP, ICMPv6: type * 256 + code, as routers put it */
    uint8_t tcp_flags;
};

/* false: its header is not all there, and what is missing is zero. Of fragments behind the first
 * nothing is. */
bool packet_transport(const struct packet *p, struct transport *out);

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
