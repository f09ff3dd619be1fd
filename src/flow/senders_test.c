#include "flow/senders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void put(struct senders *s, const char *text, double rate)
{
    struct prefix p;

    assert_int_equal(prefix_parse(text, &p, NULL), 0);
    struct sender_rule *rule = senders_get(s, &p);
    assert_non_null(rule);
    rule->rate = rate;
}

static double rate_of(const struct senders *s, const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(text, &a, NULL), 0);
    const struct sender_rule *rule = senders_find(s, &a);
    return rule ? rule->rate : -1;
}

static void the_longest_prefix_decides(void **state)
{
    struct senders s = {0};

    (void)state;
    put(&s, "10.0.0.0/8", 8);
    put(&s, "10.1.0.0/16", 16);
    put(&s, "10.1.2.3", 32);
    put(&s, "2001:db8::/32", 6);
    put(&s, "10.1.0.0/16", 17);
    assert_int_equal(s.n, 4);
    assert_true(rate_of(&s, "10.1.2.3") == 32);
    assert_true(rate_of(&s, "10.1.2.4") == 17);
    assert_true(rate_of(&s, "10.2.0.0") == 8);
    assert_true(rate_of(&s, "11.0.0.0") == -1);
    assert_true(rate_of(&s, "2001:db8:ffff::") == 6);
    senders_free(&s);
}

static void copies_are_the_same_until_one_changes(void **state)
{
    struct senders a = {0};
    struct senders b = {0};
    struct prefix p;

    (void)state;
    put(&a, "10.0.0.0/8", 8);
    assert_false(senders_same(&a, &b));
    assert_true(senders_copy(&b, &a));
    assert_true(senders_same(&a, &b));
    put(&b, "10.0.0.0/8", 9);
    assert_false(senders_same(&a, &b));
    assert_int_equal(prefix_parse("10.0.0.0/8", &p, NULL), 0);
    senders_remove(&b, &p);
    assert_int_equal(b.n, 0);
    senders_remove(&b, &p);
    assert_true(senders_copy(&a, &b));
    assert_int_equal(a.n, 0);
    senders_free(&a);
    senders_free(&b);
}

static void there_are_so_many_at_most(void **state)
{
    struct senders s = {0};
    char text[32];
    struct prefix p;

    (void)state;
    for (unsigned i = 0; i < SENDERS_MAX; i++) {
        (void)snprintf(text, sizeof text, "10.0.%u.%u", i >> 8, i & 255);
        put(&s, text, 1);
    }
    assert_int_equal(prefix_parse("11.0.0.0/8", &p, NULL), 0);
    assert_null(senders_get(&s, &p));
    put(&s, "10.0.3.255", 2);
    senders_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_decides),
        cmocka_unit_test(copies_are_the_same_until_one_changes),
        cmocka_unit_test(there_are_so_many_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
