#include "net/rib.h"

#include "base/hash.h"
#include "base/mem.h"
#include "wire/mrt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    INDEX_BITS = 20,
    INDEX = 1 << INDEX_BITS,
    INDEX_BYTES = (INDEX + 1) * sizeof(uint32_t),
    V4_SHIFT = 64 - INDEX_BITS,
    V6_SHIFT =
        V4_SHIFT - 3, /* of the addresses that begin with 001 (2000::/3): all that are given */
    V4_AT = 96,
    HALF_BITS = 64,
    READ_BYTES = 1 << 18
};

/* A prefix, while the table is made: an address is its first 64 bits, of IPv4 its 32 and zeros. */
struct row {
    uint64_t first;
    uint32_t route;
    uint8_t bits;
};

/* From here to the next one. */
struct range {
    uint64_t first;
    uint32_t route; /* from 1; 0: there is none */
    uint8_t bits;
};

/* Of one version of IP. */
struct half {
    struct row *rows;
    size_t n_rows;
    struct range *ranges;
    size_t n;
    uint64_t base; /* addresses from here on are in the index, */
    unsigned shift;
    uint32_t *index; /* which says the range where each share of them begins */
};

struct rib {
    struct half v4;
    struct half v6;
    struct rib_route *routes;
    size_t n_routes;
    uint32_t *found; /* by hash, while it is made: number of a route, 0: free */
    size_t mask;
    struct rib_stats stats;
};

void rib_free(struct rib *r)
{
    if (!r)
        return;
    for (int i = 0; i < 2; i++) {
        struct half *h = i == 0 ? &r->v4 : &r->v6;
        free(h->rows);
        mem_big_free(h->ranges, h->n * sizeof *h->ranges);
        mem_big_free(h->index, INDEX_BYTES);
    }
    free(r->routes);
    free(r->found);
    free(r);
}

const struct rib_stats *rib_stats(const struct rib *r) { return &r->stats; }

/* --- take --- */

static size_t place_of(const struct rib *r, const struct rib_route *route)
{
    size_t at = hash_keyed(route, sizeof *route) & r->mask;

    while (r->found[at] != 0 && memcmp(&r->routes[r->found[at] - 1], route, sizeof *route) != 0)
        at = (at + 1) & r->mask;
    return at;
}

static void grow(struct rib *r)
{
    enum { LEAST = 1024 };
    size_t n = r->found ? 2 * (r->mask + 1) : LEAST;

    free(r->found);
    r->found = mem_new(n, sizeof *r->found);
    r->mask = n - 1;
    r->routes = mem_resize(r->routes, n / 2, sizeof *r->routes);
    for (size_t i = 0; i < r->n_routes; i++)
        r->found[place_of(r, &r->routes[i])] = (uint32_t)i + 1;
}

static uint32_t number_of(struct rib *r, const struct mrt_route *m)
{
    const struct rib_route route = {
        .next_hop = m->next_hop, .origin_as = m->origin_as, .peer_as = m->peer_as};

    if (!r->found || r->n_routes == (r->mask + 1) / 2)
        grow(r);
    size_t at = place_of(r, &route);
    if (r->found[at] == 0) {
        r->routes[r->n_routes++] = route;
        r->found[at] = (uint32_t)r->n_routes;
    }
    return r->found[at];
}

static uint64_t key_of(const struct addr *a)
{
    struct cur in = addr_is_v4(a) ? cur_of(a->b + 12, 4) : cur_of(a->b, sizeof(uint64_t));

    return addr_is_v4(a) ? (uint64_t)cur_u32(&in) << 32 : cur_u64(&in);
}

static void take(struct rib *r, const struct mrt_route *m)
{
    struct half *h = m->version == 4 ? &r->v4 : &r->v6;

    if (m->bits > HALF_BITS || r->v4.n_rows + r->v6.n_rows == RIB_MAX) {
        r->stats.left_out++;
        return;
    }
    if ((h->n_rows & (h->n_rows - 1)) == 0) /* full at each power of two */
        h->rows = mem_resize(h->rows, h->n_rows ? 2 * h->n_rows : 1, sizeof *h->rows);
    h->rows[h->n_rows++] =
        (struct row){.first = key_of(&m->net), .route = number_of(r, m), .bits = m->bits};
}

/* --- make --- */

static int by_place(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->bits - y->bits;
}

static uint64_t end_of(const struct row *p)
{
    return p->bits < HALF_BITS ? p->first | UINT64_MAX >> p->bits : p->first;
}

static void put(struct half *h, uint64_t first, const struct row *p)
{
    uint32_t route = p ? p->route : 0;
    uint8_t bits = p ? p->bits : 0;

    if (h->n > 0 && h->ranges[h->n - 1].first == first)
        h->n--;
    if (h->n > 0 && h->ranges[h->n - 1].route == route && h->ranges[h->n - 1].bits == bits)
        return;
    h->ranges[h->n++] = (struct range){.first = first, .route = route, .bits = bits};
}

static void make_ranges(struct half *h)
{
    const struct row *open[HALF_BITS + 2]; /* in each other */
    size_t n = 0;

    put(h, 0, NULL);
    for (size_t i = 0; i < h->n_rows; i++) {
        const struct row *p = &h->rows[i];
        for (; n > 0 && end_of(open[n - 1]) < p->first; n--)
            put(h, end_of(open[n - 1]) + 1, n > 1 ? open[n - 2] : NULL);
        if (n > 0 && open[n - 1]->first == p->first && open[n - 1]->bits == p->bits)
            continue; /* told twice: the first holds */
        open[n++] = p;
        put(h, p->first, p);
    }
    for (; n > 0; n--)
        if (end_of(open[n - 1]) != UINT64_MAX)
            put(h, end_of(open[n - 1]) + 1, n > 1 ? open[n - 2] : NULL);
}

static void make_index(struct half *h)
{
    size_t at = 0;

    for (size_t i = 0; i <= INDEX; i++) {
        uint64_t begin = h->base + ((uint64_t)i << h->shift);
        if (i == INDEX && begin <= h->base) /* the end of all addresses */
            begin = UINT64_MAX;
        while (at + 1 < h->n && h->ranges[at + 1].first <= begin)
            at++;
        h->index[i] = (uint32_t)at;
    }
}

static void *big(size_t bytes)
{
    void *p = mem_big_new(bytes);

    if (!p)
        mem_out();
    return p;
}

static void make(struct rib *r, struct half *h, uint64_t base, unsigned shift)
{
    if (h->n_rows > 0)
        qsort(h->rows, h->n_rows, sizeof *h->rows, by_place);
    h->base = base;
    h->shift = shift;
    struct range *ranges = mem_new(2 * h->n_rows + 1, sizeof *ranges);
    h->ranges = ranges;
    make_ranges(h);
    h->ranges = big(h->n * sizeof *ranges);
    memcpy(h->ranges, ranges, h->n * sizeof *ranges);
    free(ranges);
    free(h->rows);
    h->rows = NULL;
    h->index = big(INDEX_BYTES);
    make_index(h);
    r->stats.prefixes += h->n_rows;
    r->stats.bytes += h->n * sizeof *h->ranges + INDEX_BYTES;
}

/* --- read --- */

static int fail_file(gzFile file, const char *path, struct err *err)
{
    int code;
    const char *why = gzerror(file, &code);

    if (code == Z_ERRNO)
        return err_sys(err, "%s", path);
    return err_set(err, ERR_DATA, "%s: the file is cut%s%s", path, code == Z_OK ? "" : ": ",
                   code == Z_OK ? "" : why);
}

static int read_record(struct rib *r, gzFile file, const struct mrt_header *h, uint8_t *body,
                       const char *path, struct err *err)
{
    struct mrt_route route;

    if (h->len > MRT_RECORD_MAX)
        return err_set(
            err, ERR_DATA,
            "%s: expected a dump of BGP's routes (MRT, TABLE_DUMP_V2), found a record of "
            "%u octets",
            path, (unsigned)h->len);
    if (gzread(file, body, h->len) != (int)h->len)
        return fail_file(file, path, err);
    switch (mrt_route(h, cur_of(body, h->len), &route)) {
    case MRT_ROUTE:
        take(r, &route);
        break;
    case MRT_BROKEN:
        r->stats.broken++;
        break;
    case MRT_OTHER:
        break;
    }
    return 0;
}

static int read_all(struct rib *r, gzFile file, const char *path, struct err *err)
{
    uint8_t head[MRT_HEADER];
    uint8_t *body = mem_new(MRT_RECORD_MAX, 1);
    int e = 0;

    for (int n; e == 0 && (n = gzread(file, head, sizeof head)) != 0;) {
        struct cur in = cur_of(head, sizeof head);
        struct mrt_header h = mrt_header(&in);
        e = n == sizeof head ? read_record(r, file, &h, body, path, err)
                             : fail_file(file, path, err);
    }
    free(body);
    if (e == 0 && !gzeof(file))
        e = fail_file(file, path, err);
    return e;
}

int rib_read(struct rib **out, const char *path, struct err *err)
{
    gzFile file = gzopen(path, "rbe");

    if (!file)
        return err_sys(err, "%s", path);
    struct rib *r = mem_new(1, sizeof *r);
    (void)gzbuffer(file, READ_BYTES);
    int e = read_all(r, file, path, err);
    if (gzclose(file) != Z_OK && e == 0) /* no whole one of gzip's */
        e = err_set(err, ERR_DATA, "%s: the file is cut", path);
    if (e == 0 && r->v4.n_rows + r->v6.n_rows == 0)
        e = err_set(err, ERR_DATA,
                    "%s: expected a dump of BGP's routes (MRT, TABLE_DUMP_V2), found none in it",
                    path);
    if (e) {
        rib_free(r);
        return e;
    }
    make(r, &r->v4, 0, V4_SHIFT);
    make(r, &r->v6, UINT64_C(1) << 61, V6_SHIFT);
    free(r->found);
    r->found = NULL;
    r->routes = mem_resize(r->routes, r->n_routes, sizeof *r->routes);
    r->stats.bytes += sizeof *r + r->n_routes * sizeof *r->routes;
    *out = r;
    return 0;
}

/* --- find --- */

const struct rib_route *rib_find(const struct rib *r, const struct addr *to, uint8_t *bits)
{
    bool v4 = addr_is_v4(to);
    const struct half *h = v4 ? &r->v4 : &r->v6;
    uint64_t key = key_of(to);
    uint64_t share = (key - h->base) >> h->shift; /* before the base: a very large one */
    size_t from = share < INDEX ? h->index[share] : 0;
    size_t n = share < INDEX ? h->index[share + 1] + 1 - from : h->n;

    while (n > 1) { /* the last that does not begin behind it; no branch waits for memory */
        size_t half = n / 2;
        from += h->ranges[from + half].first <= key ? half : 0;
        n -= half;
    }
    const struct range *at = &h->ranges[from];
    *bits = (uint8_t)(at->bits + (v4 ? V4_AT : 0));
    return at->route != 0 ? &r->routes[at->route - 1] : NULL;
}
