#include "flow/convert.h"
#include "flow/decode_in.h"
#include "flow/rating.h"

#include <string.h>

enum { TEXT_ROOM = BATCH_BYTES_MAX / 2 };

static const int64_t year_1990_ms = INT64_C(631152000000);

/* --- events --- */

void decode_tell(struct decoder *d, const struct context *c, struct decode_event e)
{
    if (!d->watch)
        return;
    e.head = c->head;
    e.from = c->from;
    e.received_ms = c->received_ms;
    e.number = c->number;
    e.set = c->set;
    e.was_held = c->was_held;
    d->watch->on(d->watch, &e);
}

void decode_refuse_set(struct book *book, size_t octets)
{
    book_add(book, BOOK_REFUSED_SETS, 1);
    book_add(book, BOOK_REFUSED_BYTES, (int64_t)octets);
}

void decode_malformed(struct decoder *d, const struct context *c, enum count_id why, size_t octets,
                      const char *reason)
{
    d->uncounted = true;
    if (why == COUNT_NO_MEMORY) {
        if (octets > 0) /* else it was a template */
            decode_refuse_set(c->book, octets);
    } else {
        d->malformed |= !c->was_held;
        book_add(c->book, BOOK_MALFORMED_DATAGRAMS, c->was_held);
        book_add(c->book, BOOK_MALFORMED_BYTES, (int64_t)octets);
    }
    count_add(d->counts, why, 1);
    struct trouble t = {.addr = c->from->addr, .port = c->from->port, .set = c->set, .why = why};
    if (c->head)
        t.version = c->head->version;
    if (c->exporter) {
        t.source = c->exporter->key.source;
        struct health *h = &c->exporter->health;
        h->malformed++;
        h->malformed_why = why;
        h->malformed_set = c->set;
        h->malformed_ms = c->received_ms;
    }
    troubles_add(&d->troubles, &t, reason);
    decode_tell(
        d, c, (struct decode_event){.what = DECODE_MALFORMED, .octets = octets, .reason = reason});
}

/* --- what every record of a set gets --- */

/* Columns of one width each, so that the loops are plain stores. */
static bool fill_u64(struct batch *b, enum field_id f, size_t row, size_t n, uint64_t v)
{
    void *col = batch_col(b, f);

    if (!col)
        return false;
    if (kind_table[field_table[f].kind].width == 1) {
        memset((uint8_t *)col + row, (int)v, n);
    } else if (kind_table[field_table[f].kind].width == 4) {
        uint32_t *to = (uint32_t *)col + row;
        for (size_t i = 0; i < n; i++)
            to[i] = (uint32_t)v;
    } else {
        uint64_t *to = (uint64_t *)col + row;
        for (size_t i = 0; i < n; i++)
            to[i] = v;
    }
    batch_set(b, f, row, n);
    return true;
}

static bool fill_addr(struct batch *b, enum field_id f, size_t row, size_t n, const struct addr *a)
{
    struct addr *col = batch_col(b, f);
    struct addr v = *a;

    if (!col)
        return false;
    for (size_t i = row; i < row + n; i++)
        col[i] = v;
    batch_set(b, f, row, n);
    return true;
}

static bool plausible(int64_t ms, int64_t received_ms)
{
    return ms >= year_1990_ms && ms <= received_ms + decode_day_ms;
}

/* Where the column has a plausible time, it is the flow's. */
static void prefer_time(const struct batch *b, enum field_id f, size_t row, size_t n,
                        int64_t received_ms, int64_t *time)
{
    if (!batch_uses(b, f))
        return;
    const int64_t *from = b->col[f];
    if (batch_has_all(b, f, row, n)) {
        for (size_t i = row; i < row + n; i++)
            time[i] = plausible(from[i], received_ms) ? from[i] : time[i];
        return;
    }
    for (size_t i = row; i < row + n; i++)
        if (batch_has(b, f, i) && plausible(from[i], received_ms))
            time[i] = from[i];
}

/* Of IPFIX with uptimes: where the start of the exporter has been said by itself (softflowd). */
static bool fill_since(struct batch *b, enum field_id uptime, enum field_id f, size_t row, size_t n,
                       const struct context *c)
{
    for (size_t i = row; i < row + n; i++) {
        if (!batch_has(b, uptime, i) || batch_has(b, f, i))
            continue;
        int64_t at =
            convert_uptime_since(c->head->export_ms, c->exporter->boot_ms, batch_u64(b, uptime, i));
        if (!batch_put_u64(b, f, i, (uint64_t)at))
            return false;
    }
    return true;
}

static bool fill_uptimes(const struct plan *p, struct batch *b, size_t row, size_t n,
                         const struct context *c)
{
    if (!c->exporter || c->exporter->boot_ms == INT64_MIN)
        return true;
    if (plan_has(p, FIELD_FIRST_UPTIME) &&
        !fill_since(b, FIELD_FIRST_UPTIME, FIELD_FIRST, row, n, c))
        return false;
    return !plan_has(p, FIELD_LAST_UPTIME) ||
           fill_since(b, FIELD_LAST_UPTIME, FIELD_LAST, row, n, c);
}

static bool fill_time(struct batch *b, size_t row, size_t n, const struct context *c)
{
    int64_t sent = c->head->export_ms;
    int64_t otherwise = plausible(sent, c->received_ms) ? sent : c->received_ms;

    if (!fill_u64(b, FIELD_TIME, row, n, (uint64_t)otherwise))
        return false;
    prefer_time(b, FIELD_EVENT, row, n, c->received_ms, b->col[FIELD_TIME]);
    prefer_time(b, FIELD_LAST, row, n, c->received_ms, b->col[FIELD_TIME]);
    return true;
}

static bool fill_rate(const struct decoder *d, const struct plan *p, struct batch *b, size_t row,
                      size_t n, const struct context *c, double forced_rate)
{
    struct rating r = {.rates = &d->state.rates,
                       .addr = &c->from->addr,
                       .head = c->head,
                       .forced = d->limits.forced_rate >= 1 ? d->limits.forced_rate : forced_rate,
                       .otherwise = d->limits.default_rate,
                       .no_header = plan_ignores_sampling(p)};
    return rating_fill(&r, p, b, row, n);
}

/* How many rows from `row` on name the same exporter; *who is it, or NULL where none is named. */
static size_t named_alike(const struct batch *b, size_t row, size_t end, const struct addr **who)
{
    size_t i = row + 1;

    *who = batch_at(b, FIELD_EXPORTER_ADDR, row);
    if (*who && addr_is_zero(*who))
        *who = NULL;
    for (; i < end; i++) {
        const struct addr *other = batch_at(b, FIELD_EXPORTER_ADDR, i);
        bool alike = *who && other ? addr_eq(*who, other) : *who == other;
        if (!alike)
            break;
    }
    return i - row;
}

/* Who exported, and what the operator says of the rate there. A relay that is trusted speaks for
 * others. */
static bool fill_exporter(const struct decoder *d, const struct plan *p, struct batch *b,
                          size_t row, size_t n, const struct context *c)
{
    bool speaks = c->trusts && c->exporter && plan_has(p, FIELD_EXPORTER_ADDR);
    const struct addr *who = NULL;
    bool ok = true;

    for (size_t at = row, end = row + n; at < end && ok; at += n) {
        n = speaks ? named_alike(b, at, end, &who) : end - at;
        if (who)
            exporters_name(&d->state.exporters, c->exporter, who);
        ok = fill_addr(b, FIELD_EXPORTER, at, n, who ? who : &c->from->addr) &&
             fill_rate(d, p, b, at, n, c, who ? c->exporter->identity.forced_rate : c->forced_rate);
    }
    return ok;
}

static bool fill_common(const struct decoder *d, const struct plan *p, struct batch *b, size_t row,
                        size_t n, const struct context *c)
{
    const struct msg *m = c->head;
    bool ok = fill_uptimes(p, b, row, n, c) &&
              fill_u64(b, FIELD_RECEIVED, row, n, (uint64_t)c->received_ms) &&
              fill_u64(b, FIELD_EXPORT, row, n, (uint64_t)m->export_ms) &&
              fill_u64(b, FIELD_VERSION, row, n, m->version) &&
              fill_u64(b, FIELD_RECORD_KIND, row, n, plan_kind(p)) && fill_time(b, row, n, c) &&
              fill_exporter(d, p, b, row, n, c);
    if (ok && msg_has_sets(m))
        ok = fill_u64(b, FIELD_DOMAIN, row, n, m->domain);
    if (ok && msg_has_engine(m))
        ok = fill_u64(b, FIELD_ENGINE_TYPE, row, n, m->engine_type) &&
             fill_u64(b, FIELD_ENGINE_ID, row, n, m->engine_id);
    return ok;
}

/* --- records --- */

/* The exporter's start holds for all that it sends. It is believed by the exporter's own clock, so
 * that it does not matter when the datagram was received. */
static void learn_start(const struct context *c, const struct batch *b, size_t n)
{
    for (size_t i = 0; i < n && c->exporter && c->head->version == 10; i++) {
        int64_t ms = (int64_t)batch_u64(b, FIELD_INIT, i);
        if (plausible(ms, c->head->export_ms))
            c->exporter->boot_ms = ms;
    }
}

/* Rows [row, row + n) of options data have been decoded. */
static void take_options(struct decoder *d, const struct context *c, const struct plan *p, size_t n)
{
    bool known = decode_is_known(c->exporter);

    d->n_options += c->was_held ? 0 : (uint32_t)n;
    count_add(d->counts, COUNT_OPTIONS, n);
    learn_start(c, d->options, n);
    naming_learn(&d->state.names, &c->from->addr, c->head->domain, known, d->options, 0, n,
                 c->received_ms);
    if (!plan_ignores_sampling(p))
        rates_learn(&d->state.rates, &c->from->addr, c->head->domain, known, d->options, 0, n,
                    c->received_ms);
    if (c->exporter)
        suspect_rates(&c->exporter->suspect, d->options, 0, n);
    decode_tell(d, c,
                (struct decode_event){.what = DECODE_OPTIONS, .batch = d->options, .rows = n});
    batch_reset(d->options);
}

/* Is it what it seems? */
static void look_at(const struct decoder *d, const struct context *c, const struct plan *p,
                    size_t row, size_t n)
{
    if (c->head->version == 8)
        suspect_v8(&c->exporter->suspect, c->head, p, d->batch, row, n);
    if (plan_has(p, FIELD_SAMPLING_INTERVAL) || plan_has(p, FIELD_SAMPLER_INTERVAL))
        suspect_rates(&c->exporter->suspect, d->batch, row, n);
}

static void take_flows(struct decoder *d, const struct context *c, const struct plan *p, size_t row,
                       size_t n)
{
    if (c->exporter)
        look_at(d, c, p, row, n);

    d->flows += c->was_held ? 0 : (uint32_t)n;
    count_add(d->counts, COUNT_FLOWS, n);
    book_add(c->book, BOOK_STORED, (int64_t)n);
    if (c->exporter)
        health_flows(&c->exporter->health, d->batch, row, n);
    decode_tell(
        d, c,
        (struct decode_event){.what = DECODE_FLOWS, .batch = d->batch, .row = row, .rows = n});
}

/* They count in the sequence, and nowhere else. */
static void reject_rows(struct decoder *d, const struct context *c, struct batch *b, size_t row,
                        size_t bytes, size_t n, bool options)
{
    batch_cut(b, row, bytes);
    if (options) {
        d->n_options += (uint32_t)n;
        return;
    }
    d->flows += (uint32_t)n;
    count_add(d->counts, COUNT_FLOWS_REJECTED, n);
    book_add(c->book, BOOK_REJECTED, (int64_t)n);
}

static void count_quirks(struct decoder *d, const struct context *c, const struct plan *p,
                         size_t records)
{
    size_t n;
    const uint8_t *rules = plan_quirks(p, &n);

    if (n == 0 || records == 0)
        return;
    exporters_bent(&d->state.exporters, c->exporter, rules, n, records);
    count_add(d->counts, COUNT_QUIRK_RECORDS, records);
}

size_t decode_records(struct decoder *d, const struct context *c, struct plan *p,
                      struct cur records)
{
    struct plan_clock clock = {.export_ms = c->head->export_ms, .uptime_ms = c->head->uptime_ms};
    bool options = plan_kind(p) == RECORD_OPTIONS;
    size_t total = 0;

    for (;;) {
        if (d->batch->rows == d->batch->cap || d->batch->bytes.len > TEXT_ROOM)
            decoder_flush(d);
        struct batch *b = options ? d->options : d->batch;
        struct err err;
        size_t row = b->rows;
        size_t bytes = b->bytes.len;
        size_t n;
        int r = plan_run(p, &clock, &records, b, &n, &err);
        book_add(c->book, BOOK_RECEIVED, options ? 0 : (int64_t)n);
        if (n > 0 && !fill_common(d, p, b, row, n, c)) {
            batch_cut(b, row, bytes);
            book_add(c->book, BOOK_NO_MEMORY, options ? 0 : (int64_t)n);
            n = 0;
            r = ERR_LIMIT;
        }
        total += n;
        count_quirks(d, c, p, n);
        if (n > 0 && c->reject)
            reject_rows(d, c, b, row, bytes, n, options);
        else if (n > 0 && options)
            take_options(d, c, p, n);
        else if (n > 0)
            take_flows(d, c, p, row, n);
        if (r == ERR_DATA)
            decode_malformed(d, c, COUNT_BAD_RECORD, cur_left(&records), err.text);
        else if (r)
            decode_malformed(d, c, COUNT_NO_MEMORY, cur_left(&records), "no memory");
        if (r || n == 0)
            return total;
    }
}
