/* weir show: ask a running weir for its state. The answer is JSON; tables are made here. */
#include "base/clock.h"
#include "base/count.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/probe_status.h"
#include "cli/show_lists.h"
#include "cli/show_router.h"
#include "collect/collect.h"
#include "net/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *help_of(const char *counter)
{
    for (int i = 0; i < COUNT_N; i++)
        if (strcmp(count_table[i].name, counter) == 0)
            return count_table[i].help;
    return "";
}

static void print_counters(const json_t *answer)
{
    json_t *counters = json_object_get(answer, "counters");
    const char *name;
    json_t *v;

    json_object_foreach(counters, name, v) if (json_integer_value(v) != 0)(void) printf(
        "%15" JSON_INTEGER_FORMAT "  %-20s %s\n", json_integer_value(v), name, help_of(name));
    (void)printf("Counters that are not shown are 0.\n");
}

static void print_listeners(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "listeners");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *l = json_array_get(list, i);
        if (json_object_get(l, "tcp")) {
            (void)printf("  TCP %-28s %" PRIu64 " sessions on all\n", text(l, "tcp"),
                         number(answer, "tcp_sessions"));
            continue;
        }
        (void)printf("  UDP %-28s %" PRIu64 " datagrams, %" PRIu64
                     " dropped by the kernel, %" PRIu64 " denied, buffer %.1f MiB\n",
                     text(l, "udp"), number(l, "datagrams"), number(l, "kernel_drops"),
                     number(l, "denied"), (double)number(l, "rcvbuf_bytes") / 1048576);
    }
}

static void print_worker(const json_t *w)
{
    const json_t *journal = json_object_get(w, "journal");
    char t[TEXT_SHORT];

    (void)printf("  Worker %" PRIu64 ": %" PRIu64 " datagrams/s; ", number(w, "worker"),
                 number(w, "datagrams_per_s"));
    if (!json_is_object(journal)) {
        (void)printf("no journal can be written: see the log\n");
        return;
    }
    (void)text_print_duration((int64_t)number(journal, "age_ms"), t);
    (void)printf("journal %s: %" PRIu64 " datagrams, %.1f MB, since %s; %" PRIu64
                 " others waiting to be sealed\n",
                 text(journal, "id"), number(journal, "datagrams"),
                 (double)number(journal, "bytes") / 1e6, t, number(w, "journals_waiting"));
}

static void print_collect(const json_t *answer)
{
    const json_t *workers = json_object_get(answer, "workers");
    const json_t *c = json_object_get(answer, "counters");
    char t[TEXT_SHORT];

    (void)text_print_duration((int64_t)number(answer, "uptime_ms"), t);
    (void)printf("Collector \"%s\" (weir %s, pid %" PRIu64 "), up %s, store %s\n",
                 text(answer, "instance"), text(answer, "version"), number(answer, "pid"), t,
                 text(answer, "store"));
    print_listeners(answer);
    for (size_t i = 0; i < json_array_size(workers); i++)
        print_worker(json_array_get(workers, i));
    (void)printf("  Flows: %" PRIu64 " received, %" PRIu64 " in %" PRIu64 " sealed files, %" PRIu64
                 " recovered at start\n",
                 number(c, "flows"), number(c, "flows_stored"), number(c, "files_sealed"),
                 number(c, "flows_recovered"));
    (void)printf("  Templates: %" PRIu64 " read, %" PRIu64 " data sets held for theirs, %" PRIu64
                 " of them decoded since\n",
                 number(c, "templates"), number(c, "sets_held"), number(c, "sets_released"));
    (void)printf("'weir show counters' has every number.\n");
}

/* A line below, where there is more to say than the address. */
static void print_identity(const json_t *s)
{
    bool several = json_is_true(json_object_get(s, "speaks_for_several"));

    if (json_object_get(s, "name"))
        (void)printf("    named %s\n", text(s, "name"));
    if (json_object_get(s, "identity"))
        (void)printf("    speaks for %s%s%s%s, by elements 130 and 131\n", text(s, "identity"),
                     json_object_get(s, "identity_name") ? " " : "",
                     json_object_get(s, "identity_name") ? text(s, "identity_name") : "",
                     several ? " and others" : "");
}

static void print_quirks_of(const json_t *s)
{
    const json_t *list = json_object_get(s, "quirks");

    for (size_t i = 0; i < json_array_size(list); i++)
        (void)printf("%s%s", i == 0 ? "    quirks: " : ", ",
                     text(json_array_get(list, i), "quirk"));
    if (json_array_size(list) > 0)
        (void)printf("\n");
}

static void print_sender(const json_t *s, int64_t now_ms)
{
    int64_t ahead_ms = json_integer_value(json_object_get(s, "clock_ahead_ms"));
    char source[64];
    char ago[TEXT_SHORT];
    char clock[TEXT_SHORT];

    show_source(s, source, sizeof source);
    (void)text_print_duration(now_ms - json_integer_value(json_object_get(s, "last_ms")), ago);
    (void)text_print_duration(ahead_ms < 0 ? -ahead_ms : ahead_ms, clock);
    (void)printf("%-28s %3" PRIu64 "  %-18s %12" PRIu64 " %12" PRIu64 " %10" PRIu64 " %6" PRIu64
                 " %6" PRIu64 " %6" PRIu64 "  %-9s %s%s%s\n",
                 text(s, "exporter"), number(s, "version"), source, number(s, "datagrams"),
                 number(s, "flows"), number(s, "lost"), number(s, "late"), number(s, "duplicates"),
                 number(s, "restarts"), ago, ahead_ms < 0 ? "-" : "+", clock,
                 json_is_true(json_object_get(s, "counts_itself"))
                     ? "  (counts as softflowd does: a message's own records too)"
                     : "");
    print_identity(s);
    print_quirks_of(s);
}

static void print_senders(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "senders");
    int64_t now_ms = clock_wall_ms();

    (void)printf("%-28s %3s  %-18s %12s %12s %10s %6s %6s %6s  %-9s %s\n", "exporter", "ver",
                 "source", "datagrams", "flows", "lost", "late", "twice", "resets", "heard ago",
                 "clock");
    for (size_t i = 0; i < json_array_size(list); i++)
        print_sender(json_array_get(list, i), now_ms);
    show_rest(answer);
    (void)printf(
        "lost: datagrams in v9, flow records in v5 to v8, data records in IPFIX; v1 cannot "
        "tell.\n");
}

static void print_denied(const json_t *list, int64_t now_ms)
{
    if (json_array_size(list) == 0)
        return;
    (void)printf("\n%15s  %-24s %s\n", "denied", "from", "last");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        char ago[TEXT_SHORT];
        (void)text_print_duration(now_ms - json_integer_value(json_object_get(d, "last_ms")), ago);
        (void)printf("%15" PRIu64 "  %-24s %s ago", number(d, "denied"), text(d, "prefix"), ago);
        if (number(d, "too_high_by") > 0)
            (void)printf("  (at most %" PRIu64 " too high)", number(d, "too_high_by"));
        (void)printf("\n");
    }
}

static void print_drops(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "drops");
    bool none = true;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        if (number(d, "count") == 0)
            continue;
        none = false;
        (void)printf("%15" PRIu64 "  %-20s %s\n%*s  to do: %s\n", number(d, "count"),
                     text(d, "name"), text(d, "what"), 36, "", text(d, "advice"));
    }
    (void)printf(none ? "Nothing was lost, refused or dropped since the start.\n"
                      : "Since the start. What is not shown is 0.\n");
    print_denied(json_object_get(answer, "denied_from"), clock_wall_ms());
}

static const struct {
    const char *word;
    void (*print)(const json_t *answer);
} subjects[] = {
    {"collect", print_collect},      {"counters", print_counters},  {"drops", print_drops},
    {"senders", print_senders},      {"templates", show_templates}, {"samplers", show_samplers},
    {"interfaces", show_interfaces}, {"names", show_names},         {"waiting", show_waiting},
    {"quirks", show_quirks},         {"probe", show_probe},         {"relay", show_relay},
};

enum { OPT_STORE = 1, OPT_INSTANCE, OPT_JSON, OPT_PROBE };

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR",
     "the collector's store (./var), or the probe's, if it has one"},
    {OPT_INSTANCE, "instance", 0, "NAME", "its instance (collect, probe or relay)"},
    {OPT_PROBE, "probe", 0, NULL, "ask a probe for its counters or drops, not a collector"},
    {OPT_JSON, "json", 'j', NULL, "the answer as it is"},
};

static int print_answer(const struct buf *answer, size_t subject, bool as_json)
{
    json_error_t why;

    if (as_json) {
        (void)fwrite(answer->data, 1, answer->len, stdout);
        return 0;
    }
    json_t *j = json_loadb((const char *)answer->data, answer->len, 0, &why);
    if (!j) {
        (void)fprintf(stderr, "weir show: the answer is not JSON: %s\n", why.text);
        return 1;
    }
    subjects[subject].print(j);
    json_decref(j);
    return 0;
}

struct question {
    char words[CTL_LINE_MAX]; /* what to show */
    const char *dir;          /* NULL: not said */
    const char *instance;
    bool of_probe;
    bool of_relay;
    bool as_json;
};

static int find_socket(const struct question *q, char *path, size_t size, struct err *err)
{
    const struct collect_options usual = collect_options_default();

    if (q->of_relay)
        return probe_socket(path, size, NULL, q->instance ? q->instance : "relay", err);
    if (q->of_probe)
        return probe_socket(path, size, q->dir, q->instance ? q->instance : "probe", err);
    return collect_socket(path, size, q->dir ? q->dir : usual.dir,
                          q->instance ? q->instance : usual.instance, err);
}

static int ask(const struct question *q, size_t subject)
{
    char path[FILE_PATH];
    struct buf answer;
    struct err err;
    int status = 1;
    int r = find_socket(q, path, sizeof path, &err);

    buf_init(&answer, CTL_ANSWER_MAX);
    if (r == 0)
        r = ctl_ask(path, subjects[subject].word, &answer, &err);
    if (r == ERR_CONFIG)
        (void)fprintf(stderr, "weir show: no %s runs there: %s\n",
                      q->of_relay   ? "relay"
                      : q->of_probe ? "probe"
                                    : "collector",
                      err.text);
    else if (r)
        (void)fprintf(stderr, "weir show: %s\n", err.text);
    else
        status = print_answer(&answer, subject, q->as_json);
    buf_free(&answer);
    return status;
}

static int ask_router(const struct question *q)
{
    char path[FILE_PATH];
    struct err err;
    const struct show_router how = {.socket = path, .as_json = q->as_json};

    if (probe_socket(path, sizeof path, q->dir, q->instance ? q->instance : "probe", &err) != 0) {
        (void)fprintf(stderr, "weir show: %s\n", err.text);
        return 1;
    }
    return show_router(&how, q->words);
}

static int cmd_show_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct question q = {0};
    struct err err;
    int id;

    while ((id = opt_next(&scan, &err)) != OPT_END) {
        if (id == ERR_CONFIG)
            return command_usage_error(&cmd_show, err.text);
        if (id == OPT_STORE)
            q.dir = scan.value;
        else if (id == OPT_INSTANCE)
            q.instance = scan.value;
        else if (id == OPT_PROBE)
            q.of_probe = true;
        else if (id == OPT_JSON)
            q.as_json = true;
        else if (!command_join(q.words, sizeof q.words, scan.value))
            return command_usage_error(&cmd_show, "too many words");
    }
    if (show_router_is(q.words))
        return ask_router(&q);
    for (size_t i = 0; i < COUNT_OF(subjects); i++) {
        if (strcmp(q.words, subjects[i].word) != 0)
            continue;
        q.of_relay = strcmp(q.words, "relay") == 0;
        q.of_probe = q.of_probe || strcmp(q.words, "probe") == 0;
        return ask(&q, i);
    }
    return command_usage_error(
        &cmd_show,
        "expected what to show: collect, counters, drops, senders, templates, samplers, "
        "interfaces, names, waiting, quirks, probe or relay, or a router's command: ip ..., "
        "flow ... or sampler ...");
}

const struct command cmd_show = {
    .name = "show",
    .summary = "ask a running weir for its state",
    .usage = "[options] WHAT",
    .details =
        "WHAT is one of these. collect: ports, journal, and what became of the flows. counters: "
        "everything that is counted and is not 0, with what it means. drops: those of them that "
        "say that something was lost, refused or dropped, with what to do about it, and from where "
        "senders came that "
        "the access list does not permit. senders: who sends, what was lost of it by its "
        "own numbers (what came late is not), and how far its clock is from ours. templates: the "
        "layouts that exporters announced, and how many records came by each since the "
        "start. samplers: the sampling rates they announced. interfaces: the names they gave to "
        "theirs, earlier ones too. names: these and those of VRFs, applications and samplers. "
        "waiting: data that are held until their template comes. quirks: rules for exporters that "
        "stay odd, and proposals. probe: interfaces, flow caches and exporters of a running probe; "
        "--probe asks it for counters or drops. relay: what a running relay received, and what "
        "became of it, by receiver.\n"
        "Or WHAT is a router's command, of a running probe; a word may be cut short. ip cache "
        "flow, "
        "ip cache verbose flow, ip cache flow aggregation SCHEME, ip flow export, ip flow "
        "interface, ip flow top-talkers: what the traditional commands and flags meter. flow "
        "monitor [NAME [statistics]], flow exporter [NAME] [statistics|templates], flow record "
        "[NAME], flow interface [DEV], sampler [NAME]. flow monitor NAME cache: its flows, and "
        "behind that, in any order: filter FIELD [eq|ne|lt|le|gt|ge] VALUE [and ...], aggregate "
        "FIELD ..., sort [highest|lowest] FIELD [top N], format record|table|csv; FIELD is what "
        "'match' and 'collect' say in its record.",
    .examples = "weir show collect --store /var/lib/weir\n    a running collector\n"
                "weir show counters --json\n    for scripts\n"
                "weir show probe\n    a running probe\n"
                "weir show ip cache verbose flow\n    its flows, as a router prints them\n"
                "weir show flow monitor FM-1 cache sort highest counter bytes top 10 format table\n"
                "    the largest\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_show_run,
};
