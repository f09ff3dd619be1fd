/* probe: a setup at work: frames → gauge → monitors → exporters.
 *
 * It has no clock of its own: time is that of the packets (a file), or what the caller says (live).
 * One thread's. */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include "base/count.h"
#include "base/err.h"
#include "net/frames.h"
#include "probe/exporter.h"
#include "probe/gauge.h"
#include "probe/setup.h"

struct probe;

struct probe_options {
    struct gauge_options gauge;
    uint64_t pace; /* datagrams a second to each collector, by waiting; 0: no limit */
};

/* `setup` and `counts` must outlive it. */
int probe_new(struct probe **out, const struct setup *setup, const struct probe_options *o,
              struct counts *counts, struct err *err) MUST_USE;
void probe_free(struct probe *p);

/* At most GAUGE_BATCH. Flows that have ended by the time of the last go out within PROBE_WAIT_MS of
 * that time. */
void probe_frames(struct probe *p, const struct frame *v, size_t n);
enum { PROBE_WAIT_MS = 1000 };

/* All flows end, and go out. */
void probe_end(struct probe *p);

#endif
