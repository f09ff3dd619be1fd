#include "net/packet.h"

enum {
    ETHER_IPV4 = 0x0800,
    ETHER_IPV6 = 0x86dd,
    ETHER_VLAN = 0x8100,
    ETHER_QINQ = 0x88a8,
    ETHER_QINQ_OLD = 0x9100,
    ETHER_MPLS = 0x8847,
    ETHER_PPPOE = 0x8864,
    TAGS_MAX = 16,
    EXTENSIONS_MAX = 16
};

static const int links[] = {PACKET_NULL, PACKET_ETHERNET, PACKET_RAW_BSD, PACKET_RAW_OPENBSD,
                            PACKET_RAW,  PACKET_LOOP,     PACKET_SLL,     PACKET_IPV4,
                            PACKET_IPV6, PACKET_SLL2};

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

/* The EtherType of what is behind the link header, to which `in` moves. */
static uint16_t read_link(int link, struct cur *in)
{
    uint16_t type;

    switch (link) {
    case PACKET_ETHERNET:
        (void)cur_bytes(in, 12);
        return cur_u16(in);
    case PACKET_SLL:
        (void)cur_bytes(in, 14);
        return cur_u16(in);
    case PACKET_SLL2:
        type = cur_u16(in);
        (void)cur_bytes(in, 18);
        return type;
    case PACKET_NULL: /* a family in the byte order of whoever captured */
    case PACKET_LOOP:
        (void)cur_bytes(in, 4);
        return type_of_ip(*in);
    default:
        return type_of_ip(*in);
    }
}

static uint16_t skip_tags(uint16_t type, struct cur *in)
{
    for (int i = 0; i < TAGS_MAX && cur_ok(in); i++) {
        if (type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD) {
            (void)cur_u16(in);
            type = cur_u16(in);
        } else if (type == ETHER_MPLS) {
            uint32_t label = cur_u32(in);
            if (label & 0x100) /* bottom of the stack */
                type = type_of_ip(*in);
        } else if (type == ETHER_PPPOE) {
            (void)cur_bytes(in, 6);
            uint16_t ppp = cur_u16(in);
            type = ppp == 0x0021 ? ETHER_IPV4 : ppp == 0x0057 ? ETHER_IPV6 : 0;
        } else {
            return type;
        }
    }
    return 0;
}

/* `total` bytes of body were sent; the capture may hold fewer, and padding behind them. */
static void take_body(struct packet *p, struct cur *in, size_t total)
{
    size_t have = cur_left(in);

    p->cut = have < total;
    p->body = cur_take(in, have < total ? have : total);
}

static bool read_ipv4(struct cur *in, struct packet *p)
{
    uint8_t first = cur_u8(in);
    (void)cur_u8(in);
    uint16_t total = cur_u16(in);
    uint16_t id = cur_u16(in);
    uint16_t fragment = cur_u16(in);
    (void)cur_u8(in);
    uint8_t proto = cur_u8(in);
    (void)cur_u16(in);
    const uint8_t *src = cur_bytes(in, 4);
    const uint8_t *dst = cur_bytes(in, 4);
    size_t head = (size_t)(first & 0xf) * 4;

    if (!cur_ok(in) || first >> 4 != 4 || head < 20)
        return false;
    (void)cur_bytes(in, head - 20);
    /* 0: left to the network card by a sender that captured before it (TSO). */
    size_t len = total ? total : head + cur_left(in);
    if (!cur_ok(in) || len < head)
        return false;
    p->src = addr_of_v4(src);
    p->dst = addr_of_v4(dst);
    p->proto = proto;
    p->id = id;
    p->more = (fragment & 0x2000) != 0;
    p->offset = (size_t)(fragment & 0x1fff) * 8;
    p->fragment = p->more || p->offset != 0;
    take_body(p, in, len - head);
    return true;
}

/* Hop-by-hop, routing and destination options, authentication; a fragment header ends what can be
 * read, unless it is an atomic fragment (RFC 6946). */
static bool skip_extensions(struct packet *p)
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
                return cur_ok(in);
        } else {
            return cur_ok(in);
        }
    }
    return false;
}

static bool read_ipv6(struct cur *in, struct packet *p)
{
    uint8_t first = cur_u8(in);
    (void)cur_bytes(in, 3);
    uint16_t len = cur_u16(in);
    p->proto = cur_u8(in);
    (void)cur_u8(in);
    const uint8_t *src = cur_bytes(in, 16);
    const uint8_t *dst = cur_bytes(in, 16);

    if (!cur_ok(in) || first >> 4 != 6)
        return false;
    memcpy(p->src.b, src, 16);
    memcpy(p->dst.b, dst, 16);
    take_body(p, in, len);
    return skip_extensions(p);
}

bool packet_read(int link, struct cur frame, struct packet *out)
{
    struct packet p = {0};
    uint16_t type = read_link(link, &frame);

    type = skip_tags(type, &frame);
    bool ok = type == ETHER_IPV4   ? read_ipv4(&frame, &p)
              : type == ETHER_IPV6 ? read_ipv6(&frame, &p)
                                   : false;
    if (ok)
        *out = p;
    return ok;
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
