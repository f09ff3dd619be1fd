/* taps: a probe at interfaces: a ring at each, the clock, and signals, in one thread. */
#ifndef CLI_TAPS_H
#define CLI_TAPS_H

#include "base/count.h"
#include "net/live.h"
#include "probe/probe.h"

struct taps;

/* From here on packets are kept for us; capabilities are given up. `probe` and `counts` must
 * outlive it. */
int taps_open(struct taps **out, const char *const *dev, size_t n, const struct live_options *o,
              struct probe *probe, struct counts *counts, struct err *err) MUST_USE;

/* Until SIGINT or SIGTERM, or until no interface is left. */
int taps_run(struct taps *t, struct err *err) MUST_USE;

void taps_close(struct taps *t);

#endif
