#include "query/lookup.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static _Atomic int calls;

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* Names by the last byte: odd ones have none, those from 200 on take five seconds. */
static bool fake(const struct addr *a, char out[static LOOKUP_NAME])
{
    calls++;
    if (a->b[15] >= 200)
        pause_ms(5000);
    (void)snprintf(out, LOOKUP_NAME, "host%u.example", a->b[15]);
    return a->b[15] % 2 == 0;
}

static struct addr address(uint8_t last) { return addr_of_v4((uint8_t[]){192, 0, 2, last}); }

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void finds_names_and_asks_once_for_each(void **state)
{
    struct lookup *l = lookup_new(fake, 10000);

    (void)state;
    calls = 0;
    for (int again = 0; again < 3; again++) {
        for (uint8_t i = 0; i < 100; i++) {
            struct addr a = address(i);
            lookup_want(l, &a);
        }
        lookup_wait(l);
    }
    assert_int_equal(calls, 100);
    struct addr even = address(42);
    struct addr odd = address(43);
    struct addr never = address(150);
    assert_string_equal(lookup_find(l, &even), "host42.example");
    assert_null(lookup_find(l, &odd));
    assert_null(lookup_find(l, &never));
    lookup_free(l);
}

static void never_waits_longer_than_it_may(void **state)
{
    struct lookup *l = lookup_new(fake, 300);
    int64_t begun = now_ms();
    struct addr quick = address(2);

    (void)state;
    lookup_want(l, &quick);
    for (uint8_t i = 200; i < 240; i++) {
        struct addr a = address(i);
        lookup_want(l, &a);
    }
    for (int i = 0; i < 3; i++) /* the limit is that of all waits together */
        lookup_wait(l);
    assert_true(now_ms() - begun >= 300 && now_ms() - begun < 3000);
    assert_string_equal(lookup_find(l, &quick), "host2.example");
    struct addr slow = address(200);
    assert_null(lookup_find(l, &slow));
    lookup_free(l); /* while threads still wait */
    assert_true(now_ms() - begun < 3000);
}

static void keeps_to_its_bound(void **state)
{
    struct lookup *l = lookup_new(fake, 20000);

    (void)state;
    calls = 0;
    for (uint32_t i = 0; i < LOOKUP_ADDRESSES_MAX + 1000; i++) {
        struct addr a = addr_of_v4((uint8_t[]){10, (uint8_t)(i >> 8), (uint8_t)i, 4});
        lookup_want(l, &a);
    }
    lookup_wait(l);
    assert_int_equal(calls, LOOKUP_ADDRESSES_MAX);
    lookup_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_names_and_asks_once_for_each),
        cmocka_unit_test(never_waits_longer_than_it_may),
        cmocka_unit_test(keeps_to_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
