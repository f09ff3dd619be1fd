/* What a file has beside its values: checksums, Bloom filters, chunks that columns share; and what
 * columns cost that have nothing to say. */
#include "base/hash.h"
#include "store/pq_read.h"
#include "store/pq_write.h"
#include "store/sample.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/weir-pq-XXXXXX";

static int make_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

/* ---- Rows with addresses and times that a test chooses ---- */

struct rows {
    size_t n;
    size_t group_rows;
    /* Times: last_ms is time_ms but in rows [differ, missing), and absent from `missing` on. */
    size_t differ, missing;
};

static struct addr src_of(size_t row)
{
    return addr_of_v4((uint8_t[]){10, 0, (uint8_t)(row % 200), 1});
}

static int64_t time_of(size_t row) { return (int64_t)(1000000 + hash_mix(row) % 100000); }

static int64_t last_of(const struct rows *r, size_t row)
{
    return time_of(row) - (row >= r->differ);
}

static void fill(struct batch *b, const struct rows *r, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct addr src = src_of(from + i);
        assert_true(batch_put_u64(b, FIELD_TIME, i, (uint64_t)time_of(from + i)));
        if (from + i < r->missing)
            assert_true(batch_put_u64(b, FIELD_LAST, i, (uint64_t)last_of(r, from + i)));
        assert_true(batch_put_raw(b, FIELD_SRC_ADDR, i, &src));
        assert_true(batch_put_u64(b, FIELD_VERSION, i, 9));
    }
    b->rows = n;
}

static long write_rows(const struct rows *r)
{
    enum { BATCH = 1000 };
    const struct pq_write_options o = {.group_rows = r->group_rows};
    struct pq_writer *w;
    struct batch b;
    struct stat st;

    assert_true(batch_init(&b, BATCH));
    assert_int_equal(pq_writer_open(&w, path, &o, NULL), 0);
    for (size_t at = 0; at < r->n; at += BATCH) {
        batch_reset(&b);
        fill(&b, r, at, r->n - at < BATCH ? r->n - at : BATCH);
        assert_int_equal(pq_writer_add(w, &b, NULL), 0);
    }
    assert_int_equal(pq_writer_finish(w, NULL, 0, NULL, NULL), 0);
    batch_free(&b);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static int read_rows(const struct rows *r, struct err *err)
{
    const struct field_set all = sample_all();
    struct pq_group *g = NULL;
    struct pq_file *f;
    struct batch b;
    size_t row = 0;

    assert_true(batch_init(&b, 777));
    int e = pq_open(&f, path, err);
    assert_int_equal(e, 0);
    for (size_t i = 0; i < pq_groups(f) && (e == 0 || e == ERR_EOF); i++) {
        e = g ? pq_group_reopen(g, f, i, &all, err) : pq_group_open(&g, f, i, &all, err);
        while (e == 0 && (e = pq_group_next(g, &b, err)) == 0)
            for (size_t k = 0; k < b.rows; k++, row++) {
                struct addr src = src_of(row);
                assert_memory_equal(batch_at(&b, FIELD_SRC_ADDR, k), &src, sizeof src);
                assert_int_equal(batch_u64(&b, FIELD_TIME, k), time_of(row));
                assert_int_equal(batch_has(&b, FIELD_LAST, k), row < r->missing);
                if (row < r->missing)
                    assert_int_equal(batch_u64(&b, FIELD_LAST, k), last_of(r, row));
                assert_int_equal(batch_u64(&b, FIELD_VERSION, k), 9);
                assert_false(batch_has(&b, FIELD_DST_ADDR, k));
            }
    }
    pq_group_close(g);
    pq_close(f);
    batch_free(&b);
    if (e != ERR_EOF)
        return e;
    assert_int_equal(row, r->n);
    return 0;
}

static void columns_with_the_same_values_are_written_once(void **state)
{
    static const struct rows cases[] = {
        {20000, 20000, 20000, 20000}, /* the same in all rows */
        {20000, 0, 0, 20000},         /* in none */
        {20000, 0, 12345, 20000},     /* no more from a row on */
        {20000, 0, 1000, 20000},      /* from the begin of a batch on */
        {20000, 0, 20000, 15500},     /* absent from a row on */
        {20000, 7000, 8000, 20000},   /* in one row group, no more in the second */
        {70000, 0, 66000, 70000},     /* after more than a page */
    };
    long size[COUNT_OF(cases)];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err;
        size[i] = write_rows(&cases[i]);
        if (read_rows(&cases[i], &err) != 0)
            fail_msg("%s", err.text);
    }
    assert_true(size[1] - size[0] > 20000); /* 17 bits a value */
}

/* ---- Working memory ---- */

static size_t write_sample(unsigned salt, struct pq_work *work, size_t rows, bool finish,
                           uint8_t *out, size_t cap)
{
    const struct pq_write_options o = {.group_rows = 700, .codec = salt % 3, .work = work};
    struct pq_writer *w;
    struct batch b;

    assert_true(batch_init(&b, rows));
    assert_true(sample_fill(&b, salt, 0, rows));
    assert_int_equal(pq_writer_open(&w, path, &o, NULL), 0);
    assert_int_equal(pq_writer_add(w, &b, NULL), 0);
    batch_free(&b);
    if (!finish) {
        pq_writer_abort(w);
        return 0;
    }
    assert_int_equal(pq_writer_finish(w, NULL, 0, NULL, NULL), 0);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, cap);
    assert_true(n > 0 && (size_t)n < cap);
    assert_int_equal(close(fd), 0);
    return (size_t)n;
}

static void memory_used_before_leaves_no_trace(void **state)
{
    enum { ROWS = 1000, CAP = 16 << 20 };
    struct pq_work *work = pq_work_new();
    uint8_t *fresh = malloc(CAP);
    uint8_t *used = malloc(CAP);

    (void)state;
    assert_true(fresh && used);
    for (unsigned salt = 0; salt < SAMPLE_PATTERNS; salt++) {
        size_t n = write_sample(salt, NULL, ROWS, true, fresh, CAP);
        (void)write_sample(salt + 3, work, ROWS - salt, false, NULL, 0);
        assert_int_equal(write_sample(salt, work, ROWS, true, used, CAP), n);
        assert_memory_equal(used, fresh, n);
    }
    free(fresh);
    free(used);
    pq_work_free(work);
}

/* ---- Checksums ---- */

static void a_changed_byte_of_a_page_is_named(void **state)
{
    const struct rows r = {3000, 0, 1500, 3000};
    long n = write_rows(&r);
    size_t sums = 0;
    uint8_t tail[4];
    uint8_t was;

    (void)state;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, tail, sizeof tail, n - 8), sizeof tail);
    long end = n - 8 - (tail[0] | tail[1] << 8 | tail[2] << 16);
    for (long at = 4; at < end; at++) {
        struct err err = {{0}};
        assert_int_equal(pread(fd, &was, 1, at), 1);
        uint8_t bad = (uint8_t)(was ^ (1u << at % 8));
        assert_int_equal(pwrite(fd, &bad, 1, at), 1);
        if (read_rows(&r, &err) != 0) { /* else its place is in a Bloom filter, or says nothing */
            assert_non_null(strstr(err.text, path));
            assert_non_null(strstr(err.text, "column "));
            assert_non_null(strstr(err.text, "offset "));
            sums += strstr(err.text, "checksum") != NULL;
        }
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
    }
    assert_true(sums > 9000); /* of some 12,000 bytes most are values */
    assert_int_equal(close(fd), 0);
}

/* ---- Some rows ---- */

static void same_row(const struct batch *a, const struct batch *b, size_t row)
{
    for (int i = 0; i < FIELD_N; i++) {
        enum field_id f = (enum field_id)i;
        enum kind kind = field_table[f].kind;
        assert_int_equal(batch_has(a, f, row), batch_has(b, f, row));
        if (!batch_has(a, f, row))
            continue;
        if (kind == KIND_TEXT || kind == KIND_BYTES) {
            size_t n;
            size_t m;
            const uint8_t *s = batch_bytes(a, f, row, &n);
            const uint8_t *t = batch_bytes(b, f, row, &m);
            assert_int_equal(n, m);
            assert_memory_equal(s, t, n);
        } else {
            assert_memory_equal(batch_at(a, f, row), batch_at(b, f, row), kind_table[kind].width);
        }
    }
}

/* Rows first, first + every, ... of each batch are as they are when all are asked for. */
static void compare_some(const struct pq_file *f, uint32_t first, uint32_t every)
{
    const struct field_set all = sample_all();
    struct pq_group *g[2];
    struct batch b[2];
    uint32_t rows[300];
    size_t n;

    for (size_t i = 0; i < 2; i++) {
        assert_true(batch_init(&b[i], COUNT_OF(rows)));
        assert_int_equal(pq_group_open(&g[i], f, 0, &all, NULL), 0);
    }
    while (pq_group_step(g[0], COUNT_OF(rows), &n, NULL) == 0) {
        size_t some = 0;
        for (uint32_t row = first; row < n; row += every)
            rows[some++] = row;
        batch_reset(&b[0]);
        for (int i = 0; i < FIELD_N; i++)
            assert_int_equal(pq_group_need_rows(g[0], (enum field_id)i, rows, some, &b[0], NULL),
                             0);
        assert_int_equal(pq_group_next(g[1], &b[1], NULL), 0);
        assert_int_equal(b[1].rows, n);
        for (size_t i = 0; i < some; i++)
            same_row(&b[0], &b[1], rows[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        pq_group_close(g[i]);
        batch_free(&b[i]);
    }
}

static void some_rows_are_what_they_are_among_all(void **state)
{
    enum { ROWS = 1000, CAP = 16 << 20 };
    uint8_t *bytes = malloc(CAP);
    struct pq_file *f;

    (void)state;
    assert_non_null(bytes);
    for (unsigned salt = 0; salt < SAMPLE_PATTERNS; salt++) {
        (void)write_sample(salt, NULL, ROWS, true, bytes, CAP);
        assert_int_equal(pq_open(&f, path, NULL), 0);
        compare_some(f, 0, 3);
        compare_some(f, 7, 100);
        pq_close(f);
    }
    free(bytes);
}

/* ---- Addresses ---- */

static void knows_addresses_that_a_group_cannot_have(void **state)
{
    const struct rows r = {1000, 500, 0, 1000};
    struct pq_file *f;
    size_t wrong = 0;

    (void)state;
    (void)write_rows(&r);
    assert_int_equal(pq_open(&f, path, NULL), 0);
    assert_int_equal(pq_groups(f), 2);
    for (size_t g = 0; g < 2; g++) {
        for (size_t i = 0; i < 200; i++) {
            struct addr a = src_of(i);
            assert_true(pq_group_may_hold(f, g, FIELD_SRC_ADDR, &a));
            assert_false(pq_group_may_hold(f, g, FIELD_DST_ADDR, &a)); /* it has no values */
            a.b[15] = 2;                                               /* between those there */
            wrong += i < 199 && pq_group_may_hold(f, g, FIELD_SRC_ADDR, &a);
        }
        struct addr below = addr_of_v4((uint8_t[]){10, 0, 0, 0});
        struct addr above = {{0x20, 0x01}};
        assert_false(pq_group_may_hold(f, g, FIELD_SRC_ADDR, &below));
        assert_false(pq_group_may_hold(f, g, FIELD_SRC_ADDR, &above));
        assert_true(pq_group_any(f, g, FIELD_SRC_ADDR));
        assert_false(pq_group_any(f, g, FIELD_DST_ADDR));
    }
    assert_in_range(wrong, 0, 20);
    pq_close(f);
}

/* ---- Sizes ---- */

static void columns_that_say_nothing_cost_next_to_nothing(void **state)
{
    enum { ROWS = 262144, BATCH = 4096, CONSTANT = 40 };
    struct pq_writer *w;
    struct batch b;
    struct stat st;

    (void)state;
    assert_true(batch_init(&b, BATCH));
    for (int f = 0, n = 0; f < FIELD_N && n < CONSTANT; f++) {
        if (field_table[f].kind == KIND_TEXT || field_table[f].kind == KIND_BYTES)
            continue;
        uint8_t *col = batch_col(&b, (enum field_id)f);
        assert_non_null(col);
        memset(col, 1, BATCH * (size_t)kind_table[field_table[f].kind].width);
        batch_set(&b, (enum field_id)f, 0, BATCH);
        n++;
    }
    b.rows = BATCH;
    assert_int_equal(pq_writer_open(&w, path, NULL, NULL), 0);
    for (size_t at = 0; at < ROWS; at += BATCH)
        assert_int_equal(pq_writer_add(w, &b, NULL), 0);
    assert_int_equal(pq_writer_finish(w, NULL, 0, NULL, NULL), 0);
    batch_free(&b);
    assert_int_equal(stat(path, &st), 0);
    /* All columns of the catalogue together: 0.01 bytes a row for each would be 420 KB. */
    assert_in_range(st.st_size, 0, 25 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_with_the_same_values_are_written_once),
        cmocka_unit_test(memory_used_before_leaves_no_trace),
        cmocka_unit_test(a_changed_byte_of_a_page_is_named),
        cmocka_unit_test(some_rows_are_what_they_are_among_all),
        cmocka_unit_test(knows_addresses_that_a_group_cannot_have),
        cmocka_unit_test(columns_that_say_nothing_cost_next_to_nothing),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
