/* What a wrong filter is told: the place, and what was expected there. */
#include "filter/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The wrong place is underlined in `marks`, a space for each byte before it. */
static const struct {
    const char *text;
    const char *marks;
    const char *says;
} wrong[] = {
    /* names */
    {"scr_port = 80", "^^^^^^^^", "expected a field, found \"scr_port\"; did you mean src_port?"},
    {"proto tcp and scr port 80", "              ^^^", "did you mean src or src_port?"},
    {"src prot 80", "^^^^^^^^", "found \"src prot\"; did you mean src_port?"},
    {"sport 80", "^^^^^", "did you mean port?"},
    {"byte > 5", "^^^^", "did you mean bytes?"},
    {"xyzzy 5", "^^^^^", "\"weir fields\" lists all"},
    {"has xyzzy", "    ^^^^^", "expected a field, found \"xyzzy\""},
    {"tcp and port 80", "^^^", "write \"proto tcp\""},
    {"10.0.0.1", "^^^^^^^^", "write \"ip 10.0.0.1\""},
    {"not 10.0.0.0/8", "    ^^^^^^^^^^", "write \"ip 10.0.0.0/8\""},
    {"port 80 or 443", "           ^^^", "port in [80, 443]"},
    /* values of another kind */
    {"src_addr > 5", "           ^", "src_addr: expected an address or prefix such as"},
    {"src ip = web", "         ^^^", "src ip: expected an address"},
    {"ip 300.1.2.3", "   ^^^^^^^^^", "ip: expected an address"},
    {"exporter 10.1.1", "         ^^^^^^", "exporter: expected an address"},
    {"proto foo", "      ^^^", "expected a protocol such as tcp, udp or 47, found \"foo\""},
    {"flags XYZ", "      ^^^", "expected TCP flags such as S or SA"},
    {"kind blah", "     ^^^^", "one of flow, firewall, nat, sample, options, any"},
    {"rate_from = any", "            ^^^", "one of none, forced, record,"},
    {"bytes > 1Q", "        ^^", "expected a number such as 1500, 10M or 0x1f"},
    {"bytes > -5", "        ^^", "expected a number"},
    {"bytes > 1.5", "        ^^^", "expected a number"},
    {"vlan 0x", "     ^^", "expected a number"},
    {"rate > fast", "       ^^^^", "expected a number such as 1500, 10M or 99.5"},
    {"duration > soon", "           ^^^^", "expected a duration such as 5s"},
    {"first_ms > yesterday", "           ^^^^^^^^^", "expected a time such as 2026-11-22T14:05"},
    {"first_ms > now-x", "           ^^^^^", "expected a time"},
    {"src mac 00:11", "        ^^^^^", "expected a MAC address such as 00:11:22:33:44:55"},
    {"src mac 00112233445566", "        ^^^^^^^^^^^^^^", "expected a MAC address"},
    {"mpls xx", "     ^^", "expected octets in hexadecimal"},
    {"mpls 0a1", "     ^^^", "two hexadecimal digits for each octet, found 3 digits"},
    {"port in @file", "        ^^^^^", "expected a port"},
    /* values that are out of bounds */
    {"src_port = 70000", "           ^^^^^", "src_port is at most 65535, found \"70000\""},
    {"proto 256", "      ^^^", "proto is at most 255"},
    {"port 10-70000", "        ^^^^^", "port is at most 65535"},
    {"port 90-80", "     ^^^^^", "the smaller value first"},
    {"port 80-x", "        ^", "expected a port"},
    {"src net 10.0.0.0/33", "                 ^^", "a prefix length of 0 to 32, found \"33\""},
    {"net 2001:db8::/129", "               ^^^", "a prefix length of 0 to 128"},
    {"net 10.0.0.0/", "             ^", "a prefix length of 0 to 32"},
    {"net 10.0.0.0/x", "             ^", "a prefix length of 0 to 32"},
    /* operators */
    {"kind < nat", "     ^", "expected =, != or in, since its values have no order"},
    {"src_addr < 10.0.0.0/8", "           ^^^^^^^^^^", "expected one value after <"},
    {"port >= 10-20", "        ^^^^^", "expected one value after >="},
    {"port > [10, 20]", "       ^", "expected a port"},
    {"flags > S", "        ^", "expected a number after >"},
    {"port not 80", "         ^^", "expected \"in\" after \"not\", found \"80\""},
    {"proto", "     ^",
     "=, !=, <, <=, >, >=, in or a protocol such as tcp, udp or 47, found the end"},
    {"proto =", "       ^", "expected a protocol such as tcp, udp or 47, found the end"},
    {"src ip and port 80", "       ^^^", "src ip: expected =, !=,"},
    {"bytes =! 5", "       ^", "found \"!\""},
    /* between terms, brackets, lists */
    {"proto tcp port 80", "          ^^^^",
     "expected \"and\" or \"or\" before the next term, found "
     "\"port\""},
    {"proto tcp (port 80)", "          ^", "expected \"and\" or \"or\" before"},
    {"proto tcp not port 80", "          ^^^", "expected \"and\" or \"or\" before"},
    {"proto = tcp, udp", "           ^", "a list is written"},
    {"proto tcp and", "             ^", "expected a term such as"},
    {"proto tcp or or port 80", "             ^^", "expected a term such as"},
    {"and", "^^^", "expected a term such as"},
    {"not", "   ^", "found the end of the filter"},
    {"()", " ^", "expected a term such as"},
    {"(proto tcp", "          ^", "expected \")\" for the bracket that column 1 opens"},
    {"proto tcp)", "         ^", "found \")\" without its \"(\""},
    {"port in [80, 443", "                ^", "for the list that column 9 opens, found the end"},
    {"port in [80 and proto tcp", "            ^^^", "expected \",\" or \"]\""},
    {"port in []", "         ^", "expected a port"},
    {"port in [80,,90]", "            ^", "expected a port"},
    {"port in [80, web]", "             ^^^", "expected a port"},
    {"app_name = \"abc", "           ^^^^", "expected a closing \""},
    {"app_name = web & any", "               ^", "expected \"&&\" or a word, found \"&\""},
};

static void says_where_and_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct filter *f = NULL;
        struct filter_error e;
        struct buf out;
        char want[1024];

        if (filter_parse_at(&f, wrong[i].text, NULL, &e) != ERR_CONFIG)
            fail_msg("%s: is accepted", wrong[i].text);
        assert_null(f);
        if (!strstr(e.text, wrong[i].says))
            fail_msg("%s: says \"%s\", expected \"%s\"", wrong[i].text, e.text, wrong[i].says);
        buf_init(&out, 4096);
        filter_error_print(&e, wrong[i].text, &out);
        buf_u8(&out, 0);
        (void)snprintf(want, sizeof want, "  %s\n  %s\n%s\n", wrong[i].text, wrong[i].marks,
                       e.text);
        assert_string_equal((const char *)out.data, want);
        buf_free(&out);
    }
}

static void counts_columns_from_one(void **state)
{
    struct filter *f;
    struct err err;

    (void)state;
    assert_int_equal(filter_parse(&f, "proto tcp and vlan x", &err), ERR_CONFIG);
    assert_string_equal(err.text, "filter: column 20: vlan: expected a number such as 1500, 10M "
                                  "or 0x1f, found \"x\"");
    assert_int_equal(filter_parse(&f, "vlan x", NULL), ERR_CONFIG);
}

static void check_print(const char *text, const char *want)
{
    struct filter *f;
    struct filter_error e;
    struct buf out;

    assert_int_equal(filter_parse_at(&f, text, NULL, &e), ERR_CONFIG);
    buf_init(&out, 4096);
    filter_error_print(&e, text, &out);
    assert_true(out.len > strlen(want));
    out.data[strlen(want)] = '\0';
    assert_string_equal((const char *)out.data, want);
    buf_free(&out);
}

static void shows_the_line_that_is_wrong(void **state)
{
    (void)state;
    check_print("proto tcp\n\tand vlan x\nand port 80", "   and vlan x\n            ^\n");
    /* Two bytes, one column. */
    check_print("app_name = k\xc3\xa4se and vlan \xc3\xa4\xc3\xa4",
                "  app_name = k\xc3\xa4se and vlan \xc3\xa4\xc3\xa4\n"
                "                           ^^\n");
}

static void cuts_long_lines_around_the_place(void **state)
{
    char text[2000] = "";
    struct filter *f;
    struct filter_error e;
    struct buf out;

    (void)state;
    for (int i = 0; i < 50; i++)
        strcat(text, "proto tcp or ");
    strcat(text, "vlan x");
    for (int i = 0; i < 50; i++)
        strcat(text, " or proto tcp");
    assert_int_equal(filter_parse_at(&f, text, NULL, &e), ERR_CONFIG);
    buf_init(&out, 4096);
    filter_error_print(&e, text, &out);
    buf_u8(&out, 0);
    char *line = (char *)out.data;
    char *marks = strchr(line, '\n');
    assert_non_null(marks);
    *marks++ = '\0';
    assert_true(strlen(line) <= FILTER_SHOW_COLUMNS + 8);
    assert_true(line[strcspn(marks, "^")] == 'x');
    buf_free(&out);
}

static void check_limit(const char *before, const char *item, size_t n, const char *after)
{
    struct filter *f = NULL;
    struct err err;
    size_t len = strlen(item);
    char *text = malloc(strlen(before) + n * len + strlen(after) + 1);

    assert_non_null(text);
    strcpy(text, before);
    char *to = text + strlen(before);
    for (size_t i = 0; i < n; i++, to += len)
        memcpy(to, item, len);
    strcpy(to, after);
    assert_int_equal(filter_parse(&f, text, &err), ERR_LIMIT);
    assert_null(f);
    free(text);
}

static void refuses_more_than_its_bounds(void **state)
{
    struct filter *f;
    char deep[2 * FILTER_DEPTH_MAX + 4] = "";

    (void)state;
    check_limit("", "(", FILTER_DEPTH_MAX + 1, "any");
    check_limit("vlan in [", "1 ", FILTER_LIST_MAX + 1, "]");
    check_limit("any", " ", FILTER_TEXT_MAX, "");

    memset(deep, '(', FILTER_DEPTH_MAX);
    strcat(deep, "any");
    memset(deep + strlen(deep), ')', FILTER_DEPTH_MAX);
    assert_int_equal(filter_parse(&f, deep, NULL), 0);
    filter_free(f);
}

/* Long, but without depth: chains and `not` are loops. */
static void takes_long_chains(void **state)
{
    enum { LINKS = 100000 };
    char *text = malloc(LINKS * 8 + 8);
    struct filter *f;
    struct batch b;
    uint64_t selected = 0;

    (void)state;
    assert_non_null(text);
    assert_true(batch_init(&b, 1));
    b.rows = 1;
    char *to = text;
    for (int i = 0; i < LINKS; i++)
        to = stpcpy(to, i % 2 ? "any or " : "any and ");
    strcpy(to, "any");
    assert_int_equal(filter_parse(&f, text, NULL), 0);
    filter_eval(f, &b, &selected);
    assert_int_equal(selected, 1);
    filter_free(f);

    memset(text, '!', LINKS);
    strcpy(text + LINKS, "any");
    assert_int_equal(filter_parse(&f, text, NULL), 0);
    filter_free(f);
    batch_free(&b);
    free(text);
}

static const char all_constructs[] =
    "src net 10.0.0.0/8 and proto tcp && dst port in [22, 80 8000-8100, 1..2] or ! (flags SA and "
    "not bytes > 1.5M) and (src as 65008 || in if != 3) and exporter 2001:db8::1 and duration >= "
    "1h30m and bps > 10M and app_name not in [\"a\\\"b\", 'c'] and src_mac = 00:11:22:33:44:55 "
    "and first_ms < 2026-11-22T14:05:09.250+02:00 and has mpls and mpls = 0a1b2c and kind any and "
    "inet6 or any and tos = 0xb8 and rate <> 1.5k";

static void try_text(const char *text, const struct batch *b)
{
    struct filter *f;
    struct filter_error e;
    uint64_t selected;

    if (filter_parse_at(&f, text, NULL, &e) == 0) {
        filter_eval(f, b, &selected);
        filter_free(f);
        return;
    }
    assert_true(e.at <= strlen(text) && e.len <= strlen(text) - e.at);
    assert_true(strlen(e.text) > 0);
}

/* Each prefix and each changed byte either parses or says what is wrong within the text. */
static void survives_every_truncation_and_byte_flip(void **state)
{
    static const unsigned char flips[] = {1, 2, 4, 8, 16, 32, 64, 128, 255};
    char text[sizeof all_constructs];
    struct batch b;

    (void)state;
    assert_true(batch_init(&b, 64));
    b.rows = 64;
    try_text(all_constructs, &b);
    for (size_t i = 0; i < strlen(all_constructs); i++) {
        for (size_t k = 0; k < COUNT_OF(flips); k++) {
            strcpy(text, all_constructs);
            text[i] = (char)(text[i] ^ flips[k]);
            try_text(text, &b);
        }
        text[i] = '\0';
        try_text(text, &b);
    }
    batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_and_what_was_expected),
        cmocka_unit_test(counts_columns_from_one),
        cmocka_unit_test(shows_the_line_that_is_wrong),
        cmocka_unit_test(cuts_long_lines_around_the_place),
        cmocka_unit_test(refuses_more_than_its_bounds),
        cmocka_unit_test(takes_long_chains),
        cmocka_unit_test(survives_every_truncation_and_byte_flip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
