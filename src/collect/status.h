/* status: a running collector's state, and its answers on the control socket. */
#ifndef COLLECT_STATUS_H
#define COLLECT_STATUS_H

#include "collect/collect.h"
#include "collect/receiver.h"
#include "net/ctl.h"

/* The main thread's. */
struct collect {
    const struct collect_options *options;
    struct loop loop;
    struct io signals;
    struct io ended; /* a receiver has, without having been told to */
    struct timer tick;
    struct timer watchdog;
    int64_t watchdog_ms; /* 0: nobody watches */
    struct ctl ctl;
    struct receiver *receiver;
    unsigned workers;
    int lock_fd;
    int64_t started_ms;
    int64_t started_mono_ms;
};

/* Answers what `weir show` asks as one JSON object. */
void status_answer(struct collect *c, const char *line, struct buf *out);

#endif
