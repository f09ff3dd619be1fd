/* print: a filter as text again, in one way of writing; read back, it selects the same. */
#ifndef FILTER_PRINT_H
#define FILTER_PRINT_H

#include "base/buf.h"
#include "filter/leaf.h"

/* At most `most` values of a list are written, and "..." for the others; then it cannot be read
 * back. */
void filter_print(const struct filter *f, size_t most, struct buf *out);
void node_print(const struct node *node, size_t most, struct buf *out);

#endif
