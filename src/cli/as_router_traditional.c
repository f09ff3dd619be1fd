#include "cli/as_router_traditional.h"

#include "base/attr.h"
#include "probe/classic.h"
#include "probe/pick.h"

#include <string.h>

enum { MINUTE_S = 60, SRC_AS = 16, BGP_NEXT_HOP = 18, V8 = 8 };

static const struct setup_field *field_of(const struct setup_record *r, uint16_t number)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].enterprise == 0 && r->fields[i].number == number)
            return &r->fields[i];
    return NULL;
}

/* Of the cache ("ip flow-cache"), or of an aggregation (" cache"). */
static void print_cache(const struct setup_monitor *m, const char *what, FILE *out)
{
    const struct setup_monitor usual = setup_monitor_default();

    if (m->active_s % MINUTE_S != 0)
        (void)fprintf(out, "! a router counts minutes: %s timeout active of %u seconds\n", what,
                      m->active_s);
    else if (m->active_s != usual.active_s)
        (void)fprintf(out, "%s timeout active %u\n", what, m->active_s / MINUTE_S);
    if (m->idle_s[CACHE_GENERIC] != usual.idle_s[CACHE_GENERIC])
        (void)fprintf(out, "%s timeout inactive %u\n", what, m->idle_s[CACHE_GENERIC]);
    if (m->entries != usual.entries)
        (void)fprintf(out, "%s entries %u\n", what, m->entries);
}

static void print_templates(const struct setup_exporter *x, const char *what, FILE *out)
{
    if (x->version < 9)
        return;
    if (x->template_packets && x->template_packets != CLASSIC_TEMPLATE_PACKETS)
        (void)fprintf(out, "%s template refresh-rate %u\n", what, x->template_packets);
    if (x->template_s != CLASSIC_TEMPLATE_S)
        (void)fprintf(out, "%s template timeout-rate %u\n", what,
                      x->template_s < MINUTE_S ? 1 : x->template_s / MINUTE_S);
}

static void print_to(const struct setup_exporter *x, const char *what, bool version, FILE *out)
{
    char text[ADDR_TEXT];

    (void)addr_print(&x->to, text);
    (void)fprintf(out, "%s destination %s %u", what, text, x->port);
    if (x->vrf[0])
        (void)fprintf(out, " vrf %s", x->vrf);
    if (version)
        (void)fprintf(out, " udp version %u", x->version);
    (void)fputc('\n', out);
}

/* Options data are told for all. */
static void print_options(const struct setup_exporter *x, FILE *out)
{
    uint32_t every_s = 0;

    if (x->option_s[SETUP_EXPORTER_STATS])
        (void)fprintf(out, "ip flow-export template options export-stats\n");
    if (x->option_s[SETUP_SAMPLER_TABLE])
        (void)fprintf(out, "ip flow-export template options sampler\n");
    if (x->option_s[SETUP_INTERFACE_TABLE])
        (void)fprintf(out, "ip flow-export interface-names\n");
    for (int i = 0; i < SETUP_OPTIONS; i++)
        every_s = x->option_s[i] ? x->option_s[i] : every_s;
    if (every_s && every_s != CLASSIC_TEMPLATE_S)
        (void)fprintf(out, "ip flow-export template options timeout-rate %u\n",
                      (every_s + MINUTE_S - 1) / MINUTE_S);
}

static void print_exports(const struct setup *s, const struct setup_monitor *m, FILE *out)
{
    const struct setup_record *r = &s->records[m->record];
    const struct setup_field *as = field_of(r, SRC_AS);
    const struct setup_exporter *first = m->n_exporters > 0 ? &s->exporters[m->exporters[0]] : NULL;
    char text[ADDR_TEXT];

    if (!first)
        return;
    (void)fprintf(out, "ip flow-export version %u%s%s\n", first->version,
                  !as                        ? ""
                  : as->of == SETUP_OF_PEERS ? " peer-as"
                                             : " origin-as",
                  field_of(r, BGP_NEXT_HOP) ? " bgp-nexthop" : "");
    for (size_t i = 0; i < m->n_exporters; i++) {
        const struct setup_exporter *x = &s->exporters[m->exporters[i]];
        print_to(x, "ip flow-export", x->version != first->version, out);
    }
    if (first->source_if[0])
        (void)fprintf(out, "ip flow-export source %s\n", as_router_device(s, first->source_if));
    if (first->has_source) {
        (void)addr_print(&first->source, text);
        (void)fprintf(out, "! a router takes an interface here: ip flow-export source %s\n", text);
    }
    for (size_t i = 0, told = 0; i < m->n_exporters && !told; i++) {
        const struct setup_exporter *x = &s->exporters[m->exporters[i]];
        told = x->version >= 9;
        if (told) {
            print_templates(x, "ip flow-export", out);
            print_options(x, out);
        }
    }
}

/* --- top talkers --- */

static void print_net(const char *words, uint64_t lo, uint64_t hi, FILE *out)
{
    const uint8_t v4[] = {(uint8_t)(lo >> 24), (uint8_t)(lo >> 16), (uint8_t)(lo >> 8),
                          (uint8_t)lo};
    struct addr a = addr_of_v4(v4);
    char text[ADDR_TEXT];
    unsigned bits = 32;

    while (bits > 0 && (lo ^ hi) >> (32 - bits))
        bits--;
    (void)addr_print(&a, text);
    (void)fprintf(out, " match %s %s/%u\n", words, text, bits);
}

static void print_match(const struct setup *s, const struct setup_test *t, FILE *out)
{
    enum { DIRECTION = 61, FORM_NET = 1, FORM_DEVICE, FORM_ONE, FORM_RANGE };
    static const struct {
        uint16_t element;
        const char *words;
        int form;
    } known[] = {{8, "source address", FORM_NET},
                 {12, "destination address", FORM_NET},
                 {15, "nexthop-address", FORM_NET},
                 {10, "input-interface", FORM_DEVICE},
                 {14, "output-interface", FORM_DEVICE},
                 {16, "source as", FORM_ONE},
                 {17, "destination as", FORM_ONE},
                 {4, "protocol", FORM_ONE},
                 {5, "tos", FORM_ONE},
                 {7, "source port", FORM_ONE},
                 {11, "destination port", FORM_ONE},
                 {1, "byte-range", FORM_RANGE},
                 {2, "packet-range", FORM_RANGE}};
    uint64_t lo = pick_load(t->lo + SETUP_TEST_OCTETS - sizeof(uint64_t), sizeof(uint64_t));
    uint64_t hi = pick_load(t->hi + SETUP_TEST_OCTETS - sizeof(uint64_t), sizeof(uint64_t));

    if (t->number == DIRECTION)
        (void)fprintf(out, " match direction %s\n", lo ? "egress" : "ingress");
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        const char *words = known[i].words;
        if (known[i].element != t->number)
            continue;
        if (known[i].form == FORM_NET)
            print_net(words, lo, hi, out);
        else if (known[i].form == FORM_DEVICE)
            (void)fprintf(out, " match %s %s\n", words, as_router_device(s, t->dev));
        else if (t->number == 5 && hi - lo == 3)
            (void)fprintf(out, " match tos dscp %llu\n", (unsigned long long)lo >> 2);
        else if (t->number == 5 && hi - lo == 31)
            (void)fprintf(out, " match tos precedence %llu\n", (unsigned long long)lo >> 5);
        else if (known[i].form == FORM_ONE && lo == hi)
            (void)fprintf(out, " match %s %llu\n", words, (unsigned long long)lo);
        else if (hi == UINT64_MAX)
            (void)fprintf(out, " match %s min %llu\n", words, (unsigned long long)lo);
        else
            (void)fprintf(out, " match %s max %llu min %llu\n", words, (unsigned long long)hi,
                          (unsigned long long)lo);
    }
}

static void print_top(const struct setup *s, FILE *out)
{
    const struct setup_top *t = &s->top;

    if (t->n == 0)
        return;
    (void)fprintf(out, "ip flow-top-talkers\n top %u\n sort-by %s\n", t->n,
                  t->by_packets ? "packets" : "bytes");
    if (t->keep_ms != CLASSIC_TOP_KEEP_MS)
        (void)fprintf(out, " cache-timeout %u\n", t->keep_ms);
    for (size_t i = 0; i < t->n_tests; i++)
        print_match(s, &t->tests[i], out);
}

/* --- pages --- */

void as_router_traditional(const struct setup *s, size_t i, FILE *out)
{
    const struct setup_monitor *m = &s->monitors[i];

    print_exports(s, m, out);
    print_cache(m, "ip flow-cache", out);
    for (size_t k = 0; k < s->n_places; k++)
        if ((size_t)s->places[k].monitor == i && s->places[k].sampler != SETUP_NONE) {
            (void)fprintf(out, "ip flow-sampling-mode packet-interval %u\n",
                          s->samplers[s->places[k].sampler].rate);
            break;
        }
    print_top(s, out);
    for (size_t k = 0; k < s->n_places; k++)
        if ((size_t)s->places[k].monitor == i)
            (void)fprintf(out, "interface %s\n ip flow %s\n", as_router_device(s, s->places[k].dev),
                          s->places[k].output ? "egress" : "ingress");
}

void as_router_aggregation(const struct setup *s, size_t i, FILE *out)
{
    const struct setup_monitor *m = &s->monitors[i];
    const struct setup_exporter *first = m->n_exporters > 0 ? &s->exporters[m->exporters[0]] : NULL;

    (void)fprintf(out, "ip flow-aggregation cache %s\n", s->records[m->record].name);
    print_cache(m, " cache", out);
    if (m->src_bits_min)
        (void)fprintf(out, " mask source minimum %u\n", m->src_bits_min);
    if (m->dst_bits_min)
        (void)fprintf(out, " mask destination minimum %u\n", m->dst_bits_min);
    if (first && first->version != V8)
        (void)fprintf(out, " export version %u\n", first->version);
    if (first)
        print_templates(first, " export", out);
    for (size_t k = 0; k < m->n_exporters; k++)
        print_to(&s->exporters[m->exporters[k]], " export", false, out);
    (void)fprintf(out, " enabled\n");
}
