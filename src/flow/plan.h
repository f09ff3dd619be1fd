/* plan: a layout compiled into moves, and the moves run over the records of a data set.
 *
 * A move takes one field of n records, a stride apart, into one column: no branch per field per
 * record. Variable-length layouts take the same moves one record at a time.
 *
 * What fills which column is elements.def's business; what has no column, comes a second time, does
 * not fit its column, or loses to a better element goes to `extra`, so that nothing is dropped. */
#ifndef FLOW_PLAN_H
#define FLOW_PLAN_H

#include "base/cursor.h"
#include "base/err.h"
#include "flow/batch.h"
#include "wire/layout.h"

/* The clocks of the message that the records came in. */
struct plan_clock {
    int64_t export_ms;
    uint32_t uptime_ms; /* of the same moment; not used for IPFIX */
};

struct plan;

struct quirk_choice;

/* Copies what it needs of the layout and the rules chosen for it (NULL: none). NULL if there is no
 * memory. */
struct plan *plan_new(const struct layout *layout, const struct quirk_choice *choice) MUST_USE;
void plan_free(struct plan *p);

const struct layout *plan_layout(const struct plan *p);

/* What records of this layout are, judged by their elements. */
enum record_kind plan_kind(const struct plan *p);

bool plan_has(const struct plan *p, enum field_id f);

/* The rules that it was compiled with: numbers in the list that they were chosen from. */
const uint8_t *plan_quirks(const struct plan *p, size_t *n);

/* What it says of sampling, for the whole domain or in a header, is not to be believed. */
bool plan_ignores_sampling(const struct plan *p);

/* Rules say how times, or masks, are to be read. */
bool plan_bends_times(const struct plan *p);
bool plan_bends_masks(const struct plan *p);

/* Decode records from *records, and advance it, until it has no whole record left or the batch is
 * full; *rows is how many were appended. 0; ERR_DATA: a variable-length record is cut short (those
 * before it are decoded); ERR_LIMIT: no memory, nothing of the rest is decoded. */
int plan_run(struct plan *p, const struct plan_clock *clock, struct cur *records, struct batch *b,
             size_t *rows, struct err *err) MUST_USE;

#endif
