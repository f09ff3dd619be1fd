#include "wire/packet.h"

#include "base/buf.h"
#include "wire/frame_hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static enum packet_fault read_hex(int link, const char *hex, struct frame *f, struct packet *p)
{
    *f = frame_of(hex);
    return packet_read(link, cur_of(f->data, f->len), p);
}

#define MACS "020000000002 020000000001 "
/* 192.0.2.1 → 198.51.100.2, 40 octets, ToS b8, id 1234, don't fragment, TTL 63, TCP */
#define TCP_V4 "45b80028 12344000 3f060000 c0000201 c6336402 "
#define TCP_SYN "1f900050 00000001 00000000 50020000 00000000 "

static void reads_an_ip_header(void **state)
{
    struct frame f;
    struct packet p;
    struct transport t;

    (void)state;
    assert_int_equal(read_hex(PACKET_ETHERNET, MACS "0800" TCP_V4 TCP_SYN "000000000000", &f, &p),
                     PACKET_GOOD);
    assert_int_equal(p.version, 4);
    assert_int_equal(p.tos, 0xb8);
    assert_int_equal(p.ttl, 63);
    assert_int_equal(p.id, 0x1234);
    assert_int_equal(p.bytes, 40);
    assert_int_equal(p.head, 20);
    assert_int_equal(cur_left(&p.body), 20); /* without the frame's padding */
    assert_ptr_equal(p.ether, f.data);
    assert_false(p.fragment || p.cut || p.vlans || p.labels);
    assert_true(packet_transport(&p, &t));
    assert_int_equal(t.src_port, 8080);
    assert_int_equal(t.dst_port, 80);
    assert_int_equal(t.tcp_flags, PACKET_TCP_SYN);
}

static void reads_tags_and_labels(void **state)
{
    struct frame f;
    struct packet p;

    (void)state;
    /* IEEE 802.1ad outside 802.1Q, priority 5; then two labels (RFC 3032), 100 and 200. */
    assert_int_equal(read_hex(PACKET_ETHERNET,
                              MACS "88a8 a064 8100 00c8 8847 00064040 000c8140" TCP_V4 TCP_SYN, &f,
                              &p),
                     PACKET_GOOD);
    assert_int_equal(p.vlans, 2);
    assert_int_equal(p.vlan[0], 100);
    assert_int_equal(p.vlan[1], 200);
    assert_int_equal(p.labels, 2);
    assert_memory_equal(p.mpls, "\x00\x06\x40\x40\x00\x0c\x81\x40", 8);
    /* PPPoE session 1 (RFC 2516), PPP protocol 0021. */
    assert_int_equal(
        read_hex(PACKET_ETHERNET, MACS "8864 1100 0001 002a 0021" TCP_V4 TCP_SYN, &f, &p),
        PACKET_GOOD);
    assert_int_equal(p.bytes, 40);
    assert_int_equal(read_hex(PACKET_PPP, "ff03 0021" TCP_V4 TCP_SYN, &f, &p), PACKET_GOOD);
    assert_int_equal(read_hex(PACKET_PPP, "0021" TCP_V4 TCP_SYN, &f, &p), PACKET_GOOD);
    assert_int_equal(p.bytes, 40);
}

#define V6_HEAD(len, next) "6ab12345 " len next "40 " V6_A V6_B
#define V6_A "20010db8000000000000000000000001 "
#define V6_B "20010db8000000000000000000000002 "

static void reads_ipv6_behind_extension_headers(void **state)
{
    struct frame f;
    struct packet p;
    struct transport t;

    (void)state;
    /* Hop-by-hop, routing, then ICMPv6 echo request (RFC 8200, 4443). */
    assert_int_equal(read_hex(PACKET_RAW,
                              V6_HEAD("0018", "00") "2b00050200000000 3a00000000000000 "
                                                    "8000000000000000",
                              &f, &p),
                     PACKET_GOOD);
    assert_int_equal(p.version, 6);
    assert_int_equal(p.tos, 0xab);
    assert_int_equal(p.flow_label, 0x12345);
    assert_int_equal(p.proto, PACKET_ICMPV6);
    assert_int_equal(p.bytes, 64);
    assert_true(packet_transport(&p, &t));
    assert_int_equal(t.dst_port, 128 * 256);
    /* The second fragment of a UDP datagram. */
    assert_int_equal(
        read_hex(PACKET_RAW, V6_HEAD("0010", "2c") "11000501 cafe0001 0011223344556677", &f, &p),
        PACKET_GOOD);
    assert_true(p.fragment && p.more);
    assert_int_equal(p.offset, 0x500);
    assert_int_equal(p.id, 0xcafe0001);
    assert_false(packet_transport(&p, &t));
    assert_int_equal(t.src_port, 0);
}

static void finds_the_packet_in_a_tunnel(void **state)
{
    static const char *const outer[] = {
        /* IP-in-IP, GRE, GRE with checksum, key and sequence number, GRE with an Ethernet frame */
        "4500003c 00000000 4004 0000 0a000001 0a000002 " TCP_V4 TCP_SYN,
        "45000040 00000000 402f 0000 0a000001 0a000002 00000800 " TCP_V4 TCP_SYN,
        "4500004c 00000000 402f 0000 0a000001 0a000002 b0000800 00000000 00000007 00000001 " TCP_V4
            TCP_SYN,
        "4500004e 00000000 402f 0000 0a000001 0a000002 00006558 " MACS "0800" TCP_V4 TCP_SYN,
        /* VXLAN 7; GTP-U with sequence number and a PDU session container (TS 38.415) */
        "4500005a 00000000 4011 0000 0a000001 0a000002 c00012b5 00460000 0800000000000700 " MACS
        "0800" TCP_V4 TCP_SYN,
        "45000054 00000000 4011 0000 0a000001 0a000002 08680868 00400000 34ff0030 00000001 "
        "00000085 01100900 " TCP_V4 TCP_SYN,
    };
    struct frame f;
    struct packet p;
    struct packet in;

    (void)state;
    for (size_t i = 0; i < sizeof outer / sizeof outer[0]; i++) {
        assert_int_equal(read_hex(PACKET_RAW, outer[i], &f, &p), PACKET_GOOD);
        assert_int_equal(p.bytes, f.len);
        assert_true(packet_inner(&p, &in));
        assert_int_equal(in.bytes, 40);
        assert_int_equal(in.id, 0x1234);
        assert_int_equal(in.proto, PACKET_TCP);
        assert_false(packet_inner(&in, &in));
    }
    /* GTP-U echo request, and plain UDP: nothing inside. */
    assert_int_equal(
        read_hex(PACKET_RAW,
                 "45000028 00000000 4011 0000 0a000001 0a000002 08680868 00140000 32010004 "
                 "00000000 00000000",
                 &f, &p),
        PACKET_GOOD);
    assert_false(packet_inner(&p, &in));
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *hex;
        enum packet_fault fault;
    } bad[] = {
        {MACS "0806 0001080006040001", PACKET_NOT_IP},
        {MACS "08", PACKET_SHORT},
        {MACS "0800 45000028", PACKET_SHORT},
        {MACS "0800"
              "55b80028 12344000 3f060000 c0000201 c6336402",
         PACKET_BROKEN}, /* version */
        {MACS "0800"
              "44b80028 12344000 3f060000 c0000201 c6336402",
         PACKET_BROKEN}, /* head of 16 */
        {MACS "0800"
              "45b80010 12344000 3f060000 c0000201 c6336402",
         PACKET_BROKEN}, /* 16 in all */
        {MACS "8100000181000001810000018100000181000001810000018100000181000001"
              "8100000181000001810000018100000181000001810000018100000181000001"
              "8100000181000001810000018100000181000001810000018100000181000001",
         PACKET_DEEP},
    };
    struct frame f;
    struct packet p;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_hex(PACKET_ETHERNET, bad[i].hex, &f, &p), bad[i].fault);
}

static void survives_every_truncation(void **state)
{
    static const char *const whole[] = {
        MACS "88a8 a064 8100 00c8 8847 00064040 000c8140" TCP_V4 TCP_SYN,
        MACS "86dd" V6_HEAD("0018", "00") "2b00050200000000 3a00000000000000 8000000000000000",
        MACS "0800"
             "45000054 00000000 4011 0000 0a000001 0a000002 08680868 00400000 34ff0030 00000001 "
             "00000085 01100900 " TCP_V4 TCP_SYN,
    };

    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        struct frame f = frame_of(whole[i]);
        for (size_t n = 0; n < f.len; n++) {
            struct packet p;
            struct transport t;
            uint8_t *copy = malloc(n + 1); /* so that a sanitizer sees a read behind it */
            memcpy(copy, f.data, n);
            if (packet_read(PACKET_ETHERNET, cur_of(copy, n), &p) == PACKET_GOOD) {
                assert_true(p.cut);
                (void)packet_transport(&p, &t);
                (void)packet_inner(&p, &p);
            }
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_ip_header),
        cmocka_unit_test(reads_tags_and_labels),
        cmocka_unit_test(reads_ipv6_behind_extension_headers),
        cmocka_unit_test(finds_the_packet_in_a_tunnel),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(survives_every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
