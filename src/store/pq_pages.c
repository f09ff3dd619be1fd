#include "store/pq_pages.h"

#include "base/hash.h"
#include "store/bits.h"
#include "store/decode.h"
#include "store/pq_meta.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLICE = 1024, ENUM_UNKNOWN = 255 };

struct place {
    uint32_t batch;
    uint32_t at;
};

double pq_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool pq_space_need(struct pq_space *s, size_t n)
{
    if (n <= s->cap)
        return true;
    void *p = malloc(n);
    if (!p)
        return false;
    free(s->p);
    *s = (struct pq_space){.p = p, .cap = n};
    return true;
}

void pq_pages_free(struct pq_pages *p)
{
    free(p->chunk.p);
    free(p->dict.p);
    free(p->dict_raw.p);
    free(p->placed.p);
    free(p->seen.p);
    free(p->page.p);
    free(p->items.p);
    free(p->spread.p);
    *p = (struct pq_pages){0};
}

static bool is_text(const struct pq_pages *p)
{
    return p->kind == KIND_TEXT || p->kind == KIND_BYTES;
}

void pq_pages_begin(struct pq_pages *p, enum field_id field, const struct pq_chunk *meta,
                    struct codec *codec, struct pq_times *times, size_t len)
{
    p->field = field;
    p->kind = field_table[field].kind;
    p->width = kind_table[p->kind].width;
    p->in_width = pq_kinds[p->kind].width;
    p->codec_id = meta->codec;
    p->codec = codec;
    p->times = times;
    p->rows_left = meta->values;
    p->at = pq_chunk_at(meta);
    p->begin = p->chunk.p;
    p->in = cur_of(p->chunk.p, len);
    p->has_dict = false;
    p->dict_n = 0;
    p->serial = 0;
    p->rows = p->row = 0;
    p->opened = false;
    p->n = p->value = 0;
    p->mode = PQ_MODE_NULL;
}

uint64_t pq_pages_offset(const struct pq_pages *p)
{
    return p->at + (uint64_t)(p->in.at - p->begin);
}

static int no_memory(struct err *err, size_t n)
{
    return err_set(err, ERR_LIMIT, "no memory for %zu bytes", n);
}

/* The values of a page: as they lie in the chunk, or decompressed into `to`. */
static int values_of(struct pq_pages *p, struct cur body, size_t raw_len, bool packed,
                     struct pq_space *to, struct cur *out, struct err *err)
{
    size_t len = cur_left(&body);

    if (!packed || p->codec_id == CODEC_NONE) {
        if (len != raw_len)
            return err_set(err, ERR_DATA, "page of %zu bytes, its head says %zu", len, raw_len);
        *out = body;
        return 0;
    }
    if (!codec_plausible(p->codec_id, len, raw_len))
        return err_set(err, ERR_DATA, "%zu bytes cannot become %zu", len, raw_len);
    if (!pq_space_need(to, raw_len + DECODE_SLACK))
        return no_memory(err, raw_len);
    double begun = pq_now();
    int r = codec_unpack(p->codec, p->codec_id, body.at, len, to->p, raw_len, err);
    p->times->unpack += pq_now() - begun;
    if (r)
        return r;
    *out = cur_of(to->p, raw_len);
    return 0;
}

/* n cells of PLAIN byte arrays that fill `in`. */
static int cells_read(struct cur in, size_t n, struct pq_space *space, struct err *err)
{
    const uint8_t *base = in.at;

    if (n > cur_left(&in) / 4)
        return err_set(err, ERR_DATA, "%zu values do not fit %zu bytes", n, cur_left(&in));
    if (!pq_space_need(space, n * sizeof(struct cell)))
        return no_memory(err, n * sizeof(struct cell));
    struct cell *cells = space->p;
    for (size_t i = 0; i < n; i++) {
        uint32_t len = (uint32_t)cur_le(&in, 4);
        cells[i] = (struct cell){.len = len};
        const uint8_t *s = cur_bytes(&in, len);
        if (!s && len != 0)
            return err_set(err, ERR_DATA, "value %zu of %zu is cut short", i, n);
        cells[i].at = (uint32_t)(in.at - base) - len;
    }
    if (cur_left(&in) != 0)
        return err_set(err, ERR_DATA, "%zu bytes behind the last value", cur_left(&in));
    return 0;
}

/* ---- Dictionary ---- */

static int dict_enum(struct pq_pages *p, struct cur in, struct err *err)
{
    struct pq_space cells = {0};
    int r = cells_read(in, p->dict_n, &cells, err);

    if (r == 0 && !pq_space_need(&p->dict, p->dict_n))
        r = no_memory(err, p->dict_n);
    for (uint32_t i = 0; r == 0 && i < p->dict_n; i++) {
        struct cell cell = ((struct cell *)cells.p)[i];
        int code = field_enum_code(p->field, (const char *)in.at + cell.at, cell.len);
        ((uint8_t *)p->dict.p)[i] = code >= 0 ? (uint8_t)code : ENUM_UNKNOWN;
    }
    free(cells.p);
    return r;
}

static int dict_text(struct pq_pages *p, struct cur in, struct err *err)
{
    size_t size = p->dict_n * sizeof(struct place);

    int r = cells_read(in, p->dict_n, &p->dict, err);
    if (r)
        return r;
    if (!pq_space_need(&p->placed, size))
        return no_memory(err, size);
    if (size != 0)
        memset(p->placed.p, 0, size); /* batches count from 1 */
    p->text = in.at;
    return 0;
}

static int dict_fixed(struct pq_pages *p, struct cur in, struct err *err)
{
    if (cur_left(&in) != p->dict_n * p->in_width)
        return err_set(err, ERR_DATA, "dictionary of %zu bytes, expected %u values of %zu",
                       cur_left(&in), p->dict_n, p->in_width);
    if (!pq_space_need(&p->dict, p->dict_n * p->width))
        return no_memory(err, p->dict_n * p->width);
    if (!decode_plain(in.at, p->dict_n, p->in_width, p->dict.p, p->width))
        return err_set(err, ERR_DATA, "dictionary has a number above %zu bits", 8 * p->width);
    return 0;
}

static int dict_begin(struct pq_pages *p, const struct pq_page *page, struct cur body,
                      struct err *err)
{
    struct cur in;

    if (p->has_dict || page->encoding != PQ_PLAIN)
        return err_set(err, ERR_DATA, "second dictionary, or its encoding is %d, expected 0",
                       (int)page->encoding);
    int r = values_of(p, body, page->raw_bytes, true, &p->dict_raw, &in, err);
    if (r)
        return r;
    static atomic_uint_fast64_t serials;
    p->has_dict = true;
    p->serial = atomic_fetch_add_explicit(&serials, 1, memory_order_relaxed) + 1;
    p->dict_n = page->values;
    p->dict_bytes = page->raw_bytes;
    if (p->kind == KIND_ENUM)
        return dict_enum(p, in, err);
    return is_text(p) ? dict_text(p, in, err) : dict_fixed(p, in, err);
}

/* ---- Data pages ---- */

static int begin_codes(struct pq_pages *p, struct cur in, struct err *err)
{
    size_t size = (p->n + DECODE_GROUP) * sizeof(uint32_t);
    uint32_t most = 0;
    bool same;

    if (!p->has_dict)
        return err_set(err, ERR_DATA, "codes without a dictionary");
    if (!pq_space_need(&p->items, size))
        return no_memory(err, size);
    uint32_t *codes = p->items.p;
    if (!decode_codes(&in, p->n, codes, &same))
        return err_set(err, ERR_DATA, "%zu dictionary codes are broken or cut short", p->n);
    for (size_t i = 0; i < (same ? 1 : p->n); i++)
        most = codes[i] > most ? codes[i] : most;
    if (most >= p->dict_n)
        return err_set(err, ERR_DATA, "code %u of a dictionary of %u", most, p->dict_n);
    p->mode = same ? PQ_MODE_SAME : PQ_MODE_CODES;
    return 0;
}

static int begin_plain(struct pq_pages *p, struct cur in, struct err *err)
{
    p->mode = PQ_MODE_PLAIN;
    p->values = in.at;
    if (is_text(p))
        return cells_read(in, p->n, &p->items, err);
    if (p->in_width == 0 || cur_left(&in) != p->n * p->in_width)
        return err_set(err, ERR_DATA, "plain page of %zu bytes, expected %zu values of %zu",
                       cur_left(&in), p->n, p->in_width);
    return 0;
}

static int begin_split(struct pq_pages *p, struct cur in, struct err *err)
{
    p->mode = PQ_MODE_SPLIT;
    p->values = in.at;
    if ((p->in_width != 4 && p->in_width != 8) || cur_left(&in) != p->n * p->in_width)
        return err_set(err, ERR_DATA,
                       "byte stream split page of %zu bytes, expected %zu values of %zu",
                       cur_left(&in), p->n, p->in_width);
    return 0;
}

static int begin_delta(struct pq_pages *p, struct cur in, struct err *err)
{
    size_t size = (p->n + DECODE_DELTA) * sizeof(uint64_t);

    if (pq_kinds[p->kind].physical != PQ_INT64)
        return err_set(err, ERR_DATA, "delta encoding is read for 64-bit integers only");
    if (!pq_space_need(&p->items, size))
        return no_memory(err, size);
    if (!decode_delta(&in, p->n, p->items.p))
        return err_set(err, ERR_DATA, "%zu delta-encoded values are broken or cut short", p->n);
    p->mode = PQ_MODE_WIDE;
    return 0;
}

static int begin_levels(struct pq_pages *p, struct cur levels, struct err *err)
{
    size_t size = bits_words(p->rows) * sizeof(uint64_t);

    if (p->n == p->rows || p->n == 0)
        return 0;
    if (!pq_space_need(&p->seen, size))
        return no_memory(err, size);
    memset(p->seen.p, 0, size);
    if (!decode_levels(&levels, p->rows, p->seen.p))
        return err_set(err, ERR_DATA, "definition levels are broken or cut short");
    size_t n = bits_count(p->seen.p, 0, p->rows);
    if (n != p->n)
        return err_set(err, ERR_DATA, "definition levels say %zu values, the page's head %zu", n,
                       p->n);
    return 0;
}

/* Only its head is looked at: whoever wants its rows opens it. */
static int data_begin(struct pq_pages *p, const struct pq_page *page, struct cur body,
                      struct err *err)
{
    if (page->values == 0 || page->values > p->rows_left)
        return err_set(err, ERR_DATA, "page of %u rows where %llu are left", page->values,
                       (unsigned long long)p->rows_left);
    p->head = *page;
    p->body = body;
    p->opened = false;
    p->rows = page->values;
    p->n = page->values - page->nulls;
    p->row = p->value = 0;
    p->rows_left -= p->rows;
    return 0;
}

static int page_sum(const struct pq_page *page, struct cur body, struct err *err)
{
    uint32_t crc = hash_crc32(0, body.at, page->bytes);

    if (page->summed && crc != page->crc)
        return err_set(err, ERR_DATA, "page of %u bytes has checksum %08x, its head says %08x",
                       page->bytes, crc, page->crc);
    return 0;
}

static int data_decode(struct pq_pages *p, struct err *err)
{
    struct cur body = p->body;
    struct cur levels = cur_take(&body, p->head.level_bytes);
    struct cur in;

    p->mode = PQ_MODE_NULL;
    int r = begin_levels(p, levels, err);
    if (r || p->n == 0)
        return r;
    r = values_of(p, body, p->head.raw_bytes - p->head.level_bytes, p->head.packed, &p->page, &in,
                  err);
    if (r)
        return r;
    switch (p->head.encoding) {
    case PQ_RLE_DICTIONARY:
        return begin_codes(p, in, err);
    case PQ_PLAIN:
        return begin_plain(p, in, err);
    case PQ_SPLIT:
        return begin_split(p, in, err);
    case PQ_DELTA:
        return begin_delta(p, in, err);
    case PQ_RLE:
        break;
    }
    return err_set(err, ERR_DATA, "encoding %d is not one that we read", (int)p->head.encoding);
}

/* Decode the page begun, and go to the row that is next. */
static int page_open(struct pq_pages *p, struct err *err)
{
    int r = page_sum(&p->head, p->body, err);
    if (r == 0)
        r = data_decode(p, err);
    if (r)
        return r;
    p->opened = true;
    p->value = p->n == p->rows || p->n == 0 ? p->row : bits_count(p->seen.p, 0, p->row);
    return 0;
}

/* The next page's head, and its bytes, which are what was written. */
static int page_take(struct pq_pages *p, struct pq_page *page, struct cur *body, struct err *err)
{
    int r = pq_page_read(&p->in, page, err);
    if (r)
        return r;
    if (page->bytes > cur_left(&p->in))
        return err_set(err, ERR_DATA, "page of %u bytes where %zu are left", page->bytes,
                       cur_left(&p->in));
    *body = cur_take(&p->in, page->bytes);
    return 0;
}

/* Have a page with rows left, if only by its head. */
static int page_find(struct pq_pages *p, struct err *err)
{
    while (p->row == p->rows) {
        struct pq_page page;
        struct cur body;
        if (p->rows_left == 0)
            return err_set(err, ERR_DATA, "no page left");
        int r = page_take(p, &page, &body, err);
        if (r)
            return r;
        if (page.type == PQ_PAGE_DICTIONARY) {
            r = page_sum(&page, body, err);
            r = r ? r : dict_begin(p, &page, body, err);
        } else {
            r = data_begin(p, &page, body, err);
        }
        if (r)
            return r;
    }
    return 0;
}

/* Have a page with rows left, decoded. */
static int page_need(struct pq_pages *p, struct err *err)
{
    int r = page_find(p, err);
    return r || p->opened ? r : page_open(p, err);
}

int pq_pages_skip(struct pq_pages *p, uint64_t n, struct err *err)
{
    while (n != 0) {
        int r = page_find(p, err);
        if (r)
            return r;
        size_t left = p->rows - p->row;
        size_t take = n < left ? (size_t)n : left;
        if (p->opened && p->n != 0)
            p->value += p->n == p->rows ? take : bits_count(p->seen.p, p->row, take);
        p->row += take;
        n -= take;
    }
    return 0;
}

/* ---- Numbers and addresses ---- */

static void gather(const struct pq_pages *p, const uint32_t *code, size_t n, void *out)
{
    const uint8_t *dict = p->dict.p;
    uint8_t *o = out;

    switch (p->width) { /* a constant width makes memcpy a load and a store */
    case 1:
        for (size_t i = 0; i < n; i++)
            o[i] = dict[code[i]];
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            memcpy(o + i * 2, dict + (size_t)code[i] * 2, 2);
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            memcpy(o + i * 4, dict + (size_t)code[i] * 4, 4);
        break;
    case 8:
        for (size_t i = 0; i < n; i++)
            memcpy(o + i * 8, dict + (size_t)code[i] * 8, 8);
        break;
    case 16:
        for (size_t i = 0; i < n; i++)
            memcpy(o + i * 16, dict + (size_t)code[i] * 16, 16);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy(o + i * p->width, dict + code[i] * p->width, p->width);
    }
}

static void splat(const struct pq_pages *p, uint32_t code, size_t n, void *out)
{
    const uint8_t *v = (const uint8_t *)p->dict.p + code * p->width;
    uint8_t *o = out;
    size_t have = p->width;
    size_t all = n * p->width;

    memcpy(o, v, have);
    while (have < all) { /* doubling */
        size_t more = have < all - have ? have : all - have;
        memcpy(o + have, o, more);
        have += more;
    }
}

/* The next n values side by side. false: a number is too large. */
static bool values_next(struct pq_pages *p, size_t n, void *out)
{
    bool ok = true;

    switch (p->mode) {
    case PQ_MODE_SAME:
        splat(p, *(const uint32_t *)p->items.p, n, out);
        break;
    case PQ_MODE_CODES:
        gather(p, (const uint32_t *)p->items.p + p->value, n, out);
        break;
    case PQ_MODE_PLAIN:
        ok = decode_plain(p->values + p->value * p->in_width, n, p->in_width, out, p->width);
        break;
    case PQ_MODE_SPLIT:
        ok = decode_split(p->values, p->n, p->value, n, p->in_width, out, p->width);
        break;
    case PQ_MODE_WIDE:
        memcpy(out, (const uint64_t *)p->items.p + p->value, n * sizeof(uint64_t));
        break;
    case PQ_MODE_NULL:
        break;
    }
    p->value += n;
    return ok;
}

/* Values side by side go to the rows that have one. */
static void scatter(const struct pq_pages *p, const uint8_t *v, uint8_t *col, size_t row, size_t n)
{
    for (size_t at = 0; at < n; at += 64) {
        size_t take = n - at < 64 ? n - at : 64;
        uint64_t bits = bits_get(p->seen.p, row + at, take);
        for (; bits != 0; bits &= bits - 1) {
            memcpy(col + (at + (size_t)__builtin_ctzll(bits)) * p->width, v, p->width);
            v += p->width;
        }
    }
}

/* Rows of the page begun, with gaps. */
static bool gaps_read(struct pq_pages *p, struct batch *b, uint8_t *col, size_t at, size_t n)
{
    _Alignas(16) uint8_t v[SLICE * 16];
    bool ok = true;

    for (size_t done = 0; done < n && ok; done += SLICE) {
        size_t take = n - done < SLICE ? n - done : SLICE;
        size_t present = bits_copy(b->seen[p->field], at + done, p->seen.p, p->row + done, take);
        if (present == 0)
            continue;
        ok = values_next(p, present, v);
        scatter(p, v, col + (at + done) * p->width, p->row + done, take);
    }
    return ok;
}

static int rows_read(struct pq_pages *p, struct batch *b, size_t at, size_t n, struct err *err)
{
    bool all = p->n == p->rows;

    if (p->mode == PQ_MODE_NULL || (!all && bits_count(p->seen.p, p->row, n) == 0))
        return 0;
    uint8_t *col = batch_col(b, p->field);
    if (!col)
        return no_memory(err, b->cap * p->width);
    bool ok;
    if (all) {
        ok = values_next(p, n, col + at * p->width);
        batch_set(b, p->field, at, n);
    } else {
        ok = gaps_read(p, b, col, at, n);
    }
    return ok ? 0 : err_set(err, ERR_DATA, "number above %zu bits", 8 * p->width);
}

/* ---- Text ---- */

static const uint8_t *text_at(const struct pq_pages *p, size_t value, struct cell *cell,
                              uint32_t *code)
{
    const uint32_t *codes = p->items.p;

    if (p->mode == PQ_MODE_PLAIN) {
        *cell = ((const struct cell *)p->items.p)[value];
        return p->values + cell->at;
    }
    *code = codes[p->mode == PQ_MODE_SAME ? 0 : value];
    *cell = ((const struct cell *)p->dict.p)[*code];
    return p->text + cell->at;
}

/* One value into the batch; a dictionary's only once. */
static bool text_put(struct pq_pages *p, struct batch *b, struct cell *out)
{
    uint32_t code = 0;
    struct cell cell;
    const uint8_t *s = text_at(p, p->value++, &cell, &code);
    struct place *place = p->mode == PQ_MODE_PLAIN ? NULL : (struct place *)p->placed.p + code;

    *out = (struct cell){.at = (uint32_t)b->bytes.len, .len = cell.len};
    if (place && place->batch == p->batch) {
        out->at = place->at;
        return true;
    }
    buf_bytes(&b->bytes, s, cell.len);
    if (place)
        *place = (struct place){.batch = p->batch, .at = out->at};
    return buf_ok(&b->bytes);
}

static int text_read(struct pq_pages *p, struct batch *b, size_t at, size_t n, struct err *err)
{
    const uint64_t *seen = p->n == p->rows ? NULL : p->seen.p;

    if (p->mode == PQ_MODE_NULL)
        return 0;
    struct cell *col = batch_col(b, p->field);
    if (!col)
        return no_memory(err, b->cap * p->width);
    for (size_t i = 0; i < n; i++) {
        size_t row = p->row + i;
        if (seen && !(seen[row / 64] >> row % 64 & 1))
            continue;
        if (!text_put(p, b, &col[at + i]))
            return err_set(err, ERR_LIMIT, "text of a row is more than %d bytes", BATCH_BYTES_MAX);
        batch_set(b, p->field, at + i, 1);
    }
    return 0;
}

static bool text_from_codes(struct pq_pages *p, const struct pq_codes *codes, struct batch *b,
                            struct cell *col, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t code = codes->code ? codes->code[i] : codes->same;
        if (code == codes->dict_n)
            continue;
        const struct cell *cell = (const struct cell *)codes->dict + code;
        struct place *place = (struct place *)p->placed.p + code;
        if (place->batch != p->batch) {
            *place = (struct place){.batch = p->batch, .at = (uint32_t)b->bytes.len};
            buf_bytes(&b->bytes, codes->text + cell->at, cell->len);
        }
        col[i] = (struct cell){.at = place->at, .len = cell->len};
        batch_set(b, p->field, i, 1);
    }
    return buf_ok(&b->bytes);
}

/* Rows without a value take the first of the dictionary, which nobody looks at. */
static void gather_present(const struct pq_pages *p, const struct pq_codes *codes, struct batch *b,
                           uint8_t *col, size_t n)
{
    uint32_t code[64];

    for (size_t at = 0; at < n; at += 64) {
        size_t take = n - at < 64 ? n - at : 64;
        uint64_t seen = 0;
        for (size_t i = 0; i < take; i++) {
            bool here = codes->code[at + i] != codes->dict_n;
            seen |= (uint64_t)here << i;
            code[i] = here ? codes->code[at + i] : 0;
        }
        b->seen[p->field][at / 64] |= seen;
        gather(p, code, take, col + at * p->width);
    }
}

int pq_pages_from_codes(struct pq_pages *p, const struct pq_codes *codes, struct batch *b, size_t n,
                        struct err *err)
{
    bool gaps = codes->code && p->n != p->rows;

    if (codes->dict_n == 0 || (!codes->code && codes->same == codes->dict_n))
        return 0;
    uint8_t *col = batch_col(b, p->field);
    if (!col)
        return no_memory(err, b->cap * p->width);
    if (is_text(p))
        return text_from_codes(p, codes, b, (struct cell *)(void *)col, n)
                   ? 0
                   : err_set(err, ERR_LIMIT, "text of a row is more than %d bytes",
                             BATCH_BYTES_MAX);
    if (gaps) {
        gather_present(p, codes, b, col, n);
        return 0;
    }
    if (codes->code)
        gather(p, codes->code, n, col);
    else
        splat(p, codes->same, n, col);
    batch_set(b, p->field, 0, n);
    return 0;
}

int pq_pages_fit(struct pq_pages *p, size_t n, size_t budget, size_t *out, struct err *err)
{
    size_t bytes = 0;

    *out = n;
    if (!is_text(p))
        return 0;
    int r = page_need(p, err);
    if (r)
        return r;
    size_t value = p->value;
    n = n < p->rows - p->row ? n : p->rows - p->row;
    *out = n;
    if (p->mode == PQ_MODE_NULL || (p->mode != PQ_MODE_PLAIN && p->dict_bytes <= budget))
        return 0;
    const uint64_t *seen = p->n == p->rows ? NULL : p->seen.p;
    for (size_t i = 0; i < n; i++) {
        size_t row = p->row + i;
        struct cell cell;
        uint32_t code;
        if (seen && !(seen[row / 64] >> row % 64 & 1))
            continue;
        (void)text_at(p, value++, &cell, &code);
        bytes += cell.len;
        if (bytes > budget) {
            *out = i ? i : 1;
            return 0;
        }
    }
    return 0;
}

/* Codes of values → codes of rows. */
static int spread_codes(struct pq_pages *p, size_t n, const uint32_t **out, struct err *err)
{
    const uint32_t *items = p->items.p;
    const uint32_t *code = items + (p->mode == PQ_MODE_SAME ? 0 : p->value);
    size_t step = p->mode == PQ_MODE_SAME ? 0 : 1;
    const uint64_t *seen = p->seen.p;

    if (!pq_space_need(&p->spread, BATCH_ROWS * sizeof(uint32_t)))
        return no_memory(err, BATCH_ROWS * sizeof(uint32_t));
    uint32_t *to = p->spread.p;
    for (size_t i = 0; i < n; i++) {
        size_t row = p->row + i;
        bool here = seen[row / 64] >> row % 64 & 1;
        to[i] = here ? *code : p->dict_n;
        code += here ? step : 0;
    }
    *out = to;
    return 0;
}

int pq_pages_codes(struct pq_pages *p, size_t n, struct pq_codes *out, bool *found, struct err *err)
{
    *found = false;
    int r = page_find(p, err);
    if (r || n > p->rows - p->row || n > BATCH_ROWS ||
        (p->n != 0 && p->head.encoding != PQ_RLE_DICTIONARY))
        return r;
    r = page_need(p, err);
    if (r)
        return r;
    *out = (struct pq_codes){
        .dict_n = p->dict_n, .dict = p->dict.p, .text = p->text, .serial = p->serial};
    if (p->mode == PQ_MODE_NULL)
        out->same = p->dict_n;
    else if (p->n != p->rows)
        r = spread_codes(p, n, &out->code, err);
    else if (p->mode == PQ_MODE_SAME)
        out->same = *(const uint32_t *)p->items.p;
    else
        out->code = (const uint32_t *)p->items.p + p->value;
    if (r)
        return r;
    *found = true;
    return pq_pages_skip(p, n, err);
}

int pq_pages_read(struct pq_pages *p, struct batch *b, size_t at, size_t n, struct err *err)
{
    while (n != 0) {
        int r = page_need(p, err);
        if (r)
            return r;
        size_t take = n < p->rows - p->row ? n : p->rows - p->row;
        r = is_text(p) ? text_read(p, b, at, take, err) : rows_read(p, b, at, take, err);
        if (r)
            return r;
        p->row += take;
        at += take;
        n -= take;
    }
    return 0;
}
