/* Dumps made by hand, as RFC 6396 sections 4.3 and RFC 4271 section 4.3 lay them out. */
#include "net/rib.h"

#include "base/buf.h"
#include "base/hash.h"
#include "wire/mrt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct addr addr(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(text, &a, NULL), 0);
    return a;
}

/* AS_PATH: one sequence. */
static void put_path(struct buf *b, const uint32_t *as, uint8_t n)
{
    buf_u8(b, 0x40);
    buf_u8(b, 2);
    buf_u8(b, n ? (uint8_t)(2 + 4 * n) : 0);
    if (n) {
        buf_u8(b, 2);
        buf_u8(b, n);
    }
    for (int i = 0; i < n; i++)
        buf_u32(b, as[i]);
}

static void put_next_hop(struct buf *b, const char *text)
{
    struct addr a = addr(text);
    bool v4 = addr_is_v4(&a);

    buf_u8(b, v4 ? 0x40 : 0x80);
    buf_u8(b, v4 ? 3 : 14);
    buf_u8(b, v4 ? 4 : 17);
    if (!v4)
        buf_u8(b, 16);
    buf_bytes(b, v4 ? a.b + 12 : a.b, v4 ? 4 : 16);
}

static void put_prefix(struct buf *b, const char *net, uint8_t bits)
{
    struct addr a = addr(net);

    buf_u32(b, 1);
    buf_u8(b, bits);
    buf_bytes(b, addr_is_v4(&a) ? a.b + 12 : a.b, (bits + 7u) / 8);
}

static void put_record(FILE *f, uint16_t subtype, const struct buf *body)
{
    uint8_t mem[MRT_HEADER];
    struct buf h;

    buf_fixed(&h, mem, sizeof mem);
    buf_u32(&h, 1700000000);
    buf_u16(&h, 13);
    buf_u16(&h, subtype);
    buf_u32(&h, (uint32_t)body->len);
    assert_int_equal(fwrite(mem, 1, sizeof mem, f), sizeof mem);
    assert_int_equal(fwrite(body->data, 1, body->len, f), body->len);
}

/* One neighbour's route. */
static void put_route(FILE *f, const char *net, uint8_t bits, const char *via, uint32_t as,
                      uint32_t origin)
{
    uint8_t mem[256];
    uint8_t attr_mem[128];
    const uint32_t path[] = {as, origin};
    struct buf b;
    struct buf attrs;

    buf_fixed(&b, mem, sizeof mem);
    buf_fixed(&attrs, attr_mem, sizeof attr_mem);
    put_prefix(&b, net, bits);
    put_path(&attrs, path, origin ? 2 : as ? 1 : 0);
    put_next_hop(&attrs, via);
    buf_u16(&b, 1);
    buf_u16(&b, 0); /* peer */
    buf_u32(&b, 0);
    buf_u16(&b, (uint16_t)attrs.len);
    buf_bytes(&b, attrs.data, attrs.len);
    put_record(f, strchr(net, ':') ? 4 : 2, &b);
}

static char path[] = "/tmp/weir-rib-XXXXXX";

static int make_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static FILE *begin(void)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    return f;
}

static struct rib *read_it(FILE *f)
{
    struct rib *r;
    struct err err;

    assert_int_equal(fclose(f), 0);
    int e = rib_read(&r, path, &err);
    if (e)
        fail_msg("%s", err.text);
    return r;
}

static const struct rib_route *find(const struct rib *r, const char *to, uint8_t *bits)
{
    struct addr a = addr(to);

    return rib_find(r, &a, bits);
}

static void the_longest_prefix_holds(void **state)
{
    static const struct {
        const char *to;
        uint8_t bits;
        uint32_t origin;
    } want[] = {
        {"9.255.255.255", 96, 0},
        {"10.0.0.0", 96 + 8, 8},
        {"10.1.0.0", 96 + 16, 16},
        {"10.1.1.255", 96 + 24, 24},
        {"10.1.2.0", 96 + 16, 16},
        {"10.1.255.255", 96 + 16, 16},
        {"10.2.0.0", 96 + 8, 8},
        {"11.0.0.0", 96, 0},
        {"255.255.255.255", 96 + 32, 32},
        {"255.255.255.254", 96, 0},
        {"2001:db8::1", 32, 60032},
        {"2001:db8:0:1::5", 64, 60064},
        {"2001:db8:0:2::", 32, 60032},
        {"2001:db9::", 0, 0},
        {"fd00::1", 8, 60008},
        {"fe00::", 0, 0},
        {"::1", 0, 0},
        {"0.0.0.0", 96, 0},
    };
    FILE *f = begin();

    (void)state;
    put_route(f, "10.1.0.0", 16, "192.0.2.1", 1, 16);
    put_route(f, "10.0.0.0", 8, "192.0.2.1", 1, 8);
    put_route(f, "10.1.1.0", 24, "192.0.2.9", 2, 24);
    put_route(f, "255.255.255.255", 32, "192.0.2.1", 1, 32);
    put_route(f, "2001:db8::", 32, "2001:db8::9", 3, 60032);
    put_route(f, "2001:db8:0:1::", 64, "2001:db8::9", 3, 60064);
    put_route(f, "fd00::", 8, "2001:db8::9", 3, 60008);
    put_route(f, "2001:db8:0:1::", 96, "2001:db8::9", 3, 1); /* too long */
    struct rib *r = read_it(f);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        uint8_t bits;
        const struct rib_route *x = find(r, want[i].to, &bits);
        assert_int_equal(x ? x->origin_as : 0, want[i].origin);
        assert_int_equal(bits, want[i].bits);
    }
    uint8_t bits;
    struct addr via = addr("192.0.2.9");
    assert_true(addr_eq(&find(r, "10.1.1.1", &bits)->next_hop, &via));
    assert_int_equal(find(r, "10.1.1.1", &bits)->peer_as, 2);
    assert_int_equal(rib_stats(r)->prefixes, 7);
    assert_int_equal(rib_stats(r)->left_out, 1);
    rib_free(r);
}

static void the_shortest_path_holds_and_what_is_our_own_has_none(void **state)
{
    uint8_t mem[256];
    const uint32_t paths[][3] = {{7, 8, 9}, {5, 9}, {6, 9}};
    const uint8_t len[] = {3, 2, 2};
    struct buf b;
    FILE *f = begin();

    (void)state;
    buf_fixed(&b, mem, sizeof mem);
    put_prefix(&b, "198.51.100.0", 24);
    buf_u16(&b, 3);
    for (int i = 0; i < 3; i++) {
        buf_u16(&b, (uint16_t)i);
        buf_u32(&b, 0);
        buf_u16(&b, (uint16_t)(3 + 2 + 4 * len[i]));
        put_path(&b, paths[i], len[i]);
    }
    put_record(f, 2, &b);
    put_route(f, "203.0.113.0", 24, "0.0.0.0", 0, 0);
    struct rib *r = read_it(f);
    uint8_t bits;
    const struct rib_route *x = find(r, "198.51.100.7", &bits);
    assert_int_equal(x->peer_as, 5);
    assert_int_equal(x->origin_as, 9);
    x = find(r, "203.0.113.7", &bits);
    assert_int_equal(x->peer_as, 0);
    assert_int_equal(x->origin_as, 0);
    rib_free(r);
}

static void what_is_no_dump_is_refused(void **state)
{
    struct rib *r;
    struct err err;
    FILE *f = begin();

    (void)state;
    (void)fputs("flow exporter A\n destination 192.0.2.1\n and more of it\n", f);
    (void)fclose(f);
    assert_int_equal(rib_read(&r, path, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "expected a dump of BGP's routes"));

    f = begin();
    put_route(f, "10.0.0.0", 8, "192.0.2.1", 1, 8);
    put_route(f, "11.0.0.0", 8, "192.0.2.1", 1, 8);
    long size = ftell(f);
    (void)fclose(f);
    assert_int_equal(truncate(path, size - 3), 0);
    assert_int_equal(rib_read(&r, path, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "cut"));
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(rib_read(&r, path, &err), ERR_DATA);
    assert_int_equal(rib_read(&r, "/dev/null/none", &err), ERR_SYS);
}

/* Against a scan of all prefixes. */
static void many_prefixes_are_found_as_a_scan_finds_them(void **state)
{
    enum { N = 3000, ASKED = 20000 };
    static struct {
        uint32_t net;
        uint8_t bits;
    } all[N];
    FILE *f = begin();
    uint64_t random = 1;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        char text[32];
        random = hash_mix(random + 1);
        uint32_t net = (uint32_t)random & 0x3FFFFF;
        uint8_t bits = (uint8_t)(8 + (random >> 40) % 25);
        net = (net << 10 | net >> 12) & (0xFFFFFFFFu << (32 - bits));
        all[i].net = net;
        all[i].bits = bits;
        (void)snprintf(text, sizeof text, "%u.%u.%u.%u", net >> 24, net >> 16 & 255, net >> 8 & 255,
                       net & 255);
        put_route(f, text, bits, "192.0.2.1", 1, i + 1);
    }
    struct rib *r = read_it(f);
    for (int k = 0; k < ASKED; k++) {
        uint8_t bits;
        uint32_t origin = 0;
        uint8_t most = 0;
        random = hash_mix(random + 1);
        uint32_t a = k % 2 ? (uint32_t)random : all[random % N].net + (uint32_t)(random >> 60);
        for (uint32_t i = 0; i < N; i++)
            if (all[i].bits > most && (a ^ all[i].net) >> (32 - all[i].bits) == 0) {
                most = all[i].bits;
                origin = i + 1;
            }
        const uint8_t v4[4] = {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8),
                               (uint8_t)a};
        struct addr to = addr_of_v4(v4);
        const struct rib_route *x = rib_find(r, &to, &bits);
        if (x && x->origin_as != origin) /* of one prefix told twice either may be meant */
            assert_true(all[x->origin_as - 1].net == all[origin - 1].net);
        assert_int_equal(x != NULL, origin != 0);
        assert_int_equal(bits, 96 + most);
    }
    rib_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_holds),
        cmocka_unit_test(the_shortest_path_holds_and_what_is_our_own_has_none),
        cmocka_unit_test(what_is_no_dump_is_refused),
        cmocka_unit_test(many_prefixes_are_found_as_a_scan_finds_them),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
