/* steer: several sockets on one address and port, among which the kernel chooses by the sender's
 * address (SO_REUSEPORT and a classic BPF program), so that all of an exporter's datagrams and
 * connections come to one of them whatever ports it uses.
 *
 *   share = addr_share(sender, n)          base/addr.h: the same arithmetic, for state
 *
 * The kernel numbers sockets in the order of bind() (listen() for TCP). They stay open together:
 * closing one would renumber the others. */
#ifndef NET_STEER_H
#define NET_STEER_H

#include "base/addr.h"
#include "base/err.h"

enum { STEER_MAX = 64 };

/* fd[i] gets share i of n (1..STEER_MAX). As sock_bind(): a port that another program has is
 * refused, *port 0 lets the kernel choose. What comes before all stand is refused. On failure
 * nothing is open. */
int steer_bind(const struct addr *addr, uint16_t *port, int type, int *fd, unsigned n,
               struct err *err) MUST_USE;

#endif
