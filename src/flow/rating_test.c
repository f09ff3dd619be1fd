/* Sampling as vendors announce it: one test for each way that collectors are known to get wrong. */
#include "flow/rating.h"

#include "flow/kit.h"

static void want_rate(const struct kit *k, size_t row, double rate, enum rate_from from)
{
    want_f64(&k->flows, row, FIELD_RATE, rate);
    want_u64(&k->flows, row, FIELD_RATE_FROM, from);
}

static void options(struct kit *k, uint16_t version, const char *scope, const char *fields,
                    const char *records)
{
    msg_begin(k, version);
    options_set(k, version, 300, scope, fields);
    data_set(k, 300, records);
    kit_send(k);
}

static void flows(struct kit *k, uint16_t version, const char *layout, const char *records)
{
    kit_clear(k);
    kit_flows(k, version, layout, records);
}

/* 305 is not the rate where 306 is there too: (305 + 306) / 305. */
static void nokia_7750_says_taken_and_left_out(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 10, "302:4", "304:2 305:4 306:4", "00000001 0001 00000001 0000270f");
    flows(&k, 10, "8:4 302:4", "0a000001 00000001");
    want_rate(&k, 0, 10000, RATE_SAMPLER);
    /* The same without a selector. */
    options(&k, 10, "149:4", "305:4 306:4", "00000007 00000002 0000000e");
    flows(&k, 10, "8:4", "0a000001");
    want_rate(&k, 0, 8, RATE_DOMAIN);
    kit_close(&k);
}

static void the_selection_method_says_which_numbers_count(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 10, "302:4", "304:2 305:4 306:4 309:4 310:4",
            "00000001 0001 00000001 00000009 00000001 00000064"
            "00000002 0003 00000001 00000009 00000001 00000064");
    flows(&k, 10, "8:4 302:4", "0a000001 00000001 0a000001 00000002");
    want_rate(&k, 0, 10, RATE_SAMPLER);
    want_rate(&k, 1, 100, RATE_SAMPLER);
    kit_close(&k);
}

static void rates_are_kept_by_sampler_not_by_domain(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "48:2 49:1 50:4", "00000000 0001 02 00000064 00000000 0002 02 000003e8");
    flows(&k, 9, "8:4 48:2", "0a000001 0001 0a000001 0002 0a000001 0001");
    want_rate(&k, 0, 100, RATE_SAMPLER);
    want_rate(&k, 1, 1000, RATE_SAMPLER);
    want_rate(&k, 2, 100, RATE_SAMPLER);
    kit_close(&k);
}

/* Juniper PTX: its samplers of IPv4 and IPv6 both have the id 0. */
static void sampler_0_is_a_sampler_where_it_is_announced(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "48:1 50:4", "00000000 00 000007d0 00000000 01 00000064");
    flows(&k, 9, "8:4 48:1", "0a000001 00");
    want_rate(&k, 0, 2000, RATE_SAMPLER);
    kit_close(&k);
}

static void sampler_0_is_none_where_others_are_announced(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.default_rate = 7;
    kit_open(&k);
    options(&k, 9, "1:4", "34:4", "00000000 00000064");
    flows(&k, 9, "8:4 48:1", "0a000001 00");
    want_rate(&k, 0, 100, RATE_DOMAIN); /* no samplers here: 0 says nothing */
    options(&k, 9, "1:4", "48:1 50:4", "00000000 01 000003e8");
    flows(&k, 9, "8:4 48:1", "0a000001 00 0a000001 01");
    want_rate(&k, 0, 1, RATE_NONE);
    want_rate(&k, 1, 1000, RATE_SAMPLER);
    kit_close(&k);
}

/* Cisco ASR 9010: neither 49 nor 50. */
static void an_id_without_a_rate_is_no_rate(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.default_rate = 7;
    kit_open(&k);
    options(&k, 9, "1:4", "48:2 84:4", "00000000 0001 61736b00");
    flows(&k, 9, "8:4 48:2", "0a000001 0001");
    want_rate(&k, 0, 7, RATE_DEFAULT);
    options(&k, 9, "1:4", "48:2 50:4", "00000000 0001 00002710");
    options(&k, 9, "1:4", "48:2 84:4", "00000000 0001 61736b00"); /* and takes none away */
    flows(&k, 9, "8:4 48:2", "0a000001 0001");
    want_rate(&k, 0, 10000, RATE_SAMPLER);
    kit_close(&k);
}

static void juniper_mx_says_34_for_all(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 10, "144:4", "160:8 36:2 37:2 34:4",
            "00000001 0000018bcfe56400 003c 003c 000003e8");
    flows(&k, 10, "8:4 1:8", "0a000001 0000000000000064");
    want_rate(&k, 0, 1000, RATE_DOMAIN);
    want_u64(&k.flows, 0, FIELD_BYTES, 100); /* as it came, not 100,000 */
    kit_close(&k);
}

static void cisco_9300_sends_template_options_and_flows_in_one_datagram(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 9);
    options_set(&k, 9, 300, "1:4", "48:1 50:4");
    data_set(&k, 300, "00000000 01 00000040");
    template_set(&k, 9, 256, "8:4 48:1");
    data_set(&k, 256, "0a000001 01");
    kit_send(&k);
    want_rate(&k, 0, 64, RATE_SAMPLER);
    kit_close(&k);
}

/* MikroTik: 34 and 35 stand in each record. */
static void mikrotik_says_the_rate_in_the_record(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "34:4", "00000000 00000064");
    flows(&k, 9, "8:4 34:4 35:1", "0a000001 00000200 01 0a000001 00000000 00");
    want_rate(&k, 0, 512, RATE_RECORD);
    want_rate(&k, 1, 100, RATE_DOMAIN); /* 0 is no rate */
    kit_close(&k);
}

/* RouterOS 6.49.6: said, not mended. */
static void a_rate_with_its_octets_swapped_is_noticed(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "34:4 35:1", "00000000 64000000 01");
    want_count(&k, COUNT_RATES_SWAPPED, 1);
    flows(&k, 9, "8:4", "0a000001");
    want_rate(&k, 0, 0x64000000, RATE_DOMAIN);
    assert_true(rates_swapped(0x64000000) > 99 && rates_swapped(0x64000000) < 101);
    assert_true(rates_swapped(0xe8030000u) > 999 && rates_swapped(0xe8030000u) < 1001);
    assert_true(rates_swapped(10000) < 1 && rates_swapped(65535) < 1 && rates_swapped(100000) < 1);
    kit_close(&k);
}

/* What nfdump took for the rate, 67 to 69, were octets of the bytes exported: the algorithm beside
 * it, 131, is none. Read in its place, the rate is there. */
static void fortigate_has_counters_around_its_rate(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:2", "40:8 41:8 42:8 36:2 37:2 34:4 35:1",
            "0001 0000004383000000 0000000044000000 0000000000450000 0708 000f 00000001 01");
    flows(&k, 9, "8:4", "0a000001");
    want_rate(&k, 0, 1, RATE_DOMAIN);
    options(&k, 9, "1:4", "34:4 35:1", "00000000 00000043 83");
    want_count(&k, COUNT_RATES_DOUBTED, 1);
    flows(&k, 9, "8:4", "0a000001");
    want_rate(&k, 0, 1, RATE_DOMAIN);
    kit_close(&k);
}

static void huawei_netstream_rates_apply(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "3:4", "48:1 49:1 50:4", "00000003 01 02 000003e8");
    options(&k, 9, "1:4", "34:4 35:1", "00000000 000001f4 02");
    flows(&k, 9, "8:4 48:1", "0a000001 01");
    want_rate(&k, 0, 1000, RATE_SAMPLER);
    flows(&k, 9, "8:4", "0a000001");
    want_rate(&k, 0, 500, RATE_DOMAIN);
    kit_close(&k);
}

/* An exporter with templates of sampled and of unsampled records. */
static void unsampled_records_are_not_scaled(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "48:1 49:1 50:4", "00000000 01 02 000003e8");
    msg_begin(&k, 9);
    template_set(&k, 9, 256, "8:4 48:1");
    template_set(&k, 9, 257, "8:4");
    data_set(&k, 256, "0a000001 01 0a000001 00");
    data_set(&k, 257, "0a000002");
    kit_clear(&k);
    kit_send(&k);
    want_rate(&k, 0, 1000, RATE_SAMPLER);
    want_rate(&k, 1, 1, RATE_NONE);
    want_rate(&k, 2, 1, RATE_NONE);
    kit_close(&k);
}

/* Juniper QFX: a rate for each interface. */
static void rates_differ_by_interface(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 10, "149:4", "34:4", "00000007 00000064");
    options(&k, 10, "10:4", "34:4", "00000001 000003e8 00000002 000007d0");
    flows(&k, 10, "8:4 10:4 14:4",
          "0a000001 00000001 00000002 0a000001 00000003 00000002"
          "0a000001 00000003 00000004");
    want_rate(&k, 0, 1000, RATE_INTERFACE); /* on entry */
    want_rate(&k, 1, 2000, RATE_INTERFACE); /* only the exit's is known */
    want_rate(&k, 2, 100, RATE_DOMAIN);
    flows(&k, 10, "8:4 10:4 14:4 61:1",
          "0a000001 00000001 00000002 00 0a000001 00000001 00000002 01"
          "0a000001 00000003 00000002 00");
    want_rate(&k, 0, 1000, RATE_INTERFACE);
    want_rate(&k, 1, 2000, RATE_INTERFACE);
    want_rate(&k, 2, 100, RATE_DOMAIN); /* metered on entry, where nothing is known */
    kit_close(&k);
}

static void every_way_to_name_the_interface(void **state)
{
    static const struct {
        uint16_t version;
        const char *scope;
    } ways[] = {{9, "2:4"}, {9, "2:2"}, {10, "10:4"}, {10, "14:4"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct kit k;
        kit_setup(&k);
        options(&k, ways[i].version, ways[i].scope, "34:4",
                i == 1 ? "0005 00000040" : "00000005 00000040");
        flows(&k, ways[i].version, "8:4 10:2", "0a000001 0005 0a000001 0006");
        want_rate(&k, 0, 64, RATE_INTERFACE);
        want_rate(&k, 1, 1, RATE_NONE);
        kit_close(&k);
    }
}

/* The sampler's rate is nearer than the interface's; both are learned from one announcement. */
static void a_sampler_at_an_interface_speaks_for_both(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "2:4", "48:1 50:4", "00000005 01 00000040");
    options(&k, 9, "2:4", "48:1 50:4", "00000006 02 00000080");
    flows(&k, 9, "8:4 10:4 48:1", "0a000001 00000005 02");
    want_rate(&k, 0, 128, RATE_SAMPLER);
    flows(&k, 9, "8:4 10:4", "0a000001 00000005");
    want_rate(&k, 0, 64, RATE_INTERFACE);
    kit_close(&k);
}

/* Adaptive sampling: records keep the rate that held when they came. */
static void a_rate_that_changes_by_itself_holds_from_then_on(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 10, "10:4", "34:4", "00000001 000003e8");
    flows(&k, 10, "8:4 10:4", "0a000001 00000001");
    want_rate(&k, 0, 1000, RATE_INTERFACE);
    options(&k, 10, "10:4", "34:4", "00000001 000007d0");
    flows(&k, 10, "8:4 10:4", "0a000001 00000001");
    want_rate(&k, 0, 2000, RATE_INTERFACE);
    kit_close(&k);
}

/* ipt_NETFLOW in v9: the elements are missing from its options. */
static void where_no_rate_is_announced_the_operator_s_default_counts(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.default_rate = 20;
    kit_open(&k);
    options(&k, 9, "1:4", "41:4 42:4", "00000000 00000009 00000063");
    flows(&k, 9, "8:4", "0a000001");
    want_rate(&k, 0, 20, RATE_DEFAULT);
    kit_close(&k);
}

/* nProbe -S: what it samples it may have scaled already; the counters stay as they came. */
static void counters_stay_as_they_came(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "34:4 35:1", "00000000 00000064 01");
    flows(&k, 9, "8:4 1:4 2:4", "0a000001 000003e8 0000000a");
    want_u64(&k.flows, 0, FIELD_BYTES, 1000);
    want_u64(&k.flows, 0, FIELD_PACKETS, 10);
    want_rate(&k, 0, 100, RATE_DOMAIN);
    kit_close(&k);
}

static void v5(struct kit *k, const char *sampling)
{
    buf_reset(&k->msg);
    hex(&k->msg, "0005 0001 000f4240 6553f100 00000000 00000000 0000");
    hex(&k->msg, sampling);
    for (size_t i = 0; i < 48; i++)
        buf_u8(&k->msg, 1);
    kit_send(k);
}

static void the_header_of_v5_is_read_every_time(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    v5(&k, "4064"); /* mode 1, one in 100 */
    v5(&k, "80c8"); /* mode 2, one in 200 */
    v5(&k, "0000");
    want_rate(&k, 0, 100, RATE_HEADER);
    want_rate(&k, 1, 200, RATE_HEADER);
    want_rate(&k, 2, 1, RATE_NONE);
    kit_close(&k);
}

/* forced, record, sampler, interface, domain, default: each is taken away in turn. */
static void the_nearest_counts(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.default_rate = 7;
    kit_open(&k);
    options(&k, 9, "1:4", "34:4", "00000000 00000064");
    options(&k, 9, "2:4", "34:4", "00000005 000000c8");
    options(&k, 9, "1:4", "48:1 50:4", "00000000 01 0000012c");
    flows(&k, 9, "8:4 10:4 34:4 48:1",
          "0a000001 00000005 00000190 01 0a000001 00000005 00000000 01"
          "0a000001 00000005 00000000 02 0a000001 00000006 00000000 02");
    want_rate(&k, 0, 400, RATE_RECORD);
    want_rate(&k, 1, 300, RATE_SAMPLER);
    want_rate(&k, 2, 200, RATE_INTERFACE);
    want_rate(&k, 3, 100, RATE_DOMAIN);
    k.domain++;
    flows(&k, 9, "8:4 10:4 34:4 48:1", "0a000001 00000005 00000000 01");
    want_rate(&k, 0, 7, RATE_DEFAULT);
    kit_close(&k);

    kit_init(&k);
    k.limits.forced_rate = 11;
    kit_open(&k);
    options(&k, 9, "2:4", "34:4", "00000005 000000c8");
    flows(&k, 9, "8:4 10:4 34:4", "0a000001 00000005 00000190");
    want_rate(&k, 0, 11, RATE_FORCED);
    kit_close(&k);
}

static void rates_of_all_kinds_are_in_the_saved_state(void **state)
{
    struct kit k;
    struct buf saved;
    struct err err;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "34:4", "00000000 00000064");
    options(&k, 9, "2:4", "34:4", "00000005 000000c8");
    options(&k, 9, "1:4", "48:1 50:4", "00000000 01 0000012c");
    options(&k, 9, "1:4", "48:1", "00000000 02");
    buf_init(&saved, 1 << 16);
    decoder_save(k.d, &saved);
    decoder_free(k.d);
    kit_open(&k);
    struct cur in = cur_of(saved.data, saved.len);
    assert_int_equal(decoder_load(k.d, &in, &err), 0);
    flows(&k, 9, "8:4 10:4 48:1",
          "0a000001 00000005 01 0a000001 00000005 02 0a000001 00000006 02 0a000001 00000006 00");
    want_rate(&k, 0, 300, RATE_SAMPLER);
    want_rate(&k, 1, 200, RATE_INTERFACE);
    want_rate(&k, 2, 100, RATE_DOMAIN);
    want_rate(&k, 3, 1, RATE_NONE);
    buf_free(&saved);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nokia_7750_says_taken_and_left_out),
        cmocka_unit_test(the_selection_method_says_which_numbers_count),
        cmocka_unit_test(rates_are_kept_by_sampler_not_by_domain),
        cmocka_unit_test(sampler_0_is_a_sampler_where_it_is_announced),
        cmocka_unit_test(sampler_0_is_none_where_others_are_announced),
        cmocka_unit_test(an_id_without_a_rate_is_no_rate),
        cmocka_unit_test(juniper_mx_says_34_for_all),
        cmocka_unit_test(cisco_9300_sends_template_options_and_flows_in_one_datagram),
        cmocka_unit_test(mikrotik_says_the_rate_in_the_record),
        cmocka_unit_test(a_rate_with_its_octets_swapped_is_noticed),
        cmocka_unit_test(fortigate_has_counters_around_its_rate),
        cmocka_unit_test(huawei_netstream_rates_apply),
        cmocka_unit_test(unsampled_records_are_not_scaled),
        cmocka_unit_test(rates_differ_by_interface),
        cmocka_unit_test(every_way_to_name_the_interface),
        cmocka_unit_test(a_sampler_at_an_interface_speaks_for_both),
        cmocka_unit_test(a_rate_that_changes_by_itself_holds_from_then_on),
        cmocka_unit_test(where_no_rate_is_announced_the_operator_s_default_counts),
        cmocka_unit_test(counters_stay_as_they_came),
        cmocka_unit_test(the_header_of_v5_is_read_every_time),
        cmocka_unit_test(the_nearest_counts),
        cmocka_unit_test(rates_of_all_kinds_are_in_the_saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
