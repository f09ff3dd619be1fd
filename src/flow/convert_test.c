/* Each conversion with values that a specification states. All through a decoder: what counts is
 * what arrives in the column. */
#include "flow/kit.h"

/* One record; then see `k->flows`, row 0. */
static void one(struct kit *k, uint16_t version, const char *layout, const char *record)
{
    kit_clear(k);
    kit_flows(k, version, layout, record);
    assert_int_equal(k->flows.rows, 1);
    want_count(k, COUNT_FLOWS, 1);
}

static void reduced_sizes_fill_every_width(void **state)
{
    /* One field for each width: proto u8, src_port u16, in_if u32, bytes u64. */
    static const struct {
        uint16_t number;
        enum field_id field;
        unsigned width;
    } fields[] = {
        {4, FIELD_PROTO, 1}, {7, FIELD_SRC_PORT, 2}, {10, FIELD_IN_IF, 4}, {1, FIELD_BYTES, 8}};
    struct kit k;

    (void)state;
    kit_setup(&k);
    for (size_t f = 0; f < COUNT_OF(fields); f++)
        for (unsigned len = 1; len <= 8; len++) {
            char layout[16];
            char record[17] = "0000000000000000";
            uint64_t value = 0;
            /* Distinct octets in the low `width`, zeros above. */
            for (unsigned i = 0; i < len; i++) {
                unsigned octet = i < fields[f].width ? 0xa1 + i : 0;
                char two[3];
                (void)snprintf(two, sizeof two, "%02x", octet);
                memcpy(record + 2 * (len - 1 - i), two, 2);
                value |= (uint64_t)octet << 8 * i;
            }
            record[2 * len] = '\0';
            (void)snprintf(layout, sizeof layout, "%u:%u", fields[f].number, len);
            one(&k, 10, layout, record);
            want_u64(&k.flows, 0, fields[f].field, value);
            want_none(&k.flows, 0, FIELD_EXTRA);
        }
    kit_close(&k);
}

static void what_is_too_wide_goes_to_extra_whole(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "4:2 7:4 10:8", "0106 00010050 0000000100000002");
    want_none(&k.flows, 0, FIELD_PROTO);
    want_none(&k.flows, 0, FIELD_SRC_PORT);
    want_none(&k.flows, 0, FIELD_IN_IF);
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/10\":[\"0000000100000002\"],\"0/4\":[\"0106\"],\"0/7\":[\"00010050\"]}");
    /* By record, not by template. */
    kit_clear(&k);
    kit_flows(&k, 10, "4:2", "0006 0106 00ff");
    assert_int_equal(k.flows.rows, 3);
    want_u64(&k.flows, 0, FIELD_PROTO, 6);
    want_none(&k.flows, 0, FIELD_EXTRA);
    want_none(&k.flows, 1, FIELD_PROTO);
    want_text(&k.flows, 1, FIELD_EXTRA, "{\"0/4\":[\"0106\"]}");
    want_u64(&k.flows, 2, FIELD_PROTO, 255);
    kit_close(&k);
}

static void odd_lengths_go_to_extra(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    /* An address of 2 octets (H3C), a MAC of 5, a counter of 9, an NTP time of 4. */
    one(&k, 9, "4:1 43:2 56:5 1:9 156:4", "06 0102 0102030405 010203040506070809 0a0b0c0d");
    want_u64(&k.flows, 0, FIELD_PROTO, 6);
    want_none(&k.flows, 0, FIELD_ROUTER_SC);
    want_none(&k.flows, 0, FIELD_SRC_MAC);
    want_none(&k.flows, 0, FIELD_BYTES);
    want_none(&k.flows, 0, FIELD_FIRST);
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/1\":[\"010203040506070809\"],\"0/156\":[\"0a0b0c0d\"],"
              "\"0/43\":[\"0102\"],\"0/56\":[\"0102030405\"]}");
    kit_close(&k);
}

static void seconds_and_milliseconds(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "150:4 151:4", "00000000 ffffffff");
    want_u64(&k.flows, 0, FIELD_FIRST, 0);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(4294967295000)); /* 2106, not negative */
    one(&k, 10, "152:8 153:8", "0000018bcfe56800 0000018bcfe56bff");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1700000000000));
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1700000001023));
    one(&k, 10, "150:8 160:8 322:4", "ffffffffffffffff 0000018bcfe56800 6553f100");
    want_u64(&k.flows, 0, FIELD_FIRST, INT64_MAX); /* as far as it goes */
    want_u64(&k.flows, 0, FIELD_INIT, UINT64_C(1700000000000));
    want_u64(&k.flows, 0, FIELD_EVENT, UINT64_C(1700000000000));
    kit_close(&k);
}

/* RFC 7011 6.1.9 and 6.1.10: seconds since 1900 and 2^-32ths. 1970 is 2208988800 = 0x83aa7e80. */
static void ntp_fractions(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "154:8 155:8", "83aa7e8000000000 83aa7e8080000000");
    want_u64(&k.flows, 0, FIELD_FIRST, 0);
    want_u64(&k.flows, 0, FIELD_LAST, 500);
    /* 1700000000 s + 0.999999999767 s: cut, not rounded. */
    one(&k, 10, "156:8 157:8", "e8fe6f80ffffffff e8fe6f8000418937");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1700000000999));
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1700000000000)); /* 0.00099999979 s */
    one(&k, 10, "156:8 157:8", "83aa7e8000418938 83aa7e81004189ff");
    want_u64(&k.flows, 0, FIELD_FIRST, 1); /* 0.001000000047 s */
    want_u64(&k.flows, 0, FIELD_LAST, 1001);
    /* RFC 4330 section 3: with the top bit clear it is the era that begins 2036-02-07T06:28:16Z. */
    one(&k, 10, "156:8", "0000000000000000");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(2085978496000));
    one(&k, 10, "324:8 325:8", "83aa7e8000000000 83aa7e8100000000");
    want_u64(&k.flows, 0, FIELD_EVENT, 1000); /* of 325, the finer */
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/324\":[\"83aa7e8000000000\"]}");
    kit_close(&k);
}

/* 158, 159: microseconds before the export time of the message. */
static void microseconds_before_the_export(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "158:4 159:4", "000f4240 00000000");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1700000000000) - 1000);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1700000000000));
    one(&k, 10, "158:4 159:4", "00000001 000003e9"); /* 1 us and 1001 us before: cut downwards */
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1700000000000) - 1);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1700000000000) - 2);
    k.export_s = 0; /* before 1970 it is still cut downwards */
    one(&k, 10, "158:4 159:8", "000005dc ffffffffffffffff");
    want_u64(&k.flows, 0, FIELD_FIRST, (uint64_t)-2);
    kit_close(&k);
}

static void durations(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "161:4", "000003e9");
    want_u64(&k.flows, 0, FIELD_DURATION, 1001);
    one(&k, 10, "162:4 161:4", "000f4a0f 00000001"); /* 1001999 us */
    want_u64(&k.flows, 0, FIELD_DURATION, 1001);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/161\":[\"00000001\"]}");
    kit_close(&k);
}

/* SysUptime and First, Last of real exports: captures v5-softflowd-netcat and v9-softflowd. */
static void uptimes_are_right_over_the_wrap(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    k.export_s = 1430591888;
    k.uptime_ms = 3381;
    one(&k, 9, "22:4 21:4", "ffffffff 00000d35");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1430591888000) - 3382);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1430591888000));

    k.uptime_ms = 3; /* and 0xfb3c18fd: 22.2 hours before the wrap */
    one(&k, 9, "22:4 21:4", "fb3c18fd 00000003");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1430591888000) - 79947526);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1430591888000));

    k.uptime_ms = 0xfffffff0; /* a flow that ended after the header's clock was read */
    one(&k, 9, "22:4 21:4", "ffffff00 00000010");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1430591888000) - 240);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1430591888000) + 32);

    k.uptime_ms = 1000; /* NX-OS: of 8 octets */
    one(&k, 9, "22:8", "000000000000000a");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1430591888000) - 990);
    kit_close(&k);
}

static void uptimes_of_ipfix_count_from_the_exporters_start_or_stay_uptimes(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "22:4 21:4", "00000064 ffffffff");
    want_u64(&k.flows, 0, FIELD_FIRST_UPTIME, 100);
    want_u64(&k.flows, 0, FIELD_LAST_UPTIME, 0xffffffff);
    want_none(&k.flows, 0, FIELD_FIRST);
    want_none(&k.flows, 0, FIELD_LAST);
    want_u64(&k.flows, 0, FIELD_TIME, UINT64_C(1700000000000)); /* the export's */

    /* 160 behind them in the template, and record by record. */
    kit_clear(&k);
    kit_flows(&k, 10, "22:4 21:4 160:8",
              "00000064 000000c8 0000018bcfe56800 00000001 00000002 0000000000000000");
    assert_int_equal(k.flows.rows, 2);
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1700000000100));
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1700000000200));
    want_u64(&k.flows, 0, FIELD_INIT, UINT64_C(1700000000000));
    want_none(&k.flows, 0, FIELD_FIRST_UPTIME);
    want_u64(&k.flows, 1, FIELD_FIRST, 1);
    want_u64(&k.flows, 1, FIELD_LAST, 2);
    kit_close(&k);
}

/* softflowd: 160 stands in options data only. */
static void uptimes_of_ipfix_count_from_the_start_said_in_options(void **state)
{
    static const char *const layout = "22:4 21:4";
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, layout, "00000064 000000c8");
    want_none(&k.flows, 0, FIELD_FIRST);
    msg_begin(&k, 10);
    options_set(&k, 10, 300, "149:4", "160:8");
    data_set(&k, 300, "00000007 0000018bcfe4adb0"); /* 1700000000000 - 0xba50 */
    kit_send(&k);
    one(&k, 10, layout, "00000064 000000c8");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1699999952304) + 100);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1699999952304) + 200);
    want_u64(&k.flows, 0, FIELD_TIME, UINT64_C(1699999952304) + 200);
    want_u64(&k.flows, 0, FIELD_FIRST_UPTIME, 100);

    k.domain++; /* another domain has its own */
    one(&k, 10, layout, "00000064 000000c8");
    want_none(&k.flows, 0, FIELD_FIRST);
    want_none(&k.flows, 0, FIELD_LAST);
    k.domain--;

    struct buf saved;
    struct err err;
    buf_init(&saved, 1 << 16);
    decoder_save(k.d, &saved);
    decoder_free(k.d);
    kit_open(&k);
    struct cur in = cur_of(saved.data, saved.len);
    assert_int_equal(decoder_load(k.d, &in, &err), 0);
    one(&k, 10, layout, "00000064 000000c8");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1699999952304) + 100);
    buf_free(&saved);
    kit_close(&k);
}

static void a_start_that_cannot_be_is_not_learned(void **state)
{
    static const char *const starts[] = {"0000000000000000", "0000000000000001", "ffffffffffffffff",
                                         "0000018c00000000"}; /* in 9 days */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct kit k;
        kit_setup(&k);
        msg_begin(&k, 10);
        options_set(&k, 10, 300, "149:4", "160:8");
        set_begin(&k, 300);
        hex(&k.msg, "00000007");
        hex(&k.msg, starts[i]);
        set_end(&k);
        kit_send(&k);
        one(&k, 10, "22:4 21:4", "00000064 000000c8");
        want_none(&k.flows, 0, FIELD_FIRST);
        want_u64(&k.flows, 0, FIELD_FIRST_UPTIME, 100);
        kit_close(&k);
    }
}

/* 49.7 days after the start uptimes begin anew. */
static void uptimes_since_a_start_are_right_over_the_wrap(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    /* Started 2^32 + 1000 ms before the export. */
    kit_flows(&k, 10, "22:4 21:4 160:8", "fffffff0 000001f4 0000018acfe56418");
    want_u64(&k.flows, 0, FIELD_FIRST, UINT64_C(1700000000000) - 1016);
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1700000000000) - 500);
    kit_close(&k);
}

static void the_finest_clock_wins_and_the_others_are_kept(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "150:4 152:8 154:8 156:8 22:4",
        "00000001 0000000000000002 83aa7e8000c49ba6 83aa7e8001062500 00000009");
    want_u64(&k.flows, 0, FIELD_FIRST, 4);        /* of 156; 154 says 3 ms */
    want_u64(&k.flows, 0, FIELD_FIRST_UPTIME, 9); /* another clock, another column */
    want_text(&k.flows, 0, FIELD_EXTRA,
              "{\"0/150\":[\"00000001\"],\"0/152\":[\"0000000000000002\"],\"0/"
              "154\":[\"83aa7e8000c49ba6\"]}");
    one(&k, 9, "21:4 153:8", "00000009 0000018bcfe56800");
    want_u64(&k.flows, 0, FIELD_LAST, UINT64_C(1700000000000));
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/21\":[\"00000009\"]}");
    kit_close(&k);
}

static void addresses_and_macs(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "8:4 28:16 56:6", "c0000201 20010db8000000000000000000000001 0a0b0c0d0e0f");
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "192.0.2.1");
    want_addr(&k.flows, 0, FIELD_DST_ADDR, "2001:db8::1");
    assert_memory_equal(want_value(&k.flows, 0, FIELD_SRC_MAC), "\x0a\x0b\x0c\x0d\x0e\x0f", 6);
    /* Side by side in one column over many records of both strides. */
    kit_clear(&k);
    kit_flows(&k, 10, "56:6 8:4",
              "010203040506 0a000001 111213141516 0a000002 212223242526 0a000003");
    assert_int_equal(k.flows.rows, 3);
    assert_memory_equal(want_value(&k.flows, 1, FIELD_SRC_MAC), "\x11\x12\x13\x14\x15\x16", 6);
    assert_memory_equal(want_value(&k.flows, 2, FIELD_SRC_MAC), "\x21\x22\x23\x24\x25\x26", 6);
    want_addr(&k.flows, 1, FIELD_SRC_ADDR, "10.0.0.2");
    want_addr(&k.flows, 2, FIELD_SRC_ADDR, "10.0.0.3");
    kit_close(&k);
}

/* DATA.md 4: of an IPv4 and an IPv6 element of one kind the one that is not all zero. */
static void of_two_families_the_one_that_is_set_counts(void **state)
{
    static const char *const v6 = "20010db8000000000000000000000001";
    static const char *const zero6 = "00000000000000000000000000000000";
    char record[64];
    struct kit k;

    (void)state;
    kit_setup(&k);
    (void)snprintf(record, sizeof record, "00000000 %s", v6);
    one(&k, 9, "8:4 27:16", record);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "2001:db8::1");
    want_none(&k.flows, 0, FIELD_EXTRA);

    (void)snprintf(record, sizeof record, "c0000201 %s", zero6);
    one(&k, 9, "8:4 27:16", record);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "192.0.2.1");
    want_none(&k.flows, 0, FIELD_EXTRA);

    (void)snprintf(record, sizeof record, "00000000 %s", zero6);
    one(&k, 9, "8:4 27:16", record);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "0.0.0.0");
    want_none(&k.flows, 0, FIELD_EXTRA);

    (void)snprintf(record, sizeof record, "c0000201 %s", v6);
    one(&k, 9, "8:4 27:16", record);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "192.0.2.1");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/27\":[\"20010db8000000000000000000000001\"]}");

    /* Whatever stands first in the template. */
    (void)snprintf(record, sizeof record, "%s 00000000", v6);
    one(&k, 9, "27:16 8:4", record);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "2001:db8::1");
    (void)snprintf(record, sizeof record, "%s c0000201", v6);
    one(&k, 9, "27:16 8:4", record);
    want_addr(&k.flows, 0, FIELD_SRC_ADDR, "192.0.2.1");
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/27\":[\"20010db8000000000000000000000001\"]}");
    kit_close(&k);
}

static void prefix_lengths_follow_the_same_rule(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "9:1 29:1", "0040 1800 0000 1840");
    assert_int_equal(k.flows.rows, 4);
    want_u64(&k.flows, 0, FIELD_SRC_MASK, 64);
    want_u64(&k.flows, 1, FIELD_SRC_MASK, 24);
    want_u64(&k.flows, 2, FIELD_SRC_MASK, 0);
    want_u64(&k.flows, 3, FIELD_SRC_MASK, 24);
    want_none(&k.flows, 0, FIELD_EXTRA);
    want_none(&k.flows, 1, FIELD_EXTRA);
    want_none(&k.flows, 2, FIELD_EXTRA);
    want_text(&k.flows, 3, FIELD_EXTRA, "{\"0/29\":[\"40\"]}");
    kit_close(&k);
}

static void text_loses_its_trailing_zeros_only(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "82:6", "657468300000 006574680030 000000000000 657468302f31");
    assert_int_equal(k.flows.rows, 4);
    want_text(&k.flows, 0, FIELD_IF_NAME, "eth0");
    want_bytes(&k.flows, 1, FIELD_IF_NAME, "\0eth\0000", 6);
    want_text(&k.flows, 2, FIELD_IF_NAME, "");
    want_text(&k.flows, 3, FIELD_IF_NAME, "eth0/1");
    /* Octets keep theirs. */
    one(&k, 9, "33000:4 4:1", "01020000 06");
    want_bytes(&k.flows, 0, FIELD_IN_ACL, "\x01\x02\0\0", 4);
    kit_close(&k);
}

static void floats_of_4_and_8_octets(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 10, "311:8", "3f847ae147ae147b"); /* 0.01 */
    want_f64(&k.flows, 0, FIELD_SAMPLING_PROBABILITY, 0.01);
    one(&k, 10, "311:4", "3e800000");
    want_f64(&k.flows, 0, FIELD_SAMPLING_PROBABILITY, 0.25);
    kit_close(&k);
}

static void mpls_labels_make_a_stack(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    /* In the order of the positions, whatever the template's: 71 is the second. */
    kit_flows(&k, 9, "71:3 70:3 4:1", "00002b 000010 06 00003d 000020 11");
    assert_int_equal(k.flows.rows, 2);
    want_bytes(&k.flows, 0, FIELD_MPLS, "\x00\x00\x10\x00\x00\x2b", 6);
    want_bytes(&k.flows, 1, FIELD_MPLS, "\x00\x00\x20\x00\x00\x3d", 6);
    want_u64(&k.flows, 1, FIELD_PROTO, 17);
    /* The same position twice, and one of an odd length. */
    one(&k, 9, "70:3 70:3 72:4", "000011 000021 00000031");
    want_bytes(&k.flows, 0, FIELD_MPLS, "\x00\x00\x11", 3);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/70\":[\"000021\"],\"0/72\":[\"00000031\"]}");
    one(&k, 9, "79:3 78:3 77:3 76:3 75:3 74:3 73:3 72:3 71:3 70:3",
        "00000a 000009 000008 000007 000006 000005 000004 000003 000002 000001");
    want_bytes(&k.flows, 0, FIELD_MPLS,
               "\0\0\x01\0\0\x02\0\0\x03\0\0\x04\0\0\x05\0\0\x06\0\0\x07\0\0\x08\0\0\x09\0\0\x0a",
               30);
    kit_close(&k);
}

static void icmp_from_its_elements(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "4:1 32:2", "01 0301");
    want_u64(&k.flows, 0, FIELD_ICMP_TYPE, 3);
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 1);
    one(&k, 10, "4:1 139:2", "3a 8700");
    want_u64(&k.flows, 0, FIELD_ICMP_TYPE, 135);
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 0);
    one(&k, 10, "176:1 177:1 11:2 4:1", "0b 01 0302 01");
    want_u64(&k.flows, 0, FIELD_ICMP_TYPE, 11);
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 1);
    want_u64(&k.flows, 0, FIELD_DST_PORT, 0x0302); /* as on the wire */
    one(&k, 10, "178:1 179:1", "80 00");
    want_u64(&k.flows, 0, FIELD_ICMP_TYPE, 128);
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 0);
    /* Both kinds: type and code alone win, 32 is kept. */
    one(&k, 10, "32:2 176:1 177:1", "0302 03 01");
    want_u64(&k.flows, 0, FIELD_ICMP_TYPE, 3);
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 1);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/32\":[\"0302\"]}");
    kit_close(&k);
}

static void icmp_of_two_families_is_never_mixed(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 10, "32:2 139:2", "0301 0000 0000 8700 0000 0000 0300 0104 0800 0005");
    assert_int_equal(k.flows.rows, 5);
    want_u64(&k.flows, 0, FIELD_ICMP_TYPE, 3);
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 1);
    want_u64(&k.flows, 1, FIELD_ICMP_TYPE, 135);
    want_u64(&k.flows, 1, FIELD_ICMP_CODE, 0);
    want_u64(&k.flows, 2, FIELD_ICMP_TYPE, 0);
    want_u64(&k.flows, 3, FIELD_ICMP_TYPE, 3); /* of 32, with its own code */
    want_u64(&k.flows, 3, FIELD_ICMP_CODE, 0);
    want_text(&k.flows, 3, FIELD_EXTRA, "{\"0/139\":[\"0104\"]}");
    want_u64(&k.flows, 4, FIELD_ICMP_TYPE, 8);
    want_u64(&k.flows, 4, FIELD_ICMP_CODE, 0);
    want_text(&k.flows, 4, FIELD_EXTRA, "{\"0/139\":[\"0005\"]}");
    kit_close(&k);
}

static void icmp_from_the_destination_port_where_there_is_nothing_better(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    kit_flows(&k, 9, "4:1 7:2 11:2", "01 0000 0301 3a 0000 8700 06 0050 0301");
    assert_int_equal(k.flows.rows, 3);
    want_u64(&k.flows, 0, FIELD_ICMP_TYPE, 3);
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 1);
    want_u64(&k.flows, 0, FIELD_DST_PORT, 0x0301);
    want_u64(&k.flows, 1, FIELD_ICMP_TYPE, 135);
    want_u64(&k.flows, 1, FIELD_ICMP_CODE, 0);
    want_none(&k.flows, 2, FIELD_ICMP_TYPE); /* TCP */
    want_none(&k.flows, 2, FIELD_ICMP_CODE);
    one(&k, 9, "4:1 7:2", "01 0000"); /* no destination port */
    want_none(&k.flows, 0, FIELD_ICMP_TYPE);
    one(&k, 10, "4:1 11:2 177:1", "01 0301 04"); /* the element's code stays */
    want_u64(&k.flows, 0, FIELD_ICMP_CODE, 4);
    kit_close(&k);
}

/* RFC 6759: engine, then selector; of 4 octets as Cisco sends it, of 9 as Fortinet does. */
static void application_ids(void **state)
{
    struct kit k;

    (void)state;
    kit_setup(&k);
    one(&k, 9, "95:4", "0d000140");
    want_u64(&k.flows, 0, FIELD_APP_ENGINE, 13);
    want_u64(&k.flows, 0, FIELD_APP_SELECTOR, 320);
    one(&k, 9, "95:9", "140000304400003f0a");
    want_u64(&k.flows, 0, FIELD_APP_ENGINE, 20);
    want_u64(&k.flows, 0, FIELD_APP_SELECTOR, UINT64_C(0x0000304400003f0a));
    one(&k, 9, "95:2 95:1", "0306 ff");
    want_u64(&k.flows, 0, FIELD_APP_SELECTOR, 6);
    want_text(&k.flows, 0, FIELD_EXTRA, "{\"0/95\":[\"ff\"]}");
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reduced_sizes_fill_every_width),
        cmocka_unit_test(what_is_too_wide_goes_to_extra_whole),
        cmocka_unit_test(odd_lengths_go_to_extra),
        cmocka_unit_test(seconds_and_milliseconds),
        cmocka_unit_test(ntp_fractions),
        cmocka_unit_test(microseconds_before_the_export),
        cmocka_unit_test(durations),
        cmocka_unit_test(uptimes_are_right_over_the_wrap),
        cmocka_unit_test(uptimes_of_ipfix_count_from_the_exporters_start_or_stay_uptimes),
        cmocka_unit_test(uptimes_of_ipfix_count_from_the_start_said_in_options),
        cmocka_unit_test(a_start_that_cannot_be_is_not_learned),
        cmocka_unit_test(uptimes_since_a_start_are_right_over_the_wrap),
        cmocka_unit_test(the_finest_clock_wins_and_the_others_are_kept),
        cmocka_unit_test(addresses_and_macs),
        cmocka_unit_test(of_two_families_the_one_that_is_set_counts),
        cmocka_unit_test(prefix_lengths_follow_the_same_rule),
        cmocka_unit_test(text_loses_its_trailing_zeros_only),
        cmocka_unit_test(floats_of_4_and_8_octets),
        cmocka_unit_test(mpls_labels_make_a_stack),
        cmocka_unit_test(icmp_from_its_elements),
        cmocka_unit_test(icmp_of_two_families_is_never_mixed),
        cmocka_unit_test(icmp_from_the_destination_port_where_there_is_nothing_better),
        cmocka_unit_test(application_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
