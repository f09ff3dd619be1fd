#include "collect/lists.h"

#include "collect/put.h"
#include "collect/put_health.h"
#include "collect/quirk_list.h"
#include "flow/element.h"

#include <stdio.h>
#include <string.h>

enum { LISTS_BYTES = CTL_ANSWER_MAX / 4 * 3 };

/* Rules that hold for it. */
static void put_quirks_of(const struct snapshot *from, const struct exporter *x, struct json *j)
{
    json_key(j, "quirks");
    json_open(j, '[');
    for (size_t i = 0; i < from->quirks.n && x->quirk_records; i++) {
        if (x->quirk_records[i] == 0)
            continue;
        json_open(j, '{');
        put_text(j, "quirk", from->quirks.v[i].name);
        put_number(j, "records", x->quirk_records[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* Who it is, and how that is known. */
static void put_identity(const struct exporter *x, struct json *j)
{
    char text[ADDR_TEXT];

    if (*x->name)
        put_text(j, "name", x->name);
    put_text(j, "identity_from", x->identity.known ? "element" : "address");
    if (!x->identity.known)
        return;
    (void)addr_print(&x->identity.addr, text);
    put_text(j, "identity", text);
    if (*x->identity.name)
        put_text(j, "identity_name", x->identity.name);
    json_key(j, "speaks_for_several");
    json_bool(j, x->identity.several);
}

static void put_sender(const struct snapshot *from, size_t i, struct json *j)
{
    const struct exporter *x = &from->senders[i];
    const struct sequence *s = &x->sequence;

    put_exporter(j, &x->key);
    put_identity(x, j);
    if (x->key.session != 0)
        put_number(j, "tcp_session", x->key.session);
    put_number(j, "datagrams", x->datagrams);
    put_number(j, "flows", x->flows);
    put_number(j, "options", x->options);
    put_time(j, "first_ms", x->first_ms);
    put_time(j, "last_ms", x->last_ms);
    put_time(j, "clock_ahead_ms", x->export_ms - x->last_ms);
    json_key(j, "boot_ms");
    if (x->boot_ms == INT64_MIN)
        json_null(j);
    else
        json_i64(j, x->boot_ms);
    put_text(j, "unit", sequence_unit(x->key.version));
    put_number(j, "lost", s->lost);
    put_number(j, "gaps", s->gaps);
    put_number(j, "late", s->late);
    put_number(j, "duplicates", s->duplicates);
    put_number(j, "behind", s->behinds);
    put_number(j, "restarts", s->restarts);
    json_key(j, "counts_itself");
    json_bool(j, s->inclusive);
    put_quirks_of(from, x, j);
}

static void put_suspicions(const struct suspect *s, struct json *j)
{
    bool turned = suspect_is(s, SUSPECT_RATE);

    put_number(j, "v8_in_seconds", suspect_is(s, SUSPECT_SECONDS) ? s->seconds : 0);
    put_number(j, "v8_masks_swapped", suspect_is(s, SUSPECT_MASKS) ? s->masks : 0);
    json_key(j, "rate_suspected");
    json_f64(j, turned ? s->rate : 0);
    json_key(j, "rate_if_swapped");
    json_f64(j, turned ? rates_swapped(s->rate) : 0);
}

/* What is noted of it beside, for `weir doctor`. */
static void put_examined(const struct snapshot *from, size_t i, struct json *j)
{
    const struct exporter *x = &from->senders[i];

    put_sender(from, i, j);
    put_number(j, "lost_before", x->lost_before);
    put_time(j, "gap_ms", x->gap_ms);
    put_time(j, "restarted_ms", x->restarted_ms);
    json_key(j, "forced_rate");
    json_f64(j, x->forced_rate);
    put_suspicions(&x->suspect, j);
    put_health(j, &x->health);
}

static void put_waiting(const struct snapshot *from, size_t i, struct json *j)
{
    const struct snapshot_waiting *x = &from->waiting[i];

    put_address(j, "exporter", &x->key.addr, x->key.port);
    put_number(j, "version", x->key.version);
    put_number(j, "domain", x->key.domain);
    put_number(j, "template", x->key.id);
    put_time(j, "since_ms", x->since_ms);
    put_number(j, "sets", x->sets);
    put_number(j, "bytes", x->bytes);
}

/* --- templates --- */

static void put_field(enum space space, const struct layout_field *f, struct json *j)
{
    const struct element *e = element_find(space, f);
    char number[24];

    json_open(j, '{');
    (void)snprintf(number, sizeof number, "%u/%u", f->enterprise, f->number);
    put_text(j, "element", number);
    json_key(j, "name");
    if (e)
        json_text(j, field_table[e->field].name);
    else
        json_null(j);
    json_key(j, "length");
    if (f->len == LAYOUT_VARLEN)
        json_null(j);
    else
        json_u64(j, f->len);
    if (f->scope) {
        json_key(j, "scope");
        json_bool(j, true);
    }
    json_close(j, '}');
}

static void put_template(const struct snapshot *from, size_t i, struct json *j)
{
    const struct snapshot_template *t = &from->templates[i];

    put_address(j, "exporter", &t->key.addr, t->key.port);
    put_number(j, "version", t->key.version);
    put_number(j, "domain", t->key.domain);
    if (t->key.session != 0)
        put_number(j, "tcp_session", t->key.session);
    put_number(j, "template", t->key.id);
    json_key(j, "options");
    json_bool(j, t->options);
    put_time(j, "refreshed_ms", t->refreshed_ms);
    put_time(j, "interval_ms", t->interval_ms);
    put_number(j, "changes", t->changes);
    put_number(j, "returns", t->returns);
    put_number(j, "records", t->records);
    json_key(j, "fields");
    json_open(j, '[');
    for (size_t k = 0; k < t->n; k++)
        put_field(t->space, &from->fields[t->at + k], j);
    json_close(j, ']');
}

/* --- samplers --- */

static void put_sampler(const struct snapshot *from, size_t i, struct json *j)
{
    const struct rate *r = &from->samplers[i];
    char text[ADDR_TEXT];

    (void)addr_print(&r->key.addr, text);
    put_text(j, "exporter", text);
    put_number(j, "domain", r->key.domain);
    if (r->key.what == RATE_SAMPLER)
        put_number(j, "sampler", r->key.sampler);
    if (r->key.what == RATE_INTERFACE)
        put_number(j, "interface", r->key.sampler);
    json_key(j, "rate");
    if (r->one_in >= 1)
        json_f64(j, r->one_in);
    else
        json_null(j);
    if (rates_swapped(r->one_in) >= 1) {
        json_key(j, "rate_if_swapped");
        json_f64(j, rates_swapped(r->one_in));
    }
    put_number(j, "changes", r->changes);
    put_number(j, "returns", r->returns);
    if (r->changes > 0) {
        json_key(j, "before");
        json_f64(j, r->before);
    }
    put_time(j, "since_ms", r->since_ms);
    put_time(j, "heard_ms", r->heard_ms);
}

/* --- names --- */

static void put_words(struct json *j, const char *key, const uint8_t *s, size_t n)
{
    json_key(j, key);
    if (n > 0)
        json_textn(j, s, n);
    else
        json_null(j);
}

static void put_name(const struct snapshot *from, size_t i, struct json *j)
{
    const struct snapshot_name *x = &from->names[i];
    char text[ADDR_TEXT];

    (void)addr_print(&x->key.addr, text);
    put_text(j, "exporter", text);
    put_number(j, "domain", x->key.domain);
    put_text(j, "kind", name_kinds[x->key.kind]);
    if (x->key.kind == NAME_APPLICATION)
        put_number(j, "engine", x->key.engine);
    put_number(j, "number", x->key.id);
    put_words(j, "name", x->name, x->name_len);
    put_words(j, "description", x->description, x->description_len);
    put_time(j, "since_ms", x->since_ms);
    json_key(j, "until_ms");
    if (x->until_ms == INT64_MAX)
        json_null(j);
    else
        json_i64(j, x->until_ms);
    put_time(j, "heard_ms", x->heard_ms);
}

/* --- the lists --- */

static const struct {
    const char *name;
    void (*put)(const struct snapshot *from, size_t i, struct json *j);
} lists[] = {
    [SNAPSHOT_SENDERS] = {"senders", put_sender},
    [SNAPSHOT_TEMPLATES] = {"templates", put_template},
    [SNAPSHOT_SAMPLERS] = {"samplers", put_sampler},
    [SNAPSHOT_INTERFACES] = {"interfaces", put_name},
    [SNAPSHOT_NAMES] = {"names", put_name},
    [SNAPSHOT_HEALTH] = {"health", put_examined},
    [SNAPSHOT_WAITING] = {"waiting", put_waiting},
};

/* Returns how many were left off. */
static size_t put_snapshot(const struct snapshot *s, enum snapshot_what what, unsigned worker,
                           struct json *j)
{
    size_t n = 0;

    for (; n < s->n && j->out->len < LISTS_BYTES; n++) {
        json_open(j, '{');
        lists[what].put(s, n, j);
        put_number(j, "worker", worker);
        json_close(j, '}');
    }
    return s->n_all - n;
}

static void put_list(struct collect *c, enum snapshot_what what, struct json *j)
{
    size_t left_off = 0;
    uint64_t silent = 0;

    for (unsigned w = 0; w < c->workers; w++)
        receiver_ask(&c->receiver[w], what);
    json_key(j, lists[what].name);
    json_open(j, '[');
    for (unsigned w = 0; w < c->workers; w++) {
        struct snapshot s;
        bool answers = receiver_get(&c->receiver[w], &s) && s.what == what;
        silent += !answers;
        if (answers)
            left_off += put_snapshot(&s, what, w, j);
        snapshot_free(&s);
    }
    json_close(j, ']');
    put_number(j, "left_off", left_off);
    put_number(j, "workers_without_answer", silent);
}

bool lists_put(struct collect *c, const char *name, struct json *j)
{
    if (strcmp(name, "quirks") == 0) {
        quirk_list_put(c, j);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (strcmp(lists[i].name, name) != 0)
            continue;
        put_list(c, (enum snapshot_what)i, j);
        return true;
    }
    return false;
}
