/* taps: a probe at interfaces: a ring at each, the clock, and signals, in one thread. */
#ifndef CLI_TAPS_H
#define CLI_TAPS_H

#include "base/count.h"
#include "cli/probe_status.h"
#include "net/live.h"
#include "probe/probe.h"

struct taps;

/* From here on packets are kept for us; capabilities are given up. What `status` has must outlive
 * it, but for its live interfaces, which are these; socket: where `weir show` asks, NULL: nowhere.
 */
int taps_open(struct taps **out, const char *const *dev, size_t n, const struct live_options *o,
              struct probe *probe, struct counts *counts, const struct probe_status *status,
              const char *socket, struct err *err) MUST_USE;

/* Until SIGINT or SIGTERM, or until no interface is left. */
int taps_run(struct taps *t, struct err *err) MUST_USE;

void taps_close(struct taps *t);

#endif
