/* decode: Parquet's encodings → arrays of values: the other side of encode.h.
 *
 * Bytes come through a cursor; a broken page makes these return false. The unpacking loops load
 * eight bytes at a time, so DECODE_SLACK readable bytes must lie behind every buffer that a cursor
 * here points into; they do not count as input. */
#ifndef STORE_DECODE_H
#define STORE_DECODE_H

#include "base/attr.h"
#include "base/cursor.h"

enum { DECODE_SLACK = 16, DECODE_GROUP = 8, DECODE_DELTA = 32 };

/* n levels of an optional column into zeroed bits. */
bool decode_levels(struct cur *in, size_t n, uint64_t *bits) MUST_USE;

/* n codes of RLE_DICTIONARY (with its width byte). `out` has room for n + DECODE_GROUP. If a single
 * run has them all, only out[0] is set and *same is true. */
bool decode_codes(struct cur *in, size_t n, uint32_t *out, bool *same) MUST_USE;

/* n values of DELTA_BINARY_PACKED; `out` has room for n + DECODE_DELTA. */
bool decode_delta(struct cur *in, size_t n, uint64_t *out) MUST_USE;

/* Values [at, at + n) of a BYTE_STREAM_SPLIT page of `total` values, `in_width` bytes each (4 or
 * 8), to numbers of `width` bytes; false if one is too large for that. */
bool decode_split(const uint8_t *in, size_t total, size_t at, size_t n, size_t in_width, void *out,
                  size_t width) MUST_USE;

/* n PLAIN values of in_width bytes to values of width bytes (not wider); the same. */
bool decode_plain(const uint8_t *in, size_t n, size_t in_width, void *out, size_t width) MUST_USE;

#endif
