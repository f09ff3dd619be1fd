#include "query/agg.h"

#include "base/mem.h"
#include "query/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* All rows of a batch into an agg by `by`. */
struct fixture {
    struct agg agg;
    struct intern ids;
    struct meter meter;
    struct batch batch;
};

static struct fixture *fixture_new(const char *by, bool raw, size_t limit)
{
    struct fixture *f = mem_new(1, sizeof *f);
    struct keys k;
    struct err err;

    if (spec_keys(by, &k, &err))
        fail_msg("%s", err.text);
    meter_init(&f->meter, raw);
    intern_init(&f->ids, limit);
    assert_true(agg_init(&f->agg, &k, NULL, &f->ids, limit));
    assert_true(batch_init(&f->batch, 4096));
    return f;
}

static void fixture_free(struct fixture *f)
{
    agg_free(&f->agg);
    intern_free(&f->ids);
    meter_free(&f->meter);
    batch_free(&f->batch);
    free(f);
}

static int add_all(struct fixture *f, struct err *err)
{
    uint32_t rows[METER_CHUNK];
    int r = 0;

    meter_batch(&f->meter, &f->batch);
    for (size_t at = 0; !r && at < f->batch.rows; at += METER_CHUNK) {
        size_t n = f->batch.rows - at < METER_CHUNK ? f->batch.rows - at : METER_CHUNK;
        for (size_t i = 0; i < n; i++)
            rows[i] = (uint32_t)(at + i);
        meter_rows(&f->meter, &f->batch, rows, n);
        struct chunk c = {.batch = &f->batch,
                          .meter = &f->meter,
                          .rows = rows,
                          .n = n,
                          .sums = f->meter.sums,
                          .rest = f->meter.fractions ? f->meter.rest : NULL};
        r = agg_add(&f->agg, &c, err);
    }
    batch_reset(&f->batch);
    return r;
}

static void assert_near(double got, double want)
{
    assert_true(got >= want - 1e-9 && got <= want + 1e-9);
}

static struct addr address(const char *text)
{
    struct addr a = {0};
    assert_int_equal(addr_parse(text, &a, NULL), 0);
    return a;
}

static void put_addr(struct fixture *f, enum field_id field, const char *text)
{
    struct addr a = address(text);
    assert_true(batch_put_raw(&f->batch, field, f->batch.rows, &a));
}

static void put(struct fixture *f, enum field_id field, uint64_t v)
{
    assert_true(batch_put_u64(&f->batch, field, f->batch.rows, v));
}

static void put_rate(struct fixture *f, double rate)
{
    assert_true(batch_put_f64(&f->batch, FIELD_RATE, f->batch.rows, rate));
}

static void row(struct fixture *f) { f->batch.rows++; }

/* The group whose key `k` prints (as an address) so, or fails. */
static struct sums by_addr(const struct fixture *f, const char *text)
{
    struct addr want = address(text);
    for (size_t g = 0; g < f->agg.n; g++) {
        struct value v = agg_key(&f->agg, g, 0);
        if (v.type != VALUE_NONE && addr_eq(&v.as.addr, &want))
            return agg_sums(&f->agg, g);
    }
    fail_msg("no group %s", text);
    return sums_none();
}

static void sums_flows_packets_bytes_and_span(void **state)
{
    struct fixture *f = fixture_new("src_addr", false, 1 << 24);

    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        put_addr(f, FIELD_SRC_ADDR, i == 1 ? "2001:db8::1" : "10.0.0.1");
        put(f, FIELD_BYTES, 100 + i);
        put(f, FIELD_PACKETS, i);
        put(f, FIELD_FIRST, 1000 - i * 100);
        put(f, FIELD_LAST, 2000 + i * 100);
        row(f);
    }
    assert_int_equal(add_all(f, NULL), 0);
    agg_finish(&f->agg);
    assert_int_equal(f->agg.n, 2);
    struct sums s = by_addr(f, "10.0.0.1");
    assert_int_equal(s.flows, 2);
    assert_int_equal(s.bytes, 202);
    assert_int_equal(s.packets, 2);
    assert_int_equal(s.first_ms, 800);
    assert_int_equal(s.last_ms, 2200);
    assert_near(sums_bps(&s), 202 * 8 / 1.4);
    assert_near(sums_pps(&s), 2 / 1.4);
    assert_near(sums_bpp(&s), 101);
    s = by_addr(f, "2001:db8::1");
    assert_int_equal(s.bytes, 101);
    fixture_free(f);
}

static void multiplies_by_the_rate_and_only_packets_and_bytes(void **state)
{
    static const double rates[] = {100, 1, 0, -3, 1.5, 1.5};

    (void)state;
    for (int raw = 0; raw < 2; raw++) {
        struct fixture *f = fixture_new("proto", raw, 1 << 24);
        for (size_t i = 0; i < COUNT_OF(rates); i++) {
            put(f, FIELD_PROTO, 6);
            put(f, FIELD_BYTES, 11);
            put(f, FIELD_PACKETS, 1);
            put_rate(f, rates[i]);
            row(f);
        }
        put(f, FIELD_PROTO, 6); /* no rate at all */
        put(f, FIELD_BYTES, 11);
        put(f, FIELD_PACKETS, 1);
        row(f);
        assert_int_equal(add_all(f, NULL), 0);
        agg_finish(&f->agg);
        assert_int_equal(f->agg.n, 1);
        struct sums s = agg_sums(&f->agg, 0);
        assert_int_equal(s.flows, 7);
        /* 100 + 1 + 1 + 1 + 1.5 + 1.5 + 1 times */
        assert_int_equal(s.packets, raw ? 7 : 107);
        assert_int_equal(s.bytes, raw ? 77 : 1177);
        assert_int_equal(f->meter.scaled, !raw);
        struct sums total = f->meter.total;
        sums_add_fraction(&total, &f->meter.total_rest);
        assert_int_equal(total.packets, s.packets);
        assert_int_equal(total.bytes, s.bytes);
        fixture_free(f);
    }
}

static void sums_stay_at_the_largest_number(void **state)
{
    struct fixture *f = fixture_new("proto", false, 1 << 24);

    (void)state;
    for (int i = 0; i < 2; i++) {
        put(f, FIELD_PROTO, 6);
        put(f, FIELD_BYTES, UINT64_MAX - 5);
        put(f, FIELD_PACKETS, UINT64_MAX / 2);
        put_rate(f, 1.5e300);
        row(f);
    }
    assert_int_equal(add_all(f, NULL), 0);
    agg_finish(&f->agg);
    assert_true(agg_sums(&f->agg, 0).bytes == UINT64_MAX);
    assert_true(agg_sums(&f->agg, 0).packets == UINT64_MAX);
    fixture_free(f);
}

static void takes_totals_and_both_ways_where_there_is_no_delta(void **state)
{
    struct fixture *f = fixture_new("proto", false, 1 << 24);

    (void)state;
    put(f, FIELD_PROTO, 1);
    put(f, FIELD_BYTES_TOTAL, 70);
    row(f);
    put(f, FIELD_PROTO, 1);
    put(f, FIELD_INITIATOR_BYTES, 3);
    put(f, FIELD_RESPONDER_BYTES, 4);
    row(f);
    put(f, FIELD_PROTO, 1);
    put(f, FIELD_BYTES, 500);
    put(f, FIELD_BYTES_TOTAL, 9000);
    put(f, FIELD_FLOWS, 12); /* an aggregated record */
    row(f);
    assert_int_equal(add_all(f, NULL), 0);
    assert_int_equal(agg_sums(&f->agg, 0).bytes, 577);
    assert_int_equal(agg_sums(&f->agg, 0).packets, 0);
    assert_int_equal(agg_sums(&f->agg, 0).flows, 14);
    assert_near(sums_bpp(&f->meter.total), 0);
    assert_near(sums_bps(&f->meter.total), 0); /* no times */
    fixture_free(f);
}

static void absent_is_a_group_of_its_own_and_zero_is_not_absent(void **state)
{
    struct fixture *f = fixture_new("src_port,dst_addr", false, 1 << 24);

    (void)state;
    for (int i = 0; i < 2; i++) {
        row(f); /* neither */
        put(f, FIELD_SRC_PORT, 0);
        row(f);
        put_addr(f, FIELD_DST_ADDR, "0.0.0.0");
        row(f);
        put(f, FIELD_SRC_PORT, 0);
        put_addr(f, FIELD_DST_ADDR, "::");
        row(f);
    }
    assert_int_equal(add_all(f, NULL), 0);
    assert_int_equal(f->agg.n, 4);
    for (size_t g = 0; g < 4; g++)
        assert_int_equal(agg_sums(&f->agg, g).flows, 2);
    assert_int_equal(agg_key(&f->agg, 0, 0).type, VALUE_NONE);
    assert_int_equal(agg_key(&f->agg, 0, 1).type, VALUE_NONE);
    assert_int_equal(agg_key(&f->agg, 1, 0).type, VALUE_UINT);
    assert_int_equal(agg_key(&f->agg, 2, 1).type, VALUE_ADDR);
    fixture_free(f);
}

static void masks_each_family_by_its_own_bits(void **state)
{
    struct fixture *f = fixture_new("src_addr/8,32", false, 1 << 24);
    static const char *const in[] = {"10.1.2.3",      "10.200.0.1",      "11.0.0.1",
                                     "2001:db8:1::1", "2001:db8:ffff::", "2001:db9::"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(in); i++) {
        put_addr(f, FIELD_SRC_ADDR, in[i]);
        row(f);
    }
    assert_int_equal(add_all(f, NULL), 0);
    assert_int_equal(f->agg.n, 4);
    assert_int_equal(by_addr(f, "10.0.0.0").flows, 2);
    assert_int_equal(by_addr(f, "11.0.0.0").flows, 1);
    assert_int_equal(by_addr(f, "2001:db8::").flows, 2);
    assert_int_equal(by_addr(f, "2001:db9::").flows, 1);
    assert_int_equal(agg_key(&f->agg, 0, 0).bits, 8);
    assert_int_equal(agg_key(&f->agg, 2, 0).bits, 32);
    fixture_free(f);
}

static void families_do_not_meet_under_an_empty_mask(void **state)
{
    struct fixture *f = fixture_new("src_addr/0,0", false, 1 << 24);

    (void)state;
    put_addr(f, FIELD_SRC_ADDR, "10.1.2.3");
    row(f);
    put_addr(f, FIELD_SRC_ADDR, "2001:db8::1");
    row(f);
    assert_int_equal(add_all(f, NULL), 0);
    assert_int_equal(f->agg.n, 2);
    assert_int_equal(by_addr(f, "0.0.0.0").flows, 1);
    assert_int_equal(by_addr(f, "::").flows, 1);
    fixture_free(f);
}

static void cuts_times_to_buckets_before_1970_too(void **state)
{
    static const struct {
        int64_t ms, bucket;
    } times[] = {{0, 0},
                 {299999, 0},
                 {300000, 300000},
                 {-1, -300000},
                 {-300000, -300000},
                 {-300001, -600000},
                 {INT64_MIN, INT64_MIN},
                 {1700000123456, 1700000100000}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct fixture *f = fixture_new("time/5m", false, 1 << 24);
        put(f, FIELD_TIME, (uint64_t)times[i].ms);
        row(f);
        assert_int_equal(add_all(f, NULL), 0);
        assert_true(agg_key(&f->agg, 0, 0).as.ms == times[i].bucket);
        fixture_free(f);
    }
}

static void keeps_every_kind_of_key_whole(void **state)
{
    struct fixture *f = fixture_new("src_mac,username,mpls,rate,kind,time_ms,bytes", true, 1 << 24);
    static const uint8_t mac[6] = {1, 2, 3, 0xfd, 0xfe, 0xff};

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(batch_put_raw(&f->batch, FIELD_SRC_MAC, f->batch.rows, mac));
        assert_true(batch_put_bytes(&f->batch, FIELD_USERNAME, f->batch.rows, "", 0));
        assert_true(batch_put_bytes(&f->batch, FIELD_MPLS, f->batch.rows, "\0\1\2", 3));
        put_rate(f, 2.5);
        put(f, FIELD_RECORD_KIND, RECORD_NAT);
        put(f, FIELD_TIME, UINT64_C(1700000000001));
        put(f, FIELD_BYTES_TOTAL, 9);
        row(f);
    }
    assert_int_equal(add_all(f, NULL), 0);
    assert_int_equal(f->agg.n, 1);
    assert_memory_equal(agg_key(&f->agg, 0, 0).as.mac, mac, 6);
    assert_int_equal(agg_key(&f->agg, 0, 1).type, VALUE_TEXT);
    assert_int_equal(agg_key(&f->agg, 0, 1).as.s.len, 0);
    assert_int_equal(agg_key(&f->agg, 0, 2).type, VALUE_OCTETS);
    assert_memory_equal(agg_key(&f->agg, 0, 2).as.s.at, "\0\1\2", 3);
    assert_near(agg_key(&f->agg, 0, 3).as.d, 2.5);
    assert_memory_equal(agg_key(&f->agg, 0, 4).as.s.at, "nat", 3);
    assert_true(agg_key(&f->agg, 0, 5).as.ms == INT64_C(1700000000001));
    assert_int_equal(agg_key(&f->agg, 0, 6).as.u, 9);
    fixture_free(f);
}

/* Random rows, some of them without this or that; a loop over all groups counts beside. */
struct naive {
    bool has_addr, has_port;
    struct addr addr;
    uint16_t port;
    uint64_t flows, bytes;
};

static uint32_t random_of(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(*seed >> 8) * below >> 24);
}

static struct naive random_row(struct fixture *f, uint32_t *seed)
{
    struct naive v = {.flows = 1};

    v.has_addr = random_of(seed, 10) > 0;
    v.has_port = random_of(seed, 5) > 0;
    if (v.has_addr) {
        uint8_t v4[4] = {10, 0, (uint8_t)random_of(seed, 20), 1};
        v.addr = addr_of_v4(v4);
        if (random_of(seed, 3) == 0)
            v.addr.b[0] = 0x20; /* IPv6 */
        assert_true(batch_put_raw(&f->batch, FIELD_DST_ADDR, f->batch.rows, &v.addr));
    }
    if (v.has_port) {
        v.port = (uint16_t)random_of(seed, 30);
        put(f, FIELD_SRC_PORT, v.port);
    }
    if (random_of(seed, 4) > 0) {
        v.bytes = random_of(seed, 1000);
        put(f, FIELD_BYTES, v.bytes);
    }
    row(f);
    return v;
}

static struct naive *naive_find(struct naive *all, size_t *n, const struct naive *v)
{
    for (size_t i = 0; i < *n; i++)
        if (all[i].has_addr == v->has_addr && all[i].has_port == v->has_port &&
            addr_eq(&all[i].addr, &v->addr) && all[i].port == v->port)
            return &all[i];
    all[*n] = *v;
    all[*n].flows = all[*n].bytes = 0;
    return &all[(*n)++];
}

static void agrees_with_a_naive_loop(void **state)
{
    struct fixture *f = fixture_new("dst_addr,src_port", false, 1 << 24);
    struct naive *all = mem_new(2000, sizeof *all);
    size_t n = 0;
    uint32_t seed = 7;

    (void)state;
    for (int b = 0; b < 5; b++) {
        for (int i = 0; i < 3000 + b; i++) {
            struct naive v = random_row(f, &seed);
            struct naive *to = naive_find(all, &n, &v);
            to->flows++;
            to->bytes += v.bytes;
        }
        assert_int_equal(add_all(f, NULL), 0);
    }
    assert_int_equal(f->agg.n, n);
    for (size_t g = 0; g < n; g++) {
        struct value a = agg_key(&f->agg, g, 0);
        struct value p = agg_key(&f->agg, g, 1);
        struct naive v = {.has_addr = a.type != VALUE_NONE, .has_port = p.type != VALUE_NONE};
        if (v.has_addr)
            v.addr = a.as.addr;
        if (v.has_port)
            v.port = (uint16_t)p.as.u;
        struct naive *want = naive_find(all, &n, &v);
        assert_int_equal(agg_sums(&f->agg, g).flows, want->flows);
        assert_int_equal(agg_sums(&f->agg, g).bytes, want->bytes);
    }
    free(all);
    fixture_free(f);
}

static void grows_to_many_groups(void **state)
{
    struct fixture *f = fixture_new("bytes", true, (size_t)1 << 28);

    (void)state;
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 300000; i++) {
            put(f, FIELD_BYTES, i * 0x10001);
            row(f);
            if (f->batch.rows == f->batch.cap)
                assert_int_equal(add_all(f, NULL), 0);
        }
        assert_int_equal(add_all(f, NULL), 0);
    }
    assert_int_equal(f->agg.n, 300000);
    for (size_t g = 0; g < f->agg.n; g++) {
        assert_int_equal(agg_sums(&f->agg, g).flows, 2);
        assert_int_equal(agg_key(&f->agg, g, 0).as.u, g * 0x10001);
    }
    fixture_free(f);
}

static void refuses_more_than_its_memory(void **state)
{
    static const char *const by[] = {"bytes", "username", "src_addr"};

    (void)state;
    for (size_t k = 0; k < COUNT_OF(by); k++) {
        struct fixture *f = fixture_new(by[k], true, 2000000);
        struct err err = {""};
        int r = 0;
        for (uint32_t i = 0; i < 1000000 && !r; i++) {
            struct addr a = {.b = {0x20}};
            memcpy(a.b + 4, &i, 4);
            put(f, FIELD_BYTES, i);
            assert_true(batch_put_raw(&f->batch, FIELD_SRC_ADDR, f->batch.rows, &a));
            assert_true(batch_put_bytes(&f->batch, FIELD_USERNAME, f->batch.rows, &i, 4));
            row(f);
            if (f->batch.rows == f->batch.cap)
                r = add_all(f, &err);
        }
        assert_int_equal(r, ERR_LIMIT);
        assert_non_null(strstr(err.text, "memory limit of 2 MB"));
        assert_true(agg_size(&f->agg) <= 2000000);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_flows_packets_bytes_and_span),
        cmocka_unit_test(multiplies_by_the_rate_and_only_packets_and_bytes),
        cmocka_unit_test(sums_stay_at_the_largest_number),
        cmocka_unit_test(takes_totals_and_both_ways_where_there_is_no_delta),
        cmocka_unit_test(absent_is_a_group_of_its_own_and_zero_is_not_absent),
        cmocka_unit_test(masks_each_family_by_its_own_bits),
        cmocka_unit_test(families_do_not_meet_under_an_empty_mask),
        cmocka_unit_test(cuts_times_to_buckets_before_1970_too),
        cmocka_unit_test(keeps_every_kind_of_key_whole),
        cmocka_unit_test(agrees_with_a_naive_loop),
        cmocka_unit_test(grows_to_many_groups),
        cmocka_unit_test(refuses_more_than_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
