/* bench_parquet [ROWS [zstd|lz4|none [all|COLUMN]]]: what writing and reading flows as Parquet
 * costs.
 *
 * Makes a deterministic mix (popular hosts after Zipf, networks with AS, mask and interface,
 * services and ephemeral ports, log-normal sizes, time that goes on, four exporters that send 24
 * flows a datagram), writes it whole and column by column, and reads it again. CPU time of this
 * thread, the least of seven runs: what others do on the machine only adds to it. The files are in
 * $TMPDIR. First line: a file with all columns; then each column (or only what was asked for) in a
 * file alone, which costs a little more than it does in company. */
#include "base/hash.h"
#include "base/mem.h"
#include "store/pq_read.h"
#include "store/pq_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HOSTS = 200000, NETS = 6000, RANKS = 1 << 18, BATCH = 4096, READ_BATCH = 8192 };

struct mix {
    uint64_t state;
    uint32_t *ranks; /* hosts, each as often as it is popular */
    uint64_t flow;
};

static uint64_t next(struct mix *m) { return hash_mix(m->state += UINT64_C(0x9e3779b97f4a7c15)); }

static double unit(struct mix *m) { return (double)(next(m) >> 11) * 0x1p-53; }

static double lognormal(struct mix *m, double mu, double sigma)
{
    double u = 1 - unit(m);
    double v = unit(m);
    return exp(mu + sigma * sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static void mix_init(struct mix *m)
{
    double *up_to = mem_new(HOSTS, sizeof *up_to);
    double sum = 0;
    uint32_t h = 0;

    *m = (struct mix){.state = 1, .ranks = mem_new(RANKS, sizeof *m->ranks)};
    for (uint32_t i = 0; i < HOSTS; i++)
        up_to[i] = sum += pow(i + 1, -0.95);
    for (uint32_t i = 0; i < RANKS; i++) {
        while (h + 1 < HOSTS && up_to[h] < (i + 0.5) / RANKS * sum)
            h++;
        m->ranks[i] = h;
    }
    free(up_to);
}

struct host {
    struct addr addr;
    uint32_t as, interface;
    uint8_t mask;
};

static struct host host(struct mix *m)
{
    uint64_t h = hash_mix(m->ranks[next(m) % RANKS] + UINT64_C(1000003));
    uint64_t net = hash_mix(h % NETS + 17);
    uint8_t v4[4] = {(uint8_t)(20 + net % 170), (uint8_t)(net >> 8), (uint8_t)(h >> 40),
                     (uint8_t)(h >> 48)};
    return (struct host){.addr = addr_of_v4(v4),
                         .as = 1000 + (uint32_t)(net >> 16) % 2500 * 23,
                         .interface = 1 + (uint32_t)(net >> 40) % 32,
                         .mask = (uint8_t)(16 + (net >> 50) % 9)};
}

static void ports(struct mix *m, uint8_t *proto, uint16_t *src, uint16_t *dst)
{
    static const uint16_t tcp[] = {443, 443, 443, 443, 443, 443, 443,  443,
                                   80,  80,  80,  22,  25,  993, 8080, 3389};
    static const uint16_t udp[] = {53, 53, 53, 53, 53, 53, 443, 443, 443, 123};
    uint64_t r = next(m);
    unsigned kind = (unsigned)(r % 100);
    uint16_t high = (uint16_t)(32768 + (r >> 8) % 28232);
    uint16_t service = kind < 66 ? tcp[(r >> 24) % COUNT_OF(tcp)] : udp[(r >> 24) % COUNT_OF(udp)];

    *proto = kind < 66 ? 6 : kind < 97 ? 17 : 1;
    if (kind % 10 == 0)
        service = (uint16_t)(1024 + (r >> 24) % 64000);
    *src = kind >= 97 ? 0 : (r >> 40) & 1 ? high : service;
    *dst = kind >= 97 ? 0x0800 : (r >> 40) & 1 ? service : high;
}

#define PUT(field, type, value) (((type *)b->col[FIELD_##field])[b->rows] = (value))

static const enum field_id used[] = {
    FIELD_TIME,     FIELD_RECEIVED,    FIELD_EXPORT,    FIELD_EXPORTER, FIELD_VERSION,
    FIELD_DOMAIN,   FIELD_RECORD_KIND, FIELD_RATE_FROM, FIELD_SRC_ADDR, FIELD_DST_ADDR,
    FIELD_SRC_PORT, FIELD_DST_PORT,    FIELD_PROTO,     FIELD_TOS,      FIELD_TCP_FLAGS,
    FIELD_BYTES,    FIELD_PACKETS,     FIELD_FIRST,     FIELD_LAST,     FIELD_IN_IF,
    FIELD_OUT_IF,   FIELD_NEXT_HOP,    FIELD_SRC_AS,    FIELD_DST_AS,   FIELD_SRC_MASK,
    FIELD_DST_MASK,
};

static void row(struct mix *m, struct batch *b)
{
    uint64_t datagram = m->flow++ / 24;
    int64_t now = INT64_C(1763800000000) + (int64_t)(datagram * 24 * 36 / 100);
    struct host s = host(m);
    struct host d = host(m);
    uint8_t proto;
    uint16_t sp;
    uint16_t dp;

    ports(m, &proto, &sp, &dp);
    bool small = proto == 1 || sp == 53 || dp == 53;
    double p = small ? 1 + (double)(next(m) % 8 == 0) : lognormal(m, 1.2, 1.4);
    uint64_t packets = p < 1 ? 1 : p > 1e6 ? 1000000 : (uint64_t)p;
    uint64_t bytes = packets * (packets < 4 ? 40 + next(m) % 200 : 60 + next(m) % 1400);
    double took = packets == 1 ? 0 : lognormal(m, 6.5, 1.8);
    int64_t last = now - (int64_t)(next(m) % 15000);
    PUT(TIME, int64_t, last);
    PUT(RECEIVED, int64_t, now);
    PUT(EXPORT, int64_t, now / 1000 * 1000);
    PUT(EXPORTER, struct addr, addr_of_v4((uint8_t[]){10, 0, 0, (uint8_t)(datagram % 4)}));
    PUT(VERSION, uint8_t, 9);
    PUT(DOMAIN, uint32_t, (uint32_t)(datagram % 4));
    PUT(RECORD_KIND, uint8_t, RECORD_FLOW);
    PUT(RATE_FROM, uint8_t, RATE_NONE);
    PUT(SRC_ADDR, struct addr, s.addr);
    PUT(DST_ADDR, struct addr, d.addr);
    PUT(SRC_PORT, uint16_t, sp);
    PUT(DST_PORT, uint16_t, dp);
    PUT(PROTO, uint8_t, proto);
    PUT(TOS, uint8_t, next(m) % 8 == 0 ? 0x28 : 0);
    PUT(TCP_FLAGS, uint16_t, proto != 6 ? 0 : packets == 1 ? 2 : next(m) % 8 ? 0x1b : 0x1e);
    PUT(BYTES, uint64_t, bytes);
    PUT(PACKETS, uint64_t, packets);
    PUT(FIRST, int64_t, last - (int64_t)(took > 60000 ? 60000 : took));
    PUT(LAST, int64_t, last);
    PUT(IN_IF, uint32_t, s.interface);
    PUT(OUT_IF, uint32_t, d.interface);
    PUT(NEXT_HOP, struct addr, addr_of_v4((uint8_t[]){10, 1, 0, (uint8_t)(d.as & 15)}));
    PUT(SRC_AS, uint32_t, s.as);
    PUT(DST_AS, uint32_t, d.as);
    PUT(SRC_MASK, uint8_t, s.mask);
    PUT(DST_MASK, uint8_t, d.mask);
    b->rows++;
}

static struct batch *make(size_t rows, size_t *n)
{
    struct mix m;

    mix_init(&m);
    *n = (rows + BATCH - 1) / BATCH;
    struct batch *all = mem_new(*n, sizeof *all);
    for (size_t i = 0; i < *n; i++) {
        struct batch *b = &all[i];
        if (!batch_init(b, BATCH))
            abort();
        for (size_t f = 0; f < COUNT_OF(used); f++)
            if (!batch_col(b, used[f]))
                abort();
        while (b->rows < BATCH && i * BATCH + b->rows < rows)
            row(&m, b);
        for (size_t f = 0; f < COUNT_OF(used); f++)
            batch_set(b, used[f], 0, b->rows);
    }
    free(m.ranks);
    return all;
}

static double cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(int r, const struct err *err)
{
    if (r == 0)
        return;
    (void)fprintf(stderr, "%s\n", err->text);
    exit(1);
}

/* The batch as one that a decoder has just filled: in the caches. */
static void warm(struct batch *to, const struct batch *from, const struct field_set *want)
{
    batch_reset(to);
    for (size_t i = 0; i < COUNT_OF(used); i++) {
        enum field_id f = used[i];
        if (!field_set_has(want, f))
            continue;
        void *col = batch_col(to, f);
        if (!col)
            abort();
        memcpy(col, from->col[f], from->rows * kind_table[field_table[f].kind].width);
        batch_set(to, f, 0, from->rows);
    }
    to->rows = from->rows;
}

/* All batches with only the columns of `want`; ns of CPU. */
static double write_file(const char *path, const struct batch *all, size_t n,
                         const struct field_set *want, const struct pq_write_options *o)
{
    struct pq_writer *w;
    struct batch b;
    struct err err;
    double sum = 0;

    if (!batch_init(&b, BATCH))
        abort();
    must(pq_writer_open(&w, path, o, &err), &err);
    for (size_t i = 0; i < n; i++) {
        warm(&b, &all[i], want);
        double t = cpu_ns();
        must(pq_writer_add(w, &b, &err), &err);
        sum += cpu_ns() - t;
    }
    double t = cpu_ns();
    must(pq_writer_finish(w, NULL, 0, NULL, &err), &err);
    batch_free(&b);
    return sum + cpu_ns() - t;
}

static double read_file(const char *path, const struct field_set *want)
{
    struct pq_file *f;
    struct pq_group *g = NULL;
    struct batch b;
    struct err err;
    int r = 0;

    if (!batch_init(&b, READ_BATCH))
        abort();
    double t = cpu_ns();
    must(pq_open(&f, path, &err), &err);
    for (size_t i = 0; i < pq_groups(f); i++) {
        r = g ? pq_group_reopen(g, f, i, want, &err) : pq_group_open(&g, f, i, want, &err);
        while (r == 0)
            r = pq_group_next(g, &b, &err);
        must(r == ERR_EOF ? 0 : r, &err);
    }
    pq_group_close(g);
    pq_close(f);
    t = cpu_ns() - t;
    batch_free(&b);
    return t;
}

static double file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

static void measure(const char *name, const char *path, const struct batch *all, size_t n,
                    const struct field_set *want, const struct pq_write_options *o, double rows)
{
    enum { RUNS = 7 };
    double in = HUGE_VAL;
    double out = HUGE_VAL;

    for (int i = 0; i < RUNS; i++) {
        out = fmin(out, write_file(path, all, n, want, o) / rows);
        in = fmin(in, read_file(path, want) / rows);
    }
    printf("%-12s %8.3f %8.2f %8.2f\n", name, file_bytes(path) / rows, out, in);
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 2 << 18;
    struct pq_write_options o = {0};
    struct field_set want = {0};
    char path[256];
    size_t n;

    if (argc > 2)
        o.codec = strcmp(argv[2], "lz4") == 0    ? PQ_LZ4
                  : strcmp(argv[2], "none") == 0 ? PQ_NONE
                                                 : PQ_ZSTD;
    const char *only = argc > 3 ? argv[3] : NULL;
    const char *folder = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/bench_parquet.%d", folder ? folder : "/tmp",
                   (int)getpid());
    o.work = pq_work_new(); /* as the collector does */
    struct batch *all = make(rows, &n);
    for (size_t i = 0; i < COUNT_OF(used); i++)
        field_set_add(&want, used[i]);
    printf("%-12s %8s %8s %8s\n", "column", "B/flow", "write ns", "read ns");
    if (!only || strcmp(only, "all") == 0)
        measure("all", path, all, n, &want, &o, (double)rows);
    for (size_t i = 0; i < COUNT_OF(used); i++) {
        if (only && strcmp(only, field_table[used[i]].name) != 0)
            continue;
        want = (struct field_set){0};
        field_set_add(&want, used[i]);
        measure(field_table[used[i]].name, path, all, n, &want, &o, (double)rows);
    }
    (void)unlink(path);
    pq_work_free(o.work);
    for (size_t i = 0; i < n; i++)
        batch_free(&all[i]);
    free(all);
    return 0;
}
