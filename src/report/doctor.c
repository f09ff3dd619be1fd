#include "report/doctor.h"

#include "base/mem.h"
#include "report/finding.h"
#include "report/member.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const doctor_questions[DOCTOR_QUESTIONS] = {
    [DOCTOR_COLLECT] = "collect",   [DOCTOR_DROPS] = "drops",
    [DOCTOR_HEALTH] = "health",     [DOCTOR_TEMPLATES] = "templates",
    [DOCTOR_SAMPLERS] = "samplers", [DOCTOR_INTERFACES] = "interfaces",
    [DOCTOR_WAITING] = "waiting",
};

const char *severity_name(enum severity s)
{
    return s == SEVERITY_ERROR ? "error" : s == SEVERITY_WARNING ? "warning" : "note";
}

static struct finding *add(struct findings *f, enum severity severity, enum advice_id what)
{
    if (f->n == f->room) {
        f->room = f->room ? 2 * f->room : 64;
        f->v = realloc(f->v, f->room * sizeof *f->v);
        if (!f->v)
            abort(); /* as mem_new() */
    }
    struct finding *x = &f->v[f->n++];
    *x = (struct finding){.advice = &advice_table[what], .severity = severity};
    (void)snprintf(x->name, sizeof x->name, "%s", x->advice->id);
    f->count[severity]++;
    return x;
}

struct finding *finding_add(const struct patient *p, enum severity severity, enum advice_id what,
                            json_t *figures, const char *format, ...)
{
    struct finding *x = add(p->out, severity, what);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(x->text, sizeof x->text, format, args);
    va_end(args);
    x->exporter = p->x;
    x->figures = figures;
    return x;
}

/* "ADDRESS:PORT", or the address alone. */
static bool address_of(const json_t *o, struct addr *out)
{
    const char *s = text(o, "exporter");
    uint16_t port;

    return addr_parse(s, out, NULL) == 0 || addr_port_parse(s, out, &port, NULL) == 0;
}

bool patient_has(const struct patient *p, const json_t *of)
{
    struct addr a;
    return address_of(of, &a) && addr_eq(&a, &p->addr);
}

/* --- the collector --- */

/* Counted by exporter too, where it is told better; or nothing that is wrong. */
static bool is_told_elsewhere(const char *counter)
{
    static const char *const names[] = {"denied",
                                        "tcp_denied",
                                        "sequence_missed",
                                        "sequence_duplicates",
                                        "datagrams_rejected",
                                        "flows_rejected",
                                        "bad_count",
                                        "bad_length",
                                        "bad_set",
                                        "bad_template",
                                        "bad_record",
                                        "bad_withdrawal"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], counter) == 0)
            return true;
    return false;
}

static bool loses_flows(const char *counter)
{
    static const char *const names[] = {"kernel_drops", "flows_lost",  "journal_errors",
                                        "seal_errors",  "sync_errors", "sets_held_lost"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], counter) == 0)
            return true;
    return false;
}

/* What a socket should have, if it has less: the kernel's accounting doubles what was asked for. */
static uint64_t buffer_wanted(const struct doctor_facts *f)
{
    const json_t *list = json_object_get(f->answer[DOCTOR_COLLECT], "listeners");
    size_t workers = json_array_size(json_object_get(f->answer[DOCTOR_COLLECT], "workers"));
    uint64_t most = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *l = json_array_get(list, i);
        uint64_t want = number(l, "rcvbuf_wanted_each");
        bool less = number(l, "rcvbuf_bytes") < 2 * want * workers;
        most = less && want > most ? want : most;
    }
    return most;
}

static void advise_buffer(const struct doctor_facts *f, struct finding *x)
{
    uint64_t want = buffer_wanted(f);

    if (want > 0) {
        json_object_set_new(x->figures, "rcvbuf_wanted", json_integer((json_int_t)want));
        (void)snprintf(x->todo, sizeof x->todo,
                       "Each socket wants a buffer of %" PRIu64
                       " bytes to hold a second of what comes: sysctl -w net.core.rmem_max=%" PRIu64
                       ", then restart or reload (SIGHUP) the collector.",
                       want, want);
        return;
    }
    (void)snprintf(
        x->todo, sizeof x->todo,
        "The buffers are as large as the measured rate asks for: give the collector more "
        "workers (--workers), or more of the processors.");
}

static void examine_collector(const struct doctor_facts *f, struct findings *out)
{
    const json_t *list = json_object_get(f->answer[DOCTOR_DROPS], "drops");
    uint64_t datagrams =
        number(json_object_get(f->answer[DOCTOR_COLLECT], "counters"), "datagrams");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        const char *name = text(d, "name");
        if (number(d, "count") == 0 || is_told_elsewhere(name))
            continue;
        struct finding *x =
            add(out, loses_flows(name) ? SEVERITY_ERROR : SEVERITY_WARNING, ADVICE_COLLECTOR);
        (void)snprintf(x->name, sizeof x->name, "%s", name);
        (void)snprintf(x->text, sizeof x->text, "%" PRIu64 " %s (%" PRIu64 " datagrams received)",
                       number(d, "count"), text(d, "what"), datagrams);
        (void)snprintf(x->todo, sizeof x->todo, "%s", text(d, "advice"));
        x->figures = json_pack("{s:I}", "count", (json_int_t)number(d, "count"));
        if (strcmp(name, "kernel_drops") == 0)
            advise_buffer(f, x);
    }
}

/* --- all of it --- */

static int by_severity(const void *a, const void *b)
{
    const struct finding *x = a;
    const struct finding *y = b;

    if (x->severity != y->severity)
        return x->severity < y->severity ? 1 : -1;
    if (!x->exporter != !y->exporter)
        return x->exporter ? 1 : -1;
    int names = strcmp(x->name, y->name);
    if (names)
        return names;
    names = x->exporter ? strcmp(text(x->exporter, "exporter"), text(y->exporter, "exporter")) : 0;
    return names ? names : strcmp(x->text, y->text);
}

struct findings doctor_examine(const struct doctor_facts *facts)
{
    const json_t *list = json_object_get(facts->answer[DOCTOR_HEALTH], "health");
    struct findings out = {0};

    if (!facts->only)
        examine_collector(facts, &out);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct patient p = {.facts = facts, .x = json_array_get(list, i), .out = &out};
        if (!address_of(p.x, &p.addr) || (facts->only && !prefix_has(facts->only, &p.addr)))
            continue;
        out.exporters++;
        rules_of_loss(&p);
        rules_of_templates(&p);
        rules_of_sampling(&p);
        rules_of_time(&p);
        rules_of_records(&p);
    }
    if (out.n > 0)
        qsort(out.v, out.n, sizeof *out.v, by_severity);
    return out;
}

void findings_free(struct findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        json_decref(f->v[i].figures);
    free(f->v);
    *f = (struct findings){0};
}
