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
    struct way_options way;
    struct way *own_way; /* of exporters that have one; else NULL. The probe closes it. */
};

/* `setup` and `counts` must outlive it. */
int probe_new(struct probe **out, const struct setup *setup, const struct probe_options *o,
              struct counts *counts, struct err *err) MUST_USE;
void probe_free(struct probe *p);

/* At most GAUGE_BATCH, that went by at this interface; 0: out of a file. Flows that have ended by
 * the time of the last go out within PROBE_WAIT_MS of that time. */
void probe_frames(struct probe *p, uint32_t ifindex, const struct frame *v, size_t n);
enum { PROBE_WAIT_MS = 1000 };

/* Live: it is now_ms, by the clock that gives frames their time; call it each PROBE_WAIT_MS. */
void probe_tick(struct probe *p, int64_t now_ms);

/* How many octets of packets, beside their headers, records ask for. */
size_t probe_section_bytes(const struct probe *p);

/* Of the i-th monitor and exporter. */
const struct cache_stats *probe_cache_stats(const struct probe *p, size_t i);
struct exporter_totals probe_exporter_totals(const struct probe *p, size_t i);

/* All flows end, and go out. */
void probe_end(struct probe *p);

#endif
