#include "store/seal.h"

#include "base/mem.h"
#include "store/fake_decode.h"
#include "store/name.h"
#include "store/recover.h"
#include "store/scan.h"
#include "store/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* 2026-11-22T14:05:00Z, by GNU date. */
static const int64_t NOON = 1795356300000;

struct store {
    char dir[64];
    struct counts counts;
    struct decoder *decoder;
    struct seal *seal;
    struct journal_writer *journal;
    struct store_id id;
    uint64_t order;
};

/* What is removed needs an heir, which may be gone by then. */
static const struct store_id no_journal = {"test-0-20261122T000000000"};

static struct seal_options options_of(const struct store *t)
{
    return (struct seal_options){
        .dir = t->dir, .pq = {.codec = PQ_NONE}, .limits = decode_limits_default()};
}

static int make(void **state)
{
    struct store *t = mem_new(1, sizeof *t);
    int lock;

    *state = t;
    t->order = 1;
    (void)snprintf(t->dir, sizeof t->dir, "/tmp/weir-seal-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    assert_int_equal(store_lock(t->dir, "test", &lock, NULL), 0);
    (void)close(lock);
    return 0;
}

static int unmake(void **state)
{
    struct store *t = *state;
    char command[100];

    (void)snprintf(command, sizeof command, "rm -r %s", t->dir);
    assert_int_equal(system(command), 0);
    free(t);
    return 0;
}

/* A live collector: decoder → sealing thread. */
static void start(struct store *t)
{
    struct seal_options o = options_of(t);

    assert_int_equal(seal_open(&t->seal, &o, NULL), 0);
    t->decoder = decoder_new(&o.limits, seal_out(t->seal), NULL, &t->counts);
}

static void begin(struct store *t, int64_t at_ms)
{
    char path[FILE_PATH];

    t->id = name_id("test", 0, at_ms);
    assert_int_equal(name_journal(path, t->dir, &t->id, NULL), 0);
    assert_int_equal(journal_open(&t->journal, path, t->order, t->decoder, NULL), 0);
    seal_begin(t->seal, &t->id, name_hour(at_ms));
}

static void receive(struct store *t, int64_t at_ms, size_t rows)
{
    static const uint8_t payload[1000];

    while (rows > 0) {
        struct datagram d = {.data = payload,
                             .len = rows < sizeof payload ? rows : sizeof payload,
                             .received_ms = at_ms};
        journal_add(t->journal, &d);
        assert_int_equal(journal_write(t->journal, NULL), 0);
        decoder_datagram(t->decoder, &d);
        rows -= d.len;
    }
}

static void end(struct store *t)
{
    decoder_flush(t->decoder);
    seal_end(t->seal, t->journal, books_take(decoder_books(t->decoder)), &no_journal);
}

static void stop(struct store *t, struct counts *last)
{
    (void)seal_close(t->seal, last, NULL);
    decoder_free(t->decoder);
}

/* Whether the store has each of the rows [0, n) in the span exactly once; what kinds of sources. */
static struct scan_stats check(const struct store *t, int64_t from, int64_t to, uint64_t first,
                               uint64_t n)
{
    struct scan_spec spec = {.from_ms = from, .to_ms = to};
    struct scan *s;
    struct err err;
    struct scan_reader *readers[2];
    uint8_t *seen = mem_new(n + 1, 1);
    uint64_t selected[BATCH_ROWS / 64];
    uint64_t rows = 0;
    int r;

    field_set_add(&spec.want, FIELD_BYTES);
    field_set_add(&spec.want, FIELD_TIME);
    assert_int_equal(scan_open(&s, t->dir, &spec, &err), 0);
    for (size_t i = 0; i < 2; i++) {
        readers[i] = scan_reader_new(s);
        assert_non_null(readers[i]);
    }
    /* They take turns until one is at the end, then the other goes on to it. */
    size_t turn = 0;
    while ((r = scan_reader_next(readers[turn % 2], &err)) == 0 ||
           (turn++, r = scan_reader_next(readers[turn % 2], &err)) == 0) {
        struct scan_reader *reader = readers[turn++ % 2];
        const struct batch *b = scan_reader_batch(reader);
        memset(selected, 0xff, sizeof selected);
        assert_int_equal(scan_reader_cut(reader, selected, &err), 0);
        assert_int_equal(scan_reader_need(reader, FIELD_BYTES, &err), 0);
        assert_int_equal(scan_reader_need(reader, FIELD_TIME, &err), 0);
        for (size_t i = 0; i < b->rows; i++) {
            uint64_t v = batch_u64(b, FIELD_BYTES, i);
            int64_t time = (int64_t)batch_u64(b, FIELD_TIME, i);
            assert_true(batch_has(b, FIELD_BYTES, i));
            assert_int_equal(selected[i / 64] >> i % 64 & 1, time >= from && time < to);
            if (time < from || time >= to)
                continue;
            rows++;
            assert_in_range(v, first, first + n - 1);
            assert_int_equal(seen[v - first]++, 0);
        }
    }
    assert_int_equal(r, ERR_EOF);
    assert_int_equal(rows, n);
    scan_reader_free(readers[0]);
    scan_reader_free(readers[1]);
    struct scan_stats stats = scan_stats(s);
    assert_int_equal(stats.broken, 0);
    scan_close(s);
    free(seen);
    return stats;
}

static size_t journals(const struct store *t)
{
    struct file_list l;
    char path[FILE_PATH];

    assert_int_equal(file_path(path, NULL, "%s/journal", t->dir), 0);
    assert_int_equal(file_list_read(&l, path, NULL), 0);
    size_t n = l.n;
    file_list_free(&l);
    return n;
}

static void names_are_read_as_they_are_written(void **state)
{
    struct store_id id = name_id("collect", 3, NOON + 250);
    struct store_id got;
    char file[200];
    char instance[NAME_INSTANCE];
    int64_t ms;

    (void)state;
    assert_string_equal(id.text, "collect-3-20261122T140500250");
    (void)snprintf(file, sizeof file, "%s.journal", id.text);
    assert_true(name_parse(file, ".journal", &got, &ms));
    assert_string_equal(got.text, id.text);
    assert_int_equal(ms, NOON + 250);
    name_instance(&got, instance);
    assert_string_equal(instance, "collect");
    assert_false(name_parse(file, ".parquet", &got, &ms));
    for (size_t cut = 0; cut < strlen(id.text); cut++) {
        (void)snprintf(file, sizeof file, "%.*s.journal", (int)cut, id.text);
        assert_false(name_parse(file, ".journal", &got, &ms));
    }
    assert_false(name_parse("x-0-20261322T140500250.journal", ".journal", &got, &ms));
    assert_false(name_instance_ok("a-b"));
    assert_false(name_instance_ok(""));
    assert_false(name_instance_ok("../x"));
    assert_true(name_instance_ok("edge_1"));
}

static void a_flow_can_be_read_at_once_and_once(void **state)
{
    struct store *t = *state;
    struct counts last = {0};

    start(t);
    begin(t, NOON);
    receive(t, NOON + 1, 5000);
    assert_int_equal(check(t, INT64_MIN, INT64_MAX, 0, 5000).journals, 1);
    receive(t, NOON + 2, 300);
    (void)check(t, INT64_MIN, INT64_MAX, 0, 5300);
    (void)check(t, NOON + 2, NOON + 3, 5000, 300);
    (void)check(t, 0, NOON + 2, 0, 5000);
    end(t);
    begin(t, NOON + 3600000);
    receive(t, NOON + 3600000, 10);
    (void)check(t, INT64_MIN, INT64_MAX, 0, 5310); /* sealing, or sealed */
    end(t);
    stop(t, &last);
    assert_int_equal(journals(t), 0);
    struct scan_stats s = check(t, INT64_MIN, INT64_MAX, 0, 5310);
    assert_int_equal(s.files, 2);
    assert_int_equal(s.journals, 0);
    (void)check(t, NOON + 2, NOON + 3, 5000, 300);
    s = check(t, NOON + 48 * INT64_C(3600000), INT64_MAX, 0, 0);
    assert_int_equal(s.files_skipped, 2);
    assert_int_equal(s.files, 0);
    assert_int_equal(count_get(&last, COUNT_FLOWS_STORED), 5310);
    assert_int_equal(count_get(&last, COUNT_FILES_SEALED), 2);
    assert_int_equal(count_get(&last, COUNT_JOURNALS_DONE), 2);

    struct stat st;
    char path[FILE_PATH];
    (void)snprintf(path, sizeof path,
                   "%s/date=2026-11-22/hour=15/test-0-20261122T150500000.parquet", t->dir);
    assert_int_equal(stat(path, &st), 0);
}

static void what_the_writer_had_no_time_for_comes_from_the_journal(void **state)
{
    struct store *t = *state;
    struct counts last = {0};
    uint64_t rows = 0;
    uint64_t deferred = 0;

    start(t);
    /* Faster than it can be encoded, until the ring has been full once. */
    for (int j = 0; j < 50 && deferred == 0; j++) {
        begin(t, NOON + j);
        for (int i = 0; i < 100; i++, rows += 5000)
            receive(t, NOON, 5000);
        end(t);
        deferred += seal_deferred(t->seal);
    }
    assert_true(deferred > 0);
    begin(t, NOON + 100);
    receive(t, NOON, 77);
    end(t);
    stop(t, &last);
    assert_int_equal(journals(t), 0);
    assert_int_equal(count_get(&last, COUNT_FLOWS_STORED), rows + 77);
    assert_int_equal(check(t, INT64_MIN, INT64_MAX, 0, rows + 77).journals, 0);
}

/* Where the store's folder of the hour should be there is a file: no Parquet file can be made. */
static void a_journal_stays_until_its_file_can_be_made(void **state)
{
    struct store *t = *state;
    struct counts last = {0};
    char path[FILE_PATH];
    struct err err;

    (void)snprintf(path, sizeof path, "%s/date=2026-11-22", t->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
    start(t);
    begin(t, NOON);
    receive(t, NOON, 2000);
    end(t);
    while (!seal_failure(t->seal, &err))
        (void)usleep(1000);
    assert_non_null(strstr(err.text, "date=2026-11-22"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(journals(t), 1);
    (void)check(t, INT64_MIN, INT64_MAX, 0, 2000);
    stop(t, &last); /* the last try */
    assert_int_equal(journals(t), 0);
    assert_true(count_get(&last, COUNT_SEAL_ERRORS) > 0);
    assert_int_equal(count_get(&last, COUNT_FLOWS_STORED), 2000);
    assert_int_equal(check(t, INT64_MIN, INT64_MAX, 0, 2000).files, 1);
}

static void rows_without_a_journal_are_counted_as_lost(void **state)
{
    struct store *t = *state;
    static const uint8_t payload[640];
    struct datagram d = {.data = payload, .len = sizeof payload};

    start(t);
    decoder_datagram(t->decoder, &d);
    assert_int_equal(seal_lost(t->seal), 640);
    assert_int_equal(seal_lost(t->seal), 0);
    stop(t, NULL);
}

static struct recover recover(const struct store *t, struct buf *state)
{
    static const struct pq_write_options pq = {.codec = PQ_NONE};
    static struct decode_limits limits;
    struct err err;
    struct recover r = {
        .dir = t->dir, .instance = "test", .options = &pq, .limits = &limits, .state = state};

    limits = decode_limits_default();
    assert_int_equal(recover_run(&r, &err), 0);
    return r;
}

static void a_killed_run_is_recovered_wherever_it_was_killed(void **state)
{
    struct store *t = *state;
    struct buf after;
    char path[FILE_PATH];
    char journal[FILE_PATH];

    buf_init(&after, 1000);
    start(t);
    begin(t, NOON);
    receive(t, NOON, 3000);
    assert_int_equal(name_journal(journal, t->dir, &t->id, NULL), 0);
    assert_int_equal(name_parquet_tmp(path, t->dir, name_hour(NOON), &t->id, NULL), 0);
    stop(t, NULL);
    journal_abandon(t->journal);
    FILE *running = fopen(path, "w"); /* a kill would not have removed it */
    assert_non_null(running);
    (void)fclose(running);
    assert_true(truncate(journal, (off_t)(3 * 1000)) == 0); /* in the third datagram of 1000 rows */

    struct recover r = recover(t, &after);
    assert_int_equal(r.leftovers, 1);
    assert_int_equal(r.journals, 1);
    assert_int_equal(r.torn, 1);
    assert_int_equal(r.rows, 2000);
    assert_int_equal(r.files, 1);
    assert_int_equal(journals(t), 1); /* its state is nowhere else yet */
    (void)check(t, INT64_MIN, INT64_MAX, 0, 2000);
    assert_int_equal(recover_done(&r, NULL), 0);
    recover_free(&r);
    assert_int_equal(journals(t), 0);
    assert_false(file_exists(path));
    (void)check(t, INT64_MIN, INT64_MAX, 0, 2000);

    /* The state goes on: rows are numbered from where the journal ended. */
    struct cur in = cur_of(after.data, after.len);
    start(t);
    assert_int_equal(decoder_load(t->decoder, &in, NULL), 0);
    begin(t, NOON + 5);
    receive(t, NOON, 500);
    end(t);
    stop(t, NULL);
    (void)check(t, INT64_MIN, INT64_MAX, 0, 2500);
    buf_free(&after);
}

/* Killed after the rename, before the journal was removed. */
static void a_journal_whose_file_is_there_is_not_stored_again(void **state)
{
    struct store *t = *state;
    char journal[FILE_PATH];
    char copy[FILE_PATH];
    struct buf after;

    buf_init(&after, 1000);
    start(t);
    begin(t, NOON);
    receive(t, NOON, 100);
    assert_int_equal(name_journal(journal, t->dir, &t->id, NULL), 0);
    (void)snprintf(copy, sizeof copy, "%s/copy", t->dir);
    assert_int_equal(link(journal, copy), 0);
    end(t);
    stop(t, NULL);
    assert_int_equal(rename(copy, journal), 0);
    struct scan_stats s = check(t, INT64_MIN, INT64_MAX, 0, 100);
    assert_int_equal(s.journals, 0);
    assert_int_equal(s.files, 1);
    struct recover r = recover(t, &after);
    assert_int_equal(r.rows, 0);
    assert_int_equal(r.files, 0);
    assert_true(after.len > 0);
    assert_int_equal(recover_done(&r, NULL), 0);
    recover_free(&r);
    assert_int_equal(journals(t), 0);
    (void)check(t, INT64_MIN, INT64_MAX, 0, 100);
    buf_free(&after);
}

/* The clock was set back between two journals, then the collector was killed. */
static void the_newest_journal_is_the_one_begun_last(void **state)
{
    struct store *t = *state;
    struct buf after;

    buf_init(&after, 1000);
    start(t);
    t->order = 5;
    begin(t, NOON);
    receive(t, NOON, 100);
    stop(t, NULL);
    journal_abandon(t->journal);
    struct recover r = recover(t, &after);
    assert_int_equal(r.run, 0);
    recover_free(&r);

    start(t); /* killed before recover_done() */
    struct cur in = cur_of(after.data, after.len);
    assert_int_equal(decoder_load(t->decoder, &in, NULL), 0);
    t->order = 6;
    begin(t, NOON - 60000);
    receive(t, NOON - 60000, 100);
    stop(t, NULL);
    journal_abandon(t->journal);

    assert_int_equal(journals(t), 2);
    r = recover(t, &after);
    assert_int_equal(journals(t), 1);
    in = cur_of(after.data, after.len);
    assert_int_equal(cur_le(&in, 8), 200);
    (void)check(t, INT64_MIN, INT64_MAX, 0, 200);
    assert_int_equal(recover_done(&r, NULL), 0);
    recover_free(&r);
    buf_free(&after);
}

static void a_file_that_is_no_journal_is_set_aside(void **state)
{
    struct store *t = *state;
    char path[FILE_PATH];
    struct buf after;

    buf_init(&after, 1000);
    (void)snprintf(path, sizeof path, "%s/journal/test-0-20261122T140500000.journal", t->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs("not a journal at all", f) >= 0);
    (void)fclose(f);
    (void)snprintf(path, sizeof path, "%s/journal/test-0-20261122T140500001.journal", t->dir);
    assert_non_null(f = fopen(path, "w")); /* a crash before the first write */
    (void)fclose(f);
    struct recover r = recover(t, &after);
    assert_int_equal(r.broken, 1);
    assert_int_equal(journals(t), 1);
    (void)strcpy(path + strlen(path) - strlen("1.journal"), "0.journal.broken");
    assert_true(file_exists(path));
    recover_free(&r);
    buf_free(&after);
}

/* A journal of `worker`, the `serial`-th of its `run`, with so many rows received in it. */
static void leave(struct store *t, unsigned worker, uint32_t run, uint32_t serial, size_t rows)
{
    char path[FILE_PATH];
    int64_t at = NOON + 1000 * worker + 100 * (int64_t)run + serial;

    start(t);
    t->id = name_id("test", worker, at);
    assert_int_equal(name_journal(path, t->dir, &t->id, NULL), 0);
    assert_int_equal(
        journal_open(&t->journal, path, (uint64_t)run << 32 | serial, t->decoder, NULL), 0);
    seal_begin(t->seal, &t->id, NOON);
    receive(t, NOON, rows);
    stop(t, NULL);
    journal_abandon(t->journal);
}

enum { FAKE_STATE_BYTES = 16 };

static uint64_t next_state(struct cur *in)
{
    uint64_t rows = cur_le(in, 8);
    (void)cur_bytes(in, FAKE_STATE_BYTES - 8);
    return rows;
}

static void decoding_goes_on_from_the_newest_journal_of_each_worker(void **state)
{
    struct store *t = *state;
    struct buf after;

    buf_init(&after, 1000);
    leave(t, 1, 4, 7, 40); /* an earlier run's, which could not be sealed */
    leave(t, 0, 5, 1, 10);
    leave(t, 0, 5, 2, 20);
    leave(t, 2, 5, 1, 30);
    struct recover r = recover(t, &after);
    struct cur in = cur_of(after.data, after.len);
    assert_int_equal(r.run, 5);
    assert_int_equal(r.rows, 100);
    assert_int_equal(cur_left(&in), 2 * FAKE_STATE_BYTES);
    uint64_t second = next_state(&in); /* worker 2's; in the order in which they were begun */
    assert_int_equal(second, 30);
    assert_int_equal(next_state(&in), 20);
    assert_int_equal(journals(t), 2);
    assert_int_equal(recover_done(&r, NULL), 0);
    assert_int_equal(journals(t), 0);
    recover_free(&r);
    buf_free(&after);
}

/* Killed while it began its journals, which worker 0's ends. */
static void a_run_that_did_not_come_to_be_is_forgotten(void **state)
{
    struct store *t = *state;
    struct buf after;

    buf_init(&after, 1000);
    leave(t, 0, 5, 3, 10);
    leave(t, 2, 6, 1, 0);
    leave(t, 1, 6, 1, 0);
    struct recover r = recover(t, &after);
    assert_int_equal(r.run, 5);
    assert_int_equal(after.len, FAKE_STATE_BYTES);
    assert_int_equal(journals(t), 1);
    recover_free(&r);

    leave(t, 1, 7, 1, 0);
    leave(t, 0, 7, 1, 0); /* killed before the earlier run's journals were removed */
    r = recover(t, &after);
    assert_int_equal(r.run, 7);
    assert_int_equal(r.rows, 0);
    assert_int_equal(after.len, 2 * FAKE_STATE_BYTES);
    assert_int_equal(recover_done(&r, NULL), 0);
    assert_int_equal(journals(t), 0);
    (void)check(t, INT64_MIN, INT64_MAX, 0, 10);
    recover_free(&r);
    buf_free(&after);
}

static void one_instance_runs_once(void **state)
{
    struct store *t = *state;
    struct err err;
    int a;
    int b;

    assert_int_equal(store_lock(t->dir, "test", &a, NULL), 0);
    assert_int_equal(store_lock(t->dir, "test", &b, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "--instance"));
    assert_int_equal(store_lock(t->dir, "other", &b, NULL), 0);
    (void)!(close(a) | close(b));
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_as_they_are_written),
        WITH_STORE(a_flow_can_be_read_at_once_and_once),
        WITH_STORE(what_the_writer_had_no_time_for_comes_from_the_journal),
        WITH_STORE(a_journal_stays_until_its_file_can_be_made),
        WITH_STORE(rows_without_a_journal_are_counted_as_lost),
        WITH_STORE(a_killed_run_is_recovered_wherever_it_was_killed),
        WITH_STORE(a_journal_whose_file_is_there_is_not_stored_again),
        WITH_STORE(the_newest_journal_is_the_one_begun_last),
        WITH_STORE(a_file_that_is_no_journal_is_set_aside),
        WITH_STORE(decoding_goes_on_from_the_newest_journal_of_each_worker),
        WITH_STORE(a_run_that_did_not_come_to_be_is_forgotten),
        WITH_STORE(one_instance_runs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
