#include "query/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool ok(const char *s) { return json_ok(s, strlen(s)); }

static void knows_json(void **state)
{
    static const char *const good[] = {
        "{}",
        "[]",
        "0",
        "-12.5e+3",
        "\"\"",
        " { \"a\" : [ 1 , 2 , { } ] , \"b\" : null } ",
        "{\"0/95\":[\"0102\",\"\"],\"9/1\":[]}",
        "[true,false,null]",
        "\"\\u00e4\\n\\\"\"",
    };
    static const char *const bad[] = {
        "",         " ",     "{",        "}",     "[1,]",       "[,1]",         "{\"a\"}",
        "{\"a\":}", "{1:2}", "{} {}",    "[1 2]", "\"",         "\"\\x\"",      "01",
        "1.",       "1e",    "tru",      "[1}",   "{\"a\":1]",  "\"\\u12g4\"",  "-",
        "+1",       "nul",   "\"a\nb\"", "[1\n]", "{\"a\":1,}", "\"\xc3\xa4\"", "'a'",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(ok(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(ok(bad[i]));
}

static void refuses_every_truncation(void **state)
{
    static const char good[] = "{\"0/95\":[\"0102\",\"\\u0041\"],\"9/1\":[-1.5e3,true,{}]}";

    (void)state;
    assert_true(json_ok(good, sizeof good - 1));
    for (size_t n = 0; n < sizeof good - 1; n++)
        assert_false(json_ok(good, n));
}

static void refuses_deep_nesting(void **state)
{
    char deep[400];

    (void)state;
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    assert_false(json_ok(deep, 400));
    assert_true(json_ok(deep + 200 - 64, 128));
    assert_false(json_ok(deep + 200 - 65, 130));
}

static void orders_values_with_absent_first(void **state)
{
    struct value none = {.type = VALUE_NONE};
    struct value one = value_uint(1);
    struct value big = value_uint(UINT64_MAX);
    struct value early = value_time(-5);
    struct value late = value_time(3);
    struct value a = value_text("a", 1);
    struct value aa = value_text("aa", 2);

    (void)state;
    assert_true(value_compare(&none, &one) < 0);
    assert_true(value_compare(&big, &one) > 0);
    assert_true(value_compare(&early, &late) < 0);
    assert_true(value_compare(&a, &aa) < 0);
    assert_int_equal(value_compare(&aa, &aa), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_json),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_deep_nesting),
        cmocka_unit_test(orders_values_with_absent_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
