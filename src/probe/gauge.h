/* gauge: frames → packets → the caches of the monitors that stand where they went by.
 *
 * Frames are taken many at a time: all are read, then for each monitor all keys are made and their
 * places in the cache fetched, then all are added, so that memory is waited for once and not for
 * each. Later fragments find the ports of their first in a small table. */
#ifndef PROBE_GAUGE_H
#define PROBE_GAUGE_H

#include "base/count.h"
#include "net/frames.h"
#include "probe/monitor.h"
#include "probe/setup.h"

#include <stdbool.h>

enum { GAUGE_BATCH = 64 };

struct gauge_options {
    bool inner; /* of packets in tunnels, what they carry */
};

struct gauge;

/* monitors: all of the setup's, in its order. They, setup and counts must outlive it. */
struct gauge *gauge_new(const struct setup *setup, struct monitor *const *monitors,
                        const struct gauge_options *o, struct counts *counts);
void gauge_free(struct gauge *m);

/* At most GAUGE_BATCH frames that came in. */
void gauge_frames(struct gauge *m, const struct frame *v, size_t n);

/* Time of the last frame; INT64_MIN: there was none. */
int64_t gauge_last_ms(const struct gauge *m);

#endif
