/* routes: where this machine sends packets: prefix → next hop and interface.
 *
 * The tables local, main and default, compiled into ascending ranges of addresses, so that a
 * question is a binary search. Bounded: ROUTES_MAX; the kernel's further ones are left out, and
 * counted. */
#ifndef NET_ROUTES_H
#define NET_ROUTES_H

#include "base/addr.h"
#include "base/err.h"
#include "net/netlink.h"

enum { ROUTES_MAX = 1 << 20 };

struct route {
    struct addr net;
    struct addr via; /* the next hop; zero: the net is at the interface itself */
    uint32_t out_if; /* 0: to this machine, or to nobody */
    uint32_t rank;   /* of those with the same prefix the least holds */
    uint8_t bits;    /* of an IPv4 prefix 96 more, as struct prefix has it */
};

struct routes;

struct routes *routes_new(void);
void routes_free(struct routes *r);

/* As the kernel has them now. On failure those before stay. */
int routes_read(struct routes *r, struct err *err) MUST_USE;

/* NULL: there is none. */
const struct route *routes_find(const struct routes *r, const struct addr *to);

/* How many there was no room for at the last reading. */
size_t routes_left_out(const struct routes *r);

/* For routes_read(), and tests: one message of the answer to RTM_GETROUTE (false: it says nothing
 * that is wanted); then the table is made of all that were taken since it was last made. */
bool routes_take(struct routes *r, const struct netlink_message *m);
void routes_make(struct routes *r);

#endif
