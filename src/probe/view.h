/* view: the flows of a monitor's cache as they are now, some at a time, as octets that can be sent,
 * tested and sorted (probe/pick.h). Metering waits while VIEW_ENTRIES entries are looked at, and
 * goes on between: a large cache is seen as it was at several moments.
 *
 * Times are those of the clock, in milliseconds (elements 152 and 153 for 22 and 21). */
#ifndef PROBE_VIEW_H
#define PROBE_VIEW_H

#include "probe/pick.h"
#include "probe/probe.h"

enum { VIEW_ENTRIES = 1024 };

struct view;

/* Of the i-th monitor. `setup` must outlive it. */
int view_new(struct view **out, const struct setup *setup, size_t i, struct err *err) MUST_USE;
void view_free(struct view *v);

/* Where what stands in a record. The i-th says what field `*words` of the setup's record does. */
const struct pick_field *view_fields(const struct view *v, size_t *n);
size_t view_field_of(const struct view *v, size_t i);
size_t view_record_bytes(const struct view *v);

/* The flows at the place, which moves on: n records, the view's until it is asked again. false:
 * those were the last. */
bool view_read(struct view *v, struct probe *p, struct probe_place *at, const uint8_t **records,
               size_t *n);

#endif
