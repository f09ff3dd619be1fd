/* sock: addresses as the kernel wants them, and who has a port that we want. */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include "base/addr.h"
#include "base/err.h"

#include <sys/socket.h>

/* Whether others of ours share its port, see steer.h. The first finds the port free or fails; those
 * that share one refuse everything until told otherwise. */
enum sock_group { SOCK_ALONE, SOCK_FIRST, SOCK_NEXT };

/* A bound socket, not blocking; IPv6 sockets take IPv6 only. `type`: SOCK_DGRAM or SOCK_STREAM.
 * *port 0 lets the kernel choose, and *port says what it chose. A port that is taken: the error
 * says by whom. */
int sock_bind(const struct addr *addr, uint16_t *port, int type, enum sock_group group, int *fd,
              struct err *err) MUST_USE;

/* Have the kernel refuse what comes to a UDP socket from now on (it counts as dropped), or take it
 * again. */
void sock_refuse(int fd, bool refuse);

socklen_t sock_of(const struct addr *addr, uint16_t port, struct sockaddr_storage *out);

/* "HOST:PORT", where host may be a name or an address, IPv6 in brackets; *out as connect() wants
 * it. ERR_CONFIG. */
int sock_resolve(const char *text, struct sockaddr_storage *out, socklen_t *len,
                 struct err *err) MUST_USE;

void sock_addr(const struct sockaddr_storage *in, struct addr *addr, uint16_t *port);

/* "nfcapd (pid 123)" or "another program" into `out`: who has the port, by /proc. */
enum { SOCK_OWNER = 128 };
void sock_owner(int type, uint16_t port, char out[static SOCK_OWNER]);

static inline bool sock_is_loopback(const struct addr *a)
{
    static const struct addr v6 = {.b = {[15] = 1}};
    return addr_is_v4(a) ? a->b[12] == 127 : addr_eq(a, &v6);
}

#endif
