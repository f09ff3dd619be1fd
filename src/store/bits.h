/* bits: runs of bits in arrays of words, lowest bit first, as presence bitmaps are. */
#ifndef STORE_BITS_H
#define STORE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t bits_words(size_t n) { return (n + 63) / 64; }

static inline uint64_t bits_low(size_t n)
{
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

/* The n (1 to 64) bits from bit `at` on; words behind the last that is needed are not read. */
static inline uint64_t bits_get(const uint64_t *w, size_t at, size_t n)
{
    size_t shift = at % 64;
    uint64_t v = w[at / 64] >> shift;

    if (shift + n > 64)
        v |= w[at / 64 + 1] << (64 - shift);
    return v & bits_low(n);
}

/* Or n (1 to 64) bits in at bit `at`. */
static inline void bits_or(uint64_t *w, size_t at, uint64_t v, size_t n)
{
    size_t shift = at % 64;

    w[at / 64] |= v << shift;
    if (shift + n > 64)
        w[at / 64 + 1] |= v >> (64 - shift);
}

/* Or n bits of `from` into `to`; returns how many of them are set. */
static inline size_t bits_copy(uint64_t *to, size_t to_at, const uint64_t *from, size_t from_at,
                               size_t n)
{
    size_t set = 0;

    while (n != 0) {
        size_t take = n < 64 ? n : 64;
        uint64_t v = bits_get(from, from_at, take);
        bits_or(to, to_at, v, take);
        set += (size_t)__builtin_popcountll(v);
        to_at += take;
        from_at += take;
        n -= take;
    }
    return set;
}

static inline void bits_fill(uint64_t *w, size_t at, size_t n)
{
    while (n != 0) {
        size_t take = 64 - at % 64 < n ? 64 - at % 64 : n;
        w[at / 64] |= bits_low(take) << at % 64;
        at += take;
        n -= take;
    }
}

static inline size_t bits_count(const uint64_t *w, size_t at, size_t n)
{
    size_t set = 0;

    while (n != 0) {
        size_t take = n < 64 ? n : 64;
        set += (size_t)__builtin_popcountll(bits_get(w, at, take));
        at += take;
        n -= take;
    }
    return set;
}

#endif
