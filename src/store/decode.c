#include "store/decode.h"

#include "store/bits.h"
#include "store/encode.h"
#include "store/thrift.h"

#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { WIDTH_MAX = 32, LOAD_BITS = 57 /* of 64 are sure when the first bit is within a byte */ };

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

ALWAYS_INLINE void unpack_width(const uint8_t *in, size_t groups, uint32_t *out,
                                const unsigned width)
{
    const uint64_t mask = bits_low(width);

    for (size_t g = 0; g < groups; g++, in += width, out += DECODE_GROUP)
#pragma GCC unroll 8
        for (unsigned i = 0; i < DECODE_GROUP; i++)
            out[i] = (uint32_t)(load64(in + i * width / 8) >> (i * width % 8) & mask);
}

static void unpack(const uint8_t *in, size_t groups, uint32_t *out, unsigned width)
{
#define WIDTH(w)                          \
    case w:                               \
        unpack_width(in, groups, out, w); \
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
        unpack_width(in, groups, out, width);
    }
#undef WIDTH
}

/* Head of the next run: false if it is broken or longer than what is left. Literals come in groups
 * of eight, of which the last may be more than is asked for. */
struct run {
    bool literal;
    size_t n;            /* values, at most those left */
    size_t groups;       /* literal */
    const uint8_t *data; /* literal: groups * width bytes; else the value's */
};

static bool run_next(struct cur *in, unsigned width, size_t left, struct run *out)
{
    uint64_t head = thrift_varint_read(in);
    uint64_t count = head >> 1;

    if (!cur_ok(in) || count == 0)
        return false;
    out->literal = head & 1;
    if (out->literal) {
        size_t most = (left + DECODE_GROUP - 1) / DECODE_GROUP;
        if (count > most)
            return false;
        out->groups = (size_t)count;
        out->n = left < out->groups * DECODE_GROUP ? left : out->groups * DECODE_GROUP;
        out->data = cur_bytes(in, out->groups * width);
    } else {
        if (count > left)
            return false;
        out->n = (size_t)count;
        out->data = cur_bytes(in, (width + 7) / 8);
    }
    return cur_ok(in);
}

static uint32_t run_value(const struct run *r, unsigned width)
{
    uint32_t v = 0;
    for (unsigned i = (width + 7) / 8; i > 0; i--)
        v = v << 8 | r->data[i - 1];
    return v;
}

/* Or n bits, which begin at a byte, in at bit `at`. */
static void put_bits(uint64_t *bits, size_t at, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i += 64) {
        size_t take = n - i < 64 ? n - i : 64;
        uint64_t v = 0;
        memcpy(&v, from + i / 8, (take + 7) / 8);
        bits_or(bits, at + i, v & bits_low(take), take);
    }
}

bool decode_levels(struct cur *in, size_t n, uint64_t *bits)
{
    for (size_t at = 0; at < n;) {
        struct run r;
        if (!run_next(in, 1, n - at, &r))
            return false;
        if (r.literal)
            put_bits(bits, at, r.data, r.n);
        else if (run_value(&r, 1) == 1)
            bits_fill(bits, at, r.n);
        else if (run_value(&r, 1) != 0)
            return false;
        at += r.n;
    }
    return true;
}

bool decode_codes(struct cur *in, size_t n, uint32_t *out, bool *same)
{
    unsigned width = cur_u8(in);

    *same = false;
    if (!cur_ok(in) || width > WIDTH_MAX)
        return false;
    for (size_t at = 0; at < n;) {
        struct run r;
        if (!run_next(in, width, n - at, &r))
            return false;
        if (r.literal) {
            unpack(r.data, r.groups, out + at, width);
        } else {
            uint32_t v = run_value(&r, width);
            *same = r.n == n;
            for (size_t i = 0; i < (*same ? 1 : r.n); i++)
                out[at + i] = v;
        }
        at += r.n;
    }
    return true;
}

/* DELTA_MINI differences of a width, above `min` each, added up from v on. */
ALWAYS_INLINE uint64_t sum_width(const uint8_t *in, uint64_t v, uint64_t min, uint64_t *out,
                                 const unsigned width)
{
    const uint64_t mask = bits_low(width);

    for (unsigned g = 0; g < DELTA_MINI; g += DECODE_GROUP, in += width)
#pragma GCC unroll 8
        for (unsigned i = 0; i < DECODE_GROUP; i++) {
            v += (load64(in + i * width / 8) >> (i * width % 8) & mask) + min;
            out[g + i] = v;
        }
    return v;
}

/* The same bit by bit, above what a load holds. */
static uint64_t sum_wide(const uint8_t *in, uint64_t v, uint64_t min, uint64_t *out, unsigned width)
{
    for (unsigned i = 0; i < DELTA_MINI; i++) {
        uint64_t more = 0;
        for (unsigned bit = 0; bit < width; bit++) {
            unsigned at = i * width + bit;
            more |= (uint64_t)(in[at / 8] >> at % 8 & 1) << bit;
        }
        v += more + min;
        out[i] = v;
    }
    return v;
}

static uint64_t sum_up(const uint8_t *in, uint64_t v, uint64_t min, uint64_t *out, unsigned width)
{
#define WIDTH(w) \
    case w:      \
        return sum_width(in, v, min, out, w);
    switch (width) {
        WIDTH(0)
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
        return width > LOAD_BITS ? sum_wide(in, v, min, out, width)
                                 : sum_width(in, v, min, out, width);
    }
#undef WIDTH
}

bool delta_begin(struct delta *d, struct cur in, size_t n)
{
    enum { BLOCK_MAX = 65536 };
    uint64_t block = thrift_varint_read(&in);
    uint64_t minis = thrift_varint_read(&in);
    uint64_t total = thrift_varint_read(&in);
    int64_t first = thrift_int_element(&in);

    if (!cur_ok(&in) || block > BLOCK_MAX || minis == 0 || minis > block || total != n || n == 0 ||
        block % (minis * DELTA_MINI) != 0)
        return false;
    *d = (struct delta){.in = in, .left = n, .v = (uint64_t)first, .minis = (size_t)minis};
    d->units = (size_t)(block / minis / DELTA_MINI);
    d->mini = d->minis;
    d->unit = d->units;
    d->spare[DELTA_MINI - 1] = d->v; /* the first stands for itself */
    d->n_spare = 1;
    return true;
}

/* Go to the next miniblock, maybe of the next block. */
static bool delta_mini(struct delta *d)
{
    if (d->mini == d->minis) {
        d->min = (uint64_t)thrift_int_element(&d->in);
        d->width = cur_bytes(&d->in, d->minis);
        d->mini = 0;
    }
    if (!cur_ok(&d->in) || d->width[d->mini] > 64)
        return false;
    d->bits = d->width[d->mini++];
    d->data = cur_bytes(&d->in, d->units * (DELTA_MINI / 8) * d->bits);
    d->unit = 0;
    return d->data != NULL;
}

static bool delta_unit(struct delta *d, uint64_t *out)
{
    if (d->unit == d->units && !delta_mini(d))
        return false;
    d->v = sum_up(d->data, d->v, d->min, out, d->bits);
    d->data += DELTA_MINI / 8 * d->bits;
    d->unit++;
    return true;
}

bool delta_next(struct delta *d, size_t n, uint64_t *out)
{
    if (n > d->left)
        return false;
    d->left -= n;
    for (; n != 0 && d->n_spare != 0; n--)
        *out++ = d->spare[DELTA_MINI - d->n_spare--];
    for (; n >= DELTA_MINI; n -= DELTA_MINI, out += DELTA_MINI)
        if (!delta_unit(d, out))
            return false;
    if (n == 0)
        return true;
    if (!delta_unit(d, d->spare))
        return false;
    memcpy(out, d->spare, n * sizeof *out);
    d->n_spare = DELTA_MINI - n;
    return true;
}

bool delta_skip(struct delta *d, size_t n)
{
    uint64_t out[8 * DELTA_MINI];

    for (size_t take; n != 0; n -= take) {
        take = n < COUNT_OF(out) ? n : COUNT_OF(out);
        if (!delta_next(d, take, out))
            return false;
    }
    return true;
}

/* All bytes above `width` of n numbers, or-ed: zero if they fit. */
static uint8_t split_above(const uint8_t *in, size_t total, size_t n, size_t in_width, size_t width)
{
    uint8_t any = 0;
    for (size_t k = width; k < in_width; k++)
        for (size_t i = 0; i < n; i++)
            any |= in[k * total + i];
    return any;
}

static inline uint32_t join32(const uint8_t *s, size_t total)
{
    return s[0] | (uint32_t)s[total] << 8 | (uint32_t)s[2 * total] << 16 |
           (uint32_t)s[3 * total] << 24;
}

/* Most numbers are small, so that the upper half of all of them is zero. */
static void join64(const uint8_t *s, size_t total, size_t n, uint64_t *out)
{
    if (split_above(s, total, n, 8, 4) == 0) {
        for (size_t i = 0; i < n; i++)
            out[i] = join32(s + i, total);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = join32(s + i, total) | (uint64_t)join32(s + 4 * total + i, total) << 32;
}

bool decode_split(const uint8_t *in, size_t total, size_t at, size_t n, size_t in_width, void *out,
                  size_t width)
{
    const uint8_t *s = in + at;
    uint8_t *o8 = out;
    uint16_t *o16 = out;
    uint32_t *o32 = out;

    switch (width) {
    case 1:
        memcpy(o8, s, n);
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            o16[i] = (uint16_t)(s[i] | s[total + i] << 8);
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            o32[i] = join32(s + i, total);
        break;
    default:
        join64(s, total, n, out);
    }
    return split_above(s, total, n, in_width, width) == 0;
}

bool decode_plain(const uint8_t *in, size_t n, size_t in_width, void *out, size_t width)
{
    uint8_t *o = out;
    uint8_t above = 0;

    if (n == 0)
        return true;
    if (in_width == width) {
        memcpy(o, in, n * width);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(o + i * width, in + i * in_width, width);
        for (size_t k = width; k < in_width; k++)
            above |= in[i * in_width + k];
    }
    return above == 0;
}
