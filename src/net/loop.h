/* loop: one thread's wait for sockets, timers, signals and wake-ups (epoll).
 *
 * A struct io is embedded in its owner, whose handler gets it back with container_of(). Handlers do
 * a bounded amount of work and return; nothing in them blocks. The time is read once a round. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct io {
    int fd;
    void (*on)(struct io *io, uint32_t events);
    void (*gone)(struct io *io); /* after loop_del(): the owner may free itself; may be NULL */
    struct io *next_gone;
    bool deleted;
};

struct timer {
    void (*on)(struct timer *t, int64_t now_mono_ms);
    int64_t at_mono_ms;
    size_t place; /* in the heap, from 1; 0: not set */
};

struct loop {
    int fd;
    bool open;
    bool stop;
    unsigned nap_us;
    int64_t now_mono_ms;
    struct io *gone;
    struct timer **heap;
    size_t timers;
    size_t heap_cap;
};

int loop_open(struct loop *l, struct err *err) MUST_USE;
void loop_close(struct loop *l); /* an opened or zeroed one; descriptors stay their owners' */

int loop_add(struct loop *l, struct io *io, uint32_t events, struct err *err) MUST_USE;

int loop_change(struct loop *l, struct io *io, uint32_t events, struct err *err) MUST_USE;

/* No more events from now on, not even those of this round. The descriptor is the owner's to close,
 * and may be at once; within a round the io must live to its end, when gone() is called. */
void loop_del(struct loop *l, struct io *io);

/* An eventfd by which other threads wake this loop; what they send adds up until it is read. */
int wake_open(struct io *io, struct err *err) MUST_USE;
void wake_send(const struct io *io, uint64_t what);
uint64_t wake_read(const struct io *io);

void timer_set(struct loop *l, struct timer *t, int64_t at_mono_ms);
void timer_stop(struct loop *l, struct timer *t);

/* Block these signals in this thread (and those it makes) and open io->fd for them. */
int signals_open(struct io *io, const int *signals, size_t n, struct err *err) MUST_USE;
int signals_read(struct io *io); /* the next one's number, 0: none */

/* Sleep before the next wait: work comes in larger heaps, and fewer wake-ups. */
static inline void loop_nap(struct loop *l, unsigned us) { l->nap_us = us; }

static inline void loop_stop(struct loop *l) { l->stop = true; }

/* Until loop_stop(). */
int loop_run(struct loop *l, struct err *err) MUST_USE;

/* One round, waiting at most timeout_ms for something to happen. */
int loop_round(struct loop *l, int timeout_ms, struct err *err) MUST_USE;

#endif
