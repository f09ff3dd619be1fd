#include "query/keys.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum tag { TAG_ABSENT, TAG_HERE, TAG_BY_ID };

static unsigned key_width(const struct key *k)
{
    enum kind kind = field_table[k->field].kind;

    if (kind == KIND_ADDR || kind == KIND_TEXT || kind == KIND_BYTES)
        return 4;
    return kind_table[kind].width;
}

/* A place for `width` bytes in the first word that still has them. */
static void place(uint8_t *used, size_t *words, unsigned width, uint8_t *word, uint8_t *shift)
{
    size_t w = 0;

    while (w < *words && used[w] + width > 8)
        w++;
    if (w == *words)
        used[(*words)++] = 0;
    *word = (uint8_t)w;
    *shift = (uint8_t)(used[w] * 8);
    used[w] = (uint8_t)(used[w] + width);
}

void keys_place(struct keys *k)
{
    uint8_t used[KEYS_WORDS_MAX] = {0};

    assert(k->n <= KEYS_MAX);
    k->words = 0;
    for (unsigned width = 8; width > 0; width--)
        for (size_t i = 0; i < k->n; i++)
            if (key_width(&k->at[i]) == width)
                place(used, &k->words, width, &k->at[i].word, &k->at[i].shift);
    for (size_t i = 0; i < k->n; i += 4) { /* four tags are a byte */
        uint8_t word;
        uint8_t shift;
        place(used, &k->words, 1, &word, &shift);
        for (size_t j = i; j < k->n && j < i + 4; j++) {
            k->at[j].tag_word = word;
            k->at[j].tag_shift = (uint8_t)(shift + (j - i) * 2);
        }
    }
    k->words += k->words == 0; /* no keys: a word that stays 0 */
}

void keys_fields(const struct keys *k, struct field_set *want)
{
    for (size_t i = 0; i < k->n; i++) {
        enum field_id f = k->at[i].field;
        if (f == FIELD_BYTES || f == FIELD_PACKETS)
            measure_fields(f == FIELD_BYTES ? MEASURE_BYTES : MEASURE_PACKETS, want);
        else
            field_set_add(want, f);
    }
}

/* A column of a chunk on its way into packed keys: row rows[i], or i without rows, to out[i]. */
struct move {
    const struct key *key;
    const void *col;
    const uint64_t *seen;
    bool complete; /* every row of the batch has a value, and its tag is already TAG_HERE */
    const uint32_t *rows;
    size_t n;
    size_t words;
    uint64_t *out;
    const uint8_t *text; /* what cells of the column point into */
};

static bool is_complete(const uint64_t *seen, size_t rows)
{
    size_t whole = rows / 64;
    uint64_t rest = rows % 64 ? (UINT64_C(1) << (rows % 64)) - 1 : 0;

    for (size_t i = 0; i < whole; i++)
        if (~seen[i])
            return false;
    return rest == 0 || (seen[whole] & rest) == rest;
}

static uint32_t row_of(const struct move *m, size_t i)
{
    return m->rows ? m->rows[i] : (uint32_t)i;
}

static bool here(const struct move *m, size_t i)
{
    uint32_t row = row_of(m, i);
    return m->complete || (m->seen[row / 64] >> (row % 64) & 1);
}

static void put(const struct move *m, size_t i, uint64_t v, enum tag tag)
{
    uint64_t *out = m->out + i * m->words;
    enum tag had = m->complete ? TAG_HERE : TAG_ABSENT;

    out[m->key->word] |= v << m->key->shift;
    out[m->key->tag_word] ^= (uint64_t)(tag ^ had) << m->key->tag_shift;
}

#define MOVE_UINT(name, type)                                                  \
    static void name(const struct move *m)                                     \
    {                                                                          \
        const type *col = m->col;                                              \
        uint64_t *out = m->out + m->key->word;                                 \
        if (!m->complete) {                                                    \
            for (size_t i = 0; i < m->n; i++)                                  \
                if (here(m, i))                                                \
                    put(m, i, col[row_of(m, i)], TAG_HERE);                    \
            return;                                                            \
        }                                                                      \
        for (size_t i = 0; i < m->n; i++)                                      \
            out[i * m->words] |= (uint64_t)col[row_of(m, i)] << m->key->shift; \
    }
MOVE_UINT(move_u8, uint8_t)
MOVE_UINT(move_u16, uint16_t)
MOVE_UINT(move_u32, uint32_t)
MOVE_UINT(move_u64, uint64_t)
#undef MOVE_UINT

/* The beginning of the bucket that a time lies in, before 1970 too. */
static int64_t bucket_of(int64_t ms, int64_t bucket_ms)
{
    int64_t rest = ms % bucket_ms;
    rest += rest < 0 ? bucket_ms : 0;
    return ms < INT64_MIN + rest ? INT64_MIN : ms - rest;
}

static void move_bucket(const struct move *m)
{
    const int64_t *col = m->col;

    for (size_t i = 0; i < m->n; i++)
        if (here(m, i))
            put(m, i, (uint64_t)bucket_of(col[row_of(m, i)], m->key->bucket_ms), TAG_HERE);
}

static void move_mac(const struct move *m)
{
    const uint8_t *col = m->col;

    for (size_t i = 0; i < m->n; i++) {
        uint64_t v = 0;
        if (!here(m, i))
            continue;
        for (unsigned j = 0; j < 6; j++)
            v |= (uint64_t)col[(size_t)row_of(m, i) * 6 + j] << (j * 8);
        put(m, i, v, TAG_HERE);
    }
}

static bool move_addr(const struct move *m, struct intern *ids)
{
    static const struct addr mapped = {.b = {[10] = 0xff, [11] = 0xff}};
    const struct addr *col = m->col;
    unsigned v4_bits = ADDR_V4_BITS + (m->key->masked ? m->key->v4_bits : 32u);
    unsigned v6_bits = m->key->masked ? m->key->v6_bits : 128;
    struct addr ones;
    uint32_t v4_mask;

    memset(&ones, 0xff, sizeof ones);
    ones = addr_mask(ones, v4_bits);
    memcpy(&v4_mask, ones.b + 12, sizeof v4_mask);
    for (size_t i = 0; i < m->n; i++) {
        const struct addr *a = &col[row_of(m, i)];
        uint32_t v4;
        if (!here(m, i))
            continue;
        if (memcmp(a, &mapped, 12) == 0) {
            memcpy(&v4, a->b + 12, sizeof v4);
            put(m, i, v4 & v4_mask, TAG_HERE);
            continue;
        }
        struct addr v6 = addr_mask(*a, v6_bits);
        uint32_t id;
        if (!intern_id(ids, &v6, sizeof v6, &id))
            return false;
        put(m, i, id, TAG_BY_ID);
    }
    return true;
}

static bool move_bytes(const struct move *m, struct intern *ids)
{
    const struct cell *col = m->col;

    for (size_t i = 0; i < m->n; i++) {
        uint32_t id;
        if (!here(m, i))
            continue;
        struct cell cell = col[row_of(m, i)];
        if (!intern_id(ids, cell.len ? m->text + cell.at : NULL, cell.len, &id))
            return false;
        put(m, i, id, TAG_BY_ID);
    }
    return true;
}

static bool move_key(const struct move *m, struct intern *ids)
{
    switch (field_table[m->key->field].kind) {
    case KIND_U8:
    case KIND_ENUM:
        move_u8(m);
        return true;
    case KIND_U16:
        move_u16(m);
        return true;
    case KIND_U32:
        move_u32(m);
        return true;
    case KIND_TIME:
        if (m->key->bucket_ms > 0) {
            move_bucket(m);
            return true;
        }
        move_u64(m);
        return true;
    case KIND_U64:
    case KIND_F64:
        move_u64(m);
        return true;
    case KIND_MAC:
        move_mac(m);
        return true;
    case KIND_ADDR:
        return move_addr(m, ids);
    case KIND_TEXT:
    case KIND_BYTES:
        return move_bytes(m, ids);
    case KIND_N:
        break;
    }
    return true;
}

/* Where a key's values are; false if the batch has none. "bytes" and "packets" are what the meter
 * takes for them. */
static bool source(struct move *m, const struct chunk *c)
{
    const struct batch *b = c->batch;
    enum field_id f = m->key->field;

    if (m->key->bucket_ms > 0 && c->time) {
        m->col = c->time;
        m->rows = NULL;
        m->complete = true;
        return true;
    }
    if (f == FIELD_BYTES || f == FIELD_PACKETS) {
        const struct measure_col *col = f == FIELD_BYTES ? &c->meter->bytes : &c->meter->packets;
        m->col = col->v;
        m->seen = col->seen;
    } else if (batch_uses(b, f)) {
        m->col = b->col[f];
        m->seen = b->seen[f];
    } else {
        return false;
    }
    m->text = b->bytes.data;
    m->complete = is_complete(m->seen, b->rows);
    return true;
}

enum field_id keys_swapped(enum field_id f)
{
    static const enum field_id pairs[][2] = {
        {FIELD_SRC_ADDR, FIELD_DST_ADDR},
        {FIELD_SRC_PORT, FIELD_DST_PORT},
        {FIELD_SRC_AS, FIELD_DST_AS},
        {FIELD_SRC_MASK, FIELD_DST_MASK},
        {FIELD_SRC_PREFIX, FIELD_DST_PREFIX},
        {FIELD_SRC_MAC, FIELD_DST_MAC},
        {FIELD_NAT_SRC_ADDR, FIELD_NAT_DST_ADDR},
        {FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT},
        {FIELD_IN_IF, FIELD_OUT_IF},
        {FIELD_IN_PHYS_IF, FIELD_OUT_PHYS_IF},
        {FIELD_IN_VRF, FIELD_OUT_VRF},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (pairs[i][0] == f)
            return pairs[i][1];
        if (pairs[i][1] == f)
            return pairs[i][0];
    }
    return f;
}

static bool pack(const struct keys *k, struct intern *ids, const struct chunk *c, uint64_t *out)
{
    struct move moves[KEYS_MAX];
    uint64_t base[KEYS_WORDS_MAX] = {0}; /* the tags of complete columns */
    size_t n_moves = 0;

    for (size_t i = 0; i < k->n; i++) {
        struct move *v = &moves[n_moves];
        *v = (struct move){
            .key = &k->at[i], .rows = c->rows, .n = c->n, .words = k->words, .out = out};
        if (!source(v, c))
            continue;
        if (v->complete)
            base[v->key->tag_word] |= (uint64_t)TAG_HERE << v->key->tag_shift;
        n_moves++;
    }
    for (size_t i = 0; i < c->n; i++)
        memcpy(out + i * k->words, base, k->words * sizeof *out);
    for (size_t i = 0; i < n_moves; i++) {
        if (!move_key(&moves[i], ids))
            return false;
    }
    return true;
}

/* Pack the chunk once more with the ends exchanged, and take the rows that are swapped from that.
 */
static bool pack_swapped(const struct keys *k, struct intern *ids, const struct chunk *c,
                         uint64_t *out)
{
    struct keys other = *k;
    size_t bytes = k->words * sizeof *out;
    uint64_t *swapped = mem_new(c->n * k->words, sizeof *swapped);

    for (size_t i = 0; i < k->n; i++)
        other.at[i].field = keys_swapped(k->at[i].field);
    bool ok = pack(&other, ids, c, swapped);
    for (size_t i = 0; ok && i < c->n; i++)
        if (c->swap[i / 64] >> (i % 64) & 1)
            memcpy(out + i * k->words, swapped + i * k->words, bytes);
    free(swapped);
    return ok;
}

bool keys_pack(const struct keys *k, struct intern *ids, const struct chunk *c, uint64_t *out)
{
    assert(c->n <= METER_CHUNK);
    return pack(k, ids, c, out) && (!c->swap || pack_swapped(k, ids, c, out));
}

bool keys_parts(const struct key *key, struct intern *ids, const void *values, const uint8_t *text,
                size_t n, struct key_part *out)
{
    size_t width = kind_table[field_table[key->field].kind].width;
    struct key alone = *key;
    uint64_t packed[2 * 256];

    alone.word = 0;
    alone.shift = 0;
    alone.tag_word = 1;
    alone.tag_shift = 0;
    for (size_t at = 0; at < n; at += COUNT_OF(packed) / 2) {
        size_t take = n - at < COUNT_OF(packed) / 2 ? n - at : COUNT_OF(packed) / 2;
        struct move m = {.key = &alone, .complete = true, .n = take, .words = 2, .out = packed};
        m.col = (const uint8_t *)values + at * width;
        m.text = text;
        for (size_t i = 0; i < take; i++) {
            packed[i * 2] = 0;
            packed[i * 2 + 1] = TAG_HERE;
        }
        if (!move_key(&m, ids))
            return false;
        for (size_t i = 0; i < take; i++)
            out[at + i] = (struct key_part){packed[i * 2], packed[i * 2 + 1]};
    }
    return true;
}

static struct value addr_value(const struct key *k, const struct addr *a)
{
    struct value v = {.type = k->masked ? VALUE_PREFIX : VALUE_ADDR, .as.addr = *a};

    if (k->masked)
        v.bits = addr_is_v4(a) ? k->v4_bits : k->v6_bits;
    return v;
}

struct value keys_value(const struct keys *k, size_t i, const struct intern *ids,
                        const uint64_t *packed)
{
    const struct key *key = &k->at[i];
    enum kind kind = field_table[key->field].kind;
    enum tag tag = (enum tag)(packed[key->tag_word] >> key->tag_shift & 3);
    unsigned width = key_width(key);
    uint64_t v = packed[key->word] >> key->shift;
    struct value out = {.type = VALUE_NONE};
    size_t len;

    if (tag == TAG_ABSENT)
        return out;
    if (width < 8)
        v &= (UINT64_C(1) << (width * 8)) - 1;
    if (tag == TAG_BY_ID) {
        const void *at = intern_at(ids, (uint32_t)v, &len);
        struct addr a;
        if (kind != KIND_ADDR)
            return value_of_bytes(key->field, at, len);
        memcpy(&a, at, sizeof a);
        return addr_value(key, &a);
    }
    if (kind == KIND_ADDR) {
        uint32_t v4 = (uint32_t)v;
        uint8_t bytes[4];
        memcpy(bytes, &v4, sizeof v4);
        struct addr a = addr_of_v4(bytes);
        return addr_value(key, &a);
    }
    if (kind == KIND_MAC) {
        out.type = VALUE_MAC;
        for (unsigned j = 0; j < 6; j++)
            out.as.mac[j] = (uint8_t)(v >> (j * 8));
        return out;
    }
    return value_of_u64(key->field, v);
}
