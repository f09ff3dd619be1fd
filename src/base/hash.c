#include "base/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <xxhash.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Eight tables, so that eight bytes go in a step (Intel's slicing-by-8). */
struct slices {
    uint32_t t[8][256];
};

/* What LANE zero bytes make of a CRC, by each of its bytes. */
struct lane_shift {
    uint32_t t[4][256];
};

enum { LANE = 128 };

static struct slices castagnoli;
static struct slices ieee;
static struct lane_shift lane;
static uint64_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_slices(struct slices *s, uint32_t polynomial)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ polynomial : c >> 1;
        s->t[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            s->t[t][i] = s->t[t - 1][i] >> 8 ^ s->t[0][s->t[t - 1][i] & 0xff];
}

/* A CRC is linear: what becomes of it is the sum of what becomes of its bytes. */
static void make_lane_shift(const struct slices *s)
{
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i << 8 * byte;
            for (int n = 0; n < LANE; n++)
                c = c >> 8 ^ s->t[0][c & 0xff];
            lane.t[byte][i] = c;
        }
}

static void make_tables(void)
{
    make_slices(&castagnoli, 0x82f63b78u);
    make_lane_shift(&castagnoli);
    make_slices(&ieee, 0xedb88320u);
    if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key) {
        struct timespec now; /* early boot only: still unknown to a sender */
        (void)clock_gettime(CLOCK_REALTIME, &now);
        key = hash_mix((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32);
    }
}

static uint32_t crc_tables(const struct slices *s, uint32_t crc, const uint8_t *p, size_t n)
{
    (void)pthread_once(&once, make_tables);
    for (; n >= 8; p += 8, n -= 8) {
        uint32_t lo;
        uint32_t hi;
        memcpy(&lo, p, 4);
        memcpy(&hi, p + 4, 4);
        lo ^= crc;
        crc = s->t[7][lo & 0xff] ^ s->t[6][lo >> 8 & 0xff] ^ s->t[5][lo >> 16 & 0xff] ^
              s->t[4][lo >> 24] ^ s->t[3][hi & 0xff] ^ s->t[2][hi >> 8 & 0xff] ^
              s->t[1][hi >> 16 & 0xff] ^ s->t[0][hi >> 24];
    }
    for (; n > 0; p++, n--)
        crc = crc >> 8 ^ s->t[0][(crc ^ *p) & 0xff];
    return crc;
}

#if defined(__x86_64__)
static inline uint32_t over_lane(uint64_t crc)
{
    return lane.t[0][crc & 0xff] ^ lane.t[1][crc >> 8 & 0xff] ^ lane.t[2][crc >> 16 & 0xff] ^
           lane.t[3][crc >> 24 & 0xff];
}

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The instruction takes three cycles, but one can begin in each: three lanes go side by side, and
 * are then joined. */
__attribute__((target("sse4.2"))) static uint32_t crc_lanes(uint32_t crc, const uint8_t *p)
{
    uint64_t a = crc;
    uint64_t b = 0;
    uint64_t c = 0;

    for (size_t i = 0; i < LANE; i += 8) {
        a = _mm_crc32_u64(a, load8(p + i));
        b = _mm_crc32_u64(b, load8(p + LANE + i));
        c = _mm_crc32_u64(c, load8(p + 2 * (size_t)LANE + i));
    }
    return over_lane(over_lane(a) ^ b) ^ (uint32_t)c;
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p,
                                                            size_t n)
{
    if (n >= 3 * (size_t)LANE)
        (void)pthread_once(&once, make_tables);
    for (; n >= 3 * (size_t)LANE; p += 3 * (size_t)LANE, n -= 3 * (size_t)LANE)
        crc = crc_lanes(crc, p);
    uint64_t c = crc;
    for (; n >= 8; p += 8, n -= 8)
        c = _mm_crc32_u64(c, load8(p));
    crc = (uint32_t)c;
    for (; n > 0; p++, n--)
        crc = _mm_crc32_u8(crc, *p);
    return crc;
}

enum { FOLD_BYTES = 64 };

/* 16 bytes multiplied forward by the distance that k stands for, and added to what lies there. */
__attribute__((target("pclmul"))) static inline __m128i fold(__m128i x, __m128i k, __m128i there)
{
    __m128i lo = _mm_clmulepi64_si128(x, k, 0x00);
    __m128i hi = _mm_clmulepi64_si128(x, k, 0x11);
    return _mm_xor_si128(_mm_xor_si128(lo, hi), there);
}

static inline __m128i load16(const uint8_t *p) { return _mm_loadu_si128((const void *)p); }

/* All whole 16 bytes of at least 64, folded into 16 of the same CRC (Gopal et al., "Fast CRC
 * computation for generic polynomials using PCLMULQDQ", Intel 2009; its constants). */
__attribute__((target("pclmul"))) static uint32_t crc_folded(uint32_t crc, const uint8_t *p,
                                                             size_t n)
{
    const __m128i by64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    uint8_t rest[16];
    __m128i a = _mm_xor_si128(load16(p), _mm_cvtsi32_si128((int)crc));
    __m128i b = load16(p + 16);
    __m128i c = load16(p + 32);
    __m128i d = load16(p + 48);

    for (p += FOLD_BYTES, n -= FOLD_BYTES; n >= FOLD_BYTES; p += FOLD_BYTES, n -= FOLD_BYTES) {
        a = fold(a, by64, load16(p));
        b = fold(b, by64, load16(p + 16));
        c = fold(c, by64, load16(p + 32));
        d = fold(d, by64, load16(p + 48));
    }
    a = fold(fold(fold(a, by16, b), by16, c), by16, d);
    for (; n >= 16; p += 16, n -= 16)
        a = fold(a, by16, load16(p));
    _mm_storeu_si128((void *)rest, a);
    return crc_tables(&ieee, crc_tables(&ieee, 0, rest, sizeof rest), p, n);
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t n)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_sse42(crc, data, n);
#endif
    return ~crc_tables(&castagnoli, crc, data, n);
}

uint32_t hash_crc32c_tables(uint32_t crc, const void *data, size_t n)
{
    return ~crc_tables(&castagnoli, ~crc, data, n);
}

uint32_t hash_crc32(uint32_t crc, const void *data, size_t n)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (n >= FOLD_BYTES && __builtin_cpu_supports("pclmul"))
        return ~crc_folded(crc, data, n);
#endif
    return ~crc_tables(&ieee, crc, data, n);
}

uint32_t hash_crc32_tables(uint32_t crc, const void *data, size_t n)
{
    return ~crc_tables(&ieee, ~crc, data, n);
}

uint64_t hash_keyed(const void *data, size_t n)
{
    (void)pthread_once(&once, make_tables);
    return XXH3_64bits_withSeed(data, n, key);
}

uint64_t hash_xxh64(const void *data, size_t n) { return XXH64(data, n, 0); }
