/* udp: sockets read in batches of 128 datagrams (recvmmsg).
 *
 * A udp_batch is the memory that datagrams are received into: 128 places of 65,536 bytes, so that
 * none is cut (8 MiB of address space; only the pages that datagrams of the usual size reach are
 * ever touched). One serves all sockets of a thread. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "base/addr.h"
#include "base/err.h"
#include "net/loop.h"

enum { UDP_BATCH = 128 };

struct udp {
    struct io io; /* fd; the owner sets on() */
    struct addr addr;
    uint16_t port;
    uint16_t number; /* the owner's */
    size_t rcvbuf_asked;
    size_t rcvbuf_bytes; /* as the kernel accounts: double of what was asked for, if it allowed */
    uint64_t datagrams;
    uint64_t bytes;        /* of payload */
    uint64_t kernel_drops; /* as of udp_drops() */
    uint32_t drops_seen;
};

struct udp_datagram {
    const uint8_t *data;
    size_t len;
    struct addr addr;
    uint16_t port;
};

struct udp_batch;

struct udp_batch *udp_batch_new(void);
void udp_batch_free(struct udp_batch *b);

/* fd: a bound socket (sock.h, steer.h), from now on u's. What it dropped until now is not counted.
 */
void udp_open(struct udp *u, int fd, const struct addr *addr, uint16_t port, size_t rcvbuf_bytes);
void udp_close(struct udp *u);

/* Receive what is there, at most UDP_BATCH datagrams, without waiting: how many. A failure that is
 * not "nothing there" counts as nothing: it belongs to a datagram sent earlier, not to this socket.
 */
size_t udp_recv(struct udp *u, struct udp_batch *b);
const struct udp_datagram *udp_at(const struct udp_batch *b, size_t i);

/* Datagrams that the kernel dropped at this socket since the last call (SO_MEMINFO, which needs no
 * later datagram to carry the news, as SO_RXQ_OVFL does). */
uint64_t udp_drops(struct udp *u);

/* How long a nap (net/loop.h) before the next read saves wake-ups without risk: until a good part
 * of a batch has come, and the socket's buffer holds several times that. 0: the rate is too low. */
unsigned udp_nap_us(const struct udp *u, double datagrams_per_s);

/* Ask for a receive buffer, with SO_RCVBUFFORCE, else within net.core.rmem_max; what an earlier
 * call got by force, and this one may not, is kept. */
void udp_set_rcvbuf(struct udp *u, size_t bytes);

/* By force or not at all: while we may, for when we may no more. */
void udp_force_rcvbuf(struct udp *u, size_t bytes);

/* What to ask for, to hold a second of so many datagrams of so many bytes; a power of two. */
size_t udp_rcvbuf_for(double datagrams_per_s, double bytes_each);

/* Refuse what comes from now on, so that what is there can be read to the end. */
void udp_shut(struct udp *u);

/* Datagrams ready to be sent on a connected socket: the first *n of msg; *n is what was taken. */
struct udp_out {
    const uint8_t *data;
    size_t len;
};
int udp_send(int fd, const struct udp_out *msg, size_t *n, struct err *err) MUST_USE;

#endif
