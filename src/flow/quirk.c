#include "flow/quirk.h"

#include "base/attr.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- the list --- */

struct quirk *quirks_find(const struct quirks *q, const char *name, size_t len)
{
    for (size_t i = 0; i < q->n; i++)
        if (strlen(q->v[i].name) == len && memcmp(q->v[i].name, name, len) == 0)
            return &q->v[i];
    return NULL;
}

struct quirk *quirks_new(struct quirks *q, const char *name, size_t len)
{
    struct quirk *r = quirks_find(q, name, len);

    if (len >= QUIRK_NAME_MAX)
        return NULL;
    if (r) {
        free(r->prefix);
    } else {
        struct quirk *v = q->n < QUIRKS_MAX ? realloc(q->v, (q->n + 1) * sizeof *v) : NULL;
        if (!v)
            return NULL;
        q->v = v;
        r = &v[q->n++];
    }
    *r = (struct quirk){.name = ""};
    memcpy(r->name, name, len);
    return r;
}

void quirks_remove(struct quirks *q, struct quirk *which)
{
    size_t at = (size_t)(which - q->v);

    free(which->prefix);
    memmove(which, which + 1, (q->n - at - 1) * sizeof *which);
    q->n--;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
    return a->bits == b->bits && addr_eq(&a->addr, &b->addr);
}

bool quirk_add_prefix(struct quirk *r, const struct prefix *p)
{
    for (size_t i = 0; i < r->n_prefixes; i++)
        if (same_prefix(&r->prefix[i], p))
            return true;
    struct prefix *v =
        r->n_prefixes < QUIRK_PREFIXES ? realloc(r->prefix, (r->n_prefixes + 1) * sizeof *v) : NULL;
    if (!v)
        return false;
    r->prefix = v;
    v[r->n_prefixes++] = *p;
    return true;
}

void quirk_remove_prefix(struct quirk *r, const struct prefix *p)
{
    for (size_t i = 0; i < r->n_prefixes; i++)
        if (same_prefix(&r->prefix[i], p))
            r->prefix[i--] = r->prefix[--r->n_prefixes];
}

void quirks_free(struct quirks *q)
{
    for (size_t i = 0; i < q->n; i++)
        free(q->v[i].prefix);
    free(q->v);
    *q = (struct quirks){0};
}

bool quirks_copy(struct quirks *to, const struct quirks *from)
{
    struct quirks copy = {.v = from->n > 0 ? malloc(from->n * sizeof *copy.v) : NULL};
    bool ok = from->n == 0 || copy.v;

    for (size_t i = 0; i < from->n && ok; i++) {
        const struct quirk *r = &from->v[i];
        size_t size = r->n_prefixes * sizeof *r->prefix;
        struct prefix *prefix = size > 0 ? malloc(size) : NULL;
        ok = size == 0 || prefix;
        if (!ok)
            break;
        if (prefix)
            memcpy(prefix, r->prefix, size);
        copy.v[i] = *r;
        copy.v[i].prefix = prefix;
        copy.n = i + 1;
    }
    if (ok) {
        quirks_free(to);
        *to = copy;
    } else {
        quirks_free(&copy);
    }
    return ok;
}

static bool same_element(const struct quirk_element *a, const struct quirk_element *b)
{
    return a->enterprise == b->enterprise && a->number == b->number;
}

static bool same_quirk(const struct quirk *a, const struct quirk *b)
{
    bool same = strcmp(a->name, b->name) == 0 && strcmp(a->text, b->text) == 0 &&
                a->confirmed == b->confirmed && a->n_matches == b->n_matches &&
                a->n_actions == b->n_actions && a->n_prefixes == b->n_prefixes;

    for (size_t i = 0; same && i < a->n_matches; i++)
        same = a->match[i].test == b->match[i].test && a->match[i].n == b->match[i].n &&
               a->match[i].len == b->match[i].len &&
               same_element(&a->match[i].element, &b->match[i].element);
    for (size_t i = 0; same && i < a->n_actions; i++)
        same = a->action[i].verb == b->action[i].verb && a->action[i].n == b->action[i].n &&
               same_element(&a->action[i].element, &b->action[i].element);
    for (size_t i = 0; same && i < a->n_prefixes; i++)
        same = same_prefix(&a->prefix[i], &b->prefix[i]);
    return same;
}

bool quirks_same(const struct quirks *a, const struct quirks *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; i < a->n && same; i++)
        same = same_quirk(&a->v[i], &b->v[i]);
    return same;
}

const struct quirk *quirks_to_confirm(const struct quirks *q, enum quirk_verb verb, uint16_t n)
{
    for (size_t i = 0; i < q->n; i++)
        for (size_t k = 0; k < q->v[i].n_actions && q->v[i].confirmed; k++)
            if (q->v[i].action[k].verb == verb && (n == 0 || q->v[i].action[k].n == n))
                return &q->v[i];
    return NULL;
}

/* --- whom it is for --- */

static bool is_for(const struct quirk *r, const struct addr *who)
{
    for (size_t i = 0; i < r->n_prefixes; i++)
        if (prefix_has(&r->prefix[i], who))
            return true;
    return r->n_prefixes == 0 && !r->confirmed;
}

static bool has_element(const struct layout *l, const struct quirk_match *m)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->fields[i].number == m->element.number &&
            l->fields[i].enterprise == m->element.enterprise &&
            (m->len == 0 || l->fields[i].len == m->len))
            return true;
    return false;
}

static bool has_enterprise(const struct layout *l, uint32_t enterprise)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->fields[i].enterprise == enterprise)
            return true;
    return false;
}

/* Of one kind of test, any; where there is none of it, all will do. */
static bool fits_any(const struct quirk *r, enum quirk_test test, uint16_t version, uint8_t scheme,
                     const struct layout *l)
{
    bool asked = false;

    for (size_t i = 0; i < r->n_matches; i++) {
        const struct quirk_match *m = &r->match[i];
        if (m->test != test)
            continue;
        asked = true;
        if ((test == QUIRK_VERSION && m->n == version) ||
            (test == QUIRK_SCHEME && m->n == scheme) ||
            (test == QUIRK_ENTERPRISE && has_enterprise(l, m->n)))
            return true;
    }
    return !asked;
}

static bool fits(const struct quirk *r, uint16_t version, uint8_t scheme, const struct layout *l)
{
    if (!fits_any(r, QUIRK_VERSION, version, scheme, l) ||
        !fits_any(r, QUIRK_SCHEME, version, scheme, l) ||
        !fits_any(r, QUIRK_ENTERPRISE, version, scheme, l))
        return false;
    for (size_t i = 0; i < r->n_matches; i++) {
        const struct quirk_match *m = &r->match[i];
        if ((m->test == QUIRK_HAS && !has_element(l, m)) ||
            (m->test == QUIRK_LACKS && has_element(l, m)))
            return false;
    }
    return true;
}

bool quirks_choose(const struct quirks *q, const struct addr *who, uint16_t version, uint8_t scheme,
                   const struct layout *layout, struct quirk_choice *out)
{
    out->quirks = q;
    out->n = 0;
    for (size_t i = 0; i < q->n; i++)
        if (is_for(&q->v[i], who) && fits(&q->v[i], version, scheme, layout))
            out->rule[out->n++] = (uint8_t)i;
    return out->n > 0;
}

/* --- text --- */

static const char *const units[] = {[QUIRK_UNIT_OWN] = "",
                                    [QUIRK_SECONDS] = "seconds",
                                    [QUIRK_MILLISECONDS] = "milliseconds",
                                    [QUIRK_MICROSECONDS] = "microseconds",
                                    [QUIRK_NANOSECONDS] = "nanoseconds"};

static void put_element(struct buf *out, const struct quirk_element *e)
{
    if (e->enterprise != 0)
        buf_printf(out, "%" PRIu32 "/", e->enterprise);
    buf_printf(out, "%u", e->number);
}

static void print_match(const struct quirk_match *m, struct buf *out)
{
    static const char *const words[] = {[QUIRK_VERSION] = "version",
                                        [QUIRK_SCHEME] = "scheme",
                                        [QUIRK_ENTERPRISE] = "enterprise",
                                        [QUIRK_HAS] = "has",
                                        [QUIRK_LACKS] = "lacks"};

    buf_printf(out, " match %s ", words[m->test]);
    if (m->test == QUIRK_HAS || m->test == QUIRK_LACKS)
        put_element(out, &m->element);
    else
        buf_printf(out, "%" PRIu32, m->n);
    if (m->len > 0)
        buf_printf(out, " length %u", m->len);
    buf_text(out, "\n");
}

static void print_action(const struct quirk_action *a, struct buf *out)
{
    buf_text(out, " action ");
    switch (a->verb) {
    case QUIRK_TIMES:
        buf_printf(out, "times %s", units[a->n]);
        break;
    case QUIRK_LITTLE:
        buf_text(out, "byte-order ");
        put_element(out, &a->element);
        buf_text(out, " little");
        break;
    case QUIRK_MASKS:
        buf_text(out, "masks swapped");
        break;
    case QUIRK_IGNORE:
        buf_text(out, "ignore ");
        put_element(out, &a->element);
        break;
    case QUIRK_MEANS:
        buf_text(out, "element ");
        put_element(out, &a->element);
        buf_printf(out, " means %s", field_table[a->n].name);
        break;
    case QUIRK_AT:
        buf_text(out, "element ");
        put_element(out, &a->element);
        buf_printf(out, " at %u", a->n);
        break;
    case QUIRK_DELTA:
    case QUIRK_TOTAL:
        buf_printf(out, "bytes %s", a->verb == QUIRK_DELTA ? "delta" : "total");
        break;
    case QUIRK_SAMPLING:
        buf_text(out, "sampling ignore");
        break;
    case QUIRK_VERBS:
        break;
    }
    buf_text(out, "\n");
}

void quirk_print(const struct quirk *r, struct buf *out)
{
    char text[PREFIX_TEXT];

    buf_printf(out, "quirk %s\n", r->name);
    if (*r->text)
        buf_printf(out, " description %s\n", r->text);
    if (r->confirmed)
        buf_text(out, " match confirmed\n");
    for (size_t i = 0; i < r->n_prefixes; i++) {
        (void)prefix_print(&r->prefix[i], text);
        buf_printf(out, " match sender %s\n", text);
    }
    for (size_t i = 0; i < r->n_matches; i++)
        print_match(&r->match[i], out);
    for (size_t i = 0; i < r->n_actions; i++)
        print_action(&r->action[i], out);
}

/* --- the same for people --- */

static void say_match(const struct quirk *r, enum quirk_test test, struct buf *out)
{
    static const char *const words[] = {[QUIRK_VERSION] = "of version ",
                                        [QUIRK_SCHEME] = "of v8's scheme ",
                                        [QUIRK_ENTERPRISE] = "with elements of enterprise ",
                                        [QUIRK_HAS] = "with element ",
                                        [QUIRK_LACKS] = "without element "};
    bool all = test == QUIRK_HAS || test == QUIRK_LACKS;
    bool first = true;

    for (size_t i = 0; i < r->n_matches; i++) {
        const struct quirk_match *m = &r->match[i];
        if (m->test != test)
            continue;
        buf_text(out, first ? words[test] : all ? " and " : " or ");
        if (all)
            put_element(out, &m->element);
        else
            buf_printf(out, "%" PRIu32, m->n);
        if (m->len > 0)
            buf_printf(out, " of %u octets", m->len);
        first = false;
    }
    if (!first)
        buf_text(out, ", ");
}

static void say_action(const struct quirk_action *a, struct buf *out)
{
    switch (a->verb) {
    case QUIRK_TIMES:
        buf_printf(out, "times are in %s", units[a->n]);
        break;
    case QUIRK_LITTLE:
        buf_text(out, "the octets of element ");
        put_element(out, &a->element);
        buf_text(out, " stand last first");
        break;
    case QUIRK_MASKS:
        buf_text(out, "the masks of source and destination have changed places");
        break;
    case QUIRK_IGNORE:
        buf_text(out, "element ");
        put_element(out, &a->element);
        buf_text(out, " means nothing (it is kept in extra)");
        break;
    case QUIRK_MEANS:
        buf_text(out, "element ");
        put_element(out, &a->element);
        buf_printf(out, " means %s", field_table[a->n].name);
        break;
    case QUIRK_AT:
        buf_text(out, "element ");
        put_element(out, &a->element);
        buf_printf(out, " begins at octet %u of the record", a->n);
        break;
    case QUIRK_DELTA:
        buf_text(out, "counters called totals are what came since the last record");
        break;
    case QUIRK_TOTAL:
        buf_text(out, "counters are totals since the flow began, and those of updates of "
                      "firewalls do not count");
        break;
    case QUIRK_SAMPLING:
        buf_text(out, "what options data and headers say of sampling is not believed");
        break;
    case QUIRK_VERBS:
        break;
    }
}

static void say_senders(const struct quirk *r, struct buf *out)
{
    char text[PREFIX_TEXT];

    if (r->n_prefixes == 0) {
        buf_text(out, r->confirmed ? "for nobody until it is confirmed, " : "for every sender, ");
        return;
    }
    for (size_t i = 0; i < r->n_prefixes; i++) {
        (void)prefix_print(&r->prefix[i], text);
        buf_printf(out, "%s%s", i == 0 ? "for " : " or ", text);
    }
    buf_text(out, ", ");
}

void quirk_say(const struct quirk *r, struct buf *out)
{
    static const enum quirk_test order[] = {QUIRK_VERSION, QUIRK_SCHEME, QUIRK_ENTERPRISE,
                                            QUIRK_HAS, QUIRK_LACKS};

    say_senders(r, out);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        say_match(r, order[i], out);
    if (buf_ok(out) && out->len >= 2)
        out->len -= 2; /* the comma */
    for (size_t i = 0; i < r->n_actions; i++) {
        buf_text(out, i == 0 ? ": " : "; ");
        say_action(&r->action[i], out);
    }
}
