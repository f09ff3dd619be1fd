/* ring: pointers from one thread to one other, bounded, in order.
 *
 * Pushing gives ownership away. The consumer may sleep: in ring_wait(), or in an event loop on
 * ring.fd (an eventfd) after ring_sleep(). The producer writes to the eventfd only when the
 * consumer has said that it sleeps, so a busy ring makes no system calls. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "base/attr.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct ring {
    void **slot;
    size_t mask;
    int fd;
    _Alignas(64) _Atomic size_t head; /* next to push; the producer's */
    _Alignas(64) _Atomic size_t tail; /* next to pop; the consumer's */
    _Alignas(64) _Atomic bool asleep;
};

/* Holds at least `cap` (1..65536) pointers. */
int ring_init(struct ring *r, size_t cap, struct err *err) MUST_USE;
void ring_free(struct ring *r); /* of an initialised or zeroed one; what is inside is not touched */

/* Producer: false if the ring is full, and then nothing has happened. `p` is not NULL. */
bool ring_push(struct ring *r, void *p) MUST_USE;

/* Consumer: NULL if there is nothing. */
void *ring_pop(struct ring *r);

/* Consumer: announce sleep. false if something came meanwhile: pop instead of sleeping. */
bool ring_sleep(struct ring *r) MUST_USE;

/* Consumer: end of sleep (also when r->fd is readable). */
void ring_awake(struct ring *r);

/* Consumer: pop, waiting at most timeout_ms (-1: for ever). NULL: time is over. */
void *ring_wait(struct ring *r, int timeout_ms);

#endif
