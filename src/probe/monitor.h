/* monitor: one flow cache with its record, and the exporters that its flows go to. */
#ifndef PROBE_MONITOR_H
#define PROBE_MONITOR_H

#include "probe/cache.h"
#include "probe/exporter.h"
#include "probe/record.h"
#include "probe/schemes.h"
#include "probe/setup.h"
#include "probe/traffic.h"

struct monitor;

/* Its cache is one of `parts`, which share the entries. exporters: all of the setup's, in its
 * order. */
int monitor_new(struct monitor **out, const struct setup *setup, size_t number, size_t parts,
                struct exporter *const *exporters, struct err *err) MUST_USE;
void monitor_free(struct monitor *m);

/* From now on its flows are also added up by another monitor, whose own they outlive: at most
 * SCHEMES_MAX. */
void monitor_feed(struct monitor *m, struct monitor *to, const struct setup_monitor *setup);

const struct record *monitor_record(const struct monitor *m);
struct cache *monitor_cache(struct monitor *m);

/* Where it finds the applications of its flows; before the first packet. */
void monitor_set_applications(struct monitor *m, struct applications *a);

/* What went by and ended, where the setup asks for it. */
struct traffic *monitor_traffic(struct monitor *m);

/* After so long a flow that lasts is given out. */
int64_t monitor_interval_ms(const struct monitor *m);

/* End what has to end by now; hand over to the exporters what has ended (whole batches go at
 * once). */
void monitor_tick(struct monitor *m, int64_t now_ms);
void monitor_give(struct monitor *m, int64_t now_ms);

/* End everything. */
void monitor_end(struct monitor *m, int64_t now_ms);

#endif
