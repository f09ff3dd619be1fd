#include "probe/monitor.h"

#include "base/mem.h"

#include <stdlib.h>

enum { ROWS = 512 }; /* their columns stay in the processor's cache */

struct to {
    struct exporter *exporter;
    size_t number;
};

struct monitor {
    struct record *record;
    struct cache *cache;
    int64_t interval_ms;
    struct cache_out out;
    struct batch batch;
    struct record_rows rows;
    struct to to[SETUP_EXPORTERS];
    size_t n_to;
    int64_t now_ms;
    struct schemes schemes;
    bool protocols;
    struct traffic traffic;
};

static void begin_rows(struct monitor *m)
{
    batch_reset(&m->batch);
    if (!record_begin(m->record, &m->batch, &m->rows))
        mem_out();
}

void monitor_give(struct monitor *m, int64_t now_ms)
{
    if (m->batch.rows == 0)
        return;
    struct encode_rows rows = record_end(&m->rows);
    for (size_t i = 0; i < m->n_to; i++)
        exporter_rows(m->to[i].exporter, m->to[i].number, &rows, now_ms);
    begin_rows(m);
}

static void count_protocol(struct monitor *m, const struct cache_flow *f)
{
    struct facts facts = {.proto = 0};
    int64_t idle_ms = m->now_ms - f->first_ms - f->age_ms;

    record_facts(m->record, f, &facts);
    struct traffic_flows *t = &m->traffic.by[traffic_protocol(&facts)];
    t->flows++;
    t->packets += f->packets;
    t->bytes += f->bytes;
    t->active_ms += f->age_ms;
    t->idle_ms += idle_ms > 0 ? (uint64_t)idle_ms : 0;
}

static void on_flow(struct cache_out *out, const struct cache_flow *f)
{
    struct monitor *m = container_of(out, struct monitor, out);

    record_row(&m->rows, f);
    schemes_add(&m->schemes, f, m->now_ms);
    if (m->protocols)
        count_protocol(m, f);
    if (m->batch.rows == m->batch.cap)
        monitor_give(m, m->now_ms);
}

/* What the narrowest counter of bytes holds, of those that add up its flows too: a flow of more is
 * given out in parts. */
static uint64_t split_bytes(const struct setup *s, size_t number)
{
    const struct setup_monitor *sm = &s->monitors[number];
    const struct setup_record *r = &s->records[sm->record];
    uint64_t most = UINT64_MAX;

    for (size_t i = number + 1; i < s->n_monitors; i++) {
        bool fed = s->monitors[i].of_flows && (size_t)s->monitors[i].from == number;
        uint64_t its = fed ? split_bytes(s, i) : most;
        most = its < most ? its : most;
    }

    for (size_t i = 0; i < r->n; i++)
        if (r->fields[i].enterprise == 0 && r->fields[i].number == 1 && r->fields[i].len < 8)
            most = (UINT64_C(1) << 8 * r->fields[i].len) - 1;
    for (size_t i = 0; i < sm->n_exporters; i++)
        if (s->exporters[sm->exporters[i]].version < 9 && most > UINT32_MAX)
            most = UINT32_MAX;
    return most;
}

static struct cache_options options_of(const struct monitor *m, const struct setup *s,
                                       size_t number, size_t parts)
{
    const struct setup_monitor *sm = &s->monitors[number];
    struct cache_options o = {.type = sm->type,
                              .entries = (sm->entries + parts - 1) / parts,
                              .key_bytes = record_key_bytes(m->record),
                              .value_bytes = record_value_bytes(m->record),
                              .active_ms = m->interval_ms,
                              .split_bytes = split_bytes(s, number)};

    o.n_running = record_running(m->record, o.running);
    for (int i = 0; i < CACHE_CLASSES; i++)
        o.idle_ms[i] = (int64_t)1000 * sm->idle_s[i];
    return o;
}

int monitor_new(struct monitor **out, const struct setup *setup, size_t number, size_t parts,
                struct exporter *const *exporters, struct err *err)
{
    const struct setup_monitor *sm = &setup->monitors[number];
    struct monitor *m = mem_new(1, sizeof *m);
    int r = record_new(&m->record, &setup->records[sm->record], err);

    m->out = (struct cache_out){.flow = on_flow};
    schemes_init(&m->schemes);
    m->protocols = sm->protocols;
    m->interval_ms = (int64_t)1000 * (sm->type == CACHE_PERMANENT ? sm->update_s : sm->active_s);
    for (size_t i = 0; i < sm->n_exporters && r == 0; i++) {
        struct to *t = &m->to[m->n_to++];
        t->exporter = exporters[sm->exporters[i]];
        r = exporter_add(t->exporter, m->record, &t->number, err);
    }
    if (r == 0) {
        struct cache_options o = options_of(m, setup, number, parts);
        m->cache = cache_new(&o, &m->out);
        if (!m->cache || !batch_init(&m->batch, ROWS))
            r = err_set(err, ERR_SYS, "monitor %s: no memory for %u entries", sm->name,
                        (unsigned)sm->entries);
    }
    if (r) {
        monitor_free(m);
        return r;
    }
    begin_rows(m);
    *out = m;
    return 0;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    cache_free(m->cache);
    record_free(m->record);
    record_rows_free(&m->rows);
    batch_free(&m->batch);
    free(m);
}

void monitor_feed(struct monitor *m, struct monitor *to, const struct setup_monitor *setup)
{
    m->schemes.from = m->record;
    schemes_feed(&m->schemes, to->cache, to->record, setup->src_bits_min, setup->dst_bits_min);
}

const struct record *monitor_record(const struct monitor *m) { return m->record; }

struct cache *monitor_cache(struct monitor *m) { return m->cache; }

void monitor_set_applications(struct monitor *m, struct applications *a)
{
    m->rows.applications = a;
}

struct traffic *monitor_traffic(struct monitor *m) { return &m->traffic; }

int64_t monitor_interval_ms(const struct monitor *m) { return m->interval_ms; }

void monitor_tick(struct monitor *m, int64_t now_ms)
{
    m->now_ms = now_ms;
    cache_tick(m->cache, now_ms);
    schemes_flush(&m->schemes);
}

void monitor_end(struct monitor *m, int64_t now_ms)
{
    m->now_ms = now_ms;
    cache_flush(m->cache);
    schemes_flush(&m->schemes);
    monitor_give(m, now_ms);
}
