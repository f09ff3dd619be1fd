/* origin: where a probe finds what an information element says. */
#ifndef PROBE_ORIGIN_H
#define PROBE_ORIGIN_H

#include "probe/setup.h"

enum origin_from {
    ORIGIN_FACTS,   /* of the packet, a value of the flow's first: a member of struct facts */
    ORIGIN_DETAILS, /* the same of struct details */
    ORIGIN_RUNNING, /* over the flow's packets, of a member of struct details */
    ORIGIN_BYTES,   /* what the cache counts */
    ORIGIN_PACKETS,
    ORIGIN_FLOWS,
    ORIGIN_FIRST,
    ORIGIN_LAST,
    ORIGIN_TCP_FLAGS,
    ORIGIN_END,
    ORIGIN_APPLICATION, /* of the conversation whose number `at` is */
    ORIGIN_KEY,         /* a number that the flow's key makes */
    ORIGIN_UNKNOWN      /* a router knows it, a probe does not: 0 */
};

enum origin_form {
    ORIGIN_NUMBER,  /* of 1, 2, 4 or 8 octets */
    ORIGIN_SECONDS, /* milliseconds that are told in seconds */
    ORIGIN_OCTETS,
    ORIGIN_V4 /* the last four octets of an address */
};

struct origin {
    uint32_t enterprise;
    uint16_t number;
    enum origin_from from;
    enum origin_form form;
    uint16_t at;    /* in the struct */
    uint16_t width; /* 0: as many as the setup says */
    uint8_t run;    /* enum cache_run */
};

/* NULL: nobody here knows that element. As a key it may be another than as a value. */
const struct origin *origin_find(const struct setup_field *f);

/* Does it come of nDPI, of the table of connections, of the cache's clock? */
bool origin_is_application(const struct origin *o);
bool origin_is_connection(const struct origin *o);
bool origin_is_interval(const struct origin *o);

/* Does it come of the routing table: masks, prefixes, next hops, where a packet goes out? */
bool origin_is_route(const struct origin *o);

/* Does it come of BGP, which only a RIB knows? */
bool origin_is_bgp(const struct origin *o);

/* "ipv4 tos, ... is not known ..." in words: what of a record is always 0. false: nothing is. */
bool origin_print_unknown(const struct setup_record *r, char *out, size_t n);

#endif
