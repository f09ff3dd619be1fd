#include "collect/snapshot.h"

#include "base/mem.h"
#include "flow/held.h"

#include <stdlib.h>
#include <string.h>

static size_t room_for(size_t n) { return n < SNAPSHOT_MAX ? n : (size_t)SNAPSHOT_MAX; }

static void take_list(struct snapshot *s, const struct exporter_list *from)
{
    for (const struct exporter *x = from->newest; x && s->n < SNAPSHOT_MAX; x = x->older) {
        struct exporter *to = &s->senders[s->n++];
        *to = *x;
        if (!x->quirk_records)
            continue;
        to->quirk_records = mem_new(s->quirks.n, sizeof *to->quirk_records);
        memcpy(to->quirk_records, x->quirk_records, s->quirks.n * sizeof *to->quirk_records);
    }
}

static void take_senders(struct snapshot *s, const struct exporters *e)
{
    s->n_all = e->map.n;
    s->senders = mem_new(room_for(e->map.n) + 1, sizeof *s->senders);
    if (!quirks_copy(&s->quirks, &e->quirks))
        return;
    memcpy(s->quirk_records, e->quirk_records, sizeof s->quirk_records);
    take_list(s, &e->settled);
    take_list(s, &e->newcomers);
}

/* Those of known senders first. */
static const struct template *newest_before(const struct templates *t, const struct template *x)
{
    return x->older || !x->known ? x->older : t->strangers.newest;
}

static void take_templates(struct snapshot *s, const struct templates *t)
{
    size_t room = t->n_fields < SNAPSHOT_FIELDS_MAX ? t->n_fields : (size_t)SNAPSHOT_FIELDS_MAX;
    size_t at = 0;

    s->n_all = t->by_key.n;
    s->templates = mem_new(room_for(s->n_all) + 1, sizeof *s->templates);
    s->fields = mem_new(room + 1, sizeof *s->fields);
    for (const struct template *x = t->known.newest ? t->known.newest : t->strangers.newest;
         x && s->n < SNAPSHOT_MAX; x = newest_before(t, x)) {
        const struct layout *l = plan_layout(x->plan);
        if (l->n > room - at)
            continue;
        s->templates[s->n++] = (struct snapshot_template){.key = x->key,
                                                          .refreshed_ms = x->refreshed_ms,
                                                          .interval_ms = x->interval_ms,
                                                          .changes = x->changes,
                                                          .returns = x->returns,
                                                          .records = x->records,
                                                          .space = l->space,
                                                          .options = l->options,
                                                          .at = at,
                                                          .n = l->n};
        memcpy(s->fields + at, l->fields, l->n * sizeof *s->fields);
        at += l->n;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct rate *x = a;
    const struct rate *y = b;
    int addrs = memcmp(&x->key.addr, &y->key.addr, sizeof x->key.addr);

    if (addrs)
        return addrs;
    if (x->key.domain != y->key.domain)
        return x->key.domain < y->key.domain ? -1 : 1;
    if (x->key.what != y->key.what)
        return x->key.what < y->key.what ? -1 : 1;
    return (x->key.sampler > y->key.sampler) - (x->key.sampler < y->key.sampler);
}

static void take_rates(struct snapshot *s, const struct map *m)
{
    const struct rate *x;

    for (size_t at = 0; (x = map_next(m, &at));) {
        if (x->key.what == RATE_DOMAIN && x->one_in < 1)
            continue;
        s->n_all++;
        if (s->n < SNAPSHOT_MAX)
            s->samplers[s->n++] = *x;
    }
}

static void take_samplers(struct snapshot *s, const struct rates *r)
{
    s->samplers = mem_new(room_for(r->domains.n + r->map.n) + 1, sizeof *s->samplers);
    take_rates(s, &r->domains);
    take_rates(s, &r->map);
    qsort(s->samplers, s->n, sizeof *s->samplers, by_key);
}

/* --- names --- */

static int by_name(const void *a, const void *b)
{
    const struct snapshot_name *x = a;
    const struct snapshot_name *y = b;
    int addrs = memcmp(&x->key.addr, &y->key.addr, sizeof x->key.addr);

    if (addrs)
        return addrs;
    if (x->key.domain != y->key.domain)
        return x->key.domain < y->key.domain ? -1 : 1;
    if (x->key.kind != y->key.kind)
        return x->key.kind < y->key.kind ? -1 : 1;
    if (x->key.engine != y->key.engine)
        return x->key.engine < y->key.engine ? -1 : 1;
    if (x->key.id != y->key.id)
        return x->key.id < y->key.id ? -1 : 1;
    return (x->since_ms > y->since_ms) - (x->since_ms < y->since_ms);
}

static void take_versions(struct snapshot *s, const struct name *x)
{
    int64_t until_ms = INT64_MAX;

    for (const struct name_version *v = x->now; v; v = v->before) {
        struct name_said said = name_version_said(v);
        s->n_all++;
        if (s->n == SNAPSHOT_MAX)
            continue;
        struct snapshot_name *to = &s->names[s->n++];
        *to = (struct snapshot_name){.key = x->key,
                                     .since_ms = v->since_ms,
                                     .until_ms = until_ms,
                                     .heard_ms = x->heard_ms,
                                     .name_len = said.name_len,
                                     .description_len = said.description_len};
        memcpy(to->name, said.name, said.name_len);
        memcpy(to->description, said.description, said.description_len);
        until_ms = v->since_ms;
    }
}

static void take_names(struct snapshot *s, const struct naming *n, bool interfaces)
{
    const struct name *x;

    s->names = mem_new(room_for(n->map.n * NAME_VERSIONS) + 1, sizeof *s->names);
    for (size_t at = 0; (x = map_next(&n->map, &at));)
        if (!interfaces || x->key.kind == NAME_INTERFACE)
            take_versions(s, x);
    qsort(s->names, s->n, sizeof *s->names, by_name);
}

/* --- what waits --- */

/* Sets of one template stand together in their queue, but for those of other sessions. */
static void take_waiting(struct snapshot *s, const struct held *h)
{
    s->waiting = mem_new(room_for(h->queues.n) + 1, sizeof *s->waiting);
    for (const struct held_set *x = NULL; (x = held_next(h, x));) {
        if (x->queue_before)
            continue;
        s->n_all++;
        if (s->n == SNAPSHOT_MAX)
            continue;
        struct snapshot_waiting *to = &s->waiting[s->n++];
        *to = (struct snapshot_waiting){.key = x->key, .since_ms = x->received_ms};
        for (const struct held_set *y = x; y; y = y->queue_next) {
            to->sets++;
            to->bytes += y->len;
        }
    }
}

struct snapshot snapshot_of(struct decoder *d, enum snapshot_what what)
{
    struct snapshot s = {.what = what};

    switch (what) {
    case SNAPSHOT_WAITING:
        take_waiting(&s, decoder_held(d));
        break;
    case SNAPSHOT_SENDERS:
    case SNAPSHOT_QUIRKS:
    case SNAPSHOT_HEALTH:
        take_senders(&s, decoder_exporters(d));
        break;
    case SNAPSHOT_TEMPLATES:
        take_templates(&s, decoder_templates(d));
        break;
    case SNAPSHOT_SAMPLERS:
        take_samplers(&s, decoder_rates(d));
        break;
    case SNAPSHOT_INTERFACES:
    case SNAPSHOT_NAMES:
        take_names(&s, decoder_names(d), what == SNAPSHOT_INTERFACES);
        break;
    }
    return s;
}

void snapshot_free(struct snapshot *s)
{
    for (size_t i = 0; s->senders && i < s->n; i++)
        free(s->senders[i].quirk_records);
    quirks_free(&s->quirks);
    free(s->senders);
    free(s->templates);
    free(s->samplers);
    free(s->names);
    free(s->waiting);
    free(s->fields);
    *s = (struct snapshot){0};
}
