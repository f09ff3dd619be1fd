/* codec: compression of pages: zstd, LZ4 (raw blocks), none.
 *
 * The only file that knows the libraries. A struct codec holds their working memory and belongs to
 * one thread. */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers are Parquet's. */
enum codec_id { CODEC_NONE = 0, CODEC_ZSTD = 6, CODEC_LZ4 = 7 };

struct codec;

struct codec *codec_new(void); /* never NULL */
void codec_free(struct codec *c);

/* An upper bound of what n bytes become. */
size_t codec_bound(enum codec_id id, size_t n);

/* Compress into out; the size, or 0 if it does not fit `cap`. Not for CODEC_NONE. For what has runs
 * of bytes that come again: text, addresses. */
size_t codec_pack(struct codec *c, enum codec_id id, const void *in, size_t n, void *out,
                  size_t cap);

/* The same for numbers, where all that is alike is how often each byte occurs: zstd hardly looks
 * for matches, which takes half of its time and finds next to nothing. The data are planes of
 * `plane` bytes each, unlike one another, as BYTE_STREAM_SPLIT makes them; one plane: n. */
size_t codec_pack_numbers(struct codec *c, enum codec_id id, const void *in, size_t n, size_t plane,
                          void *out, size_t cap);

/* Could n bytes unfold into so many? Asked before memory is taken for a size that a file claims. */
bool codec_plausible(enum codec_id id, size_t n, size_t unpacked);

/* Decompress to exactly out_len bytes, or ERR_DATA. */
int codec_unpack(struct codec *c, enum codec_id id, const void *in, size_t n, void *out,
                 size_t out_len, struct err *err) MUST_USE;

const char *codec_name(int id); /* "unknown" if it is none of ours */

#endif
