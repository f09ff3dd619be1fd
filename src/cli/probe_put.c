#include "cli/probe_put.h"

#include "base/clock.h"
#include "collect/put.h"
#include "flow/element.h"
#include "flow/field.h"
#include "net/links.h"
#include "probe/origin.h"

#include <stdio.h>

static void put_bool(struct json *j, const char *key, bool v)
{
    json_key(j, key);
    json_bool(j, v);
}

static void put_links(struct json *j)
{
    struct links links = {0};

    json_key(j, "interfaces");
    json_open(j, '[');
    if (links_read(&links, NULL) == 0)
        for (size_t i = 0; i < links.n; i++) {
            json_open(j, '{');
            put_number(j, "index", links.v[i].index);
            put_text(j, "name", links.v[i].name);
            json_close(j, '}');
        }
    json_close(j, ']');
    links_free(&links);
}

/* --- records --- */

static void put_record(struct json *j, const struct setup *s, size_t i)
{
    enum { SRC_AS = 16 };
    const struct setup_record *r = &s->records[i];
    char words[WORDS_TEXT];
    size_t users = 0;

    for (size_t k = 0; k < s->n_monitors; k++)
        users += (size_t)s->monitors[k].record == i;
    json_open(j, '{');
    put_text(j, "name", r->name);
    put_number(j, "users", users);
    json_key(j, "fields");
    json_open(j, '[');
    for (size_t k = 0; k < r->n; k++) {
        words_print(r, k, words);
        json_open(j, '{');
        put_text(j, "words", words);
        put_number(j, "octets", r->fields[k].len == LAYOUT_VARLEN ? 0 : r->fields[k].len);
        put_bool(j, "key", r->fields[k].key);
        if (r->fields[k].enterprise == 0 && r->fields[k].number == SRC_AS)
            put_text(j, "as", r->fields[k].of == SETUP_OF_PEERS ? "peer-as" : "origin-as");
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

/* --- exporters --- */

static void put_options(struct json *j, const struct setup_exporter *x)
{
    json_key(j, "options");
    json_open(j, '{');
    for (int i = 0; i < SETUP_OPTIONS; i++)
        if (x->option_s[i] != 0)
            put_number(j, setup_option_names[i], x->option_s[i]);
    json_close(j, '}');
}

static void put_template(struct json *j, const struct layout *l, const struct setup_record *r,
                         uint16_t id)
{
    json_open(j, '{');
    put_number(j, "id", id);
    put_text(j, "record", r->name);
    put_number(j, "octets", l->record_len);
    json_key(j, "fields");
    json_open(j, '[');
    for (size_t i = 0; i < l->n; i++) {
        json_open(j, '{');
        put_number(j, "number", l->fields[i].number);
        put_number(j, "enterprise", l->fields[i].enterprise);
        put_number(j, "at", l->fields[i].offset);
        put_number(j, "len", l->fields[i].len);
        const struct element *e = element_find(l->space, &l->fields[i]);
        if (e)
            put_text(j, "name", field_table[e->field].name);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void put_templates(struct json *j, const struct exporter *e)
{
    const struct setup_record *record;
    const struct layout *layout;
    uint16_t id;

    json_key(j, "templates");
    json_open(j, '[');
    for (size_t i = 0; exporter_kind(e, i, &record, &layout, &id); i++)
        put_template(j, layout, record, id);
    json_close(j, ']');
}

static void put_sent(struct json *j, const struct probe *p, const struct probe_since *since,
                     size_t i)
{
    const struct counts *now = probe_exporter_counts(p, i);
    const struct counts *then = &since->exporters[i].counts;
    struct exporter_totals t = probe_exporter_totals(p, i);
    static const struct {
        const char *key;
        enum count_id id;
    } counted[] = {{"refused", COUNT_EXPORT_REFUSED},
                   {"failed", COUNT_EXPORT_FAILED},
                   {"clipped", COUNT_EXPORT_CLIPPED},
                   {"below", COUNT_EXPORT_BELOW}};

    put_number(j, "records", t.records - since->exporters[i].totals.records);
    put_number(j, "messages", t.messages - since->exporters[i].totals.messages);
    put_number(j, "bytes", t.bytes - since->exporters[i].totals.bytes);
    for (size_t k = 0; k < COUNT_OF(counted); k++)
        put_number(j, counted[k].key,
                   count_get(now, counted[k].id) - count_get(then, counted[k].id));
    if (since->exporters[i].ms)
        put_time(j, "cleared_ms", since->exporters[i].ms);
}

static void put_exporter_setup(struct json *j, const struct setup *s, const struct probe *p,
                               const struct probe_since *since, size_t i)
{
    const struct setup_exporter *x = &s->exporters[i];
    char text[ADDR_TEXT];

    json_open(j, '{');
    put_text(j, "name", x->name);
    put_number(j, "version", x->version);
    if (x->aggregation)
        put_number(j, "aggregation", x->aggregation);
    if (!x->own_way) {
        (void)addr_print(&x->to, text);
        put_text(j, "destination", text);
        put_number(j, "port", x->port);
        put_text(j, "transport", x->tcp ? "TCP" : "UDP");
        put_text(j, "vrf", x->vrf);
        put_text(j, "via", x->via);
        put_text(j, "source_interface", x->source_if);
        struct addr local;
        uint16_t port = exporter_local(probe_exporter(p, i), &local);
        (void)addr_print(&local, text);
        put_text(j, "source", text);
        put_number(j, "source_port", port);
        put_number(j, "dscp", x->dscp);
        put_number(j, "ttl", x->ttl);
        put_number(j, "mtu", x->mtu);
    }
    put_number(j, "source_id", x->domain);
    put_number(j, "template_s", x->template_s);
    put_number(j, "template_packets", x->template_packets);
    put_number(j, "packets_above", x->packets_above);
    put_options(j, x);
    put_sent(j, p, since, i);
    put_templates(j, probe_exporter(p, i));
    json_close(j, '}');
}

/* --- monitors --- */

static void put_sizes(struct json *j, const struct traffic *t)
{
    json_key(j, "sizes");
    json_open(j, '[');
    for (size_t i = 0; i < TRAFFIC_SIZES; i++) {
        json_open(j, '{');
        put_number(j, "up_to", traffic_longest(i));
        put_number(j, "packets", t->sizes[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_protocols(struct json *j, const struct traffic *t)
{
    json_key(j, "protocols");
    json_open(j, '[');
    for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++) {
        const struct traffic_flows *f = &t->by[i];
        json_open(j, '{');
        put_text(j, "protocol", traffic_name(i));
        put_number(j, "flows", f->flows);
        put_number(j, "packets", f->packets);
        put_number(j, "bytes", f->bytes);
        put_number(j, "active_ms", f->active_ms);
        put_number(j, "idle_ms", f->idle_ms);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_cache(struct json *j, const struct probe *p, const struct probe_since *since,
                      size_t i)
{
    static const char *const ends[CACHE_ENDS] = {
        [CACHE_END_IDLE] = "ended_idle",     [CACHE_END_ACTIVE] = "ended_active",
        [CACHE_END_SEEN] = "ended_seen",     [CACHE_END_FORCED] = "ended_forced",
        [CACHE_END_FULL] = "ended_too_many",
    };
    struct cache_stats c = probe_cache_stats(p, i);
    const struct cache_stats *then = &since->monitors[i].stats;

    put_number(j, "flows", c.now);
    put_number(j, "high_water", c.high);
    put_number(j, "added", c.added - then->added);
    for (int e = CACHE_END_IDLE; e < CACHE_ENDS; e++)
        put_number(j, ends[e], c.ended[e] - then->ended[e]);
    put_number(j, "packets_refused", c.refused - then->refused);
    if (since->monitors[i].ms)
        put_time(j, "cleared_ms", since->monitors[i].ms);
}

static void put_timeouts(struct json *j, const struct setup_monitor *m)
{
    static const char *const classes[CACHE_CLASSES] = {
        [CACHE_GENERIC] = "idle_s",    [CACHE_UDP] = "udp_s",         [CACHE_ICMP] = "icmp_s",
        [CACHE_TCP] = "tcp_generic_s", [CACHE_TCP_FIN] = "tcp_fin_s", [CACHE_TCP_RST] = "tcp_rst_s",
    };

    put_number(j, "active_s", m->active_s);
    put_number(j, "update_s", m->update_s);
    for (int i = 0; i < CACHE_CLASSES; i++)
        put_number(j, classes[i], m->idle_s[i]);
}

static void put_monitor(struct json *j, const struct setup *s, const struct probe *p,
                        const struct probe_since *since, size_t i)
{
    static const char *const types[] = {[CACHE_NORMAL] = "normal",
                                        [CACHE_IMMEDIATE] = "immediate",
                                        [CACHE_PERMANENT] = "permanent"};
    const struct setup_monitor *m = &s->monitors[i];
    struct traffic t = probe_traffic(p, i);

    traffic_since(&t, &since->monitors[i].traffic);
    json_open(j, '{');
    put_text(j, "name", m->name);
    put_text(j, "record", s->records[m->record].name);
    put_text(j, "type", types[m->type]);
    put_number(j, "entries", m->entries);
    put_number(j, "bytes", probe_cache_bytes(p, i));
    put_timeouts(j, m);
    if (m->of_flows)
        put_text(j, "from", s->monitors[m->from].name);
    json_key(j, "exporters");
    json_open(j, '[');
    for (size_t k = 0; k < m->n_exporters; k++)
        json_text(j, s->exporters[m->exporters[k]].name);
    json_close(j, ']');
    put_cache(j, p, since, i);
    if (m->sizes)
        put_sizes(j, &t);
    if (m->protocols)
        put_protocols(j, &t);
    json_close(j, '}');
}

static void put_sampler(struct json *j, const struct setup *s, size_t i)
{
    json_open(j, '{');
    put_text(j, "name", s->samplers[i].name);
    put_number(j, "id", i + 1);
    put_text(j, "mode", s->samplers[i].random ? "random" : "deterministic");
    put_number(j, "rate", s->samplers[i].rate);
    json_close(j, '}');
}

static void put_place(struct json *j, const struct setup *s, size_t i)
{
    const struct setup_place *p = &s->places[i];

    json_open(j, '{');
    put_text(j, "interface", p->dev);
    put_text(j, "monitor", s->monitors[p->monitor].name);
    put_text(j, "direction", p->output ? "output" : "input");
    put_number(j, "ip_version", p->family);
    if (p->sampler != SETUP_NONE)
        put_text(j, "sampler", s->samplers[p->sampler].name);
    json_close(j, '}');
}

static void put_top(struct json *j, const struct setup_top *t)
{
    if (t->n == 0)
        return;
    json_key(j, "top");
    json_open(j, '{');
    put_number(j, "n", t->n);
    put_bool(j, "by_packets", t->by_packets);
    put_number(j, "keep_ms", t->keep_ms);
    json_close(j, '}');
}

#define LIST(j, key, n, put)             \
    do {                                 \
        json_key((j), (key));            \
        json_open((j), '[');             \
        for (size_t i = 0; i < (n); i++) \
            put;                         \
        json_close((j), ']');            \
    } while (0)

static void put_applications(struct json *j, const struct applications_names *names)
{
    enum { SHIFT = 24, SELECTOR = (1 << SHIFT) - 1 };
    uint32_t application;
    const char *name;
    const char *kind;
    char key[32];

    json_key(j, "applications");
    json_open(j, '{');
    for (size_t i = 0; applications_name(names, i, &application, &name, &kind); i++) {
        (void)snprintf(key, sizeof key, "%u:%u", (unsigned)(application >> SHIFT),
                       (unsigned)(application & SELECTOR));
        put_text(j, key, name);
    }
    json_close(j, '}');
}

void probe_put_setup(const struct setup *s, const struct probe *p, const struct probe_since *since,
                     const struct applications_names *applications, struct buf *out)
{
    struct json all = json_of(out);
    struct json *j = &all;

    json_open(j, '{');
    put_time(j, "now_ms", clock_wall_ms());
    put_time(j, "started_ms", since->started_ms);
    put_number(j, "local_as", s->local_as);
    put_top(j, &s->top);
    if (s->traditional != SETUP_NONE)
        put_text(j, "traditional", s->monitors[s->traditional].name);
    put_links(j);
    if (applications)
        put_applications(j, applications);
    LIST(j, "records", s->n_records, put_record(j, s, i));
    LIST(j, "exporters", s->n_exporters, put_exporter_setup(j, s, p, since, i));
    LIST(j, "samplers", s->n_samplers, put_sampler(j, s, i));
    LIST(j, "monitors", s->n_monitors, put_monitor(j, s, p, since, i));
    LIST(j, "places", s->n_places, put_place(j, s, i));
    json_close(j, '}');
    buf_u8(out, '\n');
}
