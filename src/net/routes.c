#include "net/routes.h"

#include "base/mem.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>

enum { ADDR_BITS = 128, DEPTH = ADDR_BITS + 1 };

struct range {
    struct addr first;         /* it ends where the next begins */
    const struct route *route; /* NULL: none */
};

struct table {
    struct route *v;
    size_t n;
    size_t room;
    struct range *ranges;
    size_t n_ranges;
    size_t left_out;
};

struct routes {
    struct netlink_out out;
    struct table now;
    struct table next;
};

static void on_message(struct netlink_out *out, const struct netlink_message *m)
{
    (void)routes_take(container_of(out, struct routes, out), m);
}

static void table_free(struct table *t)
{
    free(t->v);
    free(t->ranges);
    *t = (struct table){0};
}

struct routes *routes_new(void)
{
    struct routes *r = mem_new(1, sizeof *r);

    r->out.message = on_message;
    return r;
}

void routes_free(struct routes *r)
{
    if (!r)
        return;
    table_free(&r->now);
    table_free(&r->next);
    free(r);
}

/* --- the kernel's messages --- */

static bool take_addr(struct cur value, uint8_t family, struct addr *out)
{
    bool v4 = family == AF_INET;
    const uint8_t *p = cur_bytes(&value, v4 ? 4 : sizeof out->b);

    if (!p)
        return false;
    if (v4)
        *out = addr_of_v4(p);
    else
        memcpy(out->b, p, sizeof out->b);
    return true;
}

/* The first of several ways. */
static void take_multipath(struct cur value, uint8_t family, struct route *r)
{
    struct rtnexthop hop;
    uint16_t type;
    struct cur attr;
    const uint8_t *p = cur_bytes(&value, sizeof hop);

    if (!p)
        return;
    memcpy(&hop, p, sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len - sizeof hop > cur_left(&value))
        return;
    r->out_if = (uint32_t)hop.rtnh_ifindex;
    struct cur attrs = cur_take(&value, hop.rtnh_len - sizeof hop);
    while (netlink_attr(&attrs, &type, &attr))
        if (type == RTA_GATEWAY)
            (void)take_addr(attr, family, &r->via);
}

/* Local before main before default, as the kernel's usual rules look them up. */
static bool rank_of(uint32_t table, uint32_t *rank)
{
    *rank = table == RT_TABLE_LOCAL ? 0 : table == RT_TABLE_MAIN ? 1 : 2;
    return *rank < 2 || table == RT_TABLE_DEFAULT;
}

static bool add(struct table *t, const struct route *r)
{
    if (t->n == ROUTES_MAX) {
        t->left_out++;
        return false;
    }
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->v = mem_resize(t->v, t->room, sizeof *t->v);
    }
    t->v[t->n++] = *r;
    return true;
}

bool routes_take(struct routes *r, const struct netlink_message *m)
{
    struct rtmsg head;
    struct cur in = m->body;
    struct cur value;
    uint16_t type;
    uint32_t rank;
    const uint8_t *p = cur_bytes(&in, sizeof head);

    if (m->type != RTM_NEWROUTE || !p)
        return false;
    memcpy(&head, p, sizeof head);
    bool v4 = head.rtm_family == AF_INET;
    if ((!v4 && head.rtm_family != AF_INET6) || head.rtm_dst_len > (v4 ? 32 : ADDR_BITS) ||
        head.rtm_flags & RTM_F_CLONED)
        return false;
    uint32_t table = head.rtm_table;
    uint32_t metric = 0;
    struct route x = {.bits = (uint8_t)(head.rtm_dst_len + (v4 ? ADDR_V4_BITS : 0))};
    if (v4)
        x.net = addr_of_v4((const uint8_t[4]){0});
    while (netlink_attr(&in, &type, &value)) {
        if (type == RTA_DST && !take_addr(value, head.rtm_family, &x.net))
            return false;
        if (type == RTA_GATEWAY && !take_addr(value, head.rtm_family, &x.via))
            return false;
        if (type == RTA_OIF)
            x.out_if = netlink_u32(value);
        else if (type == RTA_TABLE)
            table = netlink_u32(value);
        else if (type == RTA_PRIORITY)
            metric = netlink_u32(value);
        else if (type == RTA_MULTIPATH)
            take_multipath(value, head.rtm_family, &x);
    }
    if (!rank_of(table, &rank))
        return false;
    if (head.rtm_type != RTN_UNICAST) { /* to this machine, or nowhere */
        x.out_if = 0;
        x.via = (struct addr){0};
    }
    x.net = addr_mask(x.net, x.bits);
    x.rank = (rank << 30) + (metric >> 2);
    return add(&r->next, &x);
}

/* --- the table --- */

static int by_prefix(const void *a, const void *b)
{
    const struct route *x = a;
    const struct route *y = b;
    int nets = memcmp(&x->net, &y->net, sizeof x->net);

    if (nets)
        return nets;
    if (x->bits != y->bits)
        return x->bits < y->bits ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* The first address behind the prefix; false: there is none. */
static bool behind(const struct route *r, struct addr *out)
{
    *out = r->net;
    for (unsigned bit = r->bits; bit > 0; bit--) {
        uint8_t mask = (uint8_t)(0x80 >> (bit - 1) % 8);
        uint8_t *octet = &out->b[(bit - 1) / 8];
        *octet ^= mask;
        if (*octet & mask)
            return true;
    }
    return false;
}

static void begin_range(struct table *t, const struct addr *first, const struct route *r)
{
    if (t->n_ranges > 0 && addr_eq(&t->ranges[t->n_ranges - 1].first, first))
        t->n_ranges--;
    t->ranges[t->n_ranges++] = (struct range){.first = *first, .route = r};
}

static bool within(const struct addr *a, const struct route *r)
{
    struct addr net = addr_mask(*a, r->bits);
    return addr_eq(&net, &r->net);
}

/* Prefixes lie in each other like boxes: `open` are those around the one in hand. */
static void compile(struct table *t)
{
    const struct route *open[DEPTH];
    size_t depth = 0;
    struct addr next;

    if (t->n > 0)
        qsort(t->v, t->n, sizeof *t->v, by_prefix);
    t->ranges = mem_new(2 * t->n + 1, sizeof *t->ranges);
    for (size_t i = 0; i <= t->n; i++) {
        const struct route *r = i < t->n ? &t->v[i] : NULL;
        while (depth > 0 && !(r && within(&r->net, open[depth - 1]))) {
            const struct route *closed = open[--depth];
            if (behind(closed, &next))
                begin_range(t, &next, depth > 0 ? open[depth - 1] : NULL);
        }
        if (!r || (depth > 0 && open[depth - 1]->bits == r->bits)) /* a worse one to the same */
            continue;
        begin_range(t, &r->net, r);
        open[depth++] = r;
    }
}

void routes_make(struct routes *r)
{
    table_free(&r->now);
    r->now = r->next;
    r->next = (struct table){0};
    compile(&r->now);
}

int routes_read(struct routes *r, struct err *err)
{
    table_free(&r->next);
    int e = netlink_dump(RTM_GETROUTE, AF_INET, &r->out, err);
    if (e == 0)
        e = netlink_dump(RTM_GETROUTE, AF_INET6, &r->out, err);
    if (e == 0)
        routes_make(r);
    return e;
}

const struct route *routes_find(const struct routes *r, const struct addr *to)
{
    const struct table *t = &r->now;
    size_t from = 0;
    size_t n = t->n_ranges;

    while (n > 0) { /* the last that does not begin behind it */
        size_t half = n / 2;
        bool before = memcmp(&t->ranges[from + half].first, to, sizeof *to) <= 0;
        from = before ? from + half + 1 : from;
        n = before ? n - half - 1 : half;
    }
    return from > 0 ? t->ranges[from - 1].route : NULL;
}

size_t routes_left_out(const struct routes *r) { return r->now.left_out; }
