/* Whole queries over a fake store (query/fake_store.h); expected text worked out by hand. */
#include "query/query.h"

#include "query/fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t T = 1795356000000; /* 2026-11-22T14:00:00Z */

struct flow {
    const char *src, *dst;
    uint16_t sport, dport;
    uint8_t proto;
    uint64_t packets, bytes;
    int64_t first, last; /* from T */
    double rate;         /* 0: none */
};

/* clang-format off */
static const struct flow flows[] = {
    {"10.0.0.1",    "192.0.2.9",    1000, 443,  6,  10,    1500,  0,     1000, 0},
    {"10.0.0.2",    "192.0.2.9",    2000,  53, 17,   1,     100,  500,    500, 100},
    {"2001:db8::1", "2001:db8::9",  3000, 443,  6,   4,    1000,  1000,  3000, 1},
    {"10.0.0.1",    "192.0.2.8",    1001, 443,  6,   5,    2500,  2000, 61000, 0},
    {"10.0.0.3",    "192.0.2.9",       0,   0,  1,   2,     168,  5000,  6000, 0},
};
/* clang-format on */

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

static void add_flow(struct batch *b, const struct flow *f)
{
    put_addr(b, FIELD_SRC_ADDR, f->src);
    put_addr(b, FIELD_DST_ADDR, f->dst);
    put_addr(b, FIELD_EXPORTER, "198.51.100.1");
    put(b, FIELD_SRC_PORT, f->sport);
    put(b, FIELD_DST_PORT, f->dport);
    put(b, FIELD_PROTO, f->proto);
    put(b, FIELD_PACKETS, f->packets);
    put(b, FIELD_BYTES, f->bytes);
    put(b, FIELD_FIRST, (uint64_t)(T + f->first));
    put(b, FIELD_LAST, (uint64_t)(T + f->last));
    put(b, FIELD_TIME, (uint64_t)(T + f->last));
    put(b, FIELD_RECORD_KIND, RECORD_FLOW);
    if (f->proto == 6)
        put(b, FIELD_TCP_FLAGS, 0x1b);
    if (f->proto == 1) {
        put(b, FIELD_ICMP_TYPE, 8);
        put(b, FIELD_ICMP_CODE, 0);
    }
    if (f->rate > 0)
        assert_true(batch_put_f64(b, FIELD_RATE, b->rows, f->rate));
    b->rows++;
}

/* Two files of the flows above, and what was asked of them. */
struct fixture {
    struct batch a, b;
    struct fake_store store;
    struct filter filter;
    struct query_watch watch;
    struct query_spec spec;
    struct print_options options;
    struct summary summary;
    struct err err;
    char complaints[256];
    char *text; /* the answer */
    size_t len;
};

static void on_broken(struct query_watch *w, const char *what)
{
    struct fixture *f = container_of(w, struct fixture, watch);
    (void)snprintf(f->complaints, sizeof f->complaints, "%s", what);
}

static void on_scanned(struct query_watch *w) { (void)w; }

static void on_progress(struct query_watch *w, double part, uint64_t rows, double seconds)
{
    (void)w;
    (void)rows;
    assert_true(part >= 0 && part <= 1 && seconds > 0);
}

static struct fixture *fixture_new(const char *by, const char *sort)
{
    struct fixture *f = mem_new(1, sizeof *f);

    assert_true(batch_init(&f->a, 64) && batch_init(&f->b, 64));
    for (size_t i = 0; i < COUNT_OF(flows); i++)
        add_flow(i < 3 ? &f->a : &f->b, &flows[i]);
    f->store = (struct fake_store){.files = {&f->a, &f->b}, .n = 2};
    f->watch =
        (struct query_watch){.broken = on_broken, .progress = on_progress, .scanned = on_scanned};
    f->spec = (struct query_spec){.store = (const char *)&f->store,
                                  .from_ms = INT64_MIN,
                                  .to_ms = INT64_MAX,
                                  .filter = &f->filter,
                                  .limit_bytes = 1 << 24};
    if (by && spec_keys(by, &f->spec.keys, &f->err))
        fail_msg("%s", f->err.text);
    f->spec.grouped = by != NULL;
    f->spec.until_ms = INT64_MIN;
    if (by && spec_columns(NULL, &f->spec, &f->err))
        fail_msg("%s", f->err.text);
    if (sort && spec_sort(sort, &f->spec, &f->err))
        fail_msg("%s", f->err.text);
    return f;
}

static void fixture_free(struct fixture *f)
{
    batch_free(&f->a);
    batch_free(&f->b);
    free(f->text);
    free(f);
}

/* The summary behind the answer says how long it took, so it is cut off: from "\n\n" on in tables,
 * from "seconds" on in json. */
static const char *ask(struct fixture *f, const char *format)
{
    free(f->text);
    f->text = NULL;
    f->options.out = open_memstream(&f->text, &f->len);
    f->options.raw = f->spec.raw;
    assert_non_null(f->options.out);
    struct printer *p = print_new(print_format_find(format), &f->options);
    if (query_run(&f->spec, p, &f->watch, &f->summary, &f->err))
        fail_msg("%s", f->err.text);
    print_free(p);
    (void)fclose(f->options.out);
    char *end = strstr(f->text, strcmp(format, "json") == 0 ? ",\"seconds\"" : "\n\n");
    if (end)
        end[strcmp(format, "json") == 0 ? 0 : 1] = '\0';
    return f->text;
}

static void groups_as_a_table(void **state)
{
    struct fixture *f = fixture_new("src_addr", "bytes");

    (void)state;
    f->options.exact = true;
    assert_string_equal(ask(f, "table"),
                        "src_addr     flows  packets  bytes   bit/s  packets/s  bytes/packet  "
                        "first                    last\n"
                        "10.0.0.2         1      100  10000     0.0        0.0         100.0  "
                        "2026-11-22 14:00:00.500  2026-11-22 14:00:00.500\n"
                        "10.0.0.1         2       15   4000   524.6        0.2         266.7  "
                        "2026-11-22 14:00:00.000  2026-11-22 14:01:01.000\n"
                        "2001:db8::1      1        4   1000  4000.0        2.0         250.0  "
                        "2026-11-22 14:00:01.000  2026-11-22 14:00:03.000\n"
                        "10.0.0.3         1        2    168  1344.0        2.0          84.0  "
                        "2026-11-22 14:00:05.000  2026-11-22 14:00:06.000\n");
    assert_int_equal(f->summary.flows, 5);
    assert_int_equal(f->summary.packets, 121);
    assert_int_equal(f->summary.bytes, 15168);
    assert_int_equal(f->summary.groups, 4);
    assert_true(f->summary.scaled);
    fixture_free(f);
}

static void tables_show_units(void **state)
{
    struct fixture *f = fixture_new("proto", "-flows");

    (void)state;
    f->spec.top = 2;
    assert_string_equal(ask(f, "table"),
                        "proto  flows  packets    bytes        bit/s  packets/s  bytes/packet  "
                        "first                    last\n"
                        "icmp       1        2    168 B  1.34 kbit/s          2            84  "
                        "2026-11-22 14:00:05.000  2026-11-22 14:00:06.000\n"
                        "udp        1      100  10.0 kB      0 bit/s          0           100  "
                        "2026-11-22 14:00:00.500  2026-11-22 14:00:00.500\n");
    assert_int_equal(f->summary.shown, 2);
    assert_int_equal(f->summary.groups, 3);
    fixture_free(f);
}

static void groups_as_csv_json_and_lines(void **state)
{
    struct fixture *f = fixture_new("dst_addr/24,proto", "bytes");

    (void)state;
    f->spec.raw = true;
    f->spec.top = 2;
    assert_string_equal(ask(f, "csv"),
                        "dst_addr,proto,flows,packets,bytes,bps,pps,bpp,first_ms,last_ms\n"
                        "192.0.2.0/24,6,2,15,4000,524.5901639344262,0.2459016393442623,"
                        "266.6666666666667,1795356000000,1795356061000\n"
                        "2001:db8::/64,6,1,4,1000,4000,2,250,1795356001000,1795356003000\n");
    assert_string_equal(
        ask(f, "jsonl"),
        "{\"dst_addr\":\"192.0.2.0/24\",\"proto\":6,\"flows\":2,\"packets\":15,\"bytes\":4000,"
        "\"bps\":524.5901639344262,\"pps\":0.2459016393442623,\"bpp\":266.6666666666667,"
        "\"first_ms\":1795356000000,\"last_ms\":1795356061000}\n"
        "{\"dst_addr\":\"2001:db8::/64\",\"proto\":6,\"flows\":1,\"packets\":4,\"bytes\":1000,"
        "\"bps\":4000,\"pps\":2,\"bpp\":250,\"first_ms\":1795356001000,\"last_ms\":"
        "1795356003000}\n");
    f->spec.top = 1;
    assert_string_equal(
        ask(f, "json"),
        "{\"groups\":[\n"
        "{\"dst_addr\":\"192.0.2.0/24\",\"proto\":6,\"flows\":2,\"packets\":15,\"bytes\":4000,"
        "\"bps\":524.5901639344262,\"pps\":0.2459016393442623,\"bpp\":266.6666666666667,"
        "\"first_ms\":1795356000000,\"last_ms\":1795356061000}\n],\n"
        "\"summary\":{\"shown\":1,\"groups\":4,\"records\":5,\"flows\":5,\"packets\":22,\"bytes\":"
        "5268,\"scanned\":5,\"files\":2,\"files_skipped\":0,\"row_groups\":0,"
        "\"row_groups_skipped\":0,\"journals\":0,\"broken\":0,\"scaled\":false,\"complete\":true");
    assert_true(json_ok(f->text, strlen(f->text)) == false); /* cut by ask() */
    fixture_free(f);
}

static void csv_shows_times_as_text_unless_raw(void **state)
{
    struct fixture *f = fixture_new("time/1m", "time:asc");

    (void)state;
    assert_string_equal(
        ask(f, "csv"), "time_ms,flows,packets,bytes,bps,pps,bpp,first_ms,last_ms\n"
                       "2026-11-22T14:00:00.000Z,4,116,12668,16890.666666666668,19.333333333333332,"
                       "109.20689655172414,2026-11-22T14:00:00.000Z,2026-11-22T14:00:06.000Z\n"
                       "2026-11-22T14:01:00.000Z,1,5,2500,338.9830508474576,0.0847457627118644,500,"
                       "2026-11-22T14:00:02.000Z,2026-11-22T14:01:01.000Z\n");
    fixture_free(f);
}

static void records_as_a_table(void **state)
{
    struct fixture *f = fixture_new(NULL, NULL);

    (void)state;
    assert_string_equal(
        ask(f, "table"),
        "time                     duration  proto  src                 dst                flags  "
        "   packets    bytes  exporter\n"
        "2026-11-22 14:00:01.000     1.0 s  tcp    10.0.0.1:1000       192.0.2.9:443      "
        "...AP.SF       10  1.50 kB  198.51.100.1\n"
        "2026-11-22 14:00:00.500      0 ms  udp    10.0.0.2:2000       192.0.2.9:53       -      "
        "         1    100 B  198.51.100.1\n"
        "2026-11-22 14:00:03.000     2.0 s  tcp    [2001:db8::1]:3000  [2001:db8::9]:443  "
        "...AP.SF        4  1.00 kB  198.51.100.1\n"
        "2026-11-22 14:01:01.000    59.0 s  tcp    10.0.0.1:1001       192.0.2.8:443      "
        "...AP.SF        5  2.50 kB  198.51.100.1\n"
        "2026-11-22 14:00:06.000     1.0 s  icmp   10.0.0.3            192.0.2.9          8/0    "
        "         2    168 B  198.51.100.1\n");
    assert_int_equal(f->summary.shown, 5);
    assert_false(f->summary.stopped);
    fixture_free(f);
}

static void records_as_lines_have_every_present_field(void **state)
{
    struct fixture *f = fixture_new(NULL, NULL);
    static const char extra[] = "{\"0/95\":[\"0102\"]}";
    struct batch *b = &f->a;

    (void)state;
    f->store.n = 1;
    batch_reset(b);
    put(b, FIELD_TIME, (uint64_t)T);
    put(b, FIELD_RECORD_KIND, RECORD_NAT);
    put(b, FIELD_RATE_FROM, RATE_HEADER);
    put(b, FIELD_BYTES_TOTAL, UINT64_MAX);
    assert_true(batch_put_f64(b, FIELD_RATE, 0, 0.1));
    assert_true(batch_put_raw(b, FIELD_SRC_MAC, 0, "\x01\x02\x03\xfd\xfe\xff"));
    assert_true(batch_put_bytes(b, FIELD_MPLS, 0, "\x00\xab\x01", 3));
    assert_true(batch_put_bytes(b, FIELD_USERNAME, 0, "a\"b\n\xff", 5));
    assert_true(batch_put_bytes(b, FIELD_EXTRA, 0, extra, strlen(extra)));
    b->rows = 1;
    put(b, FIELD_TIME, 0);
    assert_true(batch_put_bytes(b, FIELD_EXTRA, 1, "{\"broken", 8));
    assert_true(batch_put_bytes(b, FIELD_USERNAME, 1, "", 0));
    b->rows = 2;
    f->spec.raw = true;
    assert_string_equal(ask(f, "jsonl"),
                        "{\"time_ms\":1795356000000,\"kind\":\"nat\",\"rate\":0.1,\"rate_from\":"
                        "\"header\",\"bytes_total\":18446744073709551615,\"src_mac\":"
                        "\"01:02:03:fd:fe:ff\",\"mpls\":\"00ab01\",\"username\":"
                        "\"a\\\"b\\u000a\xef\xbf\xbd\",\"extra\":{\"0/95\":[\"0102\"]}}\n"
                        "{\"time_ms\":0,\"username\":\"\",\"extra\":\"{\\\"broken\"}\n");
    fixture_free(f);
}

/* The fields of a csv line (no line breaks inside), quotes taken away. */
static size_t csv_fields(char *line, char **out, size_t max)
{
    size_t n = 0;

    for (char *s = line; n < max; s++) {
        char *to = s;
        bool quoted = *s == '"';
        out[n++] = to;
        for (s += quoted; *s && (quoted || *s != ','); s++) {
            if (*s == '"' && s[1] == '"')
                s++;
            else if (*s == '"') {
                quoted = false;
                continue;
            }
            *to++ = *s;
        }
        bool end = *s == '\0';
        *to = '\0';
        if (end)
            break;
    }
    return n;
}

static void csv_of_records_has_all_fields_and_quotes(void **state)
{
    struct fixture *f = fixture_new(NULL, NULL);
    char *head[FIELD_N + 1] = {0};
    char *line[FIELD_N + 1] = {0};

    (void)state;
    f->store.n = 1;
    batch_reset(&f->a);
    put(&f->a, FIELD_TIME, 0);
    assert_true(batch_put_bytes(&f->a, FIELD_USERNAME, 0, "a,\"b\"", 5));
    assert_true(batch_put_bytes(&f->a, FIELD_EXTRA, 0, "{\"0/1\":[\"00\",\"\"]}", 17));
    f->a.rows = 1;
    char *text = strdup(ask(f, "csv"));
    assert_non_null(text);
    char *second = strchr(text, '\n');
    assert_non_null(second);
    *second++ = '\0';
    second[strcspn(second, "\n")] = '\0';
    assert_non_null(strstr(second, ",\"a,\"\"b\"\"\","));
    assert_int_equal(csv_fields(text, head, FIELD_N + 1), FIELD_N);
    assert_int_equal(csv_fields(second, line, FIELD_N + 1), FIELD_N);
    for (int i = 0; i < FIELD_N; i++) {
        assert_string_equal(head[i], field_table[i].name);
        assert_string_equal(line[i], i == FIELD_TIME       ? "1970-01-01T00:00:00.000Z"
                                     : i == FIELD_USERNAME ? "a,\"b\""
                                     : i == FIELD_EXTRA    ? "{\"0/1\":[\"00\",\"\"]}"
                                                           : "");
    }
    free(text);
    fixture_free(f);
}

static void the_first_records_end_the_scan(void **state)
{
    struct fixture *f = fixture_new(NULL, NULL);

    (void)state;
    f->spec.top = 2;
    ask(f, "jsonl");
    assert_int_equal(f->summary.shown, 2);
    assert_int_equal(f->summary.records, 2);
    assert_int_equal(f->summary.packets, 110); /* totals are multiplied by the rate */
    assert_true(f->summary.stopped);
    assert_int_equal(f->summary.scan.files, 1);
    fixture_free(f);
}

static void sorted_records_come_in_order(void **state)
{
    static const struct {
        const char *sort;
        const char *first, *second; /* source ports */
    } cases[] = {
        {"bytes", "1001", "1000"}, {"-bytes", "2000", "0"},      {"time:asc", "2000", "1000"},
        {"bps", "1000", "3000"},   {"duration", "1001", "3000"}, {"sport", "3000", "2000"},
        {"src_addr", "3000", "0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char want[2][32];
        struct fixture *f = fixture_new(NULL, cases[i].sort);
        f->spec.top = 2;
        const char *text = ask(f, "jsonl");
        (void)snprintf(want[0], sizeof want[0], "\"src_port\":%s,", cases[i].first);
        (void)snprintf(want[1], sizeof want[1], "\"src_port\":%s,", cases[i].second);
        const char *at = strstr(text, want[0]);
        assert_non_null(at);
        assert_null(memchr(text, '\n', (size_t)(at - text)));
        assert_non_null(strstr(at, want[1]));
        assert_int_equal(f->summary.shown, 2);
        assert_int_equal(f->summary.records, 5);
        fixture_free(f);
    }
}

/* More than are kept at once, so that the best are picked several times; ties stay in order. */
static void the_first_of_many_sorted_records(void **state)
{
    enum { ROWS = 60000, TOP = 7 };
    struct fixture *f = fixture_new(NULL, "bytes");
    struct batch many;
    uint64_t v = 12345;

    (void)state;
    assert_true(batch_init(&many, ROWS));
    for (size_t i = 0; i < ROWS; i++) {
        v = v * 48271 % 2147483647;
        put(&many, FIELD_BYTES, v % 1000);
        put(&many, FIELD_TIME, i);
        many.rows++;
    }
    f->store = (struct fake_store){.files = {&many}, .n = 1};
    f->spec.top = TOP;
    const char *at = ask(f, "jsonl");
    size_t found = 0;
    for (uint64_t want = 999; found < TOP; want--) {
        for (size_t i = 0; i < ROWS && found < TOP; i++) {
            char line[64];
            if (batch_u64(&many, FIELD_BYTES, i) != want)
                continue;
            (void)snprintf(line, sizeof line, "{\"time_ms\":%zu,\"bytes\":%u}\n", i,
                           (unsigned)want);
            assert_int_equal(strncmp(at, line, strlen(line)), 0);
            at += strlen(line);
            found++;
        }
    }
    assert_string_equal(at, "");
    f->spec.top = 0;
    ask(f, "jsonl");
    assert_int_equal(f->summary.shown, ROWS);
    f->spec.limit_bytes = 100000;
    FILE *sink = tmpfile();
    assert_non_null(sink);
    f->options.out = sink;
    struct printer *p = print_new(&print_jsonl, &f->options);
    assert_int_equal(query_run(&f->spec, p, &f->watch, &f->summary, &f->err), ERR_LIMIT);
    assert_non_null(strstr(f->err.text, "--top"));
    print_free(p);
    (void)fclose(sink);
    batch_free(&many);
    fixture_free(f);
}

static bool is_tcp(const struct batch *b, size_t row)
{
    return batch_u64(b, FIELD_PROTO, row) == 6;
}

static void filters_and_cuts_to_the_span(void **state)
{
    struct fixture *f = fixture_new("proto", "bytes");

    (void)state;
    f->filter.selects = is_tcp;
    f->spec.to_ms = T + 61000;
    ask(f, "csv");
    assert_int_equal(f->summary.groups, 1);
    assert_int_equal(f->summary.flows, 2);
    assert_int_equal(f->summary.bytes, 2500);
    fixture_free(f);
}

static void broken_files_are_named_and_the_others_answer(void **state)
{
    struct fixture *f = fixture_new("proto", "bytes");

    (void)state;
    f->store = (struct fake_store){.files = {NULL, &f->a, NULL, &f->b, NULL}, .n = 5};
    ask(f, "table");
    assert_int_equal(f->summary.flows, 5);
    assert_int_equal(f->summary.scan.broken, 3);
    assert_string_equal(f->complaints, "date=2026-11-22/hour=14/x.parquet: broken");
    fixture_free(f);
}

static void a_store_that_is_not_there_is_said_so(void **state)
{
    struct fixture *f = fixture_new("proto", "bytes");
    struct printer *p = print_new(&print_table, &f->options);

    (void)state;
    f->spec.store = NULL;
    assert_int_equal(query_run(&f->spec, p, &f->watch, &f->summary, &f->err), ERR_CONFIG);
    assert_string_equal(f->err.text, "there is no store");
    print_free(p);
    fixture_free(f);
}

static void an_empty_store_has_an_empty_answer(void **state)
{
    struct fixture *f = fixture_new("proto", "bytes");

    (void)state;
    f->store.n = 0;
    assert_string_equal(ask(f, "table"), "proto  flows  packets  bytes  bit/s  packets/s  "
                                         "bytes/packet  first  last\n");
    assert_string_equal(ask(f, "jsonl"), "");
    f->spec.grouped = false;
    f->spec.columns.n = 0;
    f->spec.sort = (struct sort){.by = SORT_NONE};
    assert_int_equal(strncmp(ask(f, "json"), "{\"records\":[\n],\n\"summary\":", 26), 0);
    fixture_free(f);
}

static void what_exporters_send_cannot_drive_the_terminal(void **state)
{
    struct fixture *f = fixture_new("username", "bytes");

    (void)state;
    f->store.n = 1;
    batch_reset(&f->a);
    assert_true(batch_put_bytes(&f->a, FIELD_USERNAME, 0,
                                "\x1b[2J\xc2\x9b\x9b\x7f\xc3\xa4\xe2\x80\x99", 13));
    f->a.rows = 1;
    const char *text = ask(f, "table");
    assert_non_null(strstr(text, "?[2J????\xc3\xa4\xe2\x80\x99 "));
    assert_null(strchr(text, '\x1b'));
    fixture_free(f);
}

static void a_long_table_stays_whole(void **state)
{
    enum { ROWS = 3000 };
    struct fixture *f = fixture_new("src_port", "src_port:asc");
    struct batch many;
    size_t lines = 0;

    (void)state;
    assert_true(batch_init(&many, ROWS));
    for (; many.rows < ROWS; many.rows++)
        put(&many, FIELD_SRC_PORT, many.rows);
    f->store = (struct fake_store){.files = {&many}, .n = 1};
    for (const char *s = ask(f, "table"); (s = strchr(s, '\n')) != NULL; s++)
        lines++;
    assert_int_equal(lines, ROWS + 1);
    batch_free(&many);
    fixture_free(f);
}

static void says_what_was_scanned_in_one_line(void **state)
{
    struct summary s = {.grouped = true,
                        .shown = 10,
                        .groups = 1234,
                        .flows = 5200000,
                        .bytes = UINT64_C(12345678901),
                        .packets = 9800000,
                        .scan = {.files = 4, .journals = 1, .rows = 10000000},
                        .seconds = 0.3125};
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    summary_line(&s, &b);
    buf_u8(&b, 0);
    assert_string_equal((char *)b.data,
                        "10 of 1,234 groups; 5.20 M flows, 12.3 GB, 9.80 M packets matched; "
                        "scanned 10.0 M flows in 4 files and 1 journal in 0.31 s (32.0 M flows/s)");
    buf_reset(&b);
    s.no_packets = s.no_bytes = true;
    summary_line(&s, &b);
    buf_u8(&b, 0);
    assert_string_equal((char *)b.data,
                        "10 of 1,234 groups; 5.20 M flows matched; "
                        "scanned 10.0 M flows in 4 files and 1 journal in 0.31 s (32.0 M flows/s)");
    buf_free(&b);
}

static void writing_to_a_full_disk_is_an_error(void **state)
{
    struct fixture *f = fixture_new("proto", "bytes");

    (void)state;
    f->options.out = fopen("/dev/full", "w");
    if (!f->options.out)
        skip();
    struct printer *p = print_new(&print_table, &f->options);
    assert_int_equal(query_run(&f->spec, p, &f->watch, &f->summary, &f->err), ERR_SYS);
    print_free(p);
    (void)fclose(f->options.out);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_as_a_table),
        cmocka_unit_test(tables_show_units),
        cmocka_unit_test(groups_as_csv_json_and_lines),
        cmocka_unit_test(csv_shows_times_as_text_unless_raw),
        cmocka_unit_test(records_as_a_table),
        cmocka_unit_test(records_as_lines_have_every_present_field),
        cmocka_unit_test(csv_of_records_has_all_fields_and_quotes),
        cmocka_unit_test(the_first_records_end_the_scan),
        cmocka_unit_test(sorted_records_come_in_order),
        cmocka_unit_test(the_first_of_many_sorted_records),
        cmocka_unit_test(filters_and_cuts_to_the_span),
        cmocka_unit_test(broken_files_are_named_and_the_others_answer),
        cmocka_unit_test(a_store_that_is_not_there_is_said_so),
        cmocka_unit_test(an_empty_store_has_an_empty_answer),
        cmocka_unit_test(what_exporters_send_cannot_drive_the_terminal),
        cmocka_unit_test(a_long_table_stays_whole),
        cmocka_unit_test(says_what_was_scanned_in_one_line),
        cmocka_unit_test(writing_to_a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
