/* sample: rows for tests, made from their number: every kind in every pattern (constant, few or
 * many values, gaps, all null, extremes). Which column has which pattern depends on a salt. */
#ifndef STORE_SAMPLE_H
#define STORE_SAMPLE_H

#include "flow/batch.h"

enum { SAMPLE_PATTERNS = 8, SAMPLE_TEXT = 400 };

struct sample_value {
    bool present;
    uint8_t bytes[16]; /* fixed-width kinds: as in a batch column */
    uint8_t text[SAMPLE_TEXT];
    size_t len; /* of text */
};

void sample_value(enum field_id f, unsigned salt, uint64_t row, struct sample_value *out);

/* Append rows [row, row + n) to the batch. */
bool sample_fill(struct batch *b, unsigned salt, uint64_t row, size_t n) MUST_USE;

/* Is row `at` of the batch sample row `row`, in the columns of `want`? */
bool sample_equal(const struct batch *b, size_t at, const struct field_set *want, unsigned salt,
                  uint64_t row);

struct field_set sample_all(void);

#endif
