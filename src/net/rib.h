/* rib: BGP's routes, out of a dump in a file (wire/mrt.h): address → AS numbers and next hop.
 *
 * Prefixes are compiled into ascending ranges; the first bits of an address find a handful of them.
 * Of the kinds of route (AS numbers and next hop) each is held once. IPv6 prefixes longer than /64
 * are left out. Bounded: RIB_MAX prefixes; further ones are left out. Read-only once it is there,
 * so any thread may ask. */
#ifndef NET_RIB_H
#define NET_RIB_H

#include "base/addr.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { RIB_MAX = 4 << 20 };

struct rib_route {
    struct addr next_hop; /* BGP's; zero: not told */
    uint32_t origin_as;   /* 0: it is the dumping router's own */
    uint32_t peer_as;
};

struct rib_stats {
    size_t prefixes;
    size_t left_out; /* too long, or too many */
    size_t broken;   /* records that say what cannot be */
    size_t bytes;    /* of memory */
};

struct rib;

/* Also of a file that is compressed by gzip. ERR_SYS: it cannot be read; ERR_DATA: it is no dump
 * of BGP's routes, or is cut. */
int rib_read(struct rib **out, const char *path, struct err *err) MUST_USE;
void rib_free(struct rib *r);

/* *bits: of the prefix, of an IPv4 one 96 more. NULL: there is no route. */
const struct rib_route *rib_find(const struct rib *r, const struct addr *to, uint8_t *bits);

const struct rib_stats *rib_stats(const struct rib *r);

#endif
