/* bench_query: the six queries of the reference measurements over synthetic flows, without the
 * store: this file is the scan, and the time it takes to make the flows is not counted. CPU seconds
 * of one thread, the kernel's among them.
 *
 *   bench_query [FLOWS [QUERY]]       default: 10,000,000 flows, all queries
 *
 * 60,000 hosts (few of them busy), 2,266 AS, a tenth of the ports well known, IPv4. */
#include "base/hash.h"
#include "base/mem.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { HOSTS = 60000, AS = 2266 };

static const int64_t START = 1795356000000; /* 2026-11-22T14:00:00Z */

/* CPU time: other work on the machine does not count. */
static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct scan {
    struct scan_stats stats;
    struct field_set want;
    uint64_t rows;
    double seconds; /* spent in making flows */
};

struct scan_reader {
    struct scan *scan;
    struct batch batch;
};

static uint64_t bench_rows = 10000000;
static double making_s; /* of the scan that was closed last */

int scan_open(struct scan **out, const char *dir, const struct scan_spec *spec, struct err *err)
{
    struct scan *s = mem_new(1, sizeof *s);

    (void)dir;
    (void)err;
    s->want = spec->want;
    s->rows = bench_rows;
    s->stats.files = 1;
    *out = s;
    return 0;
}

bool scan_may_range(const struct scan_group *g, enum field_id f, int64_t min, int64_t max)
{
    (void)g;
    (void)f;
    (void)min;
    (void)max;
    return true;
}

bool scan_may_hold(const struct scan_group *g, enum field_id f, const struct addr *value)
{
    (void)g;
    (void)f;
    (void)value;
    return true;
}

/* 0..n-1, small ones often. */
static uint32_t skewed(uint32_t r, uint32_t n)
{
    uint64_t x = (uint64_t)r * r >> 32;
    return (uint32_t)(x * r >> 32) % n;
}

static void make_row(void *const col[FIELD_N], size_t i, uint64_t row)
{
    uint64_t r = hash_mix(row * 2 + 1);
    uint64_t q = hash_mix(row * 2 + 2);
    uint32_t src = skewed((uint32_t)r, HOSTS);
    uint32_t dst = skewed((uint32_t)(r >> 32), HOSTS);
    uint8_t a[4] = {10, (uint8_t)(src >> 16), (uint8_t)(src >> 8), (uint8_t)src};
    uint8_t b[4] = {11, (uint8_t)(dst >> 16), (uint8_t)(dst >> 8), (uint8_t)dst};

    ((struct addr *)col[FIELD_SRC_ADDR])[i] = addr_of_v4(a);
    ((struct addr *)col[FIELD_DST_ADDR])[i] = addr_of_v4(b);
    ((uint16_t *)col[FIELD_SRC_PORT])[i] = (uint16_t)(1024 + q % 60000);
    ((uint16_t *)col[FIELD_DST_PORT])[i] = q >> 16 & 3 ? (q >> 18 & 1 ? 443 : 53) : (uint16_t)q;
    ((uint8_t *)col[FIELD_PROTO])[i] = q >> 18 & 1 ? 6 : 17;
    ((uint8_t *)col[FIELD_RECORD_KIND])[i] = RECORD_FLOW;
    ((uint32_t *)col[FIELD_SRC_AS])[i] = src % AS;
    ((uint32_t *)col[FIELD_DST_AS])[i] = dst % AS;
    ((uint64_t *)col[FIELD_PACKETS])[i] = 1 + (q >> 20 & 127);
    ((uint64_t *)col[FIELD_BYTES])[i] = 40 + (q >> 20 & 0xffff);
    ((int64_t *)col[FIELD_FIRST])[i] = START + (int64_t)(row / 100);
    ((int64_t *)col[FIELD_LAST])[i] = START + (int64_t)(row / 100 + (q >> 40 & 0xfff));
    ((int64_t *)col[FIELD_TIME])[i] = START + (int64_t)(row / 100 + (q >> 40 & 0xfff));
    ((double *)col[FIELD_RATE])[i] = 1;
}

int scan_reader_next(struct scan_reader *r, struct err *err)
{
    struct scan *s = r->scan;
    struct batch *out = &r->batch;
    static const enum field_id fields[] = {
        FIELD_SRC_ADDR,    FIELD_DST_ADDR, FIELD_SRC_PORT, FIELD_DST_PORT, FIELD_PROTO,
        FIELD_RECORD_KIND, FIELD_SRC_AS,   FIELD_DST_AS,   FIELD_PACKETS,  FIELD_BYTES,
        FIELD_FIRST,       FIELD_LAST,     FIELD_TIME,     FIELD_RATE,
    };
    double t = now();

    (void)err;
    if (s->rows == 0)
        return ERR_EOF;
    batch_reset(out);
    out->rows = s->rows < out->cap ? (size_t)s->rows : out->cap;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (!batch_col(out, fields[i]))
            abort();
        batch_set(out, fields[i], 0, out->rows);
    }
    for (size_t i = 0; i < out->rows; i++)
        make_row(out->col, i, s->rows - i);
    s->rows -= out->rows;
    s->stats.rows += out->rows;
    s->seconds += now() - t;
    return 0;
}

struct scan_reader *scan_reader_new(struct scan *s)
{
    struct scan_reader *r = mem_new(1, sizeof *r);

    r->scan = s;
    if (!batch_init(&r->batch, BATCH_ROWS))
        abort();
    return r;
}

void scan_reader_free(struct scan_reader *r)
{
    if (r)
        batch_free(&r->batch);
    free(r);
}

struct batch *scan_reader_batch(struct scan_reader *r) { return &r->batch; }

int scan_reader_need(struct scan_reader *r, enum field_id f, struct err *err)
{
    (void)r;
    (void)f;
    (void)err;
    return 0;
}

int scan_reader_need_rows(struct scan_reader *r, enum field_id f, const uint32_t *rows, size_t n,
                          struct err *err)
{
    (void)rows;
    (void)n;
    return scan_reader_need(r, f, err);
}

int scan_reader_codes(struct scan_reader *r, enum field_id f, const struct pq_codes **out,
                      struct err *err)
{
    (void)r;
    (void)f;
    (void)err;
    *out = NULL;
    return 0;
}

int scan_reader_cut(struct scan_reader *r, uint64_t *selected, struct err *err)
{
    (void)r;
    (void)selected;
    (void)err;
    return 0;
}

bool scan_reader_range(const struct scan_reader *r, enum field_id f, int64_t *min, int64_t *max)
{
    (void)r;
    (void)f;
    (void)min;
    (void)max;
    return false;
}

bool scan_reader_is_inner(const struct scan_reader *r) { return r == NULL; }
bool scan_reader_keep(struct scan_reader *r) { return r == NULL; }

int scan_reader_again(struct scan_reader *r, uint64_t part, struct err *err)
{
    (void)r;
    (void)part;
    (void)err;
    abort();
}

struct pq_times scan_reader_times(const struct scan_reader *r)
{
    (void)r;
    return (struct pq_times){0};
}

uint64_t scan_reader_part(const struct scan_reader *r) { return r != NULL; }
bool scan_reader_is_file(const struct scan_reader *r) { return r == NULL; }
bool scan_reader_is_last(const struct scan_reader *r) { return r == NULL; }
bool scan_reader_is_first(struct scan_reader *r) { return r != NULL; }
size_t scan_parts(struct scan *s) { return s ? 1 : 0; }
struct scan_stats scan_stats(struct scan *s) { return s->stats; }
double scan_progress(struct scan *s) { return s->rows ? 0 : 1; }

void scan_close(struct scan *s)
{
    making_s = s->seconds;
    free(s);
}

static void on_broken(struct query_watch *w, const char *what)
{
    (void)w;
    (void)what;
}

static void on_scanned(struct query_watch *w) { (void)w; }

static void on_progress(struct query_watch *w, double part, uint64_t rows, double seconds)
{
    (void)w;
    (void)part;
    (void)rows;
    (void)seconds;
}

static const struct {
    const char *name, *filter, *by;
    size_t top;
} queries[] = {
    {"i-scan", "", "proto", 1},
    {"ii-filter443", "proto tcp and dst port 443", "proto", 1},
    {"iii-top10-src", "", "src_addr", 10},
    {"iv-5tuple", "", "src_addr,dst_addr,proto,src_port,dst_port", 10},
    {"v-host", "ip 10.0.200.77", NULL, 0},
    {"vi-as-matrix", "", "src_as,dst_as", 10},
    {"series-1s", "", "time/1s,proto", 10},
};

static void measure(size_t i, FILE *out)
{
    struct query_watch watch = {
        .broken = on_broken, .progress = on_progress, .scanned = on_scanned};
    struct print_options options = {.out = out};
    struct printer *p = print_new(&print_csv, &options);
    struct query_spec spec = {.store = "",
                              .from_ms = INT64_MIN,
                              .to_ms = INT64_MAX,
                              .grouped = queries[i].by != NULL,
                              .top = queries[i].top,
                              .limit_bytes = (size_t)8 << 30};
    struct filter *filter;
    struct summary s;
    struct err err = {""};
    struct rusage usage;

    if (filter_parse(&filter, queries[i].filter, &err) || filter_only_flows(filter, &err) ||
        (queries[i].by && (spec_keys(queries[i].by, &spec.keys, &err) ||
                           spec_columns(NULL, &spec, &err) || spec_sort("bytes", &spec, &err)))) {
        (void)fprintf(stderr, "%s: %s\n", queries[i].name, err.text);
        exit(1);
    }
    spec.filter = filter;
    double begun = now();
    if (query_run(&spec, p, &watch, &s, &err)) {
        (void)fprintf(stderr, "%s: %s\n", queries[i].name, err.text);
        exit(1);
    }
    double t = now() - begun - making_s;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf(
        "%-14s %8.3f CPU s  %7.1f M flows/s  %10llu groups  %10llu flows  %6ld MB most yet\n",
        queries[i].name, t, (double)bench_rows / t / 1e6, (unsigned long long)s.groups,
        (unsigned long long)s.flows, usage.ru_maxrss / 1024);
    print_free(p);
    filter_free(filter);
}

int main(int argc, char **argv)
{
    FILE *null = fopen("/dev/null", "w");

    if (!null)
        return 1;
    if (argc > 1)
        bench_rows = strtoull(argv[1], NULL, 10);
    for (size_t i = 0; i < COUNT_OF(queries); i++)
        if (argc < 3 || strcmp(argv[2], queries[i].name) == 0)
            measure(i, null);
    (void)fclose(null);
    return 0;
}
