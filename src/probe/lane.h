/* lane: one thread's part of a probe: a gauge, and a share of each monitor's cache.
 *
 * Its thread feeds it frames and tells it the time. Others may look at it meanwhile, between two
 * batches of frames: each call takes its lock, which is free but for that. */
#ifndef PROBE_LANE_H
#define PROBE_LANE_H

#include "base/count.h"
#include "base/err.h"
#include "net/frames.h"
#include "probe/exporter.h"
#include "probe/gauge.h"
#include "probe/setup.h"

struct lane;

/* One of `parts`, which share the monitors' entries. exporters: all of the setup's, in its order;
 * they and the setup must outlive it. */
int lane_new(struct lane **out, const struct setup *setup, size_t parts,
             struct exporter *const *exporters, const struct gauge_options *o,
             struct err *err) MUST_USE;
void lane_free(struct lane *m);

/* At most GAUGE_BATCH, that went by at this interface; 0: out of a file. Flows that have ended by
 * the time of the last go out within LANE_WAIT_MS of that time. */
void lane_frames(struct lane *m, uint32_t ifindex, const struct frame *v, size_t n);
enum { LANE_WAIT_MS = 1000 };

/* It is now_ms, by the clock that gives frames their time. */
void lane_tick(struct lane *m, int64_t now_ms);

/* All flows end, and go out. */
void lane_end(struct lane *m);

/* Of the i-th monitor. */
struct cache_stats lane_cache_stats(struct lane *m, size_t i);

/* To be looked at during lane_look() only; NULL: none are known. */
struct applications *lane_applications(const struct lane *m);

/* Octets that its cache may take. */
size_t lane_cache_bytes(const struct lane *m, size_t i);

/* Also of what its statistics tell, added to `into`. */
void lane_traffic(struct lane *m, size_t i, struct traffic *into);

/* See cache_look() and cache_end_some(): metering waits while that lasts. */
uint32_t lane_look(struct lane *m, size_t i, uint32_t from, uint32_t n, struct cache_out *out);
uint32_t lane_end_some(struct lane *m, size_t i, uint32_t from, uint32_t n);

/* Any thread may read them. */
const struct counts *lane_counts(const struct lane *m);

/* From now on these; those before are not looked at any more. */
void lane_set_routes(struct lane *m, const struct routes *routes);
void lane_set_rib(struct lane *m, const struct rib *rib);

/* How many octets of packets, beside their headers, records ask for. */
size_t lane_section_bytes(const struct lane *m);

#endif
