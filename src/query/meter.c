#include "query/meter.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void sums_add_fraction(struct sums *s, const struct fraction *rest)
{
    s->packets = sums_add_u64(s->packets, (uint64_t)llround(rest->packets));
    s->bytes = sums_add_u64(s->bytes, (uint64_t)llround(rest->bytes));
}

/* 0 where a time is not known, or they are not in order. */
static double seconds(const struct sums *s)
{
    if (s->first_ms == SUMS_NO_FIRST || s->last_ms == SUMS_NO_LAST || s->last_ms <= s->first_ms)
        return 0;
    return (double)((uint64_t)s->last_ms - (uint64_t)s->first_ms) / 1000;
}

static double ratio(double over, double under) { return under > 0 ? over / under : 0; }

double sums_bps(const struct sums *s) { return ratio((double)s->bytes * 8, seconds(s)); }
double sums_pps(const struct sums *s) { return ratio((double)s->packets, seconds(s)); }
double sums_bpp(const struct sums *s) { return ratio((double)s->bytes, (double)s->packets); }

void meter_init(struct meter *m, bool raw)
{
    *m = (struct meter){.raw = raw, .total = sums_none()};
}

void meter_free(struct meter *m)
{
    free(m->room);
    *m = (struct meter){0};
}

void meter_fields(const struct meter_needs *needs, bool raw, struct field_set *want)
{
    field_set_add(want, FIELD_FLOWS);
    if (needs->bytes)
        measure_fields(MEASURE_BYTES, want);
    if (needs->packets)
        measure_fields(MEASURE_PACKETS, want);
    if (needs->times) {
        field_set_add(want, FIELD_FIRST);
        field_set_add(want, FIELD_LAST);
    }
    if (!raw && (needs->bytes || needs->packets))
        field_set_add(want, FIELD_RATE);
}

void meter_batch(struct meter *m, const struct batch *b)
{
    size_t words = (b->cap + 63) / 64;

    if (b->cap > m->room_rows) {
        m->room = mem_resize(m->room, 2 * (b->cap + words), sizeof *m->room);
        m->room_rows = b->cap;
    }
    uint64_t *second = m->room + b->cap + words;
    m->packets = measure_get(b, MEASURE_PACKETS, 0, b->rows,
                             (struct measure_room){m->room, m->room + b->cap});
    m->bytes =
        measure_get(b, MEASURE_BYTES, 0, b->rows, (struct measure_room){second, second + b->cap});
}

static inline bool bit(const uint64_t *seen, size_t row)
{
    return seen[row / 64] >> (row % 64) & 1;
}

static void fill_counters(struct meter *m, const uint32_t *rows, size_t n)
{
    struct sums *out = m->sums;

    for (size_t i = 0; i < n; i++) {
        size_t row = rows[i];
        out[i].flows = 1;
        out[i].packets = bit(m->packets.seen, row) ? m->packets.v[row] : 0;
        out[i].bytes = bit(m->bytes.seen, row) ? m->bytes.v[row] : 0;
    }
}

static void fill_flows(const struct batch *b, const uint32_t *rows, size_t n, struct sums *out)
{
    const uint64_t *v = b->col[FIELD_FLOWS];

    for (size_t i = 0; i < n; i++)
        if (bit(b->seen[FIELD_FLOWS], rows[i]) && v[rows[i]] != 0)
            out[i].flows = v[rows[i]];
}

static void fill_times(const struct batch *b, const uint32_t *rows, size_t n, struct sums *out)
{
    bool has_first = batch_uses(b, FIELD_FIRST);
    bool has_last = batch_uses(b, FIELD_LAST);
    const int64_t *first = b->col[FIELD_FIRST];
    const int64_t *last = b->col[FIELD_LAST];

    for (size_t i = 0; i < n; i++) {
        size_t row = rows[i];
        out[i].first_ms = has_first && bit(b->seen[FIELD_FIRST], row) ? first[row] : SUMS_NO_FIRST;
        out[i].last_ms = has_last && bit(b->seen[FIELD_LAST], row) ? last[row] : SUMS_NO_LAST;
    }
}

/* v times rate: the whole part, what is behind the point to *rest. */
static uint64_t scale(uint64_t v, double rate, double *rest)
{
    double whole;
    uint64_t product;

    *rest = 0;
    if (rate < 9e15 && !(floor(rate) < rate))
        return __builtin_mul_overflow(v, (uint64_t)rate, &product) ? UINT64_MAX : product;
    double d = (double)v * rate;
    if (d >= 18446744073709551615.0)
        return UINT64_MAX;
    *rest = modf(d, &whole);
    return (uint64_t)whole;
}

/* The rate to multiply by: 1 if there is none that makes sense. */
static double rate_of(const struct batch *b, size_t row)
{
    const double *v = b->col[FIELD_RATE];

    return bit(b->seen[FIELD_RATE], row) && v[row] > 0 && isfinite(v[row]) ? v[row] : 1;
}

static void apply_rates(struct meter *m, const struct batch *b, const uint32_t *rows, size_t n)
{
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        double rate = rate_of(b, rows[i]);
        any |= rate < 1 || rate > 1;
        m->fractions |= floor(rate) < rate;
    }
    m->scaled |= any;
    for (size_t i = 0; any && i < n; i++) {
        double rate = rate_of(b, rows[i]);
        m->sums[i].packets = scale(m->sums[i].packets, rate, &m->rest[i].packets);
        m->sums[i].bytes = scale(m->sums[i].bytes, rate, &m->rest[i].bytes);
    }
}

void meter_rows(struct meter *m, const struct batch *b, const uint32_t *rows, size_t n)
{
    assert(n <= METER_CHUNK);
    m->fractions = false;
    fill_counters(m, rows, n);
    if (batch_uses(b, FIELD_FLOWS))
        fill_flows(b, rows, n, m->sums);
    fill_times(b, rows, n, m->sums);
    if (!m->raw && batch_uses(b, FIELD_RATE))
        apply_rates(m, b, rows, n);
    for (size_t i = 0; i < n; i++)
        sums_add(&m->total, &m->sums[i]);
    for (size_t i = 0; m->fractions && i < n; i++) {
        m->total_rest.packets += m->rest[i].packets;
        m->total_rest.bytes += m->rest[i].bytes;
    }
}
