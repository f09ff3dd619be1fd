#include "query/top.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 500 };

struct numbers {
    struct order order;
    uint32_t v[N];
};

static int compare(struct order *o, uint32_t a, uint32_t b)
{
    const struct numbers *n = container_of(o, struct numbers, order);
    int r = (n->v[a] > n->v[b]) - (n->v[a] < n->v[b]);
    return r ? r : (a > b) - (a < b);
}

/* How many come before number i, counted one by one. */
static size_t rank(struct numbers *n, size_t count, uint32_t i)
{
    size_t before = 0;
    for (uint32_t j = 0; j < count; j++)
        before += compare(&n->order, j, i) < 0;
    return before;
}

static void finds_the_first_k_of_n_in_order(void **state)
{
    static const size_t ks[] = {0, 1, 2, 10, N - 1, N, N + 1};
    struct numbers n = {.order = {compare}};
    uint32_t seed = 1;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        seed = seed * 1664525 + 1013904223;
        n.v[i] = seed >> 25; /* many ties */
    }
    for (size_t k = 0; k < COUNT_OF(ks); k++) {
        for (size_t count = 1; count <= N; count += 83) {
            uint32_t *out;
            size_t got = top_of(&n.order, count, ks[k], &out);
            assert_int_equal(got, ks[k] && ks[k] < count ? ks[k] : count);
            for (size_t i = 0; i < got; i++)
                assert_int_equal(rank(&n, count, out[i]), i);
            free(out);
        }
    }
}

static void nothing_has_no_first(void **state)
{
    struct numbers n = {.order = {compare}};
    uint32_t *out;

    (void)state;
    assert_int_equal(top_of(&n.order, 0, 10, &out), 0);
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_k_of_n_in_order),
        cmocka_unit_test(nothing_has_no_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
