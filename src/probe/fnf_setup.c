/* From what the commands said to what they mean together. Every mistake is told at the line that
 * makes it: a name that nothing has, a record that its exporter's version cannot carry. */
#include "base/attr.h"
#include "base/mem.h"
#include "base/near.h"
#include "probe/fnf.h"
#include "probe/fnf_draft.h"
#include "probe/predefined.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { V5 = 5, IPFIX = 10, V5_INTERVAL_MAX = (1 << 14) - 1, HERE = 300 };

void fnf_wrong(struct fnf_build *b, size_t line, size_t column, const char *fmt, ...)
{
    const struct conf_line where = {.file = b->f->file, .number = line};
    char text[HERE];
    struct err err;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    conf_say(&where, column, &err, "%s", text);
    if (b->c->wrong)
        b->c->wrong(b->c, &err);
    if (b->r == 0)
        err_text(b->err, "%s", err.text);
    b->r = ERR_CONFIG;
}

/* Which of a kind is meant: SETUP_NONE, and a mistake, if none is. */
static int refer(struct fnf_build *b, enum fnf_kind kind, const char *what,
                 const struct fnf_said *name)
{
    struct near near = near_of(name->s, strlen(name->s));
    int at = fnf_find(b->f, kind, name->s);

    if (at != SETUP_NONE)
        return at;
    for (size_t i = 0; i < b->f->list[kind].n; i++)
        near_try(&near, ((const struct fnf_said *)fnf_at(b->f, kind, i))->s);
    const char *best = near_best(&near);
    fnf_wrong(b, name->line, name->column, "there is no %s %s%s%s%s", what, name->s,
              best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
    return SETUP_NONE;
}

void fnf_find_device(struct fnf_build *b, const struct fnf_said *interface,
                     char out[static IFNAMSIZ])
{
    int alias = fnf_find(b->f, FNF_ALIASES, interface->s);
    const char *name = interface->s;

    if (alias != SETUP_NONE)
        name = ((const struct fnf_alias *)fnf_at(b->f, FNF_ALIASES, (size_t)alias))->dev;
    if (strlen(name) < IFNAMSIZ && !strchr(name, '/'))
        (void)snprintf(out, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, name);
    else
        fnf_wrong(
            b, interface->line, interface->column,
            "expected an interface of this machine; 'interface-alias %s DEVICE' says which one "
            "is meant",
            interface->s);
}

/* --- records --- */

static void add_record(struct fnf_build *b, const struct fnf_record *draft)
{
    struct setup_record *r = &b->out.records[b->out.n_records++];
    size_t keys = 0;

    (void)snprintf(r->name, sizeof r->name, "%s", draft->name.s);
    for (int key = 1; key >= 0; key--)
        for (size_t i = 0; i < draft->r.n; i++)
            if (draft->r.fields[i].key == (key != 0)) {
                r->fields[r->n++] = draft->r.fields[i];
                keys += draft->r.fields[i].key;
            }
    if (keys == 0)
        fnf_wrong(b, draft->name.line, draft->name.column,
                  "flow record %s matches nothing: expected at least one 'match'", draft->name.s);
}

/* A record that somebody wrote, else one that routers have; those go behind the others. */
static int find_record(struct fnf_build *b, const struct fnf_said *name)
{
    struct setup_record r;
    struct err why;
    int at = fnf_find(b->f, FNF_RECORDS, name->s);

    if (at != SETUP_NONE)
        return at;
    if (!predefined_is(name->s))
        return refer(b, FNF_RECORDS, "flow record", name);
    for (size_t i = b->f->list[FNF_RECORDS].n; i < b->out.n_records; i++)
        if (strcmp(b->out.records[i].name, name->s) == 0)
            return (int)i;
    if (predefined_read(name->s, &r, &why) != 0) {
        fnf_wrong(b, name->line, name->column, "%s", why.text);
        return SETUP_NONE;
    }
    b->out.records[b->out.n_records++] = r;
    return (int)b->out.n_records - 1;
}

/* Which packets its own words are for: a bit for IPv4, one for IPv6. */
static unsigned families(const struct fnf_build *b, int record, const char *words[static 2],
                         size_t line[static 2])
{
    unsigned of = 0;

    if ((size_t)record >= b->f->list[FNF_RECORDS].n) {
        /* "netflow ipv4 as" */
        uint8_t six = strstr(b->out.records[record].name, "ipv6") != NULL;
        words[six] = b->out.records[record].name;
        return 1u << six;
    }
    const struct fnf_record *r = fnf_at(b->f, FNF_RECORDS, (size_t)record);
    for (size_t i = 0; i < r->r.n; i++) {
        uint8_t family = words_family(r->words[i]);
        bool six = family == 6;
        if (family == 0 || !r->r.fields[i].key || (of & 1u << six))
            continue;
        of |= 1u << six;
        words[six] = r->words[i];
        line[six] = r->line[i];
    }
    return of;
}

/* --- exporters --- */

void fnf_find_source(struct fnf_build *b, const struct fnf_said *source, bool has_to,
                     struct setup_exporter *x)
{
    if (source->line == 0)
        return;
    x->has_source = addr_parse(source->s, &x->source, NULL) == 0;
    if (!x->has_source)
        fnf_find_device(b, source, x->source_if);
    else if (has_to && addr_is_v4(&x->source) != addr_is_v4(&x->to))
        fnf_wrong(b, source->line, source->column,
                  "source and destination are not of the same version of IP");
}

static void add_exporter(struct fnf_build *b, const struct fnf_exporter *draft)
{
    struct setup_exporter *x = &b->out.exporters[b->out.n_exporters++];

    *x = draft->x;
    (void)snprintf(x->name, sizeof x->name, "%s", draft->name.s);
    if (!draft->has_to)
        fnf_wrong(b, draft->name.line, draft->name.column, "flow exporter %s has no 'destination'",
                  draft->name.s);
    fnf_find_source(b, &draft->source, draft->has_to, x);
    if (x->tcp && x->version != IPFIX && draft->tcp.line)
        fnf_wrong(b, draft->tcp.line, draft->tcp.column,
                  "NetFlow v%u goes by UDP only; 'export-protocol ipfix' may go by TCP",
                  x->version);
    if (x->version < 9 && draft->options.line)
        fnf_wrong(b, draft->options.line, draft->options.column,
                  "NetFlow v5 has no options data; 'export-protocol netflow-v9' and 'ipfix' have");
    if (x->version < 9 && draft->templates.line)
        fnf_wrong(b, draft->templates.line, draft->templates.column,
                  "NetFlow v5 has no templates; 'export-protocol netflow-v9' and 'ipfix' have");
}

/* --- monitors --- */

/* In a version without templates every record is the same. */
static void fit_v5(struct fnf_build *b, const struct fnf_said *exporter,
                   const struct setup_record *r)
{
    char words[WORDS_TEXT];

    for (size_t i = 0; i < r->n; i++) {
        if (words_fit_v5(&r->fields[i]))
            continue;
        words_print(r, i, words);
        fnf_wrong(
            b, exporter->line, exporter->column,
            "flow exporter %s speaks NetFlow v5, which has no place for '%s %s' of record %s; "
            "'export-protocol netflow-v9' and 'ipfix' have",
            exporter->s, r->fields[i].key ? "match" : "collect", words, r->name);
        return;
    }
}

static void add_monitor(struct fnf_build *b, const struct fnf_monitor *draft)
{
    struct setup_monitor *m = &b->out.monitors[b->out.n_monitors++];

    *m = draft->m;
    (void)snprintf(m->name, sizeof m->name, "%s", draft->name.s);
    setup_monitor_fill(m);
    if (draft->record.line == 0)
        fnf_wrong(b, draft->name.line, draft->name.column, "flow monitor %s has no 'record'",
                  draft->name.s);
    else
        m->record = find_record(b, &draft->record);
    for (size_t i = 0; i < draft->n_exporters; i++) {
        int e = refer(b, FNF_EXPORTERS, "flow exporter", &draft->exporters[i]);
        if (e == SETUP_NONE)
            continue;
        m->exporters[m->n_exporters++] = e;
        if (b->out.exporters[e].version == V5 && m->record != SETUP_NONE)
            fit_v5(b, &draft->exporters[i], &b->out.records[m->record]);
    }
}

static void add_sampler(struct fnf_build *b, const struct fnf_sampler *draft)
{
    struct setup_sampler *s = &b->out.samplers[b->out.n_samplers++];

    *s = draft->s;
    (void)snprintf(s->name, sizeof s->name, "%s", draft->name.s);
    if (s->rate == 0)
        fnf_wrong(b, draft->name.line, draft->name.column, "sampler %s has no 'mode'",
                  draft->name.s);
}

/* --- interfaces --- */

static void fit_family(struct fnf_build *b, const struct fnf_place *p, int record)
{
    const char *words[2] = {"", ""};
    size_t line[2] = {0, 0};
    bool six = p->family == 6;
    unsigned of = families(b, record, words, line);
    char at[HERE / 4] = "";

    if (of == 0 || (of & 1u << six))
        return;
    if (line[!six])
        (void)snprintf(at, sizeof at, " of line %zu", line[!six]);
    fnf_wrong(b, p->monitor.line, p->monitor.column,
              "record %s is for IPv%c (\"%s\"%s): expected 'ip%s flow monitor %s'",
              b->out.records[record].name, six ? '4' : '6', words[!six], at, six ? "" : "v6",
              p->monitor.s);
}

/* What v5 cannot say of what comes from here. */
static void fit_place_v5(struct fnf_build *b, const struct fnf_place *p,
                         const struct setup_monitor *m, const struct setup_sampler *s)
{
    for (size_t i = 0; i < m->n_exporters; i++) {
        const struct setup_exporter *x = &b->out.exporters[m->exporters[i]];
        if (x->version != V5)
            continue;
        if (p->family == 6)
            fnf_wrong(
                b, p->monitor.line, p->monitor.column,
                "flow exporter %s of this monitor speaks NetFlow v5, which has no place for IPv6 "
                "addresses; 'export-protocol netflow-v9' and 'ipfix' have",
                x->name);
        else if (s && s->rate > V5_INTERVAL_MAX)
            fnf_wrong(b, p->sampler.line, p->sampler.column,
                      "flow exporter %s of this monitor speaks NetFlow v5, which cannot say a rate "
                      "above 1 out-of %d",
                      x->name, V5_INTERVAL_MAX);
        else
            continue;
        return;
    }
}

static void add_place(struct fnf_build *b, const struct fnf_place *draft)
{
    struct setup_place *p = &b->out.places[b->out.n_places++];

    *p = (struct setup_place){
        .output = draft->output, .family = draft->family, .sampler = SETUP_NONE};
    fnf_find_device(b, &draft->interface, p->dev);
    p->monitor = refer(b, FNF_MONITORS, "flow monitor", &draft->monitor);
    if (draft->sampler.s[0])
        p->sampler = refer(b, FNF_SAMPLERS, "sampler", &draft->sampler);
    if (p->monitor == SETUP_NONE)
        return;
    const struct setup_monitor *m = &b->out.monitors[p->monitor];
    fit_place_v5(b, draft, m, p->sampler == SETUP_NONE ? NULL : &b->out.samplers[p->sampler]);
    if (m->record != SETUP_NONE)
        fit_family(b, draft, m->record);
}

/* In the order in which they refer to each other. */
static void build(struct fnf_build *b)
{
    const struct fnf *f = b->f;
    const struct fnf_list *l = f->list;
    struct setup *s = &b->out;

    s->rib = f->rib ? mem_text(f->rib) : NULL;
    s->local_as = f->local_as;
    /* Each monitor may bring a predefined record. */
    s->records =
        mem_new(l[FNF_RECORDS].n + l[FNF_MONITORS].n + CLASSIC_RECORDS, sizeof *s->records);
    s->exporters = mem_new(l[FNF_EXPORTERS].n + CLASSIC_EXPORTERS, sizeof *s->exporters);
    s->samplers = mem_new(l[FNF_SAMPLERS].n + 1, sizeof *s->samplers);
    s->monitors = mem_new(l[FNF_MONITORS].n + CLASSIC_RECORDS, sizeof *s->monitors);
    s->places = mem_new(f->n_places + f->classic.n_places + 1, sizeof *s->places);
    s->traditional = SETUP_NONE;
    s->aliases = mem_new(l[FNF_ALIASES].n + 1, sizeof *s->aliases);
    for (; s->n_aliases < l[FNF_ALIASES].n; s->n_aliases++) {
        const struct fnf_alias *a = fnf_at(f, FNF_ALIASES, s->n_aliases);
        memcpy(s->aliases[s->n_aliases].name, a->name.s, sizeof a->name.s);
        memcpy(s->aliases[s->n_aliases].dev, a->dev, sizeof a->dev);
    }
    for (size_t i = 0; i < l[FNF_RECORDS].n; i++)
        add_record(b, fnf_at(f, FNF_RECORDS, i));
    for (size_t i = 0; i < l[FNF_EXPORTERS].n; i++)
        add_exporter(b, fnf_at(f, FNF_EXPORTERS, i));
    for (size_t i = 0; i < l[FNF_SAMPLERS].n; i++)
        add_sampler(b, fnf_at(f, FNF_SAMPLERS, i));
    for (size_t i = 0; i < l[FNF_MONITORS].n; i++)
        add_monitor(b, fnf_at(f, FNF_MONITORS, i));
    for (size_t i = 0; i < f->n_places; i++)
        add_place(b, &f->places[i]);
    classic_build(b);
}

int fnf_setup(const struct fnf *f, struct conf *c, struct setup *out, struct err *err)
{
    struct fnf_build b = {.f = f, .c = c, .err = err};

    build(&b);
    if (b.r)
        setup_free(&b.out);
    else
        *out = b.out;
    return b.r;
}
