#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct addr parsed(const char *text)
{
    struct addr a = {0};
    assert_int_equal(addr_parse(text, &a, NULL), 0);
    return a;
}

static void prints_what_it_reads(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:192.0.2.1", "192.0.2.1"}, /* one address, two spellings */
        {"::ffff:c000:201", "192.0.2.1"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:1111:2222:3333:4444:5555:6666"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
    };
    char text[ADDR_TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct addr a = parsed(cases[i].in);
        size_t n = addr_print(&a, text);
        assert_string_equal(text, cases[i].out);
        assert_int_equal(n, strlen(cases[i].out));
    }
}

static void tells_the_families_apart(void **state)
{
    struct addr v4 = parsed("10.0.0.1");
    struct addr mapped = parsed("::ffff:10.0.0.1");
    struct addr compatible = parsed("::10.0.0.1"); /* deprecated, not IPv4 */

    (void)state;
    assert_true(addr_is_v4(&v4));
    assert_true(addr_eq(&v4, &mapped));
    assert_false(addr_is_v4(&compatible));
    assert_memory_equal(v4.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01", 16);
}

static void masks_by_bits(void **state)
{
    static const struct {
        const char *in;
        unsigned bits;
        const char *out;
    } cases[] = {
        {"192.0.2.255", 128, "192.0.2.255"}, {"192.0.2.255", 120, "192.0.2.0"},
        {"192.0.2.255", 121, "192.0.2.128"}, {"192.0.2.255", 96, "0.0.0.0"},
        {"ffff:ffff::", 17, "ffff:8000::"},  {"ffff::1", 0, "::"},
        {"2001:db8::1", 127, "2001:db8::"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct addr want = parsed(cases[i].out);
        struct addr got = addr_mask(parsed(cases[i].in), cases[i].bits);
        assert_true(addr_eq(&got, &want));
    }
}

static void reads_prefixes(void **state)
{
    char text[PREFIX_TEXT];
    struct prefix p;
    struct addr in = parsed("198.51.100.200");
    struct addr out = parsed("198.51.101.0");
    struct addr v6 = parsed("2001:db8::1");

    (void)state;
    assert_int_equal(prefix_parse("198.51.100.77/24", &p, NULL), 0);
    assert_int_equal(p.bits, 120);
    assert_true(prefix_has(&p, &in));
    assert_false(prefix_has(&p, &out));
    assert_false(prefix_has(&p, &v6));

    assert_int_equal(prefix_print(&p, text), 15);
    assert_string_equal(text, "198.51.100.0/24");

    assert_int_equal(prefix_parse("0.0.0.0/0", &p, NULL), 0); /* all of IPv4, none of IPv6 */
    (void)prefix_print(&p, text);
    assert_string_equal(text, "0.0.0.0/0");
    assert_true(prefix_has(&p, &out));
    assert_false(prefix_has(&p, &v6));
    assert_int_equal(prefix_parse("::/0", &p, NULL), 0);
    (void)prefix_print(&p, text);
    assert_string_equal(text, "::/0");
    assert_true(prefix_has(&p, &out));
    assert_true(prefix_has(&p, &v6));
    assert_int_equal(prefix_parse("198.51.100.200", &p, NULL), 0);
    assert_int_equal(p.bits, 128);
    assert_true(prefix_has(&p, &in));
    assert_int_equal(prefix_parse("2001:db8::/32", &p, NULL), 0);
    assert_int_equal(p.bits, 32);
    assert_true(prefix_has(&p, &v6));
}

static void reads_and_prints_ports(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"192.0.2.1:2055", "192.0.2.1:2055"},
        {"[2001:db8::1]:4739", "[2001:db8::1]:4739"},
        {":2055", "127.0.0.1:2055"},
        {"2055", "127.0.0.1:2055"},
        {"[::]:0", "[::]:0"},
        {"192.0.2.1:65535", "192.0.2.1:65535"},
    };
    char text[ADDR_PORT_TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct addr a = parsed("127.0.0.1");
        uint16_t port;
        assert_int_equal(addr_port_parse(cases[i].in, &a, &port, NULL), 0);
        (void)addr_port_print(&a, port, text);
        assert_string_equal(text, cases[i].out);
    }
    /* The longest there is fits its room. */
    struct addr a = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_int_equal(addr_port_print(&a, 65535, text),
                     strlen("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"));
}

static void refuses_what_is_no_address_and_leaves_the_output_alone(void **state)
{
    static const char *const addrs[] = {
        "",     " ",        "1.2.3", "1.2.3.4.5",        "1.2.3.256", "::1::",
        "host", "1.2.3.4 ", "[::1]", "2001:db8::1%eth0", "01.2.3.4.5"};
    static const char *const prefixes[] = {
        "1.2.3.4/33",
        "1.2.3.4/",
        "1.2.3.4/-1",
        "1.2.3.4/ 8",
        "::/129",
        "/8",
        "1.2.3.4/8x",
        "1.2.3.4/8/8",
        "1.2.3.4/99999999999999999999",
        "2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999/8"};
    static const char *const ports[] = {"",
                                        ":",
                                        "1.2.3.4:",
                                        "1.2.3.4",
                                        "1.2.3.4:65536",
                                        "1.2.3.4:-1",
                                        "x:1",
                                        "[::1]",
                                        "1.2.3.4:1x",
                                        "1.2.3.4: 1",
                                        "[1.2.3.4:1",
                                        "::1",
                                        "2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999:80"};
    struct addr a = parsed("127.0.0.1");
    struct addr same = a;
    struct prefix p = {.bits = 7};
    uint16_t port = 7;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(addrs); i++)
        assert_int_equal(addr_parse(addrs[i], &a, &err), ERR_CONFIG);
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        assert_int_equal(prefix_parse(prefixes[i], &p, &err), ERR_CONFIG);
    for (size_t i = 0; i < COUNT_OF(ports); i++)
        assert_int_equal(addr_port_parse(ports[i], &a, &port, &err), ERR_CONFIG);
    assert_true(addr_eq(&a, &same));
    assert_int_equal(p.bits, 7);
    assert_int_equal(port, 7);
    assert_int_equal(addr_parse("host", &a, &err), ERR_CONFIG);
    assert_string_equal(err.text, "expected an IPv4 or IPv6 address, found \"host\"");
}

/* Computed by hand: a * 0x9e3779b1 mod 2^32, its upper half, modulo n; IPv6: its words XORed. */
static void shares_addresses_out(void **state)
{
    static const struct {
        const char *text;
        unsigned n;
        unsigned share;
    } expected[] = {
        {"192.0.2.1", 1, 0},   {"192.0.2.1", 3, 1},   {"192.0.2.1", 64, 42},
        {"2001:db8::1", 3, 2}, {"2001:db8::2", 7, 5},
    };
    struct addr a;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(addr_parse(expected[i].text, &a, NULL), 0);
        assert_int_equal(addr_share(&a, expected[i].n), expected[i].share);
    }
}

static void knows_a_netmask(void **state)
{
    static const struct {
        const char *mask;
        int bits; /* -1: it is none */
    } cases[] = {{"0.0.0.0", 0},          {"128.0.0.0", 1}, {"255.255.255.0", 24},
                 {"255.255.255.255", 32}, {"0.0.0.1", -1},  {"255.0.255.0", -1},
                 {"254.0.0.0", 7},        {"ffff::", -1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr a;
        uint8_t bits;
        assert_int_equal(addr_parse(cases[i].mask, &a, NULL), 0);
        assert_int_equal(addr_netmask(&a, &bits) ? bits : -1, cases[i].bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_what_it_reads),
        cmocka_unit_test(tells_the_families_apart),
        cmocka_unit_test(masks_by_bits),
        cmocka_unit_test(reads_prefixes),
        cmocka_unit_test(reads_and_prints_ports),
        cmocka_unit_test(shares_addresses_out),
        cmocka_unit_test(refuses_what_is_no_address_and_leaves_the_output_alone),
        cmocka_unit_test(knows_a_netmask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
