#include "wire/set.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* clang-format off */

/* RFC 7011 A.2.1: a template set with IANA elements. */
static const uint8_t rfc_template[] = {
    0x00, 0x02, 0x00, 0x1c, /* set 2, 28 octets */
    0x01, 0x00, 0x00, 0x05, /* template 256, 5 fields */
    0x00, 0x08, 0x00, 0x04, 0x00, 0x0c, 0x00, 0x04, 0x00, 0x0f, 0x00, 0x04,
    0x00, 0x02, 0x00, 0x04, 0x00, 0x01, 0x00, 0x04};

/* RFC 7011 A.2.2: with an element of an enterprise; its number is ours to choose (9). */
static const uint8_t rfc_enterprise[] = {
    0x00, 0x02, 0x00, 0x20, /* set 2, 32 octets */
    0x01, 0x01, 0x00, 0x05, /* template 257, 5 fields */
    0x00, 0x08, 0x00, 0x04, 0x00, 0x0c, 0x00, 0x04,
    0x80, 0x0f, 0x00, 0x04, 0x00, 0x00, 0x00, 0x09,
    0x00, 0x02, 0x00, 0x04, 0x00, 0x01, 0x00, 0x04};

/* RFC 7011 A.4.1: an options template with one scope field, and padding. */
static const uint8_t rfc_options[] = {
    0x00, 0x03, 0x00, 0x18, /* set 3, 24 octets */
    0x01, 0x02, 0x00, 0x03, /* template 258, 3 fields */
    0x00, 0x01, 0x00, 0x8d, /* 1 of them scope; lineCardId */
    0x00, 0x04, 0x00, 0x29, 0x00, 0x02, 0x00, 0x2a, 0x00, 0x02, 0x00, 0x00};

/* RFC 3954 section 6.1: scope and options in octets. */
static const uint8_t v9_options[] = {
    0x00, 0x01, 0x00, 0x1c, /* flowset 1, 28 octets */
    0x01, 0x01, 0x00, 0x04, /* template 257, 4 octets of scope */
    0x00, 0x0c, 0x00, 0x02, 0x00, 0x02, /* 12 octets of options; interface, 2 */
    0x00, 0x30, 0x00, 0x01, 0x00, 0x31, 0x00, 0x01, 0x00, 0x32, 0x00, 0x04, 0x00, 0x00};

/* clang-format on */

static struct layout_field fields[LAYOUT_FIELDS_MAX];

static struct set only_set(const uint8_t *bytes, size_t len)
{
    struct cur in = cur_of(bytes, len);
    struct set s;

    assert_int_equal(set_next(&in, &s, NULL), 0);
    assert_int_equal(cur_left(&in), 0);
    return s;
}

static void check_field(const struct layout *l, size_t i, uint32_t enterprise, uint16_t number,
                        uint16_t len, uint16_t offset, bool scope)
{
    assert_true(i < l->n);
    assert_int_equal(l->fields[i].enterprise, enterprise);
    assert_int_equal(l->fields[i].number, number);
    assert_int_equal(l->fields[i].len, len);
    assert_int_equal(l->fields[i].offset, offset);
    assert_int_equal(l->fields[i].scope, scope);
}

static void reads_the_template_of_rfc_7011(void **state)
{
    struct set s = only_set(rfc_template, sizeof rfc_template);
    struct template_record t;

    (void)state;
    assert_int_equal(s.id, 2);
    assert_true(set_is_template(10, s.id));
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 256);
    assert_false(t.withdrawal);
    assert_int_equal(t.layout.n, 5);
    assert_int_equal(t.layout.record_len, 20);
    assert_int_equal(t.layout.space, SPACE_IPFIX);
    assert_false(t.layout.options);
    assert_false(t.layout.variable);
    check_field(&t.layout, 0, 0, 8, 4, 0, false);
    check_field(&t.layout, 1, 0, 12, 4, 4, false);
    check_field(&t.layout, 2, 0, 15, 4, 8, false);
    check_field(&t.layout, 3, 0, 2, 4, 12, false);
    check_field(&t.layout, 4, 0, 1, 4, 16, false);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), ERR_EOF);
}

static void reads_an_enterprise_element(void **state)
{
    struct set s = only_set(rfc_enterprise, sizeof rfc_enterprise);
    struct template_record t;

    (void)state;
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 257);
    assert_int_equal(t.layout.n, 5);
    check_field(&t.layout, 2, 9, 15, 4, 8, false);
    check_field(&t.layout, 3, 0, 2, 4, 12, false);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), ERR_EOF);
}

static void reads_the_options_template_of_rfc_7011(void **state)
{
    struct set s = only_set(rfc_options, sizeof rfc_options);
    struct template_record t;

    (void)state;
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 258);
    assert_true(t.layout.options);
    assert_int_equal(t.layout.record_len, 8);
    check_field(&t.layout, 0, 0, 141, 4, 0, true);
    check_field(&t.layout, 1, 0, 41, 2, 4, false);
    check_field(&t.layout, 2, 0, 42, 2, 6, false);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), ERR_EOF); /* padding */
}

static void reads_an_options_template_of_v9(void **state)
{
    struct set s = only_set(v9_options, sizeof v9_options);
    struct template_record t;

    (void)state;
    assert_true(set_is_template(9, s.id));
    assert_int_equal(set_template_next(&s, 9, fields, &t, NULL), 0);
    assert_int_equal(t.id, 257);
    assert_true(t.layout.options);
    assert_int_equal(t.layout.space, SPACE_V9);
    assert_int_equal(t.layout.record_len, 8);
    check_field(&t.layout, 0, 0, 2, 2, 0, true);
    check_field(&t.layout, 1, 0, 48, 1, 2, false);
    check_field(&t.layout, 3, 0, 50, 4, 4, false);
    assert_int_equal(set_template_next(&s, 9, fields, &t, NULL), ERR_EOF);
}

static void numbers_above_32767_are_plain_in_v9(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 12, 1, 0, 0, 1, 0x80, 0xe8, 0, 12};
    struct set s = only_set(bytes, sizeof bytes);
    struct template_record t;

    (void)state;
    assert_int_equal(set_template_next(&s, 9, fields, &t, NULL), 0);
    check_field(&t.layout, 0, 0, 33000, 12, 0, false);
}

static void reads_several_templates_of_a_set(void **state)
{
    static const uint8_t bytes[] = {0, 2, 0, 24, 1, 0, 0, 1, 0, 1, 0, 8,
                                    1, 1, 0, 2,  0, 1, 0, 8, 0, 2, 0, 4};
    struct set s = only_set(bytes, sizeof bytes);
    struct template_record t;

    (void)state;
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 256);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 257);
    assert_int_equal(t.layout.record_len, 12);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), ERR_EOF);
}

/* RFC 7011 section 8.1. */
static void reads_withdrawals(void **state)
{
    static const uint8_t one[] = {0, 2, 0, 8, 1, 0, 0, 0};
    static const uint8_t two[] = {0, 3, 0, 12, 1, 1, 0, 0, 1, 2, 0, 0};
    static const uint8_t all[] = {0, 2, 0, 8, 0, 2, 0, 0};
    static const uint8_t all_options[] = {0, 3, 0, 8, 0, 3, 0, 0};
    static const uint8_t wrong_kind[] = {0, 2, 0, 8, 0, 3, 0, 0};
    struct template_record t;
    struct set s = only_set(one, sizeof one);

    (void)state;
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_true(t.withdrawal);
    assert_int_equal(t.id, 256);
    s = only_set(two, sizeof two); /* an options template's withdrawal has no scope count */
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_true(t.withdrawal);
    assert_int_equal(t.id, 257);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 258);
    s = only_set(all, sizeof all);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 2);
    s = only_set(all_options, sizeof all_options);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.id, 3);
    s = only_set(wrong_kind, sizeof wrong_kind);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), ERR_DATA);
    s = only_set(one, sizeof one);
    assert_int_equal(set_template_next(&s, 9, fields, &t, NULL), ERR_DATA); /* v9 has none */
}

static void refuses_templates_that_cannot_be(void **state)
{
    static const struct {
        uint8_t bytes[16];
        uint16_t version;
        const char *why;
    } bad[] = {
        {{0, 2, 0, 16, 0, 255, 0, 2, 0, 1, 0, 4, 0, 2, 0, 4}, 10, "id below 256"},
        {{0, 2, 0, 16, 1, 0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 4}, 10, "a field more than there is"},
        {{0, 2, 0, 16, 1, 0, 0xff, 0xff, 0, 1, 0, 4, 0, 2, 0, 4}, 10, "65535 fields"},
        {{0, 2, 0, 16, 1, 0, 0, 2, 0, 1, 0, 4, 0x80, 2, 0, 4}, 10, "no room for the enterprise"},
        {{0, 2, 0, 16, 1, 0, 0, 2, 0, 1, 0, 0, 0, 2, 0, 0}, 10, "no octets"},
        {{0, 2, 0, 16, 1, 0, 0, 2, 0, 1, 0x80, 0, 0, 2, 0x80, 0}, 10, "a record of 65536 octets"},
        {{0, 3, 0, 16, 1, 0, 0, 1, 0, 2, 0, 1, 0, 4, 0, 0}, 10, "more scope fields than fields"},
        {{0, 1, 0, 16, 1, 0, 0, 3, 0, 3, 0, 1, 0, 4, 0, 0}, 9, "scope of 3 octets"},
        {{0, 1, 0, 16, 1, 0, 0, 4, 0, 8, 0, 1, 0, 4, 0, 0}, 9, "cut short"},
        {{0, 1, 0, 16, 1, 0, 0, 0, 0, 0, 0, 1, 0, 4, 0, 0}, 9, "no fields"},
    };
    struct template_record t;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct set s = only_set(bad[i].bytes, sizeof bad[i].bytes);
        int r = set_template_next(&s, bad[i].version, fields, &t, &err);
        if (r != ERR_DATA && r != ERR_LIMIT)
            fail_msg("taken: %s", bad[i].why);
    }
}

static void a_record_may_have_65535_octets_and_variable_fields(void **state)
{
    static const uint8_t most[] = {0, 2, 0, 16, 1, 0, 0, 2, 0, 82, 0xff, 0xfe, 0, 4, 0, 1};
    static const uint8_t variable[] = {0, 2, 0, 20, 1,    0,    0, 3, 0, 4,
                                       0, 1, 0, 82, 0xff, 0xff, 0, 7, 0, 2};
    struct set s = only_set(most, sizeof most);
    struct template_record t;

    (void)state;
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_int_equal(t.layout.record_len, 65535);
    check_field(&t.layout, 1, 0, 4, 1, 65534, false);

    s = only_set(variable, sizeof variable);
    assert_int_equal(set_template_next(&s, 10, fields, &t, NULL), 0);
    assert_true(t.layout.variable);
    assert_int_equal(t.layout.record_len, 4); /* at least: the variable one's length octet */
}

static void refuses_more_fields_than_a_template_may_have(void **state)
{
    static uint8_t bytes[4 + 4 + 4 * (LAYOUT_FIELDS_MAX + 1)];
    struct template_record t;

    (void)state;
    for (unsigned n = LAYOUT_FIELDS_MAX; n <= LAYOUT_FIELDS_MAX + 1; n++) {
        struct set s = {.id = 2, .body = cur_of(bytes + 4, 4 + 4 * (size_t)n)};
        bytes[4] = 1;
        bytes[6] = (uint8_t)(n >> 8);
        bytes[7] = (uint8_t)n;
        for (size_t i = 0; i < n; i++)
            bytes[8 + 4 * i + 3] = 1; /* each of one octet */
        assert_int_equal(set_template_next(&s, 10, fields, &t, NULL),
                         n > LAYOUT_FIELDS_MAX ? ERR_LIMIT : 0);
    }
}

static void goes_from_set_to_set(void **state)
{
    static const uint8_t bytes[] = {1, 0, 0, 6, 0xaa, 0xbb, 1, 1, 0, 4, 1, 2, 0, 5, 0xcc, 0, 0, 0};
    struct cur in = cur_of(bytes, sizeof bytes);
    struct set s;

    (void)state;
    assert_int_equal(set_next(&in, &s, NULL), 0);
    assert_int_equal(s.id, 256);
    assert_int_equal(cur_left(&s.body), 2);
    assert_int_equal(set_next(&in, &s, NULL), 0);
    assert_int_equal(s.id, 257);
    assert_int_equal(cur_left(&s.body), 0);
    assert_int_equal(set_next(&in, &s, NULL), 0);
    assert_int_equal(s.id, 258);
    assert_int_equal(cur_left(&s.body), 1);
    assert_int_equal(set_next(&in, &s, NULL), ERR_EOF); /* three octets are no set */
}

/* Palo Alto's firewalls pad datagrams with zeros. */
static void zeros_behind_the_last_set_are_padding(void **state)
{
    static const uint8_t bytes[] = {1, 0, 0, 5, 0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    uint8_t more[sizeof bytes];
    struct cur in = cur_of(bytes, sizeof bytes);
    struct set s;

    (void)state;
    assert_int_equal(set_next(&in, &s, NULL), 0);
    assert_int_equal(set_next(&in, &s, NULL), ERR_EOF);
    memcpy(more, bytes, sizeof more);
    more[sizeof more - 1] = 1; /* but these are not only zeros */
    in = cur_of(more, sizeof more);
    assert_int_equal(set_next(&in, &s, NULL), 0);
    assert_int_equal(set_next(&in, &s, NULL), ERR_DATA);
}

static void refuses_lengths_of_sets_that_cannot_be(void **state)
{
    static const uint8_t bad[][8] = {
        {1, 0, 0, 0, 1}, {1, 0, 0, 3, 1}, {1, 0, 0, 9, 1}, {1, 0, 0xff, 0xff, 1}};
    struct set s;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct cur in = cur_of(bad[i], sizeof bad[i]);
        assert_int_equal(set_next(&in, &s, &err), ERR_DATA);
    }
}

/* All sets and all templates of these bytes; it must come to an end and stay within them. */
static void walk(const uint8_t *bytes, size_t len, uint16_t version)
{
    uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees a read beyond */
    struct template_record t;
    struct set s;
    struct err err;

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    struct cur in = cur_of(exact, len);
    while (set_next(&in, &s, &err) == 0)
        while (set_template_next(&s, version, fields, &t, &err) == 0)
            if (!t.withdrawal)
                assert_true(t.layout.record_len > 0 && t.layout.record_len <= 65535);
    free(exact);
}

static void survives_every_truncation_and_every_flipped_octet(void **state)
{
    static const struct {
        const uint8_t *bytes;
        size_t len;
        uint16_t version;
    } good[] = {{rfc_template, sizeof rfc_template, 10},
                {rfc_enterprise, sizeof rfc_enterprise, 10},
                {rfc_options, sizeof rfc_options, 10},
                {v9_options, sizeof v9_options, 9}};
    uint8_t bytes[64];

    (void)state;
    for (size_t g = 0; g < COUNT_OF(good); g++) {
        for (size_t n = 0; n < good[g].len; n++)
            walk(good[g].bytes, n, good[g].version);
        for (size_t at = 0; at < good[g].len; at++)
            for (unsigned v = 0; v < 256; v++) {
                memcpy(bytes, good[g].bytes, good[g].len);
                bytes[at] = (uint8_t)v;
                walk(bytes, good[g].len, good[g].version);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_template_of_rfc_7011),
        cmocka_unit_test(reads_an_enterprise_element),
        cmocka_unit_test(reads_the_options_template_of_rfc_7011),
        cmocka_unit_test(reads_an_options_template_of_v9),
        cmocka_unit_test(numbers_above_32767_are_plain_in_v9),
        cmocka_unit_test(reads_several_templates_of_a_set),
        cmocka_unit_test(reads_withdrawals),
        cmocka_unit_test(refuses_templates_that_cannot_be),
        cmocka_unit_test(a_record_may_have_65535_octets_and_variable_fields),
        cmocka_unit_test(refuses_more_fields_than_a_template_may_have),
        cmocka_unit_test(goes_from_set_to_set),
        cmocka_unit_test(zeros_behind_the_last_set_are_padding),
        cmocka_unit_test(refuses_lengths_of_sets_that_cannot_be),
        cmocka_unit_test(survives_every_truncation_and_every_flipped_octet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
