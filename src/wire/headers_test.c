#include "wire/headers.h"

#include "wire/frame_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct headers headers_of(const char *hex, struct frame *f, struct packet *p)
{
    struct headers h;

    *f = frame_of(hex);
    assert_int_equal(packet_read(PACKET_ETHERNET, cur_of(f->data, f->len), p), PACKET_GOOD);
    headers_read(p, &h);
    return h;
}

/* Priority 5, VLAN 100, inner VLAN 200; IPv4 with router alert and end of options: 24 + 28 octets,
 * ToS b8, id 1234, don't fragment, TTL 63, to 224.0.0.5; TCP with MSS, no-operation twice,
 * timestamps' begin. */
#define TCP_WITH_OPTIONS                                    \
    "020000000002 020000000001 88a8 a064 8100 00c8 0800"    \
    "46b80034 12344000 3f060000 c0000201 e0000005 94040000" \
    "1f900050 00000001 00000002 7018 4000 0000 0007 020405b4 01010100"

static void reads_ipv4_and_tcp(void **state)
{
    struct frame f;
    struct packet p;
    struct headers h = headers_of(TCP_WITH_OPTIONS, &f, &p);

    (void)state;
    assert_memory_equal(h.src_mac, f.data + 6, 6);
    assert_memory_equal(h.dst_mac, f.data, 6);
    assert_int_equal(h.vlan, 100);
    assert_int_equal(h.customer_vlan, 200);
    assert_int_equal(h.priority, 5);
    assert_int_equal(h.ethertype, 0x0800);
    assert_int_equal(h.ttl, 63);
    assert_int_equal(h.dscp, 46);
    assert_int_equal(h.precedence, 5);
    assert_int_equal(h.header_words, 6);
    assert_int_equal(h.header_octets, 24);
    assert_int_equal(h.fragment_flags, 0x40);
    assert_int_equal(h.fragment_id, 0x1234);
    assert_int_equal(h.v4_total, 52);
    assert_int_equal(h.v6_payload, 0);
    assert_int_equal(h.payload, 28);
    assert_int_equal(h.total, 52);
    assert_int_equal(h.multicast, 1);
    assert_int_equal(h.options, 0x00001000); /* router alert is number 20: octet 2, bit 4 */
    assert_int_equal(h.tcp_seq, 1);
    assert_int_equal(h.tcp_ack, 2);
    assert_int_equal(h.tcp_head, 28);
    assert_int_equal(h.tcp_window, 0x4000);
    assert_int_equal(h.tcp_urgent, 7);
    assert_int_equal(h.tcp_options, UINT64_C(0x0700000000000000)); /* 0, 1 and 2 */
    assert_int_equal(h.transport, 0);
}

/* Hop-by-hop options, a routing header, a fragment header (offset 1480, more follow, id abcd). */
#define V6_FRAGMENT                                                                         \
    "020000000002 020000000001 86dd"                                                        \
    "6b8abcde 0020 00 40 20010db8000000000000000000000001 ff150000000000000000000000000001" \
    "2b00010400000000 2c00000000000000 110005c9 0000abcd 0102030405060708"

static void reads_ipv6_extensions(void **state)
{
    struct frame f;
    struct packet p;
    struct headers h = headers_of(V6_FRAGMENT, &f, &p);

    (void)state;
    assert_int_equal(h.flow_label, 0xabcde);
    assert_int_equal(h.next_header, 0);
    assert_int_equal(h.header_octets, 40);
    assert_int_equal(h.header_words, 0);
    assert_int_equal(h.payload, 32);
    assert_int_equal(h.v6_payload, 32);
    assert_int_equal(h.total, 72);
    assert_int_equal(h.fragment_id, 0xabcd);
    assert_int_equal(h.fragment_offset, 185);
    assert_int_equal(h.fragment_flags, 0x20);
    assert_int_equal(h.extensions, 0x46000000); /* HOP, RH, FRA1 */
    assert_int_equal(h.multicast, 0x58);        /* scope 5, transient */
    assert_int_equal(h.udp_length, 0);          /* it is no first fragment */
    assert_int_equal(h.transport, 8);
}

static void reads_labels(void **state)
{
    struct frame f;
    struct packet p;
    struct headers h = headers_of("020000000002 020000000001 8847 00010a40 00020b3f"
                                  "45000020 00000000 40020000 c0000201 e0000001"
                                  "16000000 e0000001 00000000",
                                  &f, &p);

    (void)state;
    assert_int_equal(h.ethertype, 0x8847);
    assert_memory_equal(h.labels, "\x00\x01\x0a\x00\x02\x0b\0\0", 8);
    assert_int_equal(h.label_exp, 5);
    assert_int_equal(h.label_ttl, 64);
    assert_int_equal(h.igmp_type, 0x16);
}

#define VXLAN                                                                     \
    "020000000002 020000000001 0800 4500004e 00000000 40110000 c0000201 c0000202" \
    "d903 12b5 003a 0000 08000000 00123400"                                       \
    "020000000004 020000000003 0800 4500001c 00000000 40110000 0a000001 0a000002" \
    "0001 0002 0008 0000"

static void reads_a_segment_inside_and_out(void **state)
{
    struct frame f;
    struct packet p;
    struct headers h = headers_of(VXLAN, &f, &p);

    (void)state;
    assert_int_equal(h.segment, UINT64_C(0x0100000000001234));
    assert_int_equal(h.udp_length, 0x3a);
    assert_true(packet_inner(&p, &p));
    headers_read(&p, &h);
    assert_int_equal(h.segment, UINT64_C(0x0100000000001234));
    assert_int_equal(h.udp_length, 8);
    assert_int_equal(h.src_mac[5], 3);
}

static void copies_sections(void **state)
{
    struct frame f;
    struct packet p;
    uint8_t out[80];

    (void)state;
    (void)headers_of(V6_FRAGMENT, &f, &p);
    headers_section(&p, out, 80);
    assert_memory_equal(out, f.data + 14, 72);
    assert_memory_equal(out + 72, "\0\0\0\0\0\0\0\0", 8);
    headers_payload_section(&p, out, 34);
    assert_memory_equal(out, f.data + 54, 32);
    assert_memory_equal(out + 32, "\0\0", 2);
    (void)headers_of(TCP_WITH_OPTIONS, &f, &p);
    headers_payload_section(&p, out, 4);
    assert_memory_equal(out, "\x1f\x90\0\x50", 4);
}

/* Whatever is cut off: nothing behind it is read. */
static void takes_every_truncation(void **state)
{
    static const char *const frames[] = {TCP_WITH_OPTIONS, V6_FRAGMENT, VXLAN};
    struct packet p;
    struct headers h;
    uint8_t out[8];

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct frame f = frame_of(frames[i]);
        for (size_t n = 0; n < f.len; n++) {
            uint8_t *cut = malloc(n + 1); /* so that ASan sees a read behind it */
            assert_non_null(cut);
            memcpy(cut + 1, f.data, n);
            if (packet_read(PACKET_ETHERNET, cur_of(cut + 1, n), &p) == PACKET_GOOD) {
                headers_read(&p, &h);
                headers_section(&p, out, sizeof out);
                headers_payload_section(&p, out, sizeof out);
            }
            free(cut);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ipv4_and_tcp), cmocka_unit_test(reads_ipv6_extensions),
        cmocka_unit_test(reads_labels),       cmocka_unit_test(reads_a_segment_inside_and_out),
        cmocka_unit_test(copies_sections),    cmocka_unit_test(takes_every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
