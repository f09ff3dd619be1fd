#include "flow/measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 2000 };

static struct batch batch_of(size_t rows)
{
    struct batch b;
    assert_true(batch_init(&b, rows));
    b.rows = rows;
    return b;
}

static void put(struct batch *b, enum field_id f, size_t row, uint64_t v)
{
    assert_true(batch_put_u64(b, f, row, v));
}

static void bytes_are_the_delta_else_the_total_else_both_ways(void **state)
{
    struct batch b = batch_of(6);
    uint64_t v;

    (void)state;
    put(&b, FIELD_BYTES, 0, 10);
    put(&b, FIELD_BYTES_TOTAL, 0, 99);
    put(&b, FIELD_BYTES_TOTAL, 1, 20);
    put(&b, FIELD_INITIATOR_BYTES, 1, 99);
    put(&b, FIELD_INITIATOR_BYTES, 2, 30);
    put(&b, FIELD_RESPONDER_BYTES, 2, 4);
    put(&b, FIELD_RESPONDER_BYTES, 3, 0);
    put(&b, FIELD_INITIATOR_BYTES, 5, UINT64_MAX);
    put(&b, FIELD_RESPONDER_BYTES, 5, 1);

    assert_true(measure_at(&b, MEASURE_BYTES, 0, &v));
    assert_int_equal(v, 10);
    assert_true(measure_at(&b, MEASURE_BYTES, 1, &v));
    assert_int_equal(v, 20);
    assert_true(measure_at(&b, MEASURE_BYTES, 2, &v));
    assert_int_equal(v, 34);
    assert_true(measure_at(&b, MEASURE_BYTES, 3, &v));
    assert_int_equal(v, 0);
    assert_false(measure_at(&b, MEASURE_BYTES, 4, &v));
    assert_int_equal(v, 0);
    assert_true(measure_at(&b, MEASURE_BYTES, 5, &v));
    assert_true(v == UINT64_MAX);
    assert_false(measure_at(&b, MEASURE_PACKETS, 0, &v));
    batch_free(&b);
}

static void duration_is_the_span_else_what_the_exporter_says(void **state)
{
    struct batch b = batch_of(5);
    uint64_t v;

    (void)state;
    put(&b, FIELD_FIRST, 0, 1000);
    put(&b, FIELD_LAST, 0, 4500);
    put(&b, FIELD_DURATION, 0, 7);
    put(&b, FIELD_FIRST, 1, 4500);
    put(&b, FIELD_LAST, 1, 1000);
    put(&b, FIELD_DURATION, 1, 7);
    put(&b, FIELD_FIRST, 2, 4500);
    put(&b, FIELD_LAST, 2, 1000);
    put(&b, FIELD_FIRST_UPTIME, 3, 10);
    put(&b, FIELD_LAST_UPTIME, 3, 15);
    put(&b, FIELD_FIRST, 4, (uint64_t)INT64_C(-5));
    put(&b, FIELD_LAST, 4, 5);

    assert_true(measure_at(&b, MEASURE_DURATION_MS, 0, &v));
    assert_int_equal(v, 3500);
    assert_true(measure_at(&b, MEASURE_DURATION_MS, 1, &v));
    assert_int_equal(v, 7);
    assert_false(measure_at(&b, MEASURE_DURATION_MS, 2, &v));
    assert_true(measure_at(&b, MEASURE_DURATION_MS, 3, &v));
    assert_int_equal(v, 5);
    assert_true(measure_at(&b, MEASURE_DURATION_MS, 4, &v));
    assert_int_equal(v, 10);
    batch_free(&b);
}

static void rates_need_a_duration(void **state)
{
    struct batch b = batch_of(2);
    double v;

    (void)state;
    for (size_t row = 0; row < 2; row++) {
        put(&b, FIELD_BYTES, row, 5000);
        put(&b, FIELD_PACKETS, row, 10);
        put(&b, FIELD_FIRST, row, 1000);
    }
    put(&b, FIELD_LAST, 0, 3000);
    put(&b, FIELD_LAST, 1, 1000);

    assert_true(ratio_at(&b, RATIO_BPS, 0, &v));
    assert_true(v == 20000.0);
    assert_true(ratio_at(&b, RATIO_PPS, 0, &v));
    assert_true(v == 5.0);
    assert_true(ratio_at(&b, RATIO_BPP, 0, &v));
    assert_true(v == 500.0);
    assert_false(ratio_at(&b, RATIO_BPS, 1, &v));
    assert_true(ratio_at(&b, RATIO_BPP, 1, &v));
    batch_free(&b);
}

static void compare_columns(const struct batch *b, size_t from, size_t n)
{
    static uint64_t room_v[ROWS];
    static uint64_t seen[(ROWS + 63) / 64];
    static double ratio_v[ROWS];
    struct measure_room room = {room_v, seen};

    for (int m = 0; m < MEASURE_N; m++) {
        struct measure_col c = measure_get(b, (enum measure)m, from, n, room);
        for (size_t i = 0; i < n; i++) {
            uint64_t v;
            bool have = measure_at(b, (enum measure)m, from + i, &v);
            assert_int_equal(c.seen[i / 64] >> (i % 64) & 1, have);
            if (have)
                assert_true(c.v[i] == v);
        }
    }
    for (int r = 0; r < RATIO_N; r++) {
        ratio_get(b, (enum ratio)r, from, n, ratio_v, seen);
        for (size_t i = 0; i < n; i++) {
            double v;
            assert_int_equal(seen[i / 64] >> (i % 64) & 1,
                             ratio_at(b, (enum ratio)r, from + i, &v));
            assert_true(ratio_v[i] == v);
        }
    }
}

/* Any mix of forms, whole columns of one form included. */
static void columns_equal_single_rows(void **state)
{
    struct field_set fields = {0};

    (void)state;
    ratio_fields(RATIO_BPS, &fields);
    ratio_fields(RATIO_PPS, &fields);
    srand(1);
    for (int round = 0; round < 64; round++) {
        struct batch b = batch_of(ROWS - (size_t)(rand() % 64));
        for (int f = 0; f < FIELD_N; f++) {
            int odds = rand() % 4; /* never, seldom, often, always */
            if (!field_set_has(&fields, (enum field_id)f) || odds == 0)
                continue;
            for (size_t row = 0; row < b.rows; row++)
                if (rand() % 3 < odds)
                    put(&b, (enum field_id)f, row, (uint64_t)(rand() % 50));
        }
        compare_columns(&b, 0, b.rows);
        compare_columns(&b, 64 * (size_t)(rand() % 10), 700);
        batch_free(&b);
    }
}

static void only_deltas_are_given_as_they_lie(void **state)
{
    struct batch b = batch_of(100);
    struct field_set fields = {0};
    struct measure_room none = {0};

    (void)state;
    put(&b, FIELD_BYTES, 70, 1);
    struct measure_col c = measure_get(&b, MEASURE_BYTES, 64, 36, none);
    assert_ptr_equal(c.v, (const uint64_t *)b.col[FIELD_BYTES] + 64);
    assert_ptr_equal(c.seen, b.seen[FIELD_BYTES] + 1);
    measure_fields(MEASURE_BYTES, &fields);
    assert_true(field_set_has(&fields, FIELD_BYTES_TOTAL));
    assert_false(field_set_has(&fields, FIELD_PACKETS));
    batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_the_delta_else_the_total_else_both_ways),
        cmocka_unit_test(duration_is_the_span_else_what_the_exporter_says),
        cmocka_unit_test(rates_need_a_duration),
        cmocka_unit_test(columns_equal_single_rows),
        cmocka_unit_test(only_deltas_are_given_as_they_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
