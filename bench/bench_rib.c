/* A dump of BGP's routes as large as the whole table (lengths of prefixes as it has them): the time
 * to read it, the memory it takes, and nanoseconds of a look-up of addresses at random, the best of
 * five runs. With an argument: that dump instead. */
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "net/rib.h"
#include "wire/mrt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { V4 = 1000000, V6 = 200000, KINDS = 80000, LOOKUPS = 4 << 20, RUNS = 5 };

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The n-th prefix: an address that somebody could have, and how long it is. */
static struct addr nth(uint32_t n, uint8_t *bits)
{
    static const uint8_t v4_bits[] = {24, 24, 24, 24, 24, 24, 23, 22, 22, 20, 19, 16};
    static const uint8_t v6_bits[] = {48, 48, 48, 44, 40, 36, 32, 29};
    uint64_t r = hash_mix(n + 1);
    struct addr a = {{0}};

    if (n < V4) {
        *bits = v4_bits[(r >> 40) % COUNT_OF(v4_bits)];
        a = addr_of_v4((const uint8_t[4]){(uint8_t)(1 + r % 223), (uint8_t)(r >> 8),
                                          (uint8_t)(r >> 16), (uint8_t)(r >> 24)});
        return addr_mask(a, *bits + 96u);
    }
    *bits = v6_bits[(r >> 40) % COUNT_OF(v6_bits)];
    memcpy(a.b, &r, sizeof r);
    a.b[0] = (uint8_t)(0x20 | (a.b[0] & 15));
    return addr_mask(a, *bits);
}

static void put(FILE *f, uint32_t n)
{
    uint8_t mem[128];
    uint8_t bits;
    struct addr a = nth(n, &bits);
    uint32_t kind = (uint32_t)hash_mix(n) % KINDS;
    struct buf b;

    buf_fixed(&b, mem, sizeof mem);
    buf_u32(&b, 1700000000);
    buf_u16(&b, 13);
    buf_u16(&b, n < V4 ? 2 : 4);
    size_t prefix = (bits + 7u) / 8;
    const uint8_t attrs[] = {0x40,
                             2,
                             10,
                             2,
                             2,
                             0,
                             0,
                             (uint8_t)(kind % 50),
                             1,
                             0,
                             (uint8_t)(kind >> 16),
                             (uint8_t)(kind >> 8),
                             (uint8_t)kind,
                             0x40,
                             3,
                             4,
                             192,
                             0,
                             2,
                             (uint8_t)(kind % 50)};
    buf_u32(&b, (uint32_t)(4 + 1 + prefix + 2 + 8 + sizeof attrs));
    buf_u32(&b, n);
    buf_u8(&b, bits);
    buf_bytes(&b, n < V4 ? a.b + 12 : a.b, prefix);
    buf_u16(&b, 1);
    buf_u16(&b, 0);
    buf_u32(&b, 1700000000);
    buf_u16(&b, sizeof attrs);
    buf_bytes(&b, attrs, sizeof attrs);
    (void)fwrite(b.data, 1, b.len, f);
}

static void make(char *path)
{
    int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");

    if (!f)
        exit(1);
    for (uint32_t n = 0; n < V4 + V6; n++)
        put(f, n);
    if (fclose(f) != 0)
        exit(1);
}

static void print_lookups(const struct rib *r, uint32_t from, uint32_t n)
{
    struct addr *v = mem_new(LOOKUPS, sizeof *v);
    double best = 1e9;
    uint8_t bits;
    size_t found = 0;

    for (uint32_t i = 0; i < LOOKUPS; i++)
        v[i] = nth(from + (uint32_t)hash_mix(i) % n, &bits);
    for (int run = 0; run < RUNS; run++) {
        double t = seconds();
        found = 0;
        for (size_t i = 0; i < LOOKUPS; i++)
            found += rib_find(r, &v[i], &bits) != NULL;
        t = seconds() - t;
        best = t < best ? t : best;
    }
    free(v);
    (void)printf("  %5.1f ns a look-up, %.0f %% found\n", best / LOOKUPS * 1e9,
                 100.0 * (double)found / LOOKUPS);
}

int main(int argc, char **argv)
{
    char own[] = "/tmp/bench_rib-XXXXXX";
    const char *path = argc > 1 ? argv[1] : own;
    struct rib *r;
    struct err err;

    if (argc == 1)
        make(own);
    double t = seconds();
    int e = rib_read(&r, path, &err);
    t = seconds() - t;
    if (argc == 1)
        (void)unlink(own);
    if (e) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)printf("%zu prefixes, %zu left out, %zu broken, %.1f MB, read in %.2f s\n",
                 rib_stats(r)->prefixes, rib_stats(r)->left_out, rib_stats(r)->broken,
                 (double)rib_stats(r)->bytes / 1e6, t);
    (void)printf("IPv4:");
    print_lookups(r, 0, V4);
    (void)printf("IPv6:");
    print_lookups(r, V4, V6);
    rib_free(r);
    return 0;
}
