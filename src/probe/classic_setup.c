/* What the traditional commands mean: a monitor of the seven keys, and one for each aggregation,
 * which adds up the first one's flows. */
#include "base/attr.h"
#include "probe/classic.h"
#include "probe/fnf_draft.h"
#include "probe/predefined.h"

#include <stdio.h>
#include <string.h>

enum { V8 = 8, SRC_AS = 16, DST_AS = 17, FLOWS = 3, DIRECTION = 61, BGP_NEXT_HOP = 18 };

static bool keeps_as(const struct classic *c)
{
    bool keeps = c->as != CLASSIC_NO_AS || c->bgp_next_hop;

    for (size_t i = 0; i < CLASSIC_SCHEMES; i++)
        keeps = keeps || c->caches[i].enabled;
    return keeps;
}

static bool keeps_next_hop(const struct classic *c)
{
    uint8_t aggregation;
    bool keeps = c->bgp_next_hop;

    for (size_t i = 0; i < CLASSIC_SCHEMES; i++)
        keeps = keeps || (c->caches[i].enabled &&
                          strncmp(classic_scheme(i, &aggregation), "bgp", strlen("bgp")) == 0);
    return keeps;
}

static void add_field(struct setup_record *r, struct setup_field f) { r->fields[r->n++] = f; }

/* What traditional NetFlow tells flows apart by, and what it keeps of them. */
static void put_record(const struct classic *c, struct setup_record *r)
{
    static const struct setup_field usual[] = {{.number = 8, .len = 4, .key = true},
                                               {.number = 12, .len = 4, .key = true},
                                               {.number = 4, .len = 1, .key = true},
                                               {.number = 7, .len = 2, .key = true},
                                               {.number = 11, .len = 2, .key = true},
                                               {.number = 5, .len = 1, .key = true},
                                               {.number = 10, .len = 4, .key = true},
                                               {.number = 14, .len = 4},
                                               {.number = 15, .len = 4},
                                               {.number = 9, .len = 1},
                                               {.number = 13, .len = 1},
                                               {.number = 6, .len = 1},
                                               {.number = 1, .len = 8},
                                               {.number = 2, .len = 8},
                                               {.number = 22, .len = 4},
                                               {.number = 21, .len = 4},
                                               {.number = DIRECTION, .len = 1}};
    uint8_t of = c->as == CLASSIC_PEER_AS ? SETUP_OF_PEERS : SETUP_OF_USUAL;

    (void)snprintf(r->name, sizeof r->name, "traditional");
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        add_field(r, usual[i]);
    if (keeps_as(c)) {
        add_field(r, (struct setup_field){.number = SRC_AS, .len = 4, .of = of});
        add_field(r, (struct setup_field){.number = DST_AS, .len = 4, .of = of});
    }
    if (keeps_next_hop(c))
        add_field(r, (struct setup_field){.number = BGP_NEXT_HOP, .len = 4});
}

/* As the routers' own record of that name; what is added up are flows, and how many is told. */
static void put_aggregation(struct fnf_build *b, const char *scheme, struct setup_record *r)
{
    char name[SETUP_NAME];
    struct setup_record own;
    struct err why;

    (void)snprintf(name, sizeof name, "netflow ipv4 %s", scheme);
    if (predefined_read(name, &own, &why) != 0) {
        fnf_wrong(b, b->f->classic.line, 1, "%s", why.text);
        return;
    }
    (void)snprintf(r->name, sizeof r->name, "%s", scheme);
    for (size_t i = 0; i < own.n; i++) {
        struct setup_field f = own.fields[i];
        if (f.number == DIRECTION)
            continue;
        if (f.number == SRC_AS || f.number == DST_AS)
            f.of = b->f->classic.as == CLASSIC_PEER_AS ? SETUP_OF_PEERS : SETUP_OF_USUAL;
        else if (f.number == 21 || f.number == 22)
            f.of = SETUP_OF_FLOWS;
        add_field(r, f);
    }
    add_field(r, (struct setup_field){.number = FLOWS, .len = 4, .of = SETUP_OF_FLOWS});
}

static void put_exporter(struct fnf_build *b, const struct classic_to *to,
                         const struct classic_export *x, uint8_t aggregation, const char *scheme)
{
    const struct classic *c = &b->f->classic;
    struct setup_exporter *e = &b->out.exporters[b->out.n_exporters++];

    *e = setup_exporter_default();
    (void)snprintf(e->name, sizeof e->name, "%s%s%.*s", scheme, *scheme ? " " : "",
                   ADDR_PORT_TEXT - 1, to->name.s);
    e->to = to->to;
    e->port = to->port;
    e->version = to->version ? to->version : x->version;
    e->aggregation = e->version == V8 ? aggregation : 0;
    e->template_packets = x->template_packets;
    e->template_s = x->template_s;
    memcpy(e->vrf, to->vrf, sizeof e->vrf);
    for (int i = 0; i < SETUP_OPTIONS; i++)
        e->option_s[i] = c->options[i] && e->version >= 9 ? c->options_s : 0;
    fnf_find_source(b, &c->source, true, e);
    if (e->version == V8 && aggregation == 0)
        fnf_wrong(b, to->name.line, 1,
                  "NetFlow v8 has no aggregation %s: expected 'export version 9' before it",
                  scheme);
}

/* The monitor of a record that was put; its exporters. */
static int put_monitor(struct fnf_build *b, const struct classic_export *x, uint8_t aggregation,
                       const char *scheme)
{
    struct setup *s = &b->out;
    int number = (int)s->n_monitors++;
    struct setup_monitor *m = &s->monitors[number];

    *m = x->m;
    m->record = (int)s->n_records++;
    setup_monitor_fill(m);
    (void)snprintf(m->name, sizeof m->name, *scheme ? "ip flow aggregation %s" : "ip flow%s",
                   scheme);
    for (size_t i = 0; i < x->n_to; i++) {
        m->exporters[m->n_exporters++] = (int)s->n_exporters;
        put_exporter(b, &x->to[i], x, aggregation, scheme);
    }
    return number;
}

static void put_places(struct fnf_build *b, int sampler)
{
    const struct classic *c = &b->f->classic;

    for (size_t i = 0; i < c->n_places; i++) {
        const struct classic_place *draft = &c->places[i];
        struct setup_place *p = &b->out.places[b->out.n_places++];
        *p = (struct setup_place){.monitor = b->out.traditional,
                                  .sampler = sampler,
                                  .output = draft->output,
                                  .family = 4};
        fnf_find_device(b, &draft->interface, p->dev);
        if (draft->sampled && sampler == SETUP_NONE)
            fnf_wrong(b, draft->sampled, 1,
                      "expected 'ip flow-sampling-mode packet-interval N', which says how many");
    }
}

static int put_sampler(struct fnf_build *b)
{
    struct setup *s = &b->out;

    if (b->f->classic.sampling == 0)
        return SETUP_NONE;
    s->samplers[s->n_samplers] =
        (struct setup_sampler){.name = "ip flow-sampling-mode", .rate = b->f->classic.sampling};
    return (int)s->n_samplers++;
}

void classic_build(struct fnf_build *b)
{
    const struct classic *c = &b->f->classic;

    if (c->line == 0)
        return;
    put_record(c, &b->out.records[b->out.n_records]);
    b->out.traditional = put_monitor(b, &c->out, 0, "");
    b->out.monitors[b->out.traditional].sizes = true;
    b->out.monitors[b->out.traditional].protocols = true;
    b->out.top = c->top;
    for (size_t i = 0; i < c->top.n_tests; i++)
        if (c->devices[i].line)
            fnf_find_device(b, &c->devices[i], b->out.top.tests[i].dev);
    put_places(b, put_sampler(b));
    for (size_t i = 0; i < CLASSIC_SCHEMES; i++) {
        uint8_t aggregation;
        const char *scheme = classic_scheme(i, &aggregation);
        if (!c->caches[i].enabled)
            continue;
        put_aggregation(b, scheme, &b->out.records[b->out.n_records]);
        int number = put_monitor(b, &c->caches[i].out, aggregation, scheme);
        b->out.monitors[number].of_flows = true;
        b->out.monitors[number].from = b->out.traditional;
    }
}
