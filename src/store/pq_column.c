#include "store/pq_column.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "store/bits.h"
#include "store/bloom.h"
#include "store/encode.h"
#include "store/pq_meta.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* For a code that has no name (it can't come from our decoders). */
static const char unknown_name[] = "unknown";

enum {
    SLICE = 4096, /* rows taken at a time, so that they stay in the first caches */
    DICT_ENTRIES_MAX = 1 << 19,
    DICT_TEXT_MAX = 1 << 20,
    PAGE_TEXT_MAX = 1 << 20,
    SMALL_DICT = 256, /* never worth giving up */
    BLOOM_MIN = 64,   /* addresses: a dictionary of fewer is read as fast */
    CHUNK_MAX = 1 << 30
};

void pq_scratch_init(struct pq_scratch *s)
{
    *s = (struct pq_scratch){.codec = codec_new()};
    buf_init(&s->levels, CHUNK_MAX);
    buf_init(&s->values, CHUNK_MAX);
    buf_init(&s->packed, CHUNK_MAX);
    buf_init(&s->text, CHUNK_MAX);
    s->dense = mem_new(SLICE, sizeof(struct addr));
}

void pq_scratch_free(struct pq_scratch *s)
{
    codec_free(s->codec);
    buf_free(&s->levels);
    buf_free(&s->values);
    buf_free(&s->packed);
    buf_free(&s->text);
    free(s->dense);
}

static bool is_text(const struct pq_column *c)
{
    return c->kind == KIND_TEXT || c->kind == KIND_BYTES;
}

void pq_column_init(struct pq_column *c, enum field_id field)
{
    *c = (struct pq_column){.field = field, .kind = field_table[field].kind};
    c->width = kind_table[c->kind].width;
    dict_init(&c->dict, c->kind);
    buf_init(&c->text, CHUNK_MAX);
    buf_init(&c->pages, CHUNK_MAX);
    buf_init(&c->dict_page, CHUNK_MAX);
    buf_init(&c->bloom, CHUNK_MAX);
    pq_column_reset(c);
}

void pq_column_free(struct pq_column *c)
{
    free(c->seen);
    free(c->codes);
    free(c->raw);
    dict_free(&c->dict);
    buf_free(&c->text);
    buf_free(&c->pages);
    buf_free(&c->dict_page);
    buf_free(&c->bloom);
}

void pq_column_reset(struct pq_column *c)
{
    if (c->rows != 0 && c->seen) /* a page that was given up */
        memset(c->seen, 0, PQ_PAGE_ROWS / 8);
    c->state = is_text(c) ? PQ_CODES : PQ_SAME;
    c->failed = false;
    c->rows = 0;
    c->n = 0;
    c->has_dict = false;
    c->bounds = (struct bounds){0};
    c->meta = (struct pq_chunk){0};
    c->pays = PQ_PAYS_UNKNOWN;
    c->chunk_rows = 0;
    dict_reset(&c->dict);
    buf_reset(&c->text);
    buf_reset(&c->pages);
    buf_reset(&c->dict_page);
    buf_reset(&c->bloom);
}

/* ---- Pages ---- */

/* Whoever writes and whoever reads pays some nanoseconds for each byte that a codec works on. Codes
 * as packed bits are read so fast without one that a quarter should be saved for it; elsewhere less
 * than a tenth is nothing. */
static bool pays(enum pq_encoding encoding, size_t raw, size_t packed)
{
    size_t least = encoding == PQ_RLE_DICTIONARY ? raw / 4 : raw / 10;
    return packed != 0 && packed < raw - least;
}

static size_t pack(struct pq_column *c, struct pq_scratch *s, enum pq_encoding encoding,
                   uint8_t *out)
{
    const struct buf *v = &s->values;

    if (encoding == PQ_SPLIT || encoding == PQ_RLE_DICTIONARY)
        return codec_pack_numbers(s->codec, s->codec_id, v->data, v->len,
                                  encoding == PQ_SPLIT ? c->n : v->len, out, v->len);
    return codec_pack(s->codec, s->codec_id, v->data, v->len, out, v->len);
}

/* The first page of a chunk tells whether the codec pays for its pages. */
static bool pack_values(struct pq_column *c, struct pq_scratch *s, enum pq_encoding encoding)
{
    enum { TINY = 64 };

    if (s->codec_id == CODEC_NONE || c->pays == PQ_PAYS_NOT || s->values.len < TINY)
        return false;
    buf_reset(&s->packed);
    uint8_t *out = buf_room(&s->packed, s->values.len);
    if (!out)
        return false;
    size_t len = pack(c, s, encoding, out);
    if (c->pays == PQ_PAYS_UNKNOWN)
        c->pays = pays(encoding, s->values.len, len) ? PQ_PAYS : PQ_PAYS_NOT;
    if (c->pays == PQ_PAYS_NOT || len == 0)
        return false;
    s->packed.len = len;
    return true;
}

/* Append the page whose levels and values lie in the scratch. */
static void put_page(struct pq_column *c, struct pq_scratch *s, enum pq_encoding encoding)
{
    bool packed = pack_values(c, s, encoding);
    const struct buf *values = packed ? &s->packed : &s->values;
    struct pq_page page = {
        .type = PQ_PAGE_DATA_V2,
        .encoding = encoding,
        .raw_bytes = (uint32_t)(s->levels.len + s->values.len),
        .bytes = (uint32_t)(s->levels.len + values->len),
        .values = (uint32_t)c->rows,
        .nulls = (uint32_t)(c->rows - c->n),
        .level_bytes = (uint32_t)s->levels.len,
        .packed = packed,
        .crc = hash_crc32(hash_crc32(0, s->levels.data, s->levels.len), values->data, values->len),
    };
    size_t before = c->pages.len;

    c->failed |= !buf_ok(&s->levels) || !buf_ok(&s->values);
    pq_page_put(&c->pages, &page);
    c->meta.raw_bytes += c->pages.len - before + page.raw_bytes;
    buf_bytes(&c->pages, s->levels.data, s->levels.len);
    buf_bytes(&c->pages, values->data, values->len);
    c->meta.encodings |= 1u << encoding | 1u << PQ_RLE;
    c->meta.nulls += page.nulls;
    if (packed)
        c->meta.codec = s->codec_id;
}

static enum pq_encoding raw_encoding(const struct pq_column *c)
{
    enum pq_physical physical = pq_kinds[c->kind].physical;

    if (physical == PQ_INT64 && field_table[c->field].enc == ENC_DELTA)
        return PQ_DELTA;
    return physical == PQ_FIXED || physical == PQ_BYTE_ARRAY ? PQ_PLAIN : PQ_SPLIT;
}

static enum pq_encoding encode_raw(const struct pq_column *c, struct buf *out)
{
    enum pq_encoding encoding = raw_encoding(c);
    size_t out_width = pq_kinds[c->kind].width;

    if (is_text(c))
        buf_bytes(out, c->text.data, c->text.len);
    else if (encoding == PQ_DELTA)
        encode_delta(out, (const uint64_t *)(const void *)c->raw, c->n);
    else if (encoding == PQ_SPLIT)
        encode_split(out, c->raw, c->n, c->width, out_width);
    else
        encode_plain(out, c->raw, c->n, c->width, out_width);
    return encoding;
}

/* A width of 0 would do for one entry, but not all readers like it. */
static unsigned code_width(const struct pq_column *c)
{
    unsigned width = encode_width(c->dict.n - 1);
    return width ? width : 1;
}

static enum pq_encoding encode_values(struct pq_column *c, struct buf *out)
{
    uint32_t code;

    if (c->n == 0)
        return PQ_PLAIN;
    if (c->state == PQ_RAW)
        return encode_raw(c, out);
    c->has_dict = true;
    if (c->state == PQ_SAME)
        dict_codes(&c->dict, c->same, 1, &code);
    if (c->dict.n == 1)
        encode_codes_same(out, 0, c->n, 1);
    else
        encode_codes(out, c->codes, c->n, code_width(c));
    return PQ_RLE_DICTIONARY;
}

static void raw_from_codes(struct pq_column *c);

/* Does the first page say that the dictionary won't pay? Numbers may repeat rather often and are
 * smaller as they are; addresses and text only if hardly any value repeats. */
static bool too_many(const struct pq_column *c)
{
    bool number = pq_kinds[c->kind].width != 0 && c->width <= sizeof(uint64_t) && c->width > 1 &&
                  c->kind != KIND_MAC;
    return c->pages.len == 0 && c->dict.n > SMALL_DICT &&
           c->dict.n > (number ? c->n / 8 : c->n - c->n / 8);
}

static void page_end(struct pq_column *c, struct pq_scratch *s)
{
    if (c->rows == 0)
        return;
    bool give_up = c->state == PQ_CODES && too_many(c);
    if (give_up && !is_text(c))
        raw_from_codes(c);
    buf_reset(&s->levels);
    buf_reset(&s->values);
    if (c->n == 0 || c->n == c->rows)
        encode_levels_same(&s->levels, c->n != 0, c->rows);
    else
        encode_levels(&s->levels, c->seen, c->rows);
    enum pq_encoding encoding = encode_values(c, &s->values);
    put_page(c, s, encoding);
    if (give_up)
        c->state = PQ_RAW;
    if (c->n != 0)
        memset(c->seen, 0, PQ_PAGE_ROWS / 8);
    c->rows = 0;
    c->n = 0;
    buf_reset(&c->text);
}

/* ---- Values of the open page ---- */

static void need_raw(struct pq_column *c)
{
    if (!c->raw)
        c->raw = mem_new(PQ_PAGE_ROWS, c->width);
}

static void need_codes(struct pq_column *c)
{
    if (!c->codes)
        c->codes = mem_new(PQ_PAGE_ROWS, sizeof *c->codes);
}

static void put_plain_text(struct buf *out, const uint8_t *s, size_t n)
{
    buf_le(out, n, 4);
    buf_bytes(out, s, n);
}

/* The open page's codes become values, the dictionary goes. */
static void raw_from_codes(struct pq_column *c)
{
    const uint8_t *keys = c->dict.keys.data;

    c->state = PQ_RAW;
    need_raw(c);
    for (size_t i = 0; i < c->n; i++)
        memcpy(c->raw + i * c->width, keys + c->codes[i] * c->width, c->width);
    bounds_add(&c->bounds, c->kind, keys, c->dict.n);
    dict_reset(&c->dict);
}

/* A second value has come: c->n times the first is made explicit. */
static void leave_same(struct pq_column *c)
{
    uint32_t code;

    if (field_table[c->field].enc == ENC_DICT || c->kind == KIND_ENUM) {
        need_codes(c);
        dict_codes(&c->dict, c->same, 1, &code);
        memset(c->codes, 0, c->n * sizeof *c->codes);
        c->state = PQ_CODES;
        return;
    }
    need_raw(c);
    for (size_t i = 0; i < c->n; i++)
        memcpy(c->raw + i * c->width, c->same, c->width);
    bounds_add(&c->bounds, c->kind, c->same, 1);
    c->state = PQ_RAW;
}

static bool all_same(const struct pq_column *c, const uint8_t *v, size_t n)
{
    return memcmp(v, c->same, c->width) == 0 && memcmp(v, v + c->width, (n - 1) * c->width) == 0;
}

static void dict_limit(struct pq_column *c, struct pq_scratch *s)
{
    size_t bytes_max = is_text(c) ? (size_t)DICT_TEXT_MAX : SIZE_MAX;

    if (c->dict.n <= DICT_ENTRIES_MAX && dict_bytes(&c->dict) <= bytes_max)
        return;
    page_end(c, s);
    c->state = PQ_RAW;
}

/* n fixed-width values; the page has room. */
static void put_values(struct pq_column *c, struct pq_scratch *s, const uint8_t *v, size_t n)
{
    if (c->state == PQ_SAME) {
        if (c->n == 0 && !c->has_dict)
            memcpy(c->same, v, c->width);
        if (all_same(c, v, n)) {
            c->n += n;
            return;
        }
        leave_same(c);
    }
    if (c->state == PQ_CODES) {
        need_codes(c);
        dict_codes(&c->dict, v, n, c->codes + c->n);
        c->n += n;
        dict_limit(c, s);
        return;
    }
    need_raw(c);
    memcpy(c->raw + c->n * c->width, v, n * c->width);
    bounds_add(&c->bounds, c->kind, v, n);
    c->n += n;
}

/* Exporters send what they like; engines refuse a file whose text is no UTF-8. */
static const uint8_t *valid_text(struct pq_scratch *s, const uint8_t *text, size_t *n)
{
    if (utf8_ok(text, *n))
        return text;
    buf_reset(&s->text);
    for (size_t i = 0; i < *n;) {
        size_t len = utf8_len(text + i, *n - i);
        if (len == 0)
            buf_text(&s->text, UTF8_BAD);
        else
            buf_bytes(&s->text, text + i, len);
        i += len ? len : 1;
    }
    *n = s->text.len;
    return s->text.data;
}

static void put_text(struct pq_column *c, struct pq_scratch *s, const uint8_t *text, size_t n)
{
    if (c->kind == KIND_TEXT)
        text = valid_text(s, text, &n);
    if (c->state == PQ_CODES) {
        need_codes(c);
        c->codes[c->n++] = dict_code_text(&c->dict, text, n);
        dict_limit(c, s);
        return;
    }
    put_plain_text(&c->text, text, n);
    bounds_add_bytes(&c->bounds, text, n);
    c->n++;
    if (c->text.len > PAGE_TEXT_MAX)
        page_end(c, s);
}

/* ---- Rows ---- */

static void put_text_rows(struct pq_column *c, struct pq_scratch *s, const struct batch *b,
                          size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const uint8_t *text = batch_bytes(b, c->field, from + i, &len);
        size_t row = c->rows++;
        if (!text)
            continue;
        c->seen[row / 64] |= UINT64_C(1) << row % 64;
        put_text(c, s, text, len);
    }
}

/* The values of a slice that are there, side by side. */
static const uint8_t *dense(const struct pq_column *c, struct pq_scratch *s, const struct batch *b,
                            size_t from, size_t n)
{
    const uint8_t *col = b->col[c->field];
    uint8_t *out = s->dense;

    for (size_t at = 0; at < n; at += 64) {
        size_t take = n - at < 64 ? n - at : 64;
        uint64_t bits = bits_get(b->seen[c->field], from + at, take);
        for (; bits != 0; bits &= bits - 1) {
            size_t i = from + at + (size_t)__builtin_ctzll(bits);
            memcpy(out, col + i * c->width, c->width);
            out += c->width;
        }
    }
    return s->dense;
}

static void put_rows(struct pq_column *c, struct pq_scratch *s, const struct batch *b, size_t from,
                     size_t n)
{
    if (is_text(c)) {
        put_text_rows(c, s, b, from, n);
        return;
    }
    size_t present = bits_copy(c->seen, c->rows, b->seen[c->field], from, n);
    c->rows += n;
    if (present == 0)
        return;
    const uint8_t *col = b->col[c->field];
    put_values(c, s, present == n ? col + from * c->width : dense(c, s, b, from, n), present);
}

/* Nulls up to `row`. A page without any value may be as long as it likes. */
static void skip_rows(struct pq_column *c, struct pq_scratch *s, uint64_t row)
{
    while (c->chunk_rows < row) {
        uint64_t left = row - c->chunk_rows;
        size_t take =
            c->n != 0 && left > PQ_PAGE_ROWS - c->rows ? PQ_PAGE_ROWS - c->rows : (size_t)left;
        c->rows += take;
        c->chunk_rows += take;
        if (c->rows >= PQ_PAGE_ROWS && c->n != 0)
            page_end(c, s);
    }
}

void pq_column_add(struct pq_column *c, struct pq_scratch *s, const struct batch *b, size_t from,
                   size_t n, uint64_t row)
{
    if (!c->seen)
        c->seen = mem_new(PQ_PAGE_ROWS / 64, sizeof *c->seen);
    skip_rows(c, s, row);
    while (n != 0) {
        if (c->rows >= PQ_PAGE_ROWS)
            page_end(c, s);
        size_t take = n < SLICE ? n : SLICE;
        take = take < PQ_PAGE_ROWS - c->rows ? take : PQ_PAGE_ROWS - c->rows;
        put_rows(c, s, b, from, take);
        c->chunk_rows += take;
        from += take;
        n -= take;
    }
}

/* ---- End of a chunk ---- */

static void dict_plain_enum(struct pq_column *c, struct buf *out)
{
    for (uint32_t i = 0; i < c->dict.n; i++) {
        const char *name = field_enum_name(c->field, c->dict.keys.data[i]);
        if (!name)
            name = unknown_name;
        put_plain_text(out, (const uint8_t *)name, strlen(name));
        bounds_add_bytes(&c->bounds, name, strlen(name));
    }
}

static void dict_plain_text(struct pq_column *c, struct buf *out)
{
    const struct cell *cells = (const struct cell *)(const void *)c->dict.keys.data;

    for (uint32_t i = 0; i < c->dict.n; i++) {
        const uint8_t *s = c->dict.bytes.data + cells[i].at;
        put_plain_text(out, s, cells[i].len);
        bounds_add_bytes(&c->bounds, s, cells[i].len);
    }
}

static void put_dict_page(struct pq_column *c, struct pq_scratch *s)
{
    buf_reset(&s->values);
    if (c->kind == KIND_ENUM) {
        dict_plain_enum(c, &s->values);
    } else if (is_text(c)) {
        dict_plain_text(c, &s->values);
    } else {
        encode_plain(&s->values, c->dict.keys.data, c->dict.n, c->width, pq_kinds[c->kind].width);
        bounds_add(&c->bounds, c->kind, c->dict.keys.data, c->dict.n);
    }

    /* Unlike data pages it has no flag of its own: if any page is compressed, it is too. */
    const struct buf *bytes = &s->values;
    if (s->codec_id != CODEC_NONE) {
        size_t bound = codec_bound(s->codec_id, s->values.len);
        buf_reset(&s->packed);
        uint8_t *out = buf_room(&s->packed, bound);
        s->packed.len =
            out ? codec_pack(s->codec, s->codec_id, s->values.data, s->values.len, out, bound) : 0;
        c->failed |= s->packed.len == 0;
        if (c->meta.codec != CODEC_NONE || pays(PQ_PLAIN, s->values.len, s->packed.len)) {
            c->meta.codec = s->codec_id;
            bytes = &s->packed;
        }
    }
    struct pq_page page = {
        .type = PQ_PAGE_DICTIONARY,
        .encoding = PQ_PLAIN,
        .raw_bytes = (uint32_t)s->values.len,
        .bytes = (uint32_t)bytes->len,
        .values = c->dict.n,
        .crc = hash_crc32(0, bytes->data, bytes->len),
    };
    pq_page_put(&c->dict_page, &page);
    c->meta.raw_bytes += c->dict_page.len + page.raw_bytes;
    buf_bytes(&c->dict_page, bytes->data, bytes->len);
    c->meta.encodings |= 1u << PQ_PLAIN;
}

bool pq_column_end(struct pq_column *c, struct pq_scratch *s, uint64_t rows)
{
    skip_rows(c, s, rows);
    page_end(c, s);
    if (c->has_dict)
        put_dict_page(c, s);
    if (c->kind == KIND_ADDR && c->state == PQ_CODES && c->dict.n >= BLOOM_MIN)
        bloom_put(&c->bloom, (const struct addr *)(const void *)c->dict.keys.data, c->dict.n);
    c->meta.values = rows;
    c->meta.bytes = c->dict_page.len + c->pages.len;
    c->meta.bounded = bounds_get(&c->bounds, c->kind, &c->meta.min, &c->meta.max);
    return !c->failed && buf_ok(&c->pages) && buf_ok(&c->dict_page) && buf_ok(&c->text) &&
           buf_ok(&c->bloom);
}

static bool same_bytes(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

bool pq_column_same(const struct pq_column *a, const struct pq_column *b)
{
    return same_bytes(&a->pages, &b->pages) && same_bytes(&a->dict_page, &b->dict_page);
}

void pq_column_copy(struct pq_column *to, const struct pq_column *from)
{
    uint32_t code;

    assert(to->kind == from->kind && to->chunk_rows == 0 && from->state != PQ_CODES);
    to->state = from->state;
    to->failed |= from->failed;
    to->rows = from->rows;
    to->n = from->n;
    if (from->seen) {
        to->seen = to->seen ? to->seen : mem_new(PQ_PAGE_ROWS / 64, sizeof *to->seen);
        memcpy(to->seen, from->seen, PQ_PAGE_ROWS / 8);
    }
    memcpy(to->same, from->same, sizeof to->same);
    if (from->state == PQ_RAW) {
        need_raw(to);
        memcpy(to->raw, from->raw, from->n * from->width);
    }
    if (from->has_dict) /* of pages that had one value only */
        dict_codes(&to->dict, from->dict.keys.data, 1, &code);
    to->has_dict = from->has_dict;
    to->bounds = from->bounds;
    buf_bytes(&to->pages, from->pages.data, from->pages.len);
    to->meta = from->meta;
    to->pays = from->pays;
    to->chunk_rows = from->chunk_rows;
}
