#include "query/spread.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARTS_MAX = 200000 };

/* Whatever the spread gives, one behind the other. */
struct fixture {
    struct chunk_sink sink;
    struct batch batch;
    struct sums sums[METER_CHUNK];
    uint32_t rows[METER_CHUNK];
    struct sums *parts;
    int64_t *times;
    size_t n;
};

static int take(struct chunk_sink *to, const struct chunk *c, struct err *err)
{
    struct fixture *f = container_of(to, struct fixture, sink);

    (void)err;
    assert_true(c->n > 0 && c->n <= METER_CHUNK);
    for (size_t i = 0; i < c->n; i++, f->n++) {
        assert_true(f->n < PARTS_MAX);
        f->parts[f->n] = c->sums[i];
        f->times[f->n] = c->time[i];
        assert_memory_equal(&c->whole[i], &f->sums[c->rows[i]], sizeof(struct sums));
    }
    return 0;
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = mem_new(1, sizeof *f);

    f->sink.take = take;
    f->parts = mem_new(PARTS_MAX, sizeof *f->parts);
    f->times = mem_new(PARTS_MAX, sizeof *f->times);
    assert_true(batch_init(&f->batch, METER_CHUNK));
    return f;
}

static void fixture_free(struct fixture *f)
{
    batch_free(&f->batch);
    free(f->parts);
    free(f->times);
    free(f);
}

static void flow(struct fixture *f, int64_t first, int64_t last, int64_t time, uint64_t bytes)
{
    size_t row = f->batch.rows;

    assert_true(batch_put_u64(&f->batch, FIELD_TIME, row, (uint64_t)time));
    f->sums[row] = (struct sums){
        .flows = 1, .packets = bytes / 100, .bytes = bytes, .first_ms = first, .last_ms = last};
    f->rows[row] = (uint32_t)row;
    f->batch.rows++;
}

static void run(struct fixture *f, int64_t bucket_ms)
{
    struct spread *s = spread_new(bucket_ms);
    struct chunk c = {.batch = &f->batch, .rows = f->rows, .n = f->batch.rows, .sums = f->sums};

    assert_int_equal(spread_run(s, &c, &f->sink, NULL), 0);
    spread_free(s);
}

static void assert_part(const struct fixture *f, size_t i, int64_t time, uint64_t flows,
                        uint64_t bytes)
{
    assert_int_equal(f->times[i], time);
    assert_int_equal(f->parts[i].flows, flows);
    assert_int_equal(f->parts[i].bytes, bytes);
}

static void each_bucket_gets_its_part_of_the_time(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    flow(f, 5000, 25000, 25000, 1001); /* 20 s: 5, 10 and 5 of them; 250.25, 500.5, 250.25 */
    run(f, 10000);
    assert_int_equal(f->n, 3);
    assert_part(f, 0, 0, 0, 250);
    assert_part(f, 1, 10000, 0, 500);
    assert_part(f, 2, 20000, 1, 251);
    assert_int_equal(f->parts[0].first_ms, 5000);
    assert_int_equal(f->parts[0].last_ms, 9999);
    assert_int_equal(f->parts[2].last_ms, 25000);
    fixture_free(f);
}

static void a_flow_of_one_bucket_stays_whole(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    flow(f, 10000, 19999, 19999, 700);
    flow(f, 15000, 15000, 15000, 800);
    run(f, 10000);
    assert_int_equal(f->n, 2);
    assert_part(f, 0, 19999, 1, 700);
    assert_part(f, 1, 15000, 1, 800);
    fixture_free(f);
}

static void times_before_1970_have_buckets_too(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    flow(f, -5000, 5000, 5000, 100);
    run(f, 10000);
    assert_int_equal(f->n, 2);
    assert_part(f, 0, -10000, 0, 50);
    assert_part(f, 1, 0, 1, 50);
    fixture_free(f);
}

static void what_cannot_be_believed_stays_whole(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    flow(f, SUMS_NO_FIRST, 25000, 25000, 100);
    flow(f, 5000, SUMS_NO_LAST, 25000, 100);
    flow(f, 30000, 25000, 25000, 100);                         /* ends before it begins */
    flow(f, 5000, 25000, 99000, 100);                          /* the end is not its time */
    flow(f, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX - 1, 100); /* no sane clock */
    flow(f, 0, (int64_t)SPREAD_MAX * 10000, (int64_t)SPREAD_MAX * 10000, 100); /* too many */
    run(f, 10000);
    assert_int_equal(f->n, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(f->parts[i].bytes, 100);
    assert_int_equal(f->times[3], 99000);
    fixture_free(f);
}

/* Numbers that divide badly, and the largest there are: nothing is lost, nothing doubled. */
static void parts_add_up_to_the_flow_exactly(void **state)
{
    static const uint64_t bytes[] = {0, 1, 7, 999, 1000003, UINT64_MAX};
    static const int64_t lives[] = {2, 999, 10007, 86399999};

    (void)state;
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        for (size_t j = 0; j < sizeof lives / sizeof *lives; j++) {
            struct fixture *f = fixture_new();
            struct sums all = sums_none();
            flow(f, 1795356000123, 1795356000123 + lives[j], 1795356000123 + lives[j], bytes[i]);
            run(f, lives[j] / 3 + 1);
            for (size_t k = 0; k < f->n; k++)
                sums_add(&all, &f->parts[k]);
            assert_memory_equal(&all, &f->sums[0], sizeof all);
            fixture_free(f);
        }
    }
}

static void many_parts_come_in_chunks(void **state)
{
    struct fixture *f = fixture_new();
    struct sums all = sums_none();

    (void)state;
    for (int i = 0; i < 20; i++)
        flow(f, 0, 5000000 + i, 5000000 + i, 12345);
    run(f, 1000);
    assert_int_equal(f->n, 20 * 5001);
    for (size_t k = 0; k < f->n; k++)
        sums_add(&all, &f->parts[k]);
    assert_int_equal(all.flows, 20);
    assert_int_equal(all.bytes, 20 * 12345);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bucket_gets_its_part_of_the_time),
        cmocka_unit_test(a_flow_of_one_bucket_stays_whole),
        cmocka_unit_test(times_before_1970_have_buckets_too),
        cmocka_unit_test(what_cannot_be_believed_stays_whole),
        cmocka_unit_test(parts_add_up_to_the_flow_exactly),
        cmocka_unit_test(many_parts_come_in_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
