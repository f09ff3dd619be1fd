/* Names from options data: every kind, renaming, bounds, and the saved form. */
#include "flow/naming.h"

#include "flow/decode_state.h"
#include "flow/kit.h"

static struct name_key key_of(const struct kit *k, enum name_kind kind, uint64_t id)
{
    return (struct name_key){
        .addr = k->from.addr, .domain = k->domain, .kind = (uint16_t)kind, .id = id};
}

static void options(struct kit *k, uint16_t version, const char *scope, const char *fields,
                    const char *records)
{
    msg_begin(k, version);
    options_set(k, version, 300, scope, fields);
    data_set(k, 300, records);
    kit_send(k);
}

static void want_version(const struct name_version *v, const char *name, const char *description)
{
    assert_non_null(v);
    struct name_said s = name_version_said(v);
    assert_int_equal(s.name_len, strlen(name));
    assert_memory_equal(s.name, name, s.name_len);
    assert_int_equal(s.description_len, strlen(description));
    assert_memory_equal(s.description, description, s.description_len);
}

static void want_name(const struct kit *k, const struct name_key *key, const char *name,
                      const char *description)
{
    const struct name *x = naming_find(decoder_names(k->d), key);

    assert_non_null(x);
    want_version(x->now, name, description);
}

/* Interface 5 is "Gi0/5", "to core". */
static void interfaces_are_named_in_every_way(void **state)
{
    static const struct {
        uint16_t version;
        const char *scope;
        const char *fields;
        const char *record;
    } ways[] = {
        {9, "1:4", "10:4 82:8 83:8", "c0000201 00000005 4769302f35000000 746f20636f726500"},
        {9, "2:4", "82:8 83:8", "00000005 4769302f35000000 746f20636f726500"},
        {10, "10:4", "82:v 83:v", "00000005 05 4769302f35 07 746f20636f7265"},
        {10, "14:2", "82:v 83:v", "0005 05 4769302f35 07 746f20636f7265"},
        {10, "130:4", "10:4 82:v 83:v", "c0000201 00000005 05 4769302f35 07 746f20636f7265"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct kit k;
        kit_setup(&k);
        options(&k, ways[i].version, ways[i].scope, ways[i].fields, ways[i].record);
        struct name_key key = key_of(&k, NAME_INTERFACE, 5);
        want_name(&k, &key, "Gi0/5", "to core");
        kit_close(&k);
    }
}

static void vrfs_applications_and_samplers_have_names_too(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 10, "234:4", "236:8", "00000002 7265640000000000 00000003 626c756500000000");
    struct name_key vrf = key_of(&k, NAME_VRF, 3);
    want_name(&k, &vrf, "blue", "");

    options(&k, 9, "1:4", "95:4 96:8 94:4", "c0000201 0d000050 6874747000000000 57656200");
    struct name_key app = key_of(&k, NAME_APPLICATION, 80);
    app.engine = 13;
    want_name(&k, &app, "http", "Web");

    options(&k, 9, "1:4", "48:1 49:1 50:2 84:4", "c0000201 02 02 0064 61626300");
    struct name_key sampler = key_of(&k, NAME_SAMPLER, 2);
    want_name(&k, &sampler, "abc", "");
    options(&k, 10, "302:2", "335:v", "0007 03 78797a");
    sampler.id = 7;
    want_name(&k, &sampler, "xyz", "");

    /* Another domain's and another sender's are their own. */
    vrf.domain++;
    assert_null(naming_find(decoder_names(k.d), &vrf));
    sampler.addr.b[15]++;
    assert_null(naming_find(decoder_names(k.d), &sampler));
    kit_close(&k);
}

static void what_has_no_name_or_no_number_is_not_learned(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    options(&k, 9, "1:4", "10:4 82:4", "c0000201 00000005 00000000");
    options(&k, 9, "1:4", "82:4", "c0000201 61626364");
    options(&k, 9, "1:4", "10:4", "c0000201 00000005");
    kit_flows(&k, 10, "10:4 82:4", "00000005 61626364"); /* flows, not options */
    assert_int_equal(decoder_names(k.d)->map.n, 0);
    kit_close(&k);
}

static void a_new_name_holds_from_when_it_was_said(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    struct name_key key = key_of(&k, NAME_INTERFACE, 5);
    k.received_ms = 1000;
    options(&k, 10, "10:4", "82:v", "00000005 04 65746830");
    k.received_ms = 2000;
    options(&k, 10, "10:4", "82:v", "00000005 04 65746830");
    k.received_ms = 3000;
    options(&k, 10, "10:4", "83:v", "00000005 02 7570"); /* the description comes by itself */
    k.received_ms = 4000;
    options(&k, 10, "10:4", "82:v", "00000005 04 65746831");
    const struct name *x = naming_find(decoder_names(k.d), &key);
    assert_int_equal(x->heard_ms, 4000);
    want_version(x->now, "eth1", "up");
    assert_int_equal(x->now->since_ms, 4000);
    want_version(x->now->before, "eth0", "up");
    assert_int_equal(x->now->before->since_ms, 3000);
    want_version(x->now->before->before, "eth0", "");
    assert_int_equal(x->now->before->before->since_ms, 1000);
    assert_null(x->now->before->before->before);
    kit_close(&k);
}

static void put(struct naming *n, uint64_t id, const char *name, int64_t now_ms)
{
    struct name_key key = {.kind = NAME_INTERFACE, .id = id};
    struct name_said said = {.name = (const uint8_t *)name, .name_len = strlen(name)};
    naming_put(n, &key, &said, now_ms);
}

static void versions_are_bounded(void **state)
{
    struct counts counts = {0};
    struct naming n;
    struct name_key key = {.kind = NAME_INTERFACE, .id = 1};
    char text[16];
    size_t versions = 0;

    (void)state;
    naming_init(&n, &counts);
    for (int i = 10; i < 60; i++) {
        (void)snprintf(text, sizeof text, "eth%d", i);
        put(&n, 1, text, i);
    }
    for (const struct name_version *v = naming_find(&n, &key)->now; v; v = v->before)
        assert_int_equal(v->since_ms, 59 - (int)versions++);
    assert_int_equal(versions, NAME_VERSIONS);
    assert_int_equal(n.bytes,
                     sizeof(struct name) + NAME_VERSIONS * (sizeof(struct name_version) + 5));
    naming_free(&n);
}

static void octets_are_bounded(void **state)
{
    struct counts counts = {0};
    struct naming n;
    char text[400];
    uint64_t i = 0;

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    naming_init(&n, &counts);
    for (; count_get(&counts, COUNT_NAMES_REFUSED) == 0; i++)
        put(&n, i, text, 1);
    assert_true(n.bytes <= NAMES_BYTES_MAX && n.bytes > NAMES_BYTES_MAX / 10 * 9);
    assert_int_equal(n.map.n, i - 1);
    struct name_key key = {.kind = NAME_INTERFACE};
    assert_int_equal(naming_find(&n, &key)->now->name_len, NAME_TEXT_MAX); /* cut */
    put(&n, 0, text, 2); /* known ones are still heard */
    assert_int_equal(naming_find(&n, &key)->heard_ms, 2);
    naming_free(&n);
}

static void names_are_in_the_saved_state_with_their_times(void **state)
{
    struct kit k;
    struct buf saved;
    struct err err;

    (void)state;
    kit_setup(&k);
    struct name_key key = key_of(&k, NAME_INTERFACE, 5);
    k.received_ms = 1000;
    options(&k, 10, "10:4", "82:v 83:v", "00000005 04 65746830 02 7570");
    k.received_ms = 2000;
    options(&k, 10, "10:4", "82:v 83:v", "00000005 04 65746831 02 7570");
    k.received_ms = 3000;
    options(&k, 10, "10:4", "82:v 83:v", "00000005 04 65746831 02 7570");
    buf_init(&saved, 1 << 16);
    decoder_save(k.d, &saved);
    decoder_free(k.d);
    kit_open(&k);
    struct cur in = cur_of(saved.data, saved.len);
    assert_int_equal(decoder_load(k.d, &in, &err), 0);
    const struct name *x = naming_find(decoder_names(k.d), &key);
    assert_non_null(x);
    assert_int_equal(x->heard_ms, 3000);
    want_version(x->now, "eth1", "up");
    assert_int_equal(x->now->since_ms, 2000);
    want_version(x->now->before, "eth0", "up");
    assert_int_equal(x->now->before->since_ms, 1000);
    assert_null(x->now->before->before);

    for (size_t n = 1; n < saved.len; n++) { /* cut anywhere: refused, or some of the records */
        decoder_free(k.d);
        kit_open(&k);
        in = cur_of(saved.data, n);
        int r = decoder_load(k.d, &in, &err);
        assert_true(r == 0 || r == ERR_DATA);
    }
    buf_free(&saved);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interfaces_are_named_in_every_way),
        cmocka_unit_test(vrfs_applications_and_samplers_have_names_too),
        cmocka_unit_test(what_has_no_name_or_no_number_is_not_learned),
        cmocka_unit_test(a_new_name_holds_from_when_it_was_said),
        cmocka_unit_test(versions_are_bounded),
        cmocka_unit_test(octets_are_bounded),
        cmocka_unit_test(names_are_in_the_saved_state_with_their_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
