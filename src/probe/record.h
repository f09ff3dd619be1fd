/* record: what a flow is told apart by, and what is kept of it: a setup_record, compiled.
 *
 * From packets: facts → the octets of a flow's key, and those taken from its first packet, by a few
 * copies. From the cache: a flow → a row of a batch; from there flow/message writes it. */
#ifndef PROBE_RECORD_H
#define PROBE_RECORD_H

#include "flow/batch.h"
#include "probe/cache.h"
#include "probe/facts.h"
#include "probe/setup.h"
#include "wire/layout.h"

struct record;

/* ERR_CONFIG: an element that a probe does not know. */
int record_new(struct record **out, const struct setup_record *setup, struct err *err) MUST_USE;
void record_free(struct record *r);

/* Of the key: filled up with zeros to a multiple of 8. */
size_t record_key_bytes(const struct record *r);
size_t record_value_bytes(const struct record *r);

void record_key(const struct record *r, const struct facts *f, uint8_t *out);
void record_values(const struct record *r, const struct facts *f, uint8_t *out);

/* Append flows to a batch that has no rows yet, from record_begin() (false: no memory) to
 * record_end(), at most its capacity. */
struct record_rows {
    const struct record *record;
    struct batch *batch;
    uint8_t *next[SETUP_FIELDS + 8]; /* where each column's next value goes */
};
bool record_begin(const struct record *r, struct batch *b, struct record_rows *out) MUST_USE;
void record_row(struct record_rows *rows, const struct cache_flow *f);
void record_end(struct record_rows *rows);

/* How it is written in a version; `fields` has room for SETUP_FIELDS. IPFIX has no uptime in its
 * header, so times are those of the clock there. ERR_CONFIG: that version cannot carry it. */
int record_layout(const struct record *r, uint16_t version, struct layout_field *fields,
                  struct layout *out, struct err *err) MUST_USE;

#endif
