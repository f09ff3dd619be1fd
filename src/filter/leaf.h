/* leaf: a filter as a tree, for engines that run its terms themselves.
 *
 * A store that has the distinct values of a column in a dictionary need test each of them once, and
 * rows then go by their codes. So a filter shows its tree: AND and OR of two and more parts, NOT of
 * one, and leaves. A leaf that depends on one field can be asked about values of that field; the
 * others (bytes, duration, bps: made of several columns) want rows.
 *
 * Of a row that does not have the field a leaf is false. So whoever combines bitmaps clears the
 * absent rows of each leaf, and NOT is the plain inverse. */
#ifndef FILTER_LEAF_H
#define FILTER_LEAF_H

#include "filter/filter.h"

enum filter_op { FILTER_ALL, FILTER_NONE, FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_LEAF };

struct node; /* a part of a filter; lives as long as the filter */

const struct node *filter_root(const struct filter *f);
enum filter_op node_op(const struct node *node);

/* The first part of AND, OR and NOT, and the one behind it; NULL if there is none. The parts of AND
 * and OR stand with the cheap ones first. */
const struct node *node_first(const struct node *node);
const struct node *node_next(const struct node *node);

/* The field that a leaf depends on; FIELD_NONE if it is several, or this is no leaf. */
enum field_id leaf_field(const struct node *leaf);

/* The columns that a part looks at are added. */
void node_fields(const struct node *node, struct field_set *out);

/* Whether a leaf takes every value of its field (`has`): then presence is the answer. */
bool leaf_is_has(const struct node *leaf);

/* A leaf of one field, of n values, all there: sets hit[(n + 63) / 64], bits behind the last are 0.
 * Values are as in a column of a batch; cells of TEXT and BYTES point into `bytes`, which may be
 * NULL otherwise. Any n will do: nothing is taken from the heap. */
void leaf_eval(const struct node *leaf, const void *values, const uint8_t *bytes, size_t n,
               uint64_t *hit);

/* Any part, of rows: as filter_eval() does for the whole. */
void node_eval(const struct node *node, const struct batch *b, uint64_t *selected);

/* How a leaf lets rows be left out before they are read (filter_may_select()). */
enum leaf_skip {
    SKIP_NEVER,    /* it is of several columns */
    SKIP_ABSENT,   /* where no row has the field */
    SKIP_RANGE,    /* and where no value lies in a range */
    SKIP_ADDRESSES /* and where none of some addresses is */
};
/* *min and *max are set for SKIP_RANGE, as in filter_range(). */
enum leaf_skip leaf_skips(const struct node *leaf, int64_t *min, int64_t *max);

/* Whether a row of those known may be selected by this part: filter_may_select() of it. */
bool node_may_select(const struct node *node, const struct filter_known *known);

#endif
