/* The engine over real files, by dictionary codes, on several threads, with few bytes of memory:
 * compared with the same rows taken one by one from memory. */
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "query/extra.h"
#include "query/groups.h"
#include "query/query.h"
#include "store/pq_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BATCHES = 40, FILES = 3 };

static const int64_t T = 1795356000000; /* 2026-11-22T14:00:00Z */

/* How the sampling rate of a file's rows goes. */
enum rates { RATES_ABSENT, RATES_ONE, RATES_WHOLE, RATES_MIXED, RATES_HALVES };

struct fixture {
    char dir[64];
    struct batch batches[BATCHES];
    struct query_watch watch;
    atomic_bool stop;
    bool hide; /* the files go when the scan is over, and come back for the next */
    struct summary summary;
    struct err err;
};

static uint64_t next(uint64_t *seed, uint64_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return hash_mix(*seed) % n;
}

static void put_addr(struct batch *b, enum field_id f, uint64_t *seed, uint64_t from,
                     uint64_t hosts)
{
    uint64_t host = from + next(seed, hosts);
    struct addr v6 = {.b = {0x20, 0x01, 0x0d, 0xb8}};
    uint8_t v4[4] = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host};
    struct addr a = addr_of_v4(v4);

    if (host % 5 == 0) {
        memcpy(v6.b + 8, &host, sizeof host);
        a = v6;
    }
    if (host % 7 != 0)
        assert_true(batch_put_raw(b, f, b->rows, &a));
}

static double rate_of(enum rates rates, uint64_t *seed)
{
    static const double mixed[] = {1, 10, 512, 0};
    return rates == RATES_ONE     ? 1
           : rates == RATES_WHOLE ? 1000
           : rates == RATES_MIXED ? mixed[next(seed, 4)]
                                  : 1.5;
}

static void add_row(struct batch *b, uint64_t *seed, enum rates rates, uint64_t hosts)
{
    static const uint8_t protos[] = {6, 17, 1};
    int64_t last = T + (int64_t)next(seed, 3000000);
    char user[16];
    size_t row = b->rows;

    put_addr(b, FIELD_SRC_ADDR, seed, 0, hosts);
    put_addr(b, FIELD_DST_ADDR, seed, 0, hosts);
    assert_true(batch_put_u64(b, FIELD_TIME, row, (uint64_t)last));
    assert_true(batch_put_u64(b, FIELD_LAST, row, (uint64_t)last));
    if (next(seed, 10))
        assert_true(batch_put_u64(b, FIELD_FIRST, row, (uint64_t)last - next(seed, 60000)));
    assert_true(batch_put_u64(b, FIELD_PROTO, row, protos[next(seed, 3)]));
    assert_true(batch_put_u64(b, FIELD_RECORD_KIND, row, RECORD_FLOW));
    assert_true(batch_put_u64(b, FIELD_SRC_PORT, row, next(seed, 65536)));
    assert_true(batch_put_u64(b, FIELD_DST_PORT, row, next(seed, 4) ? 443 : next(seed, 65536)));
    if (next(seed, 50) == 0)
        assert_true(batch_put_u64(b, FIELD_BYTES_TOTAL, row, next(seed, 1000)));
    else
        assert_true(batch_put_u64(b, FIELD_BYTES, row,
                                  next(seed, 100) ? next(seed, 9000) : next(seed, 1ull << 40)));
    assert_true(batch_put_u64(b, FIELD_PACKETS, row,
                              next(seed, 200) ? 1 + next(seed, 99) : next(seed, 1ull << 34)));
    if (next(seed, 3))
        assert_true(batch_put_u64(b, FIELD_SRC_AS, row, 64512 + next(seed, 300)));
    if (rates != RATES_ABSENT)
        assert_true(batch_put_f64(b, FIELD_RATE, row, rate_of(rates, seed)));
    int n = snprintf(user, sizeof user, "user%u", (unsigned)next(seed, 40));
    if (next(seed, 4) == 0)
        assert_true(batch_put_bytes(b, FIELD_USERNAME, row, user, (size_t)n));
    b->rows++;
}

static void write_file(struct fixture *f, size_t number, size_t from, size_t n)
{
    const struct pq_write_options options = {.group_rows = 17000,
                                             .codec = number % 2 ? PQ_LZ4 : PQ_ZSTD};
    struct pq_writer *w;
    char path[256];

    (void)snprintf(path, sizeof path, "%s/date=2026-11-22/hour=14/t-0-20261122T14000000%zu.parquet",
                   f->dir, number);
    assert_int_equal(pq_writer_open(&w, path, &options, &f->err), 0);
    for (size_t i = from; i < from + n; i++)
        assert_int_equal(pq_writer_add(w, &f->batches[i], &f->err), 0);
    assert_int_equal(pq_writer_finish(w, NULL, 0, NULL, &f->err), 0);
}

static void on_broken(struct query_watch *w, const char *what)
{
    (void)w;
    fail_msg("%s", what);
}

static void move_files(const struct fixture *f, const char *from, const char *to)
{
    char a[128];
    char b[128];

    (void)snprintf(a, sizeof a, "%s/%s", f->dir, from);
    (void)snprintf(b, sizeof b, "%s/%s", f->dir, to);
    assert_int_equal(rename(a, b), 0);
}

static void on_scanned(struct query_watch *w)
{
    const struct fixture *f = container_of(w, struct fixture, watch);

    if (f->hide)
        move_files(f, "date=2026-11-22", "gone");
}

static void on_progress(struct query_watch *w, double part, uint64_t rows, double seconds)
{
    (void)w;
    (void)part;
    (void)rows;
    (void)seconds;
}

/* Row number n of a store in the order of time, whose hosts and systems come and go. */
static void add_later_row(struct batch *b, uint64_t *seed, uint64_t n)
{
    int64_t last = T + (int64_t)(n * 20 + next(seed, 5000));
    size_t row = b->rows;

    put_addr(b, FIELD_SRC_ADDR, seed, n / 500, 100);
    assert_true(batch_put_u64(b, FIELD_TIME, row, (uint64_t)last));
    if (next(seed, 20))
        assert_true(batch_put_u64(b, FIELD_LAST, row, (uint64_t)last));
    if (next(seed, 20))
        assert_true(batch_put_u64(b, FIELD_FIRST, row, (uint64_t)last - next(seed, 60000)));
    assert_true(batch_put_u64(b, FIELD_PROTO, row, next(seed, 3) ? 6 : 17));
    assert_true(batch_put_u64(b, FIELD_RECORD_KIND, row, RECORD_FLOW));
    assert_true(batch_put_u64(b, FIELD_SRC_AS, row, n / 9000 * 3 % 11 + next(seed, 2)));
    assert_true(batch_put_u64(b, FIELD_DST_PORT, row, next(seed, 4) ? 443 : 53));
    assert_true(batch_put_u64(b, FIELD_BYTES, row, next(seed, next(seed, 50) ? 9000 : 1u << 22)));
    assert_true(batch_put_u64(b, FIELD_PACKETS, row, 1 + next(seed, 99)));
    b->rows++;
}

/* hosts: 0 for a store in the order of time. */
static struct fixture *fixture_new(uint64_t seed, enum rates rates, uint64_t hosts)
{
    struct fixture *f = mem_new(1, sizeof *f);
    uint64_t n_later = 0;
    char path[256];

    (void)snprintf(f->dir, sizeof f->dir, "/tmp/weir-engine-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    for (const char *const *sub =
             (const char *const[]){"journal", "date=2026-11-22", "date=2026-11-22/hour=14", NULL};
         *sub; sub++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->dir, *sub);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < BATCHES; i++) {
        assert_true(batch_init(&f->batches[i], BATCH_ROWS));
        for (size_t row = 0; row < BATCH_ROWS - i; row++)
            if (hosts > 0)
                add_row(&f->batches[i], &seed, rates, hosts);
            else
                add_later_row(&f->batches[i], &seed, n_later++);
    }
    for (size_t i = 0, from = 0; i < FILES; i++) {
        size_t n = i + 1 < FILES ? 7 + i : BATCHES - from;
        write_file(f, i, from, n);
        from += n;
    }
    f->watch = (struct query_watch){
        .broken = on_broken, .progress = on_progress, .scanned = on_scanned, .stop = &f->stop};
    return f;
}

static void fixture_free(struct fixture *f)
{
    char command[128];

    for (size_t i = 0; i < BATCHES; i++)
        batch_free(&f->batches[i]);
    (void)snprintf(command, sizeof command, "rm -r '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
}

static struct query_spec spec_of(struct fixture *f, const char *filter, const char *by,
                                 const char *sort)
{
    struct query_spec spec = {.store = f->dir,
                              .from_ms = INT64_MIN,
                              .to_ms = INT64_MAX,
                              .grouped = by != NULL,
                              .until_ms = INT64_MIN,
                              .limit_bytes = (size_t)1 << 30};
    struct filter *parsed;

    if (filter_parse(&parsed, filter, &f->err) || filter_only_flows(parsed, &f->err) ||
        (by && (spec_keys(by, &spec.keys, &f->err) || spec_columns(NULL, &spec, &f->err))) ||
        (sort && spec_sort(sort, &spec, &f->err)))
        fail_msg("%s", f->err.text);
    spec.filter = parsed;
    return spec;
}

static void spec_free(struct query_spec *spec)
{
    struct filter *filter;
    memcpy(&filter, &spec->filter, sizeof filter);
    filter_free(filter);
}

/* The answer as CSV; the caller's to free(). */
static char *answer(struct fixture *f, const struct query_spec *spec, int *status)
{
    char *text = NULL;
    size_t len = 0;
    struct print_options options = {.out = open_memstream(&text, &len), .raw = true};
    struct printer *p = print_new(&print_csv, &options);

    *status = query_run(spec, p, &f->watch, &f->summary, &f->err);
    print_free(p);
    assert_int_equal(fclose(options.out), 0);
    return text;
}

static void add_one_by_one(const struct batch *b, const struct query_spec *spec, struct meter *m,
                           struct agg *a)
{
    uint64_t selected[BATCH_ROWS / 64];

    filter_eval(spec->filter, b, selected);
    meter_batch(m, b);
    for (uint32_t row = 0; row < b->rows; row++) {
        int64_t t = (int64_t)batch_u64(b, FIELD_TIME, row);
        if (!(selected[row / 64] >> row % 64 & 1) || t < spec->from_ms || t >= spec->to_ms)
            continue;
        meter_rows(m, b, &row, 1);
        struct chunk c = {.batch = b,
                          .meter = m,
                          .rows = &row,
                          .n = 1,
                          .sums = m->sums,
                          .rest = m->fractions ? m->rest : NULL};
        assert_int_equal(agg_add(a, &c, NULL), 0);
    }
}

/* What the answer should be: each row by itself, from memory. */
static char *expected(struct fixture *f, const struct query_spec *spec)
{
    struct agg *a = mem_new(1, sizeof *a);
    struct meter *m = mem_new(1, sizeof *m);
    struct intern ids;
    char *text = NULL;
    size_t len = 0;
    struct print_options options = {.out = open_memstream(&text, &len), .raw = true};
    struct printer *p = print_new(&print_csv, &options);
    struct summary none = {.grouped = true};

    meter_init(m, spec->raw);
    intern_init(&ids, SIZE_MAX);
    assert_true(agg_init(a, &spec->keys, spec->extra, &ids, (size_t)1 << 30));
    for (size_t i = 0; i < BATCHES; i++)
        add_one_by_one(&f->batches[i], spec, m, a);
    agg_finish(a);
    assert_int_equal(groups_print(a, spec, p, &f->err), 0);
    assert_int_equal(print_end(p, &none, &f->err), 0);
    print_free(p);
    assert_int_equal(fclose(options.out), 0);
    meter_free(m);
    agg_free(a);
    intern_free(&ids);
    free(m);
    free(a);
    return text;
}

static void check(struct fixture *f, struct query_spec *spec)
{
    char *want = expected(f, spec);
    int status;

    for (spec->threads = 1; spec->threads <= 4; spec->threads += 3) {
        char *got = answer(f, spec, &status);
        if (status)
            fail_msg("%s", f->err.text);
        assert_string_equal(got, want);
        free(got);
    }
    free(want);
}

static const char *const filters[] = {
    "",
    "proto tcp and dst port 443",
    "not (src net 10.0.0.0/17 or username user3)",
    "src as 64600-64700 and not proto icmp or dst net 2001:db8::/32",
    "ip 10.0.0.8",
    "bytes > 4000 and has src_as",
    "duration < 10s and src port > 1024",
};

static const char *const groupings[] = {
    "proto",
    "src_addr",
    "src_as,proto",
    "src_addr,dst_addr,proto,src_port,dst_port",
    "src_addr/24,40,time/10m",
    "username,dst_port",
    "src_as,src_addr/16,proto",
    "exporter",
};

static void compare_all(enum rates rates, uint64_t hosts)
{
    struct fixture *f = fixture_new(77 + (uint64_t)rates, rates, hosts);

    for (size_t i = 0; i < COUNT_OF(groupings); i++) {
        const char *filter = filters[(i + (size_t)rates) % COUNT_OF(filters)];
        struct query_spec spec = spec_of(f, filter, groupings[i], i % 2 ? "packets" : "bytes");
        spec.top = i % 3 ? 50 : 0;
        if (i % 4 == 1) {
            spec.from_ms = T + 600000;
            spec.to_ms = T + 1800000;
        }
        check(f, &spec);
        spec_free(&spec);
    }
    fixture_free(f);
}

static void codes_give_what_rows_give(void **state)
{
    (void)state;
    compare_all(RATES_ABSENT, 500);
    compare_all(RATES_ONE, 100000);
}

static void every_kind_of_rate_is_applied(void **state)
{
    (void)state;
    compare_all(RATES_WHOLE, 3000);
    compare_all(RATES_MIXED, 3000);
    compare_all(RATES_HALVES, 3000);
}

/* What is not asked for is not read; different values are counted by codes where there are such. */
static void columns_decide_what_is_read(void **state)
{
    static const struct {
        const char *by, *columns, *sort;
        bool packets, bytes;
    } asked[] = {
        {NULL, "distinct(src_addr)", "flows", false, false},
        {NULL, "flows,first,last,distinct(proto),distinct(src_addr)", "flows", false, false},
        {"proto", "proto,distinct(src_addr),packets", "packets", true, false},
        {"proto", "proto,distinct(src_port),bytes", "proto", false, true},
        {"src_as", "src_as,distinct(src_addr),distinct(username),distinct(proto)", "-src_as", false,
         false},
        {"src_as,dst_port", "src_as,dst_port,distinct(src_addr)", "flows", false, false},
        {"src_addr", "src_addr,distinct(username),bpp", "flows", true, true},
        {"proto", "proto,flows,last", "proto", false, false},
        {"src_addr", "src_addr,flows", "bps", false, true},
        {"src_addr,dst_port", "src_addr,share(packets)", "flows", true, false},
    };
    struct fixture *f = fixture_new(9, RATES_WHOLE, 30000);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        struct query_spec spec = spec_of(f, filters[i % 3], NULL, NULL);
        struct extra extra;
        spec.grouped = true;
        if ((asked[i].by && spec_keys(asked[i].by, &spec.keys, &f->err)) ||
            spec_columns(asked[i].columns, &spec, &f->err) ||
            spec_sort(asked[i].sort, &spec, &f->err))
            fail_msg("%s", f->err.text);
        keys_place(&spec.keys);
        spec.extra = extra_init(&extra, &spec);
        check(f, &spec);
        assert_int_equal(f->summary.no_packets, !asked[i].packets);
        assert_int_equal(f->summary.no_bytes, !asked[i].bytes);
        spec_free(&spec);
    }
    fixture_free(f);
}

/* Of the first groups alone times are read, and most of these not twice; files may go meanwhile. */
static void times_are_those_of_all_rows_of_a_group(void **state)
{
    static const char *const asked[][2] = {
        {"proto", "flows"},   {"src_addr", "bytes"}, {"src_as,proto", "packets"},
        {"src_as", "-bytes"}, {"src_addr", "bpp"},   {"dst_port", "dst_port"},
    };
    struct fixture *f = fixture_new(10, RATES_ABSENT, 0);
    int status;

    (void)state;
    f->hide = true;
    for (size_t i = 0; i < COUNT_OF(asked) * 2; i++) {
        struct query_spec spec =
            spec_of(f, i % 3 == 2 ? "dst port 443" : "", asked[i / 2][0], asked[i / 2][1]);
        spec.top = i % 2 ? 3 : 40;
        if (i % 4 == 1)
            spec.from_ms = T + 500000;
        char *want = expected(f, &spec);
        for (spec.threads = 1; spec.threads <= 3; spec.threads++) {
            char *got = answer(f, &spec, &status);
            assert_int_equal(status, 0);
            assert_string_equal(got, want);
            move_files(f, "gone", "date=2026-11-22");
            free(got);
        }
        free(want);
        spec_free(&spec);
    }
    fixture_free(f);
}

/* 5-tuples of all rows: nearly all differ. */
static void groups_past_the_limit_go_to_a_file(void **state)
{
    struct fixture *f = fixture_new(5, RATES_ONE, 100000);
    struct query_spec spec =
        spec_of(f, "", "src_addr,dst_addr,src_port,dst_port,proto,first_ms", "bytes");
    int status;

    (void)state;
    spec.top = 20;
    char *want = expected(f, &spec);
    spec.threads = 1;
    spec.limit_bytes = 10 << 20;
    char *got = answer(f, &spec, &status);
    if (status)
        fail_msg("%s", f->err.text);
    assert_string_equal(got, want);
    assert_true(f->summary.spilled_bytes > 0);
    free(got);
    free(want);
    spec_free(&spec);
    fixture_free(f);
}

/* All groups are asked for, so none can go. */
static void more_groups_than_memory_are_refused(void **state)
{
    struct fixture *f = fixture_new(6, RATES_ONE, 100000);
    struct query_spec spec = spec_of(f, "", "src_addr,dst_addr,src_port,proto,first_ms", "bytes");
    int status;

    (void)state;
    spec.limit_bytes = 6 << 20;
    free(answer(f, &spec, &status));
    assert_int_equal(status, ERR_LIMIT);
    assert_non_null(strstr(f->err.text, "memory limit of 6 MB"));
    spec_free(&spec);
    fixture_free(f);
}

static void who_interrupts_is_told_so(void **state)
{
    struct fixture *f = fixture_new(7, RATES_ONE, 1000);
    struct query_spec spec = spec_of(f, "", "proto", "bytes");
    int status;

    (void)state;
    atomic_store(&f->stop, true);
    free(answer(f, &spec, &status));
    assert_int_equal(status, 0);
    assert_true(f->summary.interrupted && f->summary.stopped);
    assert_int_equal(f->summary.records, 0);
    spec_free(&spec);
    fixture_free(f);
}

static void records_come_in_the_order_of_the_store(void **state)
{
    struct fixture *f = fixture_new(8, RATES_ONE, 1000);
    struct query_spec spec = spec_of(f, "dst port 443 and src net 10.0.0.0/24", NULL, NULL);
    int status;

    (void)state;
    spec.threads = 1;
    char *want = answer(f, &spec, &status);
    assert_true(f->summary.shown > 1000);
    for (size_t i = 0; i < 10; i++) {
        spec.threads = 4;
        spec.top = i % 2 ? 700 : 0;
        char *got = answer(f, &spec, &status);
        assert_int_equal(status, 0);
        if (spec.top)
            assert_int_equal(f->summary.shown, spec.top);
        assert_int_equal(strncmp(got, want, strlen(got)), 0);
        assert_int_equal(spec.top == 0, strlen(got) == strlen(want));
        free(got);
    }
    free(want);
    spec_free(&spec);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_give_what_rows_give),
        cmocka_unit_test(every_kind_of_rate_is_applied),
        cmocka_unit_test(columns_decide_what_is_read),
        cmocka_unit_test(times_are_those_of_all_rows_of_a_group),
        cmocka_unit_test(groups_past_the_limit_go_to_a_file),
        cmocka_unit_test(more_groups_than_memory_are_refused),
        cmocka_unit_test(who_interrupts_is_told_so),
        cmocka_unit_test(records_come_in_the_order_of_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
