#include "base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void reads_big_endian_in_order(void **state)
{
    struct cur c = cur_of(bytes, sizeof bytes);

    (void)state;
    assert_int_equal(cur_u8(&c), 0x01);
    assert_int_equal(cur_u16(&c), 0x0203);
    assert_int_equal(cur_u32(&c), 0x04050607);
    assert_int_equal(cur_u64(&c), 0x08090a0b0c0d0e0f);
    assert_int_equal(cur_left(&c), 0);
    assert_true(cur_ok(&c));
}

static void reads_reduced_sizes(void **state)
{
    struct cur c = cur_of(bytes, sizeof bytes);

    (void)state;
    assert_int_equal(cur_be(&c, 3), 0x010203);
    assert_int_equal(cur_be(&c, 5), 0x0405060708);
    assert_int_equal(cur_le(&c, 2), 0x0a09);
    assert_int_equal(cur_le(&c, 3), 0x0d0c0b);
}

static void a_read_past_the_end_sticks(void **state)
{
    struct cur c = cur_of(bytes, 3);

    (void)state;
    assert_int_equal(cur_u32(&c), 0);
    assert_false(cur_ok(&c));
    assert_int_equal(cur_left(&c), 0);
    assert_int_equal(cur_u8(&c), 0); /* although three octets are there */
    assert_null(cur_bytes(&c, 1));
    struct cur sub = cur_take(&c, 0);
    assert_false(cur_ok(&sub));
}

static void a_window_ends_where_it_was_cut(void **state)
{
    struct cur c = cur_of(bytes, sizeof bytes);
    struct cur sub = cur_take(&c, 4);

    (void)state;
    assert_int_equal(cur_left(&sub), 4);
    assert_int_equal(cur_left(&c), sizeof bytes - 4);
    (void)cur_u64(&sub);
    assert_false(cur_ok(&sub));
    assert_int_equal(cur_u8(&c), 5); /* the outer one goes on */

    struct cur over = cur_take(&c, 100);
    assert_false(cur_ok(&over));
    assert_false(cur_ok(&c));
}

static void lengths_that_would_wrap_are_refused(void **state)
{
    struct cur c = cur_of(bytes, sizeof bytes);

    (void)state;
    (void)cur_u8(&c);
    assert_null(cur_bytes(&c, SIZE_MAX));
    assert_false(cur_ok(&c));
}

static void nothing_is_a_cursor_too(void **state)
{
    struct cur c = cur_of(NULL, 0);

    (void)state;
    assert_int_equal(cur_left(&c), 0);
    struct cur sub = cur_take(&c, 0);
    assert_true(cur_ok(&sub));
    assert_true(cur_ok(&c));
    assert_int_equal(cur_be(&c, 0), 0);
    assert_true(cur_ok(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_big_endian_in_order),
        cmocka_unit_test(reads_reduced_sizes),
        cmocka_unit_test(a_read_past_the_end_sticks),
        cmocka_unit_test(a_window_ends_where_it_was_cut),
        cmocka_unit_test(lengths_that_would_wrap_are_refused),
        cmocka_unit_test(nothing_is_a_cursor_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
