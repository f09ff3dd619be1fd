#include "cli/as_router.h"

#include "cli/as_router_traditional.h"
#include "probe/predefined.h"
#include "probe/words.h"

#include <ctype.h>
#include <string.h>

/* Names of ours may have what those of routers cannot. */
static const char *plain(const char *name, char out[static SETUP_NAME])
{
    size_t n = 0;

    for (; name[n] && n + 1 < SETUP_NAME; n++)
        out[n] = isalnum((unsigned char)name[n]) || strchr("_-.", name[n]) ? name[n] : '-';
    out[n] = '\0';
    return out;
}

const char *as_router_device(const struct setup *s, const char *dev)
{
    for (size_t i = 0; i < s->n_aliases; i++)
        if (strcmp(s->aliases[i].dev, dev) == 0)
            return s->aliases[i].name;
    return dev;
}

/* --- records --- */

static bool is_predefined(const struct setup_record *r)
{
    struct setup_record own;
    struct err err;

    return predefined_is(r->name) && predefined_read(r->name, &own, &err) == 0;
}

/* Flags make a record for each version of IP, and give both one name. */
static void print_name(const struct setup *s, int record, FILE *out)
{
    char name[SETUP_NAME];
    const struct setup_record *r = &s->records[record];
    bool twice = false;

    for (size_t i = 0; i < s->n_records; i++)
        twice = twice || (i != (size_t)record && strcmp(s->records[i].name, r->name) == 0);
    (void)fprintf(out, "%s", is_predefined(r) ? r->name : plain(r->name, name));
    if (twice)
        (void)fprintf(out, "-%d", record + 1);
}

static void print_record(const struct setup *s, int record, FILE *out)
{
    const struct setup_record *r = &s->records[record];
    char words[WORDS_TEXT];

    if (is_predefined(r))
        return;
    (void)fprintf(out, "flow record ");
    print_name(s, record, out);
    (void)fputc('\n', out);
    for (size_t i = 0; i < r->n; i++) {
        words_print(r, i, words);
        (void)fprintf(out, " %s %s\n", r->fields[i].key ? "match" : "collect", words);
    }
}

/* --- exporters --- */

static void print_export_options(const struct setup_exporter *x, FILE *out)
{
    for (int i = 0; i < SETUP_OPTIONS; i++)
        if (x->option_s[i] != 0)
            (void)fprintf(out, " option %s timeout %u\n", setup_option_names[i], x->option_s[i]);
    if (x->packets_above)
        (void)fprintf(out, " match counter packets long gt %llu\n",
                      (unsigned long long)x->packets_above);
}

static void print_exporter(const struct setup *s, const struct setup_exporter *x, FILE *out)
{
    const struct setup_exporter usual = setup_exporter_default();
    char name[SETUP_NAME];
    char text[ADDR_TEXT];

    (void)addr_print(&x->to, text);
    (void)fprintf(out, "flow exporter %s\n destination %s", plain(x->name, name), text);
    if (x->vrf[0])
        (void)fprintf(out, " vrf %s", x->vrf);
    (void)fputc('\n', out);
    if (x->via[0])
        (void)fprintf(out, " ! a router has no such command: out of %s, whatever routes say\n",
                      as_router_device(s, x->via));
    if (x->source_if[0])
        (void)fprintf(out, " source %s\n", as_router_device(s, x->source_if));
    if (x->has_source) {
        (void)addr_print(&x->source, text);
        (void)fprintf(out, " ! a router takes an interface here: source %s\n", text);
    }
    if (x->tcp)
        (void)fprintf(out, " ! a router has no such command: transport tcp %u\n", x->port);
    else
        (void)fprintf(out, " transport udp %u\n", x->port);
    if (x->version == 10)
        (void)fprintf(out, " export-protocol ipfix\n");
    else if (x->version == 5 || x->version == 9)
        (void)fprintf(out, " export-protocol netflow-v%u\n", x->version);
    else
        (void)fprintf(out, " ! Flexible NetFlow has no version %u\n", x->version);
    if (x->dscp != usual.dscp)
        (void)fprintf(out, " dscp %u\n", x->dscp);
    if (x->ttl != usual.ttl)
        (void)fprintf(out, " ttl %u\n", x->ttl);
    if (x->mtu != usual.mtu)
        (void)fprintf(out, " ! a router has no such command: mtu %u\n", x->mtu);
    if (x->domain != usual.domain)
        (void)fprintf(out, " ! a router has no such command: source-id %u\n", x->domain);
    if (x->version >= 9 && x->template_s != usual.template_s)
        (void)fprintf(out, " template data timeout %u\n", x->template_s);
    if (x->version >= 9 && x->template_packets)
        (void)fprintf(out, " ! a router has no such command: template data packets %u\n",
                      x->template_packets);
    print_export_options(x, out);
}

/* --- monitors --- */

static void print_timeouts(const struct setup_monitor *m, FILE *out)
{
    static const char *const names[CACHE_CLASSES] = {
        [CACHE_UDP] = "udp",         [CACHE_ICMP] = "icmp",       [CACHE_TCP] = "tcp-generic",
        [CACHE_TCP_FIN] = "tcp-fin", [CACHE_TCP_RST] = "tcp-rst",
    };
    const struct setup_monitor usual = setup_monitor_default();
    struct setup_monitor implied = *m;

    if (m->active_s != usual.active_s)
        (void)fprintf(out, " cache timeout active %u\n", m->active_s);
    if (m->idle_s[CACHE_GENERIC] != usual.idle_s[CACHE_GENERIC])
        (void)fprintf(out, " cache timeout inactive %u\n", m->idle_s[CACHE_GENERIC]);
    if (m->update_s != usual.update_s)
        (void)fprintf(out, " cache timeout update %u\n", m->update_s);
    for (int i = 1; i < CACHE_CLASSES; i++)
        implied.idle_s[i] = 0;
    setup_monitor_fill(&implied);
    for (int i = 1; i < CACHE_CLASSES; i++)
        if (m->idle_s[i] != implied.idle_s[i])
            (void)fprintf(out, " ! a router has no such command: cache timeout %s %u\n", names[i],
                          m->idle_s[i]);
}

static void print_monitor(const struct setup *s, const struct setup_monitor *m, FILE *out)
{
    char name[SETUP_NAME];

    (void)fprintf(out, "flow monitor %s\n record ", plain(m->name, name));
    print_name(s, m->record, out);
    (void)fputc('\n', out);
    for (size_t i = 0; i < m->n_exporters; i++)
        if (!s->exporters[m->exporters[i]].own_way)
            (void)fprintf(out, " exporter %s\n", plain(s->exporters[m->exporters[i]].name, name));
    if (m->type != CACHE_NORMAL)
        (void)fprintf(out, " cache type %s\n",
                      m->type == CACHE_PERMANENT ? "permanent" : "immediate");
    if (m->entries != setup_monitor_default().entries)
        (void)fprintf(out, " cache entries %u\n", m->entries);
    print_timeouts(m, out);
    if (m->protocols)
        (void)fprintf(out, " statistics packet protocol\n");
    if (m->sizes)
        (void)fprintf(out, " statistics packet size\n");
}

static void print_samplers(const struct setup *s, size_t monitor, FILE *out)
{
    char name[SETUP_NAME];
    bool done[SETUP_MAX] = {false};

    for (size_t i = 0; i < s->n_places; i++) {
        int k = s->places[i].sampler;
        if ((size_t)s->places[i].monitor != monitor || k == SETUP_NONE || done[k])
            continue;
        done[k] = true;
        (void)fprintf(out, "sampler %s\n mode %s 1 out-of %u\n",
                      plain(s->samplers[k].name[0] ? s->samplers[k].name : "SAMPLER", name),
                      s->samplers[k].random ? "random" : "deterministic", s->samplers[k].rate);
    }
}

static void print_place(const struct setup *s, const struct setup_place *p, FILE *out)
{
    char name[SETUP_NAME];
    char sampler[SETUP_NAME];

    (void)fprintf(out, "interface %s\n ip%s flow monitor %s",
                  p->dev[0] ? as_router_device(s, p->dev) : "INTERFACE", p->family == 6 ? "v6" : "",
                  plain(s->monitors[p->monitor].name, name));
    if (p->sampler != SETUP_NONE) {
        const char *own = s->samplers[p->sampler].name;
        (void)fprintf(out, " sampler %s", plain(own[0] ? own : "SAMPLER", sampler));
    }
    (void)fprintf(out, " %s\n", p->output ? "output" : "input");
}

static void print_page(const struct setup *s, size_t i, FILE *out)
{
    const struct setup_monitor *m = &s->monitors[i];

    print_record(s, m->record, out);
    for (size_t k = 0; k < m->n_exporters; k++)
        if (!s->exporters[m->exporters[k]].own_way)
            print_exporter(s, &s->exporters[m->exporters[k]], out);
    print_monitor(s, m, out);
    print_samplers(s, i, out);
    for (size_t k = 0; k < s->n_places; k++)
        if ((size_t)s->places[k].monitor == i)
            print_place(s, &s->places[k], out);
}

void as_router_print(const struct setup *s, FILE *out)
{
    for (size_t i = 0; i < s->n_monitors; i++) {
        (void)fprintf(out, "%s! flow monitor %s\n!\n", i > 0 ? "!\n" : "", s->monitors[i].name);
        if (s->monitors[i].of_flows)
            as_router_aggregation(s, i, out);
        else if ((int)i == s->traditional && strcmp(s->monitors[i].name, "ip flow") == 0)
            as_router_traditional(s, i, out);
        else
            print_page(s, i, out);
    }
    if (s->rib)
        (void)fprintf(out, "!\n! BGP's routes, which a router knows by itself: rib %s\n", s->rib);
    if (s->local_as)
        (void)fprintf(out, "! a router's own, of 'router bgp': local-as %u\n", s->local_as);
}
