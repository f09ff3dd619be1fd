/* What a decoder enters in its books. */
#include "flow/books.h"

#include "flow/kit.h"

static struct book *book(struct kit *k, uint16_t version, uint32_t source, int64_t ms)
{
    struct book_key key = books_key(&k->from.addr, version, source, ms);
    struct book *row = map_find(&decoder_books(k->d)->map, &key);

    if (!row)
        fail_msg("no row of version %u, source %u", version, source);
    return row;
}

static void want(const struct book *row, enum book_id id, int64_t n)
{
    if (row->n[id] != n)
        fail_msg("%s is %lld, expected %lld", book_table[id].name, (long long)row->n[id],
                 (long long)n);
}

/* A v5 datagram of n whole records whose header says `count`, and `more` octets. */
static void send_v5(struct kit *k, uint16_t count, size_t n, size_t more, uint32_t sequence)
{
    struct buf *b = &k->msg;

    buf_reset(b);
    buf_u16(b, 5);
    buf_u16(b, count);
    buf_u32(b, k->uptime_ms);
    buf_u32(b, k->export_s);
    buf_u32(b, 0);
    buf_u32(b, sequence);
    buf_u32(b, 0x02030000); /* engine 2, 3 */
    for (size_t i = 0; i < 48 * n + more; i++)
        buf_u8(b, 1);
    kit_send(k);
}

enum { ENGINE = 2 << 8 | 3 };

static void flows_are_received_and_stored(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_v5(&k, 30, 30, 0, 0);
    send_v5(&k, 7, 7, 0, 30);
    const struct book *row = book(&k, 5, ENGINE, k.received_ms);
    want(row, BOOK_DATAGRAMS, 2);
    want(row, BOOK_BYTES, 2 * 24 + 37 * 48);
    want(row, BOOK_RECEIVED, 37);
    want(row, BOOK_STORED, 37);
    want(row, BOOK_LOST, 0);
    assert_int_equal(book_difference(row), 0);
    kit_close(&k);
}

static void each_minute_has_its_own(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    int64_t minute = books_minute(k.received_ms);
    k.received_ms = minute;
    send_v5(&k, 1, 1, 0, 0);
    k.received_ms = minute + 59999;
    send_v5(&k, 1, 1, 0, 1);
    k.received_ms = minute + 60000;
    send_v5(&k, 1, 1, 0, 2);
    k.received_ms = minute + 10; /* the clock was set back */
    send_v5(&k, 1, 1, 0, 3);
    want(book(&k, 5, ENGINE, minute), BOOK_STORED, 3);
    want(book(&k, 5, ENGINE, minute + 60000), BOOK_STORED, 1);
    assert_int_equal(books_minute(-1), -60000);
    kit_close(&k);
}

static void what_the_header_counts_and_is_not_there_is_malformed(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_v5(&k, 30, 12, 20, 0); /* cut on the way */
    const struct book *row = book(&k, 5, ENGINE, k.received_ms);
    want(row, BOOK_RECEIVED, 30);
    want(row, BOOK_STORED, 12);
    want(row, BOOK_MALFORMED, 18);
    want(row, BOOK_MALFORMED_DATAGRAMS, 1);
    want(row, BOOK_MALFORMED_BYTES, 20);
    assert_int_equal(book_difference(row), 0);
    send_v5(&k, 65535, 1, 0, 12); /* no datagram has so many */
    want(row, BOOK_RECEIVED, 31);
    want(row, BOOK_MALFORMED, 18);
    want(row, BOOK_MALFORMED_DATAGRAMS, 2);
    kit_close(&k);
}

static void what_is_no_export_is_of_no_version(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_datagram(&k, "junk", 4);
    kit_datagram(&k, "", 0);
    const struct book *row = book(&k, 0, 0, k.received_ms);
    want(row, BOOK_DATAGRAMS, 2);
    want(row, BOOK_BYTES, 4);
    want(row, BOOK_MALFORMED_DATAGRAMS, 2);
    kit_close(&k);
}

static void lost_is_what_the_numbers_say_until_it_comes_late(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_v5(&k, 10, 10, 0, 0);
    send_v5(&k, 10, 10, 0, 30);
    const struct book *row = book(&k, 5, ENGINE, k.received_ms);
    want(row, BOOK_LOST, 20);
    k.received_ms += 60000;
    send_v5(&k, 10, 10, 0, 10);
    want(row, BOOK_LOST, 20);
    row = book(&k, 5, ENGINE, k.received_ms);
    want(row, BOOK_LOST, -10);
    send_v5(&k, 10, 10, 0, 10);
    want(row, BOOK_DUPLICATES, 1);
    kit_close(&k);
}

/* Templates of v9 are 8 octets a record here. */
static void held_sets_belong_to_the_minute_in_which_they_came(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    int64_t before = k.received_ms;
    msg_begin(&k, 9);
    data_set(&k, 256, "00000001 00000001 00000002 00000002");
    kit_send(&k);
    const struct book *row = book(&k, 9, 7, before);
    want(row, BOOK_HELD_SETS, 1);
    want(row, BOOK_HELD_BYTES, 16);
    want(row, BOOK_RECEIVED, 0);
    struct books *taken = books_take(decoder_books(k.d)); /* the next journal */

    k.received_ms += 120000;
    msg_begin(&k, 9);
    template_set(&k, 9, 256, "1:4 2:4");
    kit_send(&k);
    row = book(&k, 9, 7, before);
    want(row, BOOK_HELD_SETS, -1);
    want(row, BOOK_HELD_BYTES, -16);
    want(row, BOOK_RECEIVED, 2);
    want(row, BOOK_STORED, 2);
    want(book(&k, 9, 7, k.received_ms), BOOK_RECEIVED, 0);

    books_add(taken, decoder_books(k.d));
    struct book_key key = books_key(&k.from.addr, 9, 7, before);
    row = map_find(&taken->map, &key);
    want(row, BOOK_HELD_SETS, 0);
    want(row, BOOK_STORED, 2);
    books_delete(taken);
    kit_close(&k);
}

static void what_waits_too_long_is_refused(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    int64_t before = k.received_ms;
    msg_begin(&k, 9);
    data_set(&k, 256, "00000001");
    kit_send(&k);
    k.received_ms += k.limits.held_ms + 1;
    send_v5(&k, 1, 1, 0, 0);
    const struct book *row = book(&k, 9, 7, before);
    want(row, BOOK_HELD_SETS, 0);
    want(row, BOOK_HELD_BYTES, 0);
    want(row, BOOK_REFUSED_SETS, 1);
    want(row, BOOK_REFUSED_BYTES, 4);
    kit_close(&k);
}

static void set_reject(struct kit *k)
{
    struct senders senders = {0};
    struct prefix all = {.bits = 0};

    senders_get(&senders, &all)->reject = true;
    assert_true(decoder_set_senders(k->d, &senders));
    senders_free(&senders);
}

static void what_is_rejected_is_received_and_refused(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    set_reject(&k);
    send_v5(&k, 10, 10, 0, 0);
    send_v5(&k, 10, 10, 0, 10);
    send_v5(&k, 10, 10, 0, 0);
    const struct book *row = book(&k, 5, ENGINE, k.received_ms);
    want(row, BOOK_RECEIVED, 30);
    want(row, BOOK_STORED, 20);
    want(row, BOOK_REJECTED, 10);
    want(row, BOOK_DUPLICATES, 1);
    assert_int_equal(book_refused(row), 10);
    assert_int_equal(book_difference(row), 0);
    kit_close(&k);
}

static void saved_state_tells_late_and_twice_as_before(void **state)
{
    struct kit k;
    struct buf saved;

    (void)state;
    kit_setup(&k);
    send_v5(&k, 10, 10, 0, 0);
    send_v5(&k, 10, 10, 0, 30);
    buf_init(&saved, 1 << 20);
    decoder_save(k.d, &saved);
    decoder_free(k.d);
    kit_open(&k);
    struct cur in = cur_of(saved.data, saved.len);
    assert_int_equal(decoder_load(k.d, &in, NULL), 0);
    send_v5(&k, 10, 10, 0, 30);
    send_v5(&k, 10, 10, 0, 20);
    const struct book *row = book(&k, 5, ENGINE, k.received_ms);
    want(row, BOOK_DUPLICATES, 1);
    want(row, BOOK_LOST, -10);
    want(row, BOOK_STORED, 20);
    buf_free(&saved);
    kit_close(&k);
}

static void carried_books_are_saved_others_are_not(void **state)
{
    struct kit k;
    struct buf saved;

    (void)state;
    kit_setup(&k);
    send_v5(&k, 10, 10, 0, 0);
    decoder_note(k.d, k.received_ms, &(struct drops){.port = 2055, .kernel = 3, .denied = 4});
    for (int carried = 0; carried < 2; carried++) {
        struct books *b = decoder_books(k.d);
        books_no_journal(b);
        b->carried = carried != 0;
        buf_init(&saved, 1 << 20);
        decoder_save(k.d, &saved);
        struct decoder *d = decoder_new(&k.limits, &k.out, NULL, &k.counts);
        struct cur in = cur_of(saved.data, saved.len);
        assert_int_equal(decoder_load(d, &in, NULL), 0);
        assert_int_equal(decoder_books(d)->map.n, carried ? 2 : 0);
        if (carried) {
            struct book_key key = books_key(&k.from.addr, 5, ENGINE, k.received_ms);
            const struct book *row = map_find(&decoder_books(d)->map, &key);
            want(row, BOOK_NO_JOURNAL, 10);
            want(row, BOOK_STORED, 0);
            assert_int_equal(book_difference(row), 0);
        }
        decoder_free(d);
        buf_free(&saved);
    }
    kit_close(&k);
}

static struct book_key stranger(uint32_t n)
{
    struct addr a = addr_of_v4((const uint8_t[4]){10, 0, 0, 1});
    return books_key(&a, 9, n, 0);
}

static void strangers_cannot_take_more_than_their_room(void **state)
{
    struct books b;
    struct book_key key;

    (void)state;
    books_init(&b, NULL);
    for (uint32_t i = 0; i < 2 * BOOKS_STRANGERS_MAX; i++) {
        key = stranger(i);
        book_add(books_get(&b, &key, false), BOOK_DATAGRAMS, 1);
    }
    assert_int_equal(b.map.n, BOOKS_STRANGERS_MAX + 1);
    key = stranger(UINT32_MAX);
    struct book *others = books_get(&b, &key, false);
    assert_int_equal(others->key.what, BOOK_OTHERS);
    want(others, BOOK_DATAGRAMS, BOOKS_STRANGERS_MAX);
    assert_int_equal(books_get(&b, &key, true)->key.what, BOOK_SENDER); /* who is known has room */
    books_free(&b);
}

static void what_has_no_room_at_all_is_in_one_row(void **state)
{
    struct books b;

    (void)state;
    books_init(&b, NULL);
    b.max = b.max_strangers = 0;
    for (uint32_t i = 0; i < 2 * BOOKS_OTHERS_MAX; i++) {
        struct book_key key = stranger(1);
        key.minute_ms = (int64_t)i * BOOKS_MINUTE_MS;
        book_add(books_get(&b, &key, true), BOOK_DATAGRAMS, 1);
    }
    assert_int_equal(b.map.n, BOOKS_OTHERS_MAX);
    assert_true(b.spilled);
    want(&b.spill, BOOK_DATAGRAMS, BOOKS_OTHERS_MAX);
    struct books *taken = books_take(&b);
    assert_true(books_empty(&b));
    assert_false(books_empty(taken));
    books_delete(taken);
    books_free(&b);
}

static void what_the_journal_lacked_was_not_written(void **state)
{
    struct books live;
    struct books decoded;
    struct book_key one = stranger(1);
    struct book_key two = stranger(2);

    (void)state;
    books_init(&live, NULL);
    books_init(&decoded, NULL);
    struct book *row = books_get(&live, &one, true);
    row->n[BOOK_RECEIVED] = row->n[BOOK_STORED] = 10;
    row->n[BOOK_LOST] = 3;
    struct book *gone = books_get(&live, &two, true);
    gone->n[BOOK_RECEIVED] = gone->n[BOOK_STORED] = 5;
    struct book *other = books_get(&decoded, &one, true);
    other->n[BOOK_RECEIVED] = other->n[BOOK_STORED] = 4;
    books_settle(&live, &decoded);
    want(row, BOOK_STORED, 4);
    want(row, BOOK_UNWRITTEN, 6);
    want(row, BOOK_LOST, 3);
    want(gone, BOOK_STORED, 0);
    want(gone, BOOK_UNWRITTEN, 5);
    assert_int_equal(book_difference(row), 0);
    assert_int_equal(book_difference(gone), 0);
    books_free(&live);
    books_free(&decoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_are_received_and_stored),
        cmocka_unit_test(each_minute_has_its_own),
        cmocka_unit_test(what_the_header_counts_and_is_not_there_is_malformed),
        cmocka_unit_test(what_is_no_export_is_of_no_version),
        cmocka_unit_test(lost_is_what_the_numbers_say_until_it_comes_late),
        cmocka_unit_test(held_sets_belong_to_the_minute_in_which_they_came),
        cmocka_unit_test(what_waits_too_long_is_refused),
        cmocka_unit_test(what_is_rejected_is_received_and_refused),
        cmocka_unit_test(saved_state_tells_late_and_twice_as_before),
        cmocka_unit_test(carried_books_are_saved_others_are_not),
        cmocka_unit_test(strangers_cannot_take_more_than_their_room),
        cmocka_unit_test(what_has_no_room_at_all_is_in_one_row),
        cmocka_unit_test(what_the_journal_lacked_was_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
