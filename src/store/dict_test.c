#include "store/dict.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/bounds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 200000 };

/* Value i of a kind: 70,000 distinct where the kind has so many, IPv4 and IPv6 mixed. */
static void value_of(enum kind kind, size_t i, uint8_t out[16])
{
    uint64_t v = hash_mix(i % 70000);
    uint64_t w = hash_mix(v);

    memcpy(out, &v, sizeof v);
    memcpy(out + 8, &w, sizeof w);
    if (kind == KIND_U64 && i % 3)
        memset(out + 4, 0, 4);
    if (kind == KIND_ADDR && i % 70000 % 3)
        memcpy(out, (const uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12);
}

static void fixed_kind(enum kind kind)
{
    size_t width = kind_table[kind].width;
    uint8_t *v = mem_new(N, width);
    uint32_t *codes = mem_new(N, sizeof *codes);
    struct dict d;

    dict_init(&d, kind);
    for (size_t i = 0; i < N; i++) {
        uint8_t x[16];
        value_of(kind, i, x);
        memcpy(v + i * width, x, width);
    }
    for (int round = 0; round < 2; round++) {
        uint32_t seen = 0;
        dict_codes(&d, v, N / 2, codes);
        dict_codes(&d, v + N / 2 * width, N - N / 2, codes + N / 2);
        for (size_t i = 0; i < N; i++) {
            assert_true(codes[i] <= seen); /* numbered as they appear */
            seen += codes[i] == seen;
            assert_memory_equal(d.keys.data + codes[i] * width, v + i * width, width);
        }
        assert_int_equal(seen, d.n); /* so no value has two codes */
        dict_reset(&d);
        assert_int_equal(d.n, 0);
    }
    dict_free(&d);
    free(v);
    free(codes);
}

static void numbers_values_of_every_kind(void **state)
{
    static const enum kind kinds[] = {KIND_U8,   KIND_U16,  KIND_U32, KIND_U64, KIND_F64,
                                      KIND_TIME, KIND_ADDR, KIND_MAC, KIND_ENUM};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        fixed_kind(kinds[i]);
}

static void takes_all_numbers_of_16_bits(void **state)
{
    uint32_t *codes = mem_new(65536, sizeof *codes);
    uint16_t *v = mem_new(65536, sizeof *v);
    struct dict d;

    (void)state;
    dict_init(&d, KIND_U16);
    for (size_t i = 0; i < 65536; i++)
        v[i] = (uint16_t)(65535 - i);
    for (int round = 0; round < 2; round++) {
        dict_codes(&d, v, 65536, codes);
        for (uint32_t i = 0; i < 65536; i++)
            assert_int_equal(codes[i], i);
    }
    dict_free(&d);
    free(codes);
    free(v);
}

static void numbers_texts(void **state)
{
    struct dict d;
    char s[32];

    (void)state;
    dict_init(&d, KIND_TEXT);
    assert_int_equal(dict_code_text(&d, (const uint8_t *)"", 0), 0);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 5000; i++) {
            int n = snprintf(s, sizeof s, "%u", i);
            assert_int_equal(dict_code_text(&d, (const uint8_t *)s, (size_t)n), i + 1);
        }
    assert_int_equal(dict_code_text(&d, (const uint8_t *)"", 0), 0);
    assert_int_equal(d.n, 5001);
    dict_free(&d);
}

static double as_f64(const struct pq_bound *b)
{
    double d;
    assert_int_equal(b->len, sizeof d);
    memcpy(&d, b->bytes, sizeof d);
    return d;
}

/* The rules for floating point in parquet.thrift, at ColumnOrder. */
static void bounds_leave_out_what_is_no_number(void **state)
{
    const double none = strtod("nan", NULL);
    const double some[] = {none, 2.5, -1.5, none};
    const double nothing[] = {none};
    const double zeros[] = {0.0};
    struct bounds b = {0};
    struct pq_bound lo;
    struct pq_bound hi;

    (void)state;
    bounds_add(&b, KIND_F64, some, COUNT_OF(some));
    assert_true(bounds_get(&b, KIND_F64, &lo, &hi));
    assert_true(as_f64(&lo) < -1.4 && as_f64(&hi) > 2.4);
    b = (struct bounds){0};
    bounds_add(&b, KIND_F64, nothing, 1);
    assert_false(bounds_get(&b, KIND_F64, &lo, &hi));
    bounds_add(&b, KIND_F64, zeros, 1);
    assert_true(bounds_get(&b, KIND_F64, &lo, &hi));
    assert_true(signbit(as_f64(&lo)) && !signbit(as_f64(&hi)));
}

static void bounds_of_bytes_go_by_byte_and_stop_at_long_ones(void **state)
{
    struct bounds b = {0};
    struct pq_bound lo;
    struct pq_bound hi;

    (void)state;
    bounds_add_bytes(&b, "b", 1);
    bounds_add_bytes(&b, "\xff", 1);
    bounds_add_bytes(&b, "ba", 2);
    bounds_add_bytes(&b, "", 0);
    assert_true(bounds_get(&b, KIND_TEXT, &lo, &hi));
    assert_int_equal(lo.len, 0);
    assert_true(hi.len == 1 && hi.bytes[0] == 0xff);
    bounds_add_bytes(&b, "a text of more than thirty-two bytes", 36);
    assert_false(bounds_get(&b, KIND_TEXT, &lo, &hi));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_values_of_every_kind),
        cmocka_unit_test(takes_all_numbers_of_16_bits),
        cmocka_unit_test(numbers_texts),
        cmocka_unit_test(bounds_leave_out_what_is_no_number),
        cmocka_unit_test(bounds_of_bytes_go_by_byte_and_stop_at_long_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
