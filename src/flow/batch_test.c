#include "flow/batch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_new_batch_has_nothing(void **state)
{
    struct batch b;

    (void)state;
    assert_false(batch_init(&b, 0));
    batch_free(&b);
    assert_false(batch_init(&b, (size_t)BATCH_ROWS_MAX + 1));
    batch_free(&b);
    assert_true(batch_init(&b, 100));
    for (int f = 0; f < FIELD_N; f++) {
        assert_false(batch_uses(&b, (enum field_id)f));
        assert_null(batch_at(&b, (enum field_id)f, 0));
        assert_null(b.col[f]);
    }
    batch_free(&b);
    batch_free(&b);
    batch_delete(NULL);
}

static void values_of_every_kind_come_back(void **state)
{
    static const uint8_t raw[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 70));
    for (size_t row = 0; row < 70; row += 3) { /* over a word of presence bits */
        for (int i = 0; i < FIELD_N; i++) {
            enum field_id f = (enum field_id)i;
            enum kind kind = field_table[f].kind;
            if (kind == KIND_TEXT || kind == KIND_BYTES)
                assert_true(batch_put_bytes(&b, f, row, raw, row % 17));
            else if (kind == KIND_F64)
                assert_true(batch_put_f64(&b, f, row, (double)row + 0.5));
            else if (kind == KIND_ADDR || kind == KIND_MAC)
                assert_true(batch_put_raw(&b, f, row, raw));
            else
                assert_true(batch_put_u64(&b, f, row, row + (unsigned)i));
        }
    }
    for (size_t row = 0; row < 70; row++)
        for (int i = 0; i < FIELD_N; i++) {
            enum field_id f = (enum field_id)i;
            enum kind kind = field_table[f].kind;
            size_t n;
            assert_int_equal(batch_has(&b, f, row), row % 3 == 0);
            if (row % 3 != 0) {
                assert_null(batch_at(&b, f, row));
                assert_int_equal(batch_u64(&b, f, row), 0);
                assert_null(batch_bytes(&b, f, row, &n));
                assert_int_equal(n, 0);
            } else if (kind == KIND_TEXT || kind == KIND_BYTES) {
                const uint8_t *p = batch_bytes(&b, f, row, &n);
                assert_non_null(p); /* the empty one is there, too */
                assert_int_equal(n, row % 17);
                assert_memory_equal(p, raw, n);
            } else if (kind == KIND_ADDR || kind == KIND_MAC) {
                assert_memory_equal(batch_at(&b, f, row), raw, kind_table[kind].width);
            } else if (kind != KIND_F64) {
                uint64_t max = kind_table[kind].width == 8
                                   ? UINT64_MAX
                                   : (UINT64_C(1) << 8 * kind_table[kind].width) - 1;
                assert_int_equal(batch_u64(&b, f, row), (row + (unsigned)i) & max);
            }
        }
    batch_free(&b);
}

static void presence_is_marked_by_range(void **state)
{
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 200));
    for (size_t from = 0; from < 200; from += 7)
        for (size_t n = 0; from + n <= 200; n += 13) {
            batch_reset(&b);
            assert_non_null(batch_col(&b, FIELD_PROTO));
            batch_set(&b, FIELD_PROTO, from, n);
            for (size_t row = 0; row < 200; row++)
                assert_int_equal(batch_has(&b, FIELD_PROTO, row), row >= from && row < from + n);
            assert_true(batch_has_all(&b, FIELD_PROTO, from, n));
            if (from > 0)
                assert_false(batch_has_all(&b, FIELD_PROTO, from - 1, n + 1));
            if (from + n < 200)
                assert_false(batch_has_all(&b, FIELD_PROTO, from, n + 1));
        }
    batch_free(&b);
}

static void reset_forgets_all(void **state)
{
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 10));
    assert_true(batch_put_u64(&b, FIELD_BYTES, 9, 1));
    assert_true(batch_put_bytes(&b, FIELD_EXTRA, 9, "x", 1));
    b.rows = 10;
    batch_reset(&b);
    assert_int_equal(b.rows, 0);
    assert_int_equal(b.bytes.len, 0);
    assert_false(batch_uses(&b, FIELD_BYTES));
    assert_non_null(batch_col(&b, FIELD_BYTES));
    assert_false(batch_has(&b, FIELD_BYTES, 9)); /* although the column is the old one */
    batch_free(&b);
}

static void a_cut_forgets_what_came_after(void **state)
{
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 200));
    for (size_t cut = 0; cut <= 200; cut++) {
        batch_reset(&b);
        for (size_t row = 0; row < 200; row++)
            assert_true(batch_put_bytes(&b, FIELD_EXTRA, row, "abc", 3));
        b.rows = 200;
        batch_cut(&b, cut, 3 * cut);
        assert_int_equal(b.rows, cut);
        assert_int_equal(b.bytes.len, 3 * cut);
        for (size_t row = 0; row < 200; row++)
            assert_int_equal(batch_has(&b, FIELD_EXTRA, row), row < cut);
    }
    batch_free(&b);
}

static void values_that_do_not_fit_leave_the_others_whole(void **state)
{
    static uint8_t large[BATCH_BYTES_MAX / 4];
    struct batch b;
    size_t n;

    (void)state;
    assert_true(batch_init(&b, 10));
    assert_true(batch_put_bytes(&b, FIELD_IF_NAME, 0, "eth0", 4));
    for (size_t row = 1; row < 4; row++)
        assert_true(batch_put_bytes(&b, FIELD_EXTRA, row, large, sizeof large));
    assert_false(
        batch_put_bytes(&b, FIELD_EXTRA, 4, large, sizeof large)); /* four octets too many */
    assert_false(batch_has(&b, FIELD_EXTRA, 4));
    assert_false(batch_put_bytes(&b, FIELD_EXTRA, 4, large, (size_t)BATCH_BYTES_MAX + 1));
    assert_true(batch_put_bytes(&b, FIELD_EXTRA, 4, "x", 1));
    assert_memory_equal(batch_bytes(&b, FIELD_IF_NAME, 0, &n), "eth0", 4);
    batch_free(&b);
}

static void rows_are_copied_with_all_they_have(void **state)
{
    struct batch from;
    struct batch to;
    size_t n;

    (void)state;
    assert_true(batch_init(&from, 4));
    assert_true(batch_init(&to, 2));
    assert_true(batch_put_u64(&from, FIELD_BYTES, 1, 77));
    assert_true(batch_put_bytes(&from, FIELD_IF_NAME, 1, "eth0", 4));
    assert_true(batch_put_bytes(&from, FIELD_SSID, 1, "", 0));
    assert_true(batch_put_u64(&from, FIELD_PROTO, 0, 6));
    from.rows = 2;
    assert_true(batch_copy_row(&to, &from, 1));
    assert_true(batch_copy_row(&to, &from, 0));
    batch_free(&from);
    assert_int_equal(to.rows, 2);
    assert_int_equal(batch_u64(&to, FIELD_BYTES, 0), 77);
    assert_memory_equal(batch_bytes(&to, FIELD_IF_NAME, 0, &n), "eth0", 4);
    assert_non_null(batch_bytes(&to, FIELD_SSID, 0, &n));
    assert_int_equal(n, 0);
    assert_false(batch_has(&to, FIELD_PROTO, 0));
    assert_false(batch_has(&to, FIELD_BYTES, 1));
    assert_int_equal(batch_u64(&to, FIELD_PROTO, 1), 6);
    batch_free(&to);
}

/* Rows 60 to 259 of 300, in two parts: over the bounds of words, some values absent. */
static void runs_of_rows_are_copied_with_all_they_have(void **state)
{
    enum { FROM = 60, ROWS = 200, FIRST = 70 };
    struct batch from;
    struct batch to;

    (void)state;
    assert_true(batch_init(&from, 300));
    assert_true(batch_init(&to, ROWS));
    for (size_t i = 0; i < 300; i++) {
        assert_true(batch_put_u64(&from, FIELD_SRC_PORT, i, i));
        assert_true(i % 3 == 0 || batch_put_u64(&from, FIELD_BYTES, i, i * 1000));
        assert_true(i % 5 == 0 || batch_put_bytes(&from, FIELD_IF_NAME, i, &i, i % 7));
    }
    from.rows = 300;
    assert_true(batch_copy_rows(&to, &from, FROM, FIRST));
    assert_true(batch_copy_rows(&to, &from, FROM + FIRST, ROWS - FIRST));
    batch_free(&from);
    assert_int_equal(to.rows, ROWS);
    for (size_t row = 0; row < ROWS; row++) {
        size_t i = FROM + row;
        size_t n;
        const uint8_t *name = batch_bytes(&to, FIELD_IF_NAME, row, &n);
        assert_int_equal(batch_u64(&to, FIELD_SRC_PORT, row), i);
        assert_int_equal(batch_has(&to, FIELD_BYTES, row), i % 3 != 0);
        assert_int_equal(batch_u64(&to, FIELD_BYTES, row), i % 3 ? i * 1000 : 0);
        assert_int_equal(name != NULL, i % 5 != 0);
        assert_int_equal(n, i % 5 ? i % 7 : 0);
        assert_true(!name || memcmp(name, &i, n) == 0);
    }
    batch_free(&to);
}

static void names_of_fields_are_found_and_none_is_used_twice(void **state)
{
    (void)state;
    for (int f = 0; f < FIELD_N; f++) {
        const char *name = field_table[f].name;
        assert_int_equal(field_by_name(name, strlen(name)), f);
        assert_int_equal(field_by_name(name, strlen(name) - 1) == (enum field_id)f, 0);
    }
    assert_int_equal(field_by_name("", 0), FIELD_NONE);
    for (uint8_t code = 0; field_enum_name(FIELD_RATE_FROM, code); code++) {
        const char *name = field_enum_name(FIELD_RATE_FROM, code);
        assert_int_equal(field_enum_code(FIELD_RATE_FROM, name, strlen(name)), code);
    }
    assert_string_equal(field_enum_name(FIELD_RECORD_KIND, RECORD_NAT), "nat");
    assert_string_equal(field_enum_name(FIELD_RATE_FROM, RATE_DEFAULT), "default");
    assert_null(field_enum_name(FIELD_RECORD_KIND, RECORD_OPTIONS + 1));
    assert_null(field_enum_name(FIELD_PROTO, 0));
    assert_int_equal(field_enum_code(FIELD_RECORD_KIND, "none", 4), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_batch_has_nothing),
        cmocka_unit_test(values_of_every_kind_come_back),
        cmocka_unit_test(presence_is_marked_by_range),
        cmocka_unit_test(reset_forgets_all),
        cmocka_unit_test(a_cut_forgets_what_came_after),
        cmocka_unit_test(values_that_do_not_fit_leave_the_others_whole),
        cmocka_unit_test(rows_are_copied_with_all_they_have),
        cmocka_unit_test(runs_of_rows_are_copied_with_all_they_have),
        cmocka_unit_test(names_of_fields_are_found_and_none_is_used_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
