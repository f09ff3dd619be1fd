/* The traditional `show` commands: the cache, its aggregations, its export, in the columns that
 * routers have. Protocol, ports, type of service and flags are hexadecimal there. */
#include "base/text.h"
#include "cli/show_router.h"

#include <stdio.h>
#include <string.h>

enum {
    BYTES = 1,
    PACKETS = 2,
    FLOWS = 3,
    PROTO = 4,
    TOS = 5,
    TCP_FLAGS = 6,
    SRC_PORT = 7,
    SRC = 8,
    SRC_MASK = 9,
    IN_IF = 10,
    DST_PORT = 11,
    DST = 12,
    DST_MASK = 13,
    OUT_IF = 14,
    NEXT_HOP = 15,
    SRC_AS = 16,
    DST_AS = 17,
    BGP_NEXT_HOP = 18,
    LAST = 21,
    FIRST = 22,
    SRC_PREFIX = 44,
    DST_PREFIX = 45,
    DIRECTION = 61,
    NAME = 32
};

/* --- the head of a cache --- */

static void print_fractions(const json_t *sizes, size_t from, size_t to, double total)
{
    (void)printf("  ");
    for (size_t i = from; i < to; i++) {
        uint64_t longest = number(json_array_get(sizes, i), "up_to");
        if (i == 0)
            (void)printf(" 1-%" PRIu64, longest);
        else
            (void)printf(" %4" PRIu64, longest);
    }
    (void)printf("\n  ");
    for (size_t i = from; i < to; i++) {
        uint64_t n = number(json_array_get(sizes, i), "packets");
        unsigned thousandths = total > 0 ? (unsigned)((double)n * 1000 / total) : 0;
        if (thousandths >= 1000)
            (void)printf(" 1.00");
        else
            (void)printf(" .%03u", thousandths);
    }
    (void)printf("\n");
}

void show_sizes(const json_t *m)
{
    enum { IN_A_LINE = 15 };
    const json_t *sizes = json_object_get(m, "sizes");
    size_t n = json_array_size(sizes);
    uint64_t total = 0;

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        total += number(json_array_get(sizes, i), "packets");
    (void)printf("IP packet size distribution (%" PRIu64 " total packets):\n", total);
    for (size_t at = 0; at < n; at += IN_A_LINE) {
        print_fractions(sizes, at, at + IN_A_LINE < n ? at + IN_A_LINE : n, (double)total);
        (void)printf("\n");
    }
}

static double per(double n, double of) { return of > 0 ? n / of : 0; }

static void print_protocol(const char *name, uint64_t flows, uint64_t packets, uint64_t bytes,
                           uint64_t active_ms, uint64_t idle_ms, double seconds)
{
    (void)printf("%-12s %9" PRIu64 " %8.1f %9.0f %5.0f %8.1f %11.1f %9.1f\n", name, flows,
                 per((double)flows, seconds), per((double)packets, (double)flows),
                 per((double)bytes, (double)packets), per((double)packets, seconds),
                 per((double)active_ms / 1000, (double)flows),
                 per((double)idle_ms / 1000, (double)flows));
}

void show_protocols(const json_t *m, int64_t now_ms, int64_t since_ms)
{
    const json_t *list = json_object_get(m, "protocols");
    double seconds = (double)(now_ms - since_ms) / 1000;
    uint64_t sum[5] = {0};
    static const char *const keys[] = {"flows", "packets", "bytes", "active_ms", "idle_ms"};

    if (json_array_size(list) == 0)
        return;
    (void)printf("Protocol         Total    Flows   Packets Bytes  Packets Active(Sec) Idle(Sec)\n"
                 "--------         Flows     /Sec     /Flow  /Pkt     /Sec     /Flow     /Flow\n");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        if (number(p, "flows") == 0)
            continue;
        for (size_t k = 0; k < COUNT_OF(keys); k++)
            sum[k] += number(p, keys[k]);
        print_protocol(text(p, "protocol"), number(p, "flows"), number(p, "packets"),
                       number(p, "bytes"), number(p, "active_ms"), number(p, "idle_ms"), seconds);
    }
    print_protocol("Total:", sum[0], sum[1], sum[2], sum[3], sum[4], seconds);
    (void)printf("\n");
}

static void print_cleared(const json_t *x, int64_t now_ms)
{
    char ago[TEXT_SHORT];

    if (!json_object_get(x, "cleared_ms")) {
        (void)printf("  last clearing of statistics never\n");
        return;
    }
    (void)text_print_duration(now_ms - signed_number(x, "cleared_ms"), ago);
    (void)printf("  last clearing of statistics %s ago\n", ago);
}

static void print_cache(const json_t *setup, const json_t *m)
{
    uint64_t flows = number(m, "flows");
    uint64_t entries = number(m, "entries");

    (void)printf("IP Flow Switching Cache, %" PRIu64 " bytes\n  %" PRIu64 " active, %" PRIu64
                 " inactive, %" PRIu64 " added\n  %" PRIu64 " flow alloc failures, %" PRIu64
                 " ended early as the cache was full\n",
                 number(m, "bytes"), flows, entries > flows ? entries - flows : 0,
                 number(m, "added"), number(m, "packets_refused"), number(m, "ended_too_many"));
    (void)printf("  Active flows timeout in %" PRIu64
                 " minutes\n  Inactive flows timeout in %" PRIu64 " seconds\n",
                 (number(m, "active_s") + 59) / 60, number(m, "idle_s"));
    print_cleared(m, signed_number(setup, "now_ms"));
    (void)printf("\n");
}

static const json_t *traditional(const json_t *setup)
{
    const char *name = json_string_value(json_object_get(setup, "traditional"));

    if (name)
        return show_named(json_object_get(setup, "monitors"), name);
    (void)fprintf(stderr, "weir show: this probe has no traditional cache; 'weir show flow "
                          "monitor' lists what it has\n");
    return NULL;
}

static int64_t since_of(const json_t *setup, const json_t *m)
{
    return json_object_get(m, "cleared_ms") ? signed_number(m, "cleared_ms")
                                            : signed_number(setup, "started_ms");
}

/* --- flows --- */

/* Of what leaves a router says so by a star. */
static const char *out_name(const struct show_rows *r, const uint8_t *f, char *out, size_t size)
{
    char name[NAME];
    const char *dev = show_interface(r->setup, show_number(r, f, OUT_IF), name, sizeof name);

    (void)snprintf(out, size, "%s%s", dev, show_number(r, f, DIRECTION) ? "*" : "");
    return out;
}

static void print_flow_with(const struct show_rows *r, const uint8_t *f, uint64_t counter)
{
    char in[NAME];
    char out[NAME];
    char src[64];
    char dst[64];

    (void)printf("%-13s %-15s %-13s %-15s %02X %04X %04X %5" PRIu64 "\n",
                 show_interface(r->setup, show_number(r, f, IN_IF), in, sizeof in),
                 show_address(r, f, SRC, src, sizeof src), out_name(r, f, out, sizeof out),
                 show_address(r, f, DST, dst, sizeof dst), (unsigned)show_number(r, f, PROTO),
                 (unsigned)show_number(r, f, SRC_PORT), (unsigned)show_number(r, f, DST_PORT),
                 counter);
}

static void print_flow(const struct show_rows *r, const uint8_t *f)
{
    print_flow_with(r, f, show_number(r, f, PACKETS));
}

static double active_s(const struct show_rows *r, const uint8_t *f)
{
    return (double)(show_number(r, f, LAST) - show_number(r, f, FIRST)) / 1000;
}

static void print_verbose(const struct show_rows *r, const uint8_t *f)
{
    char in[NAME];
    char out[NAME];
    char src[64];
    char dst[64];
    char hop[64];
    uint64_t packets = show_number(r, f, PACKETS);

    (void)printf("%-14s %-15s %-14s %-15s %02X %02X  %02X  %7" PRIu64 "\n",
                 show_interface(r->setup, show_number(r, f, IN_IF), in, sizeof in),
                 show_address(r, f, SRC, src, sizeof src), out_name(r, f, out, sizeof out),
                 show_address(r, f, DST, dst, sizeof dst), (unsigned)show_number(r, f, PROTO),
                 (unsigned)show_number(r, f, TOS), (unsigned)show_number(r, f, TCP_FLAGS), packets);
    (void)printf("%04X /%-2u %-21u  %04X /%-2u %-5u  %-15s     %5.0f %7.1f\n",
                 (unsigned)show_number(r, f, SRC_PORT), (unsigned)show_number(r, f, SRC_MASK),
                 (unsigned)show_number(r, f, SRC_AS), (unsigned)show_number(r, f, DST_PORT),
                 (unsigned)show_number(r, f, DST_MASK), (unsigned)show_number(r, f, DST_AS),
                 show_address(r, f, NEXT_HOP, hop, sizeof hop),
                 per((double)show_number(r, f, BYTES), (double)packets), active_s(r, f));
    if (pick_find(r->fields, r->n, 0, BGP_NEXT_HOP))
        (void)printf("BGP:%s\n", show_address(r, f, BGP_NEXT_HOP, hop, sizeof hop));
    (void)printf("\n");
}

static int dump(const struct show_router *s, const json_t *setup, const json_t *m)
{
    return show_flows(s, setup, "flows", text(m, "name"), "");
}

int show_ip_cache(const struct show_router *s, const json_t *setup, bool verbose)
{
    const json_t *m = traditional(setup);
    struct show_rows table = {.row = verbose ? print_verbose : print_flow};

    if (!m)
        return 1;
    if (s->as_json)
        return dump(s, setup, m);
    show_sizes(m);
    print_cache(setup, m);
    show_protocols(m, signed_number(setup, "now_ms"), since_of(setup, m));
    if (verbose)
        (void)printf(
            "SrcIf          SrcIPaddress    DstIf          DstIPaddress    Pr TOS Flgs  Pkts\n"
            "Port Msk AS                    Port Msk AS    NextHop              B/Pk  Active\n");
    else
        (void)printf("SrcIf         SrcIPaddress    DstIf         DstIPaddress    Pr SrcP DstP  "
                     "Pkts\n");
    return show_each(s, setup, "flows", text(m, "name"), &table);
}

static void print_top(const struct show_rows *r, const uint8_t *f)
{
    print_flow_with(r, f, show_number(r, f, r->by_packets ? PACKETS : BYTES));
}

static void end_top(const struct show_rows *r, uint64_t flows, uint64_t matched, uint64_t shown)
{
    (void)r;
    (void)printf("%" PRIu64 " of %" PRIu64 " top talkers shown. %" PRIu64 " flows processed.\n",
                 shown, matched, flows);
}

int show_ip_top(const struct show_router *s, const json_t *setup)
{
    const json_t *top = json_object_get(setup, "top");
    struct show_rows table = {.row = print_top,
                              .end = end_top,
                              .by_packets = json_is_true(json_object_get(top, "by_packets"))};

    if (s->as_json)
        return show_flows(s, setup, "top-talkers", NULL, "");
    (void)printf("SrcIf         SrcIPaddress    DstIf         DstIPaddress    Pr SrcP DstP %s\n",
                 table.by_packets ? " Pkts" : "Bytes");
    return show_each(s, setup, "top-talkers", NULL, &table);
}

/* --- aggregations --- */

/* What routers call a key, and how wide it is. */
static const struct {
    uint16_t element;
    const char *name;
    int width;
} columns[] = {{IN_IF, "Src If", 13},
               {SRC_PREFIX, "Src Prefix", 15},
               {SRC_MASK, "Msk", 3},
               {SRC_AS, "Src AS", 10},
               {OUT_IF, "Dst If", 13},
               {DST_PREFIX, "Dst Prefix", 15},
               {DST_MASK, "Msk", 3},
               {DST_AS, "Dst AS", 10},
               {BGP_NEXT_HOP, "BGP NextHop", 15},
               {PROTO, "Pr", 2},
               {TOS, "TOS", 3},
               {SRC_PORT, "SrcP", 4},
               {DST_PORT, "DstP", 4}};

static void print_key(const struct show_rows *r, const uint8_t *f, size_t i)
{
    char out[64];
    uint16_t e = columns[i].element;
    uint64_t v = show_number(r, f, e);

    if (e == SRC_PREFIX || e == DST_PREFIX || e == BGP_NEXT_HOP)
        (void)show_address(r, f, e, out, sizeof out);
    else if (e == SRC_MASK || e == DST_MASK)
        (void)snprintf(out, sizeof out, "/%" PRIu64, v);
    else if (e == IN_IF || e == OUT_IF)
        (void)snprintf(out, sizeof out, "%s", show_interface(r->setup, v, (char[NAME]){0}, NAME));
    else if (e == SRC_AS || e == DST_AS)
        (void)snprintf(out, sizeof out, "%" PRIu64, v);
    else
        (void)snprintf(out, sizeof out, e == PROTO || e == TOS ? "%02" PRIX64 : "%04" PRIX64, v);
    (void)printf("%-*s ", columns[i].width, out);
}

static void print_group(const struct show_rows *r, const uint8_t *f)
{
    uint64_t packets = show_number(r, f, PACKETS);

    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (pick_find(r->fields, r->n, 0, columns[i].element))
            print_key(r, f, i);
    (void)printf("%6" PRIu64 " %6" PRIu64 " %5.0f %7.1f\n", show_number(r, f, FLOWS), packets,
                 per((double)show_number(r, f, BYTES), (double)packets), active_s(r, f));
}

static bool has_words(const json_t *record, const char *element_words)
{
    const json_t *fields = json_object_get(record, "fields");

    for (size_t i = 0; i < json_array_size(fields); i++)
        if (strstr(text(json_array_get(fields, i), "words"), element_words))
            return true;
    return false;
}

static void print_group_heads(const json_t *record)
{
    static const char *const words[] = {"interface input",
                                        "source prefix",
                                        "source mask",
                                        "source as",
                                        "interface output",
                                        "destination prefix",
                                        "destination mask",
                                        "destination as",
                                        "next-hop",
                                        "protocol",
                                        "tos",
                                        "source-port",
                                        "destination-port"};

    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (has_words(record, words[i]))
            (void)printf("%-*s ", columns[i].width, columns[i].name);
    (void)printf(" Flows   Pkts  B/Pk  Active\n");
}

int show_ip_aggregation(const struct show_router *s, const json_t *setup, const char *scheme)
{
    struct show_rows table = {.row = print_group};
    char name[64];

    (void)snprintf(name, sizeof name, "ip flow aggregation %.32s", scheme);
    const json_t *m = show_named(json_object_get(setup, "monitors"), name);
    if (!m) {
        (void)fprintf(stderr,
                      "weir show: no aggregation cache %s is enabled; 'weir show flow "
                      "monitor' lists what there is\n",
                      scheme);
        return 1;
    }
    if (s->as_json)
        return dump(s, setup, m);
    print_cache(setup, m);
    print_group_heads(show_named(json_object_get(setup, "records"), text(m, "record")));
    return show_each(s, setup, "flows", name, &table);
}

/* --- export, interfaces --- */

static void print_version(const json_t *x)
{
    if (number(x, "version") == 10)
        (void)printf("IPFIX");
    else
        (void)printf("v%" PRIu64, number(x, "version"));
}

static void print_as(const json_t *setup, const json_t *m)
{
    const json_t *r = show_named(json_object_get(setup, "records"), text(m, "record"));
    const json_t *fields = json_object_get(r, "fields");

    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *f = json_array_get(fields, i);
        if (json_object_get(f, "as"))
            (void)printf(", %s", text(f, "as"));
        if (strstr(text(f, "words"), " bgp"))
            (void)printf(" bgp-nexthop");
    }
}

static void print_export(const json_t *setup, const json_t *m)
{
    const json_t *names = json_object_get(m, "exporters");
    const json_t *all = json_object_get(setup, "exporters");

    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *x = show_named(all, json_string_value(json_array_get(names, i)));
        (void)printf("Flow export ");
        print_version(x);
        (void)printf(" is enabled for %s\n",
                     strcmp(text(m, "name"), "ip flow") == 0 ? "main cache" : text(m, "name"));
        (void)printf("  Exporting flows to %s (%" PRIu64 ")", text(x, "destination"),
                     number(x, "port"));
        if (*text(x, "vrf"))
            (void)printf(", VRF %s", text(x, "vrf"));
        (void)printf("\n  Exporting using source %s %s(%" PRIu64 ")\n",
                     *text(x, "source_interface") ? "interface" : "address",
                     *text(x, "source_interface") ? text(x, "source_interface") : text(x, "source"),
                     number(x, "source_port"));
        (void)printf("  ");
        print_version(x);
        (void)printf(" flow records");
        print_as(setup, m);
        (void)printf("\n  %" PRIu64 " flows exported in %" PRIu64 " udp datagrams\n",
                     number(x, "records"), number(x, "messages"));
        (void)printf("  %" PRIu64 " export packets were dropped because they could not be sent\n"
                     "  %" PRIu64 " times the collector's machine said that nobody listens\n",
                     number(x, "failed"), number(x, "refused"));
    }
}

void show_ip_export(const json_t *setup)
{
    const json_t *list = json_object_get(setup, "monitors");
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        bool main = strcmp(text(m, "name"), text(setup, "traditional")) == 0;
        if (!main && !json_object_get(m, "from"))
            continue;
        print_export(setup, m);
        n += json_array_size(json_object_get(m, "exporters"));
    }
    if (n == 0)
        (void)printf("Flow export is disabled for the main cache; 'weir show flow exporter' lists "
                     "what Flexible NetFlow has\n");
}

void show_ip_interface(const json_t *setup)
{
    const json_t *list = json_object_get(setup, "places");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        bool six = number(p, "ip_version") == 6;
        bool main = strcmp(text(p, "monitor"), text(setup, "traditional")) == 0;
        if (i == 0 ||
            strcmp(text(json_array_get(list, i - 1), "interface"), text(p, "interface")) != 0)
            (void)printf("%s\n", text(p, "interface"));
        if (main)
            (void)printf("  ip flow %s\n",
                         strcmp(text(p, "direction"), "input") == 0 ? "ingress" : "egress");
        else
            (void)printf("  ip%s flow monitor %s %s\n", six ? "v6" : "", text(p, "monitor"),
                         text(p, "direction"));
    }
}
