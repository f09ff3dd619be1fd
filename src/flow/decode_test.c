/* Datagrams as a whole: what is in them, what is wrong with them, and what is kept between them. */
#include "flow/kit.h"

static void several_sets_and_templates_of_one_datagram(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 9);
    template_set(&k, 9, 256, "8:4 1:4");
    data_set(&k, 256, "0a000001 00000001 0a000002 00000002");
    template_set(&k, 9, 257, "27:16");
    data_set(&k, 257, "20010db8000000000000000000000001");
    data_set(&k, 256, "0a000003 00000003");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 4);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    want_addr(&k.flows, 2, FIELD_SRC_ADDR, "2001:db8::1");
    want_u64(&k.flows, 3, FIELD_BYTES, 3);
    want_count(&k, COUNT_TEMPLATES, 2);
    assert_int_equal(k.events[DECODE_TEMPLATES], 2);
    assert_int_equal(k.events[DECODE_FLOWS], 3);
    assert_int_equal(k.events[DECODE_MALFORMED], 0);
    kit_close(&k);
}

static void every_row_says_where_it_comes_from(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "1:4", "00000001");
    want_addr(&k.flows, 0, FIELD_EXPORTER, "192.0.2.1");
    want_u64(&k.flows, 0, FIELD_VERSION, 9);
    want_u64(&k.flows, 0, FIELD_DOMAIN, 7);
    want_u64(&k.flows, 0, FIELD_RECEIVED, UINT64_C(1700000000250));
    want_u64(&k.flows, 0, FIELD_EXPORT, UINT64_C(1700000000000));
    want_u64(&k.flows, 0, FIELD_RECORD_KIND, RECORD_FLOW);
    want_none(&k.flows, 0, FIELD_ENGINE_ID);
    kit_close(&k);
}

/* DATA.md 8: last, else event, else export, else received; the first that is plausible. */
static void the_time_of_a_row_is_the_first_that_is_plausible(void **state)
{
    static const uint64_t day = 86400000;
    struct kit k;
    uint64_t received;

    (void)state;
    kit_setup(&k);
    received = (uint64_t)k.received_ms;
    kit_flows(&k, 10, "153:8 323:8",
              "0000018bcfe56000 0000018bcfe55000" /* both */
              "0000000000000000 0000018bcfe55000" /* last of 1970 */
              "7fffffffffffffff ffffffffffffffff" /* both absurd */
              "000000000000000a 0000000000000000");
    want_u64(&k.flows, 0, FIELD_TIME, UINT64_C(0x18bcfe56000));
    want_u64(&k.flows, 1, FIELD_TIME, UINT64_C(0x18bcfe55000));
    want_u64(&k.flows, 2, FIELD_TIME, UINT64_C(1700000000000));
    want_u64(&k.flows, 3, FIELD_TIME, UINT64_C(1700000000000));
    want_u64(&k.flows, 2, FIELD_LAST, INT64_MAX); /* as the wire says, not clamped */

    k.export_s = 0; /* an exporter without a clock */
    kit_clear(&k);
    kit_flows(&k, 10, "1:4", "00000001");
    want_u64(&k.flows, 0, FIELD_TIME, received);
    want_u64(&k.flows, 0, FIELD_EXPORT, 0);

    k.export_s = (uint32_t)((received + day) / 1000); /* to the day, and a second more */
    kit_clear(&k);
    kit_flows(&k, 10, "1:4", "00000001");
    want_u64(&k.flows, 0, FIELD_TIME, (uint64_t)k.export_s * 1000);
    k.export_s++;
    kit_clear(&k);
    kit_flows(&k, 10, "1:4", "00000001");
    want_u64(&k.flows, 0, FIELD_TIME, received);
    kit_close(&k);
}

static void the_count_of_v9_is_not_trusted(void **state)
{
    static const uint16_t counts[] = {0, 1, 2, 65535};
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        kit_clear(&k);
        msg_begin(&k, 9);
        template_set(&k, 9, 256, "1:4");
        data_set(&k, 256, "00000001 00000002 00000003");
        patch_u16(&k, 2, counts[i]);
        kit_send(&k);
        assert_int_equal(k.flows.rows, 3);
        assert_int_equal(k.events[DECODE_MALFORMED], 0);
    }
    kit_close(&k);
}

/* A real exporter says two octets too few (capture ipfix-telegraf-14370): the octets decide, and
 * that the length is wrong is counted. */
static void a_wrong_length_of_ipfix_is_counted_and_the_octets_decide(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "1:4");
    data_set(&k, 256, "00000001");
    for (size_t length = 0; length < k.msg.len + 10; length++) {
        if (length == k.msg.len)
            continue;
        kit_clear(&k);
        patch_u16(&k, 2, length);
        kit_datagram(&k, k.msg.data, k.msg.len);
        decoder_flush(k.d);
        assert_int_equal(k.flows.rows, 1);
        want_count(&k, COUNT_BAD_LENGTH, 1);
    }
    kit_close(&k);
}

static void messages_of_ipfix_may_share_a_datagram(void **state)
{
    struct kit k;
    uint8_t both[256];
    size_t n;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "1:4 158:4");
    data_set(&k, 256, "00000001 00000000");
    patch_u16(&k, 2, k.msg.len);
    memcpy(both, k.msg.data, n = k.msg.len);
    k.export_s += 5;
    k.domain++;
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "1:4 158:4");
    data_set(&k, 256, "00000002 00000000");
    patch_u16(&k, 2, k.msg.len);
    memcpy(both + n, k.msg.data, k.msg.len);
    kit_datagram(&k, both, n + k.msg.len);
    decoder_flush(k.d);
    assert_int_equal(k.flows.rows, 2);
    want_u64(&k.flows, 0, FIELD_BYTES, 1);
    want_u64(&k.flows, 0, FIELD_DOMAIN, 7);
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1700000000000));
    want_u64(&k.flows, 1, FIELD_BYTES, 2);
    want_u64(&k.flows, 1, FIELD_DOMAIN, 8);
    want_u64(&k.flows, 1, FIELD_FIRST, UINT64_C(1700000005000));
    want_count(&k, COUNT_DATAGRAMS, 1);
    want_count(&k, COUNT_BAD_LENGTH, 0);
    kit_close(&k);
}

static void a_set_of_impossible_length_ends_the_datagram(void **state)
{
    static const char *const bad[] = {"0100 0003 00000002", "0100 0000 00000002",
                                      "0100 0009 00000002", "0100 ffff 00000002"};
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        kit_clear(&k);
        msg_begin(&k, 9);
        template_set(&k, 9, 256, "1:4");
        data_set(&k, 256, "00000001");
        hex(&k.msg, bad[i]);
        kit_send(&k);
        assert_int_equal(k.flows.rows, 1); /* what was before it counts */
        want_count(&k, COUNT_BAD_SET, 1);
        assert_int_equal(k.events[DECODE_MALFORMED], 1);
    }
    kit_close(&k);
}

/* Ids 4 to 255 are reserved; 0 and 1 are v9's, 2 and 3 IPFIX's. What follows is decoded. */
static void sets_that_are_neither_data_nor_templates_are_skipped(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (uint16_t version = 9; version <= 10; version++)
        for (uint16_t id = 0; id < 256; id++) {
            if (version == 9 ? id < 2 : id == 2 || id == 3)
                continue;
            kit_clear(&k);
            msg_begin(&k, version);
            template_set(&k, version, 256, "1:4");
            data_set(&k, id, "01000001 00010004");
            data_set(&k, 256, "00000001");
            kit_send(&k);
            assert_int_equal(k.flows.rows, 1);
            want_count(&k, COUNT_BAD_SET, 1);
            want_count(&k, COUNT_TEMPLATES, 1);
        }
    kit_close(&k);
}

static void a_bad_template_spoils_its_set_only(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    data_set(&k, 2, "0100 0001 0001 0004  0101 0009 0002 0004"); /* the second is cut short */
    template_set(&k, 10, 258, "2:4");
    data_set(&k, 256, "00000001");
    data_set(&k, 258, "00000002");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 2);
    want_count(&k, COUNT_TEMPLATES, 2);
    want_count(&k, COUNT_BAD_TEMPLATE, 1);
    kit_close(&k);
}

static void what_is_no_export_is_counted_as_that(void **state)
{
    static const struct {
        const char *octets;
        enum count_id count;
    } cases[] = {{"", COUNT_BAD_HEADER},           {"00", COUNT_BAD_HEADER},
                 {"0009", COUNT_BAD_HEADER},       {"0005 0001 00000000", COUNT_BAD_HEADER},
                 {"0000 0000", COUNT_BAD_VERSION}, {"0002 0000", COUNT_BAD_VERSION},
                 {"000b 0000", COUNT_BAD_VERSION}, {"4745 5420 2f20", COUNT_BAD_VERSION}};
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        kit_clear(&k);
        buf_reset(&k.msg);
        hex(&k.msg, cases[i].octets);
        kit_datagram(&k, k.msg.data, k.msg.len);
        want_count(&k, COUNT_DATAGRAMS, 1);
        want_count(&k, COUNT_DATAGRAM_BYTES, k.msg.len);
        want_count(&k, cases[i].count, 1);
        assert_int_equal(k.events[DECODE_MALFORMED], 1);
    }
    kit_close(&k);
}

static void a_template_of_thousands_of_fields_and_a_datagram_of_64_kb(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    set_begin(&k, 2);
    buf_u16(&k.msg, 256);
    buf_u16(&k.msg, 4096);
    for (unsigned i = 0; i < 4096; i++)
        hex(&k.msg, i == 0 ? "0004 0001" : "ffff 0000 ffffffff"); /* enterprise, no octets */
    set_end(&k);
    kit_send(&k);
    want_count(&k, COUNT_TEMPLATES, 1);
    msg_begin(&k, 10);
    set_begin(&k, 256);
    for (unsigned i = 0; i < 60000; i++)
        buf_u8(&k.msg, 6);
    set_end(&k);
    kit_send(&k);
    want_count(&k, COUNT_FLOWS, 60000);
    want_count(&k, COUNT_NO_MEMORY, 0);
    want_none(&k.flows, 0, FIELD_EXTRA);

    /* And with a value each: the text that comes of it has room in a batch. */
    msg_begin(&k, 10);
    set_begin(&k, 2);
    buf_u16(&k.msg, 257);
    buf_u16(&k.msg, 4096);
    for (unsigned i = 0; i < 4096; i++)
        hex(&k.msg, "ffff 0001 ffffffff");
    set_end(&k);
    kit_send(&k);
    kit_clear(&k);
    msg_begin(&k, 10);
    set_begin(&k, 257);
    for (unsigned i = 0; i < 15 * 4096; i++)
        buf_u8(&k.msg, 0xab);
    set_end(&k);
    for (int again = 0; again < 300; again++) {
        kit_send(&k);
        batch_reset(&k.flows);
    }
    want_count(&k, COUNT_FLOWS, 300 * 15);
    want_count(&k, COUNT_NO_MEMORY, 0);
    kit_close(&k);
}

static void tells_the_number_and_the_set_of_each_event(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "1:4", "00000001");
    msg_begin(&k, 9);
    data_set(&k, 300, "00000001");
    kit_send(&k);
    assert_int_equal(k.events[DECODE_HELD], 1);
    msg_begin(&k, 9);
    data_set(&k, 99, "");
    kit_send(&k);
    assert_string_equal(k.reason, "set id is neither data nor template");
    kit_close(&k);
}

/* --- saved state --- */

static void change_decoder(struct kit *k)
{
    struct buf saved;
    struct err err;

    buf_init(&saved, 1 << 24);
    decoder_flush(k->d);
    decoder_save(k->d, &saved);
    decoder_free(k->d);
    kit_open(k);
    struct cur in = cur_of(saved.data, saved.len);
    if (decoder_load(k->d, &in, &err) != 0)
        fail_msg("%s", err.text);
    /* Saved again, it is the same but for the order of rates. */
    struct buf again;
    buf_init(&again, 1 << 24);
    decoder_save(k->d, &again);
    assert_int_equal(again.len, saved.len);
    buf_free(&again);
    buf_free(&saved);
}

static void saved_state_has_templates_rates_and_held_sets(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    change_decoder(&k); /* of nothing */
    kit_flows(&k, 10, "8:4 9/1:v 1:4", "");
    k.from.session = 5;
    kit_flows(&k, 10, "12:4", "");
    k.from.session = 0;
    msg_begin(&k, 10);
    options_set(&k, 10, 300, "302:4", "305:4 306:4");
    data_set(&k, 300, "00000001 00000001 00000063");
    options_set(&k, 10, 301, "130:4", "34:4");
    data_set(&k, 301, "00000001 00000007");
    kit_send(&k);
    k.uptime_ms = 5000;
    msg_begin(&k, 9);
    data_set(&k, 400, "00000009 00001388");
    kit_send(&k);
    k.received_ms += 60000;
    k.export_s += 60;
    k.uptime_ms = 65000;
    change_decoder(&k);
    kit_clear(&k);

    msg_begin(&k, 10);
    data_set(&k, 256, "0a000001 02 aabb 00000001");
    kit_send(&k);
    want_u64(&k.flows, 0, FIELD_BYTES, 1);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"9/1\":[\"aabb\"]}");
    want_f64(&k.flows, 0, FIELD_RATE, 7);
    want_u64(&k.flows, 0, FIELD_RATE_FROM, RATE_DOMAIN);
    k.from.session = 5;
    msg_begin(&k, 10);
    data_set(&k, 256, "0a000001");
    kit_send(&k);
    want_addr(&k.flows, 1, FIELD_DST_ADDR, "10.0.0.1");
    k.from.session = 0;
    msg_begin(&k, 10);
    template_set(&k, 10, 257, "302:4");
    data_set(&k, 257, "00000001");
    kit_send(&k);
    want_f64(&k.flows, 2, FIELD_RATE, 100);
    want_u64(&k.flows, 2, FIELD_RATE_FROM, RATE_SAMPLER);
    msg_begin(&k, 9);
    template_set(&k, 9, 400, "1:4 21:4");
    kit_send(&k);
    want_u64(&k.flows, 3, FIELD_BYTES, 9);
    want_u64(&k.flows, 3, FIELD_EXPORT, UINT64_C(1700000000000));
    want_u64(&k.flows, 3, FIELD_LAST, UINT64_C(1700000000000));
    want_u64(&k.flows, 3, FIELD_RECEIVED, UINT64_C(1700000000250));
    want_u64(&k.flows, 3, FIELD_VERSION, 9);
    kit_close(&k);
}

static void set_sender(struct kit *k, const char *text, double rate, bool reject)
{
    struct senders s = {0};
    struct prefix p;

    assert_int_equal(prefix_parse(text, &p, NULL), 0);
    struct sender_rule *rule = senders_get(&s, &p);
    assert_non_null(rule);
    rule->rate = rate;
    rule->reject = reject;
    assert_true(decoder_set_senders(k->d, &s));
    senders_free(&s);
}

static void what_is_said_of_senders_is_saved_for_all_shares(void **state)
{
    char all[ADDR_TEXT + 4];
    struct kit k;
    struct buf saved;
    struct buf share;

    (void)state;
    kit_setup(&k);
    (void)addr_print(&k.from.addr, all);
    kit_flows(&k, 10, "8:4", "0a000001");
    want_u64(&k.flows, 0, FIELD_RATE_FROM, RATE_NONE);
    set_sender(&k, all, 50, true); /* it is known already */
    msg_begin(&k, 10);
    data_set(&k, 256, "0a000001");
    kit_send(&k);
    want_f64(&k.flows, 1, FIELD_RATE, 50);
    want_u64(&k.flows, 1, FIELD_RATE_FROM, RATE_FORCED);
    change_decoder(&k);
    kit_clear(&k);
    msg_begin(&k, 10);
    data_set(&k, 256, "0a000001");
    kit_send(&k);
    want_f64(&k.flows, 0, FIELD_RATE, 50);
    assert_true(decoder_exporters(k.d)->senders.v[0].reject);

    buf_init(&saved, 4096);
    decoder_save(k.d, &saved);
    for (unsigned of = 0; of < 3; of++) {
        struct kit other;
        buf_init(&share, 4096);
        assert_int_equal(decoder_state_share(&saved, 3, of, &share, NULL), 0);
        struct cur in = cur_of(share.data, share.len);
        kit_setup(&other);
        assert_int_equal(decoder_load(other.d, &in, NULL), 0);
        assert_int_equal(decoder_exporters(other.d)->senders.n, 1);
        kit_close(&other);
        buf_free(&share);
    }
    buf_free(&saved);
    kit_close(&k);
}

/* Pain 9, quirks 5.7: who exported is lost behind a relay, unless its records say it (elements 130
 * and 131), which is believed of relays only that the operator trusts. */
static void trusted_relays_speak_for_exporters(void **state)
{
    struct senders s = {0};
    struct prefix p;
    struct addr core;
    struct addr edge;
    struct kit k;

    (void)state;
    kit_setup(&k);
    assert_int_equal(addr_parse("203.0.113.1", &core, NULL), 0);
    assert_int_equal(addr_parse("2001:db8::7", &edge, NULL), 0);
    kit_flows(&k, 10, "8:4 130:4 131:16", "0a000001 cb007101 00000000000000000000000000000000");
    assert_memory_equal(batch_at(&k.flows, FIELD_EXPORTER, 0), &k.from.addr, sizeof core);
    assert_memory_equal(batch_at(&k.flows, FIELD_EXPORTER_ADDR, 0), &core, sizeof core);

    p = (struct prefix){.addr = k.from.addr, .bits = 128};
    senders_get(&s, &p)->trusts = true;
    senders_get(&s, &p)->rate = 7;
    p = (struct prefix){.addr = edge, .bits = 128};
    senders_get(&s, &p)->rate = 50;
    assert_true(decoder_set_senders(k.d, &s));
    senders_free(&s);
    for (int i = 0; i < 2; i++) {
        kit_clear(&k);
        msg_begin(&k, 10);
        data_set(&k, 256,
                 "0a000001 cb007101 00000000000000000000000000000000"
                 "0a000002 00000000 20010db8000000000000000000000007"
                 "0a000003 00000000 20010db8000000000000000000000007"
                 "0a000004 00000000 00000000000000000000000000000000");
        kit_send(&k);
        assert_memory_equal(batch_at(&k.flows, FIELD_EXPORTER, 0), &core, sizeof core);
        assert_memory_equal(batch_at(&k.flows, FIELD_EXPORTER, 1), &edge, sizeof edge);
        assert_memory_equal(batch_at(&k.flows, FIELD_EXPORTER, 2), &edge, sizeof edge);
        assert_memory_equal(batch_at(&k.flows, FIELD_EXPORTER, 3), &k.from.addr, sizeof edge);
        want_u64(&k.flows, 0, FIELD_RATE_FROM, RATE_NONE); /* nothing is said of 203.0.113.1 */
        want_f64(&k.flows, 1, FIELD_RATE, 50);
        want_f64(&k.flows, 2, FIELD_RATE, 50);
        want_f64(&k.flows, 3, FIELD_RATE, 7);
        change_decoder(&k); /* a journal's head says whom to trust */
    }
    assert_int_equal(decoder_exporters(k.d)->map.n, 1);
    kit_close(&k);
}

static void what_is_no_state_is_refused_and_leaves_the_decoder_new(void **state)
{
    static const char *const bad[] = {
        "00",                   /* no such type */
        "04 00000000",          /* no such type */
        "01 00000000",          /* a template without anything */
        "01 ffffffff 00",       /* longer than the file */
        "02 00000001 00",       /* a rate cut short */
        "03 00000004 00000000", /* a set cut short */
        /* a sender: bits behind the prefix; 129 of them; a rate of 1/2; no such flag; cut short */
        "05 0000001a 00000000000000000000ffff0a000001 68 0000000000000000 00",
        "05 0000001a 00000000000000000000ffff0a000001 81 0000000000000000 00",
        "05 0000001a 00000000000000000000ffff0a000001 80 3fe0000000000000 00",
        "05 0000001a 00000000000000000000ffff0a000001 80 0000000000000000 04",
        "05 00000019 00000000000000000000ffff0a000001 80 0000000000000000",
    };
    struct kit k;
    struct buf saved;
    struct err err;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 10, "8:4", "0a000001");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        buf_init(&saved, 4096);
        decoder_save(k.d, &saved); /* a good template before it */
        hex(&saved, bad[i]);
        struct cur in = cur_of(saved.data, saved.len);
        struct kit other;
        kit_setup(&other);
        assert_int_equal(decoder_load(other.d, &in, &err), ERR_DATA);
        assert_true(err.text[0] != '\0');
        msg_begin(&other, 10);
        data_set(&other, 256, "0a000001");
        kit_send(&other);
        assert_int_equal(other.flows.rows, 0);
        assert_int_equal(other.events[DECODE_HELD], 1);
        kit_close(&other);
        buf_free(&saved);
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_sets_and_templates_of_one_datagram),
        cmocka_unit_test(every_row_says_where_it_comes_from),
        cmocka_unit_test(the_time_of_a_row_is_the_first_that_is_plausible),
        cmocka_unit_test(the_count_of_v9_is_not_trusted),
        cmocka_unit_test(a_wrong_length_of_ipfix_is_counted_and_the_octets_decide),
        cmocka_unit_test(messages_of_ipfix_may_share_a_datagram),
        cmocka_unit_test(a_set_of_impossible_length_ends_the_datagram),
        cmocka_unit_test(sets_that_are_neither_data_nor_templates_are_skipped),
        cmocka_unit_test(a_bad_template_spoils_its_set_only),
        cmocka_unit_test(what_is_no_export_is_counted_as_that),
        cmocka_unit_test(a_template_of_thousands_of_fields_and_a_datagram_of_64_kb),
        cmocka_unit_test(tells_the_number_and_the_set_of_each_event),
        cmocka_unit_test(saved_state_has_templates_rates_and_held_sets),
        cmocka_unit_test(what_is_said_of_senders_is_saved_for_all_shares),
        cmocka_unit_test(trusted_relays_speak_for_exporters),
        cmocka_unit_test(what_is_no_state_is_refused_and_leaves_the_decoder_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
