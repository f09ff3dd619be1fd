/* Expected octets are drawn by hand from RFC 3954 and 7011 and, for v5, from the table in
 * wire/msg.h. */
#include "flow/message.h"

#include "flow/kit.h"
#include "wire/fixed.h"
#include "wire/set.h"

enum { MTU = 1464 };

static const int64_t boot_ms = INT64_C(1700000000000);

static void put_flow(struct batch *b, size_t row, uint64_t packets)
{
    const struct addr src = addr_of_v4((uint8_t[]){192, 0, 2, 1});
    const struct addr dst = addr_of_v4((uint8_t[]){198, 51, 100, 2});

    assert_true(batch_put_raw(b, FIELD_SRC_ADDR, row, &src));
    assert_true(batch_put_raw(b, FIELD_DST_ADDR, row, &dst));
    assert_true(batch_put_u64(b, FIELD_SRC_PORT, row, 0x1f90));
    assert_true(batch_put_u64(b, FIELD_DST_PORT, row, 0x50));
    assert_true(batch_put_u64(b, FIELD_PROTO, row, 6));
    assert_true(batch_put_u64(b, FIELD_TCP_FLAGS, row, 0x1b));
    assert_true(batch_put_u64(b, FIELD_IN_IF, row, 3));
    assert_true(batch_put_u64(b, FIELD_PACKETS, row, packets));
    assert_true(batch_put_u64(b, FIELD_BYTES, row, UINT64_C(0x123456789)));
    assert_true(batch_put_u64(b, FIELD_SRC_AS, row, 65536));
    assert_true(batch_put_u64(b, FIELD_FIRST, row, (uint64_t)boot_ms + 1000));
    assert_true(batch_put_u64(b, FIELD_LAST, row, (uint64_t)boot_ms + 2000));
    b->rows = row + 1;
}

static void expect(const struct message *m, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        assert_true(at / 2 < m->b.len);
        uint8_t octet = m->b.data[at / 2];
        assert_int_equal(*hex, digits[at % 2 ? octet & 0xf : octet >> 4]);
        at++;
    }
    assert_int_equal(at, 2 * m->b.len);
}

static void writes_versions_without_templates(void **state)
{
    static const struct {
        uint16_t version;
        const char *datagram;
        size_t clipped; /* the bytes, and an AS number that two octets cannot hold */
        size_t most;
    } cases[] = {
        {1,
         "0001 0001 00000dac 6553f103 1dcd6500"
         "c0000201 c6336402 00000000 0003 0000 00000002 ffffffff 000003e8 000007d0"
         "1f90 0050 0000 06 00 1b 00 00 00 00000000",
         1, 24},
        {5,
         "0005 0001 00000dac 6553f103 1dcd6500 00000007 0102 4064"
         "c0000201 c6336402 00000000 0003 0000 00000002 ffffffff 000003e8 000007d0"
         "1f90 0050 00 1b 06 00 5ba0 0000 00 00 0000",
         2, 30},
        {6,
         "0006 0001 00000dac 6553f103 1dcd6500 00000007 0102 0000"
         "c0000201 c6336402 00000000 0003 0000 00000002 ffffffff 000003e8 000007d0"
         "1f90 0050 00 1b 06 00 5ba0 0000 00 00 00 00 00000000",
         2, 27},
        {7,
         "0007 0001 00000dac 6553f103 1dcd6500 00000007 00000000"
         "c0000201 c6336402 00000000 0003 0000 00000002 ffffffff 000003e8 000007d0"
         "1f90 0050 00 1b 06 00 5ba0 0000 00 00 0000 00000000",
         2, 27},
    };
    struct batch b;
    const struct encode_rows rows = {.batch = &b};
    uint8_t mem[MTU];

    (void)state;
    assert_true(batch_init(&b, 64));
    for (size_t i = 0; i < 31; i++)
        put_flow(&b, i, 2);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct message_session s = {.version = cases[i].version,
                                    .domain = 0x0102,
                                    .sampling = 0x4064,
                                    .boot_ms = boot_ms,
                                    .sequence = 7};
        struct encode *e;
        struct message m;
        assert_int_equal(encode_new(&e, fixed_layout(s.version, 0), NULL, NULL), 0);
        size_t len = encode_record_len(e);
        message_begin(&m, &s, boot_ms + 3500, mem, sizeof mem);
        assert_int_equal(message_rows(&m, 0, e, &rows, 0, 1), 1);
        message_end(&m);
        expect(&m, cases[i].datagram);
        assert_int_equal(m.clipped, cases[i].clipped);
        size_t header = m.b.len - len;
        message_begin(&m, &s, boot_ms + 3500, mem, sizeof mem);
        assert_int_equal(message_rows(&m, 0, e, &rows, 0, 31), cases[i].most);
        message_end(&m);
        assert_int_equal(m.b.len, header + cases[i].most * len);
        assert_int_equal(s.sequence, s.version == 1 ? 7 : 7 + 1 + cases[i].most);
        message_begin(&m, &s, boot_ms + 3500, mem, header + 11 * len - 1); /* a small MTU */
        assert_int_equal(message_rows(&m, 0, e, &rows, 0, 31), 10);
        assert_int_equal(message_rows(&m, 0, e, &rows, 10, 21), 0);
        message_end(&m);
        assert_int_equal(m.b.len, header + 10 * len);
        encode_free(e);
    }
    batch_free(&b);
}

static struct layout_field fields[] = {{.number = 8, .len = 4},
                                       {.number = 4, .len = 1},
                                       {.number = 1, .len = 8},
                                       {.number = 10, .len = 2},
                                       {.number = 152, .len = 8}};
static struct layout_field options[] = {{.number = 10, .len = 4, .scope = true},
                                        {.number = 82, .len = 6}};

static struct layout layout_of(enum space space, struct layout_field *f, size_t n, bool is_options)
{
    struct layout l = {.space = space, .options = is_options, .n = (uint16_t)n, .fields = f};

    assert_true(layout_measure(&l, f));
    return l;
}

static void writes_v9(void **state)
{
    struct message_session s = {
        .version = 9, .domain = 0x11223344, .boot_ms = boot_ms, .sequence = 5};
    struct layout l = layout_of(SPACE_V9, fields, 4, false);
    struct layout o = layout_of(SPACE_V9, options, 2, true);
    struct encode *e;
    struct message m;
    struct batch b;
    const struct encode_rows rows = {.batch = &b};
    uint8_t mem[MTU];

    (void)state;
    assert_true(batch_init(&b, 4));
    put_flow(&b, 0, 2);
    assert_int_equal(encode_new(&e, &l, NULL, NULL), 0);
    message_begin(&m, &s, boot_ms + 3500, mem, sizeof mem);
    assert_true(message_empty(&m));
    assert_true(message_template(&m, 256, &l));
    assert_true(message_template(&m, 257, &o));
    assert_int_equal(message_rows(&m, 256, e, &rows, 0, 1), 1);
    assert_true(message_record(&m, 257, "\0\0\0\3eth0\0", 10));
    message_end(&m);
    expect(&m, "0009 0004 00000dac 6553f103 00000005 11223344"
               "0000 0018 0100 0004 0008 0004 0004 0001 0001 0008 000a 0002"
               "0001 0014 0101 0004 0004 000a 0004 0052 0006 0000"
               "0100 0014 c0000201 06 0000000123456789 0003 00"
               "0101 0010 00000003 65746830 0000 0000");
    assert_int_equal(s.sequence, 6);
    encode_free(e);
    batch_free(&b);
}

static void writes_ipfix(void **state)
{
    struct message_session s = {.version = 10, .domain = 9, .boot_ms = boot_ms, .sequence = 100};
    struct layout l = layout_of(SPACE_IPFIX, fields, 5, false);
    struct layout o = layout_of(SPACE_IPFIX, options, 2, true);
    struct encode *e;
    struct message m;
    struct batch b;
    const struct encode_rows rows = {.batch = &b};
    uint8_t mem[MTU];

    (void)state;
    assert_true(batch_init(&b, 4));
    put_flow(&b, 0, 2);
    put_flow(&b, 1, 2);
    assert_int_equal(encode_new(&e, &l, NULL, NULL), 0);
    message_begin(&m, &s, boot_ms, mem, sizeof mem);
    assert_true(message_template(&m, 256, &l));
    assert_true(message_template(&m, 257, &o));
    assert_int_equal(message_rows(&m, 256, e, &rows, 1, 1), 1);
    message_end(&m);
    expect(&m, "000a 0059 6553f100 00000064 00000009"
               "0002 001c 0100 0005 0008 0004 0004 0001 0001 0008 000a 0002 0098 0008"
               "0003 0012 0101 0002 0001 000a 0004 0052 0006"
               "0100 001b c0000201 06 0000000123456789 0003 0000018bcfe56be8");
    assert_int_equal(s.sequence, 101); /* templates do not count */
    encode_free(e);
    batch_free(&b);
}

static void keeps_to_the_size(void **state)
{
    static const uint16_t versions[] = {9, 10};
    uint8_t mem[MTU];
    struct batch b;
    const struct encode_rows rows = {.batch = &b};

    (void)state;
    assert_true(batch_init(&b, 256));
    for (size_t i = 0; i < 256; i++)
        put_flow(&b, i, i);
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        struct message_session s = {.version = versions[v], .boot_ms = boot_ms};
        struct layout l = layout_of(s.version == 9 ? SPACE_V9 : SPACE_IPFIX, fields, 4, false);
        struct encode *e;
        struct message m;
        assert_int_equal(encode_new(&e, &l, NULL, NULL), 0);
        for (size_t max = 24; max < 600; max++) {
            message_begin(&m, &s, boot_ms, mem, max);
            bool room = message_template(&m, 256, &l);
            size_t n = message_rows(&m, 256, e, &rows, 0, 256);
            message_end(&m);
            assert_true(buf_ok(&m.b) && m.b.len <= max);
            /* One more would not have had room, with the most padding that may be needed. */
            assert_true(m.b.len + l.record_len + 4 + 6 > max);
            assert_true(room || max < 20 + 4 + 20 + 6);
            assert_true(n <= 256);
        }
        encode_free(e);
    }
    batch_free(&b);
}

/* Elements 187, 199 and 33 without columns; 95 of variable length, empty; octets of a row: abc.d */
static void writes_octets_beside_the_batch(void **state)
{
    static const uint8_t octets[] = "abc.dABC.D";
    static const uint16_t places[] = {4, ENCODE_COLUMN, 0, 2, ENCODE_ZERO, ENCODE_ZERO};
    struct layout_field f[] = {{.number = 187, .len = 1},
                               {.number = 4, .len = 1},
                               {.number = 199, .len = 2},
                               {.number = 33, .len = 1},
                               {.enterprise = 9, .number = 12235, .len = LAYOUT_VARLEN},
                               {.number = 95, .len = 4}};
    struct message_session s = {.version = 10, .boot_ms = boot_ms};
    struct layout l = layout_of(SPACE_IPFIX, f, COUNT_OF(f), false);
    struct batch b;
    const struct encode_rows rows = {.batch = &b, .octets = octets, .stride = 5};
    struct encode *e;
    struct message m;
    uint8_t mem[MTU];

    (void)state;
    assert_true(batch_init(&b, 4));
    put_flow(&b, 0, 2);
    put_flow(&b, 1, 2);
    assert_int_equal(encode_new(&e, &l, places, NULL), 0);
    message_begin(&m, &s, boot_ms, mem, sizeof mem);
    assert_true(message_template(&m, 256, &l));
    assert_int_equal(message_rows(&m, 256, e, &rows, 0, 2), 2);
    message_end(&m);
    expect(&m, "000a 004c 6553f100 00000000 00000000"
               "0002 0024 0100 0006 00bb 0001 0004 0001 00c7 0002 0021 0001 afcb ffff 00000009"
               "005f 0004"
               "0100 0018 64 06 6162 63 00 00000000 44 06 4142 43 00 00000000");
    encode_free(e);
    batch_free(&b);
}

static void refuses_what_it_cannot_write(void **state)
{
    struct layout_field unknown[] = {{.number = 499, .len = 4}};
    struct layout_field odd[] = {{.number = 8, .len = 6}};
    struct layout_field variable[] = {{.number = 82, .len = LAYOUT_VARLEN}};
    struct layout l;
    struct encode *e;
    struct err err;

    (void)state;
    l = layout_of(SPACE_IPFIX, unknown, 1, false);
    assert_int_equal(encode_new(&e, &l, NULL, &err), ERR_CONFIG);
    assert_string_equal(err.text, "element 0/499 with 4 octets cannot be exported");
    l = layout_of(SPACE_IPFIX, odd, 1, false);
    assert_int_equal(encode_new(&e, &l, NULL, &err), ERR_CONFIG);
    l = layout_of(SPACE_IPFIX, variable, 1, false);
    assert_int_equal(encode_new(&e, &l, NULL, &err), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_versions_without_templates),
        cmocka_unit_test(writes_v9),
        cmocka_unit_test(writes_ipfix),
        cmocka_unit_test(keeps_to_the_size),
        cmocka_unit_test(writes_octets_beside_the_batch),
        cmocka_unit_test(refuses_what_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
