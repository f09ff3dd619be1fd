#include "wire/fixed.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Which field holds what is tested where it is decoded: flow/decode_fixed_test.c. */

static void check(const struct layout *l, uint32_t record_len)
{
    uint8_t taken[64] = {0};

    assert_non_null(l);
    assert_int_equal(l->record_len, record_len);
    assert_int_equal(l->space, SPACE_FIXED);
    assert_false(l->options);
    assert_false(l->variable);
    for (size_t i = 0; i < l->n; i++) {
        assert_int_equal(l->fields[i].enterprise, 0);
        assert_in_range(l->fields[i].len, 1, 4);
        assert_in_range(l->fields[i].offset + l->fields[i].len, 1, record_len);
        for (size_t at = 0; at < l->fields[i].len; at++)
            assert_int_equal(taken[l->fields[i].offset + at]++, 0);
    }
}

/* Sizes of flow-tools' ftlib and cflowd 2.1. */
static void every_layout_fits_its_record_and_no_fields_overlap(void **state)
{
    static const uint32_t v8[] = {0, 28, 28, 32, 32, 40, 32, 40, 44, 32, 32, 32, 32, 40, 40};

    (void)state;
    check(fixed_layout(1, 0), 48);
    check(fixed_layout_v1_long(), 52);
    check(fixed_layout(5, 0), 48);
    check(fixed_layout(6, 0), 52);
    check(fixed_layout(7, 0), 52);
    for (uint8_t scheme = 1; scheme <= 14; scheme++)
        check(fixed_layout(8, scheme), v8[scheme]);
}

static void there_are_no_others(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 65536; version++)
        if (version != 1 && (version < 5 || version > 8))
            assert_null(fixed_layout((uint16_t)version, 1));
    assert_null(fixed_layout(8, 0));
    for (unsigned scheme = 15; scheme < 256; scheme++)
        assert_null(fixed_layout(8, (uint8_t)scheme));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_fits_its_record_and_no_fields_overlap),
        cmocka_unit_test(there_are_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
