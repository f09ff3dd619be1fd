/* gather: dictionary codes → values, `width` bytes each. Codes are below the dictionary's length.
 */
#ifndef STORE_GATHER_H
#define STORE_GATHER_H

#include <stddef.h>
#include <stdint.h>

/* Of n codes, side by side. */
void gather(const void *dict, size_t width, const uint32_t *code, size_t n, void *out);

/* The same one n (1 or more) times. */
void gather_same(const void *dict, size_t width, uint32_t code, size_t n, void *out);

/* Of n of the rows that code[] speaks for, to their places in a column; `seen` gets their bits. The
 * code `none` is that of rows without a value, which are passed over. */
void gather_rows(const void *dict, uint32_t none, size_t width, const uint32_t *code,
                 const uint32_t *rows, size_t n, void *col, uint64_t *seen);

#endif
