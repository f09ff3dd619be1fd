/* gauge: frames → packets → the caches of the monitors that stand where they went by.
 *
 * Frames are taken many at a time: all are read, then for each monitor all keys are made and their
 * places in the cache fetched, then all are added, so that memory is waited for once and not for
 * each. Later fragments find the ports of their first in a small table. */
#ifndef PROBE_GAUGE_H
#define PROBE_GAUGE_H

#include "base/count.h"
#include "net/frames.h"
#include "net/rib.h"
#include "net/routes.h"
#include "probe/monitor.h"
#include "probe/setup.h"

#include <stdbool.h>

enum { GAUGE_BATCH = 64 };

struct gauge_options {
    bool inner;                  /* of packets in tunnels, what they carry */
    bool own;                    /* the exporters' datagrams, too */
    const struct routes *routes; /* NULL: nothing is known of them; else it must outlive it */
    const struct rib *rib;       /* the same */
};

struct gauge;

/* monitors, exporters: all of the setup's, in its order. They, setup and counts must outlive it. */
struct gauge *gauge_new(const struct setup *setup, struct monitor *const *monitors,
                        struct exporter *const *exporters, const struct gauge_options *o,
                        struct counts *counts);
void gauge_free(struct gauge *g);

/* At most GAUGE_BATCH frames that went by at this interface; 0: out of a file. */
void gauge_frames(struct gauge *g, uint32_t ifindex, const struct frame *v, size_t n);

/* From now on these; NULL: none are known. */
void gauge_set_routes(struct gauge *g, const struct routes *routes);
void gauge_set_rib(struct gauge *g, const struct rib *rib);

/* Which applications were seen; NULL: no record asks for them. */
struct applications *gauge_applications(const struct gauge *g);

/* How many octets of packets, beside their headers, records ask for. */
size_t gauge_section_bytes(const struct gauge *g);

#endif
