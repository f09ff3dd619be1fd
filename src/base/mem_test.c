#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void an_arena_gives_zeroed_aligned_memory(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t n = 1; n < 40000; n = n * 3 + 1) {
        unsigned char *p = arena_new(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        for (size_t i = 0; i < n; i++)
            p[i] = 0xff; /* the next must not lie in here */
    }
    arena_free(&a);
    assert_int_equal(a.used_bytes, 0);
    arena_free(&a);
}

/* What is asked for in crumbs costs whole units; the budget is for what is taken. */
static void crumbs_do_not_outgrow_the_budget(void **state)
{
    struct arena a;
    size_t n = 0;

    (void)state;
    arena_init(&a, 65536);
    while (arena_new(&a, 1))
        n++;
    assert_int_equal(n, 65536 / 16);
    arena_free(&a);
}

static void the_budget_is_kept(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1000);
    assert_null(arena_new(&a, 1001));
    assert_null(arena_new(&a, SIZE_MAX));
    assert_null(arena_new(&a, SIZE_MAX - 15));
    assert_non_null(arena_new(&a, 512));
    assert_null(arena_new(&a, 512));
    assert_non_null(arena_new(&a, 256));
    arena_free(&a);
    assert_non_null(arena_new(&a, 512)); /* given back */
    arena_free(&a);
}

static void small_things_are_never_null(void **state)
{
    (void)state;
    uint8_t *p = mem_new(0, 0);
    assert_non_null(p);
    p = mem_resize(p, 100, 8);
    assert_non_null(p);
    p = mem_resize(p, 0, 8);
    assert_non_null(p);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(crumbs_do_not_outgrow_the_budget),
        cmocka_unit_test(the_budget_is_kept),
        cmocka_unit_test(small_things_are_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
