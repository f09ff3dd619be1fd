/* Data that comes before its template. */
#include "flow/held.h"

#include "flow/kit.h"

#include <time.h>

static void send_data(struct kit *k, uint16_t version, uint16_t id, const char *records)
{
    msg_begin(k, version);
    data_set(k, id, records);
    kit_send(k);
}

static void send_template(struct kit *k, uint16_t version, uint16_t id, const char *layout)
{
    msg_begin(k, version);
    template_set(k, version, id, layout);
    kit_send(k);
}

static void data_is_decoded_when_its_template_comes_in_order_with_its_own_times(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    k.uptime_ms = 50000;
    send_data(&k, 9, 256, "00000001 0000c34f"); /* one millisecond before */
    k.export_s += 10;
    k.received_ms += 10000;
    k.uptime_ms = 60000;
    send_data(&k, 9, 256, "00000002 0000ea60 00000003 0000ea60");
    assert_int_equal(k.flows.rows, 0);
    assert_int_equal(k.events[DECODE_HELD], 2);
    want_count(&k, COUNT_SETS_HELD, 2);

    k.export_s += 100;
    k.received_ms += 100000;
    k.uptime_ms = 0;
    send_template(&k, 9, 256, "1:4 21:4");
    assert_int_equal(k.flows.rows, 3);
    for (size_t i = 0; i < 3; i++)
        want_u64(&k.flows, i, FIELD_BYTES, i + 1);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1699999999999));
    want_u64(&k.flows, 0, FIELD_EXPORT, UINT64_C(1700000000000));
    want_u64(&k.flows, 0, FIELD_RECEIVED, UINT64_C(1700000000250));
    want_u64(&k.flows, 1, FIELD_LAST, UINT64_C(1700000010000));
    want_u64(&k.flows, 2, FIELD_RECEIVED, UINT64_C(1700000010250));
    want_count(&k, COUNT_SETS_RELEASED, 2);
    want_count(&k, COUNT_SETS_HELD_LOST, 0);
    want_count(&k, COUNT_FLOWS, 3);
    assert_int_equal(k.held_rows, 3);
    assert_int_equal(k.events[DECODE_RELEASED], 2);

    kit_clear(&k);
    send_template(&k, 9, 256, "1:4 21:4"); /* once is enough */
    assert_int_equal(k.flows.rows, 0);
    kit_close(&k);
}

static void in_one_datagram_too(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    data_set(&k, 256, "00000001");
    template_set(&k, 10, 256, "1:4");
    data_set(&k, 256, "00000002");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 2);
    want_u64(&k.flows, 0, FIELD_BYTES, 1);
    want_u64(&k.flows, 1, FIELD_BYTES, 2);
    kit_close(&k);
}

static void only_its_own_template_releases_it(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_data(&k, 10, 256, "00000001");
    send_template(&k, 10, 257, "1:4");
    send_template(&k, 9, 256, "1:4");
    k.domain++;
    send_template(&k, 10, 256, "1:4");
    k.domain--;
    k.from.addr.b[15]++;
    send_template(&k, 10, 256, "1:4");
    k.from.addr.b[15]--;
    k.from.session = 3;
    send_template(&k, 10, 256, "1:4");
    k.from.session = 0;
    assert_int_equal(k.flows.rows, 0);
    k.from.port++; /* another session of the same sender lends its */
    send_template(&k, 10, 256, "1:4");
    assert_int_equal(k.flows.rows, 1);
    kit_close(&k);
}

static void what_is_too_old_is_given_up_and_counted(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.held_ms = 1000;
    kit_open(&k);
    send_data(&k, 10, 256, "00000001");
    k.received_ms += 600;
    send_data(&k, 10, 256, "00000002");
    k.received_ms += 401;
    send_template(&k, 10, 256, "1:4");
    assert_int_equal(k.flows.rows, 1);
    want_u64(&k.flows, 0, FIELD_BYTES, 2);
    want_count(&k, COUNT_SETS_HELD, 2);
    want_count(&k, COUNT_SETS_HELD_LOST, 1);
    want_count(&k, COUNT_SETS_RELEASED, 1);
    kit_close(&k);
}

static void what_does_not_fit_is_given_up_oldest_first(void **state)
{
    struct kit k;
    struct cur octets = cur_of("\0\0\0\x01", 4);

    (void)state;
    kit_init(&k);
    k.limits.held_bytes = 3 * (sizeof(struct held_set) + 4);
    kit_open(&k);
    for (unsigned i = 1; i <= 5; i++) {
        char record[16];
        (void)snprintf(record, sizeof record, "%08x", i);
        send_data(&k, 10, (uint16_t)(255 + (i + 1) / 2), record); /* ids 256, 256, 257, 257, 258 */
    }
    want_count(&k, COUNT_SETS_HELD, 5);
    want_count(&k, COUNT_SETS_HELD_LOST, 2);
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "1:4");
    template_set(&k, 10, 257, "1:4");
    template_set(&k, 10, 258, "1:4");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 3);
    want_u64(&k.flows, 0, FIELD_BYTES, 3);
    want_u64(&k.flows, 2, FIELD_BYTES, 5);
    kit_close(&k);

    /* One that is larger than all the room there is. */
    struct counts counts = {0};
    struct books books;
    struct held h;
    struct held_set like = {.key = {.id = 256}};
    books_init(&books, NULL);
    held_init(&h, sizeof(struct held_set) + 3, 1000, &books, &counts);
    assert_false(held_put(&h, &like, octets));
    assert_int_equal(count_get(&counts, COUNT_SETS_HELD_LOST), 1);
    assert_int_equal(h.bytes, 0);
    held_free(&h);
    books_free(&books);
}

static void nothing_known_is_given_up_for_strangers(void **state)
{
    struct counts counts = {0};
    struct books books;
    struct held h;
    struct cur octets = cur_of("\0\0\0\x01", 4);
    struct held_set like = {.key = {.version = 10, .id = 256}};

    (void)state;
    books_init(&books, &counts);
    held_init(&h, 3 * (sizeof(struct held_set) + 4), 1000, &books, &counts);
    like.known = true;
    assert_true(held_put(&h, &like, octets));
    assert_true(held_put(&h, &like, octets));
    like.known = false;
    for (uint16_t id = 300; id < 310; id++) { /* each goes for the next */
        like.key.id = id;
        assert_true(held_put(&h, &like, octets));
    }
    like.known = true;
    assert_true(held_put(&h, &like, octets));
    assert_int_equal(count_get(&counts, COUNT_SETS_HELD_LOST), 10);
    like.known = false;
    assert_false(held_put(&h, &like, octets));
    assert_int_equal(count_get(&counts, COUNT_SETS_HELD_LOST), 11);
    size_t n = 0;
    for (const struct held_set *x = NULL; (x = held_next(&h, x)); n++)
        assert_true(x->known);
    assert_int_equal(n, 3);
    held_free(&h);
    books_free(&books);
}

/* Sets of sessions whose templates differ wait in one queue; each gets its own. */
static void sessions_that_disagree_wait_each_for_its_own(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_template(&k, 9, 256, "2:4"); /* two that differ, so that nobody can borrow */
    k.from.port = 1;
    send_template(&k, 9, 256, "3:4");
    for (k.from.port = 2; k.from.port < 5; k.from.port++) {
        char record[16];
        (void)snprintf(record, sizeof record, "%08x", k.from.port);
        send_data(&k, 9, 256, record);
    }
    assert_int_equal(k.flows.rows, 0);
    k.from.port = 3;
    send_template(&k, 9, 256, "1:4");
    assert_int_equal(k.flows.rows, 1);
    want_u64(&k.flows, 0, FIELD_BYTES, 3);
    k.from.port = 4;
    send_template(&k, 9, 256, "85:4");
    assert_int_equal(k.flows.rows, 2);
    want_u64(&k.flows, 1, FIELD_BYTES_TOTAL, 4);
    k.from.port = 2;
    send_template(&k, 9, 256, "86:4");
    assert_int_equal(k.flows.rows, 3);
    want_u64(&k.flows, 2, FIELD_PACKETS_TOTAL, 2);
    kit_close(&k);
}

/* Tens of thousands of sets that nobody can decode, and a datagram that redefines their template
 * thousands of times: work must not be one times the other. */
static void a_datagram_does_not_walk_the_queue_for_each_of_its_templates(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.held_bytes = 8 * 1024 * 1024;
    kit_open(&k);
    send_template(&k, 9, 256, "2:4");
    k.from.port = 1;
    send_template(&k, 9, 256, "3:4");
    for (unsigned i = 0; i < 30000; i++) {
        k.from.port = (uint16_t)(2 + i);
        send_data(&k, 9, 256, "00000001");
    }
    kit_clear(&k);
    k.from.port = 1;
    msg_begin(&k, 9);
    for (unsigned i = 0; i < 4000; i++)
        template_set(&k, 9, 256, i % 2 ? "3:4" : "2:4 3:4");
    struct timespec from;
    struct timespec to;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    kit_send(&k);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    int64_t ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    assert_true(ms < 2000); /* 30000 times 4000 takes more than twice that */
    assert_int_equal(k.flows.rows, 0);
    want_count(&k, COUNT_TEMPLATES, 4000);
    kit_close(&k);
}

static void options_wait_like_flows(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_data(&k, 9, 300, "00000001 0000000a");
    msg_begin(&k, 9);
    options_set(&k, 9, 300, "1:4", "34:4");
    template_set(&k, 9, 256, "1:4");
    data_set(&k, 256, "00000001");
    kit_send(&k);
    assert_int_equal(k.options.rows, 1);
    assert_int_equal(k.held_rows, 1);
    want_f64(&k.flows, 0, FIELD_RATE, 10); /* what they say is learned */
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_decoded_when_its_template_comes_in_order_with_its_own_times),
        cmocka_unit_test(in_one_datagram_too),
        cmocka_unit_test(only_its_own_template_releases_it),
        cmocka_unit_test(what_is_too_old_is_given_up_and_counted),
        cmocka_unit_test(what_does_not_fit_is_given_up_oldest_first),
        cmocka_unit_test(nothing_known_is_given_up_for_strangers),
        cmocka_unit_test(sessions_that_disagree_wait_each_for_its_own),
        cmocka_unit_test(a_datagram_does_not_walk_the_queue_for_each_of_its_templates),
        cmocka_unit_test(options_wait_like_flows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
