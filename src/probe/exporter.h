/* exporter: flows of monitors → datagrams → one collector.
 *
 * Templates go out before the first records, and again by time and by number of datagrams. Records
 * wait in an open datagram until it is full or exporter_tick(); datagrams wait until there are
 * many, for one system call, and go by the exporter's way (probe/way.h).
 *
 * The clock is the caller's (that of packets). v9 says the time in whole seconds only, so its
 * uptimes count from there: what a collector makes of the two is exact to the millisecond.
 *
 * Several threads may give it rows: from the first exporter_boot() on each call takes its lock. */
#ifndef PROBE_EXPORTER_H
#define PROBE_EXPORTER_H

#include "base/count.h"
#include "flow/batch.h"
#include "probe/record.h"
#include "probe/setup.h"
#include "probe/way.h"

struct exporter;

/* `way` is the exporter's from now on. Both `setup` and `counts` must outlive it. */
struct exporter *exporter_new(const struct setup_exporter *setup, struct way *way,
                              struct counts *counts);
void exporter_free(struct exporter *e); /* what was not flushed is gone */

/* All packets were sampled so: collectors are told in v5's header, else in options data. */
void exporter_set_sampling(struct exporter *e, const struct setup_sampler *s);

/* What its sampler-table tells. several: packets were sampled differently, so it has one, asked for
 * or not. They must outlive it. */
void exporter_set_samplers(struct exporter *e, const struct setup_sampler *v, size_t n,
                           bool several);

/* A kind of record that it will carry, before the first rows: *number is what they are called by,
 * the same for records of the same setup. ERR_CONFIG: its version cannot. */
int exporter_add(struct exporter *e, const struct record *r, size_t *number,
                 struct err *err) MUST_USE;

/* Is a packet of these one that it sent? */
bool exporter_is_own(struct exporter *e, const struct addr *src, uint16_t src_port,
                     const struct addr *dst, uint16_t dst_port);

/* From where it sends: the port. */
uint16_t exporter_local(struct exporter *e, struct addr *out);

/* When its clock of uptime began, before the first rows: who says so first. */
void exporter_boot(struct exporter *e, int64_t boot_ms);

void exporter_rows(struct exporter *e, size_t number, const struct encode_rows *rows,
                   int64_t now_ms);

/* The i-th kind of record that it carries, under which template; false: there are no more. They are
 * all known before the first rows. */
bool exporter_kind(const struct exporter *e, size_t i, const struct setup_record **record,
                   const struct layout **layout, uint16_t *template_id);

struct exporter_totals {
    uint64_t records;
    uint64_t messages;
    uint64_t bytes;
};
struct exporter_totals exporter_totals(struct exporter *e);

/* All rows go out, and tables that are due, also where there are no flows. */
void exporter_tick(struct exporter *e, int64_t now_ms);

#endif
