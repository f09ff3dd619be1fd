/* netlink: what the kernel answers about its links and routes (rtnetlink(7)), read through the
 * cursor. Numbers are in the machine's byte order. */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include "base/cursor.h"
#include "base/err.h"

struct netlink_message {
    uint16_t type;
    struct cur body; /* behind struct nlmsghdr */
};

/* The next message of an answer; false: there is no more, or it is cut off. */
bool netlink_next(struct cur *in, struct netlink_message *out);

/* The next attribute, its type without the flags of its two top bits. */
bool netlink_attr(struct cur *in, uint16_t *type, struct cur *value);

uint32_t netlink_u32(struct cur value); /* 0 where it is too short */

/* A text of at most `size` - 1 octets, with its zero byte; what cannot be printed is a '?'. */
void netlink_text(struct cur value, char *out, size_t size);

/* Who gets the messages of an answer; embedded in the owner's. */
struct netlink_out {
    void (*message)(struct netlink_out *out, const struct netlink_message *m);
};

/* All that the kernel has of a kind: RTM_GETLINK or RTM_GETROUTE, of a family (AF_UNSPEC: all). */
int netlink_dump(uint16_t type, uint8_t family, struct netlink_out *out, struct err *err) MUST_USE;

/* A socket, not blocking, that hears when routes change; netlink_changed() reads it empty. */
int netlink_watch_routes(int *fd, struct err *err) MUST_USE;
bool netlink_changed(int fd);

#endif
