#include "cli/check_probe.h"

#include "base/text.h"
#include "cli/as_router.h"
#include "probe/origin.h"

#include <stdio.h>

static void print_seconds(uint32_t s)
{
    char text[TEXT_SHORT];

    (void)text_print_duration((int64_t)s * 1000, text);
    (void)fputs(text, stdout);
}

static void print_fields(const struct setup_record *r, bool key, const char *what)
{
    char words[WORDS_TEXT];
    const char *between = what;

    for (size_t i = 0; i < r->n; i++) {
        if (r->fields[i].key != key)
            continue;
        words_print(r, i, words);
        (void)printf("%s%s", between, words);
        between = ", ";
    }
    if (between != what)
        (void)putchar('\n');
}

static void print_exporter(const struct setup_exporter *x)
{
    char to[ADDR_PORT_TEXT];
    char from[ADDR_TEXT];

    (void)addr_port_print(&x->to, x->port, to);
    (void)printf("  to %s: ", x->name);
    if (x->version == 10)
        (void)printf("IPFIX");
    else if (x->aggregation)
        (void)printf("NetFlow v8, scheme %u", x->aggregation);
    else
        (void)printf("NetFlow v%u", x->version);
    (void)printf(", %s %s", x->tcp ? "TCP" : "UDP", to);
    if (x->vrf[0])
        (void)printf(" in VRF %s", x->vrf);
    if (x->via[0])
        (void)printf(" out of %s", x->via);
    if (x->has_source) {
        (void)addr_print(&x->source, from);
        (void)printf(", from %s", from);
    } else if (x->source_if[0]) {
        (void)printf(", from %s's address", x->source_if);
    }
    if (x->packets_above)
        (void)printf(", flows of more than %llu packets", (unsigned long long)x->packets_above);
    if (x->version >= 9) {
        (void)printf("; templates every ");
        print_seconds(x->template_s);
        if (x->template_packets)
            (void)printf(" or %u datagrams", x->template_packets);
    }
    for (size_t i = 0; i < SETUP_OPTIONS; i++) {
        if (x->option_s[i] == 0)
            continue;
        (void)printf(", %s every ", setup_option_names[i]);
        print_seconds(x->option_s[i]);
    }
    (void)putchar('\n');
}

static void print_cache(const struct setup_monitor *m)
{
    if (m->type == CACHE_IMMEDIATE) {
        (void)printf("  each packet is a flow\n");
        return;
    }
    (void)printf("  cache of %u flows; ", m->entries);
    if (m->give_s)
        (void)printf("what has ended goes out every %u s; ", m->give_s);
    if (m->type == CACHE_PERMANENT) {
        (void)printf("they stay, and their totals go out every ");
        print_seconds(m->update_s);
        (void)putchar('\n');
        return;
    }
    (void)printf("out after ");
    print_seconds(m->active_s);
    (void)printf(", or idle for ");
    print_seconds(m->idle_s[CACHE_GENERIC]);
    static const char *const classes[CACHE_CLASSES] = {NULL,  "UDP",       "ICMP",
                                                       "TCP", "TCP's FIN", "TCP's RST"};
    for (size_t i = 1; i < CACHE_CLASSES; i++) {
        if (m->idle_s[i] == m->idle_s[CACHE_GENERIC])
            continue;
        (void)printf(", %s ", classes[i]);
        print_seconds(m->idle_s[i]);
    }
    (void)putchar('\n');
}

static bool is_used(const struct setup *s, size_t monitor)
{
    for (size_t i = 0; i < s->n_places; i++)
        if ((size_t)s->places[i].monitor == monitor)
            return true;
    return false;
}

static void print_monitor(const struct setup *s, size_t i)
{
    const struct setup_monitor *m = &s->monitors[i];
    const struct setup_record *r = &s->records[m->record];

    (void)printf("Flow monitor %s, record %s\n", m->name, r->name);
    print_fields(r, true, "  a flow is: ");
    print_fields(r, false, "  and it has: ");
    char unknown[SETUP_FIELDS * WORDS_TEXT];
    if (origin_print_unknown(r, unknown, sizeof unknown))
        (void)printf("  not known to a probe, and exported as 0: %s\n", unknown);
    print_cache(m);
    for (size_t k = 0; k < m->n_exporters; k++)
        print_exporter(&s->exporters[m->exporters[k]]);
    if (m->n_exporters == 0)
        (void)printf("  it has no exporter\n");
    if (m->of_flows)
        (void)printf("  it adds up the flows of %s\n", s->monitors[m->from].name);
    else if (!is_used(s, i))
        (void)printf("  it stands at no interface\n");
}

static void print_place(const struct setup *s, const struct setup_place *p)
{
    (void)printf("Interface %s: IPv%u that %s, by flow monitor %s", p->dev, p->family,
                 p->output ? "leaves" : "comes", s->monitors[p->monitor].name);
    if (p->sampler != SETUP_NONE) {
        const struct setup_sampler *x = &s->samplers[p->sampler];
        (void)printf(", one packet in %u%s", x->rate, x->random ? " at random" : "");
        if (x->name[0])
            (void)printf(" (sampler %s)", x->name);
    }
    (void)putchar('\n');
}

static void print_bgp(const struct setup *s)
{
    if (s->rib)
        (void)printf("BGP's routes are those of %s\n", s->rib);
    if (s->local_as)
        (void)printf("The AS here is %u\n", (unsigned)s->local_as);
    if (!s->rib && setup_wants_bgp(s))
        (void)printf("AS numbers are exported as %s: there is no 'rib FILE'\n",
                     s->local_as ? "the local one, or 0" : "0");
}

void check_setup(const struct setup *s)
{
    print_bgp(s);
    for (size_t i = 0; i < s->n_places; i++)
        print_place(s, &s->places[i]);
    for (size_t i = 0; i < s->n_monitors; i++)
        print_monitor(s, i);
}

bool check_as_router(struct config *c)
{
    struct setup s = {0};
    struct err err;

    if (!fnf_any(c->fnf)) {
        (void)fprintf(stderr, "weir check: it says nothing of metering; expected flow monitor, ip "
                              "flow-export, ... (docs/probe.md)\n");
        return false;
    }
    int r = fnf_setup(c->fnf, &c->conf, &s, &err);
    if (r == 0)
        as_router_print(&s, stdout);
    setup_free(&s);
    return r == 0;
}

bool check_probe(struct config *c)
{
    struct setup s = {0};
    struct err err;

    if (!fnf_any(c->fnf))
        return true;
    int r = fnf_setup(c->fnf, &c->conf, &s, &err);
    check_setup(&s);
    for (size_t i = 0; fnf_note(c->fnf, i, &err); i++)
        (void)printf("%s\n", err.text);
    setup_free(&s);
    return r == 0;
}
