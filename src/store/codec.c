#include "store/codec.h"

#include "base/mem.h"

#include <limits.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#define ZSTD_STATIC_LINKING_ONLY /* for two parameters */
#include <zstd.h>

enum {
    ZSTD_LEVEL = 1,
    ZSTD_LEVEL_NUMBERS = -100,
    ZSTD_BLOCK_MIN = 1 << 10, /* that can be asked for */
    ZSTD_BLOCK_MAX = 1 << 17,
    /* What one byte can become: a zstd block of 128 KB takes 4 bytes, an LZ4 length byte means 255.
     */
    ZSTD_RATIO_MAX = 131072 / 4,
    LZ4_RATIO_MAX = 255,
    RATIO_SLACK = 64
};

struct codec {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
};

struct codec *codec_new(void) { return mem_new(1, sizeof(struct codec)); }

void codec_free(struct codec *c)
{
    if (!c)
        return;
    ZSTD_freeCCtx(c->pack);
    ZSTD_freeDCtx(c->unpack);
    free(c);
}

size_t codec_bound(enum codec_id id, size_t n)
{
    if (id == CODEC_ZSTD)
        return ZSTD_compressBound(n);
    if (id == CODEC_LZ4 && n <= LZ4_MAX_INPUT_SIZE)
        return (size_t)LZ4_compressBound((int)n);
    return n;
}

/* Blocks of so many bytes, each with a Huffman code of its own; 0: zstd's largest. */
static size_t pack_zstd(struct codec *c, int level, size_t block, const void *in, size_t n,
                        void *out, size_t cap)
{
    if (!c->pack)
        c->pack = ZSTD_createCCtx();
    if (!c->pack)
        return 0;
    /* Levels below zero would leave alone what matches do not cover: the most of it here. Where
     * zstd does not know a parameter any more, pages become larger, not wrong. */
    (void)ZSTD_CCtx_setParameter(c->pack, ZSTD_c_compressionLevel, level);
    (void)ZSTD_CCtx_setParameter(c->pack, ZSTD_c_literalCompressionMode, ZSTD_ps_enable);
    (void)ZSTD_CCtx_setParameter(c->pack, ZSTD_c_maxBlockSize, (int)block);
    size_t len = ZSTD_compress2(c->pack, out, cap, in, n);
    return ZSTD_isError(len) ? 0 : len;
}

static size_t pack_lz4(const void *in, size_t n, void *out, size_t cap)
{
    if (n > LZ4_MAX_INPUT_SIZE)
        return 0;
    int room = cap > INT_MAX ? INT_MAX : (int)cap;
    int len = LZ4_compress_default(in, out, (int)n, room);
    return len > 0 ? (size_t)len : 0;
}

size_t codec_pack(struct codec *c, enum codec_id id, const void *in, size_t n, void *out,
                  size_t cap)
{
    return id == CODEC_LZ4 ? pack_lz4(in, n, out, cap)
                           : pack_zstd(c, ZSTD_LEVEL, 0, in, n, out, cap);
}

size_t codec_pack_numbers(struct codec *c, enum codec_id id, const void *in, size_t n, size_t plane,
                          void *out, size_t cap)
{
    bool fits = plane >= ZSTD_BLOCK_MIN && plane <= ZSTD_BLOCK_MAX;

    return id == CODEC_LZ4 ? pack_lz4(in, n, out, cap)
                           : pack_zstd(c, ZSTD_LEVEL_NUMBERS, fits ? plane : 0, in, n, out, cap);
}

bool codec_plausible(enum codec_id id, size_t n, size_t unpacked)
{
    size_t ratio = id == CODEC_ZSTD ? ZSTD_RATIO_MAX : id == CODEC_LZ4 ? LZ4_RATIO_MAX : 1;
    return unpacked / ratio <= n + RATIO_SLACK;
}

static int unpack_zstd(struct codec *c, const void *in, size_t n, void *out, size_t out_len,
                       struct err *err)
{
    if (!c->unpack)
        c->unpack = ZSTD_createDCtx();
    if (!c->unpack)
        return err_set(err, ERR_LIMIT, "zstd: no memory");
    size_t len = ZSTD_decompressDCtx(c->unpack, out, out_len, in, n);
    if (ZSTD_isError(len))
        return err_set(err, ERR_DATA, "zstd: %s", ZSTD_getErrorName(len));
    if (len != out_len)
        return err_set(err, ERR_DATA, "zstd: %zu bytes came out, expected %zu", len, out_len);
    return 0;
}

static int unpack_lz4(const void *in, size_t n, void *out, size_t out_len, struct err *err)
{
    if (n > INT_MAX || out_len > INT_MAX)
        return err_set(err, ERR_LIMIT, "lz4: block of %zu bytes", n);
    int len = LZ4_decompress_safe(in, out, (int)n, (int)out_len);
    if (len < 0 || (size_t)len != out_len)
        return err_set(err, ERR_DATA, "lz4: broken block, or not %zu bytes", out_len);
    return 0;
}

int codec_unpack(struct codec *c, enum codec_id id, const void *in, size_t n, void *out,
                 size_t out_len, struct err *err)
{
    switch (id) {
    case CODEC_ZSTD:
        return unpack_zstd(c, in, n, out, out_len, err);
    case CODEC_LZ4:
        return unpack_lz4(in, n, out, out_len, err);
    case CODEC_NONE:
        break;
    }
    if (n != out_len)
        return err_set(err, ERR_DATA, "uncompressed page of %zu bytes, expected %zu", n, out_len);
    if (n != 0)
        memcpy(out, in, n);
    return 0;
}

const char *codec_name(int id)
{
    return id == CODEC_NONE   ? "none"
           : id == CODEC_ZSTD ? "zstd"
           : id == CODEC_LZ4  ? "lz4_raw"
                              : "unknown";
}
