/* Sampling rates: every way in which exporters say them, and which one counts. */
#include "flow/rates.h"

#include "flow/kit.h"

static const char *const plain = "8:4";
static const char *const record = "0a000001";

static void want_rate(const struct kit *k, size_t row, double rate, enum rate_from from)
{
    want_f64(&k->flows, row, FIELD_RATE, rate);
    want_u64(&k->flows, row, FIELD_RATE_FROM, from);
}

static void say(struct kit *k, const char *options, const char *values)
{
    msg_begin(k, 10);
    options_set(k, 10, 300, "130:4", options);
    set_begin(k, 300);
    hex(&k->msg, "c0000201");
    hex(&k->msg, values);
    set_end(k);
    kit_send(k);
}

/* What the options say, heard by a flow that says nothing itself. */
static void hears(const char *options, const char *values, double rate)
{
    struct kit k;

    kit_setup(&k);
    say(&k, options, values);
    assert_int_equal(k.options.rows, 1);
    kit_flows(&k, 10, plain, record);
    want_rate(&k, 0, rate, rate > 1 ? RATE_DOMAIN : RATE_NONE);
    kit_close(&k);
}

static void options_without_a_sampler_speak_for_the_domain(void **state)
{
    (void)state;
    hears("34:4", "00000064", 100);
    hears("34:4 35:1", "00000064 02", 100);
    hears("50:4", "000003e8", 1000);
    /* Nokia: one packet taken, 9999 left out. */
    hears("305:4 306:4", "00000001 0000270f", 10000);
    hears("305:4 306:4", "0000000a 0000005a", 10);
    hears("305:4", "00000100", 256); /* 305 alone is meant as one in so many */
    hears("309:4 310:4", "00000001 00000200", 512);
    hears("309:4 310:4", "00000002 00000005", 2.5);
    hears("311:8", "3f847ae147ae147b", 1 / 0.01);
    hears("311:4", "3e800000", 4);
}

static void what_cannot_be_a_rate_is_not_learned(void **state)
{
    (void)state;
    hears("34:4", "00000000", 1);
    hears("50:4 34:4", "00000000 00000000", 1);
    hears("305:4 306:4", "00000000 00000010", 1);
    hears("309:4 310:4", "00000000 00000010", 1);
    hears("309:4 310:4", "00000010 00000001", 1); /* more taken than there are */
    hears("311:8", "0000000000000000", 1);
    hears("311:8", "0000000000000001", 1); /* would be infinity */
    hears("311:8", "7ff8000000000000", 1); /* not a number */
    hears("311:8", "bff0000000000000", 1); /* -1 */
    hears("311:8", "4000000000000000", 1); /* 2 */
}

static void options_with_a_sampler_speak_for_it(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    say(&k, "48:1 49:1 50:4", "01 02 00000064");
    say(&k, "48:1 49:1 50:4", "02 02 000003e8");
    say(&k, "302:4 304:2 305:4 306:4", "00000009 0001 00000001 00000009");
    kit_flows(&k, 10, "8:4 48:1", "0a000001 01 0a000002 02 0a000003 03 0a000004 00");
    want_rate(&k, 0, 100, RATE_SAMPLER);
    want_rate(&k, 1, 1000, RATE_SAMPLER);
    want_rate(&k, 2, 1, RATE_NONE); /* not announced */
    want_rate(&k, 3, 1, RATE_NONE);
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 302:8", "0a000001 0000000000000009");
    want_rate(&k, 0, 10, RATE_SAMPLER);
    /* A sampler's announcement is not the domain's, nor another domain's or sender's. */
    kit_clear(&k);
    kit_flows(&k, 10, plain, record);
    want_rate(&k, 0, 1, RATE_NONE);
    k.domain++;
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 48:1", "0a000001 01");
    want_rate(&k, 0, 1, RATE_NONE);
    k.domain--;
    k.from.addr.b[15]++;
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 48:1", "0a000001 01");
    want_rate(&k, 0, 1, RATE_NONE);
    kit_close(&k);
}

static void a_later_announcement_replaces_the_earlier(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    say(&k, "34:4", "00000064");
    say(&k, "34:4", "000000c8");
    kit_flows(&k, 10, plain, record);
    want_rate(&k, 0, 200, RATE_DOMAIN);
    kit_close(&k);
}

/* forced, record, sampler, domain, header, default, none. */
static void the_nearest_saying_counts(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.default_rate = 7;
    kit_open(&k);
    kit_flows(&k, 10, "8:4 34:4 48:1", "0a000001 00000000 01");
    want_rate(&k, 0, 7, RATE_DEFAULT);
    say(&k, "34:4", "00000064");
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 34:4 48:1", "0a000001 00000000 01");
    want_rate(&k, 0, 100, RATE_DOMAIN);
    say(&k, "48:1 50:4", "01 000000c8");
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 34:4 48:1",
              "0a000001 00000000 01 0a000001 0000012c 01 0a000001 00000000 02");
    want_rate(&k, 0, 200, RATE_SAMPLER);
    want_rate(&k, 1, 300, RATE_RECORD);
    want_rate(&k, 2, 100, RATE_DOMAIN);
    kit_close(&k);

    kit_init(&k);
    k.limits.default_rate = 7;
    k.limits.forced_rate = 11;
    kit_open(&k);
    say(&k, "34:4", "00000064");
    kit_flows(&k, 10, "8:4 34:4", "0a000001 0000012c");
    want_rate(&k, 0, 11, RATE_FORCED);
    kit_close(&k);
}

static void records_say_their_own_in_every_form(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 10, "8:4 305:4 306:4", "0a000001 00000001 0000270f");
    want_rate(&k, 0, 10000, RATE_RECORD);
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 311:8", "0a000001 3fd0000000000000 0a000001 0000000000000000");
    want_rate(&k, 0, 4, RATE_RECORD);
    want_rate(&k, 1, 1, RATE_NONE);
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 309:2 310:4", "0a000001 0001 000000ff");
    want_rate(&k, 0, 255, RATE_RECORD);
    kit_close(&k);
}

/* Template, options and flows in one datagram (Cisco 9300). */
static void options_and_flows_in_one_datagram(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 9);
    template_set(&k, 9, 256, "8:4 48:1");
    data_set(&k, 256, "0a000001 01"); /* before it is said */
    options_set(&k, 9, 300, "1:4", "48:1 50:4");
    data_set(&k, 300, "00000000 01 00000040");
    data_set(&k, 256, "0a000001 01");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 2);
    want_rate(&k, 0, 1, RATE_NONE);
    want_rate(&k, 1, 64, RATE_SAMPLER);
    assert_int_equal(k.options.rows, 1);
    want_count(&k, COUNT_OPTIONS, 1);
    want_count(&k, COUNT_FLOWS, 2);
    kit_close(&k);
}

static void the_table_is_bounded(void **state)
{
    struct counts counts = {0};
    struct rates r;
    struct rate_key key = {.what = RATE_SAMPLER};

    (void)state;
    rates_init(&r, &counts);
    for (uint64_t i = 0; i < RATES_MAX; i++) {
        key.sampler = i;
        assert_true(rates_put(&r, &key, 2, 0));
    }
    key.sampler = RATES_MAX;
    assert_false(rates_put(&r, &key, 2, 0));
    assert_int_equal(count_get(&counts, COUNT_RATES_REFUSED), 1);
    key.sampler = 5; /* those known still change */
    assert_true(rates_put(&r, &key, 3, 0));
    assert_true(rates_find(&r, &key.addr, 0, RATE_SAMPLER, key.sampler) > 2);
    rates_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_without_a_sampler_speak_for_the_domain),
        cmocka_unit_test(what_cannot_be_a_rate_is_not_learned),
        cmocka_unit_test(options_with_a_sampler_speak_for_it),
        cmocka_unit_test(a_later_announcement_replaces_the_earlier),
        cmocka_unit_test(the_nearest_saying_counts),
        cmocka_unit_test(records_say_their_own_in_every_form),
        cmocka_unit_test(options_and_flows_in_one_datagram),
        cmocka_unit_test(the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
