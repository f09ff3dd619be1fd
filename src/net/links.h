/* links: the interfaces of this machine: numbers, names, and the VRFs among them. */
#ifndef NET_LINKS_H
#define NET_LINKS_H

#include "base/addr.h"
#include "base/err.h"
#include "net/netlink.h"

#include <net/if.h>

enum { LINKS_MAX = 65536, LINK_ALIAS = 64 };

struct link {
    uint32_t index;
    uint32_t vrf; /* its routing table's number, of a VRF's device; else 0 */
    char name[IFNAMSIZ];
    char alias[LINK_ALIAS]; /* what the administrator calls it, cut; "": nothing */
};

/* Zeroed is empty. In the order of the kernel's answer. */
struct links {
    struct link *v;
    size_t n;
};

/* Those there are now: what was there before is gone. */
int links_read(struct links *l, struct err *err) MUST_USE;
void links_free(struct links *l);

/* A message of the answer to RTM_GETLINK. false: it says nothing of a link. */
bool links_take(struct links *l, const struct netlink_message *m);

/* An address of an interface of this machine. ERR_CONFIG: it has none of that family. */
int links_address(const char *dev, bool v4, struct addr *out, struct err *err) MUST_USE;

#endif
