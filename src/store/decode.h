/* decode: Parquet's encodings → arrays of values: the other side of encode.h.
 *
 * Bytes come through a cursor; a broken page makes these return false. The unpacking loops load
 * eight bytes at a time, so DECODE_SLACK readable bytes must lie behind every buffer that a cursor
 * here points into; they do not count as input. */
#ifndef STORE_DECODE_H
#define STORE_DECODE_H

#include "base/attr.h"
#include "base/cursor.h"
#include "store/encode.h"

enum { DECODE_SLACK = 16, DECODE_GROUP = 8 };

/* n levels of an optional column into zeroed bits. */
bool decode_levels(struct cur *in, size_t n, uint64_t *bits) MUST_USE;

/* n codes of RLE_DICTIONARY (with its width byte). `out` has room for n + DECODE_GROUP. If a single
 * run has them all, only out[0] is set and *same is true. */
bool decode_codes(struct cur *in, size_t n, uint32_t *out, bool *same) MUST_USE;

/* The way through a page of DELTA_BINARY_PACKED. It is cut into blocks, these into miniblocks;
 * other writers have larger ones than ours. */
struct delta {
    struct cur in;
    size_t left;          /* values that have not been given */
    size_t minis;         /* of a block, */
    size_t mini;          /* and the next */
    size_t units;         /* of DELTA_MINI values, of a miniblock, */
    size_t unit;          /* and the next */
    const uint8_t *width; /* of the block's miniblocks */
    const uint8_t *data;  /* of the next unit, */
    unsigned bits;        /* of each of its differences, */
    uint64_t min;         /* and what is added to them */
    uint64_t v;           /* the last value that has been decoded */
    uint64_t spare[DELTA_MINI];
    size_t n_spare; /* at its end, that have been decoded and not been given */
};

/* Begin with a page of n values, which must stay until the last has been given. */
bool delta_begin(struct delta *d, struct cur in, size_t n) MUST_USE;

/* Give the next n; leave them out. */
bool delta_next(struct delta *d, size_t n, uint64_t *out) MUST_USE;
bool delta_skip(struct delta *d, size_t n) MUST_USE;

/* Values [at, at + n) of a BYTE_STREAM_SPLIT page of `total` values, `in_width` bytes each (4 or
 * 8), to numbers of `width` bytes; false if one is too large for that. */
bool decode_split(const uint8_t *in, size_t total, size_t at, size_t n, size_t in_width, void *out,
                  size_t width) MUST_USE;

/* n PLAIN values of in_width bytes to values of width bytes (not wider); the same. */
bool decode_plain(const uint8_t *in, size_t n, size_t in_width, void *out, size_t width) MUST_USE;

#endif
