/* probe: a setup at work: frames → gauges → monitors → exporters.
 *
 * It has no clock of its own: time is that of the packets (a file), or what the caller says (live).
 * Several threads may feed it, each by its own number; all have the same exporters. A flow's
 * packets have to come by the same thread. */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include "base/count.h"
#include "base/err.h"
#include "probe/lane.h"

struct probe;

enum { PROBE_WAIT_MS = LANE_WAIT_MS };

struct probe_options {
    size_t threads; /* 1 or more */
    struct gauge_options gauge;
    struct way_options way;
    struct way *own_way; /* of exporters that have one; else NULL. The probe closes it. */
};

/* `setup` must outlive it. */
int probe_new(struct probe **out, const struct setup *setup, const struct probe_options *o,
              struct err *err) MUST_USE;
void probe_free(struct probe *p);

/* At most GAUGE_BATCH, see lane_frames(). */
void probe_frames(struct probe *p, size_t thread, uint32_t ifindex, const struct frame *v,
                  size_t n);

/* Live: it is now_ms, by the clock that gives frames their time; each thread calls it each
 * PROBE_WAIT_MS. */
void probe_tick(struct probe *p, size_t thread, int64_t now_ms);

/* When no thread feeds it any more: all flows end, and go out. */
void probe_end(struct probe *p);

/* The following from any thread. */

/* From now on these routes; those before are not looked at any more. */
void probe_set_routes(struct probe *p, const struct routes *routes);
void probe_set_rib(struct probe *p, const struct rib *rib);

/* How many octets of packets, beside their headers, records ask for. */
size_t probe_section_bytes(const struct probe *p);

/* A place among all flows of a monitor: zeroed at first. */
struct probe_place {
    size_t lane;
    uint32_t entry;
};

/* Some of the i-th monitor's flows are handed to `out` as they are now, or end; at most n. false:
 * those were the last. */
bool probe_look(struct probe *p, size_t i, struct probe_place *at, uint32_t n,
                struct cache_out *out);
struct applications *probe_applications(const struct probe *p, const struct probe_place *at);
bool probe_end_some(struct probe *p, size_t i, struct probe_place *at, uint32_t n);

/* Of the i-th monitor: octets that its caches may take; and see probe/traffic.h. */
size_t probe_cache_bytes(const struct probe *p, size_t i);
struct traffic probe_traffic(const struct probe *p, size_t i);

/* Of the i-th exporter alone. */
const struct counts *probe_exporter_counts(const struct probe *p, size_t i);
struct exporter *probe_exporter(const struct probe *p, size_t i);

/* Of the i-th monitor and exporter. `high` is the sum of the threads' own. */
struct cache_stats probe_cache_stats(const struct probe *p, size_t i);
struct exporter_totals probe_exporter_totals(const struct probe *p, size_t i);

/* What all its parts have counted, added to `into`. */
void probe_counts(const struct probe *p, struct counts *into);

#endif
