/* eval: tree × batch → bitmap, a chunk of rows at a time.
 *
 * Each node is given the rows that are still in question and answers for those; so the parts of an
 * `and` behind the first look at what the others left, and stop when nothing is. */
#ifndef FILTER_EVAL_H
#define FILTER_EVAL_H

#include "filter/tree.h"

void eval_tree(const struct node *root, const struct batch *b, uint64_t *selected);

/* One test of a field, of n values of that field's kind, all of them there. Bits behind the last
 * are 0. `bytes` is what cells point into. */
void eval_values(const struct test *t, const void *values, const uint8_t *bytes, size_t n,
                 uint64_t *hit);

#endif
