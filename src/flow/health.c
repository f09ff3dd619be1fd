#include "flow/health.h"

#include "base/attr.h"

/* An active timeout is kept to within a tick of the exporter. */
static const int64_t minute_ms = 66000;
static const int64_t five_minutes_ms = 330000;
static const int64_t hour_ms = 3600000;
static const int64_t day_ms = 86400000;

enum { QUIET_FACTOR = 3, SAME_START_MS = 2000, PROTO_TCP = 6 };

/* --- datagrams --- */

/* Nothing is exported before it is measured: the datagram that seems to come soonest was the
 * shortest time on its way, and tells most of the clock. */
static void look_at_clock(struct health *h, int64_t ahead_ms, int64_t received_ms, bool first)
{
    if (first) {
        h->clock_best_ms = ahead_ms;
        h->clock_since_ms = received_ms;
        return;
    }
    if (received_ms - h->clock_since_ms < HEALTH_CLOCK_MS) {
        h->clock_best_ms = ahead_ms > h->clock_best_ms ? ahead_ms : h->clock_best_ms;
        return;
    }
    if (h->clock_spans++ == 0) {
        h->clock_first_ms = h->clock_best_ms;
        h->clock_first_at_ms = received_ms;
    }
    h->clock_last_ms = h->clock_best_ms;
    h->clock_last_at_ms = received_ms;
    h->clock_best_ms = ahead_ms;
    h->clock_since_ms = received_ms;
}

/* A silence far beyond what is usual is told, and makes longer ones usual by and by. */
static void look_at_silence(struct health *h, int64_t gap_ms, bool settled)
{
    if (gap_ms <= h->quiet_ms)
        return;
    if (!settled || gap_ms <= HEALTH_QUIET_MS || gap_ms <= QUIET_FACTOR * h->quiet_ms) {
        h->quiet_ms = gap_ms;
        return;
    }
    h->silences++;
    h->silence_ms = gap_ms > h->silence_ms ? gap_ms : h->silence_ms;
    h->quiet_ms = 2 * h->quiet_ms > gap_ms / 8 ? 2 * h->quiet_ms : gap_ms / 8;
}

void health_datagram(struct health *h, const struct msg *m, int64_t received_ms, int64_t last_ms,
                     bool settled)
{
    bool first = last_ms == INT64_MIN;

    look_at_clock(h, m->export_ms - received_ms, received_ms, first);
    if (!first)
        look_at_silence(h, received_ms - last_ms, settled);
    if (m->version == 5)
        h->header = m->sampling;
}

/* --- records --- */

static void look_for(struct health *h, const struct batch *b, size_t row, enum field_id f,
                     enum health_says what)
{
    if ((h->told & what) || !batch_has(b, f, row))
        return;
    h->sent |= (uint16_t)what;
    if (batch_u64(b, f, row) != 0)
        h->told |= (uint16_t)what;
}

static void look_at_sampler(struct health *h, const struct batch *b, size_t row)
{
    enum field_id f = batch_has(b, FIELD_SAMPLER_ID, row) ? FIELD_SAMPLER_ID : FIELD_SELECTOR_ID;
    uint64_t from = batch_u64(b, FIELD_RATE_FROM, row);
    uint64_t sampler = batch_u64(b, f, row);

    if (sampler == 0 || (from != RATE_NONE && from != RATE_DEFAULT))
        return;
    h->unknown_sampler++;
    h->sampler = sampler;
}

static void look_at_direction(struct health *h, const struct batch *b, size_t row)
{
    if (batch_has(b, FIELD_DIRECTION, row))
        h->told |= batch_u64(b, FIELD_DIRECTION, row) == 1 ? HEALTH_EXIT : HEALTH_ENTRY;
}

static void look_closely(struct health *h, const struct batch *b, size_t row)
{
    static const struct {
        enum field_id field;
        enum health_says what;
    } says[] = {
        {FIELD_BYTES, HEALTH_BYTES},
        {FIELD_BYTES_TOTAL, HEALTH_BYTES},
        {FIELD_INITIATOR_BYTES, HEALTH_BYTES},
        {FIELD_PACKETS, HEALTH_PACKETS},
        {FIELD_PACKETS_TOTAL, HEALTH_PACKETS},
        {FIELD_INITIATOR_PACKETS, HEALTH_PACKETS},
        {FIELD_IN_IF, HEALTH_INTERFACE},
        {FIELD_OUT_IF, HEALTH_INTERFACE},
        {FIELD_IN_PHYS_IF, HEALTH_INTERFACE},
        {FIELD_OUT_PHYS_IF, HEALTH_INTERFACE},
        {FIELD_SRC_AS, HEALTH_AS},
        {FIELD_DST_AS, HEALTH_AS},
        {FIELD_PREV_AS, HEALTH_AS},
        {FIELD_NEXT_AS, HEALTH_AS},
        {FIELD_SRC_MASK, HEALTH_MASK},
        {FIELD_DST_MASK, HEALTH_MASK},
        {FIELD_TCP_FLAGS, HEALTH_TCP_FLAGS},
        {FIELD_LAST, HEALTH_TIMES},
        {FIELD_EVENT, HEALTH_TIMES},
        {FIELD_LAST_UPTIME, HEALTH_UPTIMES},
    };

    h->looked++;
    h->tcp += batch_u64(b, FIELD_PROTO, row) == PROTO_TCP;
    for (size_t i = 0; i < COUNT_OF(says); i++)
        look_for(h, b, row, says[i].field, says[i].what);
    look_at_direction(h, b, row);
    look_at_sampler(h, b, row);
}

/* From one time to another, of those that an exporter chooses: any at all, so it may wrap. */
static int64_t ms_between(int64_t from, int64_t to)
{
    return (int64_t)((uint64_t)to - (uint64_t)from);
}

static void count_times(struct health *h, const int64_t *first, const int64_t *last,
                        const int64_t *export, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t lasted = ms_between(first[i], last[i]);
        h->backward += lasted < 0;
        h->over_day += lasted > day_ms;
        h->ahead += ms_between(export[i], last[i]) > hour_ms;
        if (lasted > day_ms)
            continue;
        h->over_minute += lasted > minute_ms;
        h->over_five += lasted > five_minutes_ms;
        h->longest_ms = lasted > h->longest_ms ? lasted : h->longest_ms;
    }
}

static void look_at_times(struct health *h, const struct batch *b, size_t row, size_t n)
{
    if (!batch_has_all(b, FIELD_FIRST, row, n) || !batch_has_all(b, FIELD_LAST, row, n))
        return;
    const int64_t *first = (const int64_t *)b->col[FIELD_FIRST] + row;
    const int64_t *last = (const int64_t *)b->col[FIELD_LAST] + row;
    const int64_t *export = (const int64_t *)b->col[FIELD_EXPORT] + row;
    int64_t longest = 0;
    int64_t shortest = 0;
    int64_t latest = INT64_MIN;

    h->timed += n;
    for (size_t i = 0; i < n; i++) {
        int64_t lasted = ms_between(first[i], last[i]);
        longest = lasted > longest ? lasted : longest;
        shortest = lasted < shortest ? lasted : shortest;
        latest = last[i] > latest ? last[i] : latest;
    }
    if (longest > minute_ms || shortest < 0 || ms_between(export[0], latest) > hour_ms)
        count_times(h, first, last, export, n);
    else if (longest > h->longest_ms)
        h->longest_ms = longest;
}

/* --- doubles --- */

static bool same_addr(const struct batch *b, enum field_id f, size_t row, const struct addr *a)
{
    const struct addr *x = batch_at(b, f, row);
    return x && addr_eq(x, a);
}

static bool is_copy(const struct health_watch *w, const struct batch *b, size_t row)
{
    if (batch_u64(b, FIELD_DST_PORT, row) != w->dst_port ||
        batch_u64(b, FIELD_PACKETS, row) != w->packets ||
        batch_u64(b, FIELD_BYTES, row) != w->bytes || batch_u64(b, FIELD_PROTO, row) != w->proto ||
        !same_addr(b, FIELD_SRC_ADDR, row, &w->src) || !same_addr(b, FIELD_DST_ADDR, row, &w->dst))
        return false;
    int64_t apart = ms_between(w->first_ms, (int64_t)batch_u64(b, FIELD_FIRST, row));
    bool elsewhere = batch_u64(b, FIELD_DIRECTION, row) != w->direction ||
                     batch_u64(b, FIELD_IN_IF, row) != w->in_if ||
                     batch_u64(b, FIELD_OUT_IF, row) != w->out_if;
    return elsewhere && apart <= SAME_START_MS && apart >= -SAME_START_MS;
}

/* The next flow to look for, if the record tells enough of it. */
static bool begin_watch(struct health *h, const struct batch *b, size_t row, int64_t now_ms)
{
    const struct addr *src = batch_at(b, FIELD_SRC_ADDR, row);
    const struct addr *dst = batch_at(b, FIELD_DST_ADDR, row);

    if (!src || !dst || !batch_has(b, FIELD_BYTES, row) || batch_u64(b, FIELD_SRC_PORT, row) == 0 ||
        !((h->sent & HEALTH_INTERFACE) || batch_has(b, FIELD_DIRECTION, row)))
        return false;
    h->watch = (struct health_watch){.on = true,
                                     .proto = (uint8_t)batch_u64(b, FIELD_PROTO, row),
                                     .direction = (uint8_t)batch_u64(b, FIELD_DIRECTION, row),
                                     .src_port = (uint16_t)batch_u64(b, FIELD_SRC_PORT, row),
                                     .dst_port = (uint16_t)batch_u64(b, FIELD_DST_PORT, row),
                                     .in_if = (uint32_t)batch_u64(b, FIELD_IN_IF, row),
                                     .out_if = (uint32_t)batch_u64(b, FIELD_OUT_IF, row),
                                     .src = *src,
                                     .dst = *dst,
                                     .bytes = batch_u64(b, FIELD_BYTES, row),
                                     .packets = batch_u64(b, FIELD_PACKETS, row),
                                     .first_ms = (int64_t)batch_u64(b, FIELD_FIRST, row),
                                     .since_ms = now_ms};
    return true;
}

static void look_for_copies(struct health *h, const struct batch *b, size_t row, size_t n)
{
    if (!batch_has_all(b, FIELD_SRC_PORT, row, n))
        return;
    const uint16_t *port = b->col[FIELD_SRC_PORT];
    int64_t now_ms = ((const int64_t *)b->col[FIELD_RECEIVED])[row];
    size_t i = row;

    if (h->watch.on && now_ms - h->watch.since_ms > HEALTH_WATCH_MS) {
        h->watch.on = false;
        h->watched++;
    }
    if (!h->watch.on && !begin_watch(h, b, i++, now_ms))
        return;
    for (uint16_t want = h->watch.src_port; i < row + n; i++) {
        if (port[i] != want || !is_copy(&h->watch, b, i))
            continue;
        h->watch.on = false;
        h->watched++;
        h->doubles++;
        look_at_direction(h, b, i);
        if (batch_has(b, FIELD_DIRECTION, i))
            h->told |= h->watch.direction == 1 ? HEALTH_EXIT : HEALTH_ENTRY;
        return;
    }
}

static void look_at_rates(struct health *h, const struct batch *b, size_t row, size_t n)
{
    const uint8_t *from = b->col[FIELD_RATE_FROM];
    unsigned seen = 0;

    for (size_t i = row; i < row + n; i++)
        seen |= 1U << from[i];
    h->rates |= (uint16_t)seen;
}

void health_flows(struct health *h, const struct batch *b, size_t row, size_t n)
{
    if (((const uint8_t *)b->col[FIELD_RECORD_KIND])[row] != RECORD_FLOW)
        return;
    h->sets++;
    if (h->sets <= HEALTH_CLOSE_SETS || h->sets % HEALTH_ONE_IN == 0) {
        look_closely(h, b, row);
        look_at_rates(h, b, row, n);
        look_at_times(h, b, row, n);
    }
    look_for_copies(h, b, row, n);
}
