/* Filters over one batch in the cache: nanoseconds a row, the best of five runs, and the time to
 * parse. With arguments: those filters instead. */
#include "base/buf.h"
#include "filter/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROWS = BATCH_ROWS, ROUNDS = 2000, RUNS = 5 };

static const char *const filters[] = {
    "any",
    "proto tcp",
    "dst_port = 443",
    "port 443",
    "src_as > 65000",
    "bytes > 1M",
    "first_ms > 1700000050000",
    "flags SA",
    "dst port in [22, 80, 8000-8100]",
    "src_as in [1, 2, 3, 100-200, 65000]",
    "src_addr = 10.1.2.3",
    "src net 10.0.0.0/8",
    "net 10.1.0.0/16",
    "src net [10.1.0.0/16, 10.3.0.0/16, 192.0.2.0/24]",
    "duration > 5s",
    "bps > 10M",
    "app_name = web",
    "src net 10.0.0.0/8 and proto tcp and dst port in [22, 80] and not flags A and bytes > 1M",
};

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool fill_row(struct batch *b, size_t row)
{
    uint64_t r = (uint64_t)rand();
    uint8_t v4[4] = {(uint8_t)(r % 3 ? 10 : 192), (uint8_t)(r % 4), (uint8_t)(r >> 8), (uint8_t)r};
    struct addr src = addr_of_v4(v4);
    struct addr dst = addr_of_v4((const uint8_t[4]){v4[3], v4[2], v4[1], v4[0]});

    return batch_put_raw(b, FIELD_SRC_ADDR, row, &src) &&
           batch_put_raw(b, FIELD_DST_ADDR, row, &dst) &&
           batch_put_u64(b, FIELD_SRC_PORT, row, r % 65536) &&
           batch_put_u64(b, FIELD_DST_PORT, row, r % 1000) &&
           batch_put_u64(b, FIELD_PROTO, row, r % 5 ? 6 : 17) &&
           batch_put_u64(b, FIELD_BYTES, row, r) &&
           batch_put_u64(b, FIELD_TCP_FLAGS, row, r % 64) &&
           batch_put_u64(b, FIELD_SRC_AS, row, r % 70000) &&
           batch_put_u64(b, FIELD_FIRST, row, 1700000000000 + r % 100000) &&
           batch_put_u64(b, FIELD_LAST, row, 1700000100000 + r % 90000) &&
           batch_put_bytes(b, FIELD_APP_NAME, row, r % 2 ? "web" : "dns", 3);
}

static int run(const char *text, const struct batch *b)
{
    struct filter *f;
    struct err err;
    uint64_t selected[ROWS / 64];
    size_t n = 0;
    double best = 1e9;

    double start = seconds();
    if (filter_parse(&f, text, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double parse = seconds() - start;
    for (int i = 0; i < RUNS; i++) {
        start = seconds();
        for (int k = 0; k < ROUNDS; k++) {
            filter_eval(f, b, selected);
            __asm__ volatile("" ::"r"(selected) : "memory"); /* may be read here */
        }
        double ns = (seconds() - start) / ROUNDS / ROWS * 1e9;
        best = ns < best ? ns : best;
    }
    for (size_t w = 0; w < ROWS / 64; w++)
        n += (size_t)__builtin_popcountll(selected[w]);
    (void)printf("%7.3f ns/row, parse %6.0f us, %4zu of %d rows: %.60s\n", best, parse * 1e6, n,
                 ROWS, text);
    filter_free(f);
    return 0;
}

/* A list of `n` random prefixes. */
static int run_list(size_t n, const struct batch *b)
{
    struct buf text;

    buf_init(&text, n * 24 + 64);
    buf_text(&text, "src in [");
    for (size_t i = 0; i < n; i++) {
        int r = rand();
        buf_printf(&text, "%d.%d.%d.0/24 ", 1 + r % 200, r >> 8 & 255, r >> 16 & 255);
    }
    buf_text(&text, "]");
    buf_u8(&text, 0);
    int status = buf_ok(&text) ? run((const char *)text.data, b) : 1;
    buf_free(&text);
    return status;
}

int main(int argc, char **argv)
{
    struct batch b;
    int status = 0;

    if (!batch_init(&b, ROWS))
        return 1;
    for (size_t row = 0; row < ROWS; row++)
        if (!fill_row(&b, row))
            return 1;
    b.rows = ROWS;
    for (int i = 1; i < argc; i++)
        status |= run(argv[i], &b);
    for (size_t i = 0; argc == 1 && i < COUNT_OF(filters); i++)
        status |= run(filters[i], &b);
    for (size_t n = 1000; argc == 1 && n <= 1000000; n *= 1000)
        status |= run_list(n, &b);
    batch_free(&b);
    return status;
}
