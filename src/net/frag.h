/* frag: fragments of IP packets → their whole body, for reading captures.
 *
 * Bounded: FRAG_SLOTS packets at a time of at most 64 KiB each (4 MiB); the oldest gives way. A
 * fragment that overlaps another with different bytes ends its packet (RFC 5722). */
#ifndef NET_FRAG_H
#define NET_FRAG_H

#include "wire/packet.h"

enum { FRAG_SLOTS = 64 };

struct frag;

struct frag *frag_new(void);
void frag_free(struct frag *f);

/* Add p, which is a fragment. true: with it the packet is whole, and p->body (valid until the next
 * call) is all of it. *lost counts packets given up. */
bool frag_add(struct frag *f, struct packet *p, uint64_t *lost);

/* Packets that are not whole. */
uint64_t frag_open(const struct frag *f);

#endif
