#include "wire/packet.h"

enum {
    ETHER_IPV4 = 0x0800,
    ETHER_IPV6 = 0x86dd,
    ETHER_BRIDGED = 0x6558, /* in GRE: an Ethernet frame */
    ETHER_VLAN = 0x8100,
    ETHER_QINQ = 0x88a8,
    ETHER_QINQ_OLD = 0x9100,
    ETHER_MPLS = 0x8847,
    ETHER_MPLS_UPSTREAM = 0x8848,
    ETHER_PPPOE = 0x8864,
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281,
    TAGS_MAX = 16,
    EXTENSIONS_MAX = 16,
    PORT_VXLAN = 4789,
    PORT_GTP = 2152
};

static const int links[] = {PACKET_NULL,     PACKET_ETHERNET, PACKET_PPP,  PACKET_RAW_BSD,
                            PACKET_PPP_HDLC, PACKET_RAW,      PACKET_LOOP, PACKET_RAW_OPENBSD,
                            PACKET_SLL,      PACKET_IPV4,     PACKET_IPV6, PACKET_SLL2};

bool packet_link_ok(int link)
{
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (links[i] == link)
            return true;
    return false;
}

/* By the version nibble. */
static uint16_t type_of_ip(struct cur in)
{
    uint8_t version = (uint8_t)(cur_u8(&in) >> 4);
    return version == 4 ? ETHER_IPV4 : version == 6 ? ETHER_IPV6 : 0;
}

static uint16_t type_of_ppp(uint16_t proto)
{
    return proto == PPP_IPV4   ? ETHER_IPV4
           : proto == PPP_IPV6 ? ETHER_IPV6
           : proto == PPP_MPLS ? ETHER_MPLS
                               : 0;
}

/* With or without address and control field, which may be left out (RFC 1661 section 6.6). */
static uint16_t read_ppp(struct cur *in)
{
    struct cur ahead = *in;

    if (cur_u16(&ahead) == 0xff03)
        *in = ahead;
    return type_of_ppp(cur_u16(in));
}

/* The EtherType of what is behind the link header, to which `in` moves. */
static uint16_t read_link(int link, struct cur *in, struct packet *p)
{
    uint16_t type;

    switch (link) {
    case PACKET_ETHERNET:
        p->ether = cur_bytes(in, 12);
        return cur_u16(in);
    case PACKET_SLL:
        (void)cur_bytes(in, 14);
        return cur_u16(in);
    case PACKET_SLL2:
        type = cur_u16(in);
        (void)cur_bytes(in, 18);
        return type;
    case PACKET_PPP:
    case PACKET_PPP_HDLC:
        return read_ppp(in);
    case PACKET_NULL: /* a family in the byte order of whoever captured */
    case PACKET_LOOP:
        (void)cur_bytes(in, 4);
        return type_of_ip(*in);
    default:
        return type_of_ip(*in);
    }
}

static bool is_vlan(uint16_t type)
{
    return type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD;
}

static uint16_t read_vlan(struct cur *in, struct packet *p)
{
    uint16_t tag = cur_u16(in);

    if (p->vlans == 0)
        p->priority = (uint8_t)(tag >> 13);
    if (p->vlans < 2)
        p->vlan[p->vlans] = tag & 0xfff;
    p->vlans++;
    return cur_u16(in);
}

/* One label; 0x100 marks the bottom of the stack. */
static uint16_t read_label(uint16_t type, struct cur *in, struct packet *p)
{
    const uint8_t *entry = in->at;
    uint32_t label = cur_u32(in);

    if (p->labels == 0)
        p->mpls = entry;
    p->labels++;
    return label & 0x100 ? type_of_ip(*in) : type;
}

static enum packet_fault read_tags(uint16_t *type, struct cur *in, struct packet *p)
{
    for (int i = 0; i < TAGS_MAX && cur_ok(in); i++) {
        if (is_vlan(*type)) {
            *type = read_vlan(in, p);
            continue;
        }
        if (p->ethertype == 0)
            p->ethertype = *type;
        switch (*type) {
        case ETHER_MPLS:
        case ETHER_MPLS_UPSTREAM:
            *type = read_label(*type, in, p);
            break;
        case ETHER_PPPOE:
            (void)cur_bytes(in, 6);
            *type = type_of_ppp(cur_u16(in));
            break;
        default:
            return PACKET_GOOD;
        }
    }
    return cur_ok(in) ? PACKET_DEEP : PACKET_SHORT;
}

/* `total` bytes of body were sent; the capture may hold fewer, and padding behind them. */
static void take_body(struct packet *p, struct cur *in, size_t total)
{
    size_t have = cur_left(in);

    p->cut = have < total;
    p->body = cur_take(in, have < total ? have : total);
}

static enum packet_fault read_ipv4(struct cur *in, struct packet *p)
{
    enum { HEAD = 20 };
    const uint8_t *h = cur_bytes(in, HEAD);

    if (!h)
        return PACKET_SHORT;
    size_t head = (size_t)(h[0] & 0xf) * 4;
    size_t total = (size_t)h[2] << 8 | h[3];
    unsigned fragment = (unsigned)h[6] << 8 | h[7];
    if (h[0] >> 4 != 4 || head < HEAD)
        return PACKET_BROKEN;
    if (!cur_bytes(in, head - HEAD))
        return PACKET_SHORT;
    /* 0: left to the network card by a sender that captured before it (TSO). */
    if (total == 0)
        total = head + cur_left(in);
    if (total < head)
        return PACKET_BROKEN;
    p->ip = h;
    p->version = 4;
    p->tos = h[1];
    p->id = (uint32_t)h[4] << 8 | h[5];
    p->ttl = h[8];
    p->proto = h[9];
    p->src = addr_of_v4(h + 12);
    p->dst = addr_of_v4(h + 16);
    p->more = (fragment & 0x2000) != 0;
    p->offset = (size_t)(fragment & 0x1fff) * 8;
    p->fragment = p->more || p->offset != 0;
    p->bytes = total;
    p->head = head;
    take_body(p, in, total - head);
    return PACKET_GOOD;
}

/* Hop-by-hop, routing and destination options, authentication; a fragment header ends what can be
 * read, unless it is an atomic fragment (RFC 6946). */
static enum packet_fault skip_extensions(struct packet *p)
{
    struct cur *in = &p->body;

    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        uint8_t proto = p->proto;
        if (proto == 0 || proto == 43 || proto == 60 || proto == 51) {
            p->proto = cur_u8(in);
            size_t units = cur_u8(in);
            (void)cur_bytes(in, proto == 51 ? units * 4 + 6 : units * 8 + 6);
        } else if (proto == 44) {
            p->proto = cur_u8(in);
            (void)cur_u8(in);
            uint16_t offset = cur_u16(in);
            p->id = cur_u32(in);
            p->more = (offset & 1) != 0;
            p->offset = offset & 0xfff8u;
            p->fragment = p->more || p->offset != 0;
            if (p->fragment)
                return cur_ok(in) ? PACKET_GOOD : PACKET_SHORT;
        } else {
            return cur_ok(in) ? PACKET_GOOD : PACKET_SHORT;
        }
    }
    return PACKET_DEEP;
}

static enum packet_fault read_ipv6(struct cur *in, struct packet *p)
{
    enum { HEAD = 40 };
    const uint8_t *h = cur_bytes(in, HEAD);

    if (!h)
        return PACKET_SHORT;
    if (h[0] >> 4 != 6)
        return PACKET_BROKEN;
    size_t len = (size_t)h[4] << 8 | h[5];
    p->ip = h;
    p->version = 6;
    p->tos = (uint8_t)(h[0] << 4 | h[1] >> 4);
    p->flow_label = (uint32_t)(h[1] & 0xf) << 16 | (uint32_t)h[2] << 8 | h[3];
    p->proto = h[6];
    p->ttl = h[7];
    memcpy(p->src.b, h + 8, 16);
    memcpy(p->dst.b, h + 24, 16);
    p->bytes = HEAD + len;
    take_body(p, in, len);
    const uint8_t *begin = p->body.at;
    enum packet_fault fault = skip_extensions(p);
    p->head = HEAD + (size_t)(p->body.at - begin);
    return fault;
}

static enum packet_fault read_typed(uint16_t type, struct cur *in, struct packet *p)
{
    enum packet_fault fault = read_tags(&type, in, p);

    if (fault != PACKET_GOOD)
        return fault;
    return type == ETHER_IPV4   ? read_ipv4(in, p)
           : type == ETHER_IPV6 ? read_ipv6(in, p)
                                : PACKET_NOT_IP;
}

enum packet_fault packet_read(int link, struct cur frame, struct packet *out)
{
    *out = (struct packet){0};
    uint16_t type = read_link(link, &frame, out);

    return cur_ok(&frame) ? read_typed(type, &frame, out) : PACKET_SHORT;
}

/* --- tunnels --- */

/* RFC 2784 and 2890. */
static uint16_t read_gre(struct cur *in)
{
    enum { CHECKSUM = 0x8000, KEY = 0x2000, SEQUENCE = 0x1000, UNKNOWN = 0x4fff };
    uint16_t flags = cur_u16(in);
    uint16_t type = cur_u16(in);

    if (flags & UNKNOWN)
        return 0;
    size_t words =
        (flags & CHECKSUM ? 1u : 0) + (flags & KEY ? 1u : 0) + (flags & SEQUENCE ? 1u : 0);
    (void)cur_bytes(in, 4 * words);
    return type;
}

/* TS 29.281 section 5: user data only (message type 255), behind its extension headers. */
static uint16_t read_gtp(struct cur *in)
{
    enum { VERSION_AND_TYPE = 0x30, OPTIONAL = 7, EXTENDED = 4, USER_DATA = 255 };
    uint8_t flags = cur_u8(in);
    uint8_t type = cur_u8(in);
    (void)cur_bytes(in, 6);

    if ((flags & 0xf0) != VERSION_AND_TYPE || type != USER_DATA)
        return 0;
    if (flags & OPTIONAL) {
        (void)cur_bytes(in, 3);
        uint8_t next = cur_u8(in);
        for (int i = 0; i < EXTENSIONS_MAX && (flags & EXTENDED) && next != 0 && cur_ok(in); i++) {
            size_t units = cur_u8(in);
            if (units == 0)
                return 0;
            (void)cur_bytes(in, units * 4 - 2);
            next = cur_u8(in);
        }
    }
    return type_of_ip(*in);
}

static uint16_t read_vxlan(struct cur *in, uint64_t *segment)
{
    enum { HAS_NUMBER = 0x08 };
    uint8_t flags = cur_u8(in);

    (void)cur_bytes(in, 3);
    uint32_t number = cur_u32(in) >> 8;
    *segment = UINT64_C(1) << 56 | number;
    return flags & HAS_NUMBER ? ETHER_BRIDGED : 0;
}

static uint16_t read_udp_tunnel(struct cur *in, uint64_t *segment)
{
    uint16_t src = cur_u16(in);
    uint16_t dst = cur_u16(in);
    (void)cur_bytes(in, 4);

    return dst == PORT_VXLAN                    ? read_vxlan(in, segment)
           : dst == PORT_GTP || src == PORT_GTP ? read_gtp(in)
                                                : 0;
}

bool packet_inner(const struct packet *p, struct packet *out)
{
    struct packet inner = {0};
    struct cur in = p->body;
    uint16_t type;

    if (p->fragment)
        return false;
    switch (p->proto) {
    case 4:
    case 41:
        type = type_of_ip(in);
        break;
    case PACKET_GRE:
        type = read_gre(&in);
        break;
    case PACKET_UDP:
        type = read_udp_tunnel(&in, &inner.segment);
        break;
    default:
        return false;
    }
    if (type == ETHER_BRIDGED)
        type = read_link(PACKET_ETHERNET, &in, &inner);
    if (!cur_ok(&in) || type == 0 || read_typed(type, &in, &inner) != PACKET_GOOD)
        return false;
    *out = inner;
    return true;
}

uint64_t packet_segment_id(const struct packet *p)
{
    struct cur in = p->body;
    uint64_t segment = 0;

    if (p->fragment || p->proto != PACKET_UDP)
        return 0;
    uint16_t type = read_udp_tunnel(&in, &segment);
    return cur_ok(&in) && type == ETHER_BRIDGED ? segment : 0;
}

/* --- transport --- */

static bool has_ports(uint8_t proto)
{
    enum { DCCP = 33, UDP_LITE = 136 };

    return proto == PACKET_TCP || proto == PACKET_UDP || proto == PACKET_SCTP || proto == DCCP ||
           proto == UDP_LITE;
}

bool packet_transport(const struct packet *p, struct transport *out)
{
    struct cur in = p->body;

    *out = (struct transport){0};
    if (p->offset != 0)
        return false;
    if (has_ports(p->proto)) {
        out->src_port = cur_u16(&in);
        out->dst_port = cur_u16(&in);
        if (p->proto == PACKET_TCP) {
            (void)cur_bytes(&in, 9);
            out->tcp_flags = cur_u8(&in);
        }
    } else if (p->proto == PACKET_ICMP || p->proto == PACKET_ICMPV6) {
        out->dst_port = cur_u16(&in);
    }
    return cur_ok(&in);
}

static bool read_udp(struct cur in, bool cut, struct segment *s)
{
    s->src_port = cur_u16(&in);
    s->dst_port = cur_u16(&in);
    uint16_t len = cur_u16(&in);
    (void)cur_u16(&in);
    if (!cur_ok(&in))
        return false;
    size_t left = cur_left(&in);
    size_t want = len == 0  ? left
                  : len < 8 ? 0
                            : len - (size_t)8; /* 0: a jumbogram, or offloaded */
    if (want > left && !cut)
        return false;
    s->payload = cur_take(&in, want < left ? want : left);
    return true;
}

static bool read_tcp(struct cur in, struct segment *s)
{
    s->src_port = cur_u16(&in);
    s->dst_port = cur_u16(&in);
    s->seq = cur_u32(&in);
    (void)cur_u32(&in);
    uint8_t offset = cur_u8(&in);
    uint8_t flags = cur_u8(&in);
    (void)cur_bytes(&in, 6);
    size_t head = (size_t)(offset >> 4) * 4;
    if (!cur_ok(&in) || head < 20)
        return false;
    (void)cur_bytes(&in, head - 20);
    s->syn = (flags & 2) != 0;
    s->end = (flags & 5) != 0;
    s->payload = in;
    return cur_ok(&in);
}

bool packet_segment(const struct packet *p, struct segment *out)
{
    struct segment s = {0};

    if (p->proto == PACKET_UDP ? !read_udp(p->body, p->cut, &s)
                               : p->proto != PACKET_TCP || !read_tcp(p->body, &s))
        return false;
    *out = s;
    return true;
}
