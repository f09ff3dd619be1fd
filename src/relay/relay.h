/* relay: datagrams of UDP → every receiver that a rule names, as they came, or as if their sender
 * had sent them there itself.
 *
 * Datagrams are taken up to 128 at a time, go into each receiver's queue by pointer, and leave by
 * one system call a receiver: plain ones on a connected socket, runs of one length as one packet
 * for the kernel to part (net/udp.h); those with the sender's address on a raw one (net/raw.h). A
 * receiver that cannot be reached costs the others nothing. Nothing is allocated for a datagram.
 *
 * Owner: one thread, its loop. */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "base/count.h"
#include "relay/setup.h"

struct relay;

/* Sockets are opened; `setup` must outlive it. ERR_CONFIG: a receiver is this relay itself. */
int relay_new(struct relay **out, const struct relay_setup *setup, struct err *err) MUST_USE;
void relay_free(struct relay *r);

/* Where rules and receivers are read anew on SIGHUP; embedded in the owner's. Names are resolved
 * again then. The setup is the relay's. */
struct relay_source {
    int (*read)(struct relay_source *s, struct relay_setup *out, struct err *err);
};

struct relay_options {
    const char *socket; /* where `weir show relay` asks; NULL: nowhere */
    bool trace;         /* each datagram is told on standard error */
    struct relay_source *source;
};

/* Until SIGINT or SIGTERM, or nothing came for setup->quiet_ms: *quiet. On SIGHUP no datagram is
 * lost: sockets stay, receivers that are there before and after keep their counts, and what is
 * wrong changes nothing and is logged. Where it listens stays until a restart. */
int relay_run(struct relay *r, const struct relay_options *o, bool *quiet,
              struct err *err) MUST_USE;

#endif
