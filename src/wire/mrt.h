/* mrt: what BGP knows, as routers and collectors write it to files: RIB dumps of type TABLE_DUMP_V2
 * (RFC 6396 section 4.3; with path identifiers, RFC 8050).
 *
 * A file is a row of records: a header of MRT_HEADER octets, then as many as it says. */
#ifndef WIRE_MRT_H
#define WIRE_MRT_H

#include "base/addr.h"
#include "base/cursor.h"

enum { MRT_HEADER = 12, MRT_RECORD_MAX = 1 << 20 };

struct mrt_header {
    uint16_t type;
    uint16_t subtype;
    uint32_t len; /* octets that follow */
};

/* What there is to know of one prefix. Of several neighbours' routes the one with the shortest path
 * of AS numbers; of equals the first. */
struct mrt_route {
    struct addr net;
    struct addr next_hop; /* zero: not told */
    uint32_t origin_as;   /* the last of its path; 0: the path is empty, so it is the AS itself */
    uint32_t peer_as;     /* the first: whom packets go to next */
    uint8_t version;      /* of IP */
    uint8_t bits;         /* of that version */
};

enum mrt_kind {
    MRT_ROUTE,
    MRT_OTHER, /* nothing of unicast routes, or no neighbour has one */
    MRT_BROKEN
};

struct mrt_header mrt_header(struct cur *in);

/* The record behind its header. */
enum mrt_kind mrt_route(const struct mrt_header *h, struct cur in, struct mrt_route *out);

#endif
