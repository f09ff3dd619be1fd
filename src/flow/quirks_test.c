/* What vendors' exporters do that others do not: a datagram of each, made by hand, and what is made
 * of it. Sampling has a file of its own, rating_test.c. */
#include "flow/kit.h"
#include "flow/measure.h"

static const uint64_t export_ms = UINT64_C(1000) * KIT_S;

static void one(struct kit *k, uint16_t version, const char *layout, const char *record)
{
    kit_clear(k);
    kit_flows(k, version, layout, record);
    assert_int_equal(k->flows.rows, 1);
}

static void want_no_trouble(struct kit *k)
{
    static const enum count_id trouble[] = {COUNT_BAD_VERSION, COUNT_BAD_HEADER, COUNT_BAD_COUNT,
                                            COUNT_BAD_LENGTH,  COUNT_BAD_SET,    COUNT_BAD_TEMPLATE,
                                            COUNT_BAD_RECORD,  COUNT_SETS_HELD};

    for (size_t i = 0; i < COUNT_OF(trouble); i++)
        want_count(k, trouble[i], 0);
    assert_string_equal(k->reason, "");
}

/* --- time --- */

static void nx_os_8_1_sends_uptimes_of_8_octets(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "22:8 21:8", "00000000000f3e58 00000000000f4240"); /* of 1,000,000 */
    want_u64(&k.flows, 0, FIELD_FIRST, export_ms - 1000);
    want_u64(&k.flows, 0, FIELD_LAST, export_ms);
    kit_close(&k);
}

static void ios_xr_6_0_sends_times_of_zero(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "8:4 152:8 153:8", "0a000001 0000000000000000 0000000000000000");
    want_u64(&k.flows, 0, FIELD_FIRST, 0);        /* as it came */
    want_u64(&k.flows, 0, FIELD_TIME, export_ms); /* what questions go by */
    kit_close(&k);
}

static void viptela_sends_seconds(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "8:4 150:4 151:4", "0a000001 6553f0f6 6553f0ff"); /* 10 s and 1 s before */
    want_u64(&k.flows, 0, FIELD_FIRST, export_ms - 10000);
    want_u64(&k.flows, 0, FIELD_LAST, export_ms - 1000);
    want_u64(&k.flows, 0, FIELD_TIME, export_ms - 1000);
    kit_close(&k);
}

/* Seconds since 1900 and 2^-32 of a second, not a count of nanoseconds. */
static void vpp_sends_nanoseconds_as_ntp_does(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "156:8 157:8", "e8fe6f7000000000 e8fe6f7080000000"); /* 0x6553f0f0 + 2208988800 s */
    want_u64(&k.flows, 0, FIELD_FIRST, export_ms - 16000);
    want_u64(&k.flows, 0, FIELD_LAST, export_ms - 16000 + 500);
    kit_close(&k);
}

static void uptimes_wrap_after_49_7_days(void **state)
{
    struct kit k;
    uint64_t ms;

    (void)state;
    kit_setup(&k);
    k.uptime_ms = 500; /* the flow began 1,000 ms before the wrap */
    one(&k, 9, "22:4 21:4", "fffffc18 000001f4");
    want_u64(&k.flows, 0, FIELD_FIRST, export_ms - 1500);
    want_u64(&k.flows, 0, FIELD_LAST, export_ms);
    assert_true(measure_at(&k.flows, MEASURE_DURATION_MS, 0, &ms));
    assert_int_equal(ms, 1500); /* not 4,290,000 s */
    kit_close(&k);
}

static void juniper_mx_ends_before_it_starts(void **state)
{
    struct kit k;
    uint64_t ms;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "22:4 21:4", "000f4240 000f3e58");
    want_u64(&k.flows, 0, FIELD_FIRST, export_ms); /* as it came */
    want_u64(&k.flows, 0, FIELD_LAST, export_ms - 1000);
    assert_false(measure_at(&k.flows, MEASURE_DURATION_MS, 0, &ms));
    kit_close(&k);
}

/* SonicWall, MikroTik: no element 160 anywhere. */
static void ipfix_with_uptimes_and_no_start_has_uptimes(void **state)
{
    struct kit k;
    uint64_t ms;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "22:4 21:4", "fffffc18 000001f4");
    want_none(&k.flows, 0, FIELD_FIRST);
    want_u64(&k.flows, 0, FIELD_LAST_UPTIME, 500);
    want_u64(&k.flows, 0, FIELD_TIME, export_ms);
    assert_false(measure_at(&k.flows, MEASURE_DURATION_MS, 0, &ms)); /* wrapped: unknown */
    kit_close(&k);
}

static void palo_alto_sends_events_without_a_time(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "8:4 233:1", "0a000001 02");
    want_u64(&k.flows, 0, FIELD_TIME, export_ms);
    kit_close(&k);
}

/* --- datagrams and templates --- */

static void palo_alto_pads_datagrams_with_zeros(void **state)
{
    struct kit k;

    (void)state;
    for (size_t zeros = 1; zeros <= 64; zeros++) {
        kit_setup(&k);
        msg_begin(&k, 9);
        template_set(&k, 9, 256, "8:4 1:4");
        data_set(&k, 256, "0a000001 00000064");
        for (size_t i = 0; i < zeros; i++)
            buf_u8(&k.msg, 0);
        kit_send(&k);
        assert_int_equal(k.flows.rows, 1);
        want_no_trouble(&k);
        kit_close(&k);
    }
}

static void juniper_srx_has_fields_of_no_octets(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "8:4 130:0 1:4 500:0", "0a000001 00000064");
    want_u64(&k.flows, 0, FIELD_BYTES, 100);
    want_none(&k.flows, 0, FIELD_EXPORTER_ADDR);
    msg_begin(&k, 9); /* and scopes */
    options_set(&k, 9, 300, "1:0", "34:4");
    data_set(&k, 300, "00000064");
    kit_send(&k);
    one(&k, 9, "8:4", "0a000001");
    want_f64(&k.flows, 0, FIELD_RATE, 100);
    want_no_trouble(&k);
    kit_close(&k);
}

static void extreme_sends_v1_of_52_octets(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    buf_reset(&k.msg);
    hex(&k.msg, "0001 0002 000f4240 6553f100 00000000");
    for (unsigned i = 1; i <= 2; i++) {
        hex(&k.msg, "0a000001 0a000002 0a0000fe 0001 0002 00000003 00000100 000f3e58 000f4240");
        hex(&k.msg, "0050 01bb 0000 06 00 12 000000 00000000 00000000");
    }
    kit_send(&k);
    assert_int_equal(k.flows.rows, 2);
    for (size_t row = 0; row < 2; row++) {
        want_addr(&k.flows, row, FIELD_SRC_ADDR, "10.0.0.1");
        want_addr(&k.flows, row, FIELD_DST_ADDR, "10.0.0.2");
        want_u64(&k.flows, row, FIELD_PACKETS, 3);
        want_u64(&k.flows, row, FIELD_BYTES, 256);
        want_u64(&k.flows, row, FIELD_DST_PORT, 443);
        want_u64(&k.flows, row, FIELD_PROTO, 6);
        want_u64(&k.flows, row, FIELD_TCP_FLAGS, 0x12);
    }
    want_no_trouble(&k);
    kit_close(&k);
}

/* As IPFIX does: an octet with the length, or 255 and two more. */
static void h3c_has_text_of_any_length_in_v9(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "8:4 82:v 1:4", "0a000001 04 65746830 00000064 0a000002 ff0002 6c6f 000000c8");
    assert_int_equal(k.flows.rows, 2);
    want_text(&k.flows, 0, FIELD_IF_NAME, "eth0");
    want_u64(&k.flows, 0, FIELD_BYTES, 100);
    want_text(&k.flows, 1, FIELD_IF_NAME, "lo");
    want_u64(&k.flows, 1, FIELD_BYTES, 200);
    want_no_trouble(&k);
    kit_close(&k);
}

/* --- values --- */

static void broadband_gateways_have_large_interface_numbers(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "10:4 14:4", "fffffffe 3fffffff");
    want_u64(&k.flows, 0, FIELD_IN_IF, UINT64_C(0xfffffffe));
    want_u64(&k.flows, 0, FIELD_OUT_IF, 0x3fffffff);
    one(&k, 10, "10:8", "0000000080000001");
    want_u64(&k.flows, 0, FIELD_IN_IF, UINT64_C(0x80000001));
    one(&k, 10, "10:8", "0000000180000001"); /* no interface has such: kept, not cut */
    want_none(&k.flows, 0, FIELD_IN_IF);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/10\":[\"0000000180000001\"]}");
    kit_close(&k);
}

/* No enterprise bit in v9: 0x8000 and up are numbers (NSEL, nProbe from 57472 on). */
static void numbers_from_32768_on_are_plain_in_v9(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "8:4 33000:12 40001:4 57500:2", "0a000001 0102030405060708090a0b0c c0000201 0007");
    want_bytes(&k.flows, 0, FIELD_IN_ACL, "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    want_addr(&k.flows, 0, FIELD_NAT_SRC_ADDR, "192.0.2.1");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/57500\":[\"0007\"]}");
    kit_close(&k);
}

static void fortigate_has_counters_of_8_octets_and_applications_of_9(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "1:8 2:8 95:9", "0000000100000064 0000000000000003 14 0000304400003f0a");
    want_u64(&k.flows, 0, FIELD_BYTES, UINT64_C(0x100000064));
    want_u64(&k.flows, 0, FIELD_PACKETS, 3);
    want_u64(&k.flows, 0, FIELD_APP_ENGINE, 20);
    want_u64(&k.flows, 0, FIELD_APP_SELECTOR, UINT64_C(0x0000304400003f0a));
    kit_close(&k);
}

/* Told apart by what is inside. */
static void cisco_repeats_its_element_12235(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "8:4 9/12235:v 9/12235:v", "0a000001 03 030001 04 03000261");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"9/12235\":[\"030001\",\"03000261\"]}");
    kit_close(&k);
}

/* Forcepoint, Junos CGNAT, ASR 1000, ISR, OVS. */
static void the_observation_time_stands_twice(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "323:8 230:1 323:8 225:4", "0000018bcfe567ff 01 0000018bcfe56000 c0000201");
    want_u64(&k.flows, 0, FIELD_EVENT, export_ms - 1);
    want_u64(&k.flows, 0, FIELD_TIME, export_ms - 1);
    want_addr(&k.flows, 0, FIELD_NAT_SRC_ADDR, "192.0.2.1");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/323\":[\"0000018bcfe56000\"]}");
    kit_close(&k);
}

static void both_families_in_one_record_and_one_is_zero(void **state)
{
    static const char *const layout = "8:4 27:16 12:4 28:16";
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, layout,
        "00000000 20010db8000000000000000000000001 00000000 20010db8000000000000000000000002");
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "2001:db8::1");
    want_addr(&k.flows, 0, FIELD_DST_ADDR, "2001:db8::2");
    one(&k, 9, layout,
        "0a000001 00000000000000000000000000000000 0a000002 00000000000000000000000000000000");
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    want_none(&k.flows, 0, FIELD_EXTRA);
    kit_close(&k);
}

static void cloudgenix_has_no_counters(void **state)
{
    struct kit k;
    uint64_t v;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "8:4 12:4 4:1", "0a000001 0a000002 06");
    want_u64(&k.flows, 0, FIELD_RECORD_KIND, RECORD_FLOW);
    assert_false(measure_at(&k.flows, MEASURE_BYTES, 0, &v));
    kit_close(&k);
}

/* --- events --- */

/* Updates carry deltas and the teardown totals: none of them is a flow, so that no total has both.
 */
static void asa_events_are_apart_from_flows(void **state)
{
    struct kit k;
    uint64_t v;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "148:4 8:4 233:1 231:4 232:4 298:4 299:4",
              "00000001 0a000001 01 00000000 00000000 00000000 00000000"
              "00000001 0a000001 05 00000064 00000032 00000002 00000001"
              "00000001 0a000001 02 000000c8 00000064 00000004 00000002");
    for (size_t row = 0; row < 3; row++)
        want_u64(&k.flows, row, FIELD_RECORD_KIND, RECORD_FIREWALL);
    assert_true(measure_at(&k.flows, MEASURE_BYTES, 2, &v) && v == 300);
    assert_true(measure_at(&k.flows, MEASURE_PACKETS, 2, &v) && v == 6);
    kit_close(&k);
}

/* Some releases have the classic counters too, always 0, and the event under its first number. */
static void asa_events_with_classic_counters_of_zero_are_events(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "8:4 1:4 2:4 40005:1 231:4 232:4",
        "0a000001 00000000 00000000 02 00000064 00000032");
    want_u64(&k.flows, 0, FIELD_RECORD_KIND, RECORD_FIREWALL);
    want_u64(&k.flows, 0, FIELD_FW_EVENT, 2);
    want_u64(&k.flows, 0, FIELD_INITIATOR_BYTES, 100);
    kit_close(&k);
}

/* Palo Alto's flows say the event that ended them beside their counters. */
static void flows_that_name_an_event_are_flows(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "8:4 1:4 2:4 233:1", "0a000001 00000064 00000002 02");
    want_u64(&k.flows, 0, FIELD_RECORD_KIND, RECORD_FLOW);
    kit_close(&k);
}

static void nat_events_have_both_addresses(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "323:8 4:1 8:4 225:4 7:2 227:2 12:4 226:4 11:2 228:2 230:1",
        "0000018bcfe567ff 06 0a000001 c6336401 1388 2710 c0000201 c0000201 01bb 01bb 01");
    want_u64(&k.flows, 0, FIELD_RECORD_KIND, RECORD_NAT);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    want_addr(&k.flows, 0, FIELD_NAT_SRC_ADDR, "198.51.100.1");
    want_u64(&k.flows, 0, FIELD_SRC_PORT, 5000);
    want_u64(&k.flows, 0, FIELD_NAT_SRC_PORT, 10000);
    want_u64(&k.flows, 0, FIELD_NAT_EVENT, 1);
    want_u64(&k.flows, 0, FIELD_TIME, export_ms - 1);
    want_none(&k.flows, 0, FIELD_BYTES);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nx_os_8_1_sends_uptimes_of_8_octets),
        cmocka_unit_test(ios_xr_6_0_sends_times_of_zero),
        cmocka_unit_test(viptela_sends_seconds),
        cmocka_unit_test(vpp_sends_nanoseconds_as_ntp_does),
        cmocka_unit_test(uptimes_wrap_after_49_7_days),
        cmocka_unit_test(juniper_mx_ends_before_it_starts),
        cmocka_unit_test(ipfix_with_uptimes_and_no_start_has_uptimes),
        cmocka_unit_test(palo_alto_sends_events_without_a_time),
        cmocka_unit_test(palo_alto_pads_datagrams_with_zeros),
        cmocka_unit_test(juniper_srx_has_fields_of_no_octets),
        cmocka_unit_test(extreme_sends_v1_of_52_octets),
        cmocka_unit_test(h3c_has_text_of_any_length_in_v9),
        cmocka_unit_test(broadband_gateways_have_large_interface_numbers),
        cmocka_unit_test(numbers_from_32768_on_are_plain_in_v9),
        cmocka_unit_test(fortigate_has_counters_of_8_octets_and_applications_of_9),
        cmocka_unit_test(cisco_repeats_its_element_12235),
        cmocka_unit_test(the_observation_time_stands_twice),
        cmocka_unit_test(both_families_in_one_record_and_one_is_zero),
        cmocka_unit_test(cloudgenix_has_no_counters),
        cmocka_unit_test(asa_events_are_apart_from_flows),
        cmocka_unit_test(asa_events_with_classic_counters_of_zero_are_events),
        cmocka_unit_test(flows_that_name_an_event_are_flows),
        cmocka_unit_test(nat_events_have_both_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
