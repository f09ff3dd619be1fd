#include "cli/vyos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char notes[2048]; /* what the last text was told, a line each */

static void note(const char *text)
{
    size_t n = strlen(notes);

    (void)snprintf(notes + n, sizeof notes - n, "%s\n", text);
}

static const struct vyos_options live = {.note = note};

static int read_text(const char *text, const struct vyos_options *o, struct setup *s,
                     char facility[static VYOS_FACILITY], struct err *err)
{
    notes[0] = '\0';
    return vyos_read("x", text, strlen(text), o, s, facility, err);
}

static struct setup setup_of(const char *text)
{
    char facility[VYOS_FACILITY];
    struct setup s = {0};
    struct err err;

    if (read_text(text, &live, &s, facility, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return s;
}

#define SET "set system flow-accounting "
#define LEAST SET "interface eth0\n" SET "netflow server 192.0.2.9\n"

static void check_times(const struct setup *s, const uint32_t give_active_idle[static 8])
{
    for (size_t i = 0; i < s->n_monitors; i++) {
        const struct setup_monitor *m = &s->monitors[i];
        assert_int_equal(m->give_s, give_active_idle[0]);
        assert_int_equal(m->active_s, give_active_idle[1]);
        assert_memory_equal(m->idle_s, &give_active_idle[2], sizeof m->idle_s);
    }
}

static void has_the_defaults_of_pmacct(void **state)
{
    static const uint32_t times[] = {60, 604800, 3600, 300, 300, 3600, 300, 120};
    struct setup s = setup_of(LEAST);

    (void)state;
    check_times(&s, times);
    assert_int_equal(s.exporters[0].version, 9);
    assert_int_equal(s.exporters[0].port, 2055);
    assert_int_equal(s.n_samplers, 0);
    assert_int_equal(s.n_places, 2);
    assert_false(s.places[0].output);
    setup_free(&s);
}

static void takes_each_timeout(void **state)
{
    static const uint32_t times[] = {0, 1, 2, 3, 4, 5, 6, 2147483647};
    static const char *const names[] = {
        "expiry-interval", "max-active-life", "flow-generic", "udp", "icmp",
        "tcp-generic",     "tcp-fin",         "tcp-rst"};
    char text[2048] = LEAST;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                       SET "netflow timeout %s '%u'\n", names[i], times[i]);
    struct setup s = setup_of(text);
    check_times(&s, times);
    setup_free(&s);
}

#define NEW SET "netflow interface eth0\n" SET "netflow server 192.0.2.9\n"

static void has_those_of_ipt_netflow_where_its_words_are(void **state)
{
    static const uint32_t usual[] = {0, 1800, 15, 15, 15, 15, 5, 5};
    static const uint32_t said[] = {0, 60, 20, 20, 20, 20, 5, 5};
    struct setup s = setup_of(NEW);

    (void)state;
    check_times(&s, usual);
    setup_free(&s);
    s = setup_of(NEW SET "netflow active-timeout 60\n" SET "netflow inactive-timeout 20\n");
    check_times(&s, said);
    setup_free(&s);
}

static void servers_have_their_own_ways(void **state)
{
    struct setup s = setup_of(NEW SET "netflow server 192.0.2.9 source-address 192.0.2.1\n" SET
                                      "netflow server 2001:db8::1 source-interface eth5\n" SET
                                      "netflow server 192.0.2.9 port 9995\n" SET "vrf RED\n");
    const struct setup_exporter *x = s.exporters;
    char text[ADDR_TEXT];

    (void)state;
    assert_int_equal(s.n_exporters, 2);
    (void)addr_print(&x[0].source, text);
    assert_true(x[0].has_source && !x[1].has_source);
    assert_string_equal(text, "192.0.2.1");
    assert_int_equal(x[0].port, 9995);
    assert_string_equal(x[0].vrf, "RED");
    assert_string_equal(x[1].via, "eth5");
    assert_string_equal(x[1].vrf, "");
    setup_free(&s);
}

static void a_source_is_for_servers_of_its_family(void **state)
{
    struct setup s =
        setup_of(LEAST SET "netflow server 2001:db8::1\n" SET "netflow source-address 192.0.2.1\n");

    (void)state;
    assert_true(s.exporters[0].has_source && !s.exporters[1].has_source);
    assert_string_equal(notes,
                        "x:4:51: source-address has no effect for server [2001:db8::1]:2055, "
                        "which has an IPv6 address\n");
    setup_free(&s);
}

static void engines_are_as_their_version_says_them(void **state)
{
    struct setup s = setup_of(LEAST SET "netflow engine-id 3:5\n" SET "netflow version 5\n");

    (void)state;
    assert_int_equal(s.exporters[0].domain, 3 << 8 | 5);
    assert_int_equal(s.n_monitors, 1); /* it has no IPv6 */
    setup_free(&s);
    s = setup_of(LEAST SET "netflow engine-id 4294967295\n" SET "netflow version 10\n");
    assert_int_equal(s.exporters[0].domain, UINT32_MAX);
    setup_free(&s);
}

static void samples_at_random_where_it_is_asked_to(void **state)
{
    struct setup s = setup_of(LEAST SET "netflow sampling-rate 100\n");

    (void)state;
    assert_int_equal(s.n_samplers, 1);
    assert_int_equal(s.samplers[0].rate, 100);
    assert_true(s.samplers[0].random);
    setup_free(&s);
    s = setup_of(LEAST SET "netflow sampling-rate 1\n");
    assert_int_equal(s.n_samplers, 0);
    setup_free(&s);
}

static void names_once_what_has_no_effect(void **state)
{
    struct setup s = setup_of(LEAST SET "sflow agent-address auto\n" SET
                                        "sflow server 192.0.2.7 port 6343\n" SET "disable-imt\n");

    (void)state;
    assert_string_equal(notes, "x:3:28: sflow has no effect here: sFlow is not exported\n"
                               "x:5:28: disable-imt has no effect here: there is no table in "
                               "memory besides the flow cache, which 'weir show ip cache flow' "
                               "shows\n");
    setup_free(&s);
}

static void knows_facilities_by_the_names_of_vyos(void **state)
{
    static const char *const cases[][2] = {
        {"local3", "local3"}, {"protocols", "local7"}, {"security", "auth"}, {"all", "daemon"}};
    char facility[VYOS_FACILITY];
    char text[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct setup s = {0};
        (void)snprintf(text, sizeof text, LEAST SET "syslog-facility %s\n", cases[i][0]);
        assert_int_equal(read_text(text, &live, &s, facility, NULL), 0);
        assert_string_equal(facility, cases[i][1]);
        setup_free(&s);
    }
}

static void a_capture_has_no_interfaces(void **state)
{
    const struct vyos_options capture = {.capture = true, .may_be_none = true};
    char facility[VYOS_FACILITY];
    struct setup s = {0};

    (void)state;
    assert_int_equal(
        read_text(SET "enable-egress\n" SET "interface eth0\n", &capture, &s, facility, NULL), 0);
    assert_int_equal(s.n_places, 2); /* IPv4's and IPv6's */
    assert_string_equal(s.places[0].dev, "");
    assert_false(s.places[0].output);
    assert_string_equal(facility, "");
    setup_free(&s);
}

static const struct {
    const char *text;
    const char *said;
} mistakes[] = {
    {LEAST SET "netflow engine-id 256\n" SET "netflow version 5\n",
     "x:3:46: expected 0 to 255 or TYPE:ID, as NetFlow v5 can say it, found 256"},
    {LEAST SET "netflow engine-id 0:5\n", "x:3:46: expected a number: TYPE:ID is for version 5"},
    {LEAST SET "netflow engine-id 0:256\n",
     "x:3:46: expected a number, or TYPE:ID of 0 to 255 each, found \"0:256\""},
    {LEAST SET "netflow engine-id :\n",
     "x:3:46: expected a number, or TYPE:ID of 0 to 255 each, found \":\""},
    {LEAST SET "netflow sampling-rate 16384\n" SET "netflow version 5\n",
     "x:3:50: expected 0 to 16383, as NetFlow v5 can say it, found 16384"},
    {LEAST SET "netflow server 192.0.2.9 source-address ::1\n",
     "x:3:68: expected an IPv4 address, as the server's, found \"::1\""},
    {LEAST SET "buffer-size 10 20\n", "x:3:43: expected the end of the line, found \"20\""},
    {LEAST SET "syslog-facility daemon@/dev/log\n",
     "x:3:44: expected a facility of syslog, as daemon or local0, found \"daemon@/dev/log\""},
    {LEAST "delete system flow-accounting netflow version\n",
     "x:3:1: expected set, found \"delete\": say what there is to be"},
    {LEAST SET "netflow timeout tcpfin 3\n",
     "x:3:44: expected expiry-interval or max-active-life or flow-generic or udp or icmp or "
     "tcp-generic or tcp-fin or tcp-rst, found \"tcpfin\"; did you mean tcp-fin?"},
};

static void says_where_and_what_was_expected(void **state)
{
    char facility[VYOS_FACILITY];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct setup s = {0};
        struct err err;
        assert_int_equal(read_text(mistakes[i].text, &live, &s, facility, &err), ERR_CONFIG);
        assert_string_equal(err.text, mistakes[i].said);
    }
}

static void has_limits(void **state)
{
    enum { LINE = 80 };
    char *text = calloc(PROBE_DEVICES + 1, LINE);
    char facility[VYOS_FACILITY];
    struct setup s = {0};
    struct err err;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i <= PROBE_DEVICES; i++)
        (void)snprintf(text + strlen(text), LINE, SET "interface eth%d\n", i);
    assert_int_equal(read_text(text, &live, &s, facility, &err), ERR_CONFIG);
    assert_string_equal(err.text, "x:65:38: at most 64 interfaces");
    text[0] = '\0';
    for (int i = 0; i <= SETUP_EXPORTERS; i++)
        (void)snprintf(text + strlen(text), LINE, SET "netflow server 192.0.2.%d\n", i);
    assert_int_equal(read_text(text, &live, &s, facility, &err), ERR_CONFIG);
    assert_string_equal(err.text, "x:17:43: at most 16 servers");
    free(text);
}

static void no_beginning_of_a_text_harms(void **state)
{
    static const char text[] = "system {\n flow-accounting {\n  interface eth0\n  netflow {\n"
                               "   server ::1 {\n    source-address ::2\n   }\n"
                               "   engine-id 0:5\n   version 5\n  }\n  sflow {\n  }\n }\n}\n";
    char facility[VYOS_FACILITY];

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct setup s = {0};
        struct err err;
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        notes[0] = '\0';
        if (vyos_read("x", copy, n, &live, &s, facility, &err) != 0)
            assert_int_equal(err.text[0], 'x');
        setup_free(&s);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_defaults_of_pmacct),
        cmocka_unit_test(takes_each_timeout),
        cmocka_unit_test(has_those_of_ipt_netflow_where_its_words_are),
        cmocka_unit_test(servers_have_their_own_ways),
        cmocka_unit_test(a_source_is_for_servers_of_its_family),
        cmocka_unit_test(engines_are_as_their_version_says_them),
        cmocka_unit_test(samples_at_random_where_it_is_asked_to),
        cmocka_unit_test(names_once_what_has_no_effect),
        cmocka_unit_test(knows_facilities_by_the_names_of_vyos),
        cmocka_unit_test(a_capture_has_no_interfaces),
        cmocka_unit_test(says_where_and_what_was_expected),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(no_beginning_of_a_text_harms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
