/* Configurations of routers, as they stand. */
#include "probe/fnf.h"

#include "base/attr.h"
#include "probe/predefined.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT = 4096 };

struct reader {
    struct conf conf;
    struct fnf *fnf;
    size_t mistakes;
    char told[TEXT]; /* a line each */
};

static int on_fnf(struct conf *c, const struct conf_line *line, struct err *err)
{
    return fnf_take(container_of(c, struct reader, conf)->fnf, line, err);
}

#define FNF(...) FNF_COMMAND(on_fnf, __VA_ARGS__)
static const struct conf_command commands[] = {
#include "probe/fnf.def"
};
#undef FNF

static void on_wrong(struct conf *c, const struct err *err)
{
    struct reader *r = container_of(c, struct reader, conf);
    size_t n = strlen(r->told);

    r->mistakes++;
    (void)snprintf(r->told + n, sizeof r->told - n, "%s\n", err->text);
}

static void reader_init(struct reader *r)
{
    *r = (struct reader){.conf = {.commands = commands, .n = COUNT_OF(commands)}, .fnf = fnf_new()};
}

static int read_text(const char *text, struct setup *out, struct err *err)
{
    struct reader r;

    *out = (struct setup){0};
    reader_init(&r);
    int bad = conf_read(&r.conf, "x", text, strlen(text), err);
    if (!bad)
        bad = fnf_setup(r.fnf, &r.conf, out, err);
    fnf_free(r.fnf);
    return bad;
}

static void must_read(const char *text, struct setup *out)
{
    struct err err;

    if (read_text(text, out, &err) != 0) {
        fail_msg("%s", err.text);
        exit(1); /* fail() does not return, which analysers do not know */
    }
}

#define RECORD                            \
    "flow record NETFLOW-RECORD\n"        \
    " match ipv4 source address\n"        \
    " match ipv4 destination address\n"   \
    " match ipv4 protocol\n"              \
    " match transport source-port\n"      \
    " match transport destination-port\n" \
    " match ipv4 tos\n"                   \
    " match interface input\n"            \
    " collect counter bytes\n"            \
    " collect counter packets\n"          \
    " collect interface output\n"
#define EXPORTERS                       \
    "flow exporter NETFLOW-EXPORTER1\n" \
    " destination 192.168.3.1\n"        \
    " source GigabitEthernet0/0\n"      \
    " transport udp 2055\n"             \
    " template data timeout 60\n"       \
    "flow exporter NETFLOW-EXPORTER2\n" \
    " destination 192.168.4.1\n"        \
    " transport udp 2055\n"             \
    " template data timeout 60\n"
#define MONITOR                      \
    "flow monitor NETFLOW-MONITOR\n" \
    " record NETFLOW-RECORD\n"       \
    " exporter NETFLOW-EXPORTER1\n"  \
    " exporter NETFLOW-EXPORTER2\n"  \
    " cache timeout active 30\n"     \
    " cache timeout inactive 15\n"   \
    "interface GigabitEthernet0/1\n" \
    " ip flow monitor NETFLOW-MONITOR input\n"
#define ALIASES                                 \
    "interface-alias GigabitEthernet0/0 eth0\n" \
    "interface-alias GigabitEthernet0/1 eth1\n"

static void check_fields(const struct setup_record *r, const uint16_t *numbers, size_t keys,
                         size_t n)
{
    assert_int_equal(r->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(r->fields[i].enterprise, 0);
        assert_int_equal(r->fields[i].number, numbers[i]);
        assert_int_equal(r->fields[i].key, i < keys);
    }
}

static void check_exporter(const struct setup_exporter *x, const char *name, const char *to,
                           const char *source)
{
    struct addr a;

    assert_string_equal(x->name, name);
    assert_int_equal(addr_parse(to, &a, NULL), 0);
    assert_memory_equal(&x->to, &a, sizeof a);
    assert_int_equal(x->port, 2055);
    assert_int_equal(x->version, 9);
    assert_false(x->tcp);
    assert_false(x->has_source);
    assert_string_equal(x->source_if, source);
    assert_int_equal(x->template_s, 60);
    assert_int_equal(x->template_packets, 0);
}

/* Blocks may stand in any order, and words may be cut. */
static void a_routers_configuration_works_as_it_stands(void **state)
{
    static const char *const texts[] = {
        RECORD EXPORTERS MONITOR ALIASES,
        ALIASES MONITOR EXPORTERS RECORD,
        "!\nflow rec NETFLOW-RECORD\nma ipv4 so a\nma ipv4 dest addr\nma ipv4 prot\n"
        "ma tr source\nma tr dest\nma ipv4 tos\nma int in\ncoll coun bytes\ncoll coun pack\n"
        "coll int out\nexit\n!\n" EXPORTERS MONITOR ALIASES,
    };
    static const uint16_t numbers[] = {8, 12, 4, 7, 11, 5, 10, 1, 2, 14};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct setup s;
        must_read(texts[i], &s);
        assert_int_equal(s.n_records, 1);
        assert_string_equal(s.records[0].name, "NETFLOW-RECORD");
        check_fields(&s.records[0], numbers, 7, COUNT_OF(numbers));
        assert_int_equal(s.n_exporters, 2);
        check_exporter(&s.exporters[0], "NETFLOW-EXPORTER1", "192.168.3.1", "eth0");
        check_exporter(&s.exporters[1], "NETFLOW-EXPORTER2", "192.168.4.1", "");
        assert_int_equal(s.n_monitors, 1);
        const struct setup_monitor *m = &s.monitors[0];
        assert_int_equal(m->record, 0);
        assert_int_equal(m->n_exporters, 2);
        assert_int_equal(m->exporters[0], 0);
        assert_int_equal(m->exporters[1], 1);
        assert_int_equal(m->type, CACHE_NORMAL);
        assert_int_equal(m->active_s, 30);
        assert_int_equal(m->idle_s[CACHE_GENERIC], 15);
        assert_int_equal(m->idle_s[CACHE_UDP], 15);
        assert_int_equal(m->idle_s[CACHE_TCP], 15);
        assert_int_equal(m->idle_s[CACHE_TCP_FIN], 5);
        assert_int_equal(s.n_places, 1);
        assert_string_equal(s.places[0].dev, "eth1");
        assert_int_equal(s.places[0].family, 4);
        assert_int_equal(s.places[0].sampler, SETUP_NONE);
        assert_false(s.places[0].output);
        setup_free(&s);
        setup_free(&s);
    }
}

static void each_command_sets_what_it_says(void **state)
{
    static const char text[] =
        "flow record R\n description t\n match ipv4 tos\n"
        "flow exporter E\n description to the north\n destination 2001:db8::9 vrf blue\n"
        " source 2001:db8::1\n export-protocol ipfix\n transport tcp 4739\n dscp 46\n ttl 9\n"
        " mtu 1400\n source-id 77\n template data timeout 30\n template data packets 20\n"
        " option interface-table\n option sampler-table timeout 5\n option exporter-stats timeout "
        "7\n"
        " option vrf-table\n match counter packets long gt 3\n"
        "sampler S\n mode random 1 out-of 100\n description x\n"
        "sampler T\n mode deterministic 1 out-of 7\n"
        "flow monitor M\n description y\n record R\n exporter E\n cache type permanent\n"
        " cache entries 100000\n cache timeout active 100\n cache timeout inactive 90\n"
        " cache timeout update 60\n cache timeout udp 10\n cache timeout icmp 11\n"
        " cache timeout tcp-generic 12\n cache timeout tcp-fin 13\n cache timeout tcp-rst 14\n"
        "flow monitor M6\n record netflow ipv6 original-input\n cache type immediate\n"
        "interface eth0\n ip flow monitor M sampler S input\n ip flow monitor M output\n"
        " ipv6 flow monitor M6 sampler T output\n"
        "interface eth1.10\n ip flow monitor M sampler T output\n";
    static const uint32_t idle[CACHE_CLASSES] = {90, 10, 11, 12, 13, 14};
    struct setup s;
    struct addr a;

    (void)state;
    must_read(text, &s);
    const struct setup_exporter *x = &s.exporters[0];
    assert_int_equal(addr_parse("2001:db8::9", &a, NULL), 0);
    assert_memory_equal(&x->to, &a, sizeof a);
    assert_int_equal(addr_parse("2001:db8::1", &a, NULL), 0);
    assert_true(x->has_source);
    assert_memory_equal(&x->source, &a, sizeof a);
    assert_string_equal(x->source_if, "");
    assert_string_equal(x->vrf, "blue");
    assert_int_equal(x->version, 10);
    assert_true(x->tcp);
    assert_int_equal(x->port, 4739);
    assert_int_equal(x->dscp, 46);
    assert_int_equal(x->ttl, 9);
    assert_int_equal(x->mtu, 1400);
    assert_int_equal(x->domain, 77);
    assert_int_equal(x->template_s, 30);
    assert_int_equal(x->template_packets, 20);
    assert_int_equal(x->option_s[SETUP_INTERFACE_TABLE], 600);
    assert_int_equal(x->option_s[SETUP_SAMPLER_TABLE], 5);
    assert_int_equal(x->option_s[SETUP_EXPORTER_STATS], 7);
    assert_int_equal(x->option_s[SETUP_VRF_TABLE], 600);
    assert_int_equal(x->packets_above, 3);
    assert_int_equal(s.n_samplers, 2);
    assert_int_equal(s.samplers[0].rate, 100);
    assert_true(s.samplers[0].random);
    assert_int_equal(s.samplers[1].rate, 7);
    assert_false(s.samplers[1].random);
    const struct setup_monitor *m = &s.monitors[0];
    assert_int_equal(m->type, CACHE_PERMANENT);
    assert_int_equal(m->entries, 100000);
    assert_int_equal(m->active_s, 100);
    assert_int_equal(m->update_s, 60);
    assert_memory_equal(m->idle_s, idle, sizeof idle);
    assert_int_equal(s.monitors[1].type, CACHE_IMMEDIATE);
    assert_int_equal(s.monitors[1].record, 1);
    assert_string_equal(s.records[1].name, "netflow ipv6 original-input");
    static const struct setup_place places[] = {
        {"eth0", 0, 0, false, 4},
        {"eth0", 0, SETUP_NONE, true, 4},
        {"eth0", 1, 1, true, 6},
        {"eth1.10", 0, 1, true, 4},
    };
    assert_int_equal(s.n_places, COUNT_OF(places));
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        assert_string_equal(s.places[i].dev, places[i].dev);
        assert_int_equal(s.places[i].monitor, places[i].monitor);
        assert_int_equal(s.places[i].sampler, places[i].sampler);
        assert_int_equal(s.places[i].output, places[i].output);
        assert_int_equal(s.places[i].family, places[i].family);
    }
    setup_free(&s);
}

static void no_undoes_what_was_said(void **state)
{
    static const char text[] =
        "flow record R\n match ipv4 tos\n match ipv4 ttl\n collect counter bytes\n"
        " match transport tcp flags syn\n match ipv4 section header size 20\n"
        " no match ipv4 tos\n no collect counter packets\n no collect counter bytes\n"
        " no match transport tcp flags syn\n no match ipv4 section header size\n"
        "flow record GONE\n match ipv4 tos\n no flow record GONE\n"
        "flow exporter E\n destination 10.0.0.1\n export-protocol netflow-v5\n"
        " no export-protocol netflow-v5\n source eth0\n no source eth0\n transport tcp 1\n"
        " no transport tcp\n dscp 4\n no dscp\n ttl 1\n no ttl\n option vrf-table\n"
        " no option vrf-table\n template data timeout 5\n no template data timeout\n"
        " match counter packets long gt 8\n no match counter packets long gt\n"
        "flow exporter GONE\n no flow exporter GONE\n"
        "sampler GONE\n no sampler GONE\n"
        "flow monitor M\n record GONE\n no record GONE\n record R\n exporter GONE\n exporter E\n"
        " no exporter GONE\n cache type immediate\n no cache type immediate\n cache entries 20\n"
        " no cache entries\n cache timeout active 9\n no cache timeout active\n"
        " cache timeout udp 9\n no cache timeout udp\n"
        "interface eth0\n ip flow monitor M input\n ip flow monitor GONE input\n"
        " no ip flow monitor GONE input\n"
        "interface-alias x y\n no interface-alias x\n";
    const struct setup_exporter x = setup_exporter_default();
    struct setup_monitor m = setup_monitor_default();
    struct setup s;

    (void)state;
    setup_monitor_fill(&m);
    must_read(text, &s);
    assert_int_equal(s.n_records, 1);
    check_fields(&s.records[0], (const uint16_t[]){192}, 1, 1);
    assert_int_equal(s.n_exporters, 1);
    assert_int_equal(s.n_samplers, 0);
    assert_int_equal(s.n_places, 1);
    assert_int_equal(s.exporters[0].version, x.version);
    assert_int_equal(s.exporters[0].port, x.port);
    assert_false(s.exporters[0].tcp);
    assert_int_equal(s.exporters[0].dscp, x.dscp);
    assert_int_equal(s.exporters[0].ttl, x.ttl);
    assert_int_equal(s.exporters[0].template_s, x.template_s);
    assert_int_equal(s.exporters[0].packets_above, x.packets_above);
    assert_string_equal(s.exporters[0].source_if, "");
    for (int i = 0; i < SETUP_OPTIONS; i++)
        assert_int_equal(s.exporters[0].option_s[i], 0);
    assert_int_equal(s.monitors[0].type, m.type);
    assert_int_equal(s.monitors[0].entries, m.entries);
    assert_int_equal(s.monitors[0].active_s, m.active_s);
    assert_int_equal(s.monitors[0].n_exporters, 1);
    assert_memory_equal(s.monitors[0].idle_s, m.idle_s, sizeof m.idle_s);
    setup_free(&s);
}

/* A later line takes the place of an earlier one. */
static void saying_it_again_changes_it(void **state)
{
    static const char text[] =
        "flow record R\n match ipv4 tos\n match ipv4 tos\n match ipv4 section header size 20\n"
        " match ipv4 section header size 30\nflow record R\n collect transport tcp flags syn ack\n"
        "sampler S\n mode random 1 out-of 5\n mode deterministic 1 out-of 6\n"
        "flow monitor M\n record netflow-original\n record R\n"
        "interface eth 0\n ip flow monitor M input\n ip flow monitor M sampler S input\n";
    struct setup s;

    (void)state;
    must_read(text, &s);
    check_fields(&s.records[0], (const uint16_t[]){5, 313, 6}, 2, 3);
    assert_int_equal(s.records[0].fields[1].len, 30);
    assert_int_equal(s.records[0].fields[2].flags, 0x12);
    assert_int_equal(s.samplers[0].rate, 6);
    assert_int_equal(s.n_places, 1);
    assert_string_equal(s.places[0].dev, "eth0");
    assert_int_equal(s.places[0].sampler, 0);
    setup_free(&s);
}

/* A line of a record as somebody would write it. */
static void write_words(const char *command, const char *words, char out[static TEXT])
{
    char text[100];

    (void)snprintf(text, sizeof text, "%s", words);
    char *argument = strpbrk(text, "OT"); /* OCTETS, TEXT */
    bool is_text = argument && *argument == 'T';
    if (argument)
        *argument = '\0';
    (void)snprintf(out, TEXT,
                   "flow record R\n match interface input\n no match interface input\n"
                   " match flow cts source group-tag\n %s %s%s\n",
                   command, text, argument ? is_text ? "syn" : "64" : "");
}

static bool is_unknown(const char *words)
{
    return strstr(words, " rate") || strstr(words, "sdwan") || strstr(words, "window-size ") ||
           strstr(words, "maximum-segment-size") || strstr(words, "rtp") ||
           strstr(words, "transport packets") || strstr(words, "round-trip-time") ||
           strstr(words, "network delay") || strstr(words, "overlay") || strstr(words, "pfr") ||
           strstr(words, "metadata") || strstr(words, "application dns") ||
           strstr(words, "application s") || strstr(words, "application rtsp") ||
           strstr(words, "application art");
}

static size_t read_all_words(const char *command, const struct conf_command *rows)
{
    char text[TEXT];
    struct err err;
    size_t n = 0;

    for (; rows->words; rows++, n++) {
        struct setup s;
        if (strcmp(rows->words, "flow cts source group-tag") == 0)
            continue;
        write_words(command, rows->words, text);
        if (is_unknown(rows->words)) {
            assert_int_equal(read_text(text, &s, &err), ERR_CONFIG);
            assert_non_null(strstr(err.text, "nobody has published, so it cannot be exported"));
            assert_ptr_equal(strstr(err.text, "x:5:1: \""), err.text);
            continue;
        }
        must_read(text, &s);
        assert_int_equal(s.records[0].n, 2);
        setup_free(&s);
    }
    return n;
}

static void every_form_is_taken(void **state)
{
    (void)state;
    assert_true(read_all_words("match", words_match) > 130);
    assert_true(read_all_words("collect", words_collect) > 150);
}

static void forms_mean_their_elements(void **state)
{
    static const struct {
        const char *words;
        uint32_t enterprise;
        uint16_t number;
        uint16_t len;
    } rows[] = {
        {"collect counter bytes", 0, 1, 4},
        {"collect counter bytes long", 0, 1, 8},
        {"collect timestamp sys-uptime first", 0, 22, 4},
        {"collect timestamp sys-uptime last", 0, 21, 4},
        {"collect timestamp absolute first", 0, 152, 8},
        {"match timestamp absolute monitoring-interval start", 0, 359, 8},
        {"match ip protocol", 0, 4, 1},
        {"match ipv6 protocol", 0, 4, 1},
        {"match ipv6 source prefix", 0, 170, 16},
        {"match ipv6 destination prefix", 0, 169, 16},
        {"match ipv6 flow-label", 0, 31, 3},
        {"match transport tcp source-port", 0, 182, 2},
        {"match transport udp destination-port", 0, 181, 2},
        {"match transport tcp ack", 0, 185, 4},
        {"match transport icmp ipv6 code", 0, 179, 1},
        {"match interface output physical snmp", 0, 253, 4},
        {"collect flow end-reason", 0, 136, 1},
        {"match flow cts destination group-tag", 9, 1233, 2},
        {"match routing source as peer", 0, 129, 2},
        {"match routing destination as peer 4-octet", 0, 128, 4},
        {"collect routing next-hop address ipv6 bgp", 0, 63, 16},
        {"match datalink mac source address output", 0, 81, 6},
        {"match datalink mac destination address output", 0, 57, 6},
        {"match mpls label 6 details", 0, 75, 3},
        {"match application name", 0, 95, 4},
        {"match connection server transport port", 9, 12241, 2},
        {"match vxlan vnid", 0, 351, 8},
        {"collect ipv4 total-length maximum", 0, 26, 2},
    };
    char text[TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct setup s;
        (void)snprintf(text, sizeof text, "flow record R\n match wireless ssid\n %s",
                       rows[i].words);
        must_read(text, &s);
        bool key = rows[i].words[0] == 'm';
        assert_int_equal(s.records[0].fields[1].enterprise, rows[i].enterprise);
        assert_int_equal(s.records[0].fields[1].number, rows[i].number);
        assert_int_equal(s.records[0].fields[1].len, rows[i].len);
        assert_int_equal(s.records[0].fields[1].key, key);
        setup_free(&s);
    }
}

static size_t record_bytes(const char *name)
{
    struct setup_record r;
    struct err err;
    size_t n = 0;

    if (predefined_read(name, &r, &err) != 0)
        fail_msg("%s: %s", name, err.text);
    for (size_t i = 0; i < r.n; i++)
        n += r.fields[i].len;
    return n;
}

/* The sizes that routers print. */
static void predefined_records_are_as_long_as_those_of_routers(void **state)
{
    char name[SETUP_NAME];
    struct setup_record r;
    size_t n = 0;

    (void)state;
    assert_int_equal(record_bytes("netflow-original"), 53);
    assert_int_equal(record_bytes("netflow ipv4 original-input"), 53);
    assert_int_equal(record_bytes("netflow ipv4 original-input peer"), 53);
    assert_int_equal(record_bytes("netflow ipv6 original-input"), 97);
    assert_int_equal(record_bytes("netflow ipv4 as"), 29);
    assert_int_equal(record_bytes("netflow ipv4 as-tos"), 30);
    for (; predefined_name(n, name); n++) {
        assert_true(record_bytes(name) > 0);
        assert_true(predefined_is(name));
        assert_int_equal(predefined_read(name, &r, NULL), 0);
        assert_string_equal(r.name, name);
    }
    assert_int_equal(n, 45);
    assert_int_equal(predefined_read("netflow ipv4 source-prefix peer", &r, NULL), 0);
    check_fields(&r, (const uint16_t[]){129, 44, 9, 10, 61, 1, 2, 22, 21}, 5, 9);
}

static void says_where_it_is_wrong_and_why(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"flow record R\n match ipv4 sorce address",
         "x:2:13: expected source or destination or protocol or version or tos or dscp or "
         "precedence or ttl or id or fragmentation or option or header-length or total-length or "
         "length or section, found \"sorce\"; did you mean source?"},
        {"flow record R\n match counter bytes",
         "x:2:8: expected timestamp or ipv4 or ipv6 or ip or transport or interface or flow or "
         "routing "
         "or datalink or vxlan or mpls or application or connection or policy or services or "
         "wireless or network or overlay or pfr or metadata, found \"counter\""},
        {"flow record R\n match ipv4 source",
         "x:2:19: expected address or mask or prefix, found the end of the line"},
        {"flow record R\n collect counter bytes rate",
         "x:2:1: \"counter bytes rate\": which element that is nobody has published, so it cannot "
         "be exported"},
        {"flow record R\n match transport tcp flags syn sin",
         "x:2:32: expected ack, cwr, ece, fin, psh, rst, syn or urg, found \"sin\""},
        {"flow record R\n match ipv4 section payload size 1201",
         "x:2:34: expected 1 to 1200 octets, found \"1201\""},
        {"flow record R\n match ipv4 protocol\n collect ipv6 protocol",
         "x:3:1: element 4 is in this record already: \"match ipv4 protocol\" of line 2"},
        {"flow record R\n collect counter bytes",
         "x:1:13: flow record R matches nothing: expected at least one 'match'"},
        {"flow exporter E\n transport udp 2055", "x:1:15: flow exporter E has no 'destination'"},
        {"flow exporter E\n destination collector",
         "x:2:14: expected an IP address, found \"collector\""},
        {"flow exporter E\n transport udp 65536", "x:2:16: expected 1 to 65535, found \"65536\""},
        {"flow exporter E\n export-protocol netflow-v8",
         "x:2:18: expected netflow-v5 or netflow-v9 or ipfix, found \"netflow-v8\"; did you mean "
         "netflow-v5?"},
        {"flow exporter E\n dscp 64", "x:2:7: expected 0 to 63, found \"64\""},
        {"flow exporter E\n template data timeout 86401",
         "x:2:24: expected 1 to 86400 seconds, found \"86401\""},
        {"flow exporter E\n option ssid-table",
         "x:2:9: expected interface-table or sampler-table or exporter-stats or "
         "application-table or vrf-table, found \"ssid-table\""},
        {"flow exporter E\n destination 10.0.0.1\n source Gi0/0",
         "x:3:9: expected an interface of this machine; 'interface-alias Gi0/0 DEVICE' says which "
         "one is meant"},
        {"flow exporter E\n destination 10.0.0.1\n source 2001:db8::1",
         "x:3:9: source and destination are not of the same version of IP"},
        {"flow exporter E\n destination 10.0.0.1\n transport tcp 2055",
         "x:3:1: NetFlow v9 goes by UDP only; 'export-protocol ipfix' may go by TCP"},
        {"flow exporter E\n destination 10.0.0.1\n option vrf-table\n export-protocol netflow-v5",
         "x:3:1: NetFlow v5 has no options data; 'export-protocol netflow-v9' and 'ipfix' have"},
        {"flow exporter E\n destination 10.0.0.1\n template data timeout 6\n"
         " export-protocol netflow-v5",
         "x:3:1: NetFlow v5 has no templates; 'export-protocol netflow-v9' and 'ipfix' have"},
        {"flow monitor M\n exporter E", "x:1:14: flow monitor M has no 'record'"},
        {"flow record RECORD\n match ipv4 tos\nflow monitor M\n record RECRD",
         "x:4:9: there is no flow record RECRD; did you mean RECORD?"},
        {"flow monitor M\n record netflow-original\n exporter E",
         "x:3:11: there is no flow exporter E"},
        {"flow monitor M\n record netflow ipv4 orignal-input",
         "x:2:9: there is no predefined record \"netflow ipv4 orignal-input\"; did you mean "
         "\"netflow ipv4 original-input\"?"},
        {"flow monitor M\n record netflow ipv4 assurance",
         "x:2:9: what is in this record nobody has published; a flow record can be written with "
         "what you need of it"},
        {"flow monitor M\n cache type synchronized",
         "x:2:13: expected normal or immediate or permanent, found \"synchronized\""},
        {"flow monitor M\n cache entries 15",
         "x:2:16: expected 16 to 67108864 flows, found \"15\""},
        {"flow monitor M\n cache timeout active 0",
         "x:2:23: expected 1 to 604800 seconds, found \"0\""},
        {"sampler S\n description x", "x:1:9: sampler S has no 'mode'"},
        {"sampler S\n mode random 1 out-of 1",
         "x:2:23: expected 2 to 4294967295 packets, found \"1\""},
        {"sampler S\n mode random 2 out-of 8", "x:2:14: expected 1, found \"2\""},
        {"interface eth0\n ip flow monitor M input", "x:2:18: there is no flow monitor M"},
        {"interface eth0\n ip flow monitor M",
         "x:2:19: expected input or output or sampler, found the end of the line"},
        {"flow monitor M\n record netflow-original\ninterface eth0\n"
         " ip flow monitor M sampler S input",
         "x:4:28: there is no sampler S"},
        {"flow monitor M\n record netflow-original\ninterface eth0/1\n ip flow monitor M input",
         "x:3:11: expected an interface of this machine; 'interface-alias eth0/1 DEVICE' says "
         "which one is meant"},
        {"interface-alias Gi0/1 Gi0/1",
         "x:1:23: expected an interface of Linux, of at most 15 octets, found \"Gi0/1\""},
        {"no interface eth0",
         "x:1:1: expected a command to undo, found a block: leave it out instead"},
        /* What a version of IP or NetFlow cannot have. */
        {"flow record R\n match ipv4 ttl\n match ipv6 flow-label\n"
         "flow monitor M\n record R\ninterface eth0\n ip flow monitor M input",
         NULL},
        {"flow record R\n match ipv6 flow-label\n"
         "flow monitor M\n record R\ninterface eth0\n ip flow monitor M input",
         "x:6:18: record R is for IPv6 (\"ipv6 flow-label\" of line 2): expected 'ipv6 flow "
         "monitor M'"},
        {"flow monitor M\n record netflow-original\ninterface eth0\n ipv6 flow monitor M input",
         "x:4:20: record netflow-original is for IPv4 (\"netflow-original\"): expected 'ip flow "
         "monitor M'"},
        {"flow exporter E\n destination 10.0.0.1\n export-protocol netflow-v5\n"
         "flow monitor M\n record netflow-original\n exporter E\n"
         "interface eth0\n ip flow monitor M input",
         NULL},
        {"flow exporter E\n destination 10.0.0.1\n export-protocol netflow-v5\n"
         "flow monitor M\n record netflow ipv6 original-input\n exporter E",
         "x:6:11: flow exporter E speaks NetFlow v5, which has no place for 'match ipv6 "
         "flow-label' of record netflow ipv6 original-input; 'export-protocol netflow-v9' and "
         "'ipfix' have"},
        {"flow record R\n match transport source-port\nflow exporter E\n destination 10.0.0.1\n"
         " export-protocol netflow-v5\nflow monitor M\n record R\n exporter E\n"
         "interface eth0\n ipv6 flow monitor M input",
         "x:10:20: flow exporter E of this monitor speaks NetFlow v5, which has no place for IPv6 "
         "addresses; 'export-protocol netflow-v9' and 'ipfix' have"},
        {"flow exporter E\n destination 10.0.0.1\n export-protocol netflow-v5\n"
         "flow monitor M\n record netflow-original\n exporter E\n"
         "sampler S\n mode random 1 out-of 16384\n"
         "interface eth0\n ip flow monitor M sampler S input",
         "x:10:28: flow exporter E of this monitor speaks NetFlow v5, which cannot say a rate "
         "above "
         "1 out-of 16383"},
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct setup s;
        int r = read_text(rows[i].text, &s, &err);
        if (r == 0 && rows[i].error)
            fail_msg("was taken: %s", rows[i].text);
        if (rows[i].error)
            assert_string_equal(err.text, rows[i].error);
        else if (r)
            fail_msg("%s", err.text);
        setup_free(&s);
    }
}

static void tells_every_mistake(void **state)
{
    static const char text[] = "flow exporter E\n transport udp 0\n"
                               "flow monitor M\n record A\n exporter B\n"
                               "interface a/b\n ip flow monitor N input\n";
    struct reader r;
    struct setup s = {0};
    struct err err;

    (void)state;
    reader_init(&r);
    r.conf.wrong = on_wrong;
    assert_int_equal(conf_read(&r.conf, "x", text, strlen(text), &err), ERR_CONFIG);
    assert_int_equal(fnf_setup(r.fnf, &r.conf, &s, &err), ERR_CONFIG);
    assert_string_equal(r.told,
                        "x:2:16: expected 1 to 65535, found \"0\"\n"
                        "x:1:15: flow exporter E has no 'destination'\n"
                        "x:4:9: there is no flow record A\n"
                        "x:5:11: there is no flow exporter B\n"
                        "x:6:11: expected an interface of this machine; 'interface-alias a/b "
                        "DEVICE' says which one is meant\n"
                        "x:7:18: there is no flow monitor N\n");
    assert_string_equal(err.text, "x:1:15: flow exporter E has no 'destination'");
    assert_true(fnf_any(r.fnf));

    /* What stands in a block that could not be opened says nothing more. */
    static const char block[] =
        "flow exporter a-name-of-more-octets-than-any-name-can-have-here-which-are-sixty-three\n"
        " destination 10.0.0.1\n dscp 4\n";
    fnf_free(r.fnf);
    reader_init(&r);
    r.conf.wrong = on_wrong;
    assert_int_equal(conf_read(&r.conf, "x", block, strlen(block), &err), ERR_CONFIG);
    assert_string_equal(r.told, "x:1:15: expected a name of at most 63 octets\n");
    assert_int_equal(fnf_setup(r.fnf, &r.conf, &s, &err), 0);
    assert_int_equal(s.n_exporters, 0);
    setup_free(&s);
    assert_null(s.records);
    fnf_free(r.fnf);
}

static void says_what_has_no_effect(void **state)
{
    static const char text[] = "flow monitor M\n history size 10\n no history size 10\n"
                               " statistics packet size\nflow exporter E\n output-features\n";
    static const char *const notes[] = {
        "x:2:1: history has no effect: flows that have ended are exported, and not kept",
        ("x:6:1: output-features has no effect: Linux treats what it exports as all else that it "
         "sends"),
    };
    struct reader r;
    struct err err;
    size_t n = 0;

    (void)state;
    reader_init(&r);
    assert_false(fnf_any(r.fnf));
    assert_int_equal(conf_read(&r.conf, "x", text, strlen(text), &err), 0);
    for (; n < COUNT_OF(notes) && fnf_note(r.fnf, n, &err); n++)
        assert_string_equal(err.text, notes[n]);
    assert_int_equal(n, COUNT_OF(notes));
    assert_false(fnf_note(r.fnf, n, &err));
    fnf_free(r.fnf);
}

static void there_is_a_limit_to_each(void **state)
{
    static const char *const blocks[] = {"flow record", "flow exporter", "flow monitor", "sampler"};
    struct err err;

    (void)state;
    for (size_t b = 0; b < COUNT_OF(blocks); b++) {
        char *text = malloc((SETUP_MAX + 1) * 32);
        struct setup s;
        size_t n = 0;
        assert_non_null(text);
        for (int i = 0; i <= SETUP_MAX; i++)
            n += (size_t)snprintf(text + n, 32, "%s N%d\n", blocks[b], i);
        assert_int_equal(read_text(text, &s, &err), ERR_CONFIG);
        assert_non_null(strstr(err.text, "x:257:1: at most 256 "));
        free(text);
    }
}

static void survives_every_truncation(void **state)
{
    static const char text[] = RECORD EXPORTERS MONITOR ALIASES
        "sampler S\n mode random 1 out-of 9\ninterface e\n ip flow monitor NETFLOW-MONITOR sampler "
        "S output\n";
    char *part = malloc(sizeof text);

    (void)state;
    assert_non_null(part);
    for (size_t n = 0; n < sizeof text; n++) {
        struct setup s;
        struct err err = {""};
        memcpy(part, text, n);
        part[n] = '\0';
        if (read_text(part, &s, &err) != 0)
            assert_memory_equal(err.text, "x:", 2);
        setup_free(&s);
    }
    free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_routers_configuration_works_as_it_stands),
        cmocka_unit_test(each_command_sets_what_it_says),
        cmocka_unit_test(no_undoes_what_was_said),
        cmocka_unit_test(saying_it_again_changes_it),
        cmocka_unit_test(every_form_is_taken),
        cmocka_unit_test(forms_mean_their_elements),
        cmocka_unit_test(predefined_records_are_as_long_as_those_of_routers),
        cmocka_unit_test(says_where_it_is_wrong_and_why),
        cmocka_unit_test(tells_every_mistake),
        cmocka_unit_test(says_what_has_no_effect),
        cmocka_unit_test(there_is_a_limit_to_each),
        cmocka_unit_test(survives_every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
