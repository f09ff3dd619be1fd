/* tcp: IPFIX over TCP (RFC 7011 section 10.4): a listener and its connections.
 *
 * Messages are cut from the stream by the length in their header. A peer whose bytes are not IPFIX
 * is closed, as is one that sends no whole message for TCP_SILENT_MS after connecting, since places
 * are bounded: `max` connections of 64 KiB each, and two system buffers. */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "base/addr.h"
#include "base/cursor.h"
#include "base/err.h"
#include "net/loop.h"

enum { TCP_SILENT_MS = 60000 };

struct tcp_peer {
    struct addr addr;
    uint16_t port;
    uint16_t listener; /* the owner's number of the listener */
    uint32_t session;  /* never used twice */
};

enum tcp_end { TCP_CLOSED, TCP_BROKEN }; /* by the peer; by us: not IPFIX, or silent */

/* Embedded in the owner. */
struct tcp_handler {
    bool (*admits)(struct tcp_handler *h, const struct tcp_peer *p); /* or it is closed, unheard */
    void (*opened)(struct tcp_handler *h, const struct tcp_peer *p);
    void (*refused)(struct tcp_handler *h, const struct tcp_peer *p);
    void (*message)(struct tcp_handler *h, const struct tcp_peer *p, const uint8_t *data,
                    size_t len);
    void (*read)(struct tcp_handler *h); /* after the messages of one read */
    void (*ended)(struct tcp_handler *h, const struct tcp_peer *p, enum tcp_end why);
};

struct tcp_conn;

/* All listeners and connections of one loop. */
struct tcp {
    struct loop *loop;
    struct tcp_handler *handler;
    struct tcp_conn *conns;
    size_t n;
    size_t max;
    uint32_t next_session; /* above 0 */
};

struct tcp_listener {
    struct io io;
    struct tcp *tcp;
    struct addr addr;
    uint16_t port;
    uint16_t number;
};

/* fd: a listening socket of that address and port (sock.h, steer.h); it is the listener's then,
 * also on failure. */
int tcp_listen(struct tcp_listener *l, struct tcp *tcp, int fd, const struct addr *addr,
               uint16_t port, uint16_t number, struct err *err) MUST_USE;
void tcp_listener_close(struct tcp_listener *l);

/* The next whole message of a stream: 0, ERR_EOF if it is not whole yet, ERR_DATA if it is no
 * IPFIX. At most 64 KiB are needed to tell. */
int tcp_message(struct cur *in, struct cur *message) MUST_USE;

/* Read what is there, then end all connections. */
void tcp_drain(struct tcp *tcp);

/* End connections that the handler no longer admits. */
void tcp_review(struct tcp *tcp);

/* Close peers that have been silent since they connected. */
void tcp_sweep(struct tcp *tcp);

#endif
