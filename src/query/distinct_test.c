#include "query/distinct.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct budget plenty(void) { return (struct budget){.limit_bytes = 1 << 24}; }

/* Numbers [from, from + n), each twice. */
static void fill(struct distinct *d, uint64_t from, uint64_t n, struct budget *b)
{
    for (uint64_t i = 0; i < n * 2; i++)
        assert_true(distinct_add(d, distinct_hash_u64(from + i % n), b));
}

static void counts_exactly_up_to_its_bound(void **state)
{
    static const uint64_t sizes[] = {0, 1, 2, 6, 7, 100, 3071, 3072};
    struct budget b = plenty();

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct distinct d = {0};
        fill(&d, 0, sizes[i], &b);
        assert_int_equal(distinct_count(&d), sizes[i]);
        distinct_free(&d, &b);
    }
    assert_int_equal(b.used_bytes, 0);
}

static void estimates_beyond_it(void **state)
{
    static const uint64_t sizes[] = {3073, 5000, 20000, 100000, 1000000};
    struct budget b = plenty();

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct distinct d = {0};
        fill(&d, 1000000007, sizes[i], &b);
        double off = fabs((double)distinct_count(&d) - (double)sizes[i]) / (double)sizes[i];
        assert_true(off < 0.018); /* three standard errors */
        assert_true(b.used_bytes <= 32768);
        distinct_free(&d, &b);
    }
}

static void merging_is_adding(void **state)
{
    static const uint64_t sizes[][2] = {
        {10, 20}, {3000, 3000}, {10, 9000}, {9000, 10}, {8000, 9000}};
    struct budget b = plenty();

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct distinct all = {0};
        struct distinct x = {0};
        struct distinct y = {0};
        fill(&all, 5, sizes[i][0], &b);
        fill(&all, 8, sizes[i][1], &b);
        fill(&x, 5, sizes[i][0], &b);
        fill(&y, 8, sizes[i][1], &b);
        assert_true(distinct_merge(&x, &y, &b));
        assert_int_equal(distinct_count(&x), distinct_count(&all));
        distinct_free(&all, &b);
        distinct_free(&x, &b);
        distinct_free(&y, &b);
    }
    assert_int_equal(b.used_bytes, 0);
}

static void a_hash_of_nothing_counts(void **state)
{
    struct budget b = plenty();
    struct distinct d = {0};

    (void)state;
    assert_true(distinct_add(&d, 0, &b));
    assert_true(distinct_add(&d, 0, &b));
    assert_int_equal(distinct_count(&d), 1);
    distinct_free(&d, &b);
}

static void stops_where_its_memory_ends(void **state)
{
    struct budget b = {.limit_bytes = 200};
    struct distinct d = {0};
    uint64_t n = 0;

    (void)state;
    while (n < 1000 && distinct_add(&d, distinct_hash_u64(n), &b))
        n++;
    assert_int_equal(n, 12); /* 16 slots, three quarters of them */
    assert_int_equal(distinct_count(&d), 12);
    distinct_free(&d, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_exactly_up_to_its_bound),
        cmocka_unit_test(estimates_beyond_it),
        cmocka_unit_test(merging_is_adding),
        cmocka_unit_test(a_hash_of_nothing_counts),
        cmocka_unit_test(stops_where_its_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
