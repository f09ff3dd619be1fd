/* status: a running collector's state, and its answers on the control socket. */
#ifndef COLLECT_STATUS_H
#define COLLECT_STATUS_H

#include "collect/collect.h"
#include "collect/worker.h"
#include "net/ctl.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/udp.h"

struct collect;

struct socket {
    struct udp udp;
    struct collect *collect;
    uint64_t counted; /* datagrams at the last tick */
    bool nap;
};

/* One thread's, but for what is inside worker. */
struct collect {
    const struct collect_options *options;
    struct loop loop;
    struct io signals;
    struct timer tick;
    struct ctl ctl;
    struct udp_batch *batch;
    struct socket udp[COLLECT_LISTENERS];
    size_t n_udp;
    struct tcp tcp;
    struct tcp_handler handler;
    struct tcp_listener listener[COLLECT_LISTENERS];
    size_t n_tcp;
    bool in_batch; /* messages of a TCP read have been added and not committed */
    int64_t batch_ms;
    struct worker worker;
    bool has_worker;
    int lock_fd;
    int64_t started_ms;
    int64_t started_mono_ms;
};

/* Answers "collect" and "counters" as one JSON object. */
void status_answer(const struct collect *c, const char *line, struct buf *out);

#endif
