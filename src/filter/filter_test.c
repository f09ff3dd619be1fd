/* Every construct of the language against a batch filled by hand. */
#include "filter/filter.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 7 };

static struct batch batch;

static void num(enum field_id f, size_t row, uint64_t v)
{
    assert_true(batch_put_u64(&batch, f, row, v));
}

static void addr(enum field_id f, size_t row, const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse(text, &a, NULL), 0);
    assert_true(batch_put_raw(&batch, f, row, &a));
}

static void bytes(enum field_id f, size_t row, const void *s, size_t n)
{
    assert_true(batch_put_bytes(&batch, f, row, s, n));
}

/* Row 0: IPv4 TCP with nearly everything. */
static void fill_web(void)
{
    static const uint8_t mac[6] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55};

    addr(FIELD_SRC_ADDR, 0, "10.1.2.3");
    addr(FIELD_DST_ADDR, 0, "192.0.2.1");
    addr(FIELD_EXPORTER, 0, "10.1.1.1");
    num(FIELD_PROTO, 0, 6);
    num(FIELD_SRC_PORT, 0, 40000);
    num(FIELD_DST_PORT, 0, 443);
    num(FIELD_TCP_FLAGS, 0, 0x12); /* S A */
    num(FIELD_BYTES, 0, 1500);
    num(FIELD_BYTES_TOTAL, 0, 9000000);
    num(FIELD_PACKETS, 0, 10);
    num(FIELD_SRC_AS, 0, 65008);
    num(FIELD_DST_AS, 0, 100);
    num(FIELD_IN_IF, 0, 3);
    num(FIELD_OUT_IF, 0, 4);
    num(FIELD_FIRST, 0, 1700000000000);
    num(FIELD_LAST, 0, 1700000006000);
    num(FIELD_TIME, 0, 1700000006000);
    num(FIELD_TOS, 0, 0xb8);
    num(FIELD_POST_TOS, 0, 0);
    assert_true(batch_put_raw(&batch, FIELD_SRC_MAC, 0, mac));
    assert_true(batch_put_f64(&batch, FIELD_RATE, 0, 100.5));
    num(FIELD_RATE_FROM, 0, RATE_SAMPLER);
    bytes(FIELD_APP_NAME, 0, "web", 3);
}

static void fill_others(void)
{
    /* 1: IPv4 UDP, totals instead of deltas, a duration instead of times. */
    addr(FIELD_SRC_ADDR, 1, "192.0.2.1");
    addr(FIELD_DST_ADDR, 1, "10.1.2.4");
    addr(FIELD_EXPORTER, 1, "10.1.1.2");
    num(FIELD_PROTO, 1, 17);
    num(FIELD_SRC_PORT, 1, 53);
    num(FIELD_DST_PORT, 1, 5353);
    num(FIELD_BYTES_TOTAL, 1, 5000000);
    num(FIELD_PACKETS_TOTAL, 1, 5000);
    num(FIELD_DURATION, 1, 4000);
    num(FIELD_IN_IF, 1, 7);
    num(FIELD_TIME, 1, 1700000100000);
    bytes(FIELD_USERNAME, 1, "bob \"b\" smith", 13);
    bytes(FIELD_APP_NAME, 1, "", 0);
    /* 2: IPv6 TCP, counted both ways. */
    addr(FIELD_SRC_ADDR, 2, "2001:db8::1");
    addr(FIELD_DST_ADDR, 2, "2001:db8:1::2");
    addr(FIELD_EXPORTER, 2, "2001:db8::ff");
    num(FIELD_PROTO, 2, 6);
    num(FIELD_SRC_PORT, 2, 8080);
    num(FIELD_DST_PORT, 2, 22);
    num(FIELD_TCP_FLAGS, 2, 0x02); /* S */
    num(FIELD_INITIATOR_BYTES, 2, 100);
    num(FIELD_RESPONDER_BYTES, 2, 200);
    num(FIELD_VLAN, 2, 10);
    num(FIELD_DST_AS, 2, 65008);
    /* 3: a NAT event. */
    addr(FIELD_NAT_SRC_ADDR, 3, "198.51.100.7");
    num(FIELD_EVENT, 3, 1700000000000);
    num(FIELD_NAT_EVENT, 3, 1);
    /* 4: no addresses, counters that are zero. */
    num(FIELD_IP_VERSION, 4, 6);
    num(FIELD_PROTO, 4, 58);
    num(FIELD_ICMP_TYPE, 4, 128);
    num(FIELD_BYTES, 4, 0);
    num(FIELD_PACKETS, 4, 0);
    /* 5: nothing at all. 6: bits and pieces. */
    num(FIELD_IP_VERSION, 6, 4);
    num(FIELD_PROTO, 6, 47);
    num(FIELD_SRC_PORT, 6, 80);
    bytes(FIELD_MPLS, 6, "\x0a\x1b\x2c", 3);
    bytes(FIELD_IF_NAME, 6, "Gi0/1", 5);
    static const uint8_t kinds[ROWS] = {RECORD_FLOW, RECORD_FLOW,   RECORD_FLOW, RECORD_NAT,
                                        RECORD_FLOW, RECORD_SAMPLE, RECORD_FLOW};
    for (size_t row = 0; row < ROWS; row++)
        num(FIELD_RECORD_KIND, row, kinds[row]);
}

static int setup(void **state)
{
    (void)state;
    assert_true(batch_init(&batch, ROWS));
    batch.rows = ROWS;
    fill_web();
    fill_others();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    batch_free(&batch);
    return 0;
}

/* The rows that `text` selects, as "0 2 3", must be `rows`. */
static void check(const char *text, const char *rows)
{
    struct filter *f = NULL;
    struct err err = {""};
    uint64_t selected = ~UINT64_C(0);
    char got[32] = "";
    size_t len = 0;

    if (filter_parse(&f, text, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    filter_eval(f, &batch, &selected);
    assert_int_equal(selected >> ROWS, 0);
    for (size_t row = 0; row < ROWS; row++)
        if (selected >> row & 1)
            len += (size_t)snprintf(got + len, sizeof got - len, len ? " %zu" : "%zu", row);
    if (strcmp(got, rows) != 0)
        fail_msg("%s selects rows \"%s\", expected \"%s\"", text, got, rows);
    filter_free(f);
}

struct row {
    const char *text;
    const char *rows;
};

static void check_all(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(rows[i].text, rows[i].rows);
}

static void compares_numbers(void **state)
{
    static const struct row rows[] = {
        {"dst_port = 443", "0"},
        {"dst_port == 443", "0"},
        {"dst_port 443", "0"},
        {"dst_port != 443", "1 2"},
        {"dst_port <> 443", "1 2"},
        {"dst_port < 443", "2"},
        {"dst_port <= 443", "0 2"},
        {"dst_port > 443", "1"},
        {"dst_port >= 443", "0 1"},
        {"dst_port>=443", "0 1"},
        {"dst_port = 0x1bb", "0"},
        {"dst_port < 0", ""},
        {"dst_port >= 0", "0 1 2"},
        {"dst_port > 65535", ""},
        {"dst_port <= 65535", "0 1 2"},
        {"bytes_total >= 5M", "0 1"},
        {"bytes_total = 18446744073709551615", ""},
        {"icmp_type 128", "4"},
        {"ICMP type 128", "4"},
        {"nat event = 1", "3"},
        {"vlan 10", "2"},
        {"rate = 100.5", "0"},
        {"rate > 100", "0"},
        {"rate < 0.1k", ""},
        {"rate in [1, 100.5]", "0"},
        {"src_as > 65007", "0"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void tests_lists_and_ranges(void **state)
{
    static const struct row rows[] = {
        {"dst_port in [22, 443]", "0 2"},
        {"dst_port in [22 443]", "0 2"},
        {"dst port in [20-30, 5000..6000]", "1 2"},
        {"dst port 20-30", "2"},
        {"dst port = [22, 443]", "0 2"},
        {"dst port != [22, 443]", "1"},
        {"dst port != 20-30", "0 1"},
        {"dst port not in [22, 443]", "1 3 4 5 6"},
        {"dst port in 22", "2"},
        {"src_as in [1, 2, 65000-66000]", "0"},
        {"src_as in [1, 2, 65000]", ""},
        {"proto in [tcp, 47]", "0 2 6"},
        {"src_addr in [10.1.2.3, 2001:db8::/32]", "0 2"},
        {"src_addr in [10.1.2.0-10.1.2.5, 192.0.2.0..192.0.2.1]", "0 1"},
        {"src_addr in [10.1.2.4, 10.1.2.2]", ""},
        {"app_name in [ftp, web, \"\"]", "0 1"},
        {"time_ms in [1700000006000, 2030-01-01]", "0"},
        {"src_mac in [00:11:22:33:44:55, 1:2:3:4:5:6]", "0"},
        {"kind in [nat, sample]", "3 5"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void compares_addresses(void **state)
{
    static const struct row rows[] = {
        {"src_addr = 10.1.2.3", "0"},
        {"src_addr != 10.1.2.3", "1 2"},
        {"src_addr = 10.0.0.0/8", "0"},
        {"src_addr in 10.0.0.0/8", "0"},
        {"src_addr != 10.0.0.0/8", "1 2"},
        {"src_addr in 10.9.9.9/8", "0"},
        {"src net 10/8", "0"},
        {"src net 10.1/16", "0"},
        {"src net 10.1.2.2/31", "0"},
        {"src net 0.0.0.0/0", "0 1"},
        {"src net ::/0", "0 1 2"},
        {"src net 2001:db8::/32", "2"},
        {"src 10.1.2.3", "0"},
        {"dst in [10/8]", "1"},
        {"src host 10.1.2.3", "0"},
        {"src ip 2001:db8::1", "2"},
        {"dst ip = 2001:db8:1::2", "2"},
        {"src_addr < 10.1.2.4", "0"},
        {"src_addr >= 192.0.2.1", "1 2"},
        {"src_addr > ffff::", ""},
        {"src_addr <= ::ffff:10.1.2.3", "0"},
        {"exporter 10.1.1.1", "0"},
        {"exporter = 10.1.1.0/24", "0 1"},
        {"nat_src_addr = 198.51.100.0/24", "3"},
        {"inet", "0 1 6"},
        {"ipv4", "0 1 6"},
        {"inet6", "2 4"},
        {"ipv6", "2 4"},
        {"not inet", "2 3 4 5"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void knows_either_side(void **state)
{
    static const struct row rows[] = {
        {"ip 192.0.2.1", "0 1"},
        {"host 10.1.2.4", "1"},
        {"net 10/8", "0 1"},
        {"net in [10.1.2.4/32, 2001:db8:1::/48]", "1 2"},
        {"port 443", "0"},
        {"port in [22, 53]", "1 2"},
        {"port != 443", "1 2"},
        {"port > 9000", "0"},
        {"as 65008", "0 2"},
        {"src as 65008", "0"},
        {"as != 65008", ""},
        {"not as 65008", "1 3 4 5 6"},
        {"if 4", "0"},
        {"in if 3", "0"},
        {"out if 3", ""},
        {"in if in [3, 7]", "0 1"},
        {"mac 00:11:22:33:44:55", "0"},
        {"src mac 0011.2233.4455", "0"},
        {"src mac = 001122334455", "0"},
        {"src mac = 0-11-22-33-44-55", "0"},
        {"src mac > 00:11:22:33:44:54", "0"},
        {"dst mac 00:11:22:33:44:55", ""},
        {"in tos 0xb8", "0"},
        {"out tos 0", "0"},
        {"has port", "0 1 2 6"},
        {"has dst port", "0 1 2"},
        {"has dst and dst port 1-65535", "0 1 2"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void knows_names_of_values(void **state)
{
    static const struct row rows[] = {
        {"proto tcp", "0 2"},
        {"proto UDP", "1"},
        {"protocol gre", "6"},
        {"proto icmp6", "4"},
        {"proto ipv6-icmp", "4"},
        {"proto != tcp", "1 4 6"},
        {"proto < udp", "0 2"},
        {"flags S", "0 2"},
        {"flags SA", "0"},
        {"flags = as", "0"},
        {"flags != A", "2"},
        {"not flags A", "1 2 3 4 5 6"},
        {"tcp_flags = 2", "2"},
        {"flags in [A, 2]", "0 2"},
        {"flags > 2", "0"},
        {"flags 0x12", "0"},
        {"kind nat", "3"},
        {"kind != flow", "3 5"},
        {"kind any", "0 1 2 3 4 5 6"},
        {"rate_from = sampler", "0"},
        {"rate from sampler", "0"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
    if (getservbyname("https", "tcp")) {
        check("dst port https", "0");
        check("port in [domain, ssh]", "1 2");
    }
}

static void compares_text_and_octets(void **state)
{
    static const struct row rows[] = {
        {"app_name = web", "0"},
        {"app_name = Web", ""},
        {"app_name = \"\"", "1"},
        {"app_name != web", "1"},
        {"app_name < x", "0 1"},
        {"app_name >= web", "0"},
        {"app_name > web", ""},
        {"app_name < we", "1"},
        {"if_name Gi0/1", "6"},
        {"if_name = 'Gi0/1'", "6"},
        {"username = \"bob \\\"b\\\" smith\"", "1"},
        {"username = 'bob \"b\" smith'", "1"},
        {"mpls = 0a1b2c", "6"},
        {"mpls 0x0A1B2C", "6"},
        {"mpls != 0a1b", "6"},
        {"mpls in [00, 0a1b2c]", "6"},
        {"mpls < 0b", "6"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void knows_times_and_durations(void **state)
{
    static const struct row rows[] = {
        {"first_ms = 1700000000000", "0"},
        {"first_ms = @1700000000", "0"},
        {"first_ms = 2023-11-14T22:13:20", "0"},
        {"first_ms = \"2023-11-14 22:13:20Z\"", "0"},
        {"first_ms >= 2023-11-14", "0"},
        {"first_ms < 2023-11-14", ""},
        {"time_ms < now", "0 1"},
        {"time_ms > now-1h", ""},
        {"time_ms < now+1h30m", "0 1"},
        {"time_ms in 2023-11-14T22:13:20..2023-11-14T22:13:30", "0"},
        {"duration > 5s", "0"},
        {"duration > 5", "0"},
        {"duration <= 4000ms", "1"},
        {"duration = 4s-6s", "0 1"},
        {"duration < 1m", "0 1"},
        {"duration_ms = 4000", "1"},
        {"duration_ms = 4s", "1"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void computes_measures(void **state)
{
    static const struct row rows[] = {
        {"bytes = 1500", "0"},     {"bytes = 5M", "1"},          {"bytes = 300", "2"},
        {"bytes >= 0", "0 1 2 4"}, {"bytes in [0, 300]", "2 4"}, {"packets > 0", "0 1"},
        {"has bytes", "0 1 2 4"},  {"not has bytes", "3 5 6"},   {"bps = 2000", "0"},
        {"bps = 10M", "1"},        {"bps > 1.5k", "0 1"},        {"pps < 2", "0"},
        {"bpp = 150", "0"},        {"bpp in [150-1000]", "0 1"}, {"has bpp", "0 1"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void absent_is_false_and_not_of_it_true(void **state)
{
    static const struct row rows[] = {
        {"src_as = 65008", "0"},
        {"src_as != 65008", ""},
        {"not src_as = 65008", "1 2 3 4 5 6"},
        {"not src_as != 65008", "0 1 2 3 4 5 6"},
        {"src_as >= 0", "0"},
        {"has src_as", "0"},
        {"not has src_as", "1 2 3 4 5 6"},
        {"packets = 0", "4"},
        {"ssid = x", ""},
        {"ssid != x", ""},
        {"not ssid = x", "0 1 2 3 4 5 6"},
        {"has ssid", ""},
        {"any", "0 1 2 3 4 5 6"},
        {"not any", ""},
        {"", "0 1 2 3 4 5 6"},
        {" \t\n", "0 1 2 3 4 5 6"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

static void not_binds_before_and_before_or(void **state)
{
    static const struct row rows[] = {
        {"proto tcp and port 22 or proto udp", "1 2"},
        {"proto udp or proto tcp and port 22", "1 2"},
        {"(proto udp or proto tcp) and port 22", "2"},
        {"not proto tcp and has proto", "1 4 6"},
        {"not (proto tcp and port 22)", "0 1 3 4 5 6"},
        {"not not proto udp", "1"},
        {"! ! ! proto udp", "0 2 3 4 5 6"},
        {"!proto udp && has proto || kind = nat", "0 2 3 4 6"},
        {"NOT proto udp AND has proto OR kind nat", "0 2 3 4 6"},
        {"proto tcp or proto udp and port 22 or kind nat", "0 2 3"},
        {"(((proto tcp)))", "0 2"},
        {"any and any and proto udp", "1"},
        {"not any or proto udp", "1"},
        {"dst_port < 0 or proto udp", "1"},
        {"src net 10.0.0.0/8 and proto tcp and dst port in [22, 443, 8000-8100] and flags A and "
         "bytes > 1k and (src as 65008 or in if 9) and exporter 10.1.1.1 and duration > 5s and "
         "bps > 1k",
         "0"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
}

/* The same answers in a batch of several chunks, at every place in a word. */
static void selects_the_same_rows_wherever_they_are(void **state)
{
    static const char *const texts[] = {
        "src net 10/8",      "bytes > 1k",
        "not has bytes",     "bps > 1k",
        "app_name = web",    "proto tcp and not as 65008",
        "flags S",           "src_as in [1, 65008, 7]",
        "port in [443, 80]", "src_addr > 10.1.2.2",
    };
    struct batch big;
    uint64_t one;
    uint64_t many[50];

    (void)state;
    assert_true(batch_init(&big, 3000));
    while (big.rows < 2999)
        assert_true(batch_copy_row(&big, &batch, big.rows % ROWS));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct filter *f;
        memset(many, 0xff, sizeof many);
        assert_int_equal(filter_parse(&f, texts[i], NULL), 0);
        filter_eval(f, &batch, &one);
        filter_eval(f, &big, many);
        for (size_t row = 0; row < 3008; row++)
            assert_int_equal(many[row / 64] >> (row % 64) & 1,
                             row < big.rows && (one >> row % ROWS & 1));
        filter_free(f);
    }
    batch_free(&big);
}

static void adds_kind_flow_unless_kind_is_named(void **state)
{
    static const struct row rows[] = {
        {"any", "0 1 2 4 6"},
        {"not proto tcp", "1 4 6"},
        {"proto tcp or kind nat", "0 2 3"},
        {"kind any", "0 1 2 3 4 5 6"},
        {"has kind", "0 1 2 3 4 5 6"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct filter *f;
        uint64_t got;
        uint64_t want = 0;
        assert_int_equal(filter_parse(&f, rows[i].text, NULL), 0);
        assert_int_equal(filter_only_flows(f, NULL), 0);
        assert_int_equal(filter_only_flows(f, NULL), 0);
        filter_eval(f, &batch, &got);
        for (const char *c = rows[i].rows; *c; c++)
            if (*c != ' ')
                want |= UINT64_C(1) << (*c - '0');
        assert_int_equal(got, want);
        filter_free(f);
    }
}

static void names_the_columns_it_needs(void **state)
{
    static const enum field_id needed[] = {
        FIELD_SRC_PORT, FIELD_DST_PORT,        FIELD_BYTES,          FIELD_BYTES_TOTAL,
        FIELD_SRC_ADDR, FIELD_INITIATOR_BYTES, FIELD_RESPONDER_BYTES};
    struct field_set want = {0};
    struct field_set got = {0};
    struct filter *f;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        field_set_add(&want, needed[i]);
    assert_int_equal(filter_parse(&f, "not (port 1 or bytes > 2) and src in [10/8]", NULL), 0);
    assert_false(filter_is_all(f));
    filter_fields(f, &got);
    assert_memory_equal(&got, &want, sizeof got);
    filter_free(f);

    got = (struct field_set){0};
    want = got;
    assert_int_equal(filter_parse(&f, "any", NULL), 0);
    assert_true(filter_is_all(f));
    filter_fields(f, &got);
    assert_memory_equal(&got, &want, sizeof got);
    filter_free(f);
}

static void bounds_fields_for_row_groups(void **state)
{
    static const struct {
        const char *text;
        enum field_id field;
        bool known;
        int64_t min;
        int64_t max;
    } rows[] = {
        {"dst_port = 443", FIELD_DST_PORT, true, 443, 443},
        {"dst_port in [22, 80, 8000-8100]", FIELD_DST_PORT, true, 22, 8100},
        {"dst_port > 80 and dst_port <= 90", FIELD_DST_PORT, true, 81, 90},
        {"dst_port = 80 or dst_port = 90", FIELD_DST_PORT, true, 80, 90},
        {"dst_port = 80 or proto tcp", FIELD_DST_PORT, false, 0, 0},
        {"dst_port = 80 and proto tcp", FIELD_DST_PORT, true, 80, 80},
        {"port 80", FIELD_DST_PORT, false, 0, 0},
        {"dst_port != 80", FIELD_DST_PORT, false, 0, 0},
        {"not dst_port = 80", FIELD_DST_PORT, false, 0, 0},
        {"has dst_port", FIELD_DST_PORT, false, 0, 0},
        {"any", FIELD_DST_PORT, false, 0, 0},
        {"dst_port = 80", FIELD_SRC_PORT, false, 0, 0},
        {"flags S", FIELD_TCP_FLAGS, true, 0, 65535},
        {"src_as in [5, 9, 7]", FIELD_SRC_AS, true, 5, 9},
        {"bytes > 5", FIELD_BYTES, false, 0, 0},
        {"bytes_total > 5", FIELD_BYTES_TOTAL, true, 6, INT64_MAX},
        {"time_ms >= @5", FIELD_TIME, true, 5000, INT64_MAX},
        {"time_ms < @5", FIELD_TIME, true, INT64_MIN, 4999},
        {"time_ms in [@5, @7..@8]", FIELD_TIME, true, 5000, 8000},
        {"src_addr = 10.0.0.1", FIELD_SRC_ADDR, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct filter *f;
        int64_t min = 0;
        int64_t max = 0;
        assert_int_equal(filter_parse(&f, rows[i].text, NULL), 0);
        assert_int_equal(filter_range(f, rows[i].field, &min, &max), rows[i].known);
        assert_int_equal(min, rows[i].min);
        assert_int_equal(max, rows[i].max);
        filter_free(f);
    }
    struct filter *f;
    int64_t min;
    int64_t max;
    assert_int_equal(filter_parse(&f, "dst_port < 5 and dst_port > 7", NULL), 0);
    assert_true(filter_range(f, FIELD_DST_PORT, &min, &max));
    assert_true(min > max);
    filter_free(f);
}

/* Rows with source 10.0.0.1 or 2001:db8::1, destination ports from 80 to 443, times from 5 s to 8
 * s, text, and no other field. */
static bool some_range(const void *arg, enum field_id f, int64_t min, int64_t max)
{
    (void)arg;
    if (f == FIELD_DST_PORT)
        return min <= 443 && max >= 80;
    if (f == FIELD_TIME)
        return min <= 8000 && max >= 5000;
    return f == FIELD_SRC_ADDR || f == FIELD_APP_NAME;
}

static bool some_hold(const void *arg, enum field_id f, const struct addr *value)
{
    char s[ADDR_TEXT];

    (void)arg;
    (void)addr_print(value, s);
    return f == FIELD_SRC_ADDR && (strcmp(s, "10.0.0.1") == 0 || strcmp(s, "2001:db8::1") == 0);
}

static void rules_out_rows_by_what_is_known_of_them(void **state)
{
    static const struct {
        const char *text;
        bool may;
    } rows[] = {
        {"", true},
        {"any", true},
        {"src ip 10.0.0.1", true},
        {"src ip 10.0.0.2", false},
        {"dst ip 10.0.0.1", false},
        {"ip 10.0.0.1", true},
        {"ip 2001:db8::1", true},
        {"ip 10.0.0.2", false},
        {"not ip 10.0.0.2", true},
        {"src_addr != 10.0.0.2", true},
        {"dst_addr != 10.0.0.2", false},
        {"src net 10.0.0.0/24", true},
        {"dst net 10.0.0.0/24", false},
        {"src ip in [10.0.0.2, 10.0.0.4]", false},
        {"src ip in [10.0.0.2, 10.0.0.1]", true},
        {"src ip in [10.0.0.8, 10.9.0.0/16]", true},
        {"ip 10.0.0.1 and dst port 443", true},
        {"ip 10.0.0.1 and dst port 444", false},
        {"ip 10.0.0.2 or dst port 443", true},
        {"ip 10.0.0.2 or dst port 444", false},
        {"dst port 443 and not ip 10.0.0.1", true},
        {"dst port in [1, 500]", true},
        {"dst port < 80", false},
        {"dst port != 80", true},
        {"src port != 80", false},
        {"time_ms > @7", true},
        {"time_ms > @9", false},
        {"has src_addr", true},
        {"has vlan", false},
        {"not has vlan", true},
        {"app_name = \"x\"", true},
        {"ssid = \"x\"", false},
        {"bytes > 5", true}, /* a measure of several fields */
    };
    const struct filter_known k = {.may_range = some_range, .may_hold = some_hold};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct filter *f;
        struct err err;
        if (filter_parse(&f, rows[i].text, &err) != 0)
            fail_msg("%s: %s", rows[i].text, err.text);
        if (filter_may_select(f, &k) != rows[i].may)
            fail_msg("%s", rows[i].text);
        filter_free(f);
    }
}

/* A name of every field can be used: = with a value of its kind, and has. */
static void knows_every_field_of_the_catalogue(void **state)
{
    static const char *const values[KIND_N] = {
        [KIND_U8] = "1",          [KIND_U16] = "1",           [KIND_U32] = "1",
        [KIND_U64] = "1",         [KIND_F64] = "1.5",         [KIND_TIME] = "now",
        [KIND_ADDR] = "10.0.0.1", [KIND_MAC] = "1:2:3:4:5:6", [KIND_TEXT] = "x",
        [KIND_BYTES] = "00",      [KIND_ENUM] = "1",
    };
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
    char text[200];

    (void)state;
    for (int i = 0; i < FIELD_N; i++) {
        const struct field *field = &field_table[i];
        size_t n = field->kind == KIND_ENUM ? 2 : COUNT_OF(ops);
        for (size_t k = 0; k < n; k++) {
            struct filter *f;
            struct field_set used = {0};
            (void)snprintf(text, sizeof text, "%s %s %s and has %s", field->name, ops[k],
                           values[field->kind], field->name);
            assert_int_equal(filter_parse(&f, text, NULL), 0);
            filter_fields(f, &used);
            assert_true(field_set_has(&used, (enum field_id)i));
            filter_free(f);
        }
    }
}

static const char *manual; /* docs/filter.md */

/* Lines between "```filter" and "```" are filters. */
static void takes_every_example_of_the_manual(void **state)
{
    char line[1024];
    bool inside = false;
    int n = 0;
    FILE *in = manual ? fopen(manual, "r") : NULL;

    (void)state;
    if (!in)
        skip();
    while (fgets(line, sizeof line, in)) {
        struct filter *f;
        struct err err;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "```", 3) == 0) {
            inside = strcmp(line, "```filter") == 0;
        } else if (inside) {
            if (filter_parse(&f, line, &err) != 0)
                fail_msg("%s: %s", line, err.text);
            filter_free(f);
            n++;
        }
    }
    (void)fclose(in);
    assert_true(n > 20);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_numbers),
        cmocka_unit_test(tests_lists_and_ranges),
        cmocka_unit_test(compares_addresses),
        cmocka_unit_test(knows_either_side),
        cmocka_unit_test(knows_names_of_values),
        cmocka_unit_test(compares_text_and_octets),
        cmocka_unit_test(knows_times_and_durations),
        cmocka_unit_test(computes_measures),
        cmocka_unit_test(absent_is_false_and_not_of_it_true),
        cmocka_unit_test(not_binds_before_and_before_or),
        cmocka_unit_test(selects_the_same_rows_wherever_they_are),
        cmocka_unit_test(adds_kind_flow_unless_kind_is_named),
        cmocka_unit_test(names_the_columns_it_needs),
        cmocka_unit_test(bounds_fields_for_row_groups),
        cmocka_unit_test(rules_out_rows_by_what_is_known_of_them),
        cmocka_unit_test(knows_every_field_of_the_catalogue),
        cmocka_unit_test(takes_every_example_of_the_manual),
    };

    manual = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, setup, teardown);
}
