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
    .tcp_flags = 0x1b,
    .in_if = 70000,
    .out_if = 70001,
    .ip_version = 4,
    .direction = 1,
    .sampler = 7,
    .next_hop = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
    .src_mask = 24,
    .dst_mask = 22,
    .bgp_next_hop = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9}},
    .src_as = 65008,
    .dst_as = 4200000007,
    .prev_as = 65006,
    .next_as = 65007,
};

static const struct details details = {
    .h = {.dscp = 46,
          .ttl = 63,
          .flow_label = 0xabcde,
          .fragment_id = 0x12345678,
          .fragment_offset = 185,
          .fragment_flags = 0x20,
          .customer_vlan = 200,
          .priority = 5,
          .ethertype = 0x86dd,
          .labels = {{1, 2, 3}, {4, 5, 6}},
          .segment = UINT64_C(0x0100000000001234),
          .header_words = 6,
          .tcp_seq = 0x89abcdef,
          .extensions = 0x46000000},
    .icmp_type = 8,
    .icmpv6_code = 3,
    .udp_src_port = 53,
    .in_vlan = 100,
    .out_vlan = 101,
    .in_src_mac = {2, 0, 0, 0, 0, 1},
    .out_dst_mac = {2, 0, 0, 0, 0, 2},
    .src_prefix = {.b = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2}},
    .interface = 70001,
    .flow_id = UINT64_C(0x1122334455667788),
    .ttl = 63,
    .length_min = 40,
    .length_max = 1500,
    .connection_ms = 3999,
    .server = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}},
    .section = {0x46, 0xb8, 0, 52, 0x12, 0x34},
};

/* A flow of these as the cache gives it out. */
static struct cache_flow *flow_of(const struct record *r)
{
    uint8_t how[CACHE_RUNNING_MAX];
    uint64_t numbers[CACHE_RUNNING_MAX];
    size_t n = record_running(r, how);
    size_t key = record_key_bytes(r);
    size_t values = record_value_bytes(r);
    struct cache_flow *f =
        mem_new(1, sizeof *f + key + values + n * sizeof numbers[0] + sizeof(uint64_t));

    f->first_ms = 1700000000123;
    f->age_ms = 5000;
    f->packets = 3;
    f->bytes = 1500;
    f->tcp_flags = 0x1b;
    f->end = CACHE_END_ACTIVE;
    record_key(r, &facts, &details, f->data);
    record_values(r, &facts, &details, f->data + key);
    record_numbers(r, &details, numbers);
    memcpy(f->data + key + values, numbers, n * sizeof numbers[0]);
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
        {55, FIELD_POST_TOS, 0xb8},
        {6, FIELD_TCP_FLAGS, 0x1b},
        {176, FIELD_ICMP_TYPE, 8},
        {179, FIELD_ICMP_CODE, 3},
        {10, FIELD_IN_IF, 70000},
        {252, FIELD_IN_PHYS_IF, 70000},
        {14, FIELD_OUT_IF, 70001},
        {60, FIELD_IP_VERSION, 4},
        {61, FIELD_DIRECTION, 1},
        {138, FIELD_OBSERVATION_POINT, 70001},
        {195, FIELD_DSCP, 46},
        {192, FIELD_TTL, 63},
        {58, FIELD_VLAN, 100},
        {254, FIELD_POST_DOT1Q_VLAN, 101},
        {244, FIELD_DOT1Q_PRIORITY, 5},
        {256, FIELD_ETHERTYPE, 0x86dd},
        {351, FIELD_LAYER2_SEGMENT_ID, UINT64_C(0x0100000000001234)},
        {31, FIELD_FLOW_LABEL, 0xabcde},
        {245, FIELD_DOT1Q_CUSTOMER_VLAN, 200},
        {88, FIELD_FRAGMENT_OFFSET, 185},
        {54, FIELD_FRAGMENT_ID, 0x12345678},
        {48, FIELD_SAMPLER_ID, 7},
        {197, FIELD_FRAGMENT_FLAGS, 0x20},
        {9, FIELD_SRC_MASK, 24},
        {30, FIELD_DST_MASK, 22},
        {16, FIELD_SRC_AS, 65008},
        {17, FIELD_DST_AS, 4200000007},
        {128, FIELD_NEXT_AS, 65007},
        {129, FIELD_PREV_AS, 65006},
    };
    static const struct {
        uint16_t number;
        enum field_id field;
        const void *value;
        size_t n;
    } octets[] = {
        {8, FIELD_SRC_ADDR, &facts.src, 16},
        {28, FIELD_DST_ADDR, &facts.dst, 16},
        {44, FIELD_SRC_PREFIX, &details.src_prefix, 16},
        {56, FIELD_SRC_MAC, details.in_src_mac, 6},
        {57, FIELD_POST_DST_MAC, details.out_dst_mac, 6},
        {15, FIELD_NEXT_HOP, &facts.next_hop, 16},
        {18, FIELD_BGP_NEXT_HOP, &facts.bgp_next_hop, 16},
    };
    struct setup_record s = {.name = "all"};
    struct record *r;
    struct batch b;

    (void)state;
    for (size_t turn = 0; turn < 2; turn++) { /* which are keys, which values */
        struct record_rows rows = {.record = NULL};
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
        assert_null(record_end(&rows).octets);
        assert_int_equal(b.rows, 2);
        for (size_t i = 0; i < COUNT_OF(numbers); i++)
            assert_int_equal(batch_u64(&b, numbers[i].field, 1), numbers[i].value);
        for (size_t i = 0; i < COUNT_OF(octets); i++)
            assert_memory_equal(batch_at(&b, octets[i].field, 1), octets[i].value, octets[i].n);
        free(f);
        record_rows_free(&rows);
        record_free(r);
        batch_free(&b);
    }
}

/* What has no column, or whose column another element has, stands beside the batch as exported. */
static void octets_hold_what_has_no_column(void **state)
{
    static const struct setup_record s = {.name = "beside",
                                          .fields = {{.number = 7, .len = 2, .key = true},
                                                     {.number = 180, .len = 2, .key = true},
                                                     {.number = 207, .len = 1, .key = true},
                                                     {.number = 71, .len = 3},
                                                     {.number = 184, .len = 4},
                                                     {.number = 64, .len = 4},
                                                     {.number = 313, .len = 6},
                                                     {.enterprise = 9, .number = 12237, .len = 4},
                                                     {.number = 3, .len = 4},
                                                     {.number = 279, .len = 8},
                                                     {.number = 89, .len = 1},
                                                     {.number = 53, .len = 1}},
                                          .n = 12};
    static const uint8_t expected[] = {0,    53,                                  /* 180 */
                                       6,                                         /* 207 */
                                       4,    5,    6,                             /* 71 */
                                       0x89, 0xab, 0xcd, 0xef,                    /* 184 */
                                       0x46, 0,    0,    0,                       /* 64 */
                                       0x46, 0xb8, 0,    52,   0x12, 0x34,        /* 313 */
                                       10,   0,    0,    7,                       /* 9/12237 */
                                       0,    0,    0,    0,    0,    0,    0, 3}; /* 279 */
    struct record_rows rows = {.record = NULL};
    struct record_layout l;
    struct record *r;
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 8));
    assert_int_equal(record_new(&r, &s, NULL), 0);
    struct cache_flow *f = flow_of(r);
    assert_true(record_begin(r, &b, &rows));
    record_row(&rows, f);
    record_row(&rows, f);
    struct encode_rows e = record_end(&rows);
    assert_int_equal(e.stride, sizeof expected);
    assert_memory_equal(e.octets, expected, sizeof expected);
    assert_memory_equal(e.octets + e.stride, expected, sizeof expected);
    assert_int_equal(batch_u64(&b, FIELD_FLOWS, 1), 1);
    assert_int_equal(batch_u64(&b, FIELD_MAX_TTL, 1), 63);
    assert_false(batch_uses(&b, FIELD_FORWARDING_STATUS)); /* a probe does not know it */
    assert_int_equal(record_layout(r, 9, 0, &l, NULL), 0);
    assert_int_equal(l.fields[7].number, 45005); /* Cisco's own in v9 */
    assert_int_equal(l.fields[7].enterprise, 0);
    assert_int_equal(l.octets[0], ENCODE_COLUMN);
    assert_int_equal(l.octets[1], 0);
    assert_int_equal(l.octets[10], ENCODE_ZERO);
    const struct details_wanted *w = record_wanted(r);
    assert_true(w->any && w->connections && !w->intervals);
    assert_int_equal(w->section, 6);
    assert_int_equal(w->payload_section, 0);
    free(f);
    record_rows_free(&rows);
    record_free(r);
    batch_free(&b);
}

/* A key of some of TCP's flags leaves the others out; so does a value. */
static void keeps_some_flags_only(void **state)
{
    struct setup_record s = {
        .name = "flags", .fields = {{.number = 6, .len = 1, .key = true, .flags = 0x12}}, .n = 1};
    uint8_t key[8];
    struct record_rows rows = {.record = NULL};
    struct record *r;
    struct batch b;

    (void)state;
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_key_bytes(r), 8);
    record_key(r, &facts, NULL, key);
    assert_memory_equal(key, "\x12\0\0\0\0\0\0\0", 8);
    record_free(r);
    s.fields[1] = (struct setup_field){.number = 4, .len = 1, .key = true};
    s.fields[0].key = false;
    s.n = 2;
    assert_true(batch_init(&b, 8));
    assert_int_equal(record_new(&r, &s, NULL), 0);
    struct cache_flow *f = flow_of(r);
    assert_true(record_begin(r, &b, &rows));
    record_row(&rows, f);
    (void)record_end(&rows);
    assert_int_equal(batch_u64(&b, FIELD_TCP_FLAGS, 0), 0x12);
    assert_false(record_wanted(r)->any);
    free(f);
    record_free(r);
    batch_free(&b);
}

static struct setup_record traditional(void)
{
    return (struct setup_record){.name = "r",
                                 .fields = {{.number = 8, .len = 4, .key = true},
                                            {.number = 1, .len = 8},
                                            {.number = 2, .len = 4},
                                            {.number = 22, .len = 4},
                                            {.number = 21, .len = 4},
                                            {.number = 6, .len = 1},
                                            {.number = 136, .len = 1}},
                                 .n = 7};
}

static void rows_hold_what_the_cache_counts(void **state)
{
    struct setup_record s = traditional();
    struct record *r;
    struct record_rows rows = {.record = NULL};
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 8));
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_key_bytes(r), 8);
    assert_int_equal(record_value_bytes(r), 0);
    struct cache_flow *f = flow_of(r);
    assert_true(record_begin(r, &b, &rows));
    record_row(&rows, f);
    (void)record_end(&rows);
    assert_int_equal(batch_u64(&b, FIELD_BYTES, 0), 1500);
    assert_int_equal(batch_u64(&b, FIELD_PACKETS, 0), 3);
    assert_int_equal(batch_u64(&b, FIELD_FIRST, 0), INT64_C(1700000000123));
    assert_int_equal(batch_u64(&b, FIELD_LAST, 0), INT64_C(1700000005123));
    assert_int_equal(batch_u64(&b, FIELD_TCP_FLAGS, 0), 0x1b);
    assert_int_equal(batch_u64(&b, FIELD_END_REASON, 0), CACHE_END_ACTIVE);
    free(f);
    record_free(r);
    batch_free(&b);
}

static void ipfix_has_clock_times_in_place_of_uptimes(void **state)
{
    struct setup_record s = traditional();
    struct record_layout l;
    struct record *r;

    (void)state;
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_layout(r, 9, 0, &l, NULL), 0);
    assert_int_equal(l.layout.record_len, 26);
    assert_int_equal(l.fields[3].number, 22);
    assert_int_equal(record_layout(r, 10, 0, &l, NULL), 0);
    assert_int_equal(l.layout.record_len, 34);
    assert_int_equal(l.fields[3].number, 152);
    assert_int_equal(l.fields[4].number, 153);
    assert_int_equal(l.fields[4].len, 8);
    record_free(r);
    s.fields[s.n++] = (struct setup_field){.number = 153, .len = 8};
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_layout(r, 9, 0, &l, NULL), 0);
    assert_int_equal(l.layout.n, 8);
    assert_int_equal(record_layout(r, 10, 0, &l, NULL), 0); /* one element is not there twice */
    assert_int_equal(l.layout.n, 7);
    assert_int_equal(l.fields[3].number, 152);
    assert_int_equal(l.fields[4].number, 6);
    assert_int_equal(l.fields[6].number, 153);
    record_free(r);
}

static void refuses_what_cannot_be(void **state)
{
    struct setup_record s = {
        .name = "six", .fields = {{.number = 27, .len = 16, .key = true}}, .n = 1};
    struct record_layout l;
    struct record *r;
    struct err err;

    (void)state;
    assert_int_equal(record_new(&r, &s, NULL), 0);
    assert_int_equal(record_layout(r, 5, 0, &l, &err), ERR_CONFIG);
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
        cmocka_unit_test(octets_hold_what_has_no_column),
        cmocka_unit_test(keeps_some_flags_only),
        cmocka_unit_test(rows_hold_what_the_cache_counts),
        cmocka_unit_test(ipfix_has_clock_times_in_place_of_uptimes),
        cmocka_unit_test(refuses_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
