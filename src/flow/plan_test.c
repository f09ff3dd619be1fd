/* Which element fills which column, and what goes to `extra`. */
#include "flow/kit.h"

static void one(struct kit *k, uint16_t version, const char *layout, const char *record)
{
    kit_clear(k);
    kit_flows(k, version, layout, record);
    assert_int_equal(k->flows.rows, 1);
}

static void unknown_elements_are_kept_as_hex(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "4:1 500:3 9/12235:2 4294967295/32767:1 29305/4:1", "06 0a0b0c d0d1 7f 11");
    want_u64(&k.flows, 0, FIELD_PROTO, 6);
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/500\":[\"0a0b0c\"],\"29305/4\":[\"11\"],\"4294967295/32767\":[\"7f\"],\"9/"
              "12235\":[\"d0d1\"]}");
    /* v9's numbers above 32767 are plain numbers. */
    one(&k, 9, "4:1 57554:2 65535:1", "06 0a0b ff");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/57554\":[\"0a0b\"],\"0/65535\":[\"ff\"]}");
    kit_close(&k);
}

static void several_of_one_key_stand_in_one_array_in_the_templates_order(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "9/12235:2 500:1 9/12235:v 4:1 9/12235:1", "0102 aa 03 030405 06 07");
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/500\":[\"aa\"],\"9/12235\":[\"0102\",\"030405\",\"07\"]}");
    kit_close(&k);
}

/* RFC 7011 section 8: outermost first. */
static void of_a_repeated_element_the_first_fills_the_field(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "8:4 12:4 4:1 8:4 12:4 4:1 4:1", "0a000001 0a000002 2f c0000201 c0000202 06 11");
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    want_addr(&k.flows, 0, FIELD_DST_ADDR, "10.0.0.2");
    want_u64(&k.flows, 0, FIELD_PROTO, 47);
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/12\":[\"c0000202\"],\"0/4\":[\"06\",\"11\"],\"0/8\":[\"c0000201\"]}");
    /* A twin besides a repeated one: the first IPv4, else the first IPv6. */
    one(&k, 10, "8:4 8:4 27:16 27:16",
        "00000000 c0000201 20010db8000000000000000000000001 20010db8000000000000000000000002");
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "2001:db8::1");
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/27\":[\"20010db8000000000000000000000002\"],\"0/8\":[\"c0000201\"]}");
    kit_close(&k);
}

static void other_spellings_of_a_field_give_way(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "182:2 7:2 180:2", "0001 0002 0003");
    want_u64(&k.flows, 0, FIELD_SRC_PORT, 2);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/180\":[\"0003\"],\"0/182\":[\"0001\"]}");
    one(&k, 10, "183:2", "01bb");
    want_u64(&k.flows, 0, FIELD_DST_PORT, 443);
    want_none(&k.flows, 0, FIELD_EXTRA);
    kit_close(&k);
}

static void padding_is_dropped(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "4:1 210:3 7:2 210:v 11:2", "06 ffffff 0050 02 eeee 01bb");
    want_u64(&k.flows, 0, FIELD_PROTO, 6);
    want_u64(&k.flows, 0, FIELD_SRC_PORT, 80);
    want_u64(&k.flows, 0, FIELD_DST_PORT, 443);
    want_none(&k.flows, 0, FIELD_EXTRA);
    kit_close(&k);
}

/* A field of no octets says nothing (Junos sends such scopes); thousands of them must not make
 * a record of one octet into a hundred thousand of text. */
static void fields_of_no_octets_leave_no_trace(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "500:0 4:1 1:0 8:0 9/1:0 82:0", "06");
    want_u64(&k.flows, 0, FIELD_PROTO, 6);
    want_none(&k.flows, 0, FIELD_BYTES);
    want_none(&k.flows, 0, FIELD_SRC_ADDR);
    want_none(&k.flows, 0, FIELD_IF_NAME);
    want_none(&k.flows, 0, FIELD_EXTRA);
    /* Of a variable-length field it is a value: the empty one. */
    one(&k, 10, "4:1 82:v 9/1:v", "06 00 00");
    want_text(&k.flows, 0, FIELD_IF_NAME, "");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"9/1\":[\"\"]}");
    kit_close(&k);
}

static void variable_lengths_short_and_long(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 10, "4:1 82:v 7:2",
              "06 04 65746830 0050 11 00 0035 3a ff0003 6c6f30 0000 01 ff0000 0007");
    assert_int_equal(k.flows.rows, 4);
    want_text(&k.flows, 0, FIELD_IF_NAME, "eth0");
    want_u64(&k.flows, 0, FIELD_SRC_PORT, 80);
    want_text(&k.flows, 1, FIELD_IF_NAME, "");
    want_u64(&k.flows, 1, FIELD_SRC_PORT, 53);
    want_text(&k.flows, 2, FIELD_IF_NAME, "lo0");
    want_u64(&k.flows, 2, FIELD_PROTO, 58);
    want_text(&k.flows, 3, FIELD_IF_NAME, "");
    want_u64(&k.flows, 3, FIELD_SRC_PORT, 7);
    kit_close(&k);
}

/* RFC 7011 A.5: 5 octets with a length of one octet, 1000 with a length of three. */
static void the_variable_lengths_of_rfc_7011(void **state)
{
    struct kit k;
    char text[1001];

    (void)state;
    memset(text, 'x', 1000);
    text[1000] = '\0';
    kit_setup(&k);
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "96:v 4:1");
    set_begin(&k, 256);
    hex(&k.msg, "05 6f637465 74 06");
    hex(&k.msg, "ff 03e8");
    buf_text(&k.msg, text);
    hex(&k.msg, "11");
    set_end(&k);
    kit_send(&k);
    assert_int_equal(k.flows.rows, 2);
    want_text(&k.flows, 0, FIELD_APP_NAME, "octet");
    want_u64(&k.flows, 0, FIELD_PROTO, 6);
    want_text(&k.flows, 1, FIELD_APP_NAME, text);
    want_u64(&k.flows, 1, FIELD_PROTO, 17);
    kit_close(&k);
}

static void a_variable_record_cut_short_ends_its_set_only(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "4:1 82:v");
    data_set(&k, 256, "06 02 6161 11 05 6262");
    data_set(&k, 256, "3a 01 63");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 2);
    want_text(&k.flows, 0, FIELD_IF_NAME, "aa");
    want_u64(&k.flows, 1, FIELD_PROTO, 58);
    want_count(&k, COUNT_BAD_RECORD, 1);
    want_count(&k, COUNT_FLOWS, 2);
    /* Every cut: all whole records and nothing else. */
    static const char *const whole = "06ff00046162636411020102";
    for (size_t n = 0; n <= strlen(whole) / 2; n++) {
        char cut[32] = "";
        memcpy(cut, whole, 2 * n);
        kit_clear(&k);
        msg_begin(&k, 10);
        data_set(&k, 256, cut);
        kit_send(&k);
        assert_int_equal(k.flows.rows, n == 12 ? 2 : n >= 8 ? 1 : 0);
    }
    kit_close(&k);
}

/* Padding behind the records of a set is shorter than a record (RFC 7011 section 3.3.1). */
static void padding_behind_records_is_no_record(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "8:4 4:1", "0a000001 06 0a000002 11 0000");
    assert_int_equal(k.flows.rows, 2);
    want_count(&k, COUNT_BAD_RECORD, 0);
    kit_clear(&k);
    kit_flows(&k, 10, "8:4 82:v", "0a000001 01 61 000000");
    assert_int_equal(k.flows.rows, 1);
    want_count(&k, COUNT_BAD_RECORD, 0);
    kit_close(&k);
}

/* RFC 6313: kept whole. */
static void structured_data_stays_whole(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "4:1 291:v 292:v 293:v 7:2",
        "06 09 03 0008 0004 0a000001 04 ff 0101 aa ff0006 03 0101 0005 bb 0050");
    want_u64(&k.flows, 0, FIELD_SRC_PORT, 80);
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/291\":[\"03000800040a000001\"],\"0/292\":[\"ff0101aa\"],\"0/"
              "293\":[\"0301010005bb\"]}");
    kit_close(&k);
}

static void reverse_elements_of_rfc_5103(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10,
        "1:4 2:4 29305/1:8 29305/2:4 29305/86:4 29305/6:1 29305/152:8 29305/153:8 29305/8:4",
        "00000064 00000001 00000000000000c8 00000002 00000003 12 0000018bcfe56800 0000018bcfe56801 "
        "0a000001");
    want_u64(&k.flows, 0, FIELD_BYTES, 100);
    want_u64(&k.flows, 0, FIELD_PACKETS, 1);
    want_u64(&k.flows, 0, FIELD_REV_BYTES, 200);
    want_u64(&k.flows, 0, FIELD_REV_PACKETS, 2);
    want_u64(&k.flows, 0, FIELD_REV_PACKETS_TOTAL, 3);
    want_u64(&k.flows, 0, FIELD_REV_TCP_FLAGS, 0x12);
    want_u64(&k.flows, 0, FIELD_REV_FIRST, UINT64_C(1700000000000));
    want_u64(&k.flows, 0, FIELD_REV_LAST, UINT64_C(1700000000001));
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"29305/8\":[\"0a000001\"]}");
    kit_close(&k);
}

static void v9_and_ipfix_number_differently(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "40001:4 40002:4 40003:2 40004:2 40005:1 33002:2 40000:4",
        "c0000201 c0000202 0401 0402 02 03e9 626f6200");
    want_addr(&k.flows, 0, FIELD_NAT_SRC_ADDR, "192.0.2.1");
    want_addr(&k.flows, 0, FIELD_NAT_DST_ADDR, "192.0.2.2");
    want_u64(&k.flows, 0, FIELD_NAT_SRC_PORT, 1025);
    want_u64(&k.flows, 0, FIELD_NAT_DST_PORT, 1026);
    want_u64(&k.flows, 0, FIELD_FW_EVENT, 2);
    want_u64(&k.flows, 0, FIELD_FW_EXT_EVENT, 1001);
    want_text(&k.flows, 0, FIELD_USERNAME, "bob");
    /* An enterprise's element 8 is not IANA's. */
    one(&k, 10, "9/8:4 8:4", "01020304 0a000001");
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"9/8\":[\"01020304\"]}");
    kit_close(&k);
}

/* RFC 3954 6.1: the scope of v9 counts by numbers of its own. */
static void the_scope_of_v9_is_a_space_of_its_own(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 9);
    options_set(&k, 9, 300, "2:4", "82:4 1:4");
    data_set(&k, 300, "00000005 65746830 00000009");
    kit_send(&k);
    assert_int_equal(k.options.rows, 1);
    want_u64(&k.options, 0, FIELD_SCOPE_INTERFACE, 5);
    want_none(&k.options, 0, FIELD_PACKETS);
    want_u64(&k.options, 0, FIELD_BYTES, 9);
    want_text(&k.options, 0, FIELD_IF_NAME, "eth0");
    want_u64(&k.options, 0, FIELD_RECORD_KIND, RECORD_OPTIONS);

    kit_clear(&k);
    msg_begin(&k, 10); /* in IPFIX it is elements */
    options_set(&k, 10, 300, "10:4", "82:4");
    data_set(&k, 300, "00000005 65746830");
    kit_send(&k);
    want_u64(&k.options, 0, FIELD_IN_IF, 5);
    want_none(&k.options, 0, FIELD_SCOPE_INTERFACE);
    kit_close(&k);
}

static void kinds_are_told_by_their_elements(void **state)
{
    static const struct {
        const char *layout;
        const char *record;
        enum record_kind kind;
    } cases[] = {
        {"8:4 1:4", "0a000001 00000001", RECORD_FLOW},
        {"8:4 233:1", "0a000001 03", RECORD_FIREWALL},
        {"8:4 230:1", "0a000001 01", RECORD_NAT},
        {"8:4 230:1 1:4", "0a000001 01 00000001", RECORD_FLOW},
        {"8:4 315:v", "0a000001 02 aabb", RECORD_SAMPLE},
        {"8:4 85:4", "0a000001 00000001", RECORD_FLOW},
    };
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        one(&k, 10, cases[i].layout, cases[i].record);
        want_u64(&k.flows, 0, FIELD_RECORD_KIND, cases[i].kind);
    }
    kit_close(&k);
}

static void rows_of_several_layouts_mix_in_a_batch(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "8:4 4:1");
    template_set(&k, 10, 257, "27:16 82:v");
    data_set(&k, 256, "0a000001 06");
    data_set(&k, 257, "20010db8000000000000000000000001 02 6161");
    data_set(&k, 256, "0a000002 11");
    kit_send(&k);
    assert_int_equal(k.flows.rows, 3);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "10.0.0.1");
    want_none(&k.flows, 0, FIELD_IF_NAME);
    want_addr(&k.flows, 1, FIELD_SRC_ADDR, "2001:db8::1");
    want_none(&k.flows, 1, FIELD_PROTO);
    want_text(&k.flows, 1, FIELD_IF_NAME, "aa");
    want_u64(&k.flows, 2, FIELD_PROTO, 17);
    want_none(&k.flows, 2, FIELD_IF_NAME);
    kit_close(&k);
}

/* More records than a batch holds: none is lost at the seam. */
static void records_go_on_in_the_next_batch(void **state)
{
    enum { RECORDS = 3 * BATCH_ROWS + 17 };
    struct kit k;

    (void)state;
    kit_setup(&k);
    msg_begin(&k, 10);
    template_set(&k, 10, 256, "1:4");
    template_set(&k, 10, 257, "1:4 500:v");
    set_begin(&k, 256);
    for (unsigned i = 0; i < RECORDS; i++)
        buf_u32(&k.msg, i);
    set_end(&k);
    kit_send(&k);
    msg_begin(&k, 10);
    set_begin(&k, 257); /* and one by one */
    for (unsigned i = 0; i < RECORDS; i++) {
        buf_u32(&k.msg, RECORDS + i);
        buf_u8(&k.msg, 0);
    }
    set_end(&k);
    kit_send(&k);
    assert_int_equal(k.flows.rows, 2 * RECORDS);
    for (unsigned i = 0; i < 2 * RECORDS; i++) {
        want_u64(&k.flows, i, FIELD_BYTES, i);
        assert_int_equal(batch_has(&k.flows, FIELD_EXTRA, i), i >= RECORDS);
    }
    want_count(&k, COUNT_FLOWS, 2 * RECORDS);
    kit_close(&k);
}

/* Every element with every length, twice each, in both versions and as fixed and as scope: nothing
 * may read beyond the record, which ends where the memory does. */
static void any_element_of_any_length_stays_within_its_record(void **state)
{
    struct kit k;
    char layout[64];
    char record[256];

    (void)state;
    memset(record, 'f', sizeof record);
    kit_setup(&k);
    for (unsigned number = 1; number < 520; number++)
        for (unsigned len = 1; len <= 20; len++) {
            (void)snprintf(layout, sizeof layout, "%u:%u 29305/%u:%u %u:%u", number, len, number,
                           len, number, len);
            record[6 * len] = '\0';
            for (unsigned version = 9; version <= 10; version++) {
                kit_clear(&k);
                kit_flows(&k, (uint16_t)version, layout, record);
                assert_int_equal(k.flows.rows, 1);
                want_count(&k, COUNT_FLOWS, 1);
            }
            record[6 * len] = 'f';
        }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_elements_are_kept_as_hex),
        cmocka_unit_test(several_of_one_key_stand_in_one_array_in_the_templates_order),
        cmocka_unit_test(of_a_repeated_element_the_first_fills_the_field),
        cmocka_unit_test(other_spellings_of_a_field_give_way),
        cmocka_unit_test(padding_is_dropped),
        cmocka_unit_test(fields_of_no_octets_leave_no_trace),
        cmocka_unit_test(variable_lengths_short_and_long),
        cmocka_unit_test(the_variable_lengths_of_rfc_7011),
        cmocka_unit_test(a_variable_record_cut_short_ends_its_set_only),
        cmocka_unit_test(padding_behind_records_is_no_record),
        cmocka_unit_test(structured_data_stays_whole),
        cmocka_unit_test(reverse_elements_of_rfc_5103),
        cmocka_unit_test(v9_and_ipfix_number_differently),
        cmocka_unit_test(the_scope_of_v9_is_a_space_of_its_own),
        cmocka_unit_test(kinds_are_told_by_their_elements),
        cmocka_unit_test(rows_of_several_layouts_mix_in_a_batch),
        cmocka_unit_test(records_go_on_in_the_next_batch),
        cmocka_unit_test(any_element_of_any_length_stays_within_its_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
