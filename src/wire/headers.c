#include "wire/headers.h"

enum { V6_HEAD = 40, V4_HEAD = 20, TCP_HEAD = 20, UDP_HEAD = 8 };

/* Octets on the wire hold bits 8k to 8k + 7 each, the lowest in the lowest place (RFC 5102 as
 * corrected by errata 1737 and 1739). */
static uint64_t bit_of(unsigned number, unsigned octets)
{
    return UINT64_C(1) << (8 * (octets - 1 - number / 8) + number % 8);
}

/* --- link --- */

static void read_link(const struct packet *p, struct headers *h)
{
    enum { MAC = 6, ENTRY = 4 };

    if (p->ether) {
        memcpy(h->dst_mac, p->ether, MAC);
        memcpy(h->src_mac, p->ether + MAC, MAC);
    }
    h->vlan = p->vlan[0];
    h->customer_vlan = p->vlan[1];
    h->priority = p->priority;
    h->ethertype = p->ethertype;
    h->segment = p->segment ? p->segment : packet_segment_id(p);
    for (size_t i = 0; i < p->labels && i < PACKET_LABELS; i++)
        memcpy(h->labels[i], p->mpls + i * ENTRY, HEADERS_LABEL);
    if (p->labels > 0) {
        h->label_exp = p->mpls[2] >> 1 & 7;
        h->label_ttl = p->mpls[3];
    }
}

/* --- IP --- */

/* Of the option's type all eight bits count, of which the low five are its number. */
static bool is_option(uint8_t type)
{
    static const uint8_t types[] = {0,   1,   7,   10,  11,  12,  15,  25,  30,  68,
                                    82,  94,  130, 131, 133, 134, 136, 137, 142, 144,
                                    145, 147, 148, 149, 150, 151, 152, 158, 205, 222};

    for (size_t i = 0; i < sizeof types; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* One option of IPv4 or TCP: false at the end of them. */
static bool next_option(struct cur *in, uint8_t *type)
{
    enum { END = 0, NOTHING = 1, HEAD = 2 };

    *type = cur_u8(in);
    if (!cur_ok(in))
        return false;
    if (*type == NOTHING)
        return true;
    if (*type == END) {
        (void)cur_take(in, cur_left(in));
        return true;
    }
    uint8_t len = cur_u8(in);
    if (len < HEAD || !cur_bytes(in, len - (size_t)HEAD))
        in->bad = true;
    return true;
}

static void read_v4(const struct packet *p, struct headers *h)
{
    enum { NUMBER = 31 };
    struct cur in = cur_of(p->ip + V4_HEAD, p->head - V4_HEAD);
    uint8_t type;

    h->header_words = (uint8_t)(p->head / 4);
    h->header_octets = (uint8_t)p->head;
    h->fragment_flags = p->ip[6] & 0xe0;
    h->v4_total = p->bytes > UINT16_MAX ? UINT16_MAX : (uint16_t)p->bytes;
    h->payload = (uint32_t)(p->bytes - p->head);
    h->multicast = (p->dst.b[12] & 0xf0) == 0xe0;
    while (next_option(&in, &type))
        if (is_option(type))
            h->options |= (uint32_t)bit_of(type & NUMBER, sizeof h->options);
}

/* Bits count from the highest (RFC 5102 as corrected by erratum 1738). */
static uint32_t extension_bit(uint8_t proto, bool first)
{
    static const struct {
        uint8_t proto;
        uint8_t bit;
    } bits[] = {{60, 0}, {0, 1}, {43, 5}, {135, 12}, {50, 13}, {51, 14}, {108, 15}};
    enum { FRAGMENT = 44, FIRST = 4, LATER = 6, TOP = 31 };

    if (proto == FRAGMENT)
        return UINT32_C(1) << (TOP - (first ? FIRST : LATER));
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (bits[i].proto == proto)
            return UINT32_C(1) << (TOP - bits[i].bit);
    return 0;
}

static void read_v6(const struct packet *p, struct headers *h)
{
    enum { FRAGMENT = 44, AUTHENTICATION = 51, MORE = 0x20 };
    struct cur in = cur_of(p->ip + V6_HEAD, p->head - V6_HEAD);
    uint8_t proto = p->ip[6];

    h->next_header = proto;
    h->header_octets = V6_HEAD;
    h->flow_label = p->flow_label;
    h->fragment_flags = p->more ? MORE : 0;
    h->payload = (uint32_t)(p->bytes - V6_HEAD);
    h->v6_payload = (uint16_t)(p->bytes - V6_HEAD);
    if (p->dst.b[0] == 0xff)
        h->multicast = (uint8_t)(p->dst.b[1] << 4 | (p->dst.b[1] & 0x10 ? 0x08 : 0));
    while (cur_left(&in) > 0) {
        h->extensions |= extension_bit(proto, p->offset == 0);
        uint8_t next = cur_u8(&in);
        size_t units = cur_u8(&in);
        (void)cur_bytes(&in, proto == FRAGMENT         ? 6
                             : proto == AUTHENTICATION ? units * 4 + 6
                                                       : units * 8 + 6);
        proto = next;
    }
    h->extensions |= extension_bit(p->proto, p->offset == 0);
}

/* --- transport --- */

static void read_tcp(struct cur in, struct headers *h)
{
    uint8_t type;

    (void)cur_u32(&in);
    h->tcp_seq = cur_u32(&in);
    h->tcp_ack = cur_u32(&in);
    h->tcp_head = (uint8_t)(cur_u8(&in) >> 4) * 4;
    (void)cur_u8(&in);
    h->tcp_window = cur_u16(&in);
    (void)cur_u16(&in);
    h->tcp_urgent = cur_u16(&in);
    if (h->tcp_head <= TCP_HEAD)
        return;
    size_t len = h->tcp_head - (size_t)TCP_HEAD;
    in = cur_take(&in, cur_left(&in) < len ? cur_left(&in) : len);
    while (next_option(&in, &type))
        if (type < 64)
            h->tcp_options |= bit_of(type, sizeof h->tcp_options);
}

static void read_transport(const struct packet *p, struct headers *h)
{
    struct cur in = p->body;
    size_t head = p->head;

    if (p->offset == 0) {
        switch (p->proto) {
        case PACKET_TCP:
            read_tcp(in, h);
            head += h->tcp_head;
            break;
        case PACKET_UDP:
            (void)cur_u32(&in);
            h->udp_length = cur_u16(&in);
            head += UDP_HEAD;
            break;
        case PACKET_IGMP:
            h->igmp_type = cur_u8(&in);
            break;
        default:
            break;
        }
    }
    h->transport = p->bytes > head ? p->bytes - head : 0;
}

void headers_read(const struct packet *p, struct headers *out)
{
    enum { DSCP_SHIFT = 2, PRECEDENCE_SHIFT = 5, FRAGMENT_UNIT = 8 };

    *out = (struct headers){.ttl = p->ttl,
                            .dscp = p->tos >> DSCP_SHIFT,
                            .precedence = p->tos >> PRECEDENCE_SHIFT,
                            .fragment_offset = (uint16_t)(p->offset / FRAGMENT_UNIT),
                            .fragment_id = p->id,
                            .total = p->bytes};
    read_link(p, out);
    if (p->version == 4)
        read_v4(p, out);
    else
        read_v6(p, out);
    read_transport(p, out);
}

/* --- sections --- */

/* All that was captured lies in one piece, from the header to the body's end. */
static void copy_from(const struct packet *p, size_t at, uint8_t *out, size_t n)
{
    size_t have = p->head + cur_left(&p->body) - at;
    size_t some = have < n ? have : n;

    memcpy(out, p->ip + at, some);
    memset(out + some, 0, n - some);
}

void headers_section(const struct packet *p, uint8_t *out, size_t n) { copy_from(p, 0, out, n); }

void headers_payload_section(const struct packet *p, uint8_t *out, size_t n)
{
    copy_from(p, p->version == 4 ? p->head : V6_HEAD, out, n);
}
