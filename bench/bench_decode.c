/* bench_decode: how many flows a second the decoder makes of a capture in memory, on one core.
 * Reading the file is not measured; batches are thrown away as they come. */
#include "base/mem.h"
#include "flow/decode.h"
#include "net/capfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct capture {
    struct buf bytes;
    struct datagram *datagrams;
    size_t count;
    size_t cap;
};

/* Where batches go: nowhere. */
struct drain {
    struct out out;
    uint64_t rows;
};

static struct batch *drain_push(struct out *out, struct batch *full)
{
    struct drain *d = container_of(out, struct drain, out);

    d->rows += full->rows;
    batch_reset(full);
    return full;
}

static void capture_add(struct capture *c, const struct capfile_item *item)
{
    if (c->count == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 4096;
        c->datagrams = mem_resize(c->datagrams, c->cap, sizeof *c->datagrams);
    }
    c->datagrams[c->count++] = (struct datagram){
        .len = item->len,
        .received_ms = item->time_ms,
        .from = {.addr = item->src, .port = item->src_port, .session = item->session}};
    buf_bytes(&c->bytes, item->data, item->len);
}

static int capture_read(struct capture *c, const char *path, struct err *err)
{
    struct capfile *file = NULL;
    struct capfile_item item;
    int r = capfile_open(&file, path, err);

    if (r)
        return r;
    buf_init(&c->bytes, SIZE_MAX / 4);
    while ((r = capfile_next(file, &item, err)) == 0)
        if (!item.ended)
            capture_add(c, &item);
    capfile_close(file);
    /* The bytes have moved while they grew; now they stay. */
    size_t at = 0;
    for (size_t i = 0; i < c->count; i++) {
        c->datagrams[i].data = c->bytes.data + at;
        at += c->datagrams[i].len;
    }
    return r == ERR_EOF ? 0 : r;
}

static double cpu_s(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Flows per CPU-second of one round over all datagrams. */
static double round_of(const struct capture *c, struct drain *drain, struct counts *counts)
{
    struct decode_limits limits = decode_limits_default();
    struct decoder *d = decoder_new(&limits, &drain->out, NULL, counts);

    if (!d)
        return 0;
    uint64_t before = drain->rows;
    double start = cpu_s();
    for (size_t i = 0; i < c->count; i++)
        decoder_datagram(d, &c->datagrams[i]);
    decoder_flush(d);
    double seconds = cpu_s() - start;
    decoder_free(d);
    return (double)(drain->rows - before) / seconds;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    enum { ROUNDS = 9 };
    double rates[ROUNDS];
    struct capture capture = {.count = 0};
    struct drain drain = {.out = {.push = drain_push}};
    static struct counts counts;
    struct err err = {{0}};

    if (argc != 2) {
        (void)fprintf(stderr, "usage: bench_decode FILE.pcap\n");
        return 2;
    }
    if (capture_read(&capture, argv[1], &err) != 0) {
        (void)fprintf(stderr, "bench_decode: %s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < ROUNDS; i++)
        rates[i] = round_of(&capture, &drain, &counts);
    qsort(rates, ROUNDS, sizeof *rates, by_value);
    (void)printf("datagrams=%zu flows=%" PRIu64 " median=%.2f min=%.2f max=%.2f M flows/s\n",
                 capture.count, drain.rows / ROUNDS, rates[ROUNDS / 2] / 1e6, rates[0] / 1e6,
                 rates[ROUNDS - 1] / 1e6);
    free(capture.datagrams);
    buf_free(&capture.bytes);
    return drain.rows ? 0 : 1;
}
