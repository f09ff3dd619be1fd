#include "store/encode.h"

#include "store/bits.h"
#include "store/thrift.h"

#include <assert.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    GROUP = 8,        /* values of a bit-packed group: as many bytes as a value has bits */
    RUN_MIN = 16,     /* a shorter run is not worth two heads */
    RUN_BITS = 64,    /* nor one that saves fewer bits */
    SLACK = 8,        /* bytes behind the end that packing may touch */
    SPLIT_SLICE = 512 /* values that stay in the first cache */
};

/* Little-endian machines only, like the stores below. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are copied as they lie");

/* With a constant width all shifts and stores below are constants too. */
ALWAYS_INLINE void pack_width(const uint32_t *v, size_t groups, uint8_t *out, const unsigned width)
{
    for (size_t g = 0; g < groups; g++, v += GROUP, out += width) {
        uint64_t acc = 0;
        unsigned have = 0;
        uint8_t *p = out;
#pragma GCC unroll 8
        for (unsigned i = 0; i < GROUP; i++) {
            acc |= (uint64_t)v[i] << have;
            have += width;
            if (have >= 32) {
                uint32_t low = (uint32_t)acc;
                memcpy(p, &low, sizeof low);
                p += 4;
                acc >>= 32;
                have -= 32;
            }
        }
        uint32_t low = (uint32_t)acc;
        memcpy(p, &low, sizeof low);
    }
}

/* Writes groups * width bytes and may touch four more. */
static void pack(const uint32_t *v, size_t groups, uint8_t *out, unsigned width)
{
#define WIDTH(w)                       \
    case w:                            \
        pack_width(v, groups, out, w); \
        break;
    switch (width) {
        WIDTH(1)
        WIDTH(2)
        WIDTH(3)
        WIDTH(4)
        WIDTH(5)
        WIDTH(6)
        WIDTH(7)
        WIDTH(8)
        WIDTH(9)
        WIDTH(10)
        WIDTH(11)
        WIDTH(12)
        WIDTH(13)
        WIDTH(14)
        WIDTH(15)
        WIDTH(16)
        WIDTH(17)
        WIDTH(18)
    default:
        pack_width(v, groups, out, width);
    }
#undef WIDTH
}

static void pack_groups(struct buf *b, const uint32_t *v, size_t groups, unsigned width)
{
    uint8_t *p = buf_room(b, groups * width + SLACK);
    if (!p)
        return;
    pack(v, groups, p, width);
    b->len -= SLACK;
}

static void literal(struct buf *b, const uint32_t *v, size_t n, unsigned width)
{
    size_t whole = n / GROUP;

    if (n == 0)
        return;
    thrift_varint(b, (n + GROUP - 1) / GROUP << 1 | 1);
    pack_groups(b, v, whole, width);
    if (n % GROUP) {
        uint32_t tail[GROUP] = {0};
        memcpy(tail, v + whole * GROUP, n % GROUP * sizeof *v);
        pack_groups(b, tail, 1, width);
    }
}

static void run(struct buf *b, uint32_t value, size_t n, unsigned width)
{
    thrift_varint(b, n << 1);
    buf_le(b, value, (width + 7) / 8);
}

static bool group_is_run(const uint32_t *v)
{
    if (v[0] != v[7] || v[0] != v[3]) /* most are not */
        return false;
    return memcmp(v, v + 1, (GROUP - 1) * sizeof *v) == 0;
}

static size_t run_len(const uint32_t *v, size_t n)
{
    size_t i = GROUP;
    while (i < n && v[i] == v[0])
        i++;
    return i;
}

void encode_codes(struct buf *b, const uint32_t *codes, size_t n, unsigned width)
{
    size_t done = 0; /* literals wait from here, a multiple of GROUP before `at` */
    size_t at = 0;

    assert(width >= 1 && width <= 32);
    buf_u8(b, (uint8_t)width);
    while (n - at >= GROUP) {
        if (!group_is_run(codes + at)) {
            at += GROUP;
            continue;
        }
        size_t len = run_len(codes + at, n - at);
        if (len < RUN_MIN || len * width < RUN_BITS) {
            at += GROUP;
            continue;
        }
        literal(b, codes + done, at - done, width);
        run(b, codes[at], len, width);
        at += len;
        done = at;
    }
    literal(b, codes + done, n - done, width);
}

void encode_codes_same(struct buf *b, uint32_t code, size_t n, unsigned width)
{
    buf_u8(b, (uint8_t)width);
    run(b, code, n, width);
}

void encode_levels_same(struct buf *b, bool present, size_t rows) { run(b, present, rows, 1); }

/* How a word's bits go: all zero, all one, or mixed. */
enum mix { NONE, ALL, MIXED };

static enum mix mix_of(const uint64_t *seen, size_t at, size_t rows)
{
    size_t n = rows - at < 64 ? rows - at : 64;
    uint64_t v = seen[at / 64] & bits_low(n);
    return v == 0 ? NONE : v == bits_low(n) ? ALL : MIXED;
}

void encode_levels(struct buf *b, const uint64_t *seen, size_t rows)
{
    for (size_t at = 0; at < rows;) {
        enum mix mix = mix_of(seen, at, rows);
        size_t end = at + 64;
        while (end < rows && mix_of(seen, end, rows) == mix)
            end += 64;
        size_t n = (end < rows ? end : rows) - at;
        if (mix == MIXED) {
            size_t groups = (n + 7) / 8;
            thrift_varint(b, groups << 1 | 1);
            buf_bytes(b, (const uint8_t *)(seen + at / 64), groups);
        } else {
            run(b, mix == ALL, n, 1);
        }
        at = end;
    }
}

/* 32 values wider than 32 bits. */
static void pack_wide(struct buf *b, const uint64_t *v, unsigned width)
{
    uint8_t *p = buf_room(b, (size_t)DELTA_MINI / 8 * width);
    if (!p)
        return;
    memset(p, 0, (size_t)DELTA_MINI / 8 * width);
    for (size_t i = 0; i < DELTA_MINI; i++)
        for (unsigned bit = 0; bit < width; bit++) {
            size_t at = i * width + bit;
            p[at / 8] |= (uint8_t)((v[i] >> bit & 1) << (at % 8));
        }
}

static void pack_mini(struct buf *b, const uint64_t *v, unsigned width)
{
    uint32_t narrow[DELTA_MINI];

    if (width == 0)
        return;
    if (width > 32) {
        pack_wide(b, v, width);
        return;
    }
    for (size_t i = 0; i < DELTA_MINI; i++)
        narrow[i] = (uint32_t)v[i];
    pack_groups(b, narrow, DELTA_MINI / GROUP, width);
}

/* One block: n (1 to 128) differences of v[1..n] to the values before. */
static void delta_block(struct buf *b, const uint64_t *v, size_t n)
{
    uint64_t d[DELTA_BLOCK];
    uint8_t width[DELTA_MINIS];
    int64_t min = INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        d[i] = v[i + 1] - v[i];
        min = (int64_t)d[i] < min ? (int64_t)d[i] : min;
    }
    for (size_t i = 0; i < n; i++)
        d[i] -= (uint64_t)min;
    memset(d + n, 0, (DELTA_BLOCK - n) * sizeof *d);
    for (size_t m = 0; m < DELTA_MINIS; m++) {
        uint64_t any = 0;
        for (size_t i = 0; i < DELTA_MINI; i++)
            any |= d[m * DELTA_MINI + i];
        width[m] = (uint8_t)encode_width(any);
    }
    thrift_zigzag(b, min);
    buf_bytes(b, width, sizeof width);
    for (size_t m = 0; m < DELTA_MINIS && m * DELTA_MINI < n; m++)
        pack_mini(b, d + m * DELTA_MINI, width[m]);
}

void encode_delta(struct buf *b, const uint64_t *v, size_t n)
{
    thrift_varint(b, DELTA_BLOCK);
    thrift_varint(b, DELTA_MINIS);
    thrift_varint(b, n);
    thrift_zigzag(b, (int64_t)v[0]);
    for (size_t at = 1; at < n; at += DELTA_BLOCK)
        delta_block(b, v + at - 1, n - at < DELTA_BLOCK ? n - at : DELTA_BLOCK);
}

/* n values of so many bytes into planes that lie `total` apart. */
ALWAYS_INLINE void split_bytes(const uint8_t *v, size_t n, uint8_t *out, size_t total,
                               const size_t width)
{
    for (size_t k = 0; k < width; k++)
        for (size_t i = 0; i < n; i++)
            // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): n whole values are there
            out[k * total + i] = v[i * width + k];
}

/* 64-bit numbers mostly fit 32 bits: half of the planes is zero then. */
static void split_u64(const uint64_t *v, size_t n, uint8_t *out, size_t total)
{
    uint32_t low[SPLIT_SLICE];

    for (size_t at = 0; at < n; at += SPLIT_SLICE) {
        size_t take = n - at < SPLIT_SLICE ? n - at : SPLIT_SLICE;
        uint64_t all = 0;
        for (size_t i = 0; i < take; i++) {
            all |= v[at + i];
            low[i] = (uint32_t)v[at + i];
        }
        if (all >> 32) {
            split_bytes((const uint8_t *)(v + at), take, out + at, total, 8);
            continue;
        }
        split_bytes((const uint8_t *)low, take, out + at, total, 4);
        for (size_t k = 4; k < 8; k++)
            memset(out + k * total + at, 0, take);
    }
}

void encode_split(struct buf *b, const void *v, size_t n, size_t width, size_t out_width)
{
    uint8_t *p = buf_room(b, n * out_width);

    if (!p)
        return;
    switch (width) {
    case 1:
        memcpy(p, v, n);
        break;
    case 2:
        split_bytes(v, n, p, n, 2);
        break;
    case 4:
        split_bytes(v, n, p, n, 4);
        break;
    default:
        split_u64(v, n, p, n);
    }
    memset(p + n * width, 0, n * (out_width - width));
}

void encode_plain(struct buf *b, const void *v, size_t n, size_t width, size_t out_width)
{
    uint8_t *p = buf_room(b, n * out_width);
    const uint8_t *from = v;

    if (!p)
        return;
    if (width == out_width) {
        memcpy(p, v, n * width);
        return;
    }
    memset(p, 0, n * out_width);
    for (size_t i = 0; i < n; i++)
        memcpy(p + i * out_width, from + i * width, width);
}
