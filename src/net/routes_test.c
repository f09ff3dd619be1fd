/* Messages as rtnetlink(7) and linux/rtnetlink.h lay them out, made by hand. */
#include "net/routes.h"

#include "base/buf.h"
#include "net/links.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void attr(struct buf *b, uint16_t type, const void *data, uint16_t len)
{
    struct nlattr a = {.nla_len = (uint16_t)(sizeof a + len), .nla_type = type};
    static const uint8_t zeros[4];

    buf_bytes(b, &a, sizeof a);
    buf_bytes(b, data, len);
    buf_bytes(b, zeros, (4u - len % 4u) % 4u);
}

static void attr_addr(struct buf *b, uint16_t type, const char *text)
{
    uint8_t raw[16];
    bool v6 = strchr(text, ':') != NULL;

    assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, text, raw), 1);
    attr(b, type, raw, v6 ? 16 : 4);
}

struct said {
    const char *to;
    uint8_t bits;
    const char *via;
    uint32_t out_if;
    uint8_t table;
    uint8_t type;
    uint32_t metric;
};

static bool say(struct routes *r, const struct said *s)
{
    uint8_t mem[256];
    struct buf b;
    struct rtmsg head = {.rtm_family = strchr(s->to, ':') ? AF_INET6 : AF_INET,
                         .rtm_dst_len = s->bits,
                         .rtm_table = s->table,
                         .rtm_type = s->type};

    buf_fixed(&b, mem, sizeof mem);
    buf_bytes(&b, &head, sizeof head);
    if (s->bits > 0)
        attr_addr(&b, RTA_DST, s->to);
    if (s->via)
        attr_addr(&b, RTA_GATEWAY, s->via);
    attr(&b, RTA_OIF, &s->out_if, 4);
    attr(&b, RTA_PRIORITY, &s->metric, 4);
    struct netlink_message m = {.type = RTM_NEWROUTE, .body = cur_of(b.data, b.len)};
    return routes_take(r, &m);
}

static void want(const struct routes *r, const char *to, uint32_t out_if, const char *via, int bits)
{
    struct addr a;
    struct addr hop = {0};

    assert_int_equal(addr_parse(to, &a, NULL), 0);
    if (via)
        assert_int_equal(addr_parse(via, &hop, NULL), 0);
    const struct route *x = routes_find(r, &a);
    if (bits < 0) {
        assert_null(x);
        return;
    }
    assert_non_null(x);
    assert_int_equal(x->out_if, out_if);
    assert_true(addr_eq(&x->via, &hop));
    assert_int_equal(x->bits, bits + (addr_is_v4(&a) ? 96 : 0));
}

static void the_longest_prefix_holds(void **state)
{
    static const struct said all[] = {
        {"10.0.0.0", 8, "192.0.2.1", 2, RT_TABLE_MAIN, RTN_UNICAST, 0},
        {"10.1.0.0", 16, NULL, 3, RT_TABLE_MAIN, RTN_UNICAST, 0},
        {"10.1.2.3", 32, NULL, 9, RT_TABLE_LOCAL, RTN_LOCAL, 0},
        {"10.255.255.255", 32, "192.0.2.7", 7, RT_TABLE_MAIN, RTN_UNICAST, 0},
        {"10.2.0.0", 16, NULL, 4, RT_TABLE_MAIN, RTN_BLACKHOLE, 0},
        {"0.0.0.0", 0, "192.0.2.254", 2, RT_TABLE_MAIN, RTN_UNICAST, 0},
        {"2001:db8::", 32, "fe80::1", 5, RT_TABLE_MAIN, RTN_UNICAST, 0},
    };
    struct routes *r = routes_new();

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_true(say(r, &all[i]));
    want(r, "10.0.0.1", 0, NULL, -1); /* not made yet */
    routes_make(r);
    want(r, "10.0.0.1", 2, "192.0.2.1", 8);
    want(r, "10.1.0.0", 3, NULL, 16);
    want(r, "10.1.2.2", 3, NULL, 16);
    want(r, "10.1.2.3", 0, NULL, 32);
    want(r, "10.1.2.4", 3, NULL, 16);
    want(r, "10.1.255.255", 3, NULL, 16);
    want(r, "10.2.0.0", 0, NULL, 16);
    want(r, "10.3.0.0", 2, "192.0.2.1", 8);
    want(r, "10.255.255.255", 7, "192.0.2.7", 32);
    want(r, "11.0.0.0", 2, "192.0.2.254", 0);
    want(r, "255.255.255.255", 2, "192.0.2.254", 0);
    want(r, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 5, "fe80::1", 32);
    want(r, "2001:db9::", 0, NULL, -1);
    want(r, "::1", 0, NULL, -1);
    routes_free(r);
}

static void of_equal_prefixes_the_better_holds(void **state)
{
    static const struct said all[] = {
        {"10.0.0.0", 8, NULL, 2, RT_TABLE_MAIN, RTN_UNICAST, 500},
        {"10.0.0.0", 8, NULL, 3, RT_TABLE_MAIN, RTN_UNICAST, 100},
        {"10.0.0.0", 8, NULL, 4, RT_TABLE_DEFAULT, RTN_UNICAST, 0},
    };
    static const struct said other = {"10.0.0.0", 8, NULL, 5, 77, RTN_UNICAST, 0};
    struct routes *r = routes_new();

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(say(r, &all[i]));
    assert_false(say(r, &other)); /* a VRF's */
    routes_make(r);
    want(r, "10.0.0.1", 3, NULL, 8);
    routes_make(r); /* of nothing new */
    want(r, "10.0.0.1", 0, NULL, -1);
    routes_free(r);
}

static void of_several_ways_the_first_is_taken(void **state)
{
    uint8_t mem[256];
    uint8_t way[64];
    struct buf b;
    struct buf ways;
    struct rtmsg head = {
        .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
    struct rtnexthop hop = {.rtnh_len = sizeof hop + 8, .rtnh_ifindex = 6};
    struct routes *r = routes_new();

    (void)state;
    buf_fixed(&ways, way, sizeof way);
    buf_bytes(&ways, &hop, sizeof hop);
    attr_addr(&ways, RTA_GATEWAY, "192.0.2.9");
    hop.rtnh_ifindex = 7;
    buf_bytes(&ways, &hop, sizeof hop);
    attr_addr(&ways, RTA_GATEWAY, "192.0.2.10");
    buf_fixed(&b, mem, sizeof mem);
    buf_bytes(&b, &head, sizeof head);
    attr(&b, RTA_MULTIPATH, ways.data, (uint16_t)ways.len);
    struct netlink_message m = {.type = RTM_NEWROUTE, .body = cur_of(b.data, b.len)};
    assert_true(routes_take(r, &m));
    routes_make(r);
    want(r, "198.51.100.1", 6, "192.0.2.9", 0);
    routes_free(r);
}

static void a_vrf_is_told_by_its_kind_and_table(void **state)
{
    uint8_t mem[256];
    uint8_t inner[64];
    uint8_t info[128];
    struct buf b;
    struct buf in;
    struct buf data;
    struct ifinfomsg head = {.ifi_index = 12};
    struct links l = {0};
    uint32_t table = 100;

    (void)state;
    buf_fixed(&data, inner, sizeof inner);
    attr(&data, IFLA_VRF_TABLE, &table, 4);
    buf_fixed(&in, info, sizeof info);
    attr(&in, IFLA_INFO_KIND, "vrf", 4);
    attr(&in, IFLA_INFO_DATA, data.data, (uint16_t)data.len);
    buf_fixed(&b, mem, sizeof mem);
    buf_bytes(&b, &head, sizeof head);
    attr(&b, IFLA_IFNAME, "blue", 5);
    attr(&b, IFLA_IFALIAS, "customer\tA", 10);
    attr(&b, IFLA_LINKINFO, in.data, (uint16_t)in.len);
    struct netlink_message m = {.type = RTM_NEWLINK, .body = cur_of(b.data, b.len)};
    assert_true(links_take(&l, &m));
    assert_int_equal(l.v[0].index, 12);
    assert_int_equal(l.v[0].vrf, 100);
    assert_string_equal(l.v[0].name, "blue");
    assert_string_equal(l.v[0].alias, "customer?A");
    for (size_t cut = 0; cut < b.len; cut++) { /* whatever is cut off */
        m.body = cur_of(b.data, cut);
        (void)links_take(&l, &m);
    }
    links_free(&l);
}

static void the_kernel_answers(void **state)
{
    struct routes *r = routes_new();
    struct links l = {0};
    struct addr lo;
    struct err err;
    size_t found = 0;

    (void)state;
    if (links_read(&l, &err) != 0) {
        print_message("no netlink here: %s\n", err.text);
        routes_free(r);
        skip();
    }
    for (size_t i = 0; i < l.n; i++)
        found += strcmp(l.v[i].name, "lo") == 0 && l.v[i].index == 1;
    assert_int_equal(found, 1);
    assert_int_equal(routes_read(r, &err), 0);
    assert_int_equal(links_address("no-such-device", true, &lo, &err), ERR_CONFIG);
    links_free(&l);
    routes_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_holds),
        cmocka_unit_test(of_equal_prefixes_the_better_holds),
        cmocka_unit_test(of_several_ways_the_first_is_taken),
        cmocka_unit_test(a_vrf_is_told_by_its_kind_and_table),
        cmocka_unit_test(the_kernel_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
