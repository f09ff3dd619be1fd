/* Who sends: kept apart, bounded, and known ones not pushed out by strangers. */
#include "flow/exporters.h"

#include "base/attr.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct exporter_key key_of(uint32_t n)
{
    const uint8_t v4[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return (struct exporter_key){.addr = addr_of_v4(v4), .version = 9, .port = 2055};
}

static void hear(struct exporters *e, const struct exporter_key *key, uint32_t sequence,
                 int64_t now_ms)
{
    struct msg m = {.version = key->version, .sequence = sequence, .export_ms = now_ms};
    struct sequence_step step = {.head = &m, .flows = 3, .whole = true};
    struct exporter *x = exporters_get(e, key, now_ms);

    if (x)
        exporters_step(e, x, &step, now_ms);
}

static void each_counts_by_itself(void **state)
{
    struct counts counts = {0};
    struct exporters e;
    struct exporter_key k = key_of(1);

    (void)state;
    exporters_init(&e, &counts);
    hear(&e, &k, 10, 1000);
    k.source = 7;
    hear(&e, &k, 500, 1000);
    k.port = 9999;
    hear(&e, &k, 90, 1000);
    k = key_of(1);
    hear(&e, &k, 13, 2000);
    assert_int_equal(e.map.n, 3);
    const struct exporter *x = exporters_get(&e, &k, 2000);
    assert_true(x->datagrams == 2 && x->flows == 6 && x->first_ms == 1000 && x->last_ms == 2000);
    assert_int_equal(x->sequence.lost, 2);
    assert_int_equal(count_get(&counts, COUNT_SEQUENCE_GAPS), 1);
    assert_int_equal(count_get(&counts, COUNT_SEQUENCE_MISSED), 2);
    assert_int_equal(e.n_news, 1);
    assert_int_equal(e.news[0].missed, 2);
    exporters_told(&e);
    assert_int_equal(e.n_news, 0);
    exporters_free(&e);
}

static void strangers_push_out_strangers_only(void **state)
{
    struct counts counts = {0};
    struct exporters e;

    (void)state;
    exporters_init(&e, &counts);
    for (uint32_t known = 0; known < 10; known++)
        for (uint32_t i = 0; i < EXPORTERS_SETTLED; i++) {
            struct exporter_key k = key_of(known);
            hear(&e, &k, i, 1000);
        }
    for (uint32_t i = 0; i < EXPORTERS_MAX + 5000; i++) {
        struct exporter_key k = key_of(1000 + i);
        hear(&e, &k, 1, 2000);
    }
    assert_int_equal(e.map.n, EXPORTERS_MAX);
    assert_int_equal(count_get(&counts, COUNT_EXPORTERS_EVICTED), 5010);
    for (uint32_t known = 0; known < 10; known++) {
        struct exporter_key k = key_of(known);
        assert_int_equal(exporters_get(&e, &k, 3000)->datagrams, EXPORTERS_SETTLED);
    }
    exporters_free(&e);
}

static void where_all_are_settled_nobody_is_taken_for_a_day(void **state)
{
    const int64_t day_ms = 86400000;
    struct counts counts = {0};
    struct exporters e;
    struct exporter_key k;

    (void)state;
    exporters_init(&e, &counts);
    for (uint32_t i = 0; i < EXPORTERS_MAX; i++) {
        k = key_of(i);
        exporters_settle(&e, exporters_get(&e, &k, 1000));
    }
    k = key_of(EXPORTERS_MAX);
    assert_null(exporters_get(&e, &k, day_ms));
    assert_int_equal(count_get(&counts, COUNT_EXPORTERS_REFUSED), 1);
    assert_non_null(exporters_get(&e, &k, day_ms + 1001));
    exporters_free(&e);
}

static void a_connection_that_ends_is_forgotten(void **state)
{
    struct counts counts = {0};
    struct exporters e;
    struct exporter_key k = key_of(1);

    (void)state;
    exporters_init(&e, &counts);
    hear(&e, &k, 1, 1000);
    for (k.session = 1; k.session <= 3; k.session++)
        hear(&e, &k, 1, 1000);
    exporters_end_session(&e, 2);
    assert_int_equal(e.map.n, 3);
    exporters_end_session(&e, 0);
    assert_int_equal(e.map.n, 1);
    exporters_free(&e);
}

static void news_are_kept_within_a_bound(void **state)
{
    struct counts counts = {0};
    struct exporters e;
    struct exporter_key k = key_of(1);

    (void)state;
    exporters_init(&e, &counts);
    for (uint32_t i = 0; i < EXPORTERS_NEWS + 6; i++)
        hear(&e, &k, i * 2, 1000 + i);
    assert_int_equal(e.n_news, EXPORTERS_NEWS);
    assert_int_equal(e.news_lost, 5);
    exporters_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_counts_by_itself),
        cmocka_unit_test(strangers_push_out_strangers_only),
        cmocka_unit_test(where_all_are_settled_nobody_is_taken_for_a_day),
        cmocka_unit_test(a_connection_that_ends_is_forgotten),
        cmocka_unit_test(news_are_kept_within_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
