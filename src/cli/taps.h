/* taps: a probe at interfaces: a ring at each, the clock, and signals, in one thread. */
#ifndef CLI_TAPS_H
#define CLI_TAPS_H

#include "base/count.h"
#include "cli/probe_status.h"
#include "net/live.h"
#include "net/routes.h"
#include "probe/probe.h"

struct taps;

/* All that is pointed to is the caller's, and must outlive it. */
struct taps_options {
    struct live_options live;
    struct probe *probe;
    struct counts *counts;
    struct routes *routes;      /* read again when they change */
    struct probe_status status; /* its live interfaces are set here */
    const char *socket;         /* where `weir show` asks; NULL: nowhere */
};

/* From here on packets are kept for us; capabilities are given up. */
int taps_open(struct taps **out, const char *const *dev, size_t n, const struct taps_options *o,
              struct err *err) MUST_USE;

/* Until SIGINT or SIGTERM, or until no interface is left. */
int taps_run(struct taps *t, struct err *err) MUST_USE;

void taps_close(struct taps *t);

#endif
