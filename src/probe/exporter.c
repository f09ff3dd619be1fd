#include "probe/exporter.h"

#include "base/log.h"
#include "base/mem.h"
#include "flow/message.h"
#include "probe/applications.h"
#include "probe/options.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    KINDS = SETUP_MAX,
    TEMPLATE_FIRST = 256,
    TEMPLATE_OPTIONS = TEMPLATE_FIRST + KINDS,
    IPV4_HEAD = 20,
    IPV6_HEAD = 40,
    UDP_HEAD = 8,
    SPECIFIER = 8, /* of a template, at most */
    SPARE = MESSAGE_HEADER_MAX + 16
};

struct carried {
    const struct setup_record *record;
    struct record_layout out;
    struct encode *encode;
};

/* A table of options data that is told again and again. */
struct told {
    struct options_table table;
    bool wanted;
    int64_t every_ms;
    int64_t told_ms;
};

struct exporter {
    pthread_mutex_t lock;
    const struct setup_exporter *setup;
    struct counts *counts;
    struct way *way;
    bool booted;
    struct message_session session;
    struct options_world world;
    struct links links;
    struct applications_names *applications; /* NULL: nobody is told of them */
    struct told told[OPTIONS_KINDS];
    struct carried *kinds;
    size_t n_kinds;
    bool has_sent_templates;
    int64_t templates_ms;     /* when they went out */
    uint32_t since_templates; /* datagrams */
    size_t place;             /* octets of a datagram */
    bool open;                /* message is being filled; it lies at place n */
    struct message message;
    int64_t export_ms;
    size_t n; /* datagrams that wait */
    struct udp_out out[UDP_BATCH];
    uint8_t *mem;
};

static void want_table(struct exporter *e, int kind, uint32_t every_s)
{
    struct told *t = &e->told[kind];

    options_table(kind, e->session.version, &t->table);
    t->wanted = every_s > 0 && t->table.layout.n > 0;
    t->every_ms = (int64_t)every_s * 1000;
}

struct exporter *exporter_new(const struct setup_exporter *setup, struct way *way,
                              struct counts *counts)
{
    struct exporter *e = mem_new(1, sizeof *e);

    *e = (struct exporter){.setup = setup,
                           .counts = counts,
                           .way = way,
                           .session = {.version = setup->version,
                                       .domain = setup->domain,
                                       .aggregation = setup->aggregation},
                           .world = {.domain = setup->domain}};
    (void)pthread_mutex_init(&e->lock, NULL);
    e->world.links = &e->links;
    e->place = (size_t)setup->mtu - UDP_HEAD - (addr_is_v4(&setup->to) ? IPV4_HEAD : IPV6_HEAD);
    for (int i = 0; i < SETUP_OPTIONS; i++)
        want_table(e, i, setup->option_s[i]);
    e->mem = mem_new(UDP_BATCH, e->place);
    if (e->told[SETUP_APPLICATION_TABLE].wanted)
        e->world.applications = e->applications = applications_names_new();
    return e;
}

void exporter_free(struct exporter *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_kinds; i++)
        encode_free(e->kinds[i].encode);
    free(e->kinds);
    free(e->mem);
    links_free(&e->links);
    applications_names_free(e->applications);
    e->way->close(e->way);
    (void)pthread_mutex_destroy(&e->lock);
    free(e);
}

void exporter_set_sampling(struct exporter *e, const struct setup_sampler *s)
{
    enum { MODE_SHIFT = 14, DETERMINISTIC = 1, RANDOM = 2, MOST = (1 << MODE_SHIFT) - 1 };
    unsigned rate = s->rate > MOST ? MOST : s->rate;

    e->world.sampling = s;
    e->session.sampling =
        (uint16_t)((unsigned)(s->random ? RANDOM : DETERMINISTIC) << MODE_SHIFT | rate);
    want_table(e, OPTIONS_SAMPLING, e->setup->template_s);
}

void exporter_set_samplers(struct exporter *e, const struct setup_sampler *v, size_t n,
                           bool several)
{
    e->world.samplers = v;
    e->world.n_samplers = n;
    if (several && !e->told[SETUP_SAMPLER_TABLE].wanted)
        want_table(e, SETUP_SAMPLER_TABLE, e->setup->template_s);
}

int exporter_add(struct exporter *e, const struct record *r, size_t *number, struct err *err)
{
    for (size_t i = 0; i < e->n_kinds; i++)
        if (e->kinds[i].record == record_setup(r)) {
            *number = i;
            return 0;
        }
    if (e->n_kinds == 0)
        e->kinds = mem_new(KINDS, sizeof *e->kinds);
    struct carried *k = &e->kinds[e->n_kinds];
    k->record = record_setup(r);
    int rc = record_layout(r, e->setup->version, e->setup->aggregation, &k->out, err);
    const struct layout *l = &k->out.layout;

    if (rc == 0 &&
        (l->record_len + SPARE > e->place || (size_t)l->n * SPECIFIER + SPARE > e->place))
        rc = err_set(err, ERR_CONFIG,
                     "exporter %s: its MTU holds no record of %u octets in %u fields",
                     e->setup->name, (unsigned)l->record_len, (unsigned)l->n);
    if (rc == 0)
        rc = encode_new(&k->encode, l, k->out.octets, err);
    if (rc == 0)
        *number = e->n_kinds++;
    return rc;
}

static void lock(struct exporter *e) { (void)pthread_mutex_lock(&e->lock); }

static void unlock(struct exporter *e) { (void)pthread_mutex_unlock(&e->lock); }

/* Its own address may change with each connection; few packets go so far. */
bool exporter_is_own(struct exporter *e, const struct addr *src, uint16_t src_port,
                     const struct addr *dst, uint16_t dst_port)
{
    if (dst_port != e->setup->port || !addr_eq(dst, &e->setup->to))
        return false;
    lock(e);
    bool own = src_port == e->way->local_port && addr_eq(src, &e->way->local);
    unlock(e);
    return own;
}

uint16_t exporter_local(struct exporter *e, struct addr *out)
{
    lock(e);
    uint16_t port = e->way->local_port;
    *out = e->way->local;
    unlock(e);
    return port;
}

void exporter_boot(struct exporter *e, int64_t boot_ms)
{
    lock(e);
    if (!e->booted)
        e->session.boot_ms = boot_ms;
    e->booted = true;
    unlock(e);
}

/* --- messages --- */

static void send_waiting(struct exporter *e)
{
    if (e->n > 0)
        e->way->send(e->way, e->out, e->n, e->export_ms);
    e->n = 0;
}

static void close_message(struct exporter *e)
{
    e->open = false;
    if (message_empty(&e->message))
        return;
    message_end(&e->message);
    count_add(e->counts, COUNT_EXPORTED_DATAGRAMS, 1);
    count_add(e->counts, COUNT_EXPORTED_BYTES, e->message.b.len);
    count_add(e->counts, COUNT_EXPORT_CLIPPED, e->message.clipped);
    e->world.messages++;
    e->world.bytes += e->message.b.len;
    e->since_templates++;
    e->out[e->n++] = (struct udp_out){.data = e->message.b.data, .len = e->message.b.len};
    if (e->n == UDP_BATCH)
        send_waiting(e);
}

/* Who reads from here on knows nothing of what was said before. */
static void begin_session(struct exporter *e)
{
    e->way->fresh = false;
    e->session.sequence = 0;
    e->has_sent_templates = false;
}

static void open_message(struct exporter *e, int64_t now_ms)
{
    enum { SECOND_MS = 1000 };
    int64_t export_ms = e->session.version == 9 ? now_ms - now_ms % SECOND_MS : now_ms;

    if (e->way->fresh)
        begin_session(e);
    message_begin(&e->message, &e->session, export_ms, e->mem + e->n * e->place, e->place);
    e->export_ms = now_ms;
    e->open = true;
}

static bool templates_due(const struct exporter *e, int64_t now_ms)
{
    const struct setup_exporter *s = e->setup;

    if (e->session.version < 9)
        return false;
    return !e->has_sent_templates || now_ms - e->templates_ms >= (int64_t)s->template_s * 1000 ||
           (s->template_packets != 0 && e->since_templates >= s->template_packets);
}

static void next_message(struct exporter *e, int64_t now_ms)
{
    close_message(e); /* an empty one has room for any template or record, see exporter_add() */
    open_message(e, now_ms);
}

static void put_template(struct exporter *e, uint16_t id, const struct layout *l, int64_t now_ms)
{
    while (!message_template(&e->message, id, l))
        next_message(e, now_ms);
}

static void put_templates(struct exporter *e, int64_t now_ms)
{
    for (size_t i = 0; i < e->n_kinds; i++)
        put_template(e, (uint16_t)(TEMPLATE_FIRST + i), &e->kinds[i].out.layout, now_ms);
    for (int i = 0; i < OPTIONS_KINDS; i++) {
        struct told *t = &e->told[i];
        if (!t->wanted)
            continue;
        put_template(e, (uint16_t)(TEMPLATE_OPTIONS + i), &t->table.layout, now_ms);
        if (!e->has_sent_templates) /* at the begin of a session each table is told, too */
            t->told_ms = INT64_MIN;
    }
    e->has_sent_templates = true;
    e->templates_ms = now_ms;
    e->since_templates = 0;
}

static void put_table(struct exporter *e, int kind, int64_t now_ms)
{
    uint16_t id = (uint16_t)(TEMPLATE_OPTIONS + kind);
    uint8_t record[OPTIONS_RECORD_MAX];
    struct err err;
    size_t len;
    bool links = kind == SETUP_INTERFACE_TABLE || kind == SETUP_VRF_TABLE;

    e->told[kind].told_ms = now_ms;
    if (links && links_read(&e->links, &err) != 0)
        log_warn("names of interfaces not read", KV("error", err.text));
    for (size_t i = 0; (len = options_record(kind, e->session.version, &e->world, i, record)) > 0;
         i++)
        while (!message_record(&e->message, id, record, len))
            next_message(e, now_ms);
}

static bool table_due(const struct told *t, int64_t now_ms)
{
    return t->wanted && (t->told_ms == INT64_MIN || now_ms - t->told_ms >= t->every_ms);
}

static void put_tables(struct exporter *e, int64_t now_ms)
{
    for (int i = 0; i < OPTIONS_KINDS; i++)
        if (table_due(&e->told[i], now_ms))
            put_table(e, i, now_ms);
}

static void make_room(struct exporter *e, int64_t now_ms)
{
    if (e->open)
        close_message(e);
    open_message(e, now_ms);
    if (templates_due(e, now_ms))
        put_templates(e, now_ms);
    if (e->has_sent_templates)
        put_tables(e, now_ms);
}

/* How many rows from `at` on are of flows that are exported, or (wanted false) that are not. */
static size_t run_of(const struct exporter *e, const struct batch *b, size_t at, bool *wanted)
{
    uint64_t above = e->setup->packets_above;
    size_t n = at;

    *wanted = true;
    if (above == 0)
        return b->rows - at;
    *wanted = batch_u64(b, FIELD_PACKETS, at) > above;
    while (n < b->rows && (batch_u64(b, FIELD_PACKETS, n) > above) == *wanted)
        n++;
    return n - at;
}

static void put_rows(struct exporter *e, size_t number, const struct encode_rows *rows, size_t at,
                     size_t n, int64_t now_ms)
{
    const struct carried *k = &e->kinds[number];
    uint16_t id = (uint16_t)(TEMPLATE_FIRST + number);

    for (size_t end = at + n; at < end;) {
        if (!e->open)
            make_room(e, now_ms);
        size_t some = message_rows(&e->message, id, k->encode, rows, at, end - at);
        count_add(e->counts, COUNT_EXPORTED_RECORDS, some);
        e->world.records += some;
        at += some;
        if (at < end)
            make_room(e, now_ms);
    }
}

void exporter_rows(struct exporter *e, size_t number, const struct encode_rows *rows,
                   int64_t now_ms)
{
    bool wanted;

    lock(e);
    for (size_t at = 0, n; at < rows->batch->rows; at += n) {
        n = run_of(e, rows->batch, at, &wanted);
        if (wanted)
            put_rows(e, number, rows, at, n, now_ms);
        else
            count_add(e->counts, COUNT_EXPORT_BELOW, n);
    }
    unlock(e);
}

void exporter_tick(struct exporter *e, int64_t now_ms)
{
    bool due = false;

    lock(e);
    for (int i = 0; i < OPTIONS_KINDS; i++)
        due = due || table_due(&e->told[i], now_ms);
    if (due)
        make_room(e, now_ms);
    if (e->way->tick)
        e->way->tick(e->way);
    if (e->open)
        close_message(e);
    send_waiting(e);
    unlock(e);
}

bool exporter_kind(const struct exporter *e, size_t i, const struct setup_record **record,
                   const struct layout **layout, uint16_t *template_id)
{
    if (i >= e->n_kinds)
        return false;
    *record = e->kinds[i].record;
    *layout = &e->kinds[i].out.layout;
    *template_id = (uint16_t)(TEMPLATE_FIRST + i);
    return true;
}

struct exporter_totals exporter_totals(struct exporter *e)
{
    lock(e);
    struct exporter_totals t = {
        .records = e->world.records, .messages = e->world.messages, .bytes = e->world.bytes};
    unlock(e);
    return t;
}
