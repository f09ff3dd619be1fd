/* Flows of a probe's caches: fetched piece by piece, picked, added up, sorted and printed. */
#include "base/mem.h"
#include "base/text.h"
#include "cli/show_router.h"
#include "net/ctl.h"
#include "probe/ask.h"
#include "probe/regroup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 2 * 65536 + 1, LABEL = 80 };

/* What records consist of, as the answer's first line says. */
struct head {
    struct pick_field fields[SETUP_FIELDS + 1];
    const char *words[SETUP_FIELDS + 1]; /* of the JSON */
    size_t n;
    size_t record_bytes;
};

/* false: it is no such answer. */
static bool read_head(const json_t *j, struct head *out)
{
    const json_t *list = json_object_get(j, "fields");

    out->n = json_array_size(list);
    out->record_bytes = (size_t)number(j, "record_bytes");
    if (out->n == 0 || out->n > SETUP_FIELDS)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        const json_t *f = json_array_get(list, i);
        struct pick_field *own = &out->fields[i];
        *own = (struct pick_field){.enterprise = (uint32_t)number(f, "enterprise"),
                                   .number = (uint16_t)number(f, "number"),
                                   .at = (uint16_t)number(f, "at"),
                                   .len = (uint16_t)number(f, "len"),
                                   .key = json_is_true(json_object_get(f, "key"))};
        out->words[i] = text(f, "words");
        if ((size_t)own->at + own->len > out->record_bytes)
            return false;
    }
    return true;
}

/* Each piece of an answer; false: enough. */
struct sink {
    int (*begin)(struct sink *s, const struct head *head);
    void (*take)(struct sink *s, const uint8_t *records, size_t n);
};

static size_t records_of(const struct head *h, const json_t *j, size_t octets)
{
    size_t n = h->record_bytes ? octets / h->record_bytes : 0;

    return number(j, "records") < n ? (size_t)number(j, "records") : n;
}

static int fail_answer(void)
{
    (void)fprintf(stderr, "weir show: the answer is not one of flows\n");
    return 1;
}

/* "flows 0 0 NAME", and on. *last is the answer's first line of the last piece, the caller's. */
static int fetch(const struct show_router *s, const char *question, const char *monitor,
                 struct sink *sink, json_t **last)
{
    char ask[CTL_LINE_MAX];
    char place[64] = " 0 0 ";
    struct head head;
    int r = 0;

    *last = NULL;
    for (bool more = true, first = true; more && r == 0; first = false) {
        struct buf answer;
        size_t at;
        (void)snprintf(ask, sizeof ask, "%s%s%s", question, monitor ? place : "",
                       monitor ? monitor : "");
        json_t *j = show_ask(s, ask, &answer, &at);
        const char *next = json_string_value(json_object_get(j, "next"));
        more = next != NULL;
        if (next)
            (void)snprintf(place, sizeof place, " %s ", next);
        if (j && first) {
            json_decref(*last);
            *last = json_incref(j); /* the words of its fields are used on */
            if (read_head(j, &head))
                r = sink->begin(sink, &head);
            else
                r = fail_answer();
        }
        if (!j)
            r = 1;
        else if (r == 0)
            sink->take(sink, answer.data + at, records_of(&head, j, answer.len - at));
        json_decref(j);
        buf_free(&answer);
    }
    return r;
}

/* --- values --- */

const char *show_interface(const json_t *setup, uint64_t index, char *out, size_t size)
{
    const json_t *list = json_object_get(setup, "interfaces");

    for (size_t i = 0; i < json_array_size(list) && index != 0; i++)
        if (number(json_array_get(list, i), "index") == index)
            return text(json_array_get(list, i), "name");
    (void)snprintf(out, size, index ? "%" PRIu64 : "-", index);
    return out;
}

static void print_addr(const uint8_t *v, size_t len, char *out, size_t size)
{
    char text[ADDR_TEXT];
    struct addr a = {0};

    if (len == sizeof a.b)
        memcpy(a.b, v, sizeof a.b);
    else
        a = addr_of_v4(v);
    (void)addr_print(&a, text);
    (void)snprintf(out, size, "%s", text);
}

static void print_octets(const uint8_t *v, size_t len, const char *between, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < len && at + 4 < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%02x", i ? between : "", v[i]);
}

/* "13:189 Zoom" */
static void print_application(const json_t *setup, uint64_t v, char *out, size_t size)
{
    enum { SHIFT = 24, SELECTOR = (1 << SHIFT) - 1 };
    const json_t *names = json_object_get(setup, "applications");

    (void)snprintf(out, size, "%" PRIu64 ":%" PRIu64, v >> SHIFT, v & SELECTOR);
    const char *name = json_string_value(json_object_get(names, out));
    if (name)
        (void)snprintf(out + strlen(out), size - strlen(out), " %s", name);
}

/* As text; a name where the machine has one. */
static void print_value(const json_t *setup, const struct pick_field *f, const uint8_t *record,
                        char *out, size_t size)
{
    enum { TOS = 5, TCP_FLAGS = 6 };
    const uint8_t *v = record + f->at;
    char time[TEXT_TIME];
    char name[32];

    switch (ask_form(f)) {
    case ASK_ADDR:
        print_addr(v, f->len, out, size);
        return;
    case ASK_MAC:
        print_octets(v, f->len, ":", out, size);
        return;
    case ASK_INTERFACE:
        (void)snprintf(out, size, "%s",
                       show_interface(setup, pick_load(v, f->len), name, sizeof name));
        return;
    case ASK_APPLICATION:
        print_application(setup, pick_load(v, f->len), out, size);
        return;
    case ASK_TIME:
        (void)text_print_time((int64_t)pick_load(v, f->len), time);
        (void)snprintf(out, size, "%s", time);
        return;
    case ASK_OCTETS:
        print_octets(v, f->len, "", out, size);
        return;
    case ASK_NUMBER:
        break;
    }
    bool hex = f->enterprise == 0 && (f->number == TOS || f->number == TCP_FLAGS);
    (void)snprintf(out, size, hex ? "0x%02" PRIX64 : "%" PRIu64, pick_load(v, f->len));
}

/* --- a cache --- */

struct cache_sink {
    struct sink sink;
    const struct show_router *how;
    const json_t *setup;
    const char *monitor;
    const char *text; /* what is asked */
    struct ask ask;
    struct head from;
    struct regroup *groups; /* NULL: flows as they are */
    struct head head;       /* of what is printed */
    struct pick *pick;      /* which pass; of groups: those that are left */
    struct pick *order;     /* NULL: no need of one */
    uint64_t shown;
};

static void upper(const char *words, char out[static LABEL])
{
    size_t n = 0;

    for (; words[n] && n + 1 < LABEL; n++)
        out[n] = (char)toupper((unsigned char)words[n]);
    out[n] = '\0';
}

static void print_heads(const struct cache_sink *c)
{
    char label[LABEL];

    for (size_t i = 0; i < c->head.n; i++) {
        upper(c->head.words[i], label);
        if (c->ask.format == ASK_CSV)
            (void)printf("%s%s", i ? "," : "", label);
        else
            (void)printf("%s%-*s", i ? "  " : "", (int)strlen(label) > 15 ? 0 : 15, label);
    }
    (void)putchar('\n');
}

static size_t width_of(const char *words) { return strlen(words) > 15 ? strlen(words) : 15; }

static void print_json(struct cache_sink *c, const uint8_t *record, char *value)
{
    json_t *row = json_object();

    for (size_t i = 0; i < c->head.n; i++) {
        const struct pick_field *f = &c->head.fields[i];
        if (ask_form(f) == ASK_NUMBER) {
            uint64_t v = pick_load(record + f->at, f->len);
            json_t *n = v > INT64_MAX ? json_real((double)v) : json_integer((json_int_t)v);
            (void)json_object_set_new(row, c->head.words[i], n);
            continue;
        }
        print_value(c->setup, f, record, value, VALUE);
        (void)json_object_set_new(row, c->head.words[i], json_string(value));
    }
    (void)printf("%s", c->shown ? ",\n" : "");
    (void)json_dumpf(row, stdout, JSON_COMPACT);
    json_decref(row);
}

static void print_record(struct cache_sink *c, const uint8_t *record, char *value)
{
    char label[LABEL];

    for (size_t i = 0; i < c->head.n; i++) {
        const struct pick_field *f = &c->head.fields[i];
        print_value(c->setup, f, record, value, VALUE);
        if (c->ask.format == ASK_CSV) {
            (void)printf("%s%s", i ? "," : "", value);
        } else if (c->ask.format == ASK_TABLE) {
            int width = i + 1 < c->head.n ? (int)width_of(c->head.words[i]) : 0;
            (void)printf("%s%-*s", i ? "  " : "", width, value);
        } else {
            if (f->key)
                upper(c->head.words[i], label);
            else
                (void)snprintf(label, sizeof label, "%s", c->head.words[i]);
            (void)printf("%s:%*s%s\n", label, (int)(strlen(label) < 40 ? 40 - strlen(label) : 1),
                         "", value);
        }
    }
    (void)putchar('\n');
}

static void print_rows(struct cache_sink *c, const uint8_t *records, size_t n)
{
    char *value = mem_new(VALUE, 1);

    for (size_t i = 0; i < n; i++, c->shown++) {
        const uint8_t *record = records + i * c->head.record_bytes;
        if (c->how->as_json)
            print_json(c, record, value);
        else
            print_record(c, record, value);
    }
    free(value);
}

static void take_flows(struct sink *s, const uint8_t *records, size_t n)
{
    struct cache_sink *c = container_of(s, struct cache_sink, sink);
    size_t some;

    pick_offer(c->pick, records, n);
    const uint8_t *passed = pick_rows(c->pick, &some);
    if (c->groups)
        regroup_offer(c->groups, passed, some);
    else if (c->order)
        pick_offer(c->order, passed, some);
    else
        print_rows(c, passed, some);
    pick_reset(c->pick);
}

/* What the groups are called: as the flows' fields were. */
static void set_group_head(struct cache_sink *c)
{
    const struct pick_field *f = regroup_fields(c->groups, &c->head.n);

    c->head.record_bytes = regroup_record_bytes(c->groups);
    for (size_t i = 0; i < c->head.n; i++) {
        size_t of = regroup_field_of(c->groups, i);
        c->head.fields[i] = f[i];
        c->head.words[i] = of < c->from.n ? c->from.words[of] : "counter flows";
    }
}

static int set_order(struct cache_sink *c, struct err *err)
{
    const struct pick_field *of = &c->from.fields[c->ask.by];
    const struct pick_field *by = NULL;

    for (size_t i = 0; i < c->head.n; i++)
        if (c->head.fields[i].number == of->number &&
            c->head.fields[i].enterprise == of->enterprise)
            by = &c->head.fields[i];
    if (!by)
        return err_set(err, ERR_CONFIG, "what is sorted by is dropped by aggregate");
    int r = pick_new(&c->order, c->head.fields, c->head.n, c->head.record_bytes, NULL, 0, err);
    if (r == 0)
        pick_order(c->order, by, c->ask.lowest, c->ask.top);
    return r;
}

static int begin_cache(struct sink *s, const struct head *head)
{
    struct cache_sink *c = container_of(s, struct cache_sink, sink);
    struct err err;

    c->from = c->head = *head;
    int r = ask_read(c->text, c->from.fields, c->from.words, c->from.n, &c->ask, &err);
    if (r == 0 && c->ask.n_group > 0) {
        c->groups = regroup_new(c->from.fields, c->from.n, c->from.record_bytes, c->ask.group,
                                c->ask.n_group);
        set_group_head(c);
    }
    if (r == 0)
        r = pick_new(&c->pick, c->from.fields, c->from.n, c->from.record_bytes, c->ask.tests,
                     c->ask.n_tests, &err);
    if (r == 0 && c->ask.by >= 0)
        r = set_order(c, &err);
    if (r) {
        (void)fprintf(stderr, "weir show: behind 'cache', %s\n", err.text);
        return 2;
    }
    if (c->how->as_json)
        (void)printf("[");
    else if (c->ask.format != ASK_CSV && c->monitor)
        show_fnf_cache(show_named(json_object_get(c->setup, "monitors"), c->monitor));
    if (!c->how->as_json && (c->ask.format == ASK_TABLE || c->ask.format == ASK_CSV))
        print_heads(c);
    return 0;
}

static void end_cache(struct cache_sink *c)
{
    const uint8_t *rows = NULL;
    size_t n = 0;

    if (c->groups)
        rows = regroup_rows(c->groups, &n);
    if (c->groups && c->order) {
        pick_offer(c->order, rows, n);
        n = 0;
    }
    if (c->order)
        rows = pick_rows(c->order, &n);
    print_rows(c, rows, n);
}

int show_flows(const struct show_router *s, const json_t *setup, const char *question,
               const char *monitor, const char *ask)
{
    struct cache_sink *c = mem_new(1, sizeof *c);
    json_t *last;

    c->sink = (struct sink){.begin = begin_cache, .take = take_flows};
    c->how = s;
    c->setup = setup;
    c->text = ask;
    c->monitor = monitor;
    int r = fetch(s, question, monitor, &c->sink, &last);
    if (r == 0)
        end_cache(c);
    if (s->as_json && r == 0)
        (void)printf("]\n");
    json_decref(last);
    regroup_free(c->groups);
    pick_free(c->pick);
    pick_free(c->order);
    free(c);
    return r;
}

/* --- rows of other tables --- */

struct row_sink {
    struct sink sink;
    struct show_rows rows;
    struct head head;
    uint64_t n;
};

uint64_t show_number(const struct show_rows *r, const uint8_t *record, uint16_t element)
{
    const struct pick_field *f = pick_find(r->fields, r->n, 0, element);

    return f ? pick_load(record + f->at, f->len) : 0;
}

const char *show_address(const struct show_rows *r, const uint8_t *record, uint16_t element,
                         char *out, size_t size)
{
    const struct pick_field *f = pick_find(r->fields, r->n, 0, element);

    (void)snprintf(out, size, "0.0.0.0");
    if (f && ask_form(f) == ASK_ADDR)
        print_addr(record + f->at, f->len, out, size);
    return out;
}

static int begin_rows(struct sink *s, const struct head *head)
{
    struct row_sink *r = container_of(s, struct row_sink, sink);

    r->head = *head;
    r->rows.fields = r->head.fields;
    r->rows.n = r->head.n;
    return 0;
}

static void take_rows(struct sink *s, const uint8_t *records, size_t n)
{
    struct row_sink *r = container_of(s, struct row_sink, sink);

    for (size_t i = 0; i < n; i++)
        r->rows.row(&r->rows, records + i * r->head.record_bytes);
    r->n += n;
}

int show_each(const struct show_router *s, const json_t *setup, const char *question,
              const char *monitor, const struct show_rows *table)
{
    struct row_sink r = {.sink = {.begin = begin_rows, .take = take_rows}, .rows = *table};
    json_t *last;

    r.rows.setup = setup;
    int e = fetch(s, question, monitor, &r.sink, &last);
    if (e == 0 && r.rows.end)
        r.rows.end(&r.rows, number(last, "flows"), number(last, "matched"), r.n);
    json_decref(last);
    return e;
}
