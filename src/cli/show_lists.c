#include "cli/show_lists.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void show_rest(const json_t *answer)
{
    if (number(answer, "left_off") > 0)
        (void)printf("%" PRIu64 " more are not shown.\n", number(answer, "left_off"));
    if (number(answer, "workers_without_answer") > 0)
        (void)printf("%" PRIu64 " workers did not answer within a second.\n",
                     number(answer, "workers_without_answer"));
}

void show_source(const json_t *s, char *out, size_t size)
{
    if (json_object_get(s, "domain"))
        (void)snprintf(out, size, "domain %" PRIu64, number(s, "domain"));
    else
        (void)snprintf(out, size, "engine %" PRIu64 "/%" PRIu64, number(s, "engine_type"),
                       number(s, "engine_id"));
}

static const char *ago(const json_t *o, const char *key, char out[static TEXT_SHORT])
{
    int64_t ms = json_integer_value(json_object_get(o, key));

    (void)text_print_duration(clock_wall_ms() - ms, out);
    return out;
}

/* --- templates --- */

static void print_field(const json_t *f)
{
    const json_t *length = json_object_get(f, "length");
    const json_t *name = json_object_get(f, "name");

    (void)printf(" %s", json_is_string(name) ? json_string_value(name) : text(f, "element"));
    if (json_is_integer(length))
        (void)printf(":%" JSON_INTEGER_FORMAT, json_integer_value(length));
    else
        (void)printf(":v");
    if (json_is_true(json_object_get(f, "scope")))
        (void)printf(" (scope)");
}

static void print_template(const json_t *t)
{
    const json_t *fields = json_object_get(t, "fields");
    char since[TEXT_SHORT];

    (void)printf("%-28s %3" PRIu64 "  domain %-10" PRIu64 " template %-5" PRIu64 "  %s\n",
                 text(t, "exporter"), number(t, "version"), number(t, "domain"),
                 number(t, "template"),
                 json_is_true(json_object_get(t, "options")) ? "options" : "data");
    (void)printf("    refreshed %s ago, %" PRIu64 " records:", ago(t, "refreshed_ms", since),
                 number(t, "records"));
    for (size_t i = 0; i < json_array_size(fields); i++)
        print_field(json_array_get(fields, i));
    (void)printf("\n");
}

void show_templates(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "templates");

    for (size_t i = 0; i < json_array_size(list); i++)
        print_template(json_array_get(list, i));
    show_rest(answer);
    (void)printf(
        "Fields are name:octets, or enterprise/element where there is no column; v: of any "
        "length.\n");
}

/* --- samplers --- */

static void print_subject(const json_t *s, char *out, size_t size)
{
    if (json_object_get(s, "sampler"))
        (void)snprintf(out, size, "sampler %" PRIu64, number(s, "sampler"));
    else if (json_object_get(s, "interface"))
        (void)snprintf(out, size, "interface %" PRIu64, number(s, "interface"));
    else
        (void)snprintf(out, size, "all");
}

static void print_sampler(const json_t *s)
{
    const json_t *rate = json_object_get(s, "rate");
    const json_t *swapped = json_object_get(s, "rate_if_swapped");
    char subject[64];
    char one_in[32] = "not said";
    char since[TEXT_SHORT];
    char heard[TEXT_SHORT];

    print_subject(s, subject, sizeof subject);
    if (json_is_number(rate))
        (void)snprintf(one_in, sizeof one_in, "%.12g", json_number_value(rate));
    (void)printf("%-28s domain %-10" PRIu64 "  %-20s %12s  %-9s %-9s", text(s, "exporter"),
                 number(s, "domain"), subject, one_in, ago(s, "since_ms", since),
                 ago(s, "heard_ms", heard));
    if (json_is_number(swapped))
        (void)printf(" octets swapped? would be %.12g", json_number_value(swapped));
    (void)printf("\n");
}

void show_samplers(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "samplers");

    (void)printf("%-28s %-17s  %-20s %12s  %-9s %-9s\n", "exporter", "source", "of", "one in",
                 "since", "heard ago");
    for (size_t i = 0; i < json_array_size(list); i++)
        print_sampler(json_array_get(list, i));
    show_rest(answer);
}

/* --- names --- */

static void print_name(const json_t *n)
{
    char what[64];
    char since[TEXT_SHORT];
    char until[TEXT_SHORT];
    bool past = json_is_integer(json_object_get(n, "until_ms"));

    if (json_object_get(n, "engine"))
        (void)snprintf(what, sizeof what, "%s %" PRIu64 ":%" PRIu64, text(n, "kind"),
                       number(n, "engine"), number(n, "number"));
    else
        (void)snprintf(what, sizeof what, "%s %" PRIu64, text(n, "kind"), number(n, "number"));
    (void)printf("%-28s domain %-10" PRIu64 "  %-22s %-24s %-9s %-9s %s\n", text(n, "exporter"),
                 number(n, "domain"), what, text(n, "name"), ago(n, "since_ms", since),
                 past ? ago(n, "until_ms", until) : "-", text(n, "description"));
}

static void print_names(const json_t *list)
{
    (void)printf("%-28s %-17s  %-22s %-24s %-9s %-9s %s\n", "exporter", "source", "of", "name",
                 "since", "until", "description");
    for (size_t i = 0; i < json_array_size(list); i++)
        print_name(json_array_get(list, i));
}

void show_interfaces(const json_t *answer)
{
    print_names(json_object_get(answer, "interfaces"));
    show_rest(answer);
}

void show_names(const json_t *answer)
{
    print_names(json_object_get(answer, "names"));
    show_rest(answer);
}

/* --- quirks --- */

static void print_proposal(const json_t *p)
{
    (void)printf("%s, version %" PRIu64 ": %s\n", text(p, "exporter"), number(p, "version"),
                 text(p, "why"));
    if (json_is_string(json_object_get(p, "config")))
        (void)printf("  If it is so, write into the configuration, and send SIGHUP:\n    %s\n",
                     text(p, "config"));
    else
        (void)printf("  If it is so, write a quirk with: action %s\n", text(p, "action"));
}

static void print_quirk(const json_t *q)
{
    const json_t *list = json_object_get(q, "holds_for");

    (void)printf("%15" PRIu64 "  %-24s %s\n", number(q, "records"), text(q, "quirk"),
                 text(q, "means"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *x = json_array_get(list, i);
        (void)printf("%15" PRIu64 "    %s, version %" PRIu64 "\n", number(x, "records"),
                     text(x, "exporter"), number(x, "version"));
    }
}

void show_quirks(const json_t *answer)
{
    const json_t *proposals = json_object_get(answer, "proposals");
    const json_t *quirks = json_object_get(answer, "quirks");

    for (size_t i = 0; i < json_array_size(proposals); i++)
        print_proposal(json_array_get(proposals, i));
    if (json_array_size(proposals) > 0)
        (void)printf("\n");
    (void)printf("%15s  %-24s %s\n", "records", "quirk", "what it says");
    for (size_t i = 0; i < json_array_size(quirks); i++)
        print_quirk(json_array_get(quirks, i));
    show_rest(answer);
}

/* --- what waits for its template --- */

void show_waiting(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "waiting");
    char since[TEXT_SHORT];

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *w = json_array_get(list, i);
        (void)printf("%-28s %3" PRIu64 "  domain %-10" PRIu64 " waiting for template %" PRIu64
                     " since %s: %" PRIu64 " data sets held, %" PRIu64 " bytes\n",
                     text(w, "exporter"), number(w, "version"), number(w, "domain"),
                     number(w, "template"), ago(w, "since_ms", since), number(w, "sets"),
                     number(w, "bytes"));
    }
    if (json_array_size(list) == 0)
        (void)printf("Nothing waits for a template.\n");
    show_rest(answer);
}

/* --- a probe --- */

static void show_monitor(const json_t *m)
{
    (void)printf("  Flow monitor %s, record %s: %" PRIu64 " of %" PRIu64
                 " entries, at most %" PRIu64 " so far\n    %" PRIu64
                 " flows begun; ended: %" PRIu64 " idle, %" PRIu64 " active too long, %" PRIu64
                 " by FIN or RST, %" PRIu64 " too many\n",
                 text(m, "monitor"), text(m, "record"), number(m, "flows"), number(m, "entries"),
                 number(m, "high_water"), number(m, "added"), number(m, "ended_idle"),
                 number(m, "ended_active"), number(m, "ended_seen"), number(m, "ended_too_many"));
}

void show_probe(const json_t *answer)
{
    const json_t *interfaces = json_object_get(answer, "interfaces");
    const json_t *monitors = json_object_get(answer, "monitors");
    const json_t *exporters = json_object_get(answer, "exporters");
    const json_t *c = json_object_get(answer, "counters");
    char t[TEXT_SHORT];

    (void)text_print_duration((int64_t)number(answer, "uptime_ms"), t);
    (void)printf("Probe \"%s\" (weir %s, pid %" PRIu64 "), up %s\n", text(answer, "instance"),
                 text(answer, "version"), number(answer, "pid"), t);
    for (size_t i = 0; i < json_array_size(interfaces); i++) {
        const json_t *x = json_array_get(interfaces, i);
        (void)printf("  Interface %s (%" PRIu64 "): %" PRIu64 " packets, %" PRIu64
                     " dropped by the kernel\n",
                     text(x, "interface"), number(x, "number"), number(x, "packets"),
                     number(x, "kernel_drops"));
    }
    for (size_t i = 0; i < json_array_size(monitors); i++)
        show_monitor(json_array_get(monitors, i));
    for (size_t i = 0; i < json_array_size(exporters); i++) {
        const json_t *x = json_array_get(exporters, i);
        (void)printf("  To %s, version %" PRIu64 ": %" PRIu64 " records in %" PRIu64
                     " messages, %" PRIu64 " bytes\n",
                     text(x, "name"), number(x, "version"), number(x, "records"),
                     number(x, "messages"), number(x, "bytes"));
    }
    const json_t *rib = json_object_get(answer, "routes");
    if (rib)
        (void)printf("  BGP's routes: %" PRIu64 " prefixes, %" PRIu64 " left out, %" PRIu64
                     " broken records\n",
                     number(rib, "prefixes"), number(rib, "left_out"), number(rib, "broken"));
    (void)printf("  Metered %" PRIu64 " packets, %" PRIu64 " bytes, into %" PRIu64 " flows\n",
                 number(c, "packets"), number(c, "packet_bytes"), number(c, "flows_metered"));
    (void)printf("'weir show --probe counters' has every number.\n");
}

/* --- a relay --- */

void show_relay(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "receivers");
    char t[TEXT_SHORT];

    (void)text_print_duration((int64_t)number(answer, "uptime_ms"), t);
    (void)printf("Relay at UDP port %" PRIu64 " (weir %s, pid %" PRIu64 "), up %s%s\n",
                 number(answer, "port"), text(answer, "version"), number(answer, "pid"), t,
                 json_is_true(json_object_get(answer, "keep_source"))
                     ? ", datagrams keep their source"
                     : "");
    (void)printf("  Received %" PRIu64 " datagrams, %" PRIu64 " bytes, %" PRIu64 "/s; %" PRIu64
                 " dropped by the kernel, %" PRIu64 " of senders without a rule, %" PRIu64 " cut\n",
                 number(answer, "datagrams"), number(answer, "bytes"),
                 number(answer, "datagrams_per_s"), number(answer, "kernel_drops"),
                 number(answer, "unmatched"), number(answer, "cut"));
    (void)printf("%-32s %12s %12s %10s %10s %10s %10s\n", "receiver", "sent", "bytes", "skipped",
                 "failed", "refused", "unlike");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        (void)printf("%-32s %12" PRIu64 " %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                     " %10" PRIu64 "%s%s\n",
                     text(r, "receiver"), number(r, "datagrams"), number(r, "bytes"),
                     number(r, "skipped"), number(r, "failed"), number(r, "refused"),
                     number(r, "other_family"), json_object_get(r, "last_error") ? "  " : "",
                     json_object_get(r, "last_error") ? text(r, "last_error") : "");
    }
    const json_t *senders = json_object_get(answer, "senders");
    if (json_array_size(senders) > 0)
        (void)printf("\n%-32s %12s %12s %10s\n", "sender (those that sent most)", "datagrams",
                     "bytes", "rules");
    for (size_t i = 0; i < json_array_size(senders); i++) {
        const json_t *x = json_array_get(senders, i);
        (void)printf("%-32s %12" PRIu64 " %12" PRIu64 " %10" PRIu64 "\n", text(x, "sender"),
                     number(x, "datagrams"), number(x, "bytes"), number(x, "rules"));
    }
    (void)printf(
        "skipped: by one in N. failed: the kernel would not, with its last reason. refused: "
        "its machine said that nobody listens.\nunlike: with -S, of a sender of the other "
        "version of IP.\n");
}
