/* Rows that parts put together, against one agg that takes them all. */
#include "query/parts.h"

#include "base/hash.h"
#include "base/mem.h"
#include "query/quick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNK = METER_CHUNK, THREADS = 2 };

static const int64_t NOW_MS = INT64_C(1700000000000);

struct shape {
    size_t rows;
    size_t groups;
    bool large;    /* sums that pass what an entry can hold */
    bool odd;      /* rows without times, and of other years */
    bool one_part; /* all in the first part, of groups that become more and more */
    size_t limit_bytes;
};

struct fixture {
    struct keys keys;
    struct intern ids;
    struct agg want;
    struct agg left; /* rows that parts did not take */
    struct parts *parts;
    struct parts_in *in[THREADS];
    struct tally tally;
    struct err err;
};

static uint64_t next(uint64_t *seed) { return hash_mix((*seed)++); }

/* Row values by chance; keys of two words, of which the second has tags alone. */
static void make_rows(struct fixture *f, const struct shape *s, size_t from, uint64_t *seed,
                      uint64_t *packed)
{
    size_t groups = s->one_part ? 100 + from / 8 : s->groups;
    struct tally *t = &f->tally;

    t->n = CHUNK;
    t->packets = t->packets_rows;
    t->bytes = t->bytes_rows;
    t->flows = t->flows_rows;
    t->first = t->first_rows;
    t->last = t->last_rows;
    for (size_t i = 0; i < CHUNK; i++) {
        uint64_t group = next(seed) % groups;
        uint64_t chance = next(seed);
        packed[i * 2] = group;
        packed[i * 2 + 1] = group % 3 ? 5 : 1;
        t->packets_rows[i] = s->large ? chance % 3 * UINT64_C(2000000000) : chance % 100;
        t->bytes_rows[i] = s->large ? UINT64_MAX / 5 : chance % 100000;
        t->flows_rows[i] = s->large ? 1 + chance % 2 * 9000000 : 1;
        t->first_rows[i] = NOW_MS - (int64_t)(chance % 1000000);
        t->last_rows[i] = NOW_MS + (int64_t)(chance % 1000000);
        if (s->odd && chance % 5 == 0)
            t->first_rows[i] = SUMS_NO_FIRST;
        if (s->odd && chance % 7 == 0)
            t->last_rows[i] = SUMS_NO_LAST;
        if (s->odd && chance % 11 == 0)
            t->first_rows[i] = 5;
    }
}

static void add_rows(struct fixture *f, const struct shape *s, size_t thread,
                     const uint64_t *packed)
{
    uint32_t hashes[CHUNK];
    uint32_t left[CHUNK];
    size_t n_left;

    assert_int_equal(quick_add_keys(&f->want, &f->tally, 0, CHUNK, packed, &f->err), 0);
    for (size_t i = 0; i < CHUNK; i++)
        hashes[i] = agg_hash(&f->want, packed + i * 2) >> (s->one_part ? PARTS_BITS : 0);
    assert_int_equal(
        parts_add(f->in[thread], &f->tally, 0, CHUNK, packed, hashes, left, &n_left, &f->err), 0);
    for (size_t i = 0; i < n_left; i++)
        assert_int_equal(
            quick_add_keys(&f->left, &f->tally, left[i], 1, packed + left[i] * 2, &f->err), 0);
}

static struct fixture *fixture_new(const struct shape *s)
{
    struct fixture *f = mem_new(1, sizeof *f);
    uint64_t *packed = mem_new(CHUNK * 2, sizeof *packed);
    uint64_t seed = 1;

    f->keys = (struct keys){.n = 2, .at = {{.field = FIELD_SRC_AS}, {.field = FIELD_DST_AS}}};
    keys_place(&f->keys);
    assert_int_equal(f->keys.words, 2);
    intern_init(&f->ids, 1 << 20);
    assert_true(agg_init(&f->want, &f->keys, NULL, &f->ids, (size_t)1 << 30));
    assert_true(agg_init(&f->left, &f->keys, NULL, &f->ids, (size_t)1 << 30));
    f->parts = parts_new(&f->keys, s->limit_bytes);
    for (size_t i = 0; i < THREADS; i++)
        f->in[i] = parts_in_new(f->parts);
    for (size_t n = 0; n < s->rows; n += CHUNK) {
        make_rows(f, s, n, &seed, packed);
        add_rows(f, s, n / CHUNK % THREADS, packed);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(parts_over(f->in[i], &f->err), 0);
    parts_end(f->parts);
    free(packed);
    return f;
}

static void fixture_free(struct fixture *f)
{
    for (size_t i = 0; i < THREADS; i++)
        parts_in_free(f->in[i]);
    parts_free(f->parts);
    agg_free(&f->want);
    agg_free(&f->left);
    intern_free(&f->ids);
    free(f);
}

static void check_group(struct fixture *f, struct agg *got, size_t g)
{
    const uint64_t *key = agg_at(got, g);
    size_t n = f->want.n;
    size_t w = agg_find(&f->want, key, agg_hash(&f->want, key));
    struct sums a = agg_sums(got, g);
    struct sums b = agg_sums(&f->want, w);

    assert_int_equal(f->want.n, n);
    assert_memory_equal(&a, &b, sizeof a);
}

/* The groups of each part are those of `want`; *made: how many parts had them in place. */
static void check(struct fixture *f, size_t *made)
{
    struct agg got;

    assert_true(agg_init(&got, &f->keys, NULL, &f->ids, (size_t)1 << 30));
    assert_int_equal(agg_merge(&got, &f->left, &f->err), 0);
    *made = 0;
    for (size_t p = 0; p < PARTS; p++) {
        bool in_place;
        assert_int_equal(parts_make(f->in[0], p, &in_place, &f->err), 0);
        size_t before = got.n;
        assert_int_equal(parts_groups(f->parts, p, &got, &f->err), 0);
        *made += in_place;
        if (in_place && f->left.n == 0)
            assert_int_equal(parts_entries(f->parts, p)->n, got.n - before);
    }
    assert_int_equal(got.n, f->want.n);
    for (size_t g = 0; g < got.n; g++)
        check_group(f, &got, g);
    agg_free(&got);
}

static void run(struct shape s, bool spills, size_t *made)
{
    struct fixture *f = fixture_new(&s);

    check(f, made);
    assert_int_equal(parts_spilled(f->parts) > 0, spills);
    fixture_free(f);
}

static const size_t NO_LIMIT = (size_t)1 << 30;

static void rows_of_groups_of_their_own(void **state)
{
    size_t made;

    (void)state;
    run((struct shape){.rows = 2000000, .groups = SIZE_MAX, .limit_bytes = NO_LIMIT}, false, &made);
    assert_int_equal(made, PARTS);
}

static void rows_of_few_groups(void **state)
{
    size_t made;

    (void)state;
    run((struct shape){.rows = 4000000, .groups = 300000, .limit_bytes = NO_LIMIT}, false, &made);
    assert_int_equal(made, PARTS);
}

static void hot_groups(void **state)
{
    size_t made;

    (void)state;
    run((struct shape){.rows = 2000000, .groups = 10, .limit_bytes = NO_LIMIT}, false, &made);
    assert_int_equal(made, PARTS);
}

static void what_passes_the_limit_goes_to_a_file(void **state)
{
    size_t made;

    (void)state;
    run((struct shape){.rows = 2000000, .groups = SIZE_MAX, .limit_bytes = 1}, true, &made);
    assert_int_equal(made, 0);
    run((struct shape){.rows = 4000000, .groups = 500000, .limit_bytes = 1}, true, &made);
}

static void sums_that_pass_a_entry(void **state)
{
    size_t made;

    (void)state;
    run((struct shape){.rows = 2000000, .groups = 300000, .large = true, .limit_bytes = NO_LIMIT},
        false, &made);
    run((struct shape){.rows = 2000000, .groups = 100, .large = true, .limit_bytes = NO_LIMIT},
        false, &made);
}

static void times_that_are_absent_or_far(void **state)
{
    size_t made;

    (void)state;
    run((struct shape){.rows = 2000000, .groups = 300000, .odd = true, .limit_bytes = NO_LIMIT},
        false, &made);
}

/* More than the numbers of a table reach. */
static void tables_that_are_full(void **state)
{
    size_t made;

    (void)state;
    run((struct shape){.rows = 1000000, .one_part = true, .limit_bytes = NO_LIMIT}, false, &made);
    assert_int_equal(made, PARTS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_groups_of_their_own),
        cmocka_unit_test(rows_of_few_groups),
        cmocka_unit_test(hot_groups),
        cmocka_unit_test(what_passes_the_limit_goes_to_a_file),
        cmocka_unit_test(sums_that_pass_a_entry),
        cmocka_unit_test(times_that_are_absent_or_far),
        cmocka_unit_test(tables_that_are_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
