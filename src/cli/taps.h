/* taps: a probe at interfaces. Threads meter, each with a ring at every interface; the one that
 * calls has the clock of routes and counts, signals, and answers questions. */
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
    size_t threads;             /* as the probe has */
    struct counts *counts;      /* added to by the thread that calls */
    struct routes **routes;     /* the probe's; made anew as they change */
    struct rib **rib;           /* the same, read again on SIGHUP */
    const char *rib_path;       /* NULL: there is none */
    struct probe_status status; /* its live interfaces are set here */
    const char *socket;         /* where `weir show` asks; NULL: nowhere */
};

/* From here on packets are kept for us; capabilities are given up. */
int taps_open(struct taps **out, const char *const *dev, size_t n, const struct taps_options *o,
              struct err *err) MUST_USE;

/* Until SIGINT or SIGTERM, or until no interface is left. No thread meters any more then. */
int taps_run(struct taps *t, struct err *err) MUST_USE;

void taps_close(struct taps *t);

#endif
