#include "query/source.h"

#include "query/distinct.h"
#include "query/keys.h"
#include "query/spec.h"

#include <string.h>

static const struct {
    const char *name; /* in columns */
    const char *word; /* as people write it */
    enum unit unit;
    enum number number;
} kinds[] = {
    [SOURCE_FIELD] = {NULL, NULL, UNIT_NONE, NUMBER_NONE},
    [SOURCE_BYTES] = {"bytes", "bytes", UNIT_BYTES, NUMBER_UINT},
    [SOURCE_PACKETS] = {"packets", "packets", UNIT_COUNT, NUMBER_UINT},
    [SOURCE_DURATION] = {"duration_ms", "duration", UNIT_DURATION, NUMBER_UINT},
    [SOURCE_BPS] = {"bps", "bps", UNIT_BITS_S, NUMBER_REAL},
    [SOURCE_PPS] = {"pps", "pps", UNIT_PACKETS_S, NUMBER_REAL},
    [SOURCE_BPP] = {"bpp", "bpp", UNIT_RATIO, NUMBER_REAL},
    [SOURCE_BYTES_OUT] = {"bytes_out", "bytes_out", UNIT_BYTES, NUMBER_UINT},
    [SOURCE_BYTES_IN] = {"bytes_in", "bytes_in", UNIT_BYTES, NUMBER_UINT},
    [SOURCE_PACKETS_OUT] = {"packets_out", "packets_out", UNIT_COUNT, NUMBER_UINT},
    [SOURCE_PACKETS_IN] = {"packets_in", "packets_in", UNIT_COUNT, NUMBER_UINT},
};

static enum number field_number(enum field_id f)
{
    enum kind kind = field_table[f].kind;

    if (kind <= KIND_U64)
        return NUMBER_UINT;
    return kind == KIND_F64 ? NUMBER_REAL : kind == KIND_TIME ? NUMBER_TIME : NUMBER_NONE;
}

enum number source_number(const struct source *s)
{
    return s->kind == SOURCE_FIELD ? field_number(s->field) : kinds[s->kind].number;
}

const char *source_name(const struct source *s)
{
    return s->kind == SOURCE_FIELD ? field_table[s->field].name : kinds[s->kind].name;
}

enum unit source_unit(const struct source *s)
{
    return s->kind == SOURCE_FIELD ? column_of(s->field).unit : kinds[s->kind].unit;
}

bool source_find(const char *name, size_t len, struct source *out)
{
    for (size_t i = SOURCE_BYTES; i <= SOURCE_BPP; i++) {
        const char *word = kinds[i].word;
        if (strlen(word) == len && memcmp(word, name, len) == 0) {
            *out = (struct source){.kind = (enum source_kind)i, .field = FIELD_NONE};
            return true;
        }
    }
    enum field_id f = spec_field(name, len);
    if (f == FIELD_DURATION)
        *out = (struct source){.kind = SOURCE_DURATION, .field = FIELD_NONE};
    else
        *out = (struct source){.kind = SOURCE_FIELD, .field = f};
    return f != FIELD_NONE;
}

void source_fields(const struct source *s, struct field_set *want)
{
    if (s->kind == SOURCE_FIELD)
        field_set_add(want, s->field);
    if (s->kind == SOURCE_DURATION || s->kind == SOURCE_BPS || s->kind == SOURCE_PPS)
        measure_fields(MEASURE_DURATION_MS, want);
    /* bytes and packets are read anyway */
}

__extension__ typedef unsigned __int128 wide;

static void put_real(struct values *out, size_t i, double v)
{
    memcpy(&out->v[i], &v, sizeof v);
    out->seen[i] = true;
}

static void put(struct values *out, size_t i, uint64_t v)
{
    out->v[i] = v;
    out->seen[i] = true;
}

static uint64_t rounded(uint64_t whole, double rest)
{
    return sums_add_u64(whole, rest >= 0.5 ? 1 : 0);
}

static bool is_swapped(const struct chunk *c, size_t i)
{
    return c->swap && (c->swap[i / 64] >> (i % 64) & 1);
}

static const struct sums *whole(const struct chunk *c, size_t i)
{
    return c->whole ? &c->whole[i] : &c->sums[i];
}

static uint64_t bytes_of(const struct chunk *c, size_t i)
{
    return rounded(whole(c, i)->bytes, c->rest ? c->rest[i].bytes : 0);
}

static uint64_t packets_of(const struct chunk *c, size_t i)
{
    return rounded(whole(c, i)->packets, c->rest ? c->rest[i].packets : 0);
}

static void bytes_or_packets(const struct chunk *c, enum measure m, struct values *out)
{
    for (size_t i = 0; i < c->n; i++) {
        uint64_t raw;
        if (measure_at(c->batch, m, c->rows[i], &raw))
            put(out, i, m == MEASURE_BYTES ? bytes_of(c, i) : packets_of(c, i));
    }
}

static void durations(const struct chunk *c, struct values *out)
{
    for (size_t i = 0; i < c->n; i++)
        out->seen[i] = measure_at(c->batch, MEASURE_DURATION_MS, c->rows[i], &out->v[i]);
}

/* Per second or per packet; absent where there is nothing to divide by. */
static void ratios(const struct chunk *c, enum source_kind kind, struct values *out)
{
    for (size_t i = 0; i < c->n; i++) {
        uint64_t raw;
        uint64_t ms;
        bool has = measure_at(c->batch, kind == SOURCE_PPS ? MEASURE_PACKETS : MEASURE_BYTES,
                              c->rows[i], &raw);
        double over = kind == SOURCE_PPS   ? (double)packets_of(c, i)
                      : kind == SOURCE_BPS ? (double)bytes_of(c, i) * 8
                                           : (double)bytes_of(c, i);
        double under;
        if (kind == SOURCE_BPP)
            under = (double)packets_of(c, i);
        else
            under =
                measure_at(c->batch, MEASURE_DURATION_MS, c->rows[i], &ms) ? (double)ms / 1000 : 0;
        if (has && under > 0)
            put_real(out, i, over / under);
    }
}

/* A field of row i, the other end's where the row is turned. */
static enum field_id field_of(const struct chunk *c, size_t i, enum field_id f)
{
    return is_swapped(c, i) ? keys_swapped(f) : f;
}

static void fields(const struct chunk *c, enum field_id f, struct values *out)
{
    for (size_t i = 0; i < c->n; i++) {
        enum field_id g = field_of(c, i, f);
        if (batch_has(c->batch, g, c->rows[i]))
            put(out, i, batch_u64(c->batch, g, c->rows[i]));
    }
}

static void reals(const struct chunk *c, enum field_id f, struct values *out)
{
    const double *v = c->batch->col[f];

    for (size_t i = 0; i < c->n; i++)
        if (batch_has(c->batch, f, c->rows[i]))
            put_real(out, i, v[c->rows[i]]);
}

/* How much of `v` went back, of a record that says both ways in one: 0 where it has a delta or a
 * total, which are of one way. */
static uint64_t answered(const struct chunk *c, size_t i, bool bytes, uint64_t v)
{
    const struct batch *b = c->batch;
    size_t row = c->rows[i];

    if (batch_has(b, bytes ? FIELD_BYTES : FIELD_PACKETS, row) ||
        batch_has(b, bytes ? FIELD_BYTES_TOTAL : FIELD_PACKETS_TOTAL, row))
        return 0;
    uint64_t out = batch_u64(b, bytes ? FIELD_INITIATOR_BYTES : FIELD_INITIATOR_PACKETS, row);
    uint64_t in = batch_u64(b, bytes ? FIELD_RESPONDER_BYTES : FIELD_RESPONDER_PACKETS, row);
    wide both = (wide)out + in;
    return both > 0 ? (uint64_t)((wide)v * in / both) : 0;
}

static void one_way(const struct chunk *c, enum source_kind kind, struct values *out)
{
    bool want_in = kind == SOURCE_BYTES_IN || kind == SOURCE_PACKETS_IN;
    bool bytes = kind == SOURCE_BYTES_IN || kind == SOURCE_BYTES_OUT;

    for (size_t i = 0; i < c->n; i++) {
        uint64_t v = bytes ? c->sums[i].bytes : c->sums[i].packets;
        uint64_t back = answered(c, i, bytes, v);
        put(out, i, is_swapped(c, i) == want_in ? v - back : back);
    }
}

void source_numbers(const struct source *s, const struct chunk *c, struct values *out)
{
    memset(out->seen, 0, c->n * sizeof *out->seen);
    switch (s->kind) {
    case SOURCE_BYTES:
        bytes_or_packets(c, MEASURE_BYTES, out);
        return;
    case SOURCE_PACKETS:
        bytes_or_packets(c, MEASURE_PACKETS, out);
        return;
    case SOURCE_DURATION:
        durations(c, out);
        return;
    case SOURCE_BPS:
    case SOURCE_PPS:
    case SOURCE_BPP:
        ratios(c, s->kind, out);
        return;
    case SOURCE_BYTES_OUT:
    case SOURCE_BYTES_IN:
    case SOURCE_PACKETS_OUT:
    case SOURCE_PACKETS_IN:
        one_way(c, s->kind, out);
        return;
    case SOURCE_FIELD:
        break;
    }
    if (field_number(s->field) == NUMBER_REAL)
        reals(c, s->field, out);
    else
        fields(c, s->field, out);
}

static void hash_numbers(const struct source *s, const struct chunk *c, struct values *out)
{
    source_numbers(s, c, out);
    for (size_t i = 0; i < c->n; i++)
        out->v[i] = distinct_hash_u64(out->v[i]);
}

void source_hashes(const struct source *s, const struct chunk *c, struct values *out)
{
    enum kind kind = s->kind == SOURCE_FIELD ? field_table[s->field].kind : KIND_U64;
    size_t len = kind_table[kind].width;
    bool is_cell = kind == KIND_TEXT || kind == KIND_BYTES;

    if (!is_cell && kind != KIND_ADDR && kind != KIND_MAC) {
        hash_numbers(s, c, out);
        return;
    }
    memset(out->seen, 0, c->n * sizeof *out->seen);
    for (size_t i = 0; i < c->n; i++) {
        enum field_id f = field_of(c, i, s->field);
        const void *at = is_cell ? batch_bytes(c->batch, f, c->rows[i], &len)
                                 : batch_at(c->batch, f, c->rows[i]);
        if (at)
            put(out, i, distinct_hash(at, len));
    }
}

static uint64_t number_of(const uint8_t *at, size_t width)
{
    uint64_t v = 0;

    for (size_t i = 0; i < width; i++)
        v |= (uint64_t)at[i] << i * 8;
    return v;
}

void source_hash(enum field_id f, const void *values, const uint8_t *text, size_t n, uint64_t *out)
{
    enum kind kind = field_table[f].kind;
    size_t width = kind_table[kind].width;
    bool is_cell = kind == KIND_TEXT || kind == KIND_BYTES;
    const uint8_t *at = values;
    const struct cell *cells = values;

    for (size_t i = 0; i < n; i++, at += width)
        if (is_cell)
            out[i] = distinct_hash(cells[i].len ? text + cells[i].at : NULL, cells[i].len);
        else if (kind == KIND_ADDR || kind == KIND_MAC)
            out[i] = distinct_hash(at, width);
        else
            out[i] = distinct_hash_u64(number_of(at, width));
}
