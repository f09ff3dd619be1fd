#include "base/text.h"
#include "report/finding.h"
#include "report/member.h"

#include <stdlib.h>
#include <string.h>

/* RFC 6728's templateRefreshTimeout is 600 s by default, and a tenth more is its timer's matter. */
enum { INTERVAL_MS = 660000 };

static bool same_source(const json_t *a, const json_t *b)
{
    return number(a, "version") == number(b, "version") &&
           number(a, "domain") == number(b, "domain");
}

/* Whether a template, or what waits for one, is of the exporter in hand. */
static bool mine(const struct patient *p, const json_t *t)
{
    return same_source(p->x, t) && strcmp(text(p->x, "exporter"), text(t, "exporter")) == 0 &&
           number(p->x, "tcp_session") == number(t, "tcp_session");
}

/* Over TCP templates are sent once. */
static void interval(const struct patient *p, const json_t *list)
{
    int64_t longest = 0;
    uint64_t id = 0;
    size_t n = 0;
    char t[TEXT_SHORT];

    for (size_t i = 0; i < json_array_size(list) && number(p->x, "tcp_session") == 0; i++) {
        const json_t *x = json_array_get(list, i);
        int64_t ms = signed_number(x, "interval_ms");
        int64_t since = signed_number(p->x, "last_ms") - signed_number(x, "refreshed_ms");
        ms = since > ms ? since : ms;
        if (ms <= INTERVAL_MS || number(x, "records") == 0 || !mine(p, x))
            continue;
        n++;
        id = ms > longest ? number(x, "template") : id;
        longest = ms > longest ? ms : longest;
    }
    if (n == 0)
        return;
    (void)text_print_duration(longest, t);
    finding_add(p, SEVERITY_WARNING, ADVICE_TEMPLATE_INTERVAL,
                json_pack("{s:I,s:I,s:I}", "interval_ms", (json_int_t)longest, "template",
                          (json_int_t)id, "templates", (json_int_t)n),
                "%zu of its templates come seldom: %s went by between two of template %" PRIu64, n,
                t, id);
}

static void waiting(const struct patient *p)
{
    const json_t *list = json_object_get(p->facts->answer[DOCTOR_WAITING], "waiting");
    uint64_t held = number(p->x, "held");
    uint64_t still = 0;
    char since[TEXT_SHORT];

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *w = json_array_get(list, i);
        int64_t ms = p->facts->now_ms - signed_number(w, "since_ms");
        if (!mine(p, w))
            continue;
        still += number(w, "sets");
        (void)text_print_duration(ms, since);
        finding_add(p, ms > INTERVAL_MS ? SEVERITY_ERROR : SEVERITY_WARNING, ADVICE_NO_TEMPLATE,
                    json_pack("{s:I,s:I,s:I,s:I}", "template", (json_int_t)number(w, "template"),
                              "sets", (json_int_t)number(w, "sets"), "bytes",
                              (json_int_t)number(w, "bytes"), "since_ms",
                              (json_int_t)signed_number(w, "since_ms")),
                    "waiting for template %" PRIu64 " since %s: %" PRIu64 " data sets held",
                    number(w, "template"), since, number(w, "sets"));
    }
    if (held <= still)
        return;
    uint64_t released = number(p->x, "released");
    uint64_t lost = held > released + still ? held - released - still : 0;
    finding_add(p, lost > 0 ? SEVERITY_ERROR : SEVERITY_NOTE, ADVICE_TEMPLATE_LATE,
                json_pack("{s:I,s:I,s:I}", "held", (json_int_t)held, "released",
                          (json_int_t)released, "lost", (json_int_t)lost),
                "%" PRIu64 " data sets came before their template: %" PRIu64
                " were decoded since, %" PRIu64 " were given up",
                held, released, lost);
}

/* What the fields of a template are called, to show both definitions. */
static json_t *fields_of(const json_t *t)
{
    const json_t *list = json_object_get(t, "fields");
    json_t *out = json_array();

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *f = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(f, "name"));
        json_array_append_new(out, json_string(name ? name : text(f, "element")));
    }
    return out;
}

static void collision(const struct patient *p, const json_t *t)
{
    if (number(t, "returns") == 0)
        return;
    finding_add(p, SEVERITY_WARNING, ADVICE_TEMPLATE_COLLISION,
                json_pack("{s:I,s:I,s:I,s:o}", "template", (json_int_t)number(t, "template"),
                          "changes", (json_int_t)number(t, "changes"), "returns",
                          (json_int_t)number(t, "returns"), "fields", fields_of(t)),
                "template %" PRIu64 " was defined otherwise %" PRIu64 " times, %" PRIu64
                " times as it had been before",
                number(t, "template"), number(t, "changes"), number(t, "returns"));
}

/* The same id of the same source at the same address, from another port, with other fields. */
static const json_t *other_definition(const struct patient *p, const json_t *list, const json_t *t)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *u = json_array_get(list, i);
        if (number(u, "template") == number(t, "template") && same_source(t, u) && !mine(p, u) &&
            patient_has(p, u) &&
            !json_equal(json_object_get(t, "fields"), json_object_get(u, "fields")))
            return u;
    }
    return NULL;
}

/* One finding for all its templates, which mostly are as many. */
static void shared(const struct patient *p, const json_t *list)
{
    const json_t *first = NULL;
    const json_t *other = NULL;
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        const json_t *u = mine(p, t) ? other_definition(p, list, t) : NULL;
        if (!u)
            continue;
        n++;
        first = first ? first : t;
        other = other ? other : u;
    }
    if (n == 0)
        return;
    finding_add(p, SEVERITY_NOTE, ADVICE_TEMPLATE_SHARED,
                json_pack("{s:I,s:I,s:s,s:o,s:o}", "templates", (json_int_t)n, "template",
                          (json_int_t)number(first, "template"), "other", text(other, "exporter"),
                          "fields", fields_of(first), "other_fields", fields_of(other)),
                "%zu of its template ids have other definitions at other ports, %" PRIu64
                " at %s for one",
                n, number(first, "template"), text(other, "exporter"));
}

void rules_of_templates(const struct patient *p)
{
    const json_t *list = json_object_get(p->facts->answer[DOCTOR_TEMPLATES], "templates");

    if (!json_object_get(p->x, "domain"))
        return;
    interval(p, list);
    waiting(p);
    shared(p, list);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (mine(p, json_array_get(list, i)))
            collision(p, json_array_get(list, i));
}
