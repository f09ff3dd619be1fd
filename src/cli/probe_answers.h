/* probe_answers: what a running probe says of its set-up, caches and exporters, as `weir show` in
 * the routers' words asks for it (cli/show_router).
 *
 *   setup                      one JSON object: what is metered, exported, and how much of it
 *   flows LANE ENTRY MONITOR   flows from a place on: a line of JSON (fields, records, where to go
 *                              on), then as many records of octets
 *   top-talkers                the same of the largest flows that the traditional cache holds
 *   clear ip flow stats | clear flow monitor NAME [cache] | clear flow exporter NAME
 *
 * Statistics count from the last time that they were cleared; `weir show probe` and counters stay.
 * Owner: the thread that answers. */
#ifndef CLI_PROBE_ANSWERS_H
#define CLI_PROBE_ANSWERS_H

#include "base/buf.h"
#include "probe/probe.h"

struct probe_answers;

/* Both must outlive it. */
struct probe_answers *probe_answers_new(const struct setup *setup, struct probe *probe);
void probe_answers_free(struct probe_answers *a);

/* false: it is no question of these. */
bool probe_answers_ask(struct probe_answers *a, const char *line, struct buf *out);

#endif
