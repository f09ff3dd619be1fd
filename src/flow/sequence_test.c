/* Sequence numbers: each version's unit, and loss, reordering, duplicates and restarts without
 * false alarms. */
#include "flow/sequence.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* An exporter: what it would number, and what of it is let through. */
struct exporter {
    struct sequence s;
    uint16_t version;
    uint32_t sequence;
    uint32_t uptime_ms;
    int64_t export_ms;
};

static struct exporter exporter_of(uint16_t version, uint32_t first)
{
    return (struct exporter){.version = version,
                             .sequence = first,
                             .uptime_ms = 3600000,
                             .export_ms = INT64_C(1700000000000)};
}

static struct msg head_of(struct exporter *x, uint32_t moves_on)
{
    struct msg m = {.version = x->version,
                    .sequence = x->sequence,
                    .uptime_ms = x->uptime_ms,
                    .export_ms = x->export_ms};
    x->sequence += moves_on;
    x->uptime_ms += 1000;
    x->export_ms += 1000;
    return m;
}

static enum sequence_verdict add(struct exporter *x, const struct msg *m, uint32_t flows,
                                 uint32_t options)
{
    struct sequence_step step = {.head = m, .flows = flows, .options = options, .whole = true};
    return sequence_add(&x->s, &step);
}

/* What a datagram of so many flows moves the number on by. */
static uint32_t unit_of(uint16_t version, uint32_t flows) { return version == 9 ? 1 : flows; }

static enum sequence_verdict next(struct exporter *x, uint32_t flows)
{
    struct msg m = head_of(x, unit_of(x->version, flows));
    return add(x, &m, flows, 0);
}

static void missing(struct exporter *x, uint32_t flows)
{
    (void)head_of(x, unit_of(x->version, flows));
}

static const uint16_t versions[] = {5, 6, 7, 8, 9, 10};

static void in_order_is_no_news_in_any_version_and_over_the_wrap(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct exporter x = exporter_of(versions[v], UINT32_MAX - 40);
        assert_int_equal(next(&x, 30), SEQUENCE_FIRST);
        for (uint32_t i = 1; i < 100; i++)
            assert_int_equal(next(&x, 1 + i % 30), SEQUENCE_IN_ORDER);
        assert_true(x.s.lost == 0 && x.s.gaps == 0);
    }
}

static void a_gap_is_as_large_as_what_did_not_come(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct exporter x = exporter_of(versions[v], UINT32_MAX - 40);
        (void)next(&x, 30);
        missing(&x, 7);
        missing(&x, 30);
        assert_int_equal(next(&x, 12), SEQUENCE_GAP);
        assert_int_equal(next(&x, 12), SEQUENCE_IN_ORDER);
        assert_int_equal(x.s.lost, unit_of(versions[v], 7) + unit_of(versions[v], 30));
        assert_int_equal(x.s.gaps, 1);
    }
}

static void what_comes_late_is_not_lost(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct exporter x = exporter_of(versions[v], 50000);
        (void)next(&x, 30);
        struct msg a = head_of(&x, unit_of(x.version, 5));
        struct msg b = head_of(&x, unit_of(x.version, 6));
        struct msg c = head_of(&x, unit_of(x.version, 7));
        assert_int_equal(next(&x, 8), SEQUENCE_GAP);
        assert_int_equal(add(&x, &b, 6, 0), SEQUENCE_LATE);
        assert_int_equal(x.s.lost, unit_of(x.version, 5) + unit_of(x.version, 7));
        assert_int_equal(add(&x, &c, 7, 0), SEQUENCE_LATE);
        assert_int_equal(add(&x, &a, 5, 0), SEQUENCE_LATE);
        assert_int_equal(next(&x, 9), SEQUENCE_IN_ORDER);
        assert_true(x.s.lost == 0 && x.s.late == 3 && x.s.duplicates == 0 && x.s.restarts == 0);
    }
}

static void what_comes_twice_is_a_duplicate(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct exporter x = exporter_of(versions[v], 50000);
        (void)next(&x, 30);
        struct msg m = head_of(&x, unit_of(x.version, 30));
        assert_int_equal(add(&x, &m, 30, 0), SEQUENCE_IN_ORDER);
        assert_int_equal(add(&x, &m, 30, 0), SEQUENCE_DUPLICATE);
        assert_int_equal(next(&x, 30), SEQUENCE_IN_ORDER);
        assert_int_equal(add(&x, &m, 30, 0), SEQUENCE_DUPLICATE);
        assert_true(x.s.lost == 0 && x.s.duplicates == 2);
    }
}

static void a_restart_is_told_by_uptime_or_a_small_number(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct exporter x = exporter_of(versions[v], 500000);
        (void)next(&x, 30);
        (void)next(&x, 30);
        x.sequence = 0;
        x.uptime_ms = 5000;
        assert_int_equal(next(&x, 30), SEQUENCE_RESTART);
        assert_int_equal(next(&x, 30), SEQUENCE_IN_ORDER);
        assert_true(x.s.lost == 0 && x.s.restarts == 1);
    }
}

static void a_restart_after_few_datagrams_is_no_duplicate(void **state)
{
    struct exporter x = exporter_of(9, 0);

    (void)state;
    (void)next(&x, 10);
    (void)next(&x, 10);
    x.sequence = 0;
    x.uptime_ms = 2000;
    assert_int_equal(next(&x, 10), SEQUENCE_RESTART);
    assert_int_equal(next(&x, 10), SEQUENCE_IN_ORDER);
    assert_int_equal(x.s.duplicates, 0);
}

/* Nothing but its numbers tells: one datagram could be a straggler, two in a row are not. */
static void a_restart_anywhere_is_told_by_two_in_a_row(void **state)
{
    struct exporter x = exporter_of(10, 800000);

    (void)state;
    (void)next(&x, 30);
    x.sequence = 600000;
    assert_int_equal(next(&x, 20), SEQUENCE_BEHIND);
    assert_int_equal(next(&x, 20), SEQUENCE_RESTART);
    assert_int_equal(next(&x, 20), SEQUENCE_IN_ORDER);
    assert_int_equal(x.s.lost, 0);
}

static void so_far_ahead_nobody_loses(void **state)
{
    struct exporter x = exporter_of(9, 1000);

    (void)state;
    (void)next(&x, 30);
    x.sequence = 3000000;
    assert_int_equal(next(&x, 30), SEQUENCE_RESTART);
    assert_int_equal(x.s.lost, 0);
}

static void the_uptimes_wrap_is_no_restart(void **state)
{
    struct exporter x = exporter_of(5, 1000);

    (void)state;
    x.uptime_ms = UINT32_MAX - 2500;
    for (int i = 0; i < 10; i++)
        (void)next(&x, 30);
    assert_true(x.s.lost == 0 && x.s.restarts == 0);
}

static void options_data_count_in_ipfix_only(void **state)
{
    struct exporter x = exporter_of(10, 1000);

    (void)state;
    (void)next(&x, 30);
    struct msg m = head_of(&x, 3 + 2);
    assert_int_equal(add(&x, &m, 3, 2), SEQUENCE_IN_ORDER);
    assert_int_equal(next(&x, 30), SEQUENCE_IN_ORDER);
    x = exporter_of(9, 1000);
    (void)next(&x, 30);
    m = head_of(&x, 1);
    assert_int_equal(add(&x, &m, 0, 2), SEQUENCE_IN_ORDER);
    assert_int_equal(next(&x, 30), SEQUENCE_IN_ORDER);
}

/* Numbers of a recorded softflowd 1.1.0: 16 with 16 flows, then 41 with 25. */
static void softflowds_way_is_recognised_without_an_alarm(void **state)
{
    static const uint32_t flows[] = {16, 25, 0, 25, 3, 25, 25, 1};
    struct exporter x = exporter_of(10, 0);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(flows); i++) {
        x.sequence += flows[i];
        struct msg m = head_of(&x, 0);
        enum sequence_verdict v = add(&x, &m, flows[i], flows[i] == 0);
        assert_int_equal(v, i == 0 ? SEQUENCE_FIRST : SEQUENCE_IN_ORDER);
    }
    assert_true(x.s.inclusive && x.s.lost == 0 && x.s.gaps == 0);
    x.sequence += 20; /* did not come */
    x.sequence += 9;
    struct msg m = head_of(&x, 0);
    assert_int_equal(add(&x, &m, 9, 0), SEQUENCE_GAP);
    assert_int_equal(x.s.lost, 20);
}

/* 2 flows, then 1 that does not come, then 3: as softflowd's numbers would go on. */
static struct exporter by_chance(struct msg *lost)
{
    struct exporter x = exporter_of(10, 1000);

    assert_int_equal(next(&x, 2), SEQUENCE_FIRST);
    *lost = head_of(&x, 1);
    assert_int_equal(next(&x, 3), SEQUENCE_IN_ORDER);
    assert_int_equal(x.s.lost, 0);
    return x;
}

static void what_looks_like_softflowds_way_by_chance_is_missing_in_the_end(void **state)
{
    struct msg lost;
    struct exporter x = by_chance(&lost);

    (void)state;
    assert_int_equal(next(&x, 3), SEQUENCE_IN_ORDER); /* agrees with both */
    assert_int_equal(next(&x, 5), SEQUENCE_GAP);      /* and with the right way only */
    assert_true(x.s.lost == 1 && x.s.missed == 1 && x.s.gaps == 1 && !x.s.inclusive);
    assert_int_equal(next(&x, 5), SEQUENCE_IN_ORDER);
    assert_int_equal(add(&x, &lost, 1, 0), SEQUENCE_LATE);
    assert_true(x.s.lost == 0 && x.s.missed == 1);

    x = by_chance(&lost); /* what comes late decides it too */
    assert_int_equal(add(&x, &lost, 1, 0), SEQUENCE_LATE);
    assert_true(x.s.lost == 0 && x.s.late == 1 && x.s.proper);

    x = by_chance(&lost); /* and a further gap leaves it in doubt */
    missing(&x, 7);
    assert_int_equal(next(&x, 2), SEQUENCE_GAP);
    assert_int_equal(x.s.lost, 7);
    assert_int_equal(next(&x, 1), SEQUENCE_GAP);
    assert_true(x.s.lost == 8 && x.s.gaps == 2);
}

static void records_that_cannot_be_counted_stop_the_counting(void **state)
{
    struct exporter x = exporter_of(10, 1000);

    (void)state;
    (void)next(&x, 30);
    struct msg m = head_of(&x, 12);
    struct sequence_step step = {.head = &m, .flows = 0, .whole = false};
    assert_int_equal(sequence_add(&x.s, &step), SEQUENCE_IN_ORDER);
    assert_int_equal(next(&x, 30), SEQUENCE_FIRST);
    assert_int_equal(next(&x, 30), SEQUENCE_IN_ORDER);
    assert_int_equal(x.s.lost, 0);
}

/* Many gaps at once: the oldest is forgotten, and stays lost. */
static void gaps_are_remembered_within_a_bound(void **state)
{
    struct exporter x = exporter_of(9, 1);
    struct msg missed[SEQUENCE_GAPS + 2];

    (void)state;
    (void)next(&x, 1);
    for (size_t i = 0; i < COUNT_OF(missed); i++) {
        missed[i] = head_of(&x, 1);
        assert_int_equal(next(&x, 1), SEQUENCE_GAP);
    }
    assert_int_equal(x.s.lost, COUNT_OF(missed));
    assert_int_equal(add(&x, &missed[0], 1, 0), SEQUENCE_BEHIND);
    for (size_t i = 2; i < COUNT_OF(missed); i++)
        assert_int_equal(add(&x, &missed[i], 1, 0), SEQUENCE_LATE);
    assert_int_equal(x.s.lost, 2);
}

static void out_of_order_is_told_before_the_records_are_counted(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct exporter x = exporter_of(versions[v], 100000);
        struct msg first = head_of(&x, unit_of(x.version, 5));
        assert_false(sequence_out_of_order(&x.s, &first)); /* nothing to compare with */
        assert_int_equal(add(&x, &first, 5, 0), SEQUENCE_FIRST);
        assert_int_equal(next(&x, 7), SEQUENCE_IN_ORDER);
        struct msg late = head_of(&x, unit_of(x.version, 5));
        struct msg after = head_of(&x, unit_of(x.version, 5));
        assert_false(sequence_out_of_order(&x.s, &after)); /* behind a gap */
        assert_int_equal(add(&x, &after, 5, 0), SEQUENCE_GAP);
        assert_true(sequence_out_of_order(&x.s, &late));
        assert_true(sequence_out_of_order(&x.s, &first));
        struct msg anew = {.version = x.version, .sequence = 0, .export_ms = x.export_ms};
        assert_false(sequence_out_of_order(&x.s, &anew));
    }
    struct exporter one = exporter_of(1, 100000); /* has no numbers */
    struct msg m = head_of(&one, 0);
    assert_false(sequence_out_of_order(&one.s, &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_is_no_news_in_any_version_and_over_the_wrap),
        cmocka_unit_test(a_gap_is_as_large_as_what_did_not_come),
        cmocka_unit_test(what_comes_late_is_not_lost),
        cmocka_unit_test(what_comes_twice_is_a_duplicate),
        cmocka_unit_test(a_restart_is_told_by_uptime_or_a_small_number),
        cmocka_unit_test(a_restart_after_few_datagrams_is_no_duplicate),
        cmocka_unit_test(a_restart_anywhere_is_told_by_two_in_a_row),
        cmocka_unit_test(so_far_ahead_nobody_loses),
        cmocka_unit_test(the_uptimes_wrap_is_no_restart),
        cmocka_unit_test(options_data_count_in_ipfix_only),
        cmocka_unit_test(softflowds_way_is_recognised_without_an_alarm),
        cmocka_unit_test(what_looks_like_softflowds_way_by_chance_is_missing_in_the_end),
        cmocka_unit_test(records_that_cannot_be_counted_stop_the_counting),
        cmocka_unit_test(gaps_are_remembered_within_a_bound),
        cmocka_unit_test(out_of_order_is_told_before_the_records_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
