/* Ranges of every density against a search from the first to the last. */
#include "filter/set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RANGES = 3000, QUESTIONS = 4000 };

static struct wide first[RANGES];
static struct wide last[RANGES];

static bool is_in(struct wide key, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (wide_cmp(first[i], key) <= 0 && wide_cmp(key, last[i]) <= 0)
            return true;
    return false;
}

static struct wide plus(struct wide a, uint64_t n)
{
    struct wide sum = {a.hi, a.lo + n};
    sum.hi += sum.lo < a.lo;
    return sum;
}

static uint64_t any_of(uint64_t n)
{
    uint64_t v = (uint64_t)rand() << 31 | (uint64_t)rand();
    return n ? v % n : 0;
}

/* Ascending, in steps of up to `step` and as wide; now and then the upper half moves on. */
static size_t make(size_t n, struct wide at, uint64_t step)
{
    for (size_t i = 0; i < n; i++) {
        at = plus(at, 2 + any_of(step));
        if (any_of(50) == 0)
            at.hi += any_of(3) << (8 * any_of(4));
        first[i] = at;
        at = plus(at, any_of(2) ? 0 : any_of(step));
        last[i] = at;
    }
    return n;
}

static void check(size_t n)
{
    struct arena a;
    struct set set;

    arena_init(&a, 64 << 20);
    assert_true(set_init(&set, &a, first, last, n));
    for (size_t i = 0; i < n; i++) {
        assert_true(set_has(&set, first[i]));
        assert_true(set_has(&set, last[i]));
    }
    for (int i = 0; i < QUESTIONS; i++) {
        size_t near = any_of(n);
        struct wide key =
            any_of(2) ? plus(last[near], any_of(4))
                      : (struct wide){first[near].hi ^ (UINT64_C(1) << any_of(64)), first[near].lo};
        assert_int_equal(set_has(&set, key), is_in(key, n));
    }
    assert_int_equal(set_has(&set, (struct wide){0, 0}), is_in((struct wide){0, 0}, n));
    assert_int_equal(set_has(&set, (struct wide){UINT64_MAX, UINT64_MAX}),
                     is_in((struct wide){UINT64_MAX, UINT64_MAX}, n));
    arena_free(&a);
}

static void finds_what_a_search_finds(void **state)
{
    static const size_t counts[] = {1, 2, 31, 32, 33, 34, 64, 65, 300, RANGES};
    static const uint64_t steps[] = {1, 3, 300, 70000, UINT64_C(1) << 40, UINT64_C(1) << 58};

    (void)state;
    srand(3);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
            check(make(counts[c], (struct wide){any_of(4) << 60, any_of(7) << 32}, steps[s]));
}

/* IPv4, which shares its first twelve octets, beside IPv6. */
static void holds_both_families(void **state)
{
    (void)state;
    size_t n = make(1500, (struct wide){0, UINT64_C(0xffff0a000000)}, 100);
    for (size_t i = 0; i < n; i++)
        first[i].hi = last[i].hi = 0;
    for (size_t i = n; i < RANGES; i++) {
        first[i] = (struct wide){UINT64_C(0x20010db8) << 32 | i, 0};
        last[i] = (struct wide){first[i].hi, UINT64_MAX};
    }
    check(RANGES);
}

static void fails_when_there_is_no_memory(void **state)
{
    struct arena a;
    struct set set;

    (void)state;
    arena_init(&a, 2000);
    assert_false(set_init(&set, &a, first, last, make(300, (struct wide){0, 0}, 300)));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_search_finds),
        cmocka_unit_test(holds_both_families),
        cmocka_unit_test(fails_when_there_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
