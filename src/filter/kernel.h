/* kernel: one test over an array of values → a bitmap.
 *
 * The dense ones look at every row without a branch, so that the compiler makes vector code of
 * them; hit has (n + 63) / 64 words and the bits behind row n are 0. They read absent values, which
 * are no more than numbers. The sparse ones look only at the rows whose bit in `need` is set. */
#ifndef FILTER_KERNEL_H
#define FILTER_KERNEL_H

#include "filter/tree.h"
#include "flow/batch.h"

/* v[i] - lo <= span: one comparison for both ends. */
void kernel_range8(const uint8_t *v, size_t n, uint8_t lo, uint8_t span, uint64_t *hit);
void kernel_range16(const uint16_t *v, size_t n, uint16_t lo, uint16_t span, uint64_t *hit);
void kernel_range32(const uint32_t *v, size_t n, uint32_t lo, uint32_t span, uint64_t *hit);
void kernel_range64(const uint64_t *v, size_t n, uint64_t lo, uint64_t span, uint64_t *hit);

/* (v[i] & mask) == want */
void kernel_bits16(const uint16_t *v, size_t n, struct bits bits, uint64_t *hit);

void kernel_table8(const uint8_t *v, size_t n, const uint64_t *table, uint64_t *hit);
void kernel_table16(const uint16_t *v, size_t n, const uint64_t *table, uint64_t *hit);

void kernel_prefix(const struct addr *v, size_t n, const struct mask16 *p, uint64_t *hit);

/* Sparse, one word of rows. Cells point into `bytes`. */
uint64_t kernel_list(const uint64_t v[64], uint64_t need, const struct set *set);
uint64_t kernel_wide(const struct addr v[64], uint64_t need, const struct set *set);
uint64_t kernel_order(const uint8_t *bytes, const struct cell v[64], uint64_t need,
                      const struct order *order);
uint64_t kernel_texts(const uint8_t *bytes, const struct cell v[64], uint64_t need,
                      const struct texts *texts);
uint64_t kernel_pattern(const uint8_t *bytes, const struct cell v[64], uint64_t need,
                        const struct pattern *p);

#endif
