/* The records of v1, v5, v6, v7 and v8: every octet of a record is its offset + 1, so a value says
 * where it was read. The tables are written by hand from flow-tools' ftlib and cflowd 2.1 (for v8
 * also Cisco's NFC text). Octets that no row names must come out nowhere. */
#include "flow/kit.h"

/* clang-format off */

struct at {
    enum field_id field;
    unsigned offset;
    unsigned octets;
};

#define V1_TO_V7 \
    {FIELD_SRC_ADDR, 0, 4}, {FIELD_DST_ADDR, 4, 4}, {FIELD_NEXT_HOP, 8, 4}, {FIELD_IN_IF, 12, 2}, \
    {FIELD_OUT_IF, 14, 2}, {FIELD_PACKETS, 16, 4}, {FIELD_BYTES, 20, 4}, {FIELD_FIRST, 24, 4}, \
    {FIELD_LAST, 28, 4}, {FIELD_SRC_PORT, 32, 2}, {FIELD_DST_PORT, 34, 2}
#define V5_TO_V7 \
    V1_TO_V7, {FIELD_TCP_FLAGS, 37, 1}, {FIELD_PROTO, 38, 1}, {FIELD_TOS, 39, 1}, {FIELD_SRC_AS, 40, 2}, \
    {FIELD_DST_AS, 42, 2}, {FIELD_SRC_MASK, 44, 1}, {FIELD_DST_MASK, 45, 1}
#define V8 \
    {FIELD_FLOWS, 0, 4}, {FIELD_PACKETS, 4, 4}, {FIELD_BYTES, 8, 4}, {FIELD_FIRST, 12, 4}, {FIELD_LAST, 16, 4}

enum { FIELDS = 24 };

static const struct {
    uint16_t version;
    uint8_t scheme;
    unsigned octets;
    struct at at[FIELDS];
} records[] = {
    {1, 0, 48, {V1_TO_V7, {FIELD_PROTO, 38, 1}, {FIELD_TOS, 39, 1}, {FIELD_TCP_FLAGS, 40, 1},
        {FIELD_TCP_RETX_COUNT, 41, 1}, {FIELD_TCP_RETX_SECS, 42, 1}, {FIELD_TCP_MISSEQ, 43, 1}}},
    {1, 0, 52, {V1_TO_V7, {FIELD_PROTO, 38, 1}, {FIELD_TOS, 39, 1}, {FIELD_TCP_FLAGS, 40, 1},
        {FIELD_TCP_RETX_COUNT, 41, 1}, {FIELD_TCP_RETX_SECS, 42, 1}, {FIELD_TCP_MISSEQ, 43, 1}}},
    {5, 0, 48, {V5_TO_V7}},
    {6, 0, 52, {V5_TO_V7, {FIELD_IN_ENCAPS, 46, 1}, {FIELD_OUT_ENCAPS, 47, 1}, {FIELD_PEER_NEXT_HOP, 48, 4}}},
    {7, 0, 52, {V5_TO_V7, {FIELD_VALID_FLAGS, 36, 1}, {FIELD_FLAGS2, 46, 2}, {FIELD_ROUTER_SC, 48, 4}}},
    {8, 1, 28, {V8, {FIELD_SRC_AS, 20, 2}, {FIELD_DST_AS, 22, 2}, {FIELD_IN_IF, 24, 2}, {FIELD_OUT_IF, 26, 2}}},
    {8, 2, 28, {V8, {FIELD_PROTO, 20, 1}, {FIELD_SRC_PORT, 24, 2}, {FIELD_DST_PORT, 26, 2}}},
    {8, 3, 32, {V8, {FIELD_SRC_PREFIX, 20, 4}, {FIELD_SRC_MASK, 24, 1}, {FIELD_SRC_AS, 26, 2}, {FIELD_IN_IF, 28, 2}}},
    {8, 4, 32, {V8, {FIELD_DST_PREFIX, 20, 4}, {FIELD_DST_MASK, 24, 1}, {FIELD_DST_AS, 26, 2}, {FIELD_OUT_IF, 28, 2}}},
    {8, 5, 40, {V8, {FIELD_SRC_PREFIX, 20, 4}, {FIELD_DST_PREFIX, 24, 4}, {FIELD_DST_MASK, 28, 1},
        {FIELD_SRC_MASK, 29, 1}, {FIELD_SRC_AS, 32, 2}, {FIELD_DST_AS, 34, 2}, {FIELD_IN_IF, 36, 2},
        {FIELD_OUT_IF, 38, 2}}},
    {8, 6, 32, {{FIELD_DST_ADDR, 0, 4}, {FIELD_PACKETS, 4, 4}, {FIELD_BYTES, 8, 4}, {FIELD_FIRST, 12, 4},
        {FIELD_LAST, 16, 4}, {FIELD_OUT_IF, 20, 2}, {FIELD_TOS, 22, 1}, {FIELD_MARKED_TOS, 23, 1},
        {FIELD_EXTRA_PACKETS, 24, 4}, {FIELD_ROUTER_SC, 28, 4}}},
    {8, 7, 40, {{FIELD_DST_ADDR, 0, 4}, {FIELD_SRC_ADDR, 4, 4}, {FIELD_PACKETS, 8, 4}, {FIELD_BYTES, 12, 4},
        {FIELD_FIRST, 16, 4}, {FIELD_LAST, 20, 4}, {FIELD_OUT_IF, 24, 2}, {FIELD_IN_IF, 26, 2}, {FIELD_TOS, 28, 1},
        {FIELD_MARKED_TOS, 29, 1}, {FIELD_EXTRA_PACKETS, 32, 4}, {FIELD_ROUTER_SC, 36, 4}}},
    {8, 8, 44, {{FIELD_DST_ADDR, 0, 4}, {FIELD_SRC_ADDR, 4, 4}, {FIELD_DST_PORT, 8, 2}, {FIELD_SRC_PORT, 10, 2},
        {FIELD_PACKETS, 12, 4}, {FIELD_BYTES, 16, 4}, {FIELD_FIRST, 20, 4}, {FIELD_LAST, 24, 4}, {FIELD_OUT_IF, 28, 2},
        {FIELD_IN_IF, 30, 2}, {FIELD_TOS, 32, 1}, {FIELD_PROTO, 33, 1}, {FIELD_MARKED_TOS, 34, 1},
        {FIELD_EXTRA_PACKETS, 36, 4}, {FIELD_ROUTER_SC, 40, 4}}},
    {8, 9, 32, {V8, {FIELD_SRC_AS, 20, 2}, {FIELD_DST_AS, 22, 2}, {FIELD_IN_IF, 24, 2}, {FIELD_OUT_IF, 26, 2},
        {FIELD_TOS, 28, 1}}},
    {8, 10, 32, {V8, {FIELD_PROTO, 20, 1}, {FIELD_TOS, 21, 1}, {FIELD_SRC_PORT, 24, 2}, {FIELD_DST_PORT, 26, 2},
        {FIELD_IN_IF, 28, 2}, {FIELD_OUT_IF, 30, 2}}},
    {8, 11, 32, {V8, {FIELD_SRC_PREFIX, 20, 4}, {FIELD_SRC_MASK, 24, 1}, {FIELD_TOS, 25, 1}, {FIELD_SRC_AS, 26, 2},
        {FIELD_IN_IF, 28, 2}}},
    {8, 12, 32, {V8, {FIELD_DST_PREFIX, 20, 4}, {FIELD_DST_MASK, 24, 1}, {FIELD_TOS, 25, 1}, {FIELD_DST_AS, 26, 2},
        {FIELD_OUT_IF, 28, 2}}},
    {8, 13, 40, {V8, {FIELD_SRC_PREFIX, 20, 4}, {FIELD_DST_PREFIX, 24, 4}, {FIELD_DST_MASK, 28, 1},
        {FIELD_SRC_MASK, 29, 1}, {FIELD_TOS, 30, 1}, {FIELD_SRC_AS, 32, 2}, {FIELD_DST_AS, 34, 2}, {FIELD_IN_IF, 36, 2},
        {FIELD_OUT_IF, 38, 2}}},
    {8, 14, 40, {V8, {FIELD_SRC_PREFIX, 20, 4}, {FIELD_DST_PREFIX, 24, 4}, {FIELD_DST_MASK, 28, 1},
        {FIELD_SRC_MASK, 29, 1}, {FIELD_TOS, 30, 1}, {FIELD_PROTO, 31, 1}, {FIELD_SRC_PORT, 32, 2},
        {FIELD_DST_PORT, 34, 2}, {FIELD_IN_IF, 36, 2}, {FIELD_OUT_IF, 38, 2}}},
};

/* What each row has besides its record's values. */
static const enum field_id common[] = {FIELD_TIME, FIELD_RECEIVED, FIELD_EXPORT, FIELD_EXPORTER, FIELD_VERSION,
                                       FIELD_RECORD_KIND, FIELD_RATE, FIELD_RATE_FROM};
/* clang-format on */

/* The header; `count` records follow. Half a second past, engine 2/3, sampling 0. */
static void header(struct kit *k, uint16_t version, uint16_t count, uint8_t scheme)
{
    struct buf *b = &k->msg;

    buf_reset(b);
    buf_u16(b, version);
    buf_u16(b, count);
    buf_u32(b, k->uptime_ms);
    buf_u32(b, k->export_s);
    buf_u32(b, 500000000);
    if (version == 1)
        return;
    buf_u32(b, 4711);
    buf_u8(b, 2);
    buf_u8(b, 3);
    buf_u8(b, scheme);
    buf_u8(b, version == 8 ? 2 : 0);
    if (version == 8)
        buf_u32(b, 0);
}

static void check_value(const struct kit *k, size_t row, const struct at *a, unsigned first)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < a->octets; i++)
        v = v << 8 | (uint8_t)(first + a->offset + i);
    if (field_table[a->field].kind == KIND_ADDR) {
        char want[ADDR_TEXT];
        (void)snprintf(want, sizeof want, "%u.%u.%u.%u", (unsigned)(v >> 24),
                       (unsigned)(v >> 16 & 0xff), (unsigned)(v >> 8 & 0xff), (unsigned)(v & 0xff));
        want_addr(&k->flows, row, a->field, want);
    } else if (field_table[a->field].kind == KIND_TIME) {
        uint64_t export_ms = (uint64_t)k->export_s * 1000 + 500;
        want_u64(&k->flows, row, a->field, export_ms - (k->uptime_ms - v));
    } else {
        want_u64(&k->flows, row, a->field, v);
    }
}

static bool named(const struct at *at, enum field_id f)
{
    for (size_t i = 0; i < COUNT_OF(common); i++)
        if (common[i] == f)
            return true;
    for (size_t i = 0; i < FIELDS && at[i].octets > 0; i++)
        if (at[i].field == f)
            return true;
    return false;
}

static void check_row(const struct kit *k, size_t row, uint16_t version, const struct at *at,
                      unsigned first)
{
    bool engine = version == 5 || version == 6 || version == 8;

    for (size_t i = 0; i < FIELDS && at[i].octets > 0; i++)
        check_value(k, row, &at[i], first);
    want_u64(&k->flows, row, FIELD_VERSION, version);
    want_u64(&k->flows, row, FIELD_RECORD_KIND, RECORD_FLOW);
    if (engine) {
        want_u64(&k->flows, row, FIELD_ENGINE_TYPE, 2);
        want_u64(&k->flows, row, FIELD_ENGINE_ID, 3);
    }
    for (int f = 0; f < FIELD_N; f++)
        if (!named(at, (enum field_id)f) &&
            !(engine && (f == FIELD_ENGINE_TYPE || f == FIELD_ENGINE_ID)))
            want_none(&k->flows, row, (enum field_id)f);
}

static void every_field_of_every_version_stands_at_its_offset(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    k.uptime_ms = 0x20000000; /* above every First and Last */
    for (size_t r = 0; r < COUNT_OF(records); r++) {
        kit_clear(&k);
        header(&k, records[r].version, 3, records[r].scheme);
        for (unsigned i = 0; i < 3 * records[r].octets; i++) /* the second record begins at 61 */
            buf_u8(&k.msg, (uint8_t)(1 + i / records[r].octets * 60 + i % records[r].octets));
        kit_datagram(&k, k.msg.data, k.msg.len);
        decoder_flush(k.d);
        assert_int_equal(k.flows.rows, 3);
        for (unsigned row = 0; row < 3; row++)
            check_row(&k, row, records[r].version, records[r].at, 1 + row * 60);
        want_count(&k, COUNT_BAD_COUNT, 0);
        want_count(&k, COUNT_BAD_LENGTH, 0);
    }
    kit_close(&k);
}

/* v5's header says a rate; in v6 and v7 the same octets are reserved. */
static void the_header_of_v5_says_the_rate(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (uint16_t version = 5; version <= 7; version++) {
        kit_clear(&k);
        header(&k, version, 1, 0);
        patch_u16(&k, 22, 0x4000 | 1000);
        for (unsigned i = 0; i < (version == 5 ? 48 : 52); i++)
            buf_u8(&k.msg, 1);
        kit_datagram(&k, k.msg.data, k.msg.len);
        decoder_flush(k.d);
        want_f64(&k.flows, 0, FIELD_RATE, version == 5 ? 1000 : 1);
        want_u64(&k.flows, 0, FIELD_RATE_FROM, version == 5 ? RATE_HEADER : RATE_NONE);
    }
    kit_close(&k);
}

static void a_scheme_that_does_not_exist_is_refused(void **state)
{
    static const uint8_t schemes[] = {0, 15, 255};
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        kit_clear(&k);
        header(&k, 8, 1, schemes[i]);
        hex(&k.msg, "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000");
        kit_datagram(&k, k.msg.data, k.msg.len);
        assert_int_equal(k.flows.rows, 0);
        want_count(&k, COUNT_BAD_VERSION, 1);
    }
    kit_close(&k);
}

/* The octets decide: of every length, and every count, as many as there are whole records. */
static void counts_that_lie_are_counted_and_the_octets_decide(void **state)
{
    static const uint16_t counts[] = {0, 1, 2, 3, 30, 31, 55582, 65535};
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (size_t c = 0; c < COUNT_OF(counts); c++)
        for (size_t octets = 0; octets <= 3 * 48; octets++) {
            kit_clear(&k);
            header(&k, 5, counts[c], 0);
            for (size_t i = 0; i < octets; i++)
                buf_u8(&k.msg, 1);
            kit_datagram(&k, k.msg.data, k.msg.len);
            decoder_flush(k.d);
            size_t fit = octets / 48;
            size_t want = counts[c] < fit ? counts[c] : fit;
            assert_int_equal(k.flows.rows, want);
            want_count(&k, COUNT_FLOWS, want);
            want_count(&k, COUNT_BAD_COUNT, counts[c] > fit);
            want_count(&k, COUNT_BAD_LENGTH, counts[c] <= fit && octets > want * 48);
            want_count(&k, COUNT_DATAGRAMS, 1);
            want_count(&k, COUNT_DATAGRAM_BYTES, 24 + octets);
        }
    kit_close(&k);
}

/* Broken firmware sends more than the format's 30, softflowd more than v1's 24. */
static void more_records_than_the_format_allows_are_taken(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    header(&k, 5, 1000, 0);
    for (unsigned i = 0; i < 1000 * 48; i++)
        buf_u8(&k.msg, 1);
    kit_datagram(&k, k.msg.data, k.msg.len);
    decoder_flush(k.d);
    assert_int_equal(k.flows.rows, 1000);
    want_count(&k, COUNT_BAD_COUNT, 0);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_version_stands_at_its_offset),
        cmocka_unit_test(the_header_of_v5_says_the_rate),
        cmocka_unit_test(a_scheme_that_does_not_exist_is_refused),
        cmocka_unit_test(counts_that_lie_are_counted_and_the_octets_decide),
        cmocka_unit_test(more_records_than_the_format_allows_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
