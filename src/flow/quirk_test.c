/* Rules for what exporters send otherwise: their text, whom they hold for, and what comes of a
 * record made by hand. */
#include "flow/kit.h"
#include "flow/quirk_conf.h"

static const uint64_t export_ms = UINT64_C(1000) * KIT_S;

static int read_text(struct quirk_reading *q, const char *text, struct err *err)
{
    *q = (struct quirk_reading){.name = ""};
    return quirk_read(q, "x", text, strlen(text), err);
}

static void take(struct kit *k, const char *text)
{
    struct quirk_reading q;
    struct err err = {""};

    if (read_text(&q, text, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(decoder_set_quirks(k->d, &q.quirks));
    quirks_free(&q.quirks);
}

static void flow(struct kit *k, uint16_t version, const char *layout, const char *record)
{
    kit_clear(k);
    kit_flows(k, version, layout, record);
    assert_int_equal(k->flows.rows, 1);
}

/* --- text --- */

static const char whole[] = "quirk all-there-is\n"
                            " description what it is\n"
                            " match confirmed\n"
                            " match sender 10.0.0.0/8\n"
                            " match sender 2001:db8::/32\n"
                            " match version 9\n"
                            " match scheme 5\n"
                            " match enterprise 9\n"
                            " match has 9/12235 length 4\n"
                            " match lacks 8\n"
                            " action times seconds\n"
                            " action byte-order 34 little\n"
                            " action masks swapped\n"
                            " action ignore 9/1\n"
                            " action element 57500 means src_as\n"
                            " action element 5 at 24\n"
                            " action bytes delta\n"
                            " action bytes total\n"
                            " action sampling ignore\n";

static void rules_are_printed_as_they_were_read(void **state)
{
    struct quirk_reading q;
    struct quirk_reading again;
    struct buf text;

    (void)state;
    assert_int_equal(read_text(&q, whole, NULL), 0);
    buf_init(&text, 1 << 16);
    quirk_print(&q.quirks.v[0], &text);
    buf_u8(&text, 0);
    assert_string_equal((const char *)text.data, whole);
    assert_int_equal(read_text(&again, whole, NULL), 0);
    assert_true(quirks_same(&q.quirks, &again.quirks));
    again.quirks.v[0].match[3].len = 5;
    assert_false(quirks_same(&q.quirks, &again.quirks));
    buf_free(&text);
    quirks_free(&q.quirks);
    quirks_free(&again.quirks);
}

static void mistakes_have_their_place(void **state)
{
    static const struct {
        const char *text;
        const char *place;
        const char *why;
    } cases[] = {
        {"quirk x\n", "x:1:1: ", "expected an action"},
        {"quirk x\n action times hours\n", "x:2:15: ", "seconds"},
        {"quirk x\n match version 11\n", "x:2:16: ", "0 to 10"},
        {"quirk x\n match has ten\n", "x:2:12: ", "150 or 9/12235"},
        {"quirk x\n match has 9/70000\n", "x:2:12: ", "150 or 9/12235"},
        {"quirk x\n match sender router\n", "x:2:15: ", "address"},
        {"quirk x\n action element 5 at 61\n", "x:2:22: ", "0 to 60"},
        {"quirk x\n action element 5 means colour\n", "x:2:25: ", "weir fields"},
        {"quirk x\n action element 5 means mpls\n", "x:2:25: ", "an element can fill"},
        {"quirk x\n action byte-order 8 little\n",
         "x:2:20: ", "expected an element that is a number, found one of src_addr"},
        {"quirk x\n action masks swapped\nquirk x\n action masks swapped\n", "x:3:7: ", "already"},
        {"quirk x/y\n", "x:1:7: ", "letters"},
        {"quirk x for 10.0.0.1\n", "x:1:7: ", "there is no quirk"},
        {"no quirk x\n", "x:1:10: ", "there is no quirk"},
        {"quirk x\n no action masks swapped\n", "x:2:", "leave out"},
        {"action masks swapped\n", "x:1:1: ", "expected"},
    };
    struct quirk_reading q;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_text(&q, cases[i].text, &err), ERR_CONFIG);
        if (strncmp(err.text, cases[i].place, strlen(cases[i].place)) != 0 ||
            !strstr(err.text, cases[i].why))
            fail_msg("\"%s\" gives \"%s\"", cases[i].text, err.text);
        quirks_free(&q.quirks);
    }
}

static void what_is_confirmed_or_undone_later_counts(void **state)
{
    struct quirk_reading q;

    (void)state;
    assert_int_equal(read_text(&q,
                               "quirk a\n match confirmed\n action times seconds\n"
                               "quirk b\n action times seconds\n"
                               "quirk a for 10.0.0.1\nquirk a for 10.0.0.2\n"
                               "no quirk a for 10.0.0.1\nno quirk b\n",
                               NULL),
                     0);
    assert_int_equal(q.quirks.n, 1);
    assert_int_equal(q.quirks.v[0].n_prefixes, 1);
    assert_int_equal(q.quirks.v[0].prefix[0].addr.b[15], 2);
    quirks_free(&q.quirks);
}

static void there_is_a_bound_on_rules(void **state)
{
    struct quirk_reading q = {.name = ""};
    char text[64];
    struct err err;

    (void)state;
    for (int i = 0; i <= QUIRKS_MAX; i++) {
        (void)snprintf(text, sizeof text, "quirk r%d\n action masks swapped\n", i);
        int r = quirk_read(&q, "x", text, strlen(text), &err);
        assert_int_equal(r, i < QUIRKS_MAX ? 0 : ERR_CONFIG);
    }
    quirks_free(&q.quirks);
}

/* --- whom they hold for --- */

static void rules_hold_for_what_they_match(void **state)
{
    static const struct {
        const char *matches;
        bool holds; /* for version 9 of 192.0.2.1 with elements 21, 22 and 8 of 4 octets */
    } cases[] = {
        {"", true},
        {" match version 9\n", true},
        {" match version 10\n", false},
        {" match version 10\n match version 9\n", true},
        {" match scheme 5\n", false},
        {" match enterprise 9\n", false},
        {" match has 8\n", true},
        {" match has 8\n match has 12\n", false},
        {" match has 8 length 4\n", true},
        {" match has 8 length 16\n", false},
        {" match has 9/8\n", false},
        {" match lacks 12\n", true},
        {" match lacks 8\n", false},
        {" match sender 192.0.2.0/24\n", true},
        {" match sender 192.0.3.0/24\n", false},
        {" match sender 192.0.3.0/24\n match sender ::/0\n", true},
        {" match confirmed\n", false},
        {" match confirmed\n match sender 192.0.2.1\n", true},
    };
    struct kit k;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[200];
        kit_setup(&k);
        (void)snprintf(text, sizeof text, "quirk x\n%s action times seconds\n", cases[i].matches);
        take(&k, text);
        flow(&k, 9, "22:4 21:4 8:4", "000003e7 000003e8 0a000001"); /* 999 and 1000 */
        if ((batch_u64(&k.flows, FIELD_LAST, 0) == export_ms) != cases[i].holds)
            fail_msg("\"%s\": %" PRIu64, cases[i].matches, batch_u64(&k.flows, FIELD_LAST, 0));
        want_count(&k, COUNT_QUIRK_RECORDS, cases[i].holds);
        kit_close(&k);
    }
}

static void of_two_that_differ_the_later_counts(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    take(&k, "quirk a\n action times seconds\nquirk b\n action times milliseconds\n");
    flow(&k, 9, "22:4 21:4", "000f3e58 000f4240");
    want_u64(&k.flows, 0, FIELD_LAST, export_ms);
    kit_close(&k);
}

/* --- what they do --- */

static void times_are_in_the_unit_that_is_said(void **state)
{
    static const struct {
        const char *unit;
        const char *layout;
        const char *record;
        uint64_t first_ms;
        uint64_t last_ms;
    } cases[] = {
        {"seconds", "22:4 21:4", "000003e7 000003e8", 1000, 0},
        {"microseconds", "22:8 21:8", "000000003b8b87c0 000000003b9aca00", 1000, 0},
        {"seconds", "152:8 153:8", "000000006553f0f6 000000006553f0ff", 10000, 1000},
        {"microseconds", "154:8 155:8", "00060a24181e4000 00060a24182d8240", 0, 0},
        {"milliseconds", "158:4 159:4", "000003e8 00000000", 1000, 0},
    };
    struct kit k;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[100];
        uint64_t ago = cases[i].first_ms;
        kit_setup(&k);
        (void)snprintf(text, sizeof text, "quirk x\n action times %s\n", cases[i].unit);
        take(&k, text);
        flow(&k, 10, cases[i].layout, cases[i].record);
        if (strncmp(cases[i].layout, "22:", 3) == 0) { /* IPFIX: no uptime in the header */
            kit_close(&k);
            kit_setup(&k);
            take(&k, text);
            flow(&k, 9, cases[i].layout, cases[i].record);
        }
        if (strncmp(cases[i].layout, "154:", 4) ==
            0) { /* 2^-20 of a second differs: plain numbers */
            want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(0x00060a24181e4000) / 1000);
        } else {
            want_u64(&k.flows, 0, FIELD_FIRST, export_ms - ago);
            want_u64(&k.flows, 0, FIELD_LAST, export_ms - cases[i].last_ms);
        }
        kit_close(&k);
    }
}

static void octets_may_stand_last_first(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    take(&k, "quirk x\n action byte-order 34 little\n action byte-order 2 little\n");
    flow(&k, 9, "8:4 34:4 2:8 1:4", "0a000001 e8030000 0300000000000000 00000064");
    want_f64(&k.flows, 0, FIELD_RATE, 1000);
    want_u64(&k.flows, 0, FIELD_PACKETS, 3);
    want_u64(&k.flows, 0, FIELD_BYTES, 100);
    kit_close(&k);
}

static void masks_change_places(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    take(&k, "quirk x\n action masks swapped\n");
    flow(&k, 9, "9:1 13:1 29:1 30:1", "08 18 00 00");
    want_u64(&k.flows, 0, FIELD_SRC_MASK, 24);
    want_u64(&k.flows, 0, FIELD_DST_MASK, 8);
    kit_close(&k);
}

static void an_element_may_mean_nothing_or_another_field(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    take(&k, "quirk x\n action ignore 16\n action element 9/12236 means src_addr\n"
             " action element 17 means prev_as\n");
    flow(&k, 10, "9/12236:4 16:4 17:4", "0a000001 00000001 00000002");
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    want_none(&k.flows, 0, FIELD_SRC_AS);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/16\":[\"00000001\"]}");
    want_u64(&k.flows, 0, FIELD_PREV_AS, 2);
    want_none(&k.flows, 0, FIELD_DST_AS);
    kit_close(&k);
}

/* Who says what an element means knows better than the element that is there besides; of that one
 * nothing is lost. */
static void a_meaning_wins_over_the_standard_one(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    take(&k, "quirk x\n action element 57500 means src_as\n");
    flow(&k, 9, "16:4 57500:4", "00000001 00000002");
    want_u64(&k.flows, 0, FIELD_SRC_AS, 2);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/16\":[\"00000001\"]}");
    kit_close(&k);
}

static void counters_may_be_deltas_or_totals(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    take(&k, "quirk x\n action bytes delta\n");
    flow(&k, 10, "85:4 86:4", "00000064 00000003");
    want_u64(&k.flows, 0, FIELD_BYTES, 100);
    want_u64(&k.flows, 0, FIELD_PACKETS, 3);
    want_none(&k.flows, 0, FIELD_BYTES_TOTAL);
    take(&k, "quirk x\n action bytes total\n");
    flow(&k, 10, "1:4 2:4", "00000064 00000003");
    want_u64(&k.flows, 0, FIELD_BYTES_TOTAL, 100);
    want_none(&k.flows, 0, FIELD_BYTES);
    /* An update (5) of a firewall says what the teardown (2) says again. */
    kit_clear(&k);
    kit_flows(&k, 9, "233:1 231:4 232:4", "05 00000064 00000065 02 000000c8 000000c9");
    assert_int_equal(k.flows.rows, 2);
    want_none(&k.flows, 0, FIELD_INITIATOR_BYTES);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/231\":[\"00000064\"],\"0/232\":[\"00000065\"]}");
    want_u64(&k.flows, 1, FIELD_INITIATOR_BYTES, 200);
    want_u64(&k.flows, 1, FIELD_RESPONDER_BYTES, 201);
    kit_close(&k);
}

static void sampling_may_not_be_believed(void **state)
{
    static const char rule[] = "quirk x\n action sampling ignore\n";
    struct kit k;

    (void)state;
    for (int with = 0; with < 2; with++) {
        kit_setup(&k);
        if (with)
            take(&k, rule);
        msg_begin(&k, 9);
        options_set(&k, 9, 300, "1:4", "34:4");
        data_set(&k, 300, "00000000 00000064");
        kit_send(&k);
        flow(&k, 9, "8:4", "0a000001");
        want_f64(&k.flows, 0, FIELD_RATE, with ? 1 : 100);
        kit_close(&k);
    }
}

/* --- fixed versions --- */

static void v8(struct kit *k, unsigned scheme, const char *records, unsigned n)
{
    struct buf b;
    char head[100];

    buf_init(&b, 2048);
    (void)snprintf(head, sizeof head,
                   "0008 %04x 000f4240 %08x 00000000 00000000 00 00 %02x 02 00000000", n, KIT_S,
                   scheme);
    hex(&b, head);
    for (unsigned i = 0; i < n; i++)
        hex(&b, records);
    kit_clear(k);
    kit_datagram(k, b.data, b.len);
    decoder_flush(k->d);
    assert_int_equal(k->flows.rows, n);
    buf_free(&b);
}

static void fields_of_fixed_versions_may_lie_elsewhere(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    take(&k, "quirk x\n match scheme 9\n action element 5 at 24\n action element 10 at 28\n"
             " action element 14 at 30\n");
    v8(&k, 9, "00000001 00000002 00000003 000f3e58 000f4240 000a 000b  b8 00 0000 0001 0002", 1);
    want_u64(&k.flows, 0, FIELD_TOS, 0xb8);
    want_u64(&k.flows, 0, FIELD_IN_IF, 1);
    want_u64(&k.flows, 0, FIELD_OUT_IF, 2);
    want_u64(&k.flows, 0, FIELD_SRC_AS, 10);
    v8(&k, 1, "00000001 00000002 00000003 000f3e58 000f4240 000a 000b 0001 0002", 1); /* as ever */
    want_u64(&k.flows, 0, FIELD_IN_IF, 1);
    kit_close(&k);
}

static const struct suspect *suspect_of(struct kit *k)
{
    size_t at = 0;
    const struct exporter *x = map_next(&decoder_exporters(k->d)->map, &at);

    assert_non_null(x);
    return &x->suspect;
}

static void v8_in_seconds_is_noticed_and_nothing_else_is(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    k.uptime_ms = 1000000; /* in v8(), too */
    v8(&k, 1, "00000001 00000002 00000003 000f3e58 000f4240 000a 000b 0001 0002", 20);
    assert_false(suspect_is(suspect_of(&k), SUSPECT_SECONDS));
    kit_close(&k);

    kit_setup(&k);
    struct buf b;
    buf_init(&b,
             2048); /* an uptime of 10,000 s: as milliseconds, the flow is older than any timeout */
    hex(&b, "0008 0014 00989680 6553f100 00000000 00000000 00 00 01 02 00000000");
    for (int i = 0; i < 20; i++)
        hex(&b, "00000001 00000002 00000003 0000270e 0000270f 000a 000b 0001 0002");
    kit_datagram(&k, b.data, b.len);
    assert_true(suspect_is(suspect_of(&k), SUSPECT_SECONDS));
    assert_false(suspect_is(suspect_of(&k), SUSPECT_MASKS));
    take(&k, "quirk x\n action times seconds\n");
    kit_datagram(&k, b.data, b.len);
    assert_false(suspect_is(suspect_of(&k), SUSPECT_SECONDS)); /* told, and done */
    buf_free(&b);
    kit_close(&k);
}

static void v8_masks_that_changed_places_are_noticed(void **state)
{
    /* 10.0.0.0 and 192.0.2.0: as they stand, of 24 and 8. */
    static const char swapped[] = "00000001 00000002 00000003 000f3e58 000f4240 0a000000 c0000200 "
                                  "08 18 0000 000a 000b 0001 0002";
    static const char right[] = "00000001 00000002 00000003 000f3e58 000f4240 0a000000 c0000200 18 "
                                "08 0000 000a 000b 0001 0002";
    struct kit k;

    (void)state;
    kit_setup(&k);
    v8(&k, 5, right, 20);
    assert_false(suspect_is(suspect_of(&k), SUSPECT_MASKS));
    kit_close(&k);
    kit_setup(&k);
    v8(&k, 5, swapped, 20);
    assert_true(suspect_is(suspect_of(&k), SUSPECT_MASKS));
    kit_close(&k);
}

static void a_rate_that_makes_sense_turned_round_is_noticed(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    flow(&k, 9, "8:4 34:4", "0a000001 000003e8");
    assert_false(suspect_is(suspect_of(&k), SUSPECT_RATE));
    flow(&k, 9, "8:4 34:4", "0a000001 e8030000");
    assert_true(suspect_is(suspect_of(&k), SUSPECT_RATE));
    kit_close(&k);
}

/* --- while running --- */

static void what_changes_holds_for_templates_that_are_known(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    flow(&k, 9, "16:4 17:4", "00000001 00000002");
    want_u64(&k.flows, 0, FIELD_SRC_AS, 1);
    take(&k, "quirk x\n action ignore 16\n");
    kit_clear(&k);
    msg_begin(&k, 9);
    data_set(&k, 256, "00000001 00000002");
    kit_send(&k);
    want_none(&k.flows, 0, FIELD_SRC_AS);
    want_u64(&k.flows, 0, FIELD_DST_AS, 2);
    struct quirks none = {0};
    assert_true(decoder_set_quirks(k.d, &none));
    kit_clear(&k);
    msg_begin(&k, 9);
    data_set(&k, 256, "00000001 00000002");
    kit_send(&k);
    want_u64(&k.flows, 0, FIELD_SRC_AS, 1);
    kit_close(&k);
}

static void rules_are_part_of_the_saved_state(void **state)
{
    struct kit k;
    struct kit other;
    struct buf saved;
    struct err err;

    (void)state;
    kit_setup(&k);
    take(&k, whole);
    take(
        &k,
        "quirk x\n description odd: \"quoted\", !so\n match sender 192.0.2.1\n action ignore 16\n");
    flow(&k, 9, "16:4 17:4", "00000001 00000002");
    buf_init(&saved, 1 << 20);
    decoder_save(k.d, &saved);
    kit_setup(&other);
    struct cur in = cur_of(saved.data, saved.len);
    assert_int_equal(decoder_load(other.d, &in, &err), 0);
    assert_true(quirks_same(&decoder_exporters(k.d)->quirks, &decoder_exporters(other.d)->quirks));
    msg_begin(&other, 9);
    data_set(&other, 256, "00000001 00000002");
    kit_send(&other);
    want_none(&other.flows, 0, FIELD_SRC_AS);
    buf_free(&saved);
    kit_close(&k);
    kit_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_printed_as_they_were_read),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(what_is_confirmed_or_undone_later_counts),
        cmocka_unit_test(there_is_a_bound_on_rules),
        cmocka_unit_test(rules_hold_for_what_they_match),
        cmocka_unit_test(of_two_that_differ_the_later_counts),
        cmocka_unit_test(times_are_in_the_unit_that_is_said),
        cmocka_unit_test(octets_may_stand_last_first),
        cmocka_unit_test(masks_change_places),
        cmocka_unit_test(an_element_may_mean_nothing_or_another_field),
        cmocka_unit_test(a_meaning_wins_over_the_standard_one),
        cmocka_unit_test(counters_may_be_deltas_or_totals),
        cmocka_unit_test(sampling_may_not_be_believed),
        cmocka_unit_test(fields_of_fixed_versions_may_lie_elsewhere),
        cmocka_unit_test(v8_in_seconds_is_noticed_and_nothing_else_is),
        cmocka_unit_test(v8_masks_that_changed_places_are_noticed),
        cmocka_unit_test(a_rate_that_makes_sense_turned_round_is_noticed),
        cmocka_unit_test(what_changes_holds_for_templates_that_are_known),
        cmocka_unit_test(rules_are_part_of_the_saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
