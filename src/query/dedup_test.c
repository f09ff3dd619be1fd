#include "query/dedup.h"

#include "query/fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const int64_t T = 1795356000000; /* 2026-11-22T14:00:00Z */

/* clang-format off */
static const struct {
    int exporter;        /* 198.51.100.N */
    int direction;       /* -1: absent */
    int sport;           /* which conversation */
    uint64_t packets, bytes;
    int64_t first, last; /* seconds from T; -1: absent */
    bool dropped;
} flows[] = {
    {1, -1, 1, 10, 1000,   0,  60, false}, /* three exporters on its way: the first saw most */
    {2, -1, 1,  9,  900,   1,  59, true},
    {3, -1, 1,  9,  900,   1,  59, true},
    {2, -1, 2, 10, 1000,   0,  60, false}, /* two records of one are more than a larger one */
    {2, -1, 2,  5,  500,  60,  90, false},
    {1, -1, 2, 12, 1200,   0,  90, true},
    {1, -1, 3, 10, 1000,   0,  60, false}, /* it changed its way: both count */
    {2, -1, 3, 20, 2000,  60, 180, false},
    {1, -1, 4,  1,   40,   7,   7, false}, /* one packet, and clocks that are half a second off */
    {2, -1, 4,  1,   40,   7,   7, true},  /* equal: the lower address counts */
    {1,  0, 5,  4,  400,   0,  10, false}, /* in and out of one router */
    {1,  1, 5,  4,  400,   0,  10, true},
    {1, -1, 6,  4,  400,  -1,  -1, true},  /* times that are not known are all times */
    {2, -1, 6,  5,  400,  99, 100, false}, /* as many bytes, more packets */
    {1, -1, 7,  1,  100,   0,   0, false}, /* nobody else saw it */
    {1, -1, 8,  1,  100,   0,   0, false}, /* the same ports again, minutes later */
    {2, -1, 8,  1,   90, 300, 300, false},
};
/* clang-format on */

enum { FLOWS = COUNT_OF(flows), DROPPED = 6 };

static void put(struct batch *b, enum field_id f, uint64_t v)
{
    assert_true(batch_put_u64(b, f, b->rows, v));
}

static void put_addr(struct batch *b, enum field_id f, uint8_t a, uint8_t d)
{
    struct addr addr = addr_of_v4((uint8_t[]){a, 51, 100, d});
    assert_true(batch_put_raw(b, f, b->rows, &addr));
}

static void fill(struct batch *b)
{
    assert_true(batch_init(b, 64));
    for (size_t i = 0; i < FLOWS; i++, b->rows++) {
        put_addr(b, FIELD_SRC_ADDR, 10, 1);
        put_addr(b, FIELD_DST_ADDR, 10, 2);
        put_addr(b, FIELD_EXPORTER, 198, (uint8_t)flows[i].exporter);
        put(b, FIELD_SRC_PORT, (uint64_t)flows[i].sport);
        put(b, FIELD_DST_PORT, 443);
        put(b, FIELD_PROTO, 6);
        put(b, FIELD_PACKETS, flows[i].packets);
        put(b, FIELD_BYTES, flows[i].bytes);
        put(b, FIELD_TIME, (uint64_t)T);
        if (flows[i].direction >= 0)
            put(b, FIELD_DIRECTION, (uint64_t)flows[i].direction);
        if (flows[i].first >= 0) {
            put(b, FIELD_FIRST, (uint64_t)(T + flows[i].first * 1000));
            put(b, FIELD_LAST, (uint64_t)(T + flows[i].last * 1000 + flows[i].exporter * 250));
        }
    }
}

static void on_broken(struct query_watch *w, const char *what)
{
    (void)w;
    (void)what;
}

static void on_scanned(struct query_watch *w) { (void)w; }

static void on_progress(struct query_watch *w, double part, uint64_t rows, double seconds)
{
    (void)w;
    (void)part;
    (void)rows;
    (void)seconds;
}

static struct filter everything;

static int find(const struct batch *b, size_t limit, struct dedup **out, struct err *err)
{
    struct batch *copy = mem_new(1, sizeof *copy);
    struct fake_store store = {.files = {copy}, .n = 1};
    struct query_watch watch = {
        .broken = on_broken, .progress = on_progress, .scanned = on_scanned};
    struct query_spec spec = {.store = (const char *)&store,
                              .from_ms = INT64_MIN,
                              .to_ms = INT64_MAX,
                              .filter = &everything,
                              .limit_bytes = limit};

    *copy = *b;
    int r = dedup_find(out, &spec, &watch, err);
    free(copy);
    return r;
}

static void drops_what_another_saw_better(void **state)
{
    struct batch b;
    struct dedup *d = NULL;
    struct err err;

    (void)state;
    fill(&b);
    if (find(&b, 1 << 24, &d, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < FLOWS; i++)
        if (dedup_drops(d, &b, i) != flows[i].dropped)
            fail_msg("flow %zu", i);
    assert_int_equal(dedup_count(d), DROPPED);
    dedup_free(d);
    batch_free(&b);
}

static void a_memory_that_is_too_small_is_refused(void **state)
{
    struct batch b;
    struct dedup *d = NULL;
    struct err err;

    (void)state;
    fill(&b);
    assert_int_equal(find(&b, 1000, &d, &err), ERR_LIMIT);
    assert_null(d);
    batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_what_another_saw_better),
        cmocka_unit_test(a_memory_that_is_too_small_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
