#include "store/journal.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "store/fake_decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DATAGRAMS = 5, FILE_MAX = 4096, ORDER = 7 };

static struct batch *forget(struct out *out, struct batch *full)
{
    (void)out;
    batch_reset(full);
    return full;
}

static struct out nowhere = {.push = forget};

struct fixture {
    char path[64];
    struct counts counts;
    struct decoder *decoder;
    size_t frame_end[DATAGRAMS + 2]; /* file length after the head and each frame */
    uint8_t file[FILE_MAX];
    size_t len;
};

static struct datagram datagram_of(size_t i)
{
    static const uint8_t payload[] = "abcdefgh";
    return (struct datagram){
        .data = payload + i,
        .len = i, /* the first is empty */
        .received_ms = 1795356300000 + (int64_t)i,
        .from = {.addr = {{0x20, 1, [15] = (uint8_t)i}},
                 .port = (uint16_t)(2000 + i),
                 .listener = 7,
                 .session = 0xfffffff0u + (uint32_t)i},
    };
}

static int make(void **state)
{
    struct fixture *f = mem_new(1, sizeof *f);
    struct journal_writer *j;
    struct decode_limits limits = decode_limits_default();
    struct err err;

    *state = f;
    (void)snprintf(f->path, sizeof f->path, "/tmp/weir-journal-%d", (int)getpid());
    (void)unlink(f->path);
    f->decoder = decoder_new(&limits, &nowhere, NULL, &f->counts);
    f->decoder->rows = 41;
    assert_int_equal(journal_open(&j, f->path, ORDER, f->decoder, &err), 0);
    f->frame_end[0] = journal_bytes(j);
    for (size_t i = 0; i < DATAGRAMS; i++) {
        struct datagram d = datagram_of(i);
        journal_add(j, &d);
        assert_int_equal(journal_write(j, &err), 0);
        f->frame_end[i + 1] = journal_bytes(j);
    }
    struct datagram last = datagram_of(3);
    journal_add_end(j, &last.from, 99);
    assert_int_equal(journal_close(j, &err), 0);

    FILE *in = fopen(f->path, "rb");
    assert_non_null(in);
    f->len = fread(f->file, 1, sizeof f->file, in);
    f->frame_end[DATAGRAMS + 1] = f->len;
    (void)fclose(in);
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    decoder_free(f->decoder);
    free(f);
    return 0;
}

static void put_file(const struct fixture *f, const uint8_t *bytes, size_t len)
{
    FILE *out = fopen(f->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

/* How many whole frames (head included) can be read; each must be the one that was written. */
static size_t frames(const struct fixture *f, uint64_t *torn_at)
{
    struct journal_reader *j;
    struct journal_frame got;
    size_t n = 0;
    int r;

    *torn_at = 0;
    if (journal_reader_open(&j, f->path, NULL) != 0)
        return 0;
    while ((r = journal_next(j, &got, torn_at, NULL)) == 0) {
        struct datagram want = datagram_of(n - 1);
        if (n == 0) {
            assert_int_equal(got.type, JOURNAL_HEAD);
        } else if (n <= DATAGRAMS) {
            assert_int_equal(got.type, JOURNAL_DATAGRAM);
            assert_int_equal(got.datagram.received_ms, want.received_ms);
            assert_int_equal(got.datagram.len, want.len);
            assert_memory_equal(&got.datagram.from, &want.from, sizeof want.from);
            if (want.len)
                assert_memory_equal(got.datagram.data, want.data, want.len);
        } else {
            assert_int_equal(got.type, JOURNAL_SESSION_END);
            assert_int_equal(got.datagram.received_ms, 99);
            assert_int_equal(got.datagram.from.port, 2003);
        }
        n++;
    }
    assert_int_equal(r, n ? ERR_EOF : ERR_DATA);
    assert_int_equal(journal_next(j, &got, NULL, NULL), r);
    journal_reader_close(j);
    return n;
}

static void reads_what_it_wrote(void **state)
{
    uint64_t torn_at;
    assert_int_equal(frames(*state, &torn_at), DATAGRAMS + 2);
    assert_int_equal(torn_at, 0);
}

static void a_cut_journal_gives_every_whole_frame(void **state)
{
    struct fixture *f = *state;
    uint64_t torn_at;

    for (size_t cut = 0; cut <= f->len; cut++) {
        size_t whole = 0;
        put_file(f, f->file, cut);
        while (whole < DATAGRAMS + 2 && f->frame_end[whole] <= cut)
            whole++;
        assert_int_equal(frames(f, &torn_at), whole);
        if (whole > 0)
            assert_int_equal(torn_at, f->frame_end[whole - 1] == cut ? 0 : f->frame_end[whole - 1]);
    }
}

static uint64_t frame_begin(const struct fixture *f, size_t frame)
{
    return frame == 0 ? 12 : f->frame_end[frame - 1];
}

/* The datagrams and ends of sessions of a file with one broken place, which is in frame `broken`.
 */
static void check_without(const struct fixture *f, size_t broken, uint64_t bytes)
{
    struct journal_reader *j;
    struct journal_frame got;
    uint64_t torn_at;

    assert_int_equal(journal_reader_open(&j, f->path, NULL), 0);
    for (size_t i = 0; i < DATAGRAMS + 2; i++) {
        if (i == broken)
            continue;
        assert_int_equal(journal_next(j, &got, NULL, NULL), 0);
        assert_int_equal(got.type, i == 0 ? JOURNAL_HEAD : i <= DATAGRAMS ? 1 : 2);
        if (i == 0)
            assert_int_equal(got.order, ORDER);
        else if (i <= DATAGRAMS)
            assert_int_equal(got.datagram.from.port, datagram_of(i - 1).from.port);
    }
    assert_int_equal(journal_next(j, &got, &torn_at, NULL), ERR_EOF);
    struct journal_torn torn = journal_reader_torn(j);
    assert_int_equal(torn_at, frame_begin(f, broken));
    assert_int_equal(torn.at, torn_at);
    assert_int_equal(torn.bytes, bytes);
    assert_int_equal(torn.inside, broken < DATAGRAMS + 1);
    journal_reader_close(j);
}

static void a_flipped_byte_costs_its_frame_only(void **state)
{
    struct fixture *f = *state;
    uint8_t bad[FILE_MAX];
    uint64_t torn_at;

    for (size_t at = 0; at < f->len; at++) {
        size_t broken = 0;
        memcpy(bad, f->file, f->len);
        bad[at] ^= (uint8_t)(1u << (at % 8));
        put_file(f, bad, f->len);
        while (f->frame_end[broken] <= at)
            broken++;
        if (broken == 0) /* without its head it is no journal */
            assert_int_equal(frames(f, &torn_at), 0);
        else
            check_without(f, broken, f->frame_end[broken] - f->frame_end[broken - 1]);
    }
}

static void bytes_between_frames_are_skipped(void **state)
{
    enum { EXTRA = 200 };
    struct fixture *f = *state;
    uint8_t bad[FILE_MAX];

    for (uint8_t fill = 0; fill < 4; fill++) {
        size_t at = f->frame_end[2];
        memcpy(bad, f->file, at);
        memset(bad + at, fill, EXTRA); /* 0: what a power cut leaves; else heads of a kind */
        memcpy(bad + at + EXTRA, f->file + f->frame_end[3], f->len - f->frame_end[3]);
        put_file(f, bad, at + EXTRA + f->len - f->frame_end[3]);
        check_without(f, 3, EXTRA);
    }
}

/* A body too short for its type under a right checksum: no writer of ours makes one. */
static void a_whole_frame_of_nonsense_is_skipped(void **state)
{
    enum { FRAME = 9 + 32, DROPS = 4 }; /* its head, and its sender without the counts */
    struct fixture *f = *state;
    uint8_t bad[FILE_MAX];
    struct buf frame;
    uint8_t body[FRAME - 8] = {DROPS};

    buf_init(&frame, FRAME);
    buf_le(&frame, sizeof body - 1, 4);
    buf_le(&frame, hash_crc32c(0, body, sizeof body), 4);
    buf_bytes(&frame, body, sizeof body);
    assert_int_equal(frame.len, FRAME);
    size_t at = f->frame_end[2];
    memcpy(bad, f->file, at);
    memcpy(bad + at, frame.data, FRAME);
    memcpy(bad + at + FRAME, f->file + f->frame_end[3], f->len - f->frame_end[3]);
    put_file(f, bad, at + FRAME + f->len - f->frame_end[3]);
    check_without(f, 3, FRAME);
    buf_free(&frame);
}

static void decodes_alone_with_the_state_in_its_head(void **state)
{
    struct fixture *f = *state;
    struct counts counts = {0};
    struct decode_limits limits = decode_limits_default();
    struct decoder *d = decoder_new(&limits, &nowhere, NULL, &counts);
    uint64_t torn_at;

    assert_int_equal(journal_decode(f->path, d, &torn_at, NULL), 0);
    assert_int_equal(torn_at, 0);
    assert_int_equal(d->rows, 41 + 0 + 1 + 2 + 3 + 4);
    assert_int_equal(d->ended, 1);
    assert_int_equal(count_get(&counts, COUNT_FLOWS), 10);
    decoder_free(d);
}

static void never_overwrites_a_journal(void **state)
{
    struct fixture *f = *state;
    struct journal_writer *j;
    struct err err;

    assert_int_equal(journal_open(&j, f->path, ORDER, f->decoder, &err), ERR_SYS);
    assert_non_null(strstr(err.text, f->path));
}

static void a_failed_write_leaves_whole_frames(void **state)
{
    struct fixture *f = *state;
    struct journal_writer *j;
    struct datagram d = datagram_of(0);
    struct err err;
    uint64_t torn_at;

    (void)unlink(f->path);
    assert_int_equal(journal_open(&j, f->path, ORDER, f->decoder, &err), 0);
    journal_add(j, &d);
    assert_int_equal(journal_write(j, &err), 0);
    uint64_t bytes = journal_bytes(j);

    /* One batch that cannot be: more than the writer takes between two writes. */
    static const uint8_t big[65535];
    struct datagram large = {.data = big, .len = sizeof big};
    for (int i = 0; i < 1100; i++)
        journal_add(j, &large);
    assert_int_equal(journal_write(j, &err), ERR_LIMIT);
    assert_int_equal(journal_bytes(j), bytes);
    d = datagram_of(1);
    journal_add(j, &d);
    assert_int_equal(journal_write(j, &err), 0);
    journal_abandon(j);
    assert_int_equal(frames(f, &torn_at), 3);
    assert_int_equal(torn_at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_it_wrote, make, unmake),
        cmocka_unit_test_setup_teardown(a_cut_journal_gives_every_whole_frame, make, unmake),
        cmocka_unit_test_setup_teardown(a_flipped_byte_costs_its_frame_only, make, unmake),
        cmocka_unit_test_setup_teardown(bytes_between_frames_are_skipped, make, unmake),
        cmocka_unit_test_setup_teardown(a_whole_frame_of_nonsense_is_skipped, make, unmake),
        cmocka_unit_test_setup_teardown(decodes_alone_with_the_state_in_its_head, make, unmake),
        cmocka_unit_test_setup_teardown(never_overwrites_a_journal, make, unmake),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_whole_frames, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
