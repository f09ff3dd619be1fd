#include "flow/measure.h"

#include <assert.h>
#include <string.h>

/* The forms of a counter, in order of preference; the last two are added. */
static const struct {
    enum field_id delta, total, initiator, responder;
} counters[] = {
    [MEASURE_BYTES] = {FIELD_BYTES, FIELD_BYTES_TOTAL, FIELD_INITIATOR_BYTES,
                       FIELD_RESPONDER_BYTES},
    [MEASURE_PACKETS] = {FIELD_PACKETS, FIELD_PACKETS_TOTAL, FIELD_INITIATOR_PACKETS,
                         FIELD_RESPONDER_PACKETS},
};

static const struct {
    enum measure over, under;
    double scale;
} ratios[RATIO_N] = {
    [RATIO_BPS] = {MEASURE_BYTES, MEASURE_DURATION_MS, 8000},
    [RATIO_PPS] = {MEASURE_PACKETS, MEASURE_DURATION_MS, 1000},
    [RATIO_BPP] = {MEASURE_BYTES, MEASURE_PACKETS, 1},
};

/* Rows are worked on in chunks whose temporaries stay in the first-level cache. */
enum { CHUNK = 1024 };

void measure_fields(enum measure m, struct field_set *out)
{
    if (m == MEASURE_DURATION_MS) {
        field_set_add(out, FIELD_FIRST);
        field_set_add(out, FIELD_LAST);
        field_set_add(out, FIELD_FIRST_UPTIME);
        field_set_add(out, FIELD_LAST_UPTIME);
        field_set_add(out, FIELD_DURATION);
        return;
    }
    field_set_add(out, counters[m].delta);
    field_set_add(out, counters[m].total);
    field_set_add(out, counters[m].initiator);
    field_set_add(out, counters[m].responder);
}

void ratio_fields(enum ratio r, struct field_set *out)
{
    measure_fields(ratios[r].over, out);
    measure_fields(ratios[r].under, out);
}

/* Counters come from strangers: two that do not fit together are the largest there is. */
static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static bool span_at(const struct batch *b, enum field_id from, enum field_id to, size_t row,
                    uint64_t *v)
{
    if (!batch_has(b, from, row) || !batch_has(b, to, row))
        return false;
    uint64_t first = batch_u64(b, from, row);
    uint64_t last = batch_u64(b, to, row);
    bool backwards =
        field_table[from].kind == KIND_TIME ? (int64_t)last < (int64_t)first : last < first;
    if (backwards)
        return false;
    *v = last - first;
    return true;
}

static bool duration_at(const struct batch *b, size_t row, uint64_t *v)
{
    if (span_at(b, FIELD_FIRST, FIELD_LAST, row, v) ||
        span_at(b, FIELD_FIRST_UPTIME, FIELD_LAST_UPTIME, row, v))
        return true;
    *v = batch_u64(b, FIELD_DURATION, row);
    return batch_has(b, FIELD_DURATION, row);
}

bool measure_at(const struct batch *b, enum measure m, size_t row, uint64_t *v)
{
    if (m == MEASURE_DURATION_MS)
        return duration_at(b, row, v);

    enum field_id one = batch_has(b, counters[m].delta, row)   ? counters[m].delta
                        : batch_has(b, counters[m].total, row) ? counters[m].total
                                                               : FIELD_NONE;
    if (one != FIELD_NONE) {
        *v = batch_u64(b, one, row);
        return true;
    }
    *v = add(batch_u64(b, counters[m].initiator, row), batch_u64(b, counters[m].responder, row));
    return batch_has(b, counters[m].initiator, row) || batch_has(b, counters[m].responder, row);
}

bool ratio_at(const struct batch *b, enum ratio r, size_t row, double *v)
{
    uint64_t over;
    uint64_t under;

    *v = 0;
    if (!measure_at(b, ratios[r].over, row, &over) ||
        !measure_at(b, ratios[r].under, row, &under) || under == 0)
        return false;
    *v = (double)over * ratios[r].scale / (double)under;
    return true;
}

/* Which rows have both columns, as a word of presence bits. */
static uint64_t both(const struct batch *b, enum field_id f, enum field_id g, size_t word)
{
    return batch_uses(b, f) && batch_uses(b, g) ? b->seen[f][word] & b->seen[g][word] : 0;
}

static uint64_t only(const struct batch *b, enum field_id f, size_t word)
{
    return both(b, f, f, word);
}

static const uint64_t *column(const struct batch *b, enum field_id f, size_t from)
{
    const uint64_t *v = b->col[f];
    return v + from;
}

/* Values of column `f` over v where `take` has a bit; k rows. */
static void overlay(const struct batch *b, enum field_id f, size_t row, size_t k, uint64_t take,
                    uint64_t *v)
{
    if (take == 0)
        return;
    const uint64_t *from = column(b, f, row);
    for (size_t i = 0; i < k; i++)
        v[i] = take >> i & 1 ? from[i] : v[i];
}

/* One word's rows of a counter that has several forms in this batch. */
static uint64_t counter_word(const struct batch *b, enum measure m, size_t row, size_t k,
                             uint64_t v[64])
{
    size_t word = row / 64;
    uint64_t initiator = only(b, counters[m].initiator, word);
    uint64_t responder = only(b, counters[m].responder, word);
    uint64_t total = only(b, counters[m].total, word);
    uint64_t delta = only(b, counters[m].delta, word);

    memset(v, 0, k * sizeof *v);
    overlay(b, counters[m].initiator, row, k, initiator, v);
    if (responder != 0) {
        const uint64_t *from = column(b, counters[m].responder, row);
        for (size_t i = 0; i < k; i++)
            v[i] = responder >> i & 1 ? add(v[i], from[i]) : v[i];
    }
    overlay(b, counters[m].total, row, k, total, v);
    overlay(b, counters[m].delta, row, k, delta, v);
    return initiator | responder | total | delta;
}

static uint64_t duration_word(const struct batch *b, size_t row, size_t k, uint64_t v[64])
{
    size_t word = row / 64;
    uint64_t rest = both(b, FIELD_FIRST, FIELD_LAST, word);
    uint64_t seen = 0;

    if (rest != 0) {
        const int64_t *first = (const int64_t *)b->col[FIELD_FIRST] + row;
        const int64_t *last = (const int64_t *)b->col[FIELD_LAST] + row;
        for (size_t i = 0; i < k; i++) {
            v[i] = (uint64_t)last[i] - (uint64_t)first[i];
            seen |= (uint64_t)(last[i] >= first[i]) << i;
        }
        seen &= rest;
    }
    /* What is left has no such span: rare, so row by row. */
    rest = both(b, FIELD_FIRST_UPTIME, FIELD_LAST_UPTIME, word) | only(b, FIELD_DURATION, word);
    for (rest &= ~seen; rest != 0; rest &= rest - 1) {
        size_t i = (size_t)__builtin_ctzll(rest);
        if (i < k && duration_at(b, row + i, &v[i]))
            seen |= UINT64_C(1) << i;
    }
    return seen;
}

static bool only_deltas(const struct batch *b, enum measure m)
{
    return m != MEASURE_DURATION_MS && batch_uses(b, counters[m].delta) &&
           !batch_uses(b, counters[m].total) && !batch_uses(b, counters[m].initiator) &&
           !batch_uses(b, counters[m].responder);
}

struct measure_col measure_get(const struct batch *b, enum measure m, size_t from, size_t n,
                               struct measure_room room)
{
    assert(from % 64 == 0 && from <= b->rows && n <= b->rows - from);
    if (only_deltas(b, m))
        return (struct measure_col){column(b, counters[m].delta, from),
                                    b->seen[counters[m].delta] + from / 64};

    for (size_t at = 0; at < n; at += 64) {
        size_t k = n - at < 64 ? n - at : 64;
        room.seen[at / 64] = m == MEASURE_DURATION_MS
                                 ? duration_word(b, from + at, k, room.v + at)
                                 : counter_word(b, m, from + at, k, room.v + at);
    }
    return (struct measure_col){room.v, room.seen};
}

static void ratio_chunk(const struct batch *b, enum ratio r, size_t from, size_t n, double *v,
                        uint64_t *seen)
{
    uint64_t over_room[CHUNK];
    uint64_t under_room[CHUNK];
    uint64_t over_seen[CHUNK / 64];
    uint64_t under_seen[CHUNK / 64];
    struct measure_room room = {over_room, over_seen};
    struct measure_col over = measure_get(b, ratios[r].over, from, n, room);

    room = (struct measure_room){under_room, under_seen};
    struct measure_col under = measure_get(b, ratios[r].under, from, n, room);
    for (size_t at = 0; at < n; at += 64) {
        size_t k = n - at < 64 ? n - at : 64;
        uint64_t here = over.seen[at / 64] & under.seen[at / 64];
        uint64_t good = 0;
        for (size_t i = 0; i < k; i++) {
            bool ok = (here >> i & 1) && under.v[at + i] != 0;
            v[at + i] = ok ? (double)over.v[at + i] * ratios[r].scale / (double)under.v[at + i] : 0;
            good |= (uint64_t)ok << i;
        }
        seen[at / 64] = good;
    }
}

void ratio_get(const struct batch *b, enum ratio r, size_t from, size_t n, double *v,
               uint64_t *seen)
{
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t k = n - at < CHUNK ? n - at : CHUNK;
        ratio_chunk(b, r, from + at, k, v + at, seen + at / 64);
    }
}
