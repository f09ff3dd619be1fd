/* Parquet, with the types of the store: addresses are 16 bytes, masked ones text, times UTC
 * milliseconds. A row group is a page of each column, PLAIN and zstd. Text in a column that has
 * another type ("other") is null. Nothing is sought, so that it can go into a pipe.
 *
 * Memory is that of a row group: PARQUET_ROWS rows, or some 64 MB of them. */
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "query/print.h"
#include "store/encode.h"
#include "store/pq_meta.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PARQUET_ROWS = 65536, PARQUET_BYTES = 64 << 20, COLUMN_BYTES_MAX = 1 << 30 };

/* A column of the row group in hand. */
struct gathered {
    struct buf values; /* as PLAIN has them */
    uint64_t seen[PARQUET_ROWS / 64];
    uint64_t nulls;
};

struct parquet {
    struct printer printer;
    struct field *fields; /* what the columns are called, and their kinds */
    struct pq_schema schema;
    struct gathered *columns;
    struct pq_chunk *chunks;
    size_t rows; /* in hand */
    size_t bytes;
    uint64_t rows_before;
    uint64_t at; /* in the file */
    struct buf groups;
    size_t n_groups;
    struct codec *codec;
};

static struct parquet *parquet_of(struct printer *p)
{
    return container_of(p, struct parquet, printer);
}

static void parquet_begin(struct printer *p)
{
    struct parquet *q = parquet_of(p);

    q->fields = mem_new(p->n_columns, sizeof *q->fields);
    q->columns = mem_new(p->n_columns, sizeof *q->columns);
    q->chunks = mem_new(p->n_columns, sizeof *q->chunks);
    for (size_t i = 0; i < p->n_columns; i++) {
        q->fields[i].name = p->columns[i].name;
        q->fields[i].kind = p->columns[i].kind;
        buf_init(&q->columns[i].values, COLUMN_BYTES_MAX);
    }
    q->schema = (struct pq_schema){q->fields, p->n_columns};
    buf_init(&q->groups, PQ_FOOTER_BYTES_MAX);
    q->codec = codec_new();
    buf_bytes(&p->text, pq_magic, sizeof pq_magic);
    q->at = sizeof pq_magic;
}

/* Does a value have the type of its column? */
static bool fits(enum kind kind, const struct value *v)
{
    switch (v->type) {
    case VALUE_UINT:
        return kind <= KIND_U64 || kind == KIND_ENUM;
    case VALUE_REAL:
        return kind == KIND_F64;
    case VALUE_TIME:
        return kind == KIND_TIME;
    case VALUE_ADDR:
        return kind == KIND_ADDR;
    case VALUE_PREFIX:
        return kind == KIND_TEXT;
    case VALUE_MAC:
        return kind == KIND_MAC;
    case VALUE_TEXT:
    case VALUE_JSON:
        return kind == KIND_TEXT || kind == KIND_ENUM;
    case VALUE_OCTETS:
        return kind == KIND_BYTES;
    case VALUE_NONE:
        break;
    }
    return false;
}

static void put_bytes(struct buf *out, const void *s, size_t n)
{
    buf_le(out, n, 4);
    buf_bytes(out, s, n);
}

/* Each byte that is no UTF-8 as U+FFFD: readers refuse it otherwise. */
static void put_text(struct buf *out, const uint8_t *s, size_t n)
{
    size_t length_at = out->len;

    buf_le(out, 0, 4);
    for (size_t i = 0; i < n;) {
        size_t len = utf8_len(s + i, n - i);
        if (len)
            buf_bytes(out, s + i, len);
        else
            buf_text(out, UTF8_BAD);
        i += len ? len : 1;
    }
    if (!buf_ok(out))
        return;
    uint32_t len = (uint32_t)(out->len - length_at - 4);
    for (unsigned i = 0; i < 4; i++)
        out->data[length_at + i] = (uint8_t)(len >> (i * 8));
}

static void put_real(struct buf *out, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    buf_le(out, bits, 8);
}

/* A value that fits its column. */
static void put_value(struct buf *out, enum kind kind, const struct value *v)
{
    char text[ADDR_TEXT + 8];
    size_t n;

    switch (v->type) {
    case VALUE_UINT:
        if (kind != KIND_ENUM) {
            buf_le(out, v->as.u, pq_kinds[kind].width);
            return;
        }
        n = (size_t)snprintf(text, sizeof text, "%" PRIu64, v->as.u); /* a name that we lack */
        put_bytes(out, text, n);
        return;
    case VALUE_REAL:
        put_real(out, v->as.d);
        return;
    case VALUE_TIME:
        buf_le(out, (uint64_t)v->as.ms, 8);
        return;
    case VALUE_ADDR:
        buf_bytes(out, v->as.addr.b, sizeof v->as.addr.b);
        return;
    case VALUE_PREFIX:
        n = addr_print(&v->as.addr, text);
        n += (size_t)snprintf(text + n, 8, "/%u", v->bits);
        put_bytes(out, text, n);
        return;
    case VALUE_MAC:
        buf_bytes(out, v->as.mac, sizeof v->as.mac);
        return;
    case VALUE_OCTETS:
        put_bytes(out, v->as.s.at, v->as.s.len);
        return;
    case VALUE_TEXT:
    case VALUE_JSON:
    case VALUE_NONE:
        break;
    }
    put_text(out, v->as.s.at, v->as.s.len);
}

/* The values, packed if that makes them smaller. */
static const struct buf *pack(struct parquet *q, const struct buf *values, struct buf *room)
{
    size_t bound = codec_bound(CODEC_ZSTD, values->len);
    uint8_t *at = values->len > 0 ? buf_room(room, bound) : NULL;
    size_t n = at ? codec_pack(q->codec, CODEC_ZSTD, values->data, values->len, at, bound) : 0;

    room->len = n;
    return n > 0 && n < values->len ? room : values;
}

static void put_chunk(struct parquet *q, size_t i, struct buf *levels, struct buf *packed)
{
    struct gathered *c = &q->columns[i];
    struct buf *out = &q->printer.text;

    buf_reset(levels);
    buf_reset(packed);
    encode_levels(levels, c->seen, q->rows);
    const struct buf *values = pack(q, &c->values, packed);
    struct pq_page page = {
        .type = PQ_PAGE_DATA_V2,
        .encoding = PQ_PLAIN,
        .raw_bytes = (uint32_t)(levels->len + c->values.len),
        .bytes = (uint32_t)(levels->len + values->len),
        .values = (uint32_t)q->rows,
        .nulls = (uint32_t)c->nulls,
        .level_bytes = (uint32_t)levels->len,
        .packed = values == packed,
        .crc = hash_crc32(hash_crc32(0, levels->data, levels->len), values->data, values->len),
    };
    size_t before = out->len;

    out->bad |= !buf_ok(&c->values) || !buf_ok(levels);
    pq_page_put(out, &page);
    size_t head = out->len - before;
    buf_bytes(out, levels->data, levels->len);
    buf_bytes(out, values->data, values->len);
    q->chunks[i] = (struct pq_chunk){.codec = page.packed ? CODEC_ZSTD : CODEC_NONE,
                                     .encodings = 1u << PQ_PLAIN | 1u << PQ_RLE,
                                     .values = q->rows,
                                     .nulls = c->nulls,
                                     .raw_bytes = head + page.raw_bytes,
                                     .bytes = head + page.bytes,
                                     .data_at = q->at};
    q->at += head + page.bytes;
}

static void end_group(struct parquet *q)
{
    struct buf levels;
    struct buf packed;

    buf_init(&levels, COLUMN_BYTES_MAX);
    buf_init(&packed, COLUMN_BYTES_MAX);
    for (size_t i = 0; i < q->schema.n; i++) {
        put_chunk(q, i, &levels, &packed);
        print_some(&q->printer);
        buf_reset(&q->columns[i].values);
        memset(q->columns[i].seen, 0, sizeof q->columns[i].seen);
        q->columns[i].nulls = 0;
    }
    pq_group_put(&q->groups, &q->schema, q->chunks, q->rows);
    q->n_groups++;
    q->rows_before += q->rows;
    q->rows = 0;
    q->bytes = 0;
    buf_free(&levels);
    buf_free(&packed);
}

static void parquet_row(struct printer *p, const struct value *values)
{
    struct parquet *q = parquet_of(p);

    for (size_t i = 0; i < q->schema.n; i++) {
        struct gathered *c = &q->columns[i];
        size_t before = c->values.len;
        if (!fits(q->fields[i].kind, &values[i])) {
            c->nulls++;
            continue;
        }
        c->seen[q->rows / 64] |= UINT64_C(1) << (q->rows % 64);
        put_value(&c->values, q->fields[i].kind, &values[i]);
        q->bytes += c->values.len - before;
    }
    if (++q->rows == PARQUET_ROWS || q->bytes >= PARQUET_BYTES)
        end_group(q);
}

static void parquet_end(struct printer *p, const struct summary *s)
{
    struct parquet *q = parquet_of(p);
    struct buf footer;

    (void)s;
    if (q->rows > 0)
        end_group(q);
    buf_init(&footer, PQ_FOOTER_BYTES_MAX);
    pq_footer_put(&footer, &q->schema, q->rows_before, &q->groups, q->n_groups, NULL, 0);
    buf_le(&footer, footer.len, 4);
    buf_bytes(&footer, pq_magic, sizeof pq_magic);
    p->text.bad |= !buf_ok(&footer) || !buf_ok(&q->groups);
    buf_bytes(&p->text, footer.data, footer.len);
    buf_free(&footer);
}

static void parquet_free(struct printer *p)
{
    struct parquet *q = parquet_of(p);

    for (size_t i = 0; i < q->schema.n; i++)
        buf_free(&q->columns[i].values);
    buf_free(&q->groups);
    codec_free(q->codec);
    free(q->fields);
    free(q->columns);
    free(q->chunks);
}

const struct print_format print_parquet = {
    .name = "parquet",
    .size = sizeof(struct parquet),
    .all_columns = true,
    .begin = parquet_begin,
    .row = parquet_row,
    .end = parquet_end,
    .free = parquet_free,
};
