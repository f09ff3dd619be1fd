/* Names, letters, patterns, labels, files and filters by name. */
#include "filter/kit.h"

enum { ROWS = 8 };

static void fill_tcp(void)
{
    static const uint16_t flags[] = {0x02, 0x12, 0x10, 0x14, 0x11}; /* S, SA, A, RA, FA */

    for (size_t row = 0; row < COUNT_OF(flags); row++) {
        num(FIELD_PROTO, row, 6);
        num(FIELD_TCP_FLAGS, row, flags[row]);
    }
}

/* Rows 5, 6, 7: ICMP, ICMPv6, neither. */
static void fill_icmp(void)
{
    num(FIELD_PROTO, 5, 1);
    num(FIELD_ICMP_TYPE, 5, 3);
    num(FIELD_ICMP_CODE, 5, 3);
    num(FIELD_PROTO, 6, 58);
    num(FIELD_ICMP_TYPE, 6, 1);
    num(FIELD_ICMP_CODE, 6, 4);
    num(FIELD_PROTO, 7, 1);
    num(FIELD_ICMP_TYPE, 7, 8);
}

static void fill_others(void)
{
    /* Code points: in their own field, or in ToS. */
    num(FIELD_DSCP, 0, 46);
    num(FIELD_TOS, 0, 0);
    num(FIELD_TOS, 1, 0xb8); /* 46 << 2 */
    num(FIELD_TOS, 2, 0x89); /* af41 (34) << 2, and ECN */
    num(FIELD_TOS, 3, 0x10);
    num(FIELD_TOS, 4, 0x50); /* the same bits, with a precedence */
    num(FIELD_POST_TOS, 5, 0x20);
    text(FIELD_APP_NAME, 0, "youtube");
    text(FIELD_APP_NAME, 1, "YouTube Kids");
    text(FIELD_APP_NAME, 2, "dns");
    text(FIELD_APP_NAME, 3, "k\xc3\xa4se");
    text(FIELD_APP_NAME, 4, "");
    /* Labels 16, 17, 18 (exp 0, 1, 7, the last at the bottom); one; a stack that is cut. */
    octets(FIELD_MPLS, 0, "\x00\x01\x00\x00\x01\x12\x00\x01\x2f", 9);
    octets(FIELD_MPLS, 1, "\x00\x01\x11", 3);
    octets(FIELD_MPLS, 2, "\x00\x01", 2);
    addr(FIELD_SRC_ADDR, 0, "10.1.2.3");
    addr(FIELD_DST_ADDR, 0, "10.9.9.9");
    addr(FIELD_SRC_ADDR, 1, "2001:db8::1");
    addr(FIELD_DST_ADDR, 1, "10.1.2.3");
    addr(FIELD_NAT_SRC_ADDR, 2, "198.51.100.1");
    addr(FIELD_NAT_DST_ADDR, 3, "198.51.100.1");
    num(FIELD_NAT_SRC_PORT, 2, 1024);
    num(FIELD_NAT_DST_PORT, 3, 80);
    num(FIELD_SRC_PORT, 0, 80);
    num(FIELD_DST_PORT, 0, 80);
    num(FIELD_SRC_PORT, 1, 80);
    num(FIELD_DST_PORT, 1, 9);
    num(FIELD_SRC_AS, 0, 65008);
    num(FIELD_DST_AS, 1, 65009);
    num(FIELD_IN_IF, 2, 3);
    num(FIELD_OUT_IF, 3, 3);
    num(FIELD_RESPONDER_BYTES, 0, 10);
    num(FIELD_POST_BYTES, 1, 20);
    num(FIELD_REV_BYTES, 2, 30);
    num(FIELD_POST_BYTES, 2, 40);
}

static int setup(void **state)
{
    (void)state;
    assert_true(batch_init(&batch, ROWS));
    batch.rows = ROWS;
    fill_tcp();
    fill_icmp();
    fill_others();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    batch_free(&batch);
    return 0;
}

struct row {
    const char *text;
    const char *rows;
};

static void check_all(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_with(NULL, rows[i].text, rows[i].rows);
}

static void takes_flags_as_letters(void **state)
{
    static const struct row rows[] = {
        {"flags all SA", "1"},
        {"flags any SF", "0 1 4"},
        {"flags any RF", "3 4"},
        {"flags none RF", "0 1 2"},
        {"flags = any RF", "3 4"},
        {"flags != any RF", "0 1 2"},
        {"flags != all SA", "0 2 3 4"},
        {"flags S/SA", "0"},
        {"flags sa/sa", "1"},
        {"flags /SA", ""},
        {"flags /SR", "2 4"},
        {"flags A/SRA", "2 4"},
        {"flags != S/SA", "1 2 3 4"},
        {"flags in [S/SA, any RF]", "0 3 4"},
        {"flags not in [S/SA, any RF]", "1 2 5 6 7"},
        {"flags in [none RF, 0x14]", "0 1 2 3"},
        {"not flags none RF", "3 4 5 6 7"},
        {"not (flags SA)", "0 2 3 4 5 6 7"},
        {"not not flags SA", "1"},
        {"not flags = SA", "0 2 3 4 5 6 7"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
    check_wrong(NULL, "flags SA/S", 9, "among those to look at");
    check_wrong(NULL, "flags any", 9, "letters");
    check_wrong(NULL, "flags any S/SA", 10, "letters");
    check_wrong(NULL, "flags none 5", 11, "letters");
    check_wrong(NULL, "flags > any S", 8, "expected a number");
    check_wrong(NULL, "not flags SA", 10, "flags none SA");
}

static void knows_code_points_and_tos(void **state)
{
    static const struct row rows[] = {
        {"dscp ef", "0 1"},
        {"dscp EF", "0 1"},
        {"dscp 46", "0 1"},
        {"dscp af41", "2"},
        {"dscp in [ef, af41]", "0 1 2"},
        {"dscp != ef", "2 3 4"},
        {"dscp < 34", "3 4"},
        {"dscp >= af41", "0 1 2"},
        {"has dscp", "0 1 2 3 4"},
        {"out dscp cs1", "5"},
        {"post_dscp 8", "5"},
        {"tos ef", "1"},
        {"tos af41", "2"},
        {"tos 0x89", "2"},
        {"tos minimize-delay", "3 4"},
        {"tos != minimize-delay", "0 1 2"},
        {"tos in [minimize-delay, 0]", "0 3 4"},
        {"out tos cs1", "5"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
    check_wrong(NULL, "dscp 64", 5, "at most 63");
    check_wrong(NULL, "dscp af44", 5, "did you mean af4");
    check_wrong(NULL, "tos > minimize-delay", 6, "several values");
}

static void knows_icmp_by_the_flows_protocol(void **state)
{
    static const struct row rows[] = {
        {"icmp_type unreachable", "5 6"},
        {"icmp_type destination-unreachable", "5 6"},
        {"icmp_type echo-request", "7"},
        {"icmp_type packet-too-big", ""},
        {"icmp_type 1", "6"},
        {"icmp_type in [1, echo-request]", "6 7"},
        {"icmp_type != unreachable", "7"},
        {"icmp_type not in [unreachable]", "0 1 2 3 4 7"},
        {"icmp_code port-unreachable", "5 6"},
        {"icmp_code != port-unreachable", ""},
        {"icmp_code fragmentation-needed", ""},
        {"icmp_code no-route", ""},
        {"icmp_code 4", "6"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
    check_wrong(NULL, "icmp_type echo-requets", 10, "did you mean echo-request");
    check_wrong(NULL, "icmp_type > unreachable", 12, "expected one value");
}

static void matches_patterns(void **state)
{
    static const struct row rows[] = {
        {"app_name ~ \"you*\"", "0"},
        {"app_name ~ you*", "0"},
        {"app_name~'*s'", "1 2"},
        {"app_name !~ \"you*\"", "1 2 3 4"},
        {"not app_name ~ \"you*\"", "1 2 3 4 5 6 7"},
        {"app_name ~ ?????*", "0 1"},
        {"app_name ~ k?se", "3"},
        {"app_name ~ \"\"", "4"},
        {"app_name ~ *", "0 1 2 3 4"},
        {"app_name ~ /ou.ub/", "0 1"},
        {"app_name ~ /out/ and flags S", "0"},
        {"app_name ~ /^you/i", "0 1"},
        {"app_name ~ /^(dns|you)/", "0 2"},
        {"app_name ~ /t/ or app_name ~ /n/", "0 2"},
        {"app_name ~ [\"you*\", /s$/]", "0 1 2"},
        {"app_name !~ [\"you*\", /s$/]", "3 4"},
        {"(app_name ~ /a b\\/|ns/)", "2"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
    check_wrong(NULL, "app_name ~ /a(b/", 13, "a closing )");
    check_wrong(NULL, "app_name ~ /ab", 11, "a closing /");
    check_wrong(NULL, "app_name ~ /ab/x", 15, "expected i");
    check_wrong(NULL, "app_name ~ [a-", 14, "\",\" or \"]\"");
    check_wrong(NULL, "port ~ 8*", 5, "only texts have patterns");
    check_wrong(NULL, "app_name ~", 10, "expected text");
}

static void looks_into_label_stacks(void **state)
{
    static const struct row rows[] = {
        {"mpls label 17", "0 1"},
        {"mpls label 18", "0"},
        {"mpls label in [1, 18]", "0"},
        {"mpls label > 17", "0"},
        {"mpls label != 17", ""},
        {"mpls label != 18", "1"},
        {"not mpls label 17", "2 3 4 5 6 7"},
        {"mpls label1 17", "1"},
        {"mpls label 1", ""},
        {"mpls top label 16", "0"},
        {"mpls label3 18", "0"},
        {"mpls label2 != 18", "0"},
        {"has mpls label2", "0"},
        {"has mpls label", "0 1"},
        {"mpls bottom label 18", "0"},
        {"mpls eos in [17, 18]", "0 1"},
        {"mpls exp 7", "0"},
        {"mpls exp2 1", "0"},
        {"mpls exp != 0", ""},
        {"mpls depth 3", "0"},
        {"mpls depth < 3", "1 2"},
        {"mpls 000111", "1"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
    check_wrong(NULL, "mpls label 1048576", 11, "at most 1048575");
    check_wrong(NULL, "mpls exp 8", 9, "at most 7");
}

static void knows_sides(void **state)
{
    static const struct row rows[] = {
        {"nat ip 198.51.100.1", "2 3"},
        {"nat net 198.51.100.0/24", "2 3"},
        {"src nat ip 198.51.100.1", "2"},
        {"nat src ip 198.51.100.1", "2"},
        {"nat dst net 198.51.100.0/24", "3"},
        {"nat port 80", "3"},
        {"dst nat port 80", "3"},
        {"nat port in [80, 1024]", "2 3"},
        {"src or dst port 80", "0 1"},
        {"src and dst port 80", "0"},
        {"dst and src port 80", "0"},
        {"dst or src 10.1.2.3", "0 1"},
        {"src and dst net 10.0.0.0/8", "0"},
        {"in or out if 3", "2 3"},
        {"in and out if 3", ""},
        {"src or dst as 65009", "1"},
        {"src or dst port != 9", "0"},
        {"src-port 80", "0 1"},
        {"out bytes 10", "0"},
        {"out bytes 20", "1"},
        {"out bytes in [30, 40]", "2"},
        {"out bytes 40", ""},
        {"has out bytes", "0 1 2"},
    };

    (void)state;
    check_all(rows, COUNT_OF(rows));
    check_wrong(NULL, "net 10.0.0.0 255.0.255.0", 13, "a netmask such as");
    check_wrong(NULL, "ip 10.0.0.1 10.0.0.2", 12, "ip in [A, B]");
    check_wrong(NULL, "src or port 80", 4, "found \"or\"");
}

/* --- files and names --- */

static const struct {
    const char *path;
    const char *text;
} files[] = {
    {"nets", "# bad people\n10.1.0.0/16\n\n  2001:db8::/32   # and these\r\n"},
    {"with blank", "10.9.9.9"},
    {"ports", "80\n8000-8100 # range\n"},
    {"as", "65000-65008\n"},
    {"apps", "# texts\nyoutube\n  dns  \nc#\n"},
    {"empty", "# nothing\n"},
    {"broken", "10.0.0.0/8\n\n  10.0.0.0/33\n"},
};

static int read_file(const void *arg, const char *path, struct buf *out, struct err *err)
{
    (void)arg;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (strcmp(files[i].path, path) == 0) {
            buf_text(out, files[i].text);
            return 0;
        }
    }
    return err_set(err, ERR_SYS, "%s: No such file or directory", path);
}

static const struct filter_named *named(const void *arg, size_t i)
{
    static char text[][2][40] = {
        {"web", "port in [80, 443]"},
        {"inside", "net 10.0.0.0/8"},
        {"both", "filter web and filter inside"},
        {"loop", "not filter loop"},
        {"wrong", "port 80 an"},
        {"nothing", ""},
        {"nat", "kind nat"},
    };
    static struct filter_named row;

    (void)arg;
    if (i >= COUNT_OF(text))
        return NULL;
    row = (struct filter_named){text[i][0], text[i][1], "x.conf", i + 1, 10};
    return &row;
}

static const struct filter_env env = {.read_file = read_file, .named = named};

static void reads_sets_from_files(void **state)
{
    static const struct row rows[] = {
        {"src in @nets", "0 1"},
        {"src_addr not in @nets", "2 3 4 5 6 7"},
        {"ip in @\"with blank\"", "0"},
        {"ip in @'with blank' and port 80", "0"},
        {"src in [@nets, 10.9.9.9]", "0 1"},
        {"dst in [10.9.9.9, @nets]", "0 1"},
        {"port in @ports", "0 1"},
        {"src as in @as", "0"},
        {"app_name in @apps", "0 2"},
        {"app_name = @apps", ""}, /* a text like any other */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_with(&env, rows[i].text, rows[i].rows);
    check_wrong(&env, "src in @none", 7, "none: No such file");
    check_wrong(&env, "src in @empty", 7, "empty: expected one value a line");
    check_wrong(&env, "src in @broken or any", 7, "broken:3:12: expected a prefix length");
    check_wrong(&env, "port in @nets", 8, "nets:2:1: port: expected a port");
    check_wrong(&env, "src in @", 7, "the name of a file");
    check_wrong(&env, "src @nets", 4, "expected an address");
    check_wrong(NULL, "src in @nets", 7, "cannot read files here");
}

static void knows_filters_by_name(void **state)
{
    static const struct row rows[] = {
        {"filter web", "0 1"},
        {"filter web and flags A", "1"},
        {"not filter web", "2 3 4 5 6 7"},
        {"filter \"inside\"", "0 1"},
        {"filter both", "0 1"},
        {"FILTER web", "0 1"},
        {"filter nothing", "0 1 2 3 4 5 6 7"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_with(&env, rows[i].text, rows[i].rows);
    check_wrong(&env, "any and filter wbe", 15, "did you mean web?");
    check_wrong(&env, "filter Web", 7, "did you mean web?");
    check_wrong(&env, "filter loop", 7, "does it mean itself?");
    check_wrong(&env, "filter wrong", 7, "x.conf:5:18: expected \"and\"");
    check_wrong(&env, "filter", 6, "the name of a filter");
    check_wrong(NULL, "filter web", 7, "the configuration names none");

    struct filter *f;
    struct filter_error wrong;
    assert_int_equal(filter_parse_at(&f, "filter nat", &env, &wrong), 0);
    assert_int_equal(filter_only_flows(f, NULL), 0);
    struct kit_rows got = rows_of(f);
    assert_string_equal(got.text, ""); /* the name's kind counts: no row is a NAT event */
    filter_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_flags_as_letters),
        cmocka_unit_test(knows_code_points_and_tos),
        cmocka_unit_test(knows_icmp_by_the_flows_protocol),
        cmocka_unit_test(matches_patterns),
        cmocka_unit_test(looks_into_label_stacks),
        cmocka_unit_test(knows_sides),
        cmocka_unit_test(reads_sets_from_files),
        cmocka_unit_test(knows_filters_by_name),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
