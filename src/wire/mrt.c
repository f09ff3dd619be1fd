#include "wire/mrt.h"

#include <string.h>

enum {
    TABLE_DUMP_V2 = 13,
    RIB_IPV4_UNICAST = 2,
    RIB_IPV6_UNICAST = 4,
    RIB_IPV4_UNICAST_ADDPATH = 8,
    RIB_IPV6_UNICAST_ADDPATH = 10,
    ATTRIBUTE_LONG = 0x10, /* its length has two octets */
    AS_PATH = 2,
    NEXT_HOP = 3,
    MP_REACH = 14,
    AS_SET = 1,
    AS_SEQUENCE = 2,
    CONFED_SEQUENCE = 3,
    CONFED_SET = 4,
    V4_BYTES = 4,
    V6_BYTES = 16,
    V4_BITS = 32,
    V6_BITS = 128
};

struct mrt_header mrt_header(struct cur *in)
{
    struct mrt_header h;

    (void)cur_u32(in); /* when it was written */
    h.type = cur_u16(in);
    h.subtype = cur_u16(in);
    h.len = cur_u32(in);
    return h;
}

/* One neighbour's route, as its attributes tell it. */
struct path {
    uint32_t first;
    uint32_t last;
    size_t len; /* as BGP counts it: a set is one */
    struct addr next_hop;
};

static bool set_addr(struct addr *out, struct cur *in, size_t len)
{
    const uint8_t *b = cur_bytes(in, len);

    if (!b)
        return false;
    if (len == V4_BYTES)
        *out = addr_of_v4(b);
    else
        memcpy(out->b, b, V6_BYTES);
    return true;
}

/* RFC 4271 section 4.3 b, with AS numbers of four octets. Confederations are the AS itself. */
static void read_as_path(struct cur in, struct path *p)
{
    while (cur_left(&in) > 0) {
        uint8_t type = cur_u8(&in);
        uint8_t n = cur_u8(&in);
        bool counts = type == AS_SET || type == AS_SEQUENCE;
        for (size_t i = 0; i < n; i++) {
            uint32_t as = cur_u32(&in);
            if (!cur_ok(&in) || !counts)
                continue;
            if (p->len == 0 && i == 0)
                p->first = as;
            if (type == AS_SEQUENCE || i == 0)
                p->last = as;
        }
        p->len += type == AS_SEQUENCE ? n : type == AS_SET;
    }
}

/* Of MP_REACH_NLRI a dump keeps the next hop (RFC 6396 section 4.3.4); some write all of it, which
 * begins with the address family: 0. */
static void read_mp_reach(struct cur in, struct path *p)
{
    uint8_t len = cur_u8(&in);

    if (len == 0) {
        (void)cur_bytes(&in, 2);
        len = cur_u8(&in);
    }
    if (len == V4_BYTES)
        (void)set_addr(&p->next_hop, &in, V4_BYTES);
    else if (len >= V6_BYTES) /* a link-local one may stand behind it */
        (void)set_addr(&p->next_hop, &in, V6_BYTES);
}

static void read_attributes(struct cur in, struct path *p)
{
    while (cur_left(&in) > 0) {
        uint8_t flags = cur_u8(&in);
        uint8_t type = cur_u8(&in);
        size_t len = flags & ATTRIBUTE_LONG ? cur_u16(&in) : cur_u8(&in);
        struct cur value = cur_take(&in, len);
        if (type == AS_PATH)
            read_as_path(value, p);
        else if (type == NEXT_HOP && len == V4_BYTES)
            (void)set_addr(&p->next_hop, &value, V4_BYTES);
        else if (type == MP_REACH)
            read_mp_reach(value, p);
    }
}

static bool read_prefix(struct cur *in, struct mrt_route *out)
{
    uint8_t bits = cur_u8(in);
    uint8_t b[V6_BYTES] = {0};
    const uint8_t *from = cur_bytes(in, ((size_t)bits + 7) / 8);

    if (!from || bits > (out->version == 4 ? V4_BITS : V6_BITS))
        return false;
    memcpy(b, from, ((size_t)bits + 7) / 8);
    if (bits % 8 != 0) /* what does not belong to the prefix may be anything */
        b[bits / 8] &= (uint8_t)(0xFF << (8 - bits % 8));
    struct cur all = cur_of(b, sizeof b);
    out->bits = bits;
    return set_addr(&out->net, &all, out->version == 4 ? V4_BYTES : V6_BYTES);
}

static enum mrt_kind read_rib(struct cur in, bool paths_have_ids, struct mrt_route *out)
{
    size_t shortest = SIZE_MAX;

    (void)cur_u32(&in); /* sequence number */
    if (!read_prefix(&in, out))
        return MRT_BROKEN;
    for (size_t n = cur_u16(&in); n > 0 && cur_ok(&in); n--) {
        struct path p = {.first = 0};
        (void)cur_bytes(&in, paths_have_ids ? 2 + 4 + 4 : 2 + 4); /* peer, time, id of the path */
        size_t len = cur_u16(&in);
        read_attributes(cur_take(&in, len), &p);
        if (!cur_ok(&in) || p.len >= shortest)
            continue;
        shortest = p.len;
        out->origin_as = p.last;
        out->peer_as = p.first;
        out->next_hop = p.next_hop;
    }
    if (!cur_ok(&in))
        return MRT_BROKEN;
    return shortest == SIZE_MAX ? MRT_OTHER : MRT_ROUTE;
}

enum mrt_kind mrt_route(const struct mrt_header *h, struct cur in, struct mrt_route *out)
{
    *out = (struct mrt_route){.version = 4};
    if (h->type != TABLE_DUMP_V2)
        return MRT_OTHER;
    switch (h->subtype) {
    case RIB_IPV4_UNICAST:
        return read_rib(in, false, out);
    case RIB_IPV4_UNICAST_ADDPATH:
        return read_rib(in, true, out);
    case RIB_IPV6_UNICAST:
    case RIB_IPV6_UNICAST_ADDPATH:
        out->version = 6;
        return read_rib(in, h->subtype == RIB_IPV6_UNICAST_ADDPATH, out);
    default:
        return MRT_OTHER;
    }
}
