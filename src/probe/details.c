#include "probe/details.h"

#include "base/hash.h"

enum { MAC = 6 };

static void set_ports(struct details *d, const struct facts *f)
{
    uint8_t type = (uint8_t)(f->dst_port >> 8);
    uint8_t code = (uint8_t)f->dst_port;

    switch (f->proto) {
    case PACKET_TCP:
        d->tcp_src_port = f->src_port;
        d->tcp_dst_port = f->dst_port;
        break;
    case PACKET_UDP:
        d->udp_src_port = f->src_port;
        d->udp_dst_port = f->dst_port;
        break;
    case PACKET_ICMP:
        d->icmp_type = type;
        d->icmp_code = code;
        break;
    case PACKET_ICMPV6:
        d->icmpv6_type = type;
        d->icmpv6_code = code;
        break;
    default:
        break;
    }
}

static void set_link(struct details *d, bool outgoing)
{
    memcpy(outgoing ? d->out_src_mac : d->in_src_mac, d->h.src_mac, MAC);
    memcpy(outgoing ? d->out_dst_mac : d->in_dst_mac, d->h.dst_mac, MAC);
    *(outgoing ? &d->out_vlan : &d->in_vlan) = d->h.vlan;
}

struct addr details_prefix(const struct addr *a, uint8_t bits, uint8_t version)
{
    return addr_mask(*a, (version == 4 ? (unsigned)ADDR_V4_BITS : 0) + bits);
}

/* Of segments all but the last have one length. */
static void set_lengths(struct details *d, const struct details_source *s)
{
    uint64_t head = d->h.total - d->h.transport;
    uint64_t wire = s->frame->wire_len;
    uint64_t before = wire > s->packet->bytes ? wire - s->packet->bytes : 0;
    uint64_t full = s->packets > 1 ? head + s->frame->segment_bytes : s->bytes;
    uint64_t last = s->bytes - (s->packets - 1) * full;

    d->length_min = last < full ? last : full;
    d->length_max = full;
    d->squares = (s->packets - 1) * full * full + last * last;
    d->frame_bytes = before * s->packets + s->bytes;
}

/* The traditional keys stand in one piece. */
static uint64_t id_of(const struct facts *f)
{
    return hash_keyed(f, offsetof(struct facts, tcp_flags)) ^ hash_mix(f->in_if);
}

void details_read(const struct details_source *s, const struct details_wanted *w,
                  struct details *out)
{
    const struct facts *f = s->facts;
    struct details *d = out;

    memset(d, 0, offsetof(struct details, section));
    headers_read(s->packet, &d->h);
    set_ports(d, f);
    set_link(d, s->frame->outgoing);
    set_lengths(d, s);
    d->src_prefix = details_prefix(&f->src, f->src_mask, f->ip_version);
    d->dst_prefix = details_prefix(&f->dst, f->dst_mask, f->ip_version);
    d->interface = s->interface;
    d->flow_id = id_of(f);
    d->ttl = d->h.ttl;
    if (w->section)
        headers_section(s->packet, d->section, w->section);
    if (w->payload_section)
        headers_payload_section(s->packet, d->payload_section, w->payload_section);
}

void details_set_interval(struct details *d, int64_t time_ms, int64_t interval_ms)
{
    d->interval_start_ms = time_ms - time_ms % interval_ms;
    d->interval_end_ms = (uint64_t)(d->interval_start_ms + interval_ms);
}
