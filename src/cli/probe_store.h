/* probe_store: metered flows straight into a store: a way of the exporters (probe/way.h) that ends
 * in a decoder of our own, so that what is stored is what a collector would have stored.
 *
 * Live: journals, books and files as a collector's, of the instance that the probe is. Of a
 * capture: files for the hours of its own time, all put in place together at the end. */
#ifndef CLI_PROBE_STORE_H
#define CLI_PROBE_STORE_H

#include "probe/probe.h"

struct probe_store;

/* Live: threads are started, which do not get SIGINT and SIGTERM. */
int probe_store_open(struct probe_store **out, const char *dir, const char *instance, bool live,
                     struct err *err) MUST_USE;

/* Borrowed: closing it ends nothing. */
struct way *probe_store_way(struct probe_store *s);

/* Adds to a setup what sends all of every monitor's flows there. ERR_CONFIG: a monitor has as many
 * exporters as it can. */
int probe_store_join(struct setup *s, struct err *err) MUST_USE;

/* What it has counted, added to `into`. */
void probe_store_counts(const struct probe_store *s, struct counts *into);

/* When the exporters are gone: seal what there is, or put the files in place. Frees s whatever it
 * returns. *rows: flows that were stored. */
int probe_store_close(struct probe_store *s, uint64_t *rows, struct err *err) MUST_USE;

#endif
