/* weir doctor: what is wrong with each exporter, and what to do about it. */
#include "base/clock.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/show_lists.h"
#include "collect/collect.h"
#include "net/ctl.h"
#include "report/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANNOT_ASK = 2 };

struct flags {
    const char *dir;
    const char *instance;
    const char *sender;
    bool json;
};

/* --- for people --- */

static void print_finding(const struct finding *f)
{
    char source[64] = "";
    char version[24] = "";

    if (f->exporter) {
        show_source(f->exporter, source, sizeof source);
        (void)snprintf(version, sizeof version, "v%" PRIu64, number(f->exporter, "version"));
    }
    (void)printf("%-8s %-22s %-26s %-4s %-14s %s\n", severity_name(f->severity), f->name,
                 f->exporter ? text(f->exporter, "exporter") : "this collector", version, source,
                 f->text);
}

/* Lines of a text, each with something before it. */
static void print_lines(const char *lines, const char *before)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        (void)printf("%s%.*s\n", before, (int)n, lines);
        lines += n + (lines[n] == '\n');
    }
}

static void print_todo(const struct findings *all, size_t from, size_t to)
{
    const struct advice *a = all->v[from].advice;
    unsigned versions = 0;

    (void)printf("\n%s: %s\n  %s\n", all->v[from].name,
                 all->v[from].exporter ? a->what : all->v[from].text,
                 all->v[from].todo[0] ? all->v[from].todo : a->todo);
    for (size_t i = from; i < to; i++)
        if (all->v[i].exporter)
            versions |= advice_version(number(all->v[i].exporter, "version"));
    for (size_t i = 0; i < ADVICE_COMMANDS && a->commands[i].lines; i++) {
        if (!(a->commands[i].versions & versions))
            continue;
        (void)printf("  %s\n", a->commands[i].of);
        print_lines(a->commands[i].lines, "      ");
    }
}

static void print_table(const struct findings *f)
{
    size_t wrong = f->count[SEVERITY_ERROR] + f->count[SEVERITY_WARNING];

    if (f->n > 0)
        (void)printf("%-8s %-22s %-26s %-4s %-14s %s\n", "", "finding", "exporter", "ver", "source",
                     "evidence");
    for (size_t i = 0; i < f->n; i++)
        print_finding(&f->v[i]);
    for (size_t from = 0, to; from < f->n; from = to) {
        for (to = from + 1; to < f->n && strcmp(f->v[to].name, f->v[from].name) == 0;)
            to++;
        print_todo(f, from, to);
    }
    (void)printf(
        "%s%zu exporters, since the collector's start: %zu errors, %zu warnings, %zu notes%s\n",
        f->n > 0 ? "\n" : "", f->exporters, f->count[SEVERITY_ERROR], f->count[SEVERITY_WARNING],
        f->count[SEVERITY_NOTE], wrong == 0 ? ". Nothing is wrong." : ".");
}

/* --- for scripts --- */

static json_t *commands_of(const struct finding *f)
{
    const struct advice *a = f->advice;
    unsigned version = f->exporter ? advice_version(number(f->exporter, "version")) : 0;
    json_t *out = json_array();

    for (size_t i = 0; i < ADVICE_COMMANDS && a->commands[i].lines; i++)
        if (a->commands[i].versions & version)
            json_array_append_new(out, json_pack("{s:s,s:s}", "of", a->commands[i].of, "lines",
                                                 a->commands[i].lines));
    return out;
}

static json_t *json_of_finding(const struct finding *f)
{
    static const char *const of_exporter[] = {"exporter",    "version",   "domain",
                                              "engine_type", "engine_id", "worker"};
    json_t *out =
        json_pack("{s:s,s:s}", "severity", severity_name(f->severity), "finding", f->name);

    for (size_t i = 0; i < COUNT_OF(of_exporter); i++) {
        json_t *v = json_object_get(f->exporter, of_exporter[i]);
        if (v)
            json_object_set(out, of_exporter[i], v);
    }
    json_object_set_new(out, "evidence", json_string(f->text));
    json_object_set(out, "figures", f->figures);
    json_object_set_new(out, "todo", json_string(f->todo[0] ? f->todo : f->advice->todo));
    json_object_set_new(out, "commands", commands_of(f));
    return out;
}

static void print_json(const struct findings *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(list, json_of_finding(&f->v[i]));
    json_t *all = json_pack(
        "{s:o,s:I,s:I,s:I,s:I}", "findings", list, "exporters", (json_int_t)f->exporters, "errors",
        (json_int_t)f->count[SEVERITY_ERROR], "warnings", (json_int_t)f->count[SEVERITY_WARNING],
        "notes", (json_int_t)f->count[SEVERITY_NOTE]);
    (void)json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    (void)printf("\n");
    json_decref(all);
}

/* --- the command --- */

static int ask(const char *path, const char *question, json_t **out, struct err *err)
{
    struct buf answer;
    json_error_t why;

    buf_init(&answer, CTL_ANSWER_MAX);
    int r = ctl_ask(path, question, &answer, err);
    if (r == 0) {
        *out = json_loadb((const char *)answer.data, answer.len, 0, &why);
        if (!*out)
            r = err_set(err, ERR_DATA, "%s: the answer is not JSON: %s", question, why.text);
    }
    buf_free(&answer);
    return r;
}

/* What lists leave off nobody has looked at. */
static void warn_of_rest(const json_t *answer, const char *question)
{
    uint64_t off = number(answer, "left_off");
    uint64_t silent = number(answer, "workers_without_answer");

    if (off > 0)
        (void)fprintf(stderr, "weir doctor: %" PRIu64 " of %s are too many to be looked at\n", off,
                      question);
    if (silent > 0)
        (void)fprintf(stderr, "weir doctor: %" PRIu64 " workers did not answer about %s\n", silent,
                      question);
}

static int examine(const struct flags *f, const struct prefix *only)
{
    json_t *answer[DOCTOR_QUESTIONS] = {0};
    struct doctor_facts facts = {.only = only, .now_ms = clock_wall_ms()};
    char path[FILE_PATH];
    struct err err;
    int r = collect_socket(path, sizeof path, f->dir, f->instance, &err);
    int status = CANNOT_ASK;

    for (size_t i = 0; i < DOCTOR_QUESTIONS && r == 0; i++) {
        r = ask(path, doctor_questions[i], &answer[i], &err);
        facts.answer[i] = answer[i];
        if (r == 0)
            warn_of_rest(answer[i], doctor_questions[i]);
    }
    if (r == ERR_CONFIG)
        (void)fprintf(stderr, "weir doctor: no collector runs on store %s: %s\n", f->dir, err.text);
    else if (r)
        (void)fprintf(stderr, "weir doctor: %s\n", err.text);
    if (r == 0) {
        struct findings found = doctor_examine(&facts);
        bool nobody = only && found.exporters == 0;
        status = found.count[SEVERITY_ERROR] + found.count[SEVERITY_WARNING] > 0;
        if (nobody)
            (void)fprintf(stderr, "weir doctor: no exporter in %s has been heard\n", f->sender);
        else if (f->json)
            print_json(&found);
        else
            print_table(&found);
        findings_free(&found);
        status = nobody ? CANNOT_ASK : status;
    }
    for (size_t i = 0; i < DOCTOR_QUESTIONS; i++)
        json_decref(answer[i]);
    return status;
}

enum { OPT_STORE = 1, OPT_INSTANCE, OPT_JSON };

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR", "the collector's store (./var)"},
    {OPT_INSTANCE, "instance", 0, "NAME", "the collector's instance (collect)"},
    {OPT_JSON, "json", 'j', NULL, "findings with their figures and commands, as JSON"},
};

static int cmd_doctor_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct collect_options o = collect_options_default();
    struct flags f = {.dir = o.dir, .instance = o.instance};
    struct prefix only;
    struct err err;
    int id;

    while ((id = opt_next(&scan, &err)) != OPT_END) {
        if (id == ERR_CONFIG)
            return command_usage_error(&cmd_doctor, err.text);
        if (id == OPT_STORE)
            f.dir = scan.value;
        else if (id == OPT_INSTANCE)
            f.instance = scan.value;
        else if (id == OPT_JSON)
            f.json = true;
        else if (!f.sender)
            f.sender = scan.value;
        else
            return command_usage_error(&cmd_doctor, "expected one sender: an address or a prefix");
    }
    if (f.sender && prefix_parse(f.sender, &only, &err) != 0)
        return command_usage_error(&cmd_doctor, err.text);
    return examine(&f, f.sender ? &only : NULL);
}

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "what is wrong with exporters, and the commands that mend it",
    .usage = "[options] [SENDER]",
    .details =
        "Asks a running collector what it has noted of each exporter since its start: templates "
        "that "
        "come too seldom or collide, sampling that is not said or contradicts itself, clocks that "
        "are off or drift, what is lost, and where, what comes twice or late, restarts, silences, "
        "flows with impossible times, long ones in one piece, the same flow metered on its way in "
        "and "
        "out, and what records do not tell. Each finding has its figures; below the table stands "
        "what "
        "to do, with commands for routers.\n"
        "SENDER, an address or a prefix, asks about exporters there only.\n"
        "error: flows are being lost, or stored wrong. warning: something is to be mended. note: "
        "good "
        "to know, as what questions its records cannot answer.\n"
        "The exit status is 0 if there are neither errors nor warnings, 1 if there are, 2 if "
        "nobody "
        "could be asked.",
    .examples = "weir doctor --store /var/lib/weir\n    all exporters, and the collector itself\n"
                "weir doctor 192.0.2.0/24 --store /var/lib/weir\n    the routers of one site\n"
                "weir doctor --json | jq -r '.findings[] | [.exporter, .finding] | @tsv'\n"
                "    for scripts\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_doctor_run,
};
