/* record: what a flow is told apart by, and what is kept of it: a setup_record, compiled.
 *
 * From packets: facts and details → the octets of a flow's key, those taken from its first packet,
 * and numbers that run over all of them, by a few copies. From the cache: a flow → a row of a
 * batch, and octets beside it for elements that share a column with another or have none; from
 * there flow/message writes it. */
#ifndef PROBE_RECORD_H
#define PROBE_RECORD_H

#include "flow/batch.h"
#include "flow/encode.h"
#include "probe/cache.h"
#include "probe/details.h"
#include "probe/setup.h"
#include "wire/layout.h"

struct record;
struct applications;

/* `setup` must outlive it. ERR_CONFIG: an element that a probe does not know. */
int record_new(struct record **out, const struct setup_record *setup, struct err *err) MUST_USE;
void record_free(struct record *r);

const struct setup_record *record_setup(const struct record *r);

/* Of the key: filled up with zeros to a multiple of 8. */
size_t record_key_bytes(const struct record *r);
size_t record_value_bytes(const struct record *r);

/* How many numbers run, and by which enum cache_run each. */
size_t record_running(const struct record *r, uint8_t out[static CACHE_RUNNING_MAX]);

/* What has to be known of packets beside the facts. */
const struct details_wanted *record_wanted(const struct record *r);

/* What a flow's octets tell of the packets' facts; what the record does not have stays. */
void record_facts(const struct record *r, const struct cache_flow *f, struct facts *out);

/* d: may be NULL where no details are wanted. */
void record_key(const struct record *r, const struct facts *f, const struct details *d,
                uint8_t *out);
void record_values(const struct record *r, const struct facts *f, const struct details *d,
                   uint8_t *out);
void record_numbers(const struct record *r, const struct details *d, uint64_t *out);

/* Append flows to a batch that has no rows yet, from record_begin() (false: no memory) to
 * record_end(), at most its capacity. Zeroed at first, and always with the same record and batch.
 */
struct record_rows {
    const struct record *record;
    struct batch *batch;
    uint8_t *octets;
    size_t stride;
    uint8_t *next[SETUP_FIELDS + 8];   /* where each column's next value goes */
    struct applications *applications; /* NULL: none are known */
    bool looks;                        /* flows go on: their applications are not decided on */
};
bool record_begin(const struct record *r, struct batch *b, struct record_rows *rows) MUST_USE;
void record_row(struct record_rows *rows, const struct cache_flow *f);
struct encode_rows record_end(struct record_rows *rows);
void record_rows_free(struct record_rows *rows);

/* How it is written in a version. */
struct record_layout {
    struct layout layout;
    struct layout_field fields[SETUP_FIELDS];
    uint16_t octets[SETUP_FIELDS]; /* for encode_new() */
};

/* IPFIX has no uptime in its header, so times are those of the clock there. ERR_CONFIG: that
 * version cannot carry it. `aggregation`: the scheme, in version 8. */
int record_layout(const struct record *r, uint16_t version, uint8_t aggregation,
                  struct record_layout *out, struct err *err) MUST_USE;

#endif
