#include "wire.h"

#include "base/attr.h"

enum { TEMPLATE_IPV4 = 256, TEMPLATE_IPV6 = 257, SET_HEAD = 4 };

/* One element of a record: the value, its number in v9 and IPFIX, its length. */
struct element {
    enum value value;
    uint16_t number;
    uint16_t number6; /* in records with IPv6 addresses */
    uint16_t len;
    uint16_t len6;
};

/* clang-format off */
static const struct element v5[] = {
    {SRC_ADDR, 0, 0, 4, 0}, {DST_ADDR, 0, 0, 4, 0}, {NEXT_HOP, 0, 0, 4, 0},
    {IN_IF, 0, 0, 2, 0}, {OUT_IF, 0, 0, 2, 0}, {PACKETS, 0, 0, 4, 0}, {BYTES, 0, 0, 4, 0},
    {FIRST_UPTIME, 0, 0, 4, 0}, {LAST_UPTIME, 0, 0, 4, 0}, {SRC_PORT, 0, 0, 2, 0},
    {DST_PORT, 0, 0, 2, 0}, {ZERO, 0, 0, 1, 0}, {TCP_FLAGS, 0, 0, 1, 0}, {PROTO, 0, 0, 1, 0},
    {TOS, 0, 0, 1, 0}, {SRC_AS, 0, 0, 2, 0}, {DST_AS, 0, 0, 2, 0}, {SRC_MASK, 0, 0, 1, 0},
    {DST_MASK, 0, 0, 1, 0}, {ZERO, 0, 0, 2, 0},
};
static const struct element v9[] = {
    {SRC_ADDR, 8, 27, 4, 16}, {DST_ADDR, 12, 28, 4, 16}, {NEXT_HOP, 15, 62, 4, 16},
    {IN_IF, 10, 10, 4, 4}, {OUT_IF, 14, 14, 4, 4}, {PACKETS, 2, 2, 4, 4}, {BYTES, 1, 1, 4, 4},
    {FIRST_UPTIME, 22, 22, 4, 4}, {LAST_UPTIME, 21, 21, 4, 4}, {SRC_PORT, 7, 7, 2, 2},
    {DST_PORT, 11, 11, 2, 2}, {SRC_AS, 16, 16, 4, 4}, {DST_AS, 17, 17, 4, 4},
    {SRC_MASK, 9, 29, 1, 1}, {DST_MASK, 13, 30, 1, 1}, {TCP_FLAGS, 6, 6, 1, 1},
    {PROTO, 4, 4, 1, 1}, {TOS, 5, 5, 1, 1},
};
static const struct element ipfix[] = {
    {SRC_ADDR, 8, 27, 4, 16}, {DST_ADDR, 12, 28, 4, 16}, {NEXT_HOP, 15, 62, 4, 16},
    {IN_IF, 10, 10, 4, 4}, {OUT_IF, 14, 14, 4, 4}, {PACKETS, 2, 2, 8, 8}, {BYTES, 1, 1, 8, 8},
    {FIRST_MS, 152, 152, 8, 8}, {LAST_MS, 153, 153, 8, 8}, {SRC_PORT, 7, 7, 2, 2},
    {DST_PORT, 11, 11, 2, 2}, {SRC_AS, 16, 16, 4, 4}, {DST_AS, 17, 17, 4, 4},
    {SRC_MASK, 9, 29, 1, 1}, {DST_MASK, 13, 30, 1, 1}, {TCP_FLAGS, 6, 6, 1, 1},
    {PROTO, 4, 4, 1, 1}, {TOS, 5, 5, 1, 1},
};
/* clang-format on */

struct layout {
    const struct element *elements;
    size_t n;
    size_t record_len;
    size_t head_len;
    uint16_t template_set;
};

static struct layout layout_of(unsigned version)
{
    if (version == 5)
        return (struct layout){v5, COUNT_OF(v5), 48, 24, 0};
    if (version == 9)
        return (struct layout){v9, COUNT_OF(v9), 53, 20, 0};
    return (struct layout){ipfix, COUNT_OF(ipfix), 69, 16, 2};
}

static void put_value(struct buf *b, uint64_t v, size_t len)
{
    if (len <= 8) {
        buf_be(b, v, len);
        return;
    }
    buf_u32(b, 0x20010db8); /* 2001:db8::/32, RFC 3849 */
    buf_u32(b, (uint32_t)v & 0xffff0000);
    buf_u32(b, 0);
    buf_u32(b, (uint32_t)v);
}

static void put_record(struct buf *b, const struct layout *l, const struct mix_flow *f)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct element *e = &l->elements[i];
        put_value(b, f->v[e->value], f->ipv6 ? e->len6 : e->len);
    }
}

static void put_at(struct buf *b, size_t at, uint64_t v, size_t n)
{
    struct buf part;

    buf_fixed(&part, b->data + at, n);
    buf_be(&part, v, n);
}

static size_t set_begin(struct buf *b, uint16_t id)
{
    buf_u16(b, id);
    buf_u16(b, 0);
    return b->len;
}

/* `at` is what set_begin() said. */
static void set_end(struct buf *b, size_t at)
{
    while ((b->len - at) % 4 != 0)
        buf_u8(b, 0);
    put_at(b, at - 2, b->len - at + SET_HEAD, 2);
}

static void put_template(struct buf *b, const struct layout *l, bool v6)
{
    buf_u16(b, v6 ? TEMPLATE_IPV6 : TEMPLATE_IPV4);
    buf_u16(b, (uint16_t)l->n);
    for (size_t i = 0; i < l->n; i++) {
        buf_u16(b, v6 ? l->elements[i].number6 : l->elements[i].number);
        buf_u16(b, v6 ? l->elements[i].len6 : l->elements[i].len);
    }
}

/* The records of one address family; returns their number. */
static size_t put_set(struct buf *b, const struct layout *l, const struct mix_flow *flows, size_t n,
                      bool v6, bool framed)
{
    size_t at = 0;
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (flows[i].ipv6 != v6)
            continue;
        if (count == 0 && framed)
            at = set_begin(b, v6 ? TEMPLATE_IPV6 : TEMPLATE_IPV4);
        put_record(b, l, &flows[i]);
        count++;
    }
    if (count > 0 && framed)
        set_end(b, at);
    return count;
}

static void put_head(struct wire *w, struct buf *b, size_t at, size_t records, int64_t ms,
                     int64_t boot_ms)
{
    struct buf head;

    buf_fixed(&head, b->data + at, layout_of(w->version).head_len);
    buf_u16(&head, (uint16_t)w->version);
    buf_u16(&head, (uint16_t)(w->version == 10 ? b->len - at : records));
    if (w->version != 10)
        buf_u32(&head, (uint32_t)(ms - boot_ms));
    buf_u32(&head, (uint32_t)(ms / 1000));
    if (w->version == 5)
        buf_u32(&head, (uint32_t)(ms % 1000 * 1000000));
    buf_u32(&head, w->sequence);
    if (w->version == 5)
        buf_u32(&head, w->domain << 16); /* engine type 0, engine id, no sampling */
    else
        buf_u32(&head, w->domain);
}

size_t wire_datagram(struct wire *w, struct mix *mix, size_t want, struct buf *out, int64_t *ms)
{
    struct layout l = layout_of(w->version);
    struct mix_flow flows[WIRE_RECORDS_MAX];
    bool framed = w->version != 5;
    size_t at = out->len;
    size_t records = 0;

    (void)buf_room(out, l.head_len);
    if (framed && w->datagrams % w->template_every == 0) {
        size_t set = set_begin(out, l.template_set);
        put_template(out, &l, false);
        if (w->ipv6)
            put_template(out, &l, true);
        set_end(out, set);
        records = w->ipv6 ? 2 : 1; /* v9 counts templates, too */
    }
    /* An IPv6 record has three addresses of 16 bytes; two sets and their padding come on top. */
    size_t used = out->len - at + (framed ? 14 : 0);
    size_t fit = (WIRE_PAYLOAD - used) / (l.record_len + (w->ipv6 ? 36 : 0));
    size_t n = want < w->records ? want : w->records;
    n = n < fit ? n : fit;
    for (size_t i = 0; i < n; i++)
        *ms = mix_next(mix, &flows[i]);
    records += put_set(out, &l, flows, n, false, framed);
    records += put_set(out, &l, flows, n, true, framed);
    put_head(w, out, at, records, *ms, mix_boot_ms(mix));
    w->sequence += w->version == 9 ? 1 : (uint32_t)n;
    w->datagrams++;
    return n;
}
