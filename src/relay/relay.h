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

/* Until SIGINT or SIGTERM, or nothing came for setup->quiet_ms: *quiet. trace: each datagram is
 * told on standard error. socket: where `weir show relay` asks; NULL: nowhere. */
int relay_run(struct relay *r, const char *socket, bool trace, bool *quiet,
              struct err *err) MUST_USE;

#endif
