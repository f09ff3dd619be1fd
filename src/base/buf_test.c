#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void writes_big_and_little_endian(void **state)
{
    static const uint8_t want[] = {0x12, 0x12, 0x34, 0x12, 0x34, 0x56,
                                   0x78, 0x34, 0x12, 0x56, 0x34, 0x12};
    uint8_t mem[sizeof want];
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, sizeof mem);
    buf_u8(&b, 0x12);
    buf_u16(&b, 0x1234);
    buf_u32(&b, 0x12345678);
    buf_le(&b, 0x1234, 2);
    buf_le(&b, 0x123456, 3);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(mem, want, sizeof want);
}

static void fixed_memory_is_never_left(void **state)
{
    uint8_t mem[8] = {[4] = 0xaa, 0xaa, 0xaa, 0xaa};
    struct buf b;

    (void)state;
    buf_fixed(&b, mem, 4);
    buf_u16(&b, 0x0102);
    buf_u32(&b, 0xffffffff); /* two octets left */
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 2);
    buf_u8(&b, 1); /* would fit, but the writer has lost something already */
    assert_int_equal(b.len, 2);
    assert_int_equal(mem[4], 0xaa);
    buf_reset(&b);
    buf_u32(&b, 7);
    assert_true(buf_ok(&b));
    buf_free(&b);
}

/* To the octet, whatever the limit is: what grows in steps must not go beyond it by a step. */
static void grows_to_its_limit_and_no_octet_beyond(void **state)
{
    static const size_t limits[] = {0, 1, 100, 255, 256, 257, 1000, 5000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct buf b;
        buf_init(&b, limits[i]);
        for (size_t n = 0; n < limits[i]; n++)
            buf_u8(&b, (uint8_t)n);
        assert_true(buf_ok(&b));
        assert_int_equal(b.len, limits[i]);
        buf_u8(&b, 0);
        assert_false(buf_ok(&b));
        assert_int_equal(b.len, limits[i]);
        for (size_t n = 0; n < limits[i]; n++)
            assert_int_equal(b.data[n], (uint8_t)n);
        buf_free(&b);
    }
}

static void refuses_what_is_larger_than_the_limit_at_once(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_null(buf_room(&b, SIZE_MAX));
    assert_false(buf_ok(&b));
    buf_reset(&b);
    assert_null(buf_room(&b, 1001));
    buf_reset(&b);
    assert_non_null(buf_room(&b, 1000));
    buf_free(&b);
}

static void prints_short_and_long(void **state)
{
    struct buf b;
    char want[600];

    (void)state;
    buf_init(&b, 4096);
    buf_printf(&b, "%d-%s", 7, "x");
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "7-x", 3);
    buf_reset(&b);
    memset(want, 'y', sizeof want - 1);
    want[sizeof want - 1] = '\0';
    buf_printf(&b, "%s", want);
    assert_int_equal(b.len, sizeof want - 1);
    assert_memory_equal(b.data, want, sizeof want - 1);
    buf_free(&b);
}

static void adding_nothing_changes_nothing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_bytes(&b, NULL, 0);
    buf_text(&b, "");
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 0);
    buf_free(&b);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_big_and_little_endian),
        cmocka_unit_test(fixed_memory_is_never_left),
        cmocka_unit_test(grows_to_its_limit_and_no_octet_beyond),
        cmocka_unit_test(refuses_what_is_larger_than_the_limit_at_once),
        cmocka_unit_test(prints_short_and_long),
        cmocka_unit_test(adding_nothing_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
