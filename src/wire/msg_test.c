#include "wire/msg.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What is behind the message does not matter here. */
static int read_msg(struct cur in, struct msg *out, struct err *err)
{
    return msg_read(&in, out, err);
}

/* Headers by hand: every octet says where it stands. Two octets of body follow each. */
static const uint8_t v1[] = {0,    1,    0x00, 0x18, 0x01, 0x02, 0x03, 0x04, 0x65,
                             0x53, 0xf1, 0x00, 0x1d, 0xcd, 0x65, 0x00, 0xb0, 0xb1};
static const uint8_t v5[] = {0,    5,    0x00, 0x1e, 0x01, 0x02, 0x03, 0x04, 0x65,
                             0x53, 0xf1, 0x00, 0x1d, 0xcd, 0x65, 0x00, 0x11, 0x12,
                             0x13, 0x14, 0x15, 0x16, 0x40, 0x64, 0xb0, 0xb1};
static const uint8_t v8[] = {0,    8,    0x00, 0x1e, 0x01, 0x02, 0x03, 0x04, 0x65, 0x53,
                             0xf1, 0x00, 0x1d, 0xcd, 0x65, 0x00, 0x11, 0x12, 0x13, 0x14,
                             0x15, 0x16, 0x0b, 0x02, 0xee, 0xee, 0xee, 0xee, 0xb0, 0xb1};
static const uint8_t v9[] = {0,    9,    0x00, 0x02, 0x01, 0x02, 0x03, 0x04, 0x65, 0x53, 0xf1,
                             0x00, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24, 0xb0, 0xb1};
static const uint8_t v10[] = {0,    10,   0x00, 0x12, 0x65, 0x53, 0xf1, 0x00, 0x11,
                              0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24, 0xb0, 0xb1};

enum { HALF_PAST = 500 }; /* nanoseconds 0x1dcd6500 are half a second */
static const int64_t sent_ms = INT64_C(0x6553f100) * 1000; /* 2023-11-14T22:13:20Z */

static const struct {
    const uint8_t *bytes;
    size_t len;
    size_t header;
} good[] = {{v1, sizeof v1, 16},
            {v5, sizeof v5, 24},
            {v8, sizeof v8, 28},
            {v9, sizeof v9, 20},
            {v10, sizeof v10, 16}};

static struct msg read_good(const uint8_t *bytes, size_t len)
{
    struct msg m;

    assert_int_equal(read_msg(cur_of(bytes, len), &m, NULL), 0);
    assert_int_equal(cur_left(&m.body), 2);
    assert_int_equal(m.body.at[0], 0xb0);
    return m;
}

static void reads_v1(void **state)
{
    struct msg m = read_good(v1, sizeof v1);

    (void)state;
    assert_int_equal(m.version, 1);
    assert_int_equal(m.count, 24);
    assert_int_equal(m.uptime_ms, 0x01020304);
    assert_int_equal(m.export_ms, sent_ms + HALF_PAST);
    assert_int_equal(m.sequence, 0);
    assert_false(msg_has_sets(&m));
    assert_false(msg_has_engine(&m));
}

static void reads_v5_and_its_relatives(void **state)
{
    uint8_t bytes[sizeof v5];
    struct msg m = read_good(v5, sizeof v5);

    (void)state;
    assert_int_equal(m.count, 30);
    assert_int_equal(m.uptime_ms, 0x01020304);
    assert_int_equal(m.export_ms, sent_ms + HALF_PAST);
    assert_int_equal(m.sequence, 0x11121314);
    assert_int_equal(m.engine_type, 0x15);
    assert_int_equal(m.engine_id, 0x16);
    assert_int_equal(m.sampling, 0x4064);
    assert_true(msg_has_engine(&m));

    memcpy(bytes, v5, sizeof bytes);
    bytes[1] = 6; /* the last two octets are reserved */
    m = read_good(bytes, sizeof bytes);
    assert_int_equal(m.sequence, 0x11121314);
    assert_int_equal(m.engine_id, 0x16);
    assert_int_equal(m.sampling, 0);

    bytes[1] = 7; /* the last four octets are reserved */
    m = read_good(bytes, sizeof bytes);
    assert_int_equal(m.sequence, 0x11121314);
    assert_int_equal(m.engine_type, 0);
    assert_int_equal(m.engine_id, 0);
    assert_int_equal(m.sampling, 0);
    assert_false(msg_has_engine(&m));
}

static void reads_v8(void **state)
{
    struct msg m = read_good(v8, sizeof v8);

    (void)state;
    assert_int_equal(m.count, 30);
    assert_int_equal(m.export_ms, sent_ms + HALF_PAST);
    assert_int_equal(m.sequence, 0x11121314);
    assert_int_equal(m.engine_type, 0x15);
    assert_int_equal(m.engine_id, 0x16);
    assert_int_equal(m.aggregation, 11);
    assert_int_equal(m.sampling, 0);
}

static void reads_v9(void **state)
{
    struct msg m = read_good(v9, sizeof v9);

    (void)state;
    assert_int_equal(m.count, 2);
    assert_int_equal(m.uptime_ms, 0x01020304);
    assert_int_equal(m.export_ms, sent_ms);
    assert_int_equal(m.sequence, 0x11121314);
    assert_int_equal(m.domain, 0x21222324);
    assert_true(msg_has_sets(&m));
    assert_false(msg_has_engine(&m));
}

static void reads_ipfix(void **state)
{
    struct msg m = read_good(v10, sizeof v10);

    (void)state;
    assert_int_equal(m.count, 0);
    assert_int_equal(m.export_ms, sent_ms);
    assert_int_equal(m.sequence, 0x11121314);
    assert_int_equal(m.domain, 0x21222324);
    assert_false(m.odd_length);
}

/* A wrong length is noticed, but the octets count: exporters exist that say too little. */
static void the_octets_count_where_the_length_of_ipfix_is_wrong(void **state)
{
    uint8_t bytes[sizeof v10];
    struct msg m;

    (void)state;
    memcpy(bytes, v10, sizeof bytes);
    for (unsigned length = 0; length < 64; length++) {
        bytes[3] = (uint8_t)length;
        assert_int_equal(read_msg(cur_of(bytes, sizeof bytes), &m, NULL), 0);
        assert_int_equal(m.odd_length, length != sizeof bytes);
        assert_int_equal(cur_left(&m.body), 2);
    }
}

static void reads_one_ipfix_message_of_two(void **state)
{
    uint8_t bytes[2 * sizeof v10];
    struct cur in = cur_of(bytes, sizeof bytes);
    struct msg m;

    (void)state;
    memcpy(bytes, v10, sizeof v10);
    memcpy(bytes + sizeof v10, v10, sizeof v10);
    assert_int_equal(msg_read(&in, &m, NULL), 0);
    assert_false(m.odd_length);
    assert_int_equal(cur_left(&m.body), 2);
    assert_int_equal(cur_left(&in), sizeof v10);
}

static void refuses_every_truncation_of_a_header(void **state)
{
    struct err err;
    struct msg m;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        for (size_t n = 0; n < good[i].header; n++)
            assert_int_equal(read_msg(cur_of(good[i].bytes, n), &m, &err), ERR_DATA);
        assert_int_equal(read_msg(cur_of(good[i].bytes, good[i].header), &m, &err), 0);
        assert_int_equal(cur_left(&m.body), 0);
    }
}

static void refuses_versions_that_are_none(void **state)
{
    uint8_t bytes[64] = {0};
    struct err err;
    struct msg m;

    (void)state;
    for (unsigned version = 0; version < 65536; version++) {
        bytes[0] = (uint8_t)(version >> 8);
        bytes[1] = (uint8_t)version;
        bool known = version == 1 || (version >= 5 && version <= 10);
        assert_int_equal(msg_version(bytes, sizeof bytes), version);
        assert_int_equal(read_msg(cur_of(bytes, sizeof bytes), &m, &err), known ? 0 : ERR_LIMIT);
        assert_int_equal(msg_header_len((uint16_t)version) > 0, known);
    }
    assert_int_equal(msg_version(bytes, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_v1),
        cmocka_unit_test(reads_v5_and_its_relatives),
        cmocka_unit_test(reads_v8),
        cmocka_unit_test(reads_v9),
        cmocka_unit_test(reads_ipfix),
        cmocka_unit_test(the_octets_count_where_the_length_of_ipfix_is_wrong),
        cmocka_unit_test(reads_one_ipfix_message_of_two),
        cmocka_unit_test(refuses_every_truncation_of_a_header),
        cmocka_unit_test(refuses_versions_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
