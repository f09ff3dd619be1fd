#include "cli/probe_answers.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/probe_put.h"
#include "collect/put.h"
#include "net/ctl.h"
#include "probe/origin.h"
#include "probe/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES = 1 << 20 };

struct probe_answers {
    const struct setup *setup;
    struct probe *probe;
    struct probe_since since;
    struct applications_names *applications; /* NULL: no record asks for them */
    struct buf top;                          /* the largest flows, as they were told */
    int64_t top_ms;                          /* when */
};

static bool wants_applications(const struct setup *s)
{
    for (size_t i = 0; i < s->n_records; i++)
        for (size_t k = 0; k < s->records[i].n; k++) {
            const struct origin *o = origin_find(&s->records[i].fields[k]);
            if (o && origin_is_application(o))
                return true;
        }
    return false;
}

struct probe_answers *probe_answers_new(const struct setup *setup, struct probe *probe)
{
    struct probe_answers *a = mem_new(1, sizeof *a);

    a->setup = setup;
    a->probe = probe;
    a->since.started_ms = clock_wall_ms();
    a->since.monitors = mem_new(setup->n_monitors + 1, sizeof *a->since.monitors);
    a->since.exporters = mem_new(setup->n_exporters + 1, sizeof *a->since.exporters);
    buf_init(&a->top, ANSWER_BYTES);
    if (wants_applications(setup))
        a->applications = applications_names_new();
    return a;
}

void probe_answers_free(struct probe_answers *a)
{
    if (!a)
        return;
    free(a->since.monitors);
    free(a->since.exporters);
    buf_free(&a->top);
    applications_names_free(a->applications);
    free(a);
}

static void fail(struct buf *out, const char *why, const char *what)
{
    struct json j = json_of(out);
    char text[200];

    (void)snprintf(text, sizeof text, "%s%.100s", why, what);
    json_open(&j, '{');
    put_text(&j, "error", text);
    json_close(&j, '}');
    buf_u8(out, '\n');
}

static int find_monitor(const struct setup *s, const char *name)
{
    for (size_t i = 0; i < s->n_monitors; i++)
        if (strcmp(s->monitors[i].name, name) == 0)
            return (int)i;
    return SETUP_NONE;
}

static int find_exporter(const struct setup *s, const char *name)
{
    for (size_t i = 0; i < s->n_exporters; i++)
        if (strcmp(s->exporters[i].name, name) == 0)
            return (int)i;
    return SETUP_NONE;
}

/* --- flows --- */

static void put_fields(struct json *j, const struct view *v, const struct setup_record *r)
{
    char words[WORDS_TEXT];
    size_t n;
    const struct pick_field *f = view_fields(v, &n);

    json_key(j, "fields");
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        words_print(r, view_field_of(v, i), words);
        json_open(j, '{');
        put_text(j, "words", words);
        put_number(j, "enterprise", f[i].enterprise);
        put_number(j, "number", f[i].number);
        put_number(j, "at", f[i].at);
        put_number(j, "len", f[i].len);
        json_key(j, "key");
        json_bool(j, f[i].key);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* The line before the records; `next`: NULL at the end. */
static void put_head(struct buf *out, const struct view *v, const struct setup_record *r, size_t n,
                     const struct probe_place *next, const struct pick *top)
{
    struct json j = json_of(out);
    char place[64];

    json_open(&j, '{');
    put_fields(&j, v, r);
    put_number(&j, "record_bytes", view_record_bytes(v));
    put_number(&j, "records", n);
    if (next) {
        (void)snprintf(place, sizeof place, "%zu %u", next->lane, (unsigned)next->entry);
        put_text(&j, "next", place);
    }
    if (top) {
        put_number(&j, "matched", pick_passed(top));
        put_number(&j, "flows", pick_offered(top));
    }
    json_close(&j, '}');
    buf_u8(out, '\n');
}

static void answer_flows(struct probe_answers *a, size_t i, struct probe_place at, struct buf *out)
{
    struct buf records;
    struct view *v;
    struct err err;
    const uint8_t *some;
    size_t n;
    bool more = true;

    if (view_new(&v, a->setup, i, &err) != 0) {
        fail(out, err.text, "");
        return;
    }
    buf_init(&records, CTL_ANSWER_MAX); /* the largest record is one of 3.5 KB */
    do {
        more = view_read(v, a->probe, &at, &some, &n);
        buf_bytes(&records, some, n * view_record_bytes(v));
    } while (more && records.len + VIEW_ENTRIES * view_record_bytes(v) <= ANSWER_BYTES);
    put_head(out, v, &a->setup->records[a->setup->monitors[i].record],
             records.len / view_record_bytes(v), more ? &at : NULL, NULL);
    buf_bytes(out, records.data, records.len);
    buf_free(&records);
    view_free(v);
}

/* "LANE ENTRY MONITOR" */
static void ask_flows(struct probe_answers *a, const char *text, struct buf *out)
{
    struct probe_place at = {0};
    unsigned entry = 0;
    int name = 0;

    if (sscanf(text, "%zu %u %n", &at.lane, &entry, &name) != 2 || name == 0) {
        fail(out, "expected flows LANE ENTRY MONITOR", "");
        return;
    }
    at.entry = entry;
    int i = find_monitor(a->setup, text + name);
    if (i == SETUP_NONE)
        fail(out, "there is no flow monitor ", text + name);
    else
        answer_flows(a, (size_t)i, at, out);
}

/* --- the largest --- */

static int pick_top(struct probe_answers *a, const struct view *v, struct pick **out,
                    struct err *err)
{
    enum { BYTES = 1, PACKETS = 2 };
    const struct setup_top *top = &a->setup->top;
    size_t n;
    const struct pick_field *fields = view_fields(v, &n);
    int r = pick_new(out, fields, n, view_record_bytes(v), top->tests, top->n_tests, err);

    if (r == 0)
        pick_order(*out, pick_find(fields, n, 0, top->by_packets ? PACKETS : BYTES), false, top->n);
    return r;
}

static void find_top(struct probe_answers *a)
{
    size_t i = (size_t)a->setup->traditional;
    struct probe_place at = {0};
    struct view *v = NULL;
    struct pick *p = NULL;
    struct err err;
    const uint8_t *some;
    size_t n;
    int r = view_new(&v, a->setup, i, &err);

    if (r == 0)
        r = pick_top(a, v, &p, &err);
    if (r) {
        fail(&a->top, err.text, "");
        view_free(v);
        return;
    }
    for (bool more = true; more;) {
        more = view_read(v, a->probe, &at, &some, &n);
        pick_offer(p, some, n);
    }
    const uint8_t *rows = pick_rows(p, &n);
    put_head(&a->top, v, &a->setup->records[a->setup->monitors[i].record], n, NULL, p);
    buf_bytes(&a->top, rows, n * view_record_bytes(v));
    pick_free(p);
    view_free(v);
}

static void ask_top(struct probe_answers *a, struct buf *out)
{
    int64_t now_ms = clock_mono_ms();

    if (a->setup->top.n == 0) {
        fail(out, "no largest flows are asked for: expected 'ip flow-top-talkers' with 'top N'",
             "");
        return;
    }
    if (a->top.len == 0 || now_ms - a->top_ms >= (int64_t)a->setup->top.keep_ms) {
        buf_reset(&a->top);
        find_top(a);
        a->top_ms = now_ms;
    }
    buf_bytes(out, a->top.data, a->top.len);
}

/* --- clear --- */

static void clear_monitor(struct probe_answers *a, size_t i)
{
    a->since.monitors[i].stats = probe_cache_stats(a->probe, i);
    a->since.monitors[i].traffic = probe_traffic(a->probe, i);
    a->since.monitors[i].ms = clock_wall_ms();
}

static void clear_exporter(struct probe_answers *a, size_t i)
{
    a->since.exporters[i].totals = probe_exporter_totals(a->probe, i);
    a->since.exporters[i].counts = *probe_exporter_counts(a->probe, i);
    a->since.exporters[i].ms = clock_wall_ms();
}

/* Those of the traditional cache, of its aggregations, and of their exporters. */
static void clear_traditional(struct probe_answers *a)
{
    const struct setup *s = a->setup;

    for (size_t i = 0; i < s->n_monitors && s->traditional != SETUP_NONE; i++) {
        const struct setup_monitor *m = &s->monitors[i];
        if (i != (size_t)s->traditional && !m->of_flows)
            continue;
        clear_monitor(a, i);
        for (size_t k = 0; k < m->n_exporters; k++)
            clear_exporter(a, (size_t)m->exporters[k]);
    }
}

/* Its flows end, and are exported: nothing is lost. */
static void end_flows(struct probe_answers *a, size_t i)
{
    struct probe_place at = {0};

    while (probe_end_some(a->probe, i, &at, VIEW_ENTRIES))
        ;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text);

    return n > strlen(end) && strcmp(text + n - strlen(end), end) == 0;
}

/* "clear flow monitor NAME" or "... NAME cache"; *what is the name then. */
static bool clear_flow(struct probe_answers *a, char *text, const char **what)
{
    static const char monitor[] = "monitor ";
    static const char exporter[] = "exporter ";
    static const char cache[] = " cache";

    if (strncmp(text, exporter, strlen(exporter)) == 0) {
        int i = find_exporter(a->setup, *what = text + strlen(exporter));
        if (i != SETUP_NONE)
            clear_exporter(a, (size_t)i);
        return i != SETUP_NONE;
    }
    if (strncmp(text, monitor, strlen(monitor)) != 0)
        return false;
    bool flows = ends_with(text, cache);
    if (flows)
        text[strlen(text) - strlen(cache)] = '\0';
    int i = find_monitor(a->setup, *what = text + strlen(monitor));
    if (i != SETUP_NONE && flows)
        end_flows(a, (size_t)i);
    if (i != SETUP_NONE)
        clear_monitor(a, (size_t)i);
    return i != SETUP_NONE;
}

static void ask_clear(struct probe_answers *a, const char *text, struct buf *out)
{
    static const char flow[] = "flow ";
    char copy[SETUP_NAME + 64];
    const char *what = text;
    bool done = strcmp(text, "ip flow stats") == 0;

    (void)snprintf(copy, sizeof copy, "%s", text);
    if (done)
        clear_traditional(a);
    else if (strncmp(copy, flow, strlen(flow)) == 0)
        done = clear_flow(a, copy + strlen(flow), &what);
    if (done)
        buf_text(out, "{\"cleared\":true}\n");
    else
        fail(out, "there is nothing to clear that is called ", what);
}

bool probe_answers_ask(struct probe_answers *a, const char *line, struct buf *out)
{
    static const char flows[] = "flows ";
    static const char clear[] = "clear ";

    if (strcmp(line, "setup") == 0)
        probe_put_setup(a->setup, a->probe, &a->since, a->applications, out);
    else if (strcmp(line, "top-talkers") == 0)
        ask_top(a, out);
    else if (strncmp(line, flows, strlen(flows)) == 0)
        ask_flows(a, line + strlen(flows), out);
    else if (strncmp(line, clear, strlen(clear)) == 0)
        ask_clear(a, line + strlen(clear), out);
    else
        return false;
    return true;
}
