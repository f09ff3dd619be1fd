/* What is noted of an exporter for `weir doctor`, from datagrams made by hand and times of choice.
 */
#include "flow/health.h"

#include "flow/exporters.h"
#include "flow/kit.h"

static const struct exporter *only(const struct kit *k)
{
    size_t at = 0;
    return map_next(&decoder_exporters(k->d)->map, &at);
}

/* An empty IPFIX message from an exporter whose clock is `ahead_ms` before ours. */
static void hear(struct kit *k, int64_t received_ms, int64_t ahead_ms)
{
    k->received_ms = received_ms;
    k->export_s = (uint32_t)((received_ms + ahead_ms) / 1000);
    msg_begin(k, 10);
    kit_send(k);
}

static void the_clock_is_told_by_the_quickest_datagram_of_a_minute(void **state)
{
    const int64_t begin = INT64_C(1000) * KIT_S;
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (int s = 0; s < 60; s++)
        hear(&k, begin + s * 1000, s == 30 ? 8000 : 2000); /* delayed, but for one */
    hear(&k, begin + 60000, 9000);
    const struct health *h = &only(&k)->health;
    assert_int_equal(h->clock_spans, 1);
    assert_int_equal(h->clock_first_ms, 8000);
    assert_int_equal(h->clock_first_at_ms, begin + 60000);
    hear(&k, begin + 120000, 0);
    assert_int_equal(h->clock_spans, 2);
    assert_int_equal(h->clock_first_ms, 8000);
    assert_int_equal(h->clock_last_ms, 9000);
    assert_int_equal(h->clock_last_at_ms, begin + 120000);
    kit_close(&k);
}

static void a_silence_is_told_when_it_is_beyond_what_is_usual(void **state)
{
    int64_t at = INT64_C(1000) * KIT_S;
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (int i = 0; i < 40; i++)
        hear(&k, at += 30000, 0);
    const struct health *h = &only(&k)->health;
    assert_int_equal(h->quiet_ms, 30000);
    hear(&k, at += 60000, 0); /* usual enough */
    assert_true(h->quiet_ms == 60000 && h->silences == 0);
    hear(&k, at += 3600000, 0);
    assert_true(h->silences == 1 && h->silence_ms == 3600000);
    assert_true(h->quiet_ms < 3600000); /* the next is told too, */
    hear(&k, at += 3600000, 0);
    assert_int_equal(h->silences, 2);
    for (int i = 0; i < 5; i++) /* and one day it is usual */
        hear(&k, at += 3600000, 0);
    assert_true(h->silences < 5 && h->quiet_ms == 3600000);
    kit_close(&k);
}

/* first, last (ms since 1970), octets, packets, ports, interfaces, direction, AS */
static const char *const shape = "152:8 153:8 1:4 2:4 8:4 12:4 7:2 11:2 4:1 10:4 14:4 61:1 16:4";

static void flow(struct kit *k, int64_t first_ms, int64_t last_ms, const char *rest)
{
    buf_u64(&k->msg, (uint64_t)first_ms);
    buf_u64(&k->msg, (uint64_t)last_ms);
    hex(&k->msg, rest);
}

static void begin_flows(struct kit *k)
{
    msg_begin(k, 10);
    template_set(k, 10, 256, shape);
    set_begin(k, 256);
}

static void end_flows(struct kit *k)
{
    set_end(k);
    kit_send(k);
}

static const char *const in =
    "000005dc00000003 0a000001 0a000002 1234 0050 06 00000001 00000002 00 00000000";
static const char *const out =
    "000005dc00000003 0a000001 0a000002 1234 0050 06 00000001 00000002 01 00000000";
static const char *const other =
    "000005dc00000003 0a000001 0a000002 1235 0050 06 00000001 00000002 01 00000000";

static void long_flows_and_impossible_ones_are_counted(void **state)
{
    const int64_t now = INT64_C(1000) * KIT_S;
    struct kit k;

    (void)state;
    kit_setup(&k);
    begin_flows(&k);
    flow(&k, now - 1000, now, in);
    flow(&k, now - 60500, now, other); /* an active timeout of a minute */
    flow(&k, now - 90000, now, other);
    flow(&k, now - 400000, now, other);
    flow(&k, now - 2 * 86400000, now, other);
    flow(&k, now, now - 5, other);
    flow(&k, now + 7199000, now + 7200000, other);
    end_flows(&k);
    const struct health *h = &only(&k)->health;
    assert_int_equal(h->over_minute, 2);
    assert_int_equal(h->over_five, 1);
    assert_int_equal(h->over_day, 1);
    assert_int_equal(h->backward, 1);
    assert_int_equal(h->ahead, 1);
    assert_int_equal(h->longest_ms, 400000);
    kit_close(&k);
}

static void a_flow_metered_on_its_way_in_and_out_is_a_double(void **state)
{
    const int64_t now = INT64_C(1000) * KIT_S;
    struct kit k;

    (void)state;
    kit_setup(&k);
    begin_flows(&k);
    flow(&k, now - 900, now, in);
    flow(&k, now - 899, now, other); /* another port */
    flow(&k, now - 900, now, in);    /* the same once more: no double of this kind */
    flow(&k, now - 5900, now, out);  /* begins at another time */
    end_flows(&k);
    const struct health *h = &only(&k)->health;
    assert_true(h->doubles == 0 && h->watched == 0 && h->watch.on);
    begin_flows(&k);
    flow(&k, now - 899, now, out);
    end_flows(&k);
    assert_true(h->doubles == 1 && h->watched == 1);
    begin_flows(&k);
    flow(&k, now - 900, now, other);
    end_flows(&k);
    k.received_ms += HEALTH_WATCH_MS + 1; /* nobody comes */
    begin_flows(&k);
    flow(&k, now - 900, now, in);
    end_flows(&k);
    assert_true(h->doubles == 1 && h->watched == 2);
    kit_close(&k);
}

static void what_records_tell_is_noted(void **state)
{
    const int64_t now = INT64_C(1000) * KIT_S;
    struct kit k;

    (void)state;
    kit_setup(&k);
    begin_flows(&k);
    flow(&k, now - 1000, now, in);
    end_flows(&k);
    const struct health *h = &only(&k)->health;
    assert_int_equal(h->sent,
                     HEALTH_BYTES | HEALTH_PACKETS | HEALTH_INTERFACE | HEALTH_AS | HEALTH_TIMES);
    assert_int_equal(h->told, HEALTH_BYTES | HEALTH_PACKETS | HEALTH_INTERFACE | HEALTH_TIMES |
                                  HEALTH_ENTRY);
    assert_true(h->looked == 1 && h->tcp == 1);
    assert_int_equal(h->rates, 1U << RATE_NONE);
    kit_close(&k);
}

static void a_sampler_whose_rate_is_not_known_is_noted(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 10, "8:4 48:1", "0a000001 03");
    const struct health *h = &only(&k)->health;
    assert_true(h->unknown_sampler == 1 && h->sampler == 3);
    kit_close(&k);
}

static void data_that_wait_and_what_is_malformed_are_counted(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    set_begin(&k, 300);
    hex(&k.msg, "0a000001");
    set_end(&k);
    kit_send(&k);
    const struct health *h = &only(&k)->health;
    assert_true(h->held == 1 && h->released == 0 && only(&k)->flows == 0);
    msg_begin(&k, 10);
    template_set(&k, 10, 300, "8:4");
    kit_send(&k);
    assert_true(h->held == 1 && h->released == 1 && only(&k)->flows == 1);
    msg_begin(&k, 10);
    set_begin(&k, 200); /* neither data nor template */
    set_end(&k);
    kit_send(&k);
    assert_true(h->malformed == 1 && h->malformed_set == 200);
    assert_int_equal(h->malformed_why, COUNT_BAD_SET);
    assert_int_equal(h->malformed_ms, k.received_ms);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_is_told_by_the_quickest_datagram_of_a_minute),
        cmocka_unit_test(a_silence_is_told_when_it_is_beyond_what_is_usual),
        cmocka_unit_test(long_flows_and_impossible_ones_are_counted),
        cmocka_unit_test(a_flow_metered_on_its_way_in_and_out_is_a_double),
        cmocka_unit_test(what_records_tell_is_noted),
        cmocka_unit_test(a_sampler_whose_rate_is_not_known_is_noted),
        cmocka_unit_test(data_that_wait_and_what_is_malformed_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
