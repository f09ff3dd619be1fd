/* The `show` commands of Flexible NetFlow, as routers print them. */
#include "base/text.h"
#include "cli/show_router.h"
#include "wire/layout.h"

#include <stdio.h>
#include <string.h>

static void print_protocol(const json_t *x)
{
    if (number(x, "version") == 10)
        (void)printf("IPFIX (Version 10)\n");
    else
        (void)printf("NetFlow Version %" PRIu64 "\n", number(x, "version"));
}

/* --- monitors --- */

static void print_line(const char *what, uint64_t n, const char *unit)
{
    (void)printf("    %-21s %" PRIu64 " %s\n", what, n, unit);
}

void show_fnf_monitor(const json_t *setup, const json_t *m)
{
    const json_t *exporters = json_object_get(m, "exporters");

    (void)setup;
    (void)printf("Flow Monitor %s:\n  Flow Record:       %s\n", text(m, "name"), text(m, "record"));
    for (size_t i = 0; i < json_array_size(exporters); i++)
        (void)printf("  %-18s %s\n", i == 0 ? "Flow Exporter:" : "",
                     json_string_value(json_array_get(exporters, i)));
    if (json_object_get(m, "from"))
        (void)printf("  Adds up:           the flows of %s\n", text(m, "from"));
    (void)printf("  Cache:\n    %-21s %s\n    %-21s %s\n    %-21s %" PRIu64 " entries / %" PRIu64
                 " bytes\n",
                 "Type:", text(m, "type"), "Status:", "allocated", "Size:", number(m, "entries"),
                 number(m, "bytes"));
    print_line("Inactive Timeout:", number(m, "idle_s"), "secs");
    print_line("Active Timeout:", number(m, "active_s"), "secs");
    print_line("Update Timeout:", number(m, "update_s"), "secs");
    (void)printf("\n");
}

static void print_count(const char *what, uint64_t n)
{
    (void)printf("  %-32s %12" PRIu64 "\n", what, n);
}

static void print_aged(const char *what, uint64_t s, uint64_t n)
{
    char label[64];

    if (s)
        (void)snprintf(label, sizeof label, "- %-16s (%6" PRIu64 " secs)", what, s);
    else
        (void)snprintf(label, sizeof label, "- %s", what);
    (void)printf("    %-32s %10" PRIu64 "\n", label, n);
}

void show_fnf_cache(const json_t *m)
{
    bool permanent = strcmp(text(m, "type"), "permanent") == 0;
    uint64_t aged = number(m, "ended_idle") + number(m, "ended_active") + number(m, "ended_seen") +
                    number(m, "ended_forced") + number(m, "ended_too_many");

    (void)printf("  %-32s %12s\n", "Cache type:", text(m, "type"));
    print_count("Cache size:", number(m, "entries"));
    print_count("Current entries:", number(m, "flows"));
    print_count("High Watermark:", number(m, "high_water"));
    (void)printf("\n");
    print_count("Flows added:", number(m, "added"));
    if (permanent)
        print_count("Packets without a place:", number(m, "packets_refused"));
    print_count(permanent ? "Totals given out:" : "Flows aged:", aged);
    print_aged("Active timeout", number(m, "active_s"), number(m, "ended_active"));
    print_aged("Inactive timeout", number(m, "idle_s"), number(m, "ended_idle"));
    print_aged("TCP FIN or RST", 0, number(m, "ended_seen"));
    print_aged("Event aged", 0, number(m, "ended_forced"));
    print_aged("Emergency aged", 0, number(m, "ended_too_many"));
    (void)printf("\n");
}

void show_fnf_statistics(const json_t *m)
{
    (void)printf("Flow Monitor %s:\n", text(m, "name"));
    show_fnf_cache(m);
    show_sizes(m);
}

/* --- exporters --- */

static void print_options(const json_t *x)
{
    const json_t *options = json_object_get(x, "options");
    const char *name;
    json_t *v;

    if (json_object_size(options) == 0)
        return;
    (void)printf("  Options Configuration:\n");
    json_object_foreach((json_t *)(uintptr_t)options, name, v)(void)
        printf("    %s (timeout %" JSON_INTEGER_FORMAT " seconds)\n", name, json_integer_value(v));
}

void show_fnf_exporter(const json_t *x)
{
    (void)printf("Flow Exporter %s:\n  Export protocol:          ", text(x, "name"));
    print_protocol(x);
    if (!json_object_get(x, "destination")) {
        (void)printf("  Destination:              a store on this machine\n\n");
        return;
    }
    (void)printf("  Transport Configuration:\n    Destination IP address: %s\n",
                 text(x, "destination"));
    if (*text(x, "vrf"))
        (void)printf("    VRF label:              %s\n", text(x, "vrf"));
    (void)printf("    Source IP address:      %s\n", text(x, "source"));
    if (*text(x, "source_interface"))
        (void)printf("    Source Interface:       %s\n", text(x, "source_interface"));
    (void)printf("    Transport Protocol:     %s\n    Destination Port:       %" PRIu64
                 "\n    Source Port:            %" PRIu64 "\n    DSCP:                   0x%" PRIX64
                 "\n    TTL:                    %" PRIu64 "\n    MTU:                    %" PRIu64
                 "\n",
                 text(x, "transport"), number(x, "port"), number(x, "source_port"),
                 number(x, "dscp"), number(x, "ttl"), number(x, "mtu"));
    if (number(x, "packets_above"))
        (void)printf("  Export Filter:            counter packets long > %" PRIu64 "\n",
                     number(x, "packets_above"));
    print_options(x);
    (void)printf("\n");
}

void show_fnf_sent(const json_t *setup, const json_t *x)
{
    const json_t *monitors = json_object_get(setup, "monitors");
    char ago[TEXT_SHORT] = "never";

    if (json_object_get(x, "cleared_ms"))
        (void)text_print_duration(signed_number(setup, "now_ms") - signed_number(x, "cleared_ms"),
                                  ago);
    (void)printf("Flow Exporter %s:\n  Packet send statistics (last cleared %s%s):\n",
                 text(x, "name"), ago, strcmp(ago, "never") == 0 ? "" : " ago");
    (void)printf("    Successfully sent:         %-20" PRIu64 " (%" PRIu64 " bytes)\n",
                 number(x, "messages") - number(x, "failed"), number(x, "bytes"));
    (void)printf("    Reason not given:          %" PRIu64
                 "\n    Nobody listens there:      %" PRIu64 "\n\n  Client send statistics:\n",
                 number(x, "failed"), number(x, "refused"));
    for (size_t i = 0; i < json_array_size(monitors); i++) {
        const json_t *m = json_array_get(monitors, i);
        const json_t *names = json_object_get(m, "exporters");
        for (size_t k = 0; k < json_array_size(names); k++)
            if (strcmp(json_string_value(json_array_get(names, k)), text(x, "name")) == 0)
                (void)printf("    Client: Flow Monitor %s\n", text(m, "name"));
    }
    (void)printf(
        "      Records added:           %" PRIu64 "\n        - sent:                %" PRIu64
        "\n        - not wanted:          %" PRIu64 "\n\n",
        number(x, "records") + number(x, "below"), number(x, "records"), number(x, "below"));
}

void show_fnf_templates(const json_t *setup, const json_t *x)
{
    const json_t *list = json_object_get(x, "templates");

    (void)setup;
    (void)printf("Flow Exporter %s:\n", text(x, "name"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        const json_t *fields = json_object_get(t, "fields");
        (void)printf("  Record %s\n    Exporter Format: ", text(t, "record"));
        print_protocol(x);
        if (number(x, "version") >= 9)
            (void)printf("    Template ID:     %" PRIu64 "\n", number(t, "id"));
        (void)printf("    Record Size:     %" PRIu64 "\n    Template layout\n"
                     "    | %-30s | %10s | %6s | %6s |\n",
                     number(t, "octets"), "Field", "Type", "Offset", "Size");
        for (size_t k = 0; k < json_array_size(fields); k++) {
            const json_t *f = json_array_get(fields, k);
            char type[32];
            (void)snprintf(type, sizeof type,
                           number(f, "enterprise") ? "%" PRIu64 "/%" PRIu64
                                                   : "%.0" PRIu64 "%" PRIu64,
                           number(f, "enterprise"), number(f, "number"));
            (void)printf("    | %-30s | %10s | %6" PRIu64 " | ", text(f, "name"), type,
                         number(f, "at"));
            if (number(f, "len") == LAYOUT_VARLEN)
                (void)printf("%6s |\n", "varies");
            else
                (void)printf("%6" PRIu64 " |\n", number(f, "len"));
        }
    }
    (void)printf("\n");
}

/* --- records, interfaces, samplers --- */

void show_fnf_record(const json_t *r)
{
    const json_t *fields = json_object_get(r, "fields");
    uint64_t octets = 0;

    for (size_t i = 0; i < json_array_size(fields); i++)
        octets += number(json_array_get(fields, i), "octets");
    (void)printf("flow record %s:\n  No. of users:       %" PRIu64
                 "\n  Total field space:  %" PRIu64 " bytes\n  Fields:\n",
                 text(r, "name"), number(r, "users"), octets);
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *f = json_array_get(fields, i);
        (void)printf("    %s %s\n", json_is_true(json_object_get(f, "key")) ? "match" : "collect",
                     text(f, "words"));
    }
    (void)printf("\n");
}

void show_fnf_interface(const json_t *setup, const char *dev)
{
    const json_t *list = json_object_get(setup, "places");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        uint64_t version = number(p, "ip_version");
        if (dev && strcmp(dev, text(p, "interface")) != 0)
            continue;
        (void)printf("Interface %s\n  FNF:  monitor:          %s\n        direction:        %s\n"
                     "        traffic(%s):%*son\n",
                     text(p, "interface"), text(p, "monitor"),
                     strcmp(text(p, "direction"), "input") == 0 ? "Input" : "Output",
                     version == 6 ? "ipv6" : "ip", version == 6 ? 4 : 6, "");
        if (json_object_get(p, "sampler"))
            (void)printf("        sampler:          %s\n", text(p, "sampler"));
    }
}

void show_fnf_sampler(const json_t *setup, const json_t *x)
{
    const json_t *places = json_object_get(setup, "places");

    (void)printf("Sampler %s:\n  ID:             %" PRIu64 "\n  Type:           %s\n"
                 "  Rate:           1 out of %" PRIu64 "\n  Users:\n",
                 text(x, "name"), number(x, "id"), text(x, "mode"), number(x, "rate"));
    for (size_t i = 0; i < json_array_size(places); i++) {
        const json_t *p = json_array_get(places, i);
        if (strcmp(text(p, "sampler"), text(x, "name")) == 0)
            (void)printf("    flow monitor %s (ip%s,%s, %s)\n", text(p, "monitor"),
                         number(p, "ip_version") == 6 ? "v6" : "", text(p, "interface"),
                         text(p, "direction"));
    }
    (void)printf("\n");
}
