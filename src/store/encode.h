/* encode: arrays of values → Parquet's encodings. Whole pages at a time, appended to a buf.
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/ */
#ifndef STORE_ENCODE_H
#define STORE_ENCODE_H

#include "base/buf.h"

/* DELTA_BINARY_PACKED as we write it: blocks of 128 in four miniblocks. */
enum { DELTA_BLOCK = 128, DELTA_MINIS = 4, DELTA_MINI = DELTA_BLOCK / DELTA_MINIS };

/* Bits that a number needs: 0 for 0. */
static inline unsigned encode_width(uint64_t v)
{
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Definition levels of an optional column: RLE hybrid of one bit. */
void encode_levels(struct buf *b, const uint64_t *seen, size_t rows);

/* The same when all rows are alike. */
void encode_levels_same(struct buf *b, bool present, size_t rows);

/* RLE_DICTIONARY: a byte with the width (1 to 32), then RLE hybrid. */
void encode_codes(struct buf *b, const uint32_t *codes, size_t n, unsigned width);

/* n times the same code. */
void encode_codes_same(struct buf *b, uint32_t code, size_t n, unsigned width);

/* DELTA_BINARY_PACKED of 64-bit values, signed or not; n is at least 1. */
void encode_delta(struct buf *b, const uint64_t *v, size_t n);

/* Numbers of `width` bytes (1, 2, 4, 8) as Parquet's of `out_width` (4 for 1 to 4, else 8):
 * BYTE_STREAM_SPLIT and PLAIN. PLAIN also takes other widths that stay as they are. */
void encode_split(struct buf *b, const void *v, size_t n, size_t width, size_t out_width);
void encode_plain(struct buf *b, const void *v, size_t n, size_t width, size_t out_width);

#endif
