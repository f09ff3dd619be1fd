#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_counts(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},
                {"1500", 1500},
                {"10M", 10000000},
                {"1.5k", 1500},
                {"2Ki", 2048},
                {"3g", 3000000000u},
                {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",    "x",  "-1",   "1.5",
                                      "10Q", "1e", "0x10", "99999999999999999999"};
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(text_count(good[i].text, strlen(good[i].text), UINT64_MAX, &v, NULL), 0);
        assert_int_equal(v, good[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(text_count(bad[i], strlen(bad[i]), UINT64_MAX, &v, NULL), ERR_CONFIG);
    assert_int_equal(text_count("256", 3, 255, &v, NULL), ERR_CONFIG);
}

static void reads_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"90", 90000}, {"250ms", 250}, {"1h30m", 5400000}, {"1.5s", 1500}, {"2d", 172800000}};
    static const char *const bad[] = {"", "m", "5 parsecs", "-1s", "1x"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(text_duration(good[i].text, strlen(good[i].text), &ms, NULL), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(text_duration(bad[i], strlen(bad[i]), &ms, NULL), ERR_CONFIG);
}

/* Expected values by GNU date -u -d ... +%s. */
static void reads_and_prints_times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
        const char *printed;
    } good[] = {
        {"1970-01-01", 0, "1970-01-01T00:00:00.000Z"},
        {"2026-11-22T14:05", 1795356300000, "2026-11-22T14:05:00.000Z"},
        {"2024-02-29 23:59:59.250Z", 1709251199250, "2024-02-29T23:59:59.250Z"},
        {"2026-11-22T14:05:00+02:00", 1795349100000, "2026-11-22T12:05:00.000Z"},
        {"@1700000000", 1700000000000, "2023-11-14T22:13:20.000Z"},
        {"1969-12-31T23:59:59", -1000, "1969-12-31T23:59:59.000Z"},
    };
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-13-01",
                                      "2025-02-29",
                                      "2026-11-22T25:00",
                                      "2026-11-22T14",
                                      "2026-11-22x",
                                      "@x"};
    int64_t ms;
    char out[TEXT_TIME];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(text_time(good[i].text, strlen(good[i].text), 5, &ms, NULL), 0);
        assert_int_equal(ms, good[i].ms);
        (void)text_print_time(ms, out);
        assert_string_equal(out, good[i].printed);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(text_time(bad[i], strlen(bad[i]), 5, &ms, NULL), ERR_CONFIG);
    assert_int_equal(text_time("now", 3, 5, &ms, NULL), 0);
    assert_int_equal(ms, 5);
}

static void prints_for_people(void **state)
{
    char out[TEXT_SHORT];

    (void)state;
    (void)text_print_count(12345678901.0, out);
    assert_string_equal(out, "12.3 G");
    (void)text_print_count(999, out);
    assert_string_equal(out, "999");
    (void)text_print_count(999999, out);
    assert_string_equal(out, "1.00 M");
    (void)text_print_duration(250000, out);
    assert_string_equal(out, "4m 10s");
    (void)text_print_duration(35, out);
    assert_string_equal(out, "35 ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_counts),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(reads_and_prints_times),
        cmocka_unit_test(prints_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
