/* exporter: flows of monitors → datagrams → one collector.
 *
 * Templates go out before the first records, and again by time and by number of datagrams. Records
 * wait in an open datagram until it is full or exporter_flush(); datagrams wait until there are
 * many, for one system call. What cannot be sent is counted and given up: nobody waits for a
 * collector.
 *
 * The clock is the caller's (that of packets). v9 says the time in whole seconds only, so its
 * uptimes count from there: what a collector makes of the two is exact to the millisecond. */
#ifndef PROBE_EXPORTER_H
#define PROBE_EXPORTER_H

#include "base/count.h"
#include "flow/batch.h"
#include "net/udp.h"
#include "probe/record.h"
#include "probe/setup.h"

struct exporter;

/* Where its datagrams go; embedded in the owner's. */
struct exporter_way {
    void (*send)(struct exporter_way *w, const struct udp_out *v, size_t n, int64_t export_ms);
};

/* `way` NULL: by UDP to where the setup says. Both `setup` and `counts` must outlive it. */
int exporter_new(struct exporter **out, const struct setup_exporter *setup,
                 struct exporter_way *way, struct counts *counts, struct err *err) MUST_USE;
void exporter_free(struct exporter *e); /* what was not flushed is gone */

/* At most so many datagrams a second, by waiting; for files, which may be read faster than a
 * collector takes them. 0: no limit. */
void exporter_set_pace(struct exporter *e, uint64_t datagrams_per_s);

/* Collectors are told how packets were sampled: v5's header says it, else options data with the
 * templates. */
void exporter_set_sampling(struct exporter *e, const struct setup_sampler *s);

/* A kind of record that it will carry, before the first rows: *number is what they are called by.
 * ERR_CONFIG: its version cannot. */
int exporter_add(struct exporter *e, const struct record *r, size_t *number,
                 struct err *err) MUST_USE;

/* Is a packet of these one that it sent? */
bool exporter_is_own(const struct exporter *e, const struct addr *src, uint16_t src_port,
                     const struct addr *dst, uint16_t dst_port);

/* When its clock of uptime began, before the first rows. */
void exporter_boot(struct exporter *e, int64_t boot_ms);

void exporter_rows(struct exporter *e, size_t number, const struct encode_rows *rows,
                   int64_t now_ms);
void exporter_flush(struct exporter *e);

#endif
