/* Every form and example of nfdump 1.7's manual page (nfdump(1), "filter"), in its order: it
 * selects what the manual says, or is refused with what to write instead. The rows expected are
 * what the manual says of the rows below. */
#include "filter/kit.h"

enum { ROWS = 8 };

/* Row 0: with nearly everything. */
static void fill_first(void)
{
    addr(FIELD_SRC_ADDR, 0, "10.1.2.3");
    addr(FIELD_DST_ADDR, 0, "192.0.2.1");
    addr(FIELD_EXPORTER, 0, "10.1.1.1");
    addr(FIELD_NEXT_HOP, 0, "10.9.9.9");
    addr(FIELD_BGP_NEXT_HOP, 0, "10.8.8.8");
    num(FIELD_PROTO, 0, 6);
    num(FIELD_SRC_PORT, 0, 40000);
    num(FIELD_DST_PORT, 0, 443);
    num(FIELD_TCP_FLAGS, 0, 0x02); /* S */
    num(FIELD_BYTES, 0, 1500);
    num(FIELD_PACKETS, 0, 10);
    num(FIELD_REV_BYTES, 0, 700);
    num(FIELD_REV_PACKETS, 0, 7);
    num(FIELD_FIRST, 0, 1700000000000);
    num(FIELD_LAST, 0, 1700000005000);
    num(FIELD_SRC_AS, 0, 65008);
    num(FIELD_DST_AS, 0, 100);
    num(FIELD_PREV_AS, 0, 8);
    num(FIELD_NEXT_AS, 0, 7);
    num(FIELD_IN_IF, 0, 3);
    num(FIELD_OUT_IF, 0, 4);
    num(FIELD_SRC_MASK, 0, 24);
    num(FIELD_DST_MASK, 0, 16);
    num(FIELD_VLAN, 0, 10);
    num(FIELD_POST_VLAN, 0, 20);
    num(FIELD_TOS, 0, 0xb8);
    num(FIELD_DIRECTION, 0, 0);
    num(FIELD_DOMAIN, 0, 5);
    num(FIELD_OBSERVATION_POINT, 0, 6);
    num(FIELD_ENGINE_TYPE, 0, 1);
    num(FIELD_ENGINE_ID, 0, 2);
    mac(FIELD_SRC_MAC, 0, 0x55);
    mac(FIELD_POST_DST_MAC, 0, 0x66);
    /* labels 16 (exp 5) and 17 (exp 2, bottom): label << 4 | exp << 1 | bottom */
    octets(FIELD_MPLS, 0, "\x00\x01\x0a\x00\x01\x15", 6);
}

static void fill_others(void)
{
    /* 1: IPv6. */
    addr(FIELD_SRC_ADDR, 1, "2001:db8::1");
    addr(FIELD_DST_ADDR, 1, "2001:db8::2");
    num(FIELD_PROTO, 1, 17);
    num(FIELD_SRC_PORT, 1, 53);
    num(FIELD_DST_PORT, 1, 5353);
    num(FIELD_BYTES, 1, 2000000);
    num(FIELD_PACKETS, 1, 2000);
    num(FIELD_DURATION, 1, 1000);
    num(FIELD_DIRECTION, 1, 1);
    num(FIELD_FLOWS, 1, 3);
    num(FIELD_IN_VRF, 1, 9);
    /* 2, 7: TCP with S and A, and with all flags. */
    num(FIELD_PROTO, 2, 6);
    num(FIELD_TCP_FLAGS, 2, 0x12);
    num(FIELD_PROTO, 7, 6);
    num(FIELD_TCP_FLAGS, 7, 0x3f);
    /* 3, 4: an echo request; port unreachable. */
    num(FIELD_PROTO, 3, 1);
    num(FIELD_ICMP_TYPE, 3, 8);
    num(FIELD_ICMP_CODE, 3, 0);
    num(FIELD_PROTO, 4, 1);
    num(FIELD_ICMP_TYPE, 4, 3);
    num(FIELD_ICMP_CODE, 4, 3);
    /* 5: NSEL, denied by an access list on entry. */
    num(FIELD_RECORD_KIND, 5, RECORD_FIREWALL);
    num(FIELD_FW_EVENT, 5, 3);
    num(FIELD_FW_EXT_EVENT, 5, 1001);
    addr(FIELD_NAT_SRC_ADDR, 5, "198.51.100.7");
    num(FIELD_NAT_SRC_PORT, 5, 1024);
    octets(FIELD_IN_ACL, 5, "\0\0\0\5\0\0\0\6\0\0\0\7", 12);
    octets(FIELD_OUT_ACL, 5, "\0\0\0\x0f\0\0\0\x10\0\0\0\x11", 12);
    /* 6: a NAT event. */
    num(FIELD_RECORD_KIND, 6, RECORD_NAT);
    num(FIELD_NAT_EVENT, 6, 1);
    addr(FIELD_NAT_DST_ADDR, 6, "198.51.100.8");
    num(FIELD_NAT_DST_PORT, 6, 99);
    num(FIELD_PORT_BLOCK_START, 6, 1024);
    num(FIELD_PORT_BLOCK_END, 6, 2047);
    num(FIELD_PORT_BLOCK_STEP, 6, 1);
    for (size_t row = 0; row < ROWS; row++)
        if (row < 5 || row > 6)
            num(FIELD_RECORD_KIND, row, RECORD_FLOW);
}

static int setup(void **state)
{
    (void)state;
    assert_true(batch_init(&batch, ROWS));
    batch.rows = ROWS;
    fill_first();
    fill_others();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    batch_free(&batch);
    return 0;
}

/* Either the rows, or what the error says. */
struct form {
    const char *text;
    const char *rows;
    const char *says;
};

static void check_forms(const struct form *forms, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct form *form = &forms[i];
        struct filter *f = NULL;
        struct err err = {""};
        int r = filter_parse(&f, form->text, &err);
        if (form->says) {
            if (r == 0 || !strstr(err.text, form->says))
                fail_msg("%s: %s; expected %s", form->text, r ? err.text : "is taken", form->says);
            continue;
        }
        if (r)
            fail_msg("%s: %s", form->text, err.text);
        struct kit_rows got = rows_of(f);
        if (strcmp(got.text, form->rows) != 0)
            fail_msg("%s selects rows \"%s\", expected \"%s\"", form->text, got.text, form->rows);
        filter_free(f);
    }
}

static void joins_primitives(void **state)
{
    static const struct form forms[] = {
        {"proto tcp and port 443", "0", NULL},
        {"proto tcp or proto udp", "0 1 2 7", NULL},
        {"not proto tcp and (proto udp)", "1", NULL},
        {"proto tcp # a comment\nand port 443", "0", NULL},
        {"# only this\n#\nproto udp#and this", NULL, "expected a protocol"},
        {"PROTO TCP AND PORT 443", "0", NULL},
        {"@include filter.txt", NULL, "filter NAME"},
        {"count < 10", NULL, "--top"},
        {"ident router1", NULL, "exporter ADDRESS"},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

static void knows_protocols_and_addresses(void **state)
{
    static const struct form forms[] = {
        {"inet", "0", NULL},
        {"ipv4", "0", NULL},
        {"inet6", "1", NULL},
        {"ipv6", "1", NULL},
        {"proto tcp", "0 2 7", NULL},
        {"proto udp", "1", NULL},
        {"proto icmp", "3 4", NULL},
        {"proto ah", "", NULL},
        {"proto esp", "", NULL},
        {"proto ipip", "", NULL},
        {"proto 17", "1", NULL},
        {"tun proto tcp", NULL, "tunnels"},
        {"ip 10.1.2.3", "0", NULL},
        {"src ip 10.1.2.3", "0", NULL},
        {"dst ip 10.1.2.3", "", NULL},
        {"ip 2001:db8::2", "1", NULL},
        {"ip www.example.com", NULL, "names of hosts are not looked up"},
        {"host 192.0.2.1", "0", NULL},
        {"src host 192.0.2.1", "", NULL},
        {"dst host 192.0.2.1", "0", NULL},
        {"ip in [10.1.2.3 2001:db8::/32]", "0 1", NULL},
        {"ip in [10.1.2.3,2001:db8::/32]", "0 1", NULL},
        {"src in ip [10.1.2.3]", NULL, "src ip in [...]"},
        {"src ip in [10.1.2.3]", "0", NULL},
        {"dst ip [192.0.2.0/24]", "0", NULL},
        {"net 10.0.0.0 255.0.0.0", "0", NULL},
        {"src net 10.1.2.0 255.255.255.0", "0", NULL},
        {"dst net 192.0.2.0 255.255.255.254", "0", NULL},
        {"dst net 10.0.0.0 255.0.0.0 and proto tcp", "", NULL},
        {"net 2001:db8:: ffff:ffff::", "1", NULL},
        {"net 10.0.0.0/8", "0", NULL},
        {"src net 10.1.2.0/24", "0", NULL},
        {"dst net 10.1.2.0/24", "", NULL},
        {"geo CH", NULL, "@FILE"},
        {"src geo CH", NULL, "@FILE"},
        {"dst geo CH", NULL, "@FILE"},
        {"tunip 10.1.1.1", NULL, "tunnels"},
        {"src tunip 10.1.1.1", NULL, "tunnels"},
        {"dst tunip 10.1.1.1", NULL, "tunnels"},
        /* of earlier versions */
        {"src or dst ip 192.0.2.1", "0", NULL},
        {"src and dst net 2001:db8::/32", "1", NULL},
        {"src or dst port 53", "1", NULL},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

static void knows_ports_and_icmp(void **state)
{
    static const struct form forms[] = {
        {"port 443", "0", NULL},
        {"port = 443", "0", NULL},
        {"port == 443", "0", NULL},
        {"port > 5000", "0 1", NULL},
        {"port >= 40000", "0", NULL},
        {"src port < 60", "1", NULL},
        {"dst port <= 443", "0", NULL},
        {"port EQ 443", "0", NULL},
        {"port GT 39999", "0", NULL},
        {"port LT 54", "1", NULL},
        {"src port GE 40000", "0", NULL},
        {"src port le 53", "1", NULL},
        {"port in [53 443]", "0 1", NULL},
        {"src port in [53,443]", "1", NULL},
        {"dst port in [ 53, 443 ]", "0", NULL},
        {"icmp-type 8", "3", NULL},
        {"icmp-type 3", "4", NULL},
        {"icmp-code 3", "4", NULL},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

static void knows_where_flows_went_through(void **state)
{
    static const struct form forms[] = {
        {"engine-type 1", "0", NULL},
        {"engine-id 2", "0", NULL},
        {"sysid 1", NULL, "exporter ADDRESS"},
        {"if 4", "0", NULL},
        {"in if 4", "", NULL},
        {"out if 4", "0", NULL},
        {"as 100", "0", NULL},
        {"as > 65000", "0", NULL},
        {"src as 65008", "0", NULL},
        {"dst as < 200", "0", NULL},
        {"prev as 8", "0", NULL},
        {"next as 7", "0", NULL},
        {"as in [7 100]", "0", NULL},
        {"src as in [7 100]", "", NULL},
        {"dst as in [7 100]", "0", NULL},
        {"prev as in [8 9]", "0", NULL},
        {"next as in [8 9]", "", NULL},
        {"mask 16", "0", NULL},
        {"src mask 16", "", NULL},
        {"dst mask 16", "0", NULL},
        {"vlan 20", "0", NULL},
        {"src vlan 20", "", NULL},
        {"dst vlan 20", "0", NULL},
        {"router ip 10.1.1.1", "0", NULL},
        {"next ip 10.9.9.9", "0", NULL},
        {"bgpnext ip 10.8.8.8", "0", NULL},
        {"mac 00:11:22:33:44:55", "0", NULL},
        {"mac 00:11:22:33:44:66", "0", NULL},
        {"in mac 00:11:22:33:44:55", "0", NULL},
        {"in mac 00:11:22:33:44:66", "", NULL},
        {"in src mac 00:11:22:33:44:55", "0", NULL},
        {"in dst mac 00:11:22:33:44:55", "", NULL},
        {"out mac 00:11:22:33:44:66", "0", NULL},
        {"out src mac 00:11:22:33:44:66", "", NULL},
        {"out dst mac 00:11:22:33:44:66", "0", NULL},
        {"mpls label1 16", "0", NULL},
        {"mpls label1 = 17", "", NULL},
        {"mpls label2 > 16", "0", NULL},
        {"mpls label10 = 0", "", NULL},
        {"mpls eos = 17", "0", NULL},
        {"mpls eos 16", "", NULL},
        {"mpls exp1 = 5", "0", NULL},
        {"mpls exp2 < 3", "0", NULL},
        {"flowdir ingress", "0", NULL},
        {"flowdir egress", "1", NULL},
        {"flowdir 0", "0", NULL},
        {"flowdir 1", "1", NULL},
        {"observation domain id 5", "0", NULL},
        {"observation domain id > 4", "0", NULL},
        {"observation point id = 6", "0", NULL},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

static void knows_flags(void **state)
{
    static const struct form forms[] = {
        {"flags S", "0 2 7", NULL},
        {"flags A", "2 7", NULL},
        {"flags SA", "2 7", NULL},
        {"flags AS", "2 7", NULL},
        {"flags X", "7", NULL},
        /* Only SYN: nfdump means none of the five, where `not` would mean not all of them. */
        {"flags S and not flags AFRPU", NULL, "write \"flags none AFRPU\""},
        {"flags S and flags none AFRPU", "0", NULL},
        {"flags S and not flags A", "0", NULL},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

static void knows_how_much(void **state)
{
    static const struct form forms[] = {
        {"packets > 1k", "1", NULL},
        {"packets > 1", "0 1", NULL},
        {"in packets 10", "0", NULL},
        {"out packets 7", "0", NULL},
        {"bytes > 1k", "0 1", NULL},
        {"bytes > 1m", "1", NULL},
        {"bytes > 1g", "", NULL},
        {"in bytes = 1500", "0", NULL},
        {"out bytes < 1k", "0", NULL},
        {"flow > 1", "1", NULL},
        {"flow 1", "0 2 3 4 5 6 7", NULL},
        {"tos 184", "0", NULL},
        {"duration > 2000", NULL, "2000ms"},
        {"duration > 2000ms", "0", NULL},
        {"duration <= 1000ms", "1", NULL},
        {"pps > 1k", "1", NULL},
        {"pps = 2", "0", NULL},
        {"bps > 10m", "1", NULL},
        {"bps < 3k", "0", NULL}, /* 8 * 1500 / 5 */
        {"bpp = 150", "0", NULL},
        {"bpp > 500", "1", NULL},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

static void says_what_is_not_stored(void **state)
{
    static const struct form forms[] = {
        {"payload content 'GET'", NULL, "payload is not stored"},
        {"payload regex 'GET|POST'", NULL, "payload is not stored"},
        {"payload regex \"GET|POST\" i", NULL, "payload is not stored"},
        {"payload ja3 0123456789abcdef0123456789abcdef", NULL, "payload is not stored"},
        {"payload ja3 defined", NULL, "payload is not stored"},
        {"client latency > 10", NULL, "latencies"},
        {"server latency > 10", NULL, "latencies"},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

static void knows_events(void **state)
{
    static const struct form forms[] = {
        {"asa event ignore", "", NULL},
        {"asa event create", "", NULL},
        {"asa event term", "", NULL},
        {"asa event delete", "", NULL},
        {"asa event deny", "5", NULL},
        {"asa event 3", "5", NULL},
        {"asa event > 2", "5", NULL},
        {"asa event denied ingress", "5", NULL},
        {"asa event denied egress", "", NULL},
        {"asa event denied interface", "", NULL},
        {"asa event denied nosyn", "", NULL},
        {"asa xevent > 1000", "5", NULL},
        {"xip 198.51.100.7", "5", NULL},
        {"src xip 198.51.100.7", "5", NULL},
        {"dst xip 198.51.100.7", "", NULL},
        {"xport 1024", "5", NULL},
        {"src xport 1024", "5", NULL},
        {"dst xport 1024", "", NULL},
        {"xnet 198.51.100.0/24", "5 6", NULL},
        {"src xnet 198.51.100.0/24", "5", NULL},
        {"dst xnet 198.51.100.0/24", "6", NULL},
        {"ingress ACL 5", "5", NULL},
        {"ingress ACE > 5", "5", NULL},
        {"ingress XACE = 7", "5", NULL},
        {"egress ACL = 15", "5", NULL},
        {"nat event add", "6", NULL},
        {"nat event delete", "", NULL},
        {"nat event = 1", "6", NULL},
        {"nip 198.51.100.8", "6", NULL},
        {"src nip 198.51.100.8", "", NULL},
        {"dst nip 198.51.100.8", "6", NULL},
        {"nport 99", "6", NULL},
        {"src nport 99", "", NULL},
        {"dst nport 99", "6", NULL},
        {"ingress vrf 9", "1", NULL},
        {"pblock start 1024", "6", NULL},
        {"pblock step < 2", "6", NULL},
        {"pblock end > 2000", "6", NULL},
        {"port in pblock", NULL, "two fields are not compared"},
        {"src port in pblock", NULL, "two fields are not compared"},
        {"dst port in pblock", NULL, "two fields are not compared"},
    };

    (void)state;
    check_forms(forms, COUNT_OF(forms));
}

/* Asked for by an event, other records than flows are meant without naming their kind. */
static void events_are_found_among_all_kinds(void **state)
{
    static const struct form forms[] = {
        {"asa event deny", "5", NULL},
        {"nat event add", "6", NULL},
        {"any", "0 1 2 3 4 7", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct filter *f;
        assert_int_equal(filter_parse(&f, forms[i].text, NULL), 0);
        assert_int_equal(filter_only_flows(f, NULL), 0);
        assert_string_equal(rows_of(f).text, forms[i].rows);
        filter_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_primitives),
        cmocka_unit_test(knows_protocols_and_addresses),
        cmocka_unit_test(knows_ports_and_icmp),
        cmocka_unit_test(knows_where_flows_went_through),
        cmocka_unit_test(knows_flags),
        cmocka_unit_test(knows_how_much),
        cmocka_unit_test(says_what_is_not_stored),
        cmocka_unit_test(knows_events),
        cmocka_unit_test(events_are_found_among_all_kinds),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
