/* Series, matrices, folded conversations and aggregates over a fake store; expected text worked out
 * by hand. */
#include "query/extra.h"
#include "query/fake_store.h"
#include "query/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t T = 1795356000000; /* 2026-11-22T14:00:00Z */

/* clang-format off */
static const struct {
    const char *src, *dst;
    uint16_t sport, dport;
    uint8_t proto;
    uint64_t packets, bytes;
    int64_t first, last; /* from T */
    double rate;         /* 0: none */
} flows[] = {
    {"10.0.0.1",  "192.0.2.9", 4000, 443,  6, 10, 1000,     0,  20000, 0}, /* a third of it in each 10 s */
    {"192.0.2.9", "10.0.0.1",   443, 4000, 6, 20, 8000,  1000,   2000, 0},
    {"10.0.0.2",  "192.0.2.9", 4001, 443,  6,  3,  300,  3000,   4000, 0},
    {"10.0.0.2",  "192.0.2.8", 5000,  53, 17,  1,   50, 41000,  41000, 10},
    {"192.0.2.8", "10.0.0.2",    53, 5000, 17, 1,   70, 41000,  41000, 10},
};
/* clang-format on */

struct fixture {
    struct batch batch;
    struct fake_store store;
    struct filter filter;
    struct query_watch watch;
    struct query_spec spec;
    struct extra extra;
    char *text;
    size_t len;
};

static void on_broken(struct query_watch *w, const char *what)
{
    (void)w;
    fail_msg("%s", what);
}

static void on_scanned(struct query_watch *w) { (void)w; }

static void on_progress(struct query_watch *w, double part, uint64_t rows, double seconds)
{
    (void)w;
    (void)part;
    (void)rows;
    (void)seconds;
}

static void put_addr(struct batch *b, enum field_id f, const char *text)
{
    struct addr a = {0};
    assert_int_equal(addr_parse(text, &a, NULL), 0);
    assert_true(batch_put_raw(b, f, b->rows, &a));
}

static void put(struct batch *b, enum field_id f, uint64_t v)
{
    assert_true(batch_put_u64(b, f, b->rows, v));
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = mem_new(1, sizeof *f);
    struct batch *b = &f->batch;

    assert_true(batch_init(b, 64));
    for (size_t i = 0; i < COUNT_OF(flows); i++, b->rows++) {
        put_addr(b, FIELD_SRC_ADDR, flows[i].src);
        put_addr(b, FIELD_DST_ADDR, flows[i].dst);
        put(b, FIELD_SRC_PORT, flows[i].sport);
        put(b, FIELD_DST_PORT, flows[i].dport);
        put(b, FIELD_PROTO, flows[i].proto);
        put(b, FIELD_PACKETS, flows[i].packets);
        put(b, FIELD_BYTES, flows[i].bytes);
        put(b, FIELD_FIRST, (uint64_t)(T + flows[i].first));
        put(b, FIELD_LAST, (uint64_t)(T + flows[i].last));
        put(b, FIELD_TIME, (uint64_t)(T + flows[i].last));
        if (flows[i].rate > 0)
            assert_true(batch_put_f64(b, FIELD_RATE, b->rows, flows[i].rate));
    }
    f->store = (struct fake_store){.files = {b}, .n = 1};
    f->watch =
        (struct query_watch){.broken = on_broken, .progress = on_progress, .scanned = on_scanned};
    f->spec = (struct query_spec){.store = (const char *)&f->store,
                                  .from_ms = INT64_MIN,
                                  .to_ms = INT64_MAX,
                                  .until_ms = INT64_MIN,
                                  .filter = &f->filter,
                                  .grouped = true,
                                  .all_groups = true,
                                  .limit_bytes = 1 << 24};
    return f;
}

static void fixture_free(struct fixture *f)
{
    batch_free(&f->batch);
    free(f->text);
    free(f);
}

static int try(struct fixture *f, const char *columns, const char *sort, const char *format,
               struct err *err)
{
    struct summary summary;
    struct print_options options = {.width = 60, .ascii = true};

    free(f->text);
    f->text = NULL;
    if (spec_columns(columns, &f->spec, err) || spec_sort(sort, &f->spec, err))
        fail_msg("%s", err->text);
    f->spec.extra = extra_init(&f->extra, &f->spec);
    options.out = open_memstream(&f->text, &f->len);
    assert_non_null(options.out);
    const struct print_format *how = print_format_find(format);
    struct printer *p = print_new(how ? how : &print_chart, &options);
    int r = query_run(&f->spec, p, &f->watch, &summary, err);
    print_free(p);
    (void)fclose(options.out);
    char *end = strstr(f->text, "\n\n");
    if (end)
        end[1] = '\0';
    return r;
}

static const char *ask(struct fixture *f, const char *columns, const char *sort, const char *format)
{
    struct err err;

    if (try(f, columns, sort, format, &err))
        fail_msg("%s", err.text);
    return f->text;
}

static struct fixture *series(const char *every, const char *by)
{
    struct fixture *f = fixture_new();

    assert_int_equal(spec_every(every, by, &f->spec.keys, NULL), 0);
    f->spec.shape = SHAPE_SERIES;
    f->spec.spread = true;
    return f;
}

static void a_series_has_all_buckets_and_spreads_flows(void **state)
{
    struct fixture *f = series("10s", NULL);

    (void)state;
    assert_string_equal(ask(f, "flows,packets,bytes,bps", NULL, "csv"),
                        "time_ms,flows,packets,bytes,bps\n"
                        "2026-11-22T14:00:00.000Z,2,28,8800,7040\n" /* 8000 + 300 + 500 */
                        "2026-11-22T14:00:10.000Z,0,5,500,400\n"
                        "2026-11-22T14:00:20.000Z,1,0,0,0\n" /* it ended on the boundary */
                        "2026-11-22T14:00:30.000Z,0,0,0,0\n"
                        "2026-11-22T14:00:40.000Z,2,20,1200,960\n");
    f->spec.spread = false;
    assert_string_equal(ask(f, "flows,bytes", "-time", "csv"), "time_ms,flows,bytes\n"
                                                               "2026-11-22T14:00:00.000Z,2,8300\n"
                                                               "2026-11-22T14:00:10.000Z,0,0\n"
                                                               "2026-11-22T14:00:20.000Z,1,1000\n"
                                                               "2026-11-22T14:00:30.000Z,0,0\n"
                                                               "2026-11-22T14:00:40.000Z,2,1200\n");
    assert_string_equal(ask(f, "flows", "time", "csv"), "time_ms,flows\n"
                                                        "2026-11-22T14:00:40.000Z,2\n"
                                                        "2026-11-22T14:00:30.000Z,0\n"
                                                        "2026-11-22T14:00:20.000Z,1\n"
                                                        "2026-11-22T14:00:10.000Z,0\n"
                                                        "2026-11-22T14:00:00.000Z,2\n");
    fixture_free(f);
}

static void a_series_reaches_from_and_to_what_was_asked(void **state)
{
    struct fixture *f = series("1m", NULL);

    (void)state;
    f->spec.from_ms = T - 60001;
    f->spec.to_ms = T + 120000;
    assert_string_equal(ask(f, "flows", NULL, "csv"), "time_ms,flows\n"
                                                      "2026-11-22T13:58:00.000Z,0\n"
                                                      "2026-11-22T13:59:00.000Z,0\n"
                                                      "2026-11-22T14:00:00.000Z,5\n"
                                                      "2026-11-22T14:01:00.000Z,0\n");
    f->store.n = 0;
    f->spec.to_ms = INT64_MAX;
    f->spec.until_ms = T; /* --last: up to now */
    assert_string_equal(ask(f, "flows,avg(bytes),distinct(src_addr)", NULL, "csv"),
                        "time_ms,flows,avg_bytes,distinct_src_addr\n"
                        "2026-11-22T13:58:00.000Z,0,,0\n"
                        "2026-11-22T13:59:00.000Z,0,,0\n"
                        "2026-11-22T14:00:00.000Z,0,,0\n");
    fixture_free(f);
}

static void the_largest_series_are_shown_and_the_rest_as_one(void **state)
{
    struct fixture *f = series("1m", "src_addr");

    (void)state;
    f->spec.top = 1;
    f->spec.others = true;
    assert_string_equal(ask(f, "bytes,distinct(proto)", NULL, "jsonl"),
                        "{\"time_ms\":1795356000000,\"src_addr\":\"192.0.2.9\",\"bytes\":8000,"
                        "\"distinct_proto\":1}\n"
                        "{\"time_ms\":1795356000000,\"src_addr\":\"other\",\"bytes\":2500,"
                        "\"distinct_proto\":2}\n");
    fixture_free(f);
}

static void a_series_of_too_many_rows_is_refused(void **state)
{
    struct fixture *f = series("1ms", NULL);
    struct err err;

    (void)state;
    f->spec.from_ms = 0;
    f->spec.to_ms = T + 100000;
    assert_int_equal(try(f, NULL, NULL, "csv", &err), ERR_LIMIT);
    assert_non_null(strstr(err.text, "from 1970-01-01T00:00:00.000Z to"));
    assert_non_null(strstr(err.text, "make --every longer"));
    fixture_free(f);
}

static void aggregates_count_a_spread_flow_once(void **state)
{
    struct fixture *f = series("10s", NULL);

    (void)state;
    assert_string_equal(ask(f, "avg(bytes),max(bytes),median(duration)", NULL, "csv"),
                        "time_ms,avg_bytes,max_bytes,median_duration_ms\n"
                        "2026-11-22T14:00:00.000Z,4150,8000,1000\n"
                        "2026-11-22T14:00:10.000Z,,,\n"
                        "2026-11-22T14:00:20.000Z,1000,1000,20000\n" /* whole, where it ended */
                        "2026-11-22T14:00:30.000Z,,,\n"
                        "2026-11-22T14:00:40.000Z,600,700,0\n");
    fixture_free(f);
}

static struct fixture *groups(const char *by)
{
    struct fixture *f = fixture_new();

    if (by)
        assert_int_equal(spec_keys(by, &f->spec.keys, NULL), 0);
    else
        assert_int_equal(spec_keys(NULL, &f->spec.keys, NULL), 0);
    return f;
}

static void aggregates_of_groups(void **state)
{
    struct fixture *f = groups("proto");

    (void)state;
    assert_string_equal(
        ask(f, "flows,avg(bytes),min(bytes),max(packets),sum(bytes),distinct(src_addr)", NULL,
            "csv"),
        "proto,flows,avg_bytes,min_bytes,max_packets,sum_bytes,distinct_src_addr\n"
        "6,3,3100,300,20,9300,3\n"
        "17,2,600,500,10,1200,2\n");
    assert_string_equal(ask(f, "p50(bytes),p90(bytes),max(bps),min(first),distinct(icmp_type)",
                            "p50(bytes):asc", "csv"),
                        "proto,p50_bytes,p90_bytes,max_bps,min_first_ms,distinct_icmp_type\n"
                        "17,500,700,,2026-11-22T14:00:41.000Z,0\n" /* without duration no rate */
                        "6,1000,8000,64000,2026-11-22T14:00:00.000Z,0\n");
    f->spec.raw = true;
    assert_string_equal(ask(f, "max(bytes)", "proto", "csv"), "proto,max_bytes\n17,70\n6,8000\n");
    fixture_free(f);
}

static void without_keys_all_is_one_group(void **state)
{
    struct fixture *f = groups(NULL);

    (void)state;
    assert_string_equal(ask(f, "flows,bytes,distinct(dst_addr)", NULL, "csv"),
                        "flows,bytes,distinct_dst_addr\n5,10500,4\n");
    f->store.n = 0;
    assert_string_equal(ask(f, "flows,bytes,max(bytes),distinct(dst_addr)", NULL, "csv"),
                        "flows,bytes,max_bytes,distinct_dst_addr\n0,0,,0\n");
    fixture_free(f);
}

static void shares_are_of_all_and_add_up(void **state)
{
    struct fixture *f = groups("src_addr");

    (void)state;
    f->spec.top = 2;
    f->spec.others = true;
    assert_string_equal(ask(f, "bytes,share,cumulative,share(flows)", NULL, "csv"),
                        "src_addr,bytes,share_bytes,cumulative_bytes,share_flows\n"
                        "192.0.2.9,8000,0.7619047619047619,0.7619047619047619,0.2\n"
                        "10.0.0.1,1000,0.09523809523809523,0.8571428571428571,0.2\n"
                        "other,1500,0.14285714285714285,1,0.6\n");
    assert_string_equal(ask(f, "bytes", "bytes:asc", "csv"),
                        "src_addr,bytes\n192.0.2.8,700\n10.0.0.2,800\nother,9000\n");
    fixture_free(f);
}

static void both_directions_become_one(void **state)
{
    struct fixture *f = groups("src_addr,src_port,dst_addr,dst_port");

    (void)state;
    f->spec.fold = true;
    assert_string_equal(
        ask(f, "flows,bytes,bytes_out,bytes_in,packets_out,packets_in", NULL, "csv"),
        "src_addr,src_port,dst_addr,dst_port,flows,bytes,bytes_out,bytes_in,"
        "packets_out,packets_in\n"
        "10.0.0.1,4000,192.0.2.9,443,2,9000,1000,8000,10,20\n"
        "10.0.0.2,5000,192.0.2.8,53,2,1200,500,700,10,10\n"
        "10.0.0.2,4001,192.0.2.9,443,1,300,300,0,3,0\n");
    assert_int_equal(spec_keys("dst_port", &f->spec.keys, NULL), 0);
    assert_string_equal(ask(f, "distinct(src_addr),distinct(dst_addr)", "dst_port", "csv"),
                        "dst_port,distinct_src_addr,distinct_dst_addr\n443,2,1\n53,1,1\n");
    fixture_free(f);
}

static void a_record_of_both_directions_is_split(void **state)
{
    struct fixture *f = groups("src_addr");
    struct batch *b = &f->batch;

    (void)state;
    batch_reset(b);
    put_addr(b, FIELD_SRC_ADDR, "10.0.0.1");
    put_addr(b, FIELD_DST_ADDR, "192.0.2.9");
    put(b, FIELD_TIME, (uint64_t)T);
    put(b, FIELD_INITIATOR_BYTES, 100);
    put(b, FIELD_RESPONDER_BYTES, 900);
    b->rows++;
    f->spec.fold = true;
    assert_string_equal(ask(f, "bytes,bytes_out,bytes_in", NULL, "csv"),
                        "src_addr,bytes,bytes_out,bytes_in\n10.0.0.1,1000,100,900\n");
    fixture_free(f);
}

static struct fixture *matrix(void)
{
    struct fixture *f = groups("src_addr,dst_port");

    f->spec.shape = SHAPE_MATRIX;
    return f;
}

static void a_matrix_adds_up_in_both_directions(void **state)
{
    struct fixture *f = matrix();

    (void)state;
    assert_string_equal(ask(f, NULL, NULL, "csv"), "src_addr,4000,443,5000,53,total\n"
                                                   "192.0.2.9,8000,0,0,0,8000\n"
                                                   "10.0.0.1,0,1000,0,0,1000\n"
                                                   "10.0.0.2,0,300,0,500,800\n"
                                                   "192.0.2.8,0,0,700,0,700\n"
                                                   "total,8000,1300,700,500,10500\n");
    f->spec.top = 1;
    assert_string_equal(ask(f, NULL, "flows", "csv"), "src_addr,443,other,total\n"
                                                      "10.0.0.2,1,1,2\n"
                                                      "other,1,2,3\n"
                                                      "total,2,3,5\n");
    assert_string_equal(ask(f, "distinct(dst_addr)", "distinct(dst_addr)", "table"),
                        "src_addr  53  other  total\n" /* all ports have one: the lowest */
                        "10.0.0.2   1      1      2\n"
                        "other      0      3      3\n"
                        "total      1      3      4\n");
    assert_string_equal(ask(f, "bytes", "flows", "jsonl"),
                        "{\"src_addr\":\"10.0.0.2\",\"dst_port\":443,\"bytes\":300}\n"
                        "{\"src_addr\":\"10.0.0.2\",\"dst_port\":\"other\",\"bytes\":500}\n"
                        "{\"src_addr\":\"other\",\"dst_port\":443,\"bytes\":1000}\n"
                        "{\"src_addr\":\"other\",\"dst_port\":\"other\",\"bytes\":8700}\n");
    fixture_free(f);
}

static void an_empty_matrix_has_a_total(void **state)
{
    struct fixture *f = matrix();

    (void)state;
    f->store.n = 0;
    assert_string_equal(ask(f, NULL, NULL, "csv"), "src_addr,total\ntotal,0\n");
    fixture_free(f);
}

static void charts_draw_what_is_sorted(void **state)
{
    struct fixture *f = groups("src_addr");
    struct fixture *m = matrix();

    (void)state;
    assert_string_equal(ask(f, NULL, "packets", "chart"),
                        "packets\n"
                        "192.0.2.9          20  ###################################\n"
                        "10.0.0.2           13  #######################\n"
                        "10.0.0.1           10  ##################\n"
                        "192.0.2.8          10  ##################\n");
    m->spec.top = 2;
    assert_string_equal(ask(m, NULL, NULL, "chart"), "bytes\n" /* levels: 4 * sqrt(v / 8000), up */
                                                     "           4000  443   other \n"
                                                     "192.0.2.9  #####             \n"
                                                     "10.0.0.1         +++++       \n"
                                                     "other            ..... +++++ \n");
    fixture_free(f);
    fixture_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_series_has_all_buckets_and_spreads_flows),
        cmocka_unit_test(a_series_reaches_from_and_to_what_was_asked),
        cmocka_unit_test(the_largest_series_are_shown_and_the_rest_as_one),
        cmocka_unit_test(a_series_of_too_many_rows_is_refused),
        cmocka_unit_test(aggregates_count_a_spread_flow_once),
        cmocka_unit_test(aggregates_of_groups),
        cmocka_unit_test(without_keys_all_is_one_group),
        cmocka_unit_test(shares_are_of_all_and_add_up),
        cmocka_unit_test(both_directions_become_one),
        cmocka_unit_test(a_record_of_both_directions_is_split),
        cmocka_unit_test(a_matrix_adds_up_in_both_directions),
        cmocka_unit_test(an_empty_matrix_has_a_total),
        cmocka_unit_test(charts_draw_what_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
