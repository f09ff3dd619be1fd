#include "net/capfile.h"

#include "base/buf.h"
#include "net/bare.h"
#include "net/frag.h"
#include "net/stream.h"
#include "wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t v4_src[] = {192, 0, 2, 1};
static const uint8_t v4_dst[] = {192, 0, 2, 2};

/* An IPv4 packet (RFC 791) with `body` behind it. */
static void put_ipv4(struct buf *b, uint8_t proto, uint16_t fragment, const void *body, size_t len)
{
    buf_u16(b, 0x4500);
    buf_u16(b, (uint16_t)(20 + len));
    buf_u16(b, 77);
    buf_u16(b, fragment);
    buf_u8(b, 64);
    buf_u8(b, proto);
    buf_u16(b, 0);
    buf_bytes(b, v4_src, 4);
    buf_bytes(b, v4_dst, 4);
    buf_bytes(b, body, len);
}

static void put_udp(struct buf *b, const char *text)
{
    buf_u16(b, 5000);
    buf_u16(b, 2055);
    buf_u16(b, (uint16_t)(8 + strlen(text)));
    buf_u16(b, 0);
    buf_text(b, text);
}

/* What a link's header is, by its specification (tcpdump.org/linktypes.html). */
static void put_link(struct buf *b, int link)
{
    static const uint8_t zero[18] = {0};

    switch (link) {
    case PACKET_ETHERNET:
        buf_bytes(b, zero, 12);
        buf_be(b, 0x88a8006481000065, 8);
        buf_be(b, 0x8847000641400006, 6); /* an MPLS label that isn't the last ... */
        buf_be(b, 0, 0);
        b->len -= 6;
        buf_u16(b, 0x0800);
        return;
    case PACKET_SLL:
        buf_bytes(b, zero, 14);
        buf_u16(b, 0x0800);
        return;
    case PACKET_SLL2:
        buf_u16(b, 0x0800);
        buf_bytes(b, zero, 18);
        return;
    case PACKET_NULL:
    case PACKET_LOOP:
        buf_be(b, 0x02000000, 4);
        return;
    default:
        return;
    }
}

static void reads_udp_behind_every_link(void **state)
{
    static const int links[] = {PACKET_ETHERNET, PACKET_SLL, PACKET_SLL2, PACKET_NULL,
                                PACKET_LOOP,     PACKET_RAW, PACKET_IPV4};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        struct buf udp;
        struct buf b;
        struct packet p;
        struct segment s;
        buf_init(&udp, 100);
        buf_init(&b, 1000);
        put_udp(&udp, "hello");
        put_link(&b, links[i]);
        put_ipv4(&b, PACKET_UDP, 0x4000, udp.data, udp.len);
        buf_be(&b, 0, 8); /* padding to the least length of a frame */
        assert_true(packet_link_ok(links[i]));
        assert_int_equal(packet_read(links[i], cur_of(b.data, b.len), &p), PACKET_GOOD);
        assert_false(p.fragment || p.cut);
        assert_true(packet_segment(&p, &s));
        assert_int_equal(s.src_port, 5000);
        assert_int_equal(s.dst_port, 2055);
        assert_int_equal(cur_left(&s.payload), 5);
        assert_memory_equal(s.payload.at, "hello", 5);
        for (size_t n = 0; n < b.len - 8; n++) /* every truncation: refused, or known to be cut */
            if (packet_read(links[i], cur_of(b.data, n), &p) == PACKET_GOOD)
                assert_true(p.cut);
        for (size_t n = 0; n < b.len; n++) {
            b.data[n] ^= 0xff;
            if (packet_read(links[i], cur_of(b.data, b.len), &p) == PACKET_GOOD)
                (void)packet_segment(&p, &s);
            b.data[n] ^= 0xff;
        }
        buf_free(&b);
        buf_free(&udp);
    }
    assert_false(packet_link_ok(127)); /* 802.11 radiotap */
}

static struct packet piece(const char *body, size_t offset, size_t len, bool more)
{
    return (struct packet){.fragment = true,
                           .more = more,
                           .id = 9,
                           .proto = PACKET_UDP,
                           .offset = offset,
                           .body = cur_of(body + offset, len)};
}

static void puts_fragments_together_in_any_order(void **state)
{
    static const char body[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static const size_t order[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
    struct frag *f = frag_new();
    uint64_t lost = 0;

    (void)state;
    for (size_t o = 0; o < COUNT_OF(order); o++)
        for (size_t i = 0; i < 4; i++) {
            size_t at = order[o][i] * 8;
            struct packet p = piece(body, at, at == 24 ? 12 : 8, at != 24);
            assert_int_equal(frag_add(f, &p, &lost), i == 3);
            if (i < 3) { /* a repeated fragment changes nothing */
                p = piece(body, at, at == 24 ? 12 : 8, at != 24);
                assert_false(frag_add(f, &p, &lost));
                continue;
            }
            assert_int_equal(cur_left(&p.body), 36);
            assert_memory_equal(p.body.at, body, 36);
        }
    assert_int_equal(lost, 0);
    assert_int_equal(frag_open(f), 0);

    /* Contradicting pieces, ones that reach too far, and more packets than there is room for. */
    struct packet p = piece(body, 0, 8, true);
    assert_false(frag_add(f, &p, &lost));
    p = piece(body, 0, 8, true);
    p.body.at += 1;
    p.body.end += 1;
    assert_false(frag_add(f, &p, &lost));
    assert_int_equal(lost, 1);
    p = piece(body, 0, 8, true);
    p.offset = 65536 - 4;
    assert_false(frag_add(f, &p, &lost));
    assert_int_equal(lost, 2);
    for (uint32_t i = 0; i < FRAG_SLOTS + 10; i++) {
        p = piece(body, 0, 8, true);
        p.id = 100 + i;
        assert_false(frag_add(f, &p, &lost));
    }
    assert_int_equal(lost, 12);
    assert_int_equal(frag_open(f), FRAG_SLOTS);
    frag_free(f);
}

static struct stream *tcp(struct streams *t, uint16_t port, uint32_t seq, const void *data,
                          size_t n, bool syn, bool end)
{
    struct packet p = {.proto = PACKET_TCP};
    struct segment s = {
        .src_port = port, .seq = seq, .syn = syn, .end = end, .payload = cur_of(data, n)};
    return streams_add(t, &p, &s);
}

static void finds_messages_in_streams(void **state)
{
    static uint8_t bytes[16 + 20] = {[1] = 10, [3] = 16, [17] = 10, [19] = 20};
    struct streams *t = streams_new();
    struct stream *s;
    struct cur m;

    (void)state;
    assert_null(tcp(t, 1, UINT32_MAX, NULL, 0, true, false)); /* the next number is 0 */
    s = tcp(t, 1, 0, bytes, 10, false, false);
    assert_non_null(s);
    assert_false(stream_next(s, &m));
    assert_ptr_equal(tcp(t, 1, 0, bytes, 10, false, false), s); /* again */
    assert_false(stream_next(s, &m));
    assert_ptr_equal(tcp(t, 1, 4, bytes + 4, 28, false, true), s); /* overlapping; and the end */
    assert_true(stream_next(s, &m));
    assert_int_equal(cur_left(&m), 16);
    assert_false(stream_next(s, &m));
    assert_true(stream_ended(s));
    assert_int_equal(streams_lost(t), 1); /* 16 bytes of 20 */

    s = tcp(t, 2, 5, bytes, 36, false, false); /* without its SYN */
    assert_non_null(s);
    assert_int_equal(stream_number(s), 2);
    assert_true(stream_next(s, &m));
    assert_true(stream_next(s, &m));
    assert_int_equal(cur_left(&m), 20);
    assert_false(stream_next(s, &m));
    assert_null(tcp(t, 2, 99, bytes, 36, false, false)); /* a gap */
    assert_int_equal(streams_lost(t), 2);
    assert_null(tcp(t, 3, 1, "BGP", 3, false, false));
    assert_null(tcp(t, 4, 1, NULL, 0, true, false));
    assert_null(tcp(t, 4, 2, "BGP messages", 12, false, false));
    for (uint16_t i = 0; i < 1000; i++)
        assert_non_null(tcp(t, (uint16_t)(1000 + i), 1, bytes, 20, false, false));
    streams_free(t);
}

/* A header of `version` with `count` in the second field. */
static void put_head(struct buf *b, uint16_t version, uint16_t count, size_t head)
{
    size_t at = b->len;
    buf_u16(b, version);
    buf_u16(b, count);
    while (b->len < at + head)
        buf_u8(b, 0);
}

static void finds_the_ends_of_bare_datagrams(void **state)
{
    /* Record sizes by flow-tools; v1 has two. */
    static const struct {
        uint16_t version;
        uint16_t head;
        uint16_t record;
        uint8_t scheme;
    } kinds[] = {{1, 16, 48, 0},  {1, 16, 52, 0},  {5, 24, 48, 0},  {6, 24, 52, 0}, {7, 24, 52, 0},
                 {8, 28, 28, 1},  {8, 28, 28, 2},  {8, 28, 32, 3},  {8, 28, 32, 4}, {8, 28, 40, 5},
                 {8, 28, 32, 6},  {8, 28, 40, 7},  {8, 28, 44, 8},  {8, 28, 32, 9}, {8, 28, 32, 10},
                 {8, 28, 32, 11}, {8, 28, 32, 12}, {8, 28, 40, 13}, {8, 28, 40, 14}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct buf b;
        size_t want = kinds[i].head + 2u * kinds[i].record;
        buf_init(&b, 1000);
        put_head(&b, kinds[i].version, 2, kinds[i].head);
        if (kinds[i].scheme)
            b.data[22] = kinds[i].scheme;
        while (b.len < want)
            buf_u8(&b, 0xee);
        put_head(&b, 5, 1, 24);
        assert_true(bare_ok(cur_of(b.data, b.len)));
        assert_int_equal(bare_len(cur_of(b.data, b.len)), want);
        if (kinds[i].record != 52)
            assert_int_equal(bare_len(cur_of(b.data, want - 1)), want - 1);
        assert_false(bare_ok(cur_of(b.data, kinds[i].head - 1u)));
        buf_free(&b);
    }
    assert_int_equal(bare_len(cur_of(NULL, 0)), 0);
    assert_false(bare_ok(cur_of("\0\5", 2)));
}

static const char *shared(void)
{
    const char *dir = getenv("WEIR_SHARED");
    return dir ? dir : "../shared";
}

/* Bare files of real exporters: `datagrams` as MANIFEST.tsv and the pcap beside them say. */
static void splits_real_dumps(void **state)
{
    static const struct {
        const char *file;
        uint64_t datagrams;
    } dumps[] = {{"v5-softflowd-netcat/netflow5.dat", 12},
                 {"ipfix-netcat/ipfix.dat", 3},
                 {"v5-invalid01/netflow5_test_invalid01.dat", 1},
                 {"v9-invalid01/netflow9_test_invalid01.dat", 1},
                 {"v9-softflowd-valid01/netflow9_test_valid01.dat", 1},
                 {"v9-asr1001x/netflow9_cisco_asr1001x_tpl259.dat", 1},
                 {"v5-telegraf/netflow_v5.bin", 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(dumps); i++) {
        char path[512];
        struct capfile *c;
        struct capfile_item item;
        uint64_t at;
        uint64_t of;
        (void)snprintf(path, sizeof path, "%s/captures/%s", shared(), dumps[i].file);
        if (access(path, R_OK) != 0)
            skip();
        assert_int_equal(capfile_open(&c, path, NULL), 0);
        uint64_t n = 0;
        size_t bytes = 0;
        while (capfile_next(c, &item, NULL) == 0) {
            assert_true(capfile_is_export(&item));
            assert_int_equal(item.frame, ++n);
            bytes += item.len;
        }
        assert_int_equal(n, dumps[i].datagrams);
        capfile_progress(c, &at, &of);
        assert_int_equal(at, of);
        assert_int_equal(bytes, of);
        capfile_close(c);
    }
}

/* Captures with what is hard in them; UDP datagrams with payload as tshark counts them
 * (tshark -r F -Y 'udp.length > 8'), which puts fragments together too. */
static void reads_real_captures(void **state)
{
    static const struct {
        const char *name;
        uint64_t datagrams;
        uint64_t exports;
    } captures[] = {{"v5-softflowd-netcat", 12, 12},
                    {"rec-v7-fprobe", 1, 1},
                    {"ipfix-pmacct-401-multi", 1218, 1218},
                    {"ipfix-pmacct-500-srv6", 40, 40}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(captures); i++) {
        char path[512];
        struct capfile *c;
        struct capfile_item item;
        uint64_t n = 0;
        uint64_t exports = 0;
        (void)snprintf(path, sizeof path, "%s/captures/%s/%s.pcap", shared(), captures[i].name,
                       captures[i].name);
        if (access(path, R_OK) != 0)
            skip();
        assert_int_equal(capfile_open(&c, path, NULL), 0);
        while (capfile_next(c, &item, NULL) == 0) {
            n += item.session == 0;
            exports += capfile_is_export(&item);
        }
        assert_int_equal(n, captures[i].datagrams);
        assert_int_equal(exports, captures[i].exports);
        capfile_close(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_udp_behind_every_link),
        cmocka_unit_test(puts_fragments_together_in_any_order),
        cmocka_unit_test(finds_messages_in_streams),
        cmocka_unit_test(finds_the_ends_of_bare_datagrams),
        cmocka_unit_test(splits_real_dumps),
        cmocka_unit_test(reads_real_captures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
