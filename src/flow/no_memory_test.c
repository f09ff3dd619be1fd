/* Memory that runs out: allocation n fails, once or from then on, for n = 1, 2, ... until nothing
 * fails any more. Nothing may crash or leak (a sanitizer watches), each loss is counted, and once
 * there is memory again the same datagrams give the same rows.
 *
 * Linked with --wrap for the functions below. */
#include "flow/kit.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

static struct {
    bool on; /* off while the test itself allocates */
    bool go_on;
    unsigned long fail_at;
    unsigned long calls;
    unsigned long failed;
} memory;

static bool fails(void)
{
    if (!memory.on)
        return false;
    memory.calls++;
    bool fail = memory.go_on ? memory.calls >= memory.fail_at : memory.calls == memory.fail_at;
    memory.failed += fail;
    return fail;
}

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { return fails() ? NULL : __real_realloc(p, n); }
void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(align, n);
}

/* Datagrams that reach all that allocates: fixed plans, templates of both kinds, variable length,
 * text, extra, labels, held sets, rates, names, several sessions, a change, a withdrawal. */
enum { MESSAGES = 12, MESSAGE_MAX = 2048 };

static struct {
    uint8_t bytes[MESSAGE_MAX];
    size_t len;
    struct sender from;
} messages[MESSAGES];
static size_t n_messages;

static void keep(struct kit *k)
{
    assert_true(n_messages < MESSAGES && buf_ok(&k->msg) && k->msg.len <= MESSAGE_MAX);
    if (k->msg.data[1] == 10)
        patch_u16(k, 2, k->msg.len);
    memcpy(messages[n_messages].bytes, k->msg.data, k->msg.len);
    messages[n_messages].len = k->msg.len;
    messages[n_messages++].from = k->from;
}

static int make_messages(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    for (uint16_t version = 5; version <= 8; version++) {
        buf_reset(&k.msg);
        buf_u16(&k.msg, version);
        hex(&k.msg, "0001 00001000 6553f100 00000000 00000000 0000 0100");
        for (unsigned i = 0; i < 56; i++)
            buf_u8(&k.msg, (uint8_t)i);
        keep(&k);
    }
    msg_begin(&k, 9);
    data_set(&k, 300, "00000001"); /* held */
    data_set(&k, 301, "0a000001 06");
    keep(&k);
    msg_begin(&k, 9);
    options_set(&k, 9, 300, "1:0", "34:4");
    options_set(&k, 9, 302, "1:2", "48:1 50:4 84:1");
    data_set(&k, 302, "0000 01 00000040 61 0000 02 00000080 62");
    template_set(&k, 9, 301, "8:4 4:1");
    data_set(&k, 301, "0a000002 11 0a000003 3a");
    keep(&k);
    k.from.port++;
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "8:4 27:16 82:v 9/1:v 70:3 71:3 7:4");
    data_set(&k, 256,
             "0a000001 20010db8000000000000000000000001 03616263 02aabb 000010 000021 00010203");
    keep(&k);
    k.from.port++;
    msg_begin(&k, 10);
    data_set(
        &k, 256,
        "0a000001 20010db8000000000000000000000001 03616263 02aabb 000010 000021 00000203"); /* borrowed
                                                                                              */
    template_set(&k, 10, 256, "8:4");
    template_set(&k, 10, 257, "12:4 32:2 139:2 95:4");
    data_set(&k, 257, "0a000001 0301 0000 0d000001");
    keep(&k);
    k.from.session = 1;
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "8:4 1:8");
    data_set(&k, 256, "0a000001 0000000000000001");
    keep(&k);
    msg_begin(&k, 10);
    hex(&k.msg, "0002 0008 0100 0000");
    data_set(&k, 256, "0a000001 0000000000000001"); /* held for ever */
    keep(&k);
    kit_close(&k);
    return 0;
}

static void feed(struct decoder *d)
{
    for (size_t i = 0; i < n_messages; i++) {
        struct datagram in = {.data = messages[i].bytes,
                              .len = messages[i].len,
                              .received_ms = INT64_C(1000) * KIT_S,
                              .from = messages[i].from};
        decoder_datagram(d, &in);
    }
    decoder_flush(d);
}

/* A sink that allocates nothing. */
struct drain {
    struct out out;
    struct counts counts;
    uint64_t rows;
};

static struct batch *count_rows(struct out *out, struct batch *full)
{
    struct drain *s = container_of(out, struct drain, out);
    s->rows += full->rows;
    batch_reset(full);
    return full;
}

static uint64_t lost(const struct drain *s)
{
    return count_get(&s->counts, COUNT_NO_MEMORY) + count_get(&s->counts, COUNT_SETS_HELD_LOST) +
           count_get(&s->counts, COUNT_BOOKS_REFUSED);
}

/* One failing decoder, fed, saved, loaded, freed. Returns whether anything failed. */
static bool fail_at(unsigned long n, bool go_on, uint64_t rows)
{
    struct decode_limits limits = decode_limits_default();
    struct drain s = {.out = {count_rows}};
    struct buf saved;
    struct err err;

    memory.on = true;
    memory.go_on = go_on;
    memory.fail_at = n;
    memory.calls = 0;
    memory.failed = 0;
    struct decoder *d = decoder_new(&limits, &s.out, NULL, &s.counts);
    unsigned long at_start = memory.failed;
    if (!d) {
        memory.on = false;
        assert_true(at_start > 0);
        return true;
    }
    feed(d);
    unsigned long decoding = memory.failed;
    if (decoding > 0)
        assert_true(lost(&s) > 0);
    assert_int_equal(s.rows, count_get(&s.counts, COUNT_FLOWS));

    buf_init(&saved, 1 << 20);
    decoder_save(d, &saved);
    struct decoder *e = decoder_new(&limits, &s.out, NULL, &s.counts);
    if (buf_ok(&saved) && e) {
        struct cur in = cur_of(saved.data, saved.len);
        unsigned long before = memory.failed;
        int r = decoder_load(e, &in, &err);
        if (memory.failed == before)
            assert_int_equal(r, 0);
    }
    bool failed = memory.failed > 0;
    memory.on = false;

    /* With memory again: what came before is there or not, but nothing is broken. */
    s.rows = 0;
    for (size_t i = 0; i < COUNT_N; i++)
        s.counts.n[i] = 0;
    feed(d);
    feed(d);
    s.rows = 0;
    feed(d);
    assert_int_equal(s.rows, rows);
    assert_int_equal(count_get(&s.counts, COUNT_NO_MEMORY), 0);
    buf_free(&saved);
    decoder_free(d);
    decoder_free(e);
    return failed;
}

static void check(bool go_on)
{
    struct decode_limits limits = decode_limits_default();
    struct drain s = {.out = {count_rows}};
    struct decoder *d = decoder_new(&limits, &s.out, NULL, &s.counts);
    unsigned long n = 1;

    assert_non_null(d);
    feed(d);
    feed(d);
    s.rows = 0;
    feed(d);
    decoder_free(d);
    assert_true(s.rows > 10);
    while (fail_at(n, go_on, s.rows))
        n++;
    print_message("%lu allocations failed in turn\n", n - 1);
    assert_true(n > 100);
}

static void any_one_allocation_may_fail(void **state)
{
    (void)state;
    check(false);
}

static void all_allocations_may_fail_from_any_one_on(void **state)
{
    (void)state;
    check(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_one_allocation_may_fail),
        cmocka_unit_test(all_allocations_may_fail_from_any_one_on),
    };
    return cmocka_run_group_tests(tests, make_messages, NULL);
}
