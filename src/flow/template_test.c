/* The templates in force, as data sets see them. */
#include "flow/template.h"

#include "flow/kit.h"
#include "wire/set.h"

static void send_template(struct kit *k, uint16_t version, uint16_t id, const char *layout)
{
    msg_begin(k, version);
    template_set(k, version, id, layout);
    kit_send(k);
}

/* Rows that one data set gives now; earlier ones are forgotten. */
static size_t rows_of(struct kit *k, uint16_t version, uint16_t id, const char *records)
{
    kit_clear(k);
    msg_begin(k, version);
    data_set(k, id, records);
    kit_send(k);
    return k->flows.rows;
}

static void send_hex(struct kit *k, uint16_t version, const char *sets)
{
    msg_begin(k, version);
    hex(&k->msg, sets);
    kit_send(k);
}

static void a_refresh_changes_nothing_a_new_layout_counts(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_template(&k, 9, 256, "8:4 1:4");
    send_template(&k, 9, 256, "8:4 1:4");
    want_count(&k, COUNT_TEMPLATES, 2);
    want_count(&k, COUNT_TEMPLATES_CHANGED, 0);
    assert_int_equal(rows_of(&k, 9, 256, "0a000001 00000001"), 1);
    want_u64(&k.flows, 0, FIELD_BYTES, 1);
    send_template(&k, 9, 256, "8:4 2:4");
    want_count(&k, COUNT_TEMPLATES_CHANGED, 1);
    assert_int_equal(rows_of(&k, 9, 256, "0a000001 00000001"), 1);
    want_u64(&k.flows, 0, FIELD_PACKETS, 1);
    want_none(&k.flows, 0, FIELD_BYTES);
    /* The same octets as options are another template. */
    msg_begin(&k, 9);
    options_set(&k, 9, 256, "1:4", "2:4");
    kit_send(&k);
    want_count(&k, COUNT_TEMPLATES_CHANGED, 1);
    assert_int_equal(rows_of(&k, 9, 256, "0a000001 00000001"), 0);
    assert_int_equal(k.options.rows, 1);
    kit_close(&k);
}

static void a_template_belongs_to_version_domain_and_id(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_template(&k, 9, 256, "8:4");
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    assert_int_equal(rows_of(&k, 9, 257, "0a000001"), 0);
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    k.domain++;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 0);
    k.domain--;
    k.from.addr.b[15]++;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 0);
    k.from.addr.b[15]--;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    kit_close(&k);
}

static void over_udp_a_template_expires(void **state)
{
    struct kit k;
    int64_t start_ms;

    (void)state;
    kit_init(&k);
    k.limits.template_ms = 60000;
    kit_open(&k);
    start_ms = k.received_ms;
    send_template(&k, 9, 256, "8:4");
    k.received_ms = start_ms + 60000;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    send_template(&k, 9, 256, "8:4"); /* a refresh starts anew */
    k.received_ms = start_ms + 120000;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    k.received_ms = start_ms + 120001;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 0);
    want_count(&k, COUNT_TEMPLATES_EXPIRED, 1);
    want_count(&k, COUNT_SETS_HELD, 1);
    kit_close(&k);
}

static void over_tcp_it_lasts_as_long_as_the_connection(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.template_ms = 60000;
    kit_open(&k);
    k.from.session = 1;
    send_template(&k, 10, 256, "8:4");
    k.received_ms += 600000;
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 1);
    decoder_session_end(k.d, &k.from);
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    kit_close(&k);
}

static void the_end_of_a_session_is_its_own_only(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (uint32_t session = 0; session < 3; session++) {
        k.from.session = session;
        send_template(&k, 10, 256, "8:4");
        send_template(&k, 10, 257, "8:4 1:4");
    }
    k.from.session = 1;
    decoder_session_end(k.d, &k.from);
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    assert_int_equal(rows_of(&k, 10, 257, "0a000001 00000001"), 0);
    k.from.session = 2;
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 1);
    k.from.session = 0;
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 1);
    kit_close(&k);
}

/* RFC 7011 sections 8.1 and 8.4. */
static void withdrawals_are_for_tcp(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_template(&k, 10, 256, "8:4");
    send_hex(&k, 10, "0002 0008 0100 0000");
    want_count(&k, COUNT_BAD_WITHDRAWAL, 1);
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 1);

    k.from.session = 1;
    send_template(&k, 10, 256, "8:4");
    send_template(&k, 10, 257, "8:4");
    kit_clear(&k);
    send_hex(&k, 10, "0002 0008 0100 0000");
    want_count(&k, COUNT_TEMPLATES_WITHDRAWN, 1);
    want_count(&k, COUNT_BAD_WITHDRAWAL, 0);
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    assert_int_equal(rows_of(&k, 10, 257, "0a000001"), 1);
    send_hex(&k, 10, "0002 0008 0100 0000"); /* twice is once */
    want_count(&k, COUNT_TEMPLATES_WITHDRAWN, 0);
    send_template(&k, 10, 256, "8:4 1:4"); /* and it may be defined anew */
    assert_int_equal(rows_of(&k, 10, 256, "0a000001 00000001"), 1);
    kit_close(&k);
}

static void all_of_a_kind_are_withdrawn_at_once(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (uint32_t session = 1; session < 3; session++)
        for (k.domain = 7; k.domain < 9; k.domain++) {
            k.from.session = session;
            send_template(&k, 10, 256, "8:4");
            send_template(&k, 10, 257, "8:4");
            msg_begin(&k, 10);
            options_set(&k, 10, 258, "10:4", "34:4");
            kit_send(&k);
        }
    k.from.session = 1;
    k.domain = 7;
    kit_clear(&k);
    send_hex(&k, 10, "0002 0008 0002 0000");
    want_count(&k, COUNT_TEMPLATES_WITHDRAWN, 2);
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    assert_int_equal(rows_of(&k, 10, 257, "0a000001"), 0);
    (void)rows_of(&k, 10, 258, "00000001 0000000a");
    assert_int_equal(k.options.rows, 1); /* options templates stay */
    kit_clear(&k);
    send_hex(&k, 10, "0003 0008 0003 0000");
    want_count(&k, COUNT_TEMPLATES_WITHDRAWN, 1);
    (void)rows_of(&k, 10, 258, "00000001 0000000a");
    assert_int_equal(k.options.rows, 0);
    k.domain = 8; /* another domain, another session */
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 1);
    k.domain = 7;
    k.from.session = 2;
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 1);
    kit_close(&k);
}

static void a_template_is_borrowed_when_all_sessions_agree(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    send_template(&k, 9, 256, "8:4");
    k.from.port = 50001;
    send_template(&k, 9, 256, "8:4");
    k.from.port = 50002;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    want_count(&k, COUNT_TEMPLATES_BORROWED, 1);
    k.from.port = 50001; /* one's own is not borrowed */
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    want_count(&k, COUNT_TEMPLATES_BORROWED, 0);

    send_template(&k, 9, 256, "12:4"); /* now they differ */
    k.from.port = 50002;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 0);
    want_count(&k, COUNT_SETS_HELD, 1);
    k.from.port = 50000; /* each still has its own */
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    k.from.port = 50001;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    want_addr(&k.flows, 0, FIELD_DST_ADDR, "10.0.0.1");
    kit_close(&k);
}

static void an_expired_template_neither_lends_nor_objects(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.template_ms = 60000;
    kit_open(&k);
    send_template(&k, 9, 256, "12:4");
    k.received_ms += 60001;
    k.from.port = 50001;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 0);
    send_template(&k, 9, 256, "8:4");
    k.from.port = 50002;
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    kit_close(&k);
}

static void nothing_is_lent_from_or_to_tcp(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    k.from.session = 1;
    send_template(&k, 10, 256, "8:4");
    k.from.session = 2;
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    k.from.session = 0;
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    send_template(&k, 10, 256, "8:4");
    k.from.session = 2;
    assert_int_equal(rows_of(&k, 10, 256, "0a000001"), 0);
    want_count(&k, COUNT_TEMPLATES_BORROWED, 0);
    kit_close(&k);
}

static void the_least_recently_used_goes_first(void **state)
{
    struct kit k;

    (void)state;
    kit_init(&k);
    k.limits.templates = 3;
    kit_open(&k);
    send_template(&k, 9, 256, "8:4");
    send_template(&k, 9, 257, "8:4");
    send_template(&k, 9, 258, "8:4");
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1); /* used: 257 is the oldest now */
    send_template(&k, 9, 259, "8:4");
    want_count(&k, COUNT_TEMPLATES_EVICTED, 1);
    assert_int_equal(rows_of(&k, 9, 257, "0a000001"), 0);
    assert_int_equal(rows_of(&k, 9, 256, "0a000001"), 1);
    send_template(&k, 9, 258, "8:4"); /* a refresh is a use */
    send_template(&k, 9, 260, "8:4");
    assert_int_equal(rows_of(&k, 9, 259, "0a000001"), 0);
    assert_int_equal(rows_of(&k, 9, 258, "0a000001"), 1);
    kit_close(&k);
}

/* Fields are what takes the memory. */
static void fields_in_all_are_bounded_too(void **state)
{
    static struct layout_field fields[100];
    struct counts counts = {0};
    struct templates t;
    struct template_key key = {.version = 10, .id = 256};
    struct layout layout = {.space = SPACE_IPFIX, .n = COUNT_OF(fields), .fields = fields};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        fields[i] = (struct layout_field){.number = 1, .len = 4, .offset = (uint16_t)(4 * i)};
    layout.record_len = 400;
    templates_init(&t, 1000, 1000, &counts);
    t.limit_fields = 250;
    for (uint16_t i = 0; i < 10; i++) {
        key.id = (uint16_t)(256 + i);
        assert_non_null(templates_put(&t, &key, false, &layout, 0));
        assert_in_range(t.n_fields, 100, 200);
    }
    assert_int_equal(count_get(&counts, COUNT_TEMPLATES_EVICTED), 8);
    layout.n = 1; /* a change gives back what it no longer needs */
    assert_non_null(templates_put(&t, &key, false, &layout, 0));
    assert_int_equal(t.n_fields, 101);
    templates_free(&t);
}

static struct template_key key_from(uint8_t host, uint16_t id)
{
    struct template_key key = {.version = 10, .id = id};
    key.addr = addr_of_v4((const uint8_t[]){192, 0, 2, host});
    return key;
}

static const struct template *put(struct templates *t, struct template_key key, bool known)
{
    static struct layout_field fields[2] = {{.number = 8, .len = 4}, {.number = 1, .len = 4}};
    struct layout layout = {.space = SPACE_IPFIX, .n = COUNT_OF(fields), .fields = fields};

    if (!layout_measure(&layout, fields))
        fail();
    return templates_put(t, &key, known, &layout, 0);
}

static bool has(struct templates *t, struct template_key key, bool known)
{
    return templates_find(t, &key, known, 0) != NULL;
}

static void strangers_push_out_each_other_only(void **state)
{
    struct counts counts = {0};
    struct templates t;

    (void)state;
    templates_init(&t, 4, 1000, &counts);
    assert_non_null(put(&t, key_from(1, 256), true));
    assert_non_null(put(&t, key_from(1, 257), false)); /* before it had a history */
    assert_non_null(put(&t, key_from(2, 256), true));
    assert_true(has(&t, key_from(1, 257), true)); /* which it has now */
    for (uint8_t host = 10; host < 200; host++)
        assert_non_null(put(&t, key_from(host, 256), false));
    assert_true(has(&t, key_from(1, 256), true) && has(&t, key_from(1, 257), true));
    assert_true(has(&t, key_from(2, 256), true));
    assert_int_equal(count_get(&counts, COUNT_TEMPLATES_EVICTED), 189);
    assert_non_null(put(&t, key_from(2, 257), true)); /* the last stranger's goes for it, */
    assert_null(put(&t, key_from(10, 256), false));   /* and none comes back */
    assert_int_equal(count_get(&counts, COUNT_TEMPLATES_REFUSED), 1);
    assert_non_null(put(&t, key_from(3, 256), true)); /* the one used longest ago went for it */
    assert_false(has(&t, key_from(1, 256), true));
    templates_free(&t);
}

static void one_sender_has_its_share(void **state)
{
    struct counts counts = {0};
    struct templates t;

    (void)state;
    templates_init(&t, 100, 1000, &counts);
    t.limit_sender = 3;
    assert_non_null(put(&t, key_from(1, 256), true));
    for (uint16_t id = 300; id < 320; id++)
        assert_non_null(put(&t, key_from(2, id), true));
    assert_int_equal(t.by_key.n, 4);
    assert_true(has(&t, key_from(1, 256), true) && has(&t, key_from(2, 317), true));
    assert_false(has(&t, key_from(2, 316), true));
    t.limit_sender_fields = 4;
    assert_non_null(put(&t, key_from(2, 320), true));
    assert_int_equal(t.n_fields, 6);
    templates_free(&t);
}

/* Random definitions, uses and endings of few keys under a small limit: the lists and tables of the
 * cache hold together (a sanitizer watches), and what is found is what was last defined. */
static void holds_together_under_random_use(void **state)
{
    enum { STEPS = 60000, PORTS = 6, IDS = 4 };
    static struct layout_field fields[3] = {
        {.number = 8, .len = 4}, {.number = 1, .len = 4}, {.number = 4, .len = 1}};
    struct counts counts = {0};
    struct templates t;
    uint16_t last[2][PORTS][IDS] = {0};
    uint32_t seed = 7;

    (void)state;
    templates_init(&t, 20, 50, &counts);
    t.limit_sender = 12;
    for (int64_t now = 0; now < STEPS; now++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t r = seed >> 8;
        uint16_t port = (uint16_t)(r % PORTS);
        uint16_t id = (uint16_t)(r / 8 % IDS);
        uint32_t session = r / 64 % 2;
        struct template_key key = {
            .version = 10, .id = (uint16_t)(256 + id), .session = session, .port = port};
        key.addr.b[15] = id % 2; /* two senders */
        struct layout layout = {
            .space = SPACE_IPFIX, .n = (uint16_t)(1 + r / 128 % 3), .fields = fields};
        if (!layout_measure(&layout, fields))
            fail();
        switch (r / 1024 % 8) {
        case 0:
        case 1:
            if (templates_put(&t, &key, r / 8192 % 2, &layout, now))
                last[session][port][id] = layout.n;
            else /* what is there, known senders have used */
                assert_false(r / 8192 % 2);
            break;
        case 2:
            templates_withdraw(&t, &key, false);
            break;
        case 3:
            if (r / 8192 % 16 == 0)
                templates_end_session(&t, &key);
            break;
        default: {
            const struct template *x = templates_find(&t, &key, r / 8192 % 2, now);
            if (x && memcmp(&x->key, &key, sizeof key) == 0)
                assert_int_equal(plan_layout(x->plan)->n, last[session][port][id]);
            else if (x)
                assert_int_equal(x->key.id, key.id);
        }
        }
        size_t n = 0;
        size_t n_fields = 0;
        for (const struct template *x = NULL; (x = templates_next(&t, x)); n++)
            n_fields += plan_layout(x->plan)->n;
        assert_int_equal(n, t.by_key.n);
        assert_int_equal(n_fields, t.n_fields);
        assert_true(n <= 20);
    }
    assert_true(count_get(&counts, COUNT_TEMPLATES_EVICTED) > 0);
    assert_true(count_get(&counts, COUNT_TEMPLATES_REFUSED) > 0);
    assert_true(count_get(&counts, COUNT_TEMPLATES_EXPIRED) > 0);
    assert_true(count_get(&counts, COUNT_TEMPLATES_BORROWED) > 0);
    templates_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refresh_changes_nothing_a_new_layout_counts),
        cmocka_unit_test(a_template_belongs_to_version_domain_and_id),
        cmocka_unit_test(over_udp_a_template_expires),
        cmocka_unit_test(over_tcp_it_lasts_as_long_as_the_connection),
        cmocka_unit_test(the_end_of_a_session_is_its_own_only),
        cmocka_unit_test(withdrawals_are_for_tcp),
        cmocka_unit_test(all_of_a_kind_are_withdrawn_at_once),
        cmocka_unit_test(a_template_is_borrowed_when_all_sessions_agree),
        cmocka_unit_test(an_expired_template_neither_lends_nor_objects),
        cmocka_unit_test(nothing_is_lent_from_or_to_tcp),
        cmocka_unit_test(the_least_recently_used_goes_first),
        cmocka_unit_test(fields_in_all_are_bounded_too),
        cmocka_unit_test(strangers_push_out_each_other_only),
        cmocka_unit_test(one_sender_has_its_share),
        cmocka_unit_test(holds_together_under_random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
