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

static void write_sample(unsigned salt, uint64_t rows, size_t batch_rows,
                         const struct pq_write_options *o)
{
    const struct pq_kv kv[] = {{"weir.writer", "test-0"}, {"weir.empty", ""}};
    struct pq_writer *w;
    struct batch b;
    uint64_t written = 1;

    assert_true(batch_init(&b, batch_rows));
    assert_int_equal(pq_writer_open(&w, path, o, NULL), 0);
    for (uint64_t at = 0; at < rows; at += batch_rows) {
        size_t n = rows - at < batch_rows ? (size_t)(rows - at) : batch_rows;
        batch_reset(&b);
        assert_true(sample_fill(&b, salt, at, n));
        assert_int_equal(pq_writer_add(w, &b, NULL), 0);
    }
    assert_int_equal(pq_writer_rows(w), rows);
    assert_int_equal(pq_writer_finish(w, kv, COUNT_OF(kv), &written, NULL), 0);
    assert_int_equal(written, rows);
    batch_free(&b);
}

/* Read all groups; returns the number of rows, which must be those of the sample. */
static uint64_t check_sample(unsigned salt, size_t cap, const struct field_set *want)
{
    struct pq_file *f;
    struct pq_group *g = NULL;
    struct batch b;
    struct err err = {{0}};
    uint64_t row = 0;

    assert_true(batch_init(&b, cap));
    if (pq_open(&f, path, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < pq_groups(f); i++) {
        int r = g ? pq_group_reopen(g, f, i, want, &err) : pq_group_open(&g, f, i, want, &err);
        uint64_t begin = row;
        while (r == 0 && (r = pq_group_next(g, &b, &err)) == 0) {
            assert_in_range(b.rows, 1, cap);
            for (size_t k = 0; k < b.rows; k++)
                if (!sample_equal(&b, k, want, salt, row + k))
                    fail_msg("salt %u", salt);
            row += b.rows;
        }
        if (r != ERR_EOF)
            fail_msg("%s", err.text);
        assert_int_equal(row - begin, pq_group_rows(f, i));
    }
    assert_int_equal(row, pq_rows(f));
    pq_group_close(g);
    pq_close(f);
    batch_free(&b);
    return row;
}

static void gives_back_every_kind_in_every_pattern(void **state)
{
    const struct field_set all = sample_all();
    (void)state;
    for (unsigned salt = 0; salt < SAMPLE_PATTERNS; salt++) {
        const struct pq_write_options o = {.group_rows = 2000, .codec = salt % 3};
        write_sample(salt, 5001, 700, &o);
        assert_int_equal(check_sample(salt, 513, &all), 5001);
    }
}

static void gives_back_pages_and_row_groups_of_full_size(void **state)
{
    const struct field_set all = sample_all();
    (void)state;
    for (unsigned salt = 1; salt < SAMPLE_PATTERNS; salt += 5) {
        write_sample(salt, 72000, 4096, &(struct pq_write_options){.group_rows = 71000});
        assert_int_equal(check_sample(salt, 8192, &all), 72000);
    }
}

static void gives_back_one_row(void **state)
{
    const struct field_set all = sample_all();
    (void)state;
    write_sample(3, 1, 1, NULL);
    assert_int_equal(check_sample(3, 1, &all), 1);
}

static void writes_a_file_without_rows(void **state)
{
    const struct field_set all = sample_all();
    (void)state;
    write_sample(0, 0, 1, NULL);
    assert_int_equal(check_sample(0, 1, &all), 0);
}

static void reads_only_the_columns_wanted(void **state)
{
    struct field_set want = {0};
    (void)state;
    field_set_add(&want, FIELD_SRC_ADDR);
    field_set_add(&want, FIELD_EXTRA);
    field_set_add(&want, FIELD_BYTES);
    write_sample(1, 3000, 1000, NULL);
    assert_int_equal(check_sample(1, 4096, &want), 3000);
}

static void keeps_the_keys_of_the_footer(void **state)
{
    struct pq_file *f;
    (void)state;
    write_sample(0, 10, 10, NULL);
    assert_int_equal(pq_open(&f, path, NULL), 0);
    assert_string_equal(pq_key(f, "weir.writer"), "test-0");
    assert_string_equal(pq_key(f, "weir.empty"), "");
    assert_string_equal(pq_key(f, PQ_KEY_CATALOGUE), "1");
    assert_null(pq_key(f, "weir.other"));
    pq_close(f);
}

/* No damage to a footer passes, unless it says of the rows what it said before. */
static void finds_every_damaged_byte_of_the_footer(void **state)
{
    struct ranges {
        uint64_t rows;
        int64_t of[FIELD_N][2];
    } good = {0}, bad;
    struct stat st;
    uint8_t tail[4];
    size_t passed = 0;
    (void)state;
    write_sample(0, 50, 50, NULL);
    int fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pread(fd, tail, 4, st.st_size - 8), 4);
    struct cur c = cur_of(tail, 4);
    size_t n = (size_t)cur_le(&c, 4);
    for (size_t i = 0; i <= n; i++) { /* the last time nothing is damaged */
        off_t at = st.st_size - 8 - (off_t)n + (off_t)i;
        uint8_t was;
        assert_int_equal(pread(fd, &was, 1, at), 1);
        uint8_t hurt = was;
        if (i < n)
            hurt = (uint8_t)(was ^ 1u << i % 8);
        assert_int_equal(pwrite(fd, &hurt, 1, at), 1);
        struct pq_file *f;
        if (pq_open(&f, path, NULL) == 0) {
            bad = (struct ranges){.rows = pq_group_rows(f, 0)};
            for (int k = 0; k < FIELD_N; k++)
                (void)pq_group_range(f, 0, (enum field_id)k, &bad.of[k][0], &bad.of[k][1]);
            if (passed++ == 0)
                good = bad;
            assert_memory_equal(&bad, &good, sizeof bad);
            pq_close(f);
        }
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
    }
    assert_in_range(passed, 2, 40); /* those in the checksum's own key */
    assert_int_equal(close(fd), 0);
}

/* ---- Small files by hand ---- */

struct fixture {
    struct pq_writer *w;
    struct batch b;
};

static void begin(struct fixture *x, size_t cap)
{
    assert_true(batch_init(&x->b, cap));
    assert_int_equal(pq_writer_open(&x->w, path, NULL, NULL), 0);
}

static void add(struct fixture *x)
{
    assert_int_equal(pq_writer_add(x->w, &x->b, NULL), 0);
    batch_reset(&x->b);
}

static void end(struct fixture *x)
{
    assert_int_equal(pq_writer_finish(x->w, NULL, 0, NULL, NULL), 0);
    batch_free(&x->b);
}

static void says_the_range_of_numbers_and_times(void **state)
{
    struct fixture x;
    struct pq_file *f;
    int64_t lo;
    int64_t hi;

    (void)state;
    begin(&x, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_true(batch_put_u64(&x.b, FIELD_TIME, i, (uint64_t)(INT64_C(-50) + (int64_t)i)));
        assert_true(batch_put_u64(&x.b, FIELD_SRC_PORT, i, 65535 - i));
        assert_true(batch_put_u64(&x.b, FIELD_SRC_AS, i, UINT32_MAX - i));
        assert_true(batch_put_u64(&x.b, FIELD_BYTES, i, UINT64_MAX - i));
        assert_true(batch_put_u64(&x.b, FIELD_PROTO, i, 17));
    }
    x.b.rows = 100;
    add(&x);
    end(&x);
    assert_int_equal(pq_open(&f, path, NULL), 0);
    assert_true(pq_group_range(f, 0, FIELD_TIME, &lo, &hi));
    assert_true(lo == -50 && hi == 49);
    assert_true(pq_group_range(f, 0, FIELD_SRC_PORT, &lo, &hi));
    assert_true(lo == 65436 && hi == 65535);
    assert_true(pq_group_range(f, 0, FIELD_SRC_AS, &lo, &hi));
    assert_true(lo == (int64_t)UINT32_MAX - 99 && hi == UINT32_MAX);
    assert_true(pq_group_range(f, 0, FIELD_PROTO, &lo, &hi));
    assert_true(lo == 17 && hi == 17);
    assert_false(pq_group_range(f, 0, FIELD_BYTES, &lo, &hi)); /* above int64_t */
    assert_false(pq_group_range(f, 0, FIELD_DST_PORT, &lo, &hi));
    assert_false(pq_group_range(f, 0, FIELD_SRC_ADDR, &lo, &hi));
    pq_close(f);
}

/* Reads the only batch of a file. */
static void read_one(struct batch *b, size_t cap)
{
    const struct field_set all = sample_all();
    struct pq_file *f;
    struct pq_group *g;

    assert_true(batch_init(b, cap));
    assert_int_equal(pq_open(&f, path, NULL), 0);
    assert_int_equal(pq_group_open(&g, f, 0, &all, NULL), 0);
    assert_int_equal(pq_group_next(g, b, NULL), 0);
    pq_group_close(g);
    pq_close(f);
}

static void text_is(const struct batch *b, enum field_id f, size_t row, const char *want)
{
    size_t len;
    const uint8_t *s = batch_bytes(b, f, row, &len);
    assert_non_null(s);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(s, want, len);
}

static void makes_text_valid_but_keeps_bytes(void **state)
{
    struct fixture x;
    struct batch b;

    (void)state;
    begin(&x, 2);
    assert_true(batch_put_bytes(&x.b, FIELD_IF_NAME, 0, "a\xff\xe2\x82z", 5));
    assert_true(batch_put_bytes(&x.b, FIELD_IF_NAME, 1, "", 0));
    assert_true(batch_put_bytes(&x.b, FIELD_IN_ACL, 1, "\xff\xfe", 2));
    x.b.rows = 2;
    add(&x);
    end(&x);
    read_one(&b, 2);
    text_is(&b, FIELD_IF_NAME, 0, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    text_is(&b, FIELD_IF_NAME, 1, "");
    text_is(&b, FIELD_IN_ACL, 1, "\xff\xfe");
    assert_false(batch_has(&b, FIELD_IN_ACL, 0));
    batch_free(&b);
}

static void an_enum_code_without_name_stays_without(void **state)
{
    struct fixture x;
    struct batch b;

    (void)state;
    begin(&x, 2);
    assert_true(batch_put_u64(&x.b, FIELD_RECORD_KIND, 0, RECORD_NAT));
    assert_true(batch_put_u64(&x.b, FIELD_RECORD_KIND, 1, 99));
    x.b.rows = 2;
    add(&x);
    end(&x);
    read_one(&b, 2);
    assert_int_equal(batch_u64(&b, FIELD_RECORD_KIND, 0), RECORD_NAT);
    assert_null(field_enum_name(FIELD_RECORD_KIND, (uint8_t)batch_u64(&b, FIELD_RECORD_KIND, 1)));
    batch_free(&b);
}

/* 300 values of 1 MB: more than a batch, a dictionary and a row group take at once. */
static void gives_long_text_in_batches_that_hold_it(void **state)
{
    enum { LONG = 1 << 20, ROWS = 300, A_BATCH = 30 };
    const struct field_set all = sample_all();
    struct fixture x;
    struct pq_file *f;
    struct pq_group *g = NULL;
    uint8_t *s = malloc(LONG);
    size_t row = 0;

    (void)state;
    assert_non_null(s);
    begin(&x, A_BATCH);
    for (size_t i = 0; i < ROWS; i++) {
        uint64_t r = i;
        for (size_t k = 0; k < LONG; k++)
            s[k] = (uint8_t)((r = r * 6364136223846793005u + 1) >> 56);
        memcpy(s, &i, sizeof i);
        assert_true(batch_put_bytes(&x.b, FIELD_MPLS, i % A_BATCH, s, LONG));
        assert_true(batch_put_bytes(&x.b, FIELD_EXTRA, i % A_BATCH, "{}", 2));
        x.b.rows++;
        if (x.b.rows == A_BATCH)
            add(&x);
    }
    batch_free(&x.b);
    end(&x);
    free(s);
    assert_true(batch_init(&x.b, 4096));
    assert_int_equal(pq_open(&f, path, NULL), 0);
    assert_true(pq_groups(f) > 1);
    for (size_t i = 0; i < pq_groups(f); i++) {
        int r = g ? pq_group_reopen(g, f, i, &all, NULL) : pq_group_open(&g, f, i, &all, NULL);
        while (r == 0 && (r = pq_group_next(g, &x.b, NULL)) == 0)
            for (size_t k = 0; k < x.b.rows; k++, row++) {
                size_t len;
                const uint8_t *got = batch_bytes(&x.b, FIELD_MPLS, k, &len);
                assert_int_equal(len, LONG);
                assert_memory_equal(got, &row, sizeof row);
                text_is(&x.b, FIELD_EXTRA, k, "{}");
            }
        assert_int_equal(r, ERR_EOF);
    }
    assert_int_equal(row, ROWS);
    pq_group_close(g);
    pq_close(f);
    batch_free(&x.b);
}

/* ---- Errors ---- */

/* Reads whatever is there; must neither crash nor hang. 0 or the first error. */
static int read_all(void)
{
    const struct field_set all = sample_all();
    struct pq_file *f;
    struct pq_group *g;
    struct batch b;
    struct err err = {{0}};

    int r = pq_open(&f, path, &err);
    if (r) {
        assert_non_null(strstr(err.text, path));
        return r;
    }
    assert_true(batch_init(&b, 64));
    for (size_t i = 0; i < pq_groups(f) && r == 0; i++) {
        r = pq_group_open(&g, f, i, &all, &err);
        if (r)
            break;
        while ((r = pq_group_next(g, &b, &err)) == 0)
            assert_in_range(b.rows, 1, 64);
        r = r == ERR_EOF ? 0 : r;
        pq_group_close(g);
    }
    if (r)
        assert_non_null(strstr(err.text, path));
    batch_free(&b);
    pq_close(f);
    return r;
}

static uint8_t *slurp(size_t *n)
{
    struct stat st = {0};
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *p = malloc((size_t)st.st_size + 1);
    assert_non_null(p);
    *n = (size_t)st.st_size;
    assert_int_equal(read(fd, p, *n), st.st_size);
    assert_int_equal(close(fd), 0);
    return p;
}

static void refuses_every_truncation(void **state)
{
    size_t n;

    (void)state;
    write_sample(4, 20, 20, &(struct pq_write_options){.group_rows = 12});
    uint8_t *p = slurp(&n);
    free(p);
    while (n > 0) {
        n--;
        assert_int_equal(truncate(path, (off_t)n), 0);
        assert_int_equal(read_all(), ERR_DATA);
    }
}

static void survives_every_flip(void **state)
{
    size_t n;

    (void)state;
    write_sample(5, 20, 20, NULL);
    uint8_t *p = slurp(&n);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++) {
        uint8_t bad = (uint8_t)(p[i] ^ (i % 3 ? 1u << i % 8 : 0xffu));
        assert_int_equal(pwrite(fd, &bad, 1, (off_t)i), 1);
        int r = read_all();
        assert_true(r == 0 || r == ERR_DATA || r == ERR_LIMIT);
        assert_int_equal(pwrite(fd, &p[i], 1, (off_t)i), 1);
    }
    assert_int_equal(read_all(), 0);
    assert_int_equal(close(fd), 0);
    free(p);
}

static void says_what_cannot_be_opened(void **state)
{
    struct pq_file *f = NULL;
    struct pq_writer *w = NULL;
    struct err err;

    (void)state;
    assert_int_equal(pq_open(&f, "/nowhere/x.parquet", &err), ERR_SYS);
    assert_non_null(strstr(err.text, "/nowhere/x.parquet"));
    assert_int_equal(pq_open(&f, "/tmp", &err), ERR_DATA);
    assert_int_equal(pq_writer_open(&w, "/nowhere/x.parquet", NULL, &err), ERR_SYS);
    assert_int_equal(
        pq_writer_open(&w, path, &(struct pq_write_options){.group_rows = 2000000}, &err),
        ERR_CONFIG);
    assert_null(f);
    assert_null(w);
}

static void reports_a_full_disk(void **state)
{
    const struct pq_write_options o = {.group_rows = 100};
    struct pq_writer *w;
    struct batch b;
    struct err err;
    int r = 0;

    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_true(batch_init(&b, 1000));
    assert_true(sample_fill(&b, 0, 0, 1000));
    assert_int_equal(pq_writer_open(&w, "/dev/full", &o, NULL), 0);
    for (int i = 0; i < 50 && r == 0; i++)
        r = pq_writer_add(w, &b, &err);
    assert_int_equal(r, ERR_SYS);
    assert_non_null(strstr(err.text, "/dev/full"));
    assert_int_equal(pq_writer_add(w, &b, &err), ERR_SYS);
    assert_int_equal(pq_writer_finish(w, NULL, 0, NULL, &err), ERR_SYS);
    batch_free(&b);
}

static void abort_leaves_no_file(void **state)
{
    char gone[sizeof path + 2];
    struct pq_writer *w;

    (void)state;
    (void)snprintf(gone, sizeof gone, "%s.x", path);
    assert_int_equal(pq_writer_open(&w, gone, NULL, NULL), 0);
    assert_int_equal(access(gone, F_OK), 0);
    pq_writer_abort(w);
    assert_int_not_equal(access(gone, F_OK), 0);
    pq_writer_abort(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_every_kind_in_every_pattern),
        cmocka_unit_test(finds_every_damaged_byte_of_the_footer),
        cmocka_unit_test(gives_back_pages_and_row_groups_of_full_size),
        cmocka_unit_test(gives_back_one_row),
        cmocka_unit_test(writes_a_file_without_rows),
        cmocka_unit_test(reads_only_the_columns_wanted),
        cmocka_unit_test(keeps_the_keys_of_the_footer),
        cmocka_unit_test(says_the_range_of_numbers_and_times),
        cmocka_unit_test(makes_text_valid_but_keeps_bytes),
        cmocka_unit_test(an_enum_code_without_name_stays_without),
        cmocka_unit_test(gives_long_text_in_batches_that_hold_it),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_flip),
        cmocka_unit_test(says_what_cannot_be_opened),
        cmocka_unit_test(reports_a_full_disk),
        cmocka_unit_test(abort_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
