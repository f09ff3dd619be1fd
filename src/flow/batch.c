#include "flow/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { COL_ALIGN = 64 };

static size_t bits_size(size_t cap) { return (cap + 63) / 64 * sizeof(uint64_t); }

static size_t col_size(enum field_id f, size_t cap)
{
    size_t n = cap * kind_table[field_table[f].kind].width;
    return (n + COL_ALIGN - 1) / COL_ALIGN * COL_ALIGN;
}

bool batch_init(struct batch *b, size_t cap)
{
    *b = (struct batch){0};
    if (cap == 0 || cap > BATCH_ROWS_MAX)
        return false;
    b->cap = cap;
    buf_init(&b->bytes, BATCH_BYTES_MAX);
    return true;
}

void batch_free(struct batch *b)
{
    for (int f = 0; f < FIELD_N; f++) {
        free(b->col[f]);
        free(b->seen[f]);
    }
    buf_free(&b->bytes);
    *b = (struct batch){0};
}

struct batch *batch_new(size_t cap)
{
    struct batch *b = malloc(sizeof *b);
    if (b && !batch_init(b, cap)) {
        free(b);
        b = NULL;
    }
    return b;
}

void batch_delete(struct batch *b)
{
    if (b)
        batch_free(b);
    free(b);
}

void batch_reset(struct batch *b)
{
    for (int f = 0; f < FIELD_N; f++)
        if (batch_uses(b, (enum field_id)f))
            memset(b->seen[f], 0, bits_size(b->cap));
    b->used = (struct field_set){0};
    b->rows = 0;
    buf_reset(&b->bytes);
}

void *batch_col_new(struct batch *b, enum field_id f)
{
    if (!b->col[f]) {
        void *col = aligned_alloc(COL_ALIGN, col_size(f, b->cap));
        uint64_t *seen = calloc(1, bits_size(b->cap));
        if (!col || !seen) {
            free(col);
            free(seen);
            return NULL;
        }
        b->col[f] = col;
        b->seen[f] = seen;
    }
    field_set_add(&b->used, f);
    return b->col[f];
}

const void *batch_at(const struct batch *b, enum field_id f, size_t row)
{
    if (!batch_has(b, f, row))
        return NULL;
    const uint8_t *col = b->col[f];
    return col + row * kind_table[field_table[f].kind].width;
}

uint64_t batch_u64(const struct batch *b, enum field_id f, size_t row)
{
    const void *p = batch_at(b, f, row);

    return p ? batch_load(p, kind_table[field_table[f].kind].width) : 0;
}

const uint8_t *batch_bytes(const struct batch *b, enum field_id f, size_t row, size_t *len)
{
    const struct cell *c = batch_at(b, f, row);

    *len = c ? c->len : 0;
    if (!c)
        return NULL;
    return c->len ? b->bytes.data + c->at : (const uint8_t *)"";
}

bool batch_put_raw(struct batch *b, enum field_id f, size_t row, const void *value)
{
    size_t width = kind_table[field_table[f].kind].width;
    uint8_t *col = batch_col(b, f);

    if (!col)
        return false;
    memcpy(col + row * width, value, width);
    b->seen[f][row / 64] |= UINT64_C(1) << (row % 64);
    return true;
}

bool batch_put_u64(struct batch *b, enum field_id f, size_t row, uint64_t v)
{
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;

    switch (kind_table[field_table[f].kind].width) {
    case 1:
        return batch_put_raw(b, f, row, &v8);
    case 2:
        return batch_put_raw(b, f, row, &v16);
    case 4:
        return batch_put_raw(b, f, row, &v32);
    default:
        return batch_put_raw(b, f, row, &v);
    }
}

bool batch_put_f64(struct batch *b, enum field_id f, size_t row, double v)
{
    return batch_put_raw(b, f, row, &v);
}

bool batch_put_bytes(struct batch *b, enum field_id f, size_t row, const void *s, size_t n)
{
    struct cell c = {.at = (uint32_t)b->bytes.len, .len = (uint32_t)n};

    if (n > BATCH_BYTES_MAX)
        return false;
    buf_bytes(&b->bytes, s, n);
    if (!buf_ok(&b->bytes)) {
        b->bytes.bad = false; /* this value did not fit; the ones before it are whole */
        return false;
    }
    return batch_put_raw(b, f, row, &c);
}

void batch_cut(struct batch *b, size_t rows, size_t bytes)
{
    size_t words = (b->cap + 63) / 64;
    size_t word = rows / 64;

    b->rows = rows;
    b->bytes.len = bytes;
    for (int f = 0; f < FIELD_N; f++) {
        if (!batch_uses(b, (enum field_id)f) || word >= words)
            continue;
        b->seen[f][word] &= (UINT64_C(1) << (rows % 64)) - 1;
        for (size_t w = word + 1; w < words; w++)
            b->seen[f][w] = 0;
    }
}

bool batch_copy_row(struct batch *to, const struct batch *from, size_t row)
{
    assert(to->rows < to->cap && row < from->rows);
    for (int i = 0; i < FIELD_N; i++) {
        enum field_id f = (enum field_id)i;
        const void *p = batch_at(from, f, row);
        bool ok = true;
        if (!p)
            continue;
        if (field_table[f].kind == KIND_TEXT || field_table[f].kind == KIND_BYTES) {
            size_t n;
            const uint8_t *s = batch_bytes(from, f, row, &n);
            ok = batch_put_bytes(to, f, to->rows, s, n);
        } else {
            ok = batch_put_raw(to, f, to->rows, p);
        }
        if (!ok)
            return false;
    }
    to->rows++;
    return true;
}

static bool copy_cells(struct batch *to, const struct batch *from, enum field_id f, size_t row,
                       size_t n)
{
    bool ok = true;

    for (size_t i = 0; i < n && ok; i++) {
        size_t len;
        const uint8_t *s = batch_bytes(from, f, row + i, &len);
        ok = !s || batch_put_bytes(to, f, to->rows + i, s, len);
    }
    return ok;
}

static bool copy_values(struct batch *to, const struct batch *from, enum field_id f, size_t row,
                        size_t n)
{
    size_t width = kind_table[field_table[f].kind].width;
    const uint8_t *values = from->col[f];
    uint8_t *col = batch_col(to, f);

    if (!col)
        return false;
    memcpy(col + to->rows * width, values + row * width, n * width);
    if (batch_has_all(from, f, row, n)) {
        batch_set(to, f, to->rows, n);
        return true;
    }
    for (size_t i = 0; i < n; i++)
        if (batch_has(from, f, row + i))
            batch_set(to, f, to->rows + i, 1);
    return true;
}

bool batch_copy_rows(struct batch *to, const struct batch *from, size_t row, size_t n)
{
    size_t bytes = to->bytes.len;
    bool ok = true;

    assert(n <= to->cap - to->rows && row + n <= from->rows);
    for (int i = 0; i < FIELD_N && ok; i++) {
        enum field_id f = (enum field_id)i;
        if (!batch_uses(from, f))
            continue;
        ok = field_table[f].kind == KIND_TEXT || field_table[f].kind == KIND_BYTES
                 ? copy_cells(to, from, f, row, n)
                 : copy_values(to, from, f, row, n);
    }
    if (!ok)
        batch_cut(to, to->rows, bytes);
    else
        to->rows += n;
    return ok;
}
