#include "query/tally.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tally_absent {
    uint64_t none[BATCH_ROWS];
    int64_t first[BATCH_ROWS];
    int64_t last[BATCH_ROWS];
};

void tally_init(struct tally *t, const struct meter_needs *needs, bool raw)
{
    t->raw = raw;
    t->needs = *needs;
    t->total = sums_none();
    t->scaled = false;
    if (needs->packets && needs->bytes && needs->times)
        return;
    t->absent = mem_new(1, sizeof *t->absent);
    for (size_t i = 0; i < BATCH_ROWS; i++) {
        t->absent->first[i] = SUMS_NO_FIRST;
        t->absent->last[i] = SUMS_NO_LAST;
    }
}

void tally_free(struct tally *t)
{
    free(t->absent);
    t->absent = NULL;
}

/* The rate of all rows in hand; false if they differ, or it is not whole. */
static int rate_of(struct tally *t, struct scan_reader *r, uint64_t *rate, bool *quick,
                   struct err *err)
{
    const struct pq_codes *c;
    double v;

    *rate = 1;
    *quick = true;
    if (t->raw || !(t->needs.packets || t->needs.bytes))
        return 0;
    int e = scan_reader_codes(r, FIELD_RATE, &c, err);
    if (e)
        return e;
    *quick = c && !c->code;
    if (!*quick || c->same == c->dict_n)
        return 0;
    memcpy(&v, (const double *)c->dict + c->same, sizeof v);
    if (!(v > 0) || !isfinite(v))
        return 0;
    *quick = v < 9e15 && !(floor(v) < v);
    if (*quick)
        *rate = (uint64_t)v;
    return 0;
}

static int need(struct scan_reader *r, const struct field_set *fields, struct err *err)
{
    for (int f = 0; f < FIELD_N; f++) {
        if (!field_set_has(fields, (enum field_id)f))
            continue;
        int e = scan_reader_need(r, (enum field_id)f, err);
        if (e)
            return e;
    }
    return 0;
}

static bool complete(const uint64_t *seen, size_t n)
{
    for (size_t w = 0; w < n / 64; w++)
        if (~seen[w])
            return false;
    uint64_t rest = n % 64 ? (UINT64_C(1) << n % 64) - 1 : 0;
    return rest == 0 || (seen[n / 64] & rest) == rest;
}

/* The values of the selected rows, or `absent`. Times are looked at as the words they are. */
static const uint64_t *gather(const uint64_t *v, const uint64_t *seen, size_t batch_rows,
                              const uint32_t *rows, size_t n, uint64_t absent, uint64_t *out)
{
    if (!v) {
        for (size_t i = 0; i < n; i++)
            out[i] = absent;
        return out;
    }
    bool all = complete(seen, batch_rows);
    if (all && !rows)
        return v;
    for (size_t i = 0; all && i < n; i++)
        out[i] = v[rows[i]];
    for (size_t i = 0; !all && i < n; i++) {
        size_t row = rows ? rows[i] : i;
        out[i] = seen[row / 64] >> row % 64 & 1 ? v[row] : absent;
    }
    return out;
}

static const uint64_t *measured(struct tally *t, const struct batch *b, enum measure m,
                                const uint32_t *rows, size_t n, uint64_t *out)
{
    size_t which = m == MEASURE_BYTES;
    if (!(which ? t->needs.bytes : t->needs.packets))
        return t->absent->none;
    struct measure_room room = {t->values[which], t->words[which]};
    struct measure_col c = measure_get(b, m, 0, b->rows, room);

    return gather(c.v, c.seen, b->rows, rows, n, 0, out);
}

static const uint64_t *scaled(const uint64_t *v, size_t n, uint64_t rate, uint64_t *out)
{
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(v[i], rate, &out[i]))
            out[i] = UINT64_MAX;
    return out;
}

static const int64_t *times(const struct batch *b, enum field_id f, const uint32_t *rows, size_t n,
                            int64_t absent, int64_t *out)
{
    bool has = batch_uses(b, f);

    return (const int64_t *)gather(has ? b->col[f] : NULL, has ? b->seen[f] : NULL, b->rows, rows,
                                   n, (uint64_t)absent, (uint64_t *)out);
}

/* The sum of n values, at most BATCH_ROWS of them: both halves by themselves, so that neither can
 * be too large and there is nothing to ask in between. */
static uint64_t sum_of(const uint64_t *v, size_t n)
{
    uint64_t low = 0;
    uint64_t high = 0;

    for (size_t i = 0; i < n; i++) {
        low += v[i] & UINT32_MAX;
        high += v[i] >> 32;
    }
    high += low >> 32;
    return high > UINT32_MAX ? UINT64_MAX : high << 32 | (low & UINT32_MAX);
}

static void add_total(struct tally *t)
{
    t->sum = sums_none();
    t->sum.flows = t->flows ? sum_of(t->flows, t->n) : t->n;
    t->sum.packets = sum_of(t->packets, t->n);
    t->sum.bytes = sum_of(t->bytes, t->n);
    sums_add(&t->total, &t->sum);
}

void tally_put(struct tally *t, size_t i, const struct sums *s)
{
    t->flows_rows[i] = s->flows;
    t->packets_rows[i] = s->packets;
    t->bytes_rows[i] = s->bytes;
    t->first_rows[i] = s->first_ms;
    t->last_rows[i] = s->last_ms;
    t->flows = t->flows_rows;
    t->packets = t->packets_rows;
    t->bytes = t->bytes_rows;
    t->first = t->first_rows;
    t->last = t->last_rows;
    t->timed = true;
}

int tally_rows(struct tally *t, struct scan_reader *r, const uint32_t *rows, size_t n, bool *quick,
               struct err *err)
{
    const struct batch *b = scan_reader_batch(r);
    struct field_set fields = {0};
    uint64_t rate;
    int e = rate_of(t, r, &rate, quick, err);

    if (e || !*quick)
        return e;
    meter_fields(&t->needs, true, &fields);
    e = need(r, &fields, err);
    if (e)
        return e;
    t->n = n;
    t->packets = measured(t, b, MEASURE_PACKETS, rows, n, t->packets_rows);
    t->bytes = measured(t, b, MEASURE_BYTES, rows, n, t->bytes_rows);
    t->timed = t->needs.times;
    if (t->timed) {
        t->first = times(b, FIELD_FIRST, rows, n, SUMS_NO_FIRST, t->first_rows);
        t->last = times(b, FIELD_LAST, rows, n, SUMS_NO_LAST, t->last_rows);
    } else {
        t->first = t->absent->first;
        t->last = t->absent->last;
    }
    t->flows = NULL;
    if (batch_uses(b, FIELD_FLOWS)) {
        t->flows =
            gather(b->col[FIELD_FLOWS], b->seen[FIELD_FLOWS], b->rows, rows, n, 1, t->flows_rows);
        for (size_t i = 0; i < n; i++) /* 0 is one, too */
            t->flows_rows[i] = t->flows[i] ? t->flows[i] : 1;
        t->flows = t->flows_rows;
    }
    if (rate != 1) {
        t->packets = scaled(t->packets, n, rate, t->packets_rows);
        t->bytes = scaled(t->bytes, n, rate, t->bytes_rows);
        t->scaled = true;
    }
    add_total(t);
    return 0;
}
