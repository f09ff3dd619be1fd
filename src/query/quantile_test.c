#include "query/quantile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct budget plenty(void) { return (struct budget){.limit_bytes = 1 << 24}; }

static void add(struct quantile *q, double v, struct budget *b)
{
    assert_true(quantile_add(q, v, b));
}

static void assert_is(double got, double want) { assert_true(!(got < want) && !(got > want)); }

static void few_values_are_exact(void **state)
{
    static const double values[] = {15, 20, 35, 40, 50}; /* nearest rank, as in textbooks */
    struct budget b = plenty();
    struct quantile q = {0};

    (void)state;
    assert_is(quantile_at(&q, 0.5), 0);
    for (size_t i = 0; i < 5; i++)
        add(&q, values[4 - i], &b);
    assert_is(quantile_at(&q, 0.05), 15);
    assert_is(quantile_at(&q, 0.30), 20);
    assert_is(quantile_at(&q, 0.40), 20);
    assert_is(quantile_at(&q, 0.50), 35);
    assert_is(quantile_at(&q, 1.00), 50);
    add(&q, 1, &b); /* after it was sorted */
    assert_is(quantile_at(&q, 0.01), 1);
    quantile_free(&q, &b);
    assert_int_equal(b.used_bytes, 0);
}

/* 1 to n in an order that is not theirs: the answer is known. */
static void fill(struct quantile *q, uint64_t n, uint64_t step, struct budget *b)
{
    for (uint64_t i = 0; i < n; i++)
        add(q, (double)(i * step % n + 1), b);
}

static void many_values_are_less_than_a_hundredth_off(void **state)
{
    static const double parts[] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
    struct budget b = plenty();
    struct quantile q = {0};

    (void)state;
    fill(&q, 100003, 7919, &b);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        double want = ceil(parts[i] * 100003);
        assert_true(fabs(quantile_at(&q, parts[i]) - want) <= want * 0.008);
    }
    quantile_free(&q, &b);
    assert_int_equal(b.used_bytes, 0);
}

static void takes_zeros_and_the_largest_numbers(void **state)
{
    struct budget b = plenty();
    struct quantile q = {0};

    (void)state;
    for (int i = 0; i < 300; i++)
        add(&q, 0, &b);
    for (int i = 0; i < 300; i++)
        add(&q, 0x1p64 * 2, &b);
    add(&q, 1e-9, &b);
    assert_is(quantile_at(&q, 0.5), 0);
    assert_true(fabs(quantile_at(&q, 0.9) - 0x1p64) <= 0x1p64 * 0.008);
    assert_true(b.used_bytes < 64 * 84 * 8 + 4096);
    quantile_free(&q, &b);
}

static void merging_is_adding(void **state)
{
    static const uint64_t sizes[][2] = {{10, 20}, {200, 200}, {10, 1000}, {1000, 10}, {900, 800}};
    struct budget b = plenty();

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct quantile all = {0};
        struct quantile x = {0};
        struct quantile y = {0};
        fill(&all, sizes[i][0], 7, &b);
        fill(&all, sizes[i][1], 11, &b);
        fill(&x, sizes[i][0], 7, &b);
        fill(&y, sizes[i][1], 11, &b);
        assert_true(quantile_merge(&x, &y, &b));
        assert_int_equal(x.n, all.n);
        for (int p = 1; p <= 20; p++)
            assert_is(quantile_at(&x, p / 20.0), quantile_at(&all, p / 20.0));
        quantile_free(&all, &b);
        quantile_free(&x, &b);
        quantile_free(&y, &b);
    }
    assert_int_equal(b.used_bytes, 0);
}

static void stops_where_its_memory_ends(void **state)
{
    struct budget b = {.limit_bytes = 100};
    struct quantile q = {0};
    size_t n = 0;

    (void)state;
    while (n < 1000 && quantile_add(&q, (double)n, &b))
        n++;
    assert_int_equal(n, 8);
    assert_true(b.used_bytes <= 100);
    quantile_free(&q, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_values_are_exact),
        cmocka_unit_test(many_values_are_less_than_a_hundredth_off),
        cmocka_unit_test(takes_zeros_and_the_largest_numbers),
        cmocka_unit_test(merging_is_adding),
        cmocka_unit_test(stops_where_its_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
