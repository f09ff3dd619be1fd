#include "probe/record.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct facts facts = {
    .src = {.b = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1}},
    .dst = {.b = {0x20, 1, 0xd, 0xb8, [15] = 9}},
    .src_port = 1000,
    .dst_port = 0x0803,
    .proto = 1,
    .tos = 0xb8,
    .icmp_type = 8,
    .icmp_code = 3,
    .in_if = 70000,
    .out_if = 70001,
    .ip_version = 4,
    .direction = 1,
    .dscp = 46,
    .ttl = 63,
    .vlan = 100,
    .customer_vlan = 200,
    .flow_label = 0xabcde,
    .fragment_id = 0x12345678,
    .fragment_offset = 185,
    .fragment_flags = 0x20,
    .src_mac = {2, 0, 0, 0, 0, 1},
    .dst_mac = {2, 0, 0, 0, 0, 2},
    .sampler = 7,
    .next_hop = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
    .bgp_next_hop = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}},
    .src_as = 65536,
    .dst_as = 65537,
    .src_mask = 24,
    .dst_mask = 22,
};

/* A flow of these facts as the cache gives it out. */
static struct cache_flow *flow_of(const struct record *r)
{
    struct cache_flow *f =
        mem_new(1, sizeof *f + record_key_bytes(r) + record_value_bytes(r) + sizeof(uint64_t));

    f->first_ms = 1700000000123;
    f->age_ms = 5000;
    f->packets = 3;
    f->bytes = 1500;
    f->tcp_flags = 0x1b;
    f->end = CACHE_END_ACTIVE;
    record_key(r, &facts, f->data);
    record_values(r, &facts, f->data + record_key_bytes(r));
    return f;
}

static void rows_hold_what_was_in_the_packet(void **state)
{
    static const struct {
        uint16_t number;
        enum field_id field;
        uint64_t value;
    } numbers[] = {
        {7, FIELD_SRC_PORT, 1000},
        {11, FIELD_DST_PORT, 0x0803},
        {4, FIELD_PROTO, 1},
        {5, FIELD_TOS, 0xb8},
        {176, FIELD_ICMP_TYPE, 8},
        {179, FIELD_ICMP_CODE, 3},
        {10, FIELD_IN_IF, 70000},
        {14, FIELD_OUT_IF, 70001},
        {60, FIELD_IP_VERSION, 4},
        {61, FIELD_DIRECTION, 1},
        {195, FIELD_DSCP, 46},
        {192, FIELD_TTL, 63},
        {58, FIELD_VLAN, 100},
        {243, FIELD_DOT1Q_VLAN, 100},
        {31, FIELD_FLOW_LABEL, 0xabcde},
        {245, FIELD_DOT1Q_CUSTOMER_VLAN, 200},
        {88, FIELD_FRAGMENT_OFFSET, 185},
        {54, FIELD_FRAGMENT_ID, 0x12345678},
        {48, FIELD_SAMPLER_ID, 7},
        {197, FIELD_FRAGMENT_FLAGS, 0x20},
        {16, FIELD_SRC_AS, 65536},
        {17, FIELD_DST_AS, 65537},
        {9, FIELD_SRC_MASK, 24},
        {30, FIELD_DST_MASK, 22},
    };
    static const struct {
        uint16_t number;
        enum field_id field;
        const void *value;
        size_t n;
    } octets[] = {
        {8, FIELD_SRC_ADDR, &facts.src, 16},
        {28, FIELD_DST_ADDR, &facts.dst, 16},
        {56, FIELD_SRC_MAC, facts.src_mac, 6},
        {80, FIELD_DST_MAC, facts.dst_mac, 6},
        {15, FIELD_NEXT_HOP, &facts.next_hop, 16},
        {63, FIELD_BGP_NEXT_HOP, &facts.bgp_next_hop, 16},
    };
    struct setup_record s = {.name = "all"};
    struct record *r;
    struct record_rows rows;
    struct batch b;

    (void)state;
    for (size_t turn = 0; turn < 2; turn++) { /* which are keys, which values */
        s.n = 0;
        for (size_t i = 0; i < COUNT_OF(numbers); i++)
            s.fields[s.n++] =
                (struct setup_field){.number = numbers[i].number, .key = i % 2 == turn};
        for (size_t i = 0; i < COUNT_OF(octets); i++)
            s.fields[s.n++] =
                (struct setup_field){.number = octets[i].number, .key = i % 2 == turn};
        assert_true(batch_init(&b, 8));
        assert_int_equal(record_new(&r, &s, NULL), 0);
        struct cache_flow *f = flow_of(r);
        assert_true(record_begin(r, &b, &rows));
        record_row(&rows, f);
        record_row(&rows, f);
        record_end(&rows);
        assert_int_equal(b.rows, 2);
        for (size_t i = 0; i < COUNT_OF(numbers); i++)
            assert_int_equal(batch_u64(&b, numbers[i].field, 1), numbers[i].value);
        for (size_t i = 0; i < COUNT_OF(octets); i++)
            assert_memory_equal(batch_at(&b, octets[i].field, 1), octets[i].value, octets[i].n);
        free(f);
        record_free(r);
        batch_free(&b);
    }
}

static struct setup_record traditional(void)
{
    return (struct setup_record){.name = "r",
                                 .fields = {{.number = 8, .len = 4, .key = true},
                                            {.number = 32, .len = 2, .key = true},
                                            {.number = 1, .len = 8},
                                            {.number = 2, .len = 4},
                                            {.number = 22, .len = 4},
                                            {.number = 21, .len = 4},
                                            {.number = 6, .len = 1},
                                            {.number = 136, .len = 1},
                                            {.number = 161, .len = 4}},
                                 .n = 9};
}

static void rows_hold_what_the_cache_counts(void **state)
{
    struct setup_record s = traditional();
    struct record *r;
    struct record_rows rows;
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 8));
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_key_bytes(r), 8);
    assert_int_equal(record_value_bytes(r), 0);
    struct cache_flow *f = flow_of(r);
    assert_true(record_begin(r, &b, &rows));
    record_row(&rows, f);
    record_end(&rows);
    assert_int_equal(batch_u64(&b, FIELD_ICMP_TYPE, 0), 8);
    assert_int_equal(batch_u64(&b, FIELD_ICMP_CODE, 0), 3);
    assert_int_equal(batch_u64(&b, FIELD_BYTES, 0), 1500);
    assert_int_equal(batch_u64(&b, FIELD_PACKETS, 0), 3);
    assert_int_equal(batch_u64(&b, FIELD_FIRST, 0), INT64_C(1700000000123));
    assert_int_equal(batch_u64(&b, FIELD_LAST, 0), INT64_C(1700000005123));
    assert_int_equal(batch_u64(&b, FIELD_DURATION, 0), 5000);
    assert_int_equal(batch_u64(&b, FIELD_TCP_FLAGS, 0), 0x1b);
    assert_int_equal(batch_u64(&b, FIELD_END_REASON, 0), CACHE_END_ACTIVE);
    free(f);
    record_free(r);
    batch_free(&b);
}

static void ipfix_has_clock_times_in_place_of_uptimes(void **state)
{
    struct setup_record s = traditional();
    struct layout_field fields[SETUP_FIELDS];
    struct layout l;
    struct record *r;

    (void)state;
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_layout(r, 9, fields, &l, NULL), 0);
    assert_int_equal(l.record_len, 32);
    assert_int_equal(fields[4].number, 22);
    assert_int_equal(record_layout(r, 10, fields, &l, NULL), 0);
    assert_int_equal(l.record_len, 40);
    assert_int_equal(fields[4].number, 152);
    assert_int_equal(fields[5].number, 153);
    assert_int_equal(fields[5].len, 8);
    record_free(r);
}

static void refuses_what_cannot_be(void **state)
{
    struct setup_record s = {
        .name = "six", .fields = {{.number = 27, .len = 16, .key = true}}, .n = 1};
    struct layout_field fields[SETUP_FIELDS];
    struct layout l;
    struct record *r;
    struct err err;

    (void)state;
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_layout(r, 5, fields, &l, &err), ERR_CONFIG);
    assert_string_equal(err.text, "record six: NetFlow v5 cannot carry element 27 (an IPv6 "
                                  "address): expected version 9 or IPFIX");
    record_free(r);
    s.fields[0].number = 499;
    assert_int_equal(record_new(&r, &s, &err), ERR_CONFIG);
    assert_string_equal(err.text, "record six: element 0/499 is not metered");
    s.fields[0] = (struct setup_field){.number = 1, .len = 8};
    assert_int_equal(record_new(&r, &s, &err), ERR_CONFIG);
    assert_string_equal(err.text, "record six has no key: expected match");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold_what_was_in_the_packet),
        cmocka_unit_test(rows_hold_what_the_cache_counts),
        cmocka_unit_test(ipfix_has_clock_times_in_place_of_uptimes),
        cmocka_unit_test(refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
