#include "store/thrift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* By hand, from the specification of the compact protocol. */
static const uint8_t good[] = {
    0x15, 0x02,             /* field 1, i32: 1 */
    0x16, 0xbe, 0x93, 0x06, /* field 2, i64: 50399, zigzag 100798 */
    0x18, 0x02, 'h',  'i',  /* field 3, binary */
    0x11,                   /* field 4, true */
    0x12,                   /* field 5, false */
    0x19, 0x25, 0x01, 0x04, /* field 6, list of two i32: -1, 2 */
    0x1c, 0x13, 0xff, 0x00, /* field 7, struct: its field 1, i8: -1 */
    0x06, 0x28, 0x03,       /* field 20 in the long form, i64: -2 */
    0x00,
};

static void writes_what_the_specification_says(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    struct thrift_out t = thrift_out_of(&b);
    thrift_put_i32(&t, 1, 1);
    thrift_put_i64(&t, 2, 50399);
    thrift_put_binary(&t, 3, "hi", 2);
    thrift_put_bool(&t, 4, true);
    thrift_put_bool(&t, 5, false);
    thrift_put_list(&t, 6, THRIFT_I32, 2);
    thrift_zigzag(&b, -1);
    thrift_zigzag(&b, 2);
    struct thrift_out in = thrift_put_struct(&t, 7);
    thrift_put_i8(&in, 1, -1);
    thrift_end(&in);
    assert_int_equal(b.len, 20); /* up to field 20, whose form we never write */
    assert_memory_equal(b.data, good, b.len);
    buf_free(&b);
}

static void reads_what_the_specification_says(void **state)
{
    struct cur c = cur_of(good, sizeof good);
    struct thrift_in t = thrift_in_of(&c);

    (void)state;
    assert_true(thrift_next(&t) && t.id == 1);
    assert_int_equal(thrift_int(&t), 1);
    assert_true(thrift_next(&t) && t.id == 2);
    assert_int_equal(thrift_int(&t), 50399);
    assert_true(thrift_next(&t) && t.id == 3);
    struct cur text = thrift_binary(&t);
    assert_int_equal(cur_left(&text), 2);
    assert_memory_equal(text.at, "hi", 2);
    assert_true(thrift_next(&t) && t.id == 4);
    assert_true(thrift_bool(&t));
    assert_true(thrift_next(&t) && t.id == 5);
    assert_false(thrift_bool(&t));
    assert_true(thrift_next(&t) && t.id == 6);
    assert_int_equal(thrift_list(&t, THRIFT_I32), 2);
    assert_int_equal(thrift_int_element(&c), -1);
    assert_int_equal(thrift_int_element(&c), 2);
    assert_true(thrift_next(&t) && t.id == 7);
    struct thrift_in in = thrift_struct(&t);
    assert_true(thrift_next(&in) && in.id == 1);
    assert_int_equal(thrift_int(&in), -1);
    assert_false(thrift_next(&in));
    assert_true(thrift_next(&t) && t.id == 20);
    assert_int_equal(thrift_int(&t), -2);
    assert_false(thrift_next(&t));
    assert_true(cur_ok(&c));
    assert_int_equal(cur_left(&c), 0);
}

static bool skips(const uint8_t *p, size_t n)
{
    struct cur c = cur_of(p, n);
    struct thrift_in t = thrift_in_of(&c);
    while (thrift_next(&t))
        thrift_skip(&t);
    return cur_ok(&c);
}

static void skips_what_it_does_not_know(void **state)
{
    (void)state;
    assert_true(skips(good, sizeof good));
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof good; n++)
        assert_false(skips(good, n));
}

static void survives_every_flip(void **state)
{
    uint8_t bad[sizeof good];

    (void)state;
    for (size_t i = 0; i < sizeof good; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(bad, good, sizeof good);
            bad[i] ^= (uint8_t)(1u << bit);
            (void)skips(bad, sizeof bad);
        }
}

static void refuses_another_type_than_asked_for(void **state)
{
    struct cur c = cur_of(good, sizeof good);
    struct thrift_in t = thrift_in_of(&c);

    (void)state;
    assert_true(thrift_next(&t));
    (void)thrift_binary(&t);
    assert_false(cur_ok(&c));
}

static void refuses_depth_and_counts_without_end(void **state)
{
    static const uint8_t list[] = {0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00};
    static const uint8_t varint[] = {0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0x01, 0x00};
    uint8_t deep[100000];

    (void)state;
    memset(deep, 0x1c, sizeof deep); /* struct in struct in struct */
    assert_false(skips(deep, sizeof deep));
    memset(deep, 0x19, sizeof deep); /* list in list in list */
    assert_false(skips(deep, sizeof deep));
    assert_false(skips(list, sizeof list));
    assert_false(skips(varint, sizeof varint));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_specification_says),
        cmocka_unit_test(reads_what_the_specification_says),
        cmocka_unit_test(skips_what_it_does_not_know),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_flip),
        cmocka_unit_test(refuses_another_type_than_asked_for),
        cmocka_unit_test(refuses_depth_and_counts_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
