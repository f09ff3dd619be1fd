/* denied: from where senders come that are not heard, in bounded memory, however many they are.
 *
 * Datagrams are counted by prefix (/24, IPv6 /48) with "space saving" (Metwally, Agrawal, El
 * Abbadi, 2005): there are DENIED_MAX places, and a prefix without one takes over the place with
 * the lowest count, and the count. So a count is never too low, it is too high by `over` at most,
 * and a prefix that sends more than one in DENIED_MAX of all has a place for certain. */
#ifndef NET_DENIED_H
#define NET_DENIED_H

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

enum { DENIED_MAX = 64, DENIED_PREFIX_TEXT = ADDR_TEXT + 4 };

struct denied_net {
    struct addr net;
    uint64_t n; /* datagrams and connections */
    uint64_t over;
    int64_t last_ms;
};

struct denied {
    struct denied_net v[DENIED_MAX];
    size_t n;
};

void denied_note(struct denied *d, const struct addr *who, int64_t now_ms);

/* Adds what `from` has to a list of *n, which has room for all of it. */
void denied_add(struct denied_net *list, size_t *n, const struct denied *from);

/* The most first. */
void denied_sort(struct denied_net *list, size_t n);

/* "192.0.2.0/24" */
void denied_print(const struct addr *net, char out[static DENIED_PREFIX_TEXT]);

#endif
