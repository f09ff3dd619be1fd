#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 600, STEPS = 200000 };

struct entry {
    uint64_t key;
    bool in;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Every entry comes exactly once. */
static void check_all(const struct map *m, struct entry *all)
{
    static uint8_t seen[KEYS];
    size_t n = 0;
    struct entry *e;

    for (size_t i = 0; i < KEYS; i++)
        seen[i] = 0;
    for (size_t at = 0; (e = map_next(m, &at)); n++) {
        assert_true(e->in);
        assert_int_equal(seen[e - all]++, 0);
    }
    assert_int_equal(n, m->n);
}

static void agrees_with_a_plain_table(void **state)
{
    struct entry *all = calloc(KEYS, sizeof *all);
    struct map m;
    uint32_t seed = 1;
    size_t n = 0;

    (void)state;
    assert_non_null(all);
    for (size_t i = 0; i < KEYS; i++)
        all[i].key = i * 7919;
    map_init(&m, sizeof(uint64_t));
    for (int step = 0; step < STEPS; step++) {
        struct entry *e = &all[next_random(&seed) % KEYS];
        /* It swells and shrinks, so that runs of slots form and break up. */
        bool add = next_random(&seed) % 100 < (step / 5000 % 2 ? 35u : 65u);

        assert_ptr_equal(map_find(&m, &e->key), e->in ? e : NULL);
        if (add && !e->in) {
            assert_true(map_add(&m, e));
            e->in = true;
            n++;
        } else if (!add) {
            assert_ptr_equal(map_remove(&m, &e->key), e->in ? e : NULL);
            n -= e->in;
            e->in = false;
        }
        assert_int_equal(m.n, n);
        if (step % 1000 == 0)
            check_all(&m, all);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_find(&m, &all[i].key), all[i].in ? &all[i] : NULL);
    map_free(&m);
    free(all);
}

/* A table that may remove is broken first where a run goes over the end of the slots. With 16 slots
 * and 8 entries, many sets of keys make such runs. */
static void removal_keeps_runs_over_the_end_whole(void **state)
{
    struct entry all[8];

    (void)state;
    for (uint64_t set = 0; set < 3000; set++) {
        struct map m;
        map_init(&m, sizeof(uint64_t));
        for (uint64_t i = 0; i < 8; i++) {
            all[i] = (struct entry){.key = set * 8 + i};
            assert_true(map_add(&m, &all[i]));
        }
        for (size_t gone = 0; gone < 8; gone++) {
            assert_ptr_equal(map_remove(&m, &all[gone].key), &all[gone]);
            for (size_t i = 0; i < 8; i++)
                assert_ptr_equal(map_find(&m, &all[i].key), i > gone ? &all[i] : NULL);
        }
        map_free(&m);
    }
}

static void an_empty_table_has_nothing(void **state)
{
    struct map m;
    uint64_t key = 1;
    size_t at = 0;

    (void)state;
    map_init(&m, sizeof key);
    assert_null(map_find(&m, &key));
    assert_null(map_remove(&m, &key));
    assert_null(map_next(&m, &at));
    map_free(&m);
    map_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_plain_table),
        cmocka_unit_test(removal_keeps_runs_over_the_end_whole),
        cmocka_unit_test(an_empty_table_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
