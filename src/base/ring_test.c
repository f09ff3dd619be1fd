#include "base/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 30000 };

static void keeps_order_and_refuses_when_full(void **state)
{
    struct ring r;
    int item[4];

    (void)state;
    assert_int_equal(ring_init(&r, 4, NULL), 0);
    assert_null(ring_pop(&r));
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            assert_true(ring_push(&r, &item[i]));
        assert_false(ring_push(&r, &item[0]));
        for (int i = 0; i < 4; i++)
            assert_ptr_equal(ring_pop(&r), &item[i]);
        assert_null(ring_pop(&r));
    }
    ring_free(&r);
}

static void *push_many(void *arg)
{
    struct ring *r = arg;
    static char base[MANY];

    for (size_t i = 0; i < MANY;)
        if (ring_push(r, base + i))
            i++;
    return base;
}

static void a_sleeping_consumer_misses_nothing(void **state)
{
    struct ring r;
    pthread_t t;
    char *first = NULL;
    void *base;

    (void)state;
    assert_int_equal(ring_init(&r, 8, NULL), 0);
    assert_int_equal(pthread_create(&t, NULL, push_many, &r), 0);
    for (size_t i = 0; i < MANY; i++) {
        char *p = ring_wait(&r, 10000);
        assert_non_null(p);
        first = i == 0 ? p : first;
        assert_ptr_equal(p, first + i);
    }
    assert_int_equal(pthread_join(t, &base), 0);
    assert_ptr_equal(base, first);
    assert_null(ring_wait(&r, 1));
    ring_free(&r);
}

static void refuses_an_impossible_capacity(void **state)
{
    struct ring r = {0};

    (void)state;
    assert_int_equal(ring_init(&r, 0, NULL), ERR_LIMIT);
    assert_int_equal(ring_init(&r, SIZE_MAX, NULL), ERR_LIMIT);
    ring_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_refuses_when_full),
        cmocka_unit_test(a_sleeping_consumer_misses_nothing),
        cmocka_unit_test(refuses_an_impossible_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
