#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool ok(const char *s) { return utf8_ok((const uint8_t *)s, strlen(s)); }

/* Cases of Markus Kuhn's decoder test and Unicode's table 3-7. */
static void takes_well_formed_text(void **state)
{
    (void)state;
    assert_true(ok(""));
    assert_true(ok("plain text that is longer than eight bytes"));
    assert_true(ok("gr\xc3\xbc\xc3\x9f"));
    assert_true(ok("\xe2\x82\xac \xed\x9f\xbf \xee\x80\x80"));
    assert_true(ok("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
}

static void refuses_what_is_not_text(void **state)
{
    (void)state;
    assert_false(ok("\x80"));
    assert_false(ok("12345678\xff"));
    assert_false(ok("\xc0\xaf"));         /* overlong */
    assert_false(ok("\xe0\x9f\xbf"));     /* overlong */
    assert_false(ok("\xed\xa0\x80"));     /* surrogate */
    assert_false(ok("\xf4\x90\x80\x80")); /* above U+10FFFF */
    assert_false(ok("\xe2\x82"));         /* cut short */
    assert_false(ok("\xc3("));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_well_formed_text),
        cmocka_unit_test(refuses_what_is_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
