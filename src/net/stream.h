/* stream: IPFIX messages out of TCP segments, for reading captures.
 *
 * One direction of a connection is a stream. It is followed from its SYN, or from a segment that
 * begins with an IPFIX header; what comes again is skipped, and a gap gives the stream up. Bounded:
 * STREAM_SLOTS streams of 128 KiB each (8 MiB); the one unused longest gives way. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "wire/packet.h"

enum { STREAM_SLOTS = 64 };

struct stream;
struct streams;

struct streams *streams_new(void);
void streams_free(struct streams *t);

/* Add a segment: its stream, or NULL if that has no IPFIX in it. */
struct stream *streams_add(struct streams *t, const struct packet *p, const struct segment *s);

/* The next whole message of the stream: false if there is none yet. */
bool stream_next(struct stream *s, struct cur *message);

/* Whether the last segment ended the stream; it is forgotten by this question. */
bool stream_ended(struct stream *s);
uint32_t stream_number(const struct stream *s); /* from 1 */

/* Streams given up because bytes were missing. */
uint64_t streams_lost(const struct streams *t);

#endif
