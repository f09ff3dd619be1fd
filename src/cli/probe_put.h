/* probe_put: a probe's set-up, and how much came of each of its parts, as JSON. */
#ifndef CLI_PROBE_PUT_H
#define CLI_PROBE_PUT_H

#include "base/buf.h"
#include "probe/applications.h"
#include "probe/probe.h"
#include "probe/words.h"

/* What is taken off, since it was cleared at `ms` (0: never). */
struct probe_since {
    int64_t started_ms;
    struct {
        struct cache_stats stats;
        struct traffic traffic;
        int64_t ms;
    } * monitors;
    struct {
        struct exporter_totals totals;
        struct counts counts;
        int64_t ms;
    } * exporters;
};

/* One object and a line's end. applications: NULL if no record asks for them. */
void probe_put_setup(const struct setup *s, const struct probe *p, const struct probe_since *since,
                     const struct applications_names *applications, struct buf *out);

#endif
