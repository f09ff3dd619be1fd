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
static uint32_t slice[8][256];
static uint64_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
        slice[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            slice[t][i] = slice[t - 1][i] >> 8 ^ slice[0][slice[t - 1][i] & 0xff];

    if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key) {
        struct timespec now; /* early boot only: still unknown to a sender */
        (void)clock_gettime(CLOCK_REALTIME, &now);
        key = hash_mix((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32);
    }
}

static uint32_t crc_tables(uint32_t crc, const uint8_t *p, size_t n)
{
    (void)pthread_once(&once, make_tables);
    for (; n >= 8; p += 8, n -= 8) {
        uint32_t lo;
        uint32_t hi;
        memcpy(&lo, p, 4);
        memcpy(&hi, p + 4, 4);
        lo ^= crc;
        crc = slice[7][lo & 0xff] ^ slice[6][lo >> 8 & 0xff] ^ slice[5][lo >> 16 & 0xff] ^
              slice[4][lo >> 24] ^ slice[3][hi & 0xff] ^ slice[2][hi >> 8 & 0xff] ^
              slice[1][hi >> 16 & 0xff] ^ slice[0][hi >> 24];
    }
    for (; n > 0; p++, n--)
        crc = crc >> 8 ^ slice[0][(crc ^ *p) & 0xff];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p,
                                                            size_t n)
{
    uint64_t c = crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        c = _mm_crc32_u64(c, v);
    }
    crc = (uint32_t)c;
    for (; n > 0; p++, n--)
        crc = _mm_crc32_u8(crc, *p);
    return crc;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *data, size_t n)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_sse42(crc, data, n);
#endif
    return ~crc_tables(crc, data, n);
}

uint32_t hash_crc32c_tables(uint32_t crc, const void *data, size_t n)
{
    return ~crc_tables(~crc, data, n);
}

uint64_t hash_keyed(const void *data, size_t n)
{
    (void)pthread_once(&once, make_tables);
    return XXH3_64bits_withSeed(data, n, key);
}
