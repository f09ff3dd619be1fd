#include "flow/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct trouble by(uint8_t who, enum count_id why)
{
    return (struct trouble){.addr = {{0x20, 1, [15] = who}}, .why = why, .version = 9, .set = who};
}

static void the_same_of_one_sender_is_counted(void **state)
{
    struct troubles all = {0};
    struct trouble a = by(1, COUNT_BAD_SET);
    struct trouble b = by(1, COUNT_BAD_TEMPLATE);

    (void)state;
    troubles_add(&all, &a, "first");
    troubles_add(&all, &b, "other");
    a.set = 700;
    troubles_add(&all, &a, "second");
    assert_int_equal(all.n, 2);
    assert_int_equal(all.v[0].n, 2);
    assert_int_equal(all.v[0].set, 700);
    assert_string_equal(all.v[0].reason, "second");
    assert_int_equal(all.v[1].n, 1);
}

static void beyond_a_bound_they_are_only_counted(void **state)
{
    struct troubles all = {0};

    (void)state;
    for (uint8_t i = 0; i < TROUBLES_MAX + 5; i++) {
        struct trouble t = by(i, COUNT_BAD_SET);
        troubles_add(&all, &t, "");
    }
    assert_int_equal(all.n, TROUBLES_MAX);
    assert_int_equal(all.more, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_of_one_sender_is_counted),
        cmocka_unit_test(beyond_a_bound_they_are_only_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
