#include "store/pq_meta.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

/* Field numbers of parquet.thrift, by struct. */
enum { PAGE_TYPE = 1, PAGE_RAW_SIZE = 2, PAGE_SIZE = 3, PAGE_CRC = 4, PAGE_DICT = 7, PAGE_V2 = 8 };
enum {
    V2_VALUES = 1,
    V2_NULLS = 2,
    V2_ROWS = 3,
    V2_ENCODING = 4,
    V2_DEF_BYTES = 5,
    V2_REP_BYTES = 6,
    V2_PACKED = 7
};
enum { DICT_VALUES = 1, DICT_ENCODING = 2 };
enum {
    FILE_VERSION = 1,
    FILE_SCHEMA = 2,
    FILE_ROWS = 3,
    FILE_GROUPS = 4,
    FILE_KV = 5,
    FILE_BY = 6,
    FILE_ORDERS = 7
};
enum {
    SCHEMA_TYPE = 1,
    SCHEMA_LENGTH = 2,
    SCHEMA_REPETITION = 3,
    SCHEMA_NAME = 4,
    SCHEMA_CHILDREN = 5,
    SCHEMA_CONVERTED = 6,
    SCHEMA_LOGICAL = 10
};
enum { LOGICAL_STRING = 1, LOGICAL_TIMESTAMP = 8, LOGICAL_INTEGER = 10 };
enum { GROUP_COLUMNS = 1, GROUP_RAW_BYTES = 2, GROUP_ROWS = 3, GROUP_BYTES = 6 };
enum { CHUNK_AT = 2, CHUNK_META = 3 };
enum {
    META_TYPE = 1,
    META_ENCODINGS = 2,
    META_PATH = 3,
    META_CODEC = 4,
    META_VALUES = 5,
    META_RAW_BYTES = 6,
    META_BYTES = 7,
    META_DATA_AT = 9,
    META_DICT_AT = 11,
    META_STATS = 12,
    META_BLOOM_AT = 14,
    META_BLOOM_BYTES = 15
};
enum { STATS_NULLS = 3, STATS_MAX = 5, STATS_MIN = 6 };
enum { KV_KEY = 1, KV_VALUE = 2 };
enum { OPTIONAL = 1, FORMAT_VERSION = 2 };

/* ---- Pages ---- */

void pq_page_put(struct buf *b, const struct pq_page *p)
{
    struct thrift_out head = thrift_out_of(b);

    thrift_put_i32(&head, PAGE_TYPE, (int32_t)p->type);
    thrift_put_i32(&head, PAGE_RAW_SIZE, (int32_t)p->raw_bytes);
    thrift_put_i32(&head, PAGE_SIZE, (int32_t)p->bytes);
    thrift_put_i32(&head, PAGE_CRC, (int32_t)p->crc);
    if (p->type == PQ_PAGE_DICTIONARY) {
        struct thrift_out dict = thrift_put_struct(&head, PAGE_DICT);
        thrift_put_i32(&dict, DICT_VALUES, (int32_t)p->values);
        thrift_put_i32(&dict, DICT_ENCODING, (int32_t)p->encoding);
        thrift_end(&dict);
    } else {
        struct thrift_out v2 = thrift_put_struct(&head, PAGE_V2);
        thrift_put_i32(&v2, V2_VALUES, (int32_t)p->values);
        thrift_put_i32(&v2, V2_NULLS, (int32_t)p->nulls);
        thrift_put_i32(&v2, V2_ROWS, (int32_t)p->values);
        thrift_put_i32(&v2, V2_ENCODING, (int32_t)p->encoding);
        thrift_put_i32(&v2, V2_DEF_BYTES, (int32_t)p->level_bytes);
        thrift_put_i32(&v2, V2_REP_BYTES, 0);
        thrift_put_bool(&v2, V2_PACKED, p->packed);
        thrift_end(&v2);
    }
    thrift_end(&head);
}

/* What thrift gives us is signed; none of our numbers is below zero. */
static uint64_t natural(struct thrift_in *t, uint64_t max)
{
    int64_t v = thrift_int(t);
    if (v < 0 || (uint64_t)v > max)
        t->c->bad = true;
    return cur_ok(t->c) ? (uint64_t)v : 0;
}

static uint32_t natural32(struct thrift_in *t) { return (uint32_t)natural(t, INT32_MAX); }

static void dict_head_read(struct thrift_in t, struct pq_page *p)
{
    while (thrift_next(&t)) {
        if (t.id == DICT_VALUES)
            p->values = natural32(&t);
        else if (t.id == DICT_ENCODING)
            p->encoding = natural32(&t);
        else
            thrift_skip(&t);
    }
}

static void v2_head_read(struct thrift_in t, struct pq_page *p)
{
    uint32_t rows = 0;

    p->packed = true; /* unless it is said */
    while (thrift_next(&t)) {
        switch (t.id) {
        case V2_VALUES:
            p->values = natural32(&t);
            break;
        case V2_NULLS:
            p->nulls = natural32(&t);
            break;
        case V2_ROWS:
            rows = natural32(&t);
            break;
        case V2_ENCODING:
            p->encoding = natural32(&t);
            break;
        case V2_DEF_BYTES:
            p->level_bytes = natural32(&t);
            break;
        case V2_REP_BYTES: /* only repeated columns have them */
            (void)natural(&t, 0);
            break;
        case V2_PACKED:
            p->packed = thrift_bool(&t);
            break;
        default:
            thrift_skip(&t);
        }
    }
    if (rows != p->values)
        t.c->bad = true;
}

int pq_page_read(struct cur *c, struct pq_page *out, struct err *err)
{
    struct pq_page p = {.type = PQ_PAGE_DATA};
    struct thrift_in t = thrift_in_of(c);
    bool dict = false;
    bool v2 = false;

    while (thrift_next(&t)) {
        switch (t.id) {
        case PAGE_TYPE:
            p.type = natural32(&t);
            break;
        case PAGE_RAW_SIZE:
            p.raw_bytes = natural32(&t);
            break;
        case PAGE_SIZE:
            p.bytes = natural32(&t);
            break;
        case PAGE_CRC:
            p.summed = true;
            p.crc = (uint32_t)thrift_int(&t);
            break;
        case PAGE_DICT:
            dict = true;
            dict_head_read(thrift_struct(&t), &p);
            break;
        case PAGE_V2:
            v2 = true;
            v2_head_read(thrift_struct(&t), &p);
            break;
        default:
            thrift_skip(&t);
        }
    }
    if (!cur_ok(c))
        return err_set(err, ERR_DATA, "page head broken or cut short");
    if (p.type != PQ_PAGE_DICTIONARY && p.type != PQ_PAGE_DATA_V2)
        return err_set(err, ERR_DATA,
                       "page of type %d, expected a dictionary (2) or a data page of version 2 (3)",
                       (int)p.type);
    if ((p.type == PQ_PAGE_DICTIONARY ? !dict : !v2) || p.nulls > p.values ||
        p.level_bytes > p.bytes || p.level_bytes > p.raw_bytes)
        return err_set(err, ERR_DATA, "page head contradicts itself");
    if (p.raw_bytes > PQ_PAGE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "page of %u bytes, at most %d are read", p.raw_bytes,
                       PQ_PAGE_BYTES_MAX);
    *out = p;
    return 0;
}

/* ---- Footer, written ---- */

static void schema_put(struct buf *b, const struct field *f)
{
    const struct pq_kind *k = &pq_kinds[f->kind];
    struct thrift_out e = thrift_out_of(b);

    thrift_put_i32(&e, SCHEMA_TYPE, (int32_t)k->physical);
    if (k->physical == PQ_FIXED)
        thrift_put_i32(&e, SCHEMA_LENGTH, k->width);
    thrift_put_i32(&e, SCHEMA_REPETITION, OPTIONAL);
    thrift_put_binary(&e, SCHEMA_NAME, f->name, strlen(f->name));
    if (k->converted >= 0)
        thrift_put_i32(&e, SCHEMA_CONVERTED, k->converted);
    if (k->string) {
        struct thrift_out logical = thrift_put_struct(&e, SCHEMA_LOGICAL);
        struct thrift_out string = thrift_put_struct(&logical, LOGICAL_STRING);
        thrift_end(&string);
        thrift_end(&logical);
    } else if (k->int_bits) {
        struct thrift_out logical = thrift_put_struct(&e, SCHEMA_LOGICAL);
        struct thrift_out integer = thrift_put_struct(&logical, LOGICAL_INTEGER);
        thrift_put_i8(&integer, 1, (int8_t)k->int_bits);
        thrift_put_bool(&integer, 2, false); /* signed */
        thrift_end(&integer);
        thrift_end(&logical);
    } else if (k->timestamp) {
        struct thrift_out logical = thrift_put_struct(&e, SCHEMA_LOGICAL);
        struct thrift_out stamp = thrift_put_struct(&logical, LOGICAL_TIMESTAMP);
        thrift_put_bool(&stamp, 1, true); /* adjusted to UTC */
        struct thrift_out unit = thrift_put_struct(&stamp, 2);
        struct thrift_out millis = thrift_put_struct(&unit, 1);
        thrift_end(&millis);
        thrift_end(&unit);
        thrift_end(&stamp);
        thrift_end(&logical);
    }
    thrift_end(&e);
}

static void stats_put(struct thrift_out *meta, const struct pq_chunk *c)
{
    struct thrift_out s = thrift_put_struct(meta, META_STATS);

    thrift_put_i64(&s, STATS_NULLS, (int64_t)c->nulls);
    if (c->bounded) {
        thrift_put_binary(&s, STATS_MAX, c->max.bytes, c->max.len);
        thrift_put_binary(&s, STATS_MIN, c->min.bytes, c->min.len);
    }
    thrift_end(&s);
}

static void chunk_put(struct buf *b, const struct field *f, const struct pq_chunk *c)
{
    struct thrift_out chunk = thrift_out_of(b);

    thrift_put_i64(&chunk, CHUNK_AT, 0); /* deprecated, but required */
    struct thrift_out meta = thrift_put_struct(&chunk, CHUNK_META);
    thrift_put_i32(&meta, META_TYPE, (int32_t)pq_kinds[f->kind].physical);
    thrift_put_list(&meta, META_ENCODINGS, THRIFT_I32, (size_t)__builtin_popcount(c->encodings));
    for (uint32_t left = c->encodings; left != 0; left &= left - 1)
        thrift_zigzag(b, __builtin_ctz(left));
    thrift_put_list(&meta, META_PATH, THRIFT_BINARY, 1);
    thrift_text(b, f->name, strlen(f->name));
    thrift_put_i32(&meta, META_CODEC, (int32_t)c->codec);
    thrift_put_i64(&meta, META_VALUES, (int64_t)c->values);
    thrift_put_i64(&meta, META_RAW_BYTES, (int64_t)c->raw_bytes);
    thrift_put_i64(&meta, META_BYTES, (int64_t)c->bytes);
    thrift_put_i64(&meta, META_DATA_AT, (int64_t)c->data_at);
    if (c->dict_at != 0)
        thrift_put_i64(&meta, META_DICT_AT, (int64_t)c->dict_at);
    stats_put(&meta, c);
    if (c->bloom_at != 0) {
        thrift_put_i64(&meta, META_BLOOM_AT, (int64_t)c->bloom_at);
        thrift_put_i32(&meta, META_BLOOM_BYTES, (int32_t)c->bloom_bytes);
    }
    thrift_end(&meta);
    thrift_end(&chunk);
}

const struct pq_schema pq_catalogue = {field_table, FIELD_N};

void pq_group_put(struct buf *b, const struct pq_schema *s, const struct pq_chunk *chunks,
                  uint64_t rows)
{
    struct thrift_out group = thrift_out_of(b);
    uint64_t raw = 0;
    uint64_t bytes = 0;

    thrift_put_list(&group, GROUP_COLUMNS, THRIFT_STRUCT, s->n);
    for (size_t i = 0; i < s->n; i++) {
        chunk_put(b, &s->columns[i], &chunks[i]);
        raw += chunks[i].raw_bytes;
        bytes += chunks[i].bytes;
    }
    thrift_put_i64(&group, GROUP_RAW_BYTES, (int64_t)raw);
    thrift_put_i64(&group, GROUP_ROWS, (int64_t)rows);
    thrift_put_i64(&group, GROUP_BYTES, (int64_t)bytes);
    thrift_end(&group);
}

static const char no_sum[] = "00000000";

static void kv_put(struct buf *b, const struct pq_kv *kv)
{
    struct thrift_out t = thrift_out_of(b);
    thrift_put_binary(&t, KV_KEY, kv->key, strlen(kv->key));
    thrift_put_binary(&t, KV_VALUE, kv->value, strlen(kv->value));
    thrift_end(&t);
}

/* Statistics mean what they should only with this. */
static void orders_put(struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct thrift_out order = thrift_out_of(b);
        struct thrift_out typed = thrift_put_struct(&order, 1);
        thrift_end(&typed);
        thrift_end(&order);
    }
}

void pq_footer_sum(const uint8_t *footer, size_t n, const uint8_t *value,
                   char out[PQ_SUM_DIGITS + 1])
{
    size_t before = (size_t)(value - footer);
    uint32_t crc = hash_crc32c(0, footer, before);

    crc = hash_crc32c(crc, no_sum, PQ_SUM_DIGITS);
    crc = hash_crc32c(crc, value + PQ_SUM_DIGITS, n - before - PQ_SUM_DIGITS);
    (void)snprintf(out, PQ_SUM_DIGITS + 1, "%0*x", PQ_SUM_DIGITS, crc);
}

void pq_footer_put(struct buf *b, const struct pq_schema *s, uint64_t rows,
                   const struct buf *groups, size_t n_groups, const struct pq_kv *kv, size_t n_kv)
{
    static const char by[] = "weir " WEIR_VERSION;
    char version[16];
    char sum[PQ_SUM_DIGITS + 1];
    struct thrift_out file = thrift_out_of(b);
    size_t begin = b->len;
    size_t sum_at = 0;

    (void)snprintf(version, sizeof version, "%d", FIELD_CATALOGUE_VERSION);
    thrift_put_i32(&file, FILE_VERSION, FORMAT_VERSION);
    thrift_put_list(&file, FILE_SCHEMA, THRIFT_STRUCT, s->n + 1);
    struct thrift_out root = thrift_out_of(b);
    thrift_put_binary(&root, SCHEMA_NAME, "flows", 5);
    thrift_put_i32(&root, SCHEMA_CHILDREN, (int32_t)s->n);
    thrift_end(&root);
    for (size_t i = 0; i < s->n; i++)
        schema_put(b, &s->columns[i]);
    thrift_put_i64(&file, FILE_ROWS, (int64_t)rows);
    thrift_put_list(&file, FILE_GROUPS, THRIFT_STRUCT, n_groups);
    buf_bytes(b, groups->data, groups->len);
    bool is_store = s == &pq_catalogue;
    thrift_put_list(&file, FILE_KV, THRIFT_STRUCT, n_kv + 2 * (size_t)is_store);
    if (is_store)
        kv_put(b, &(struct pq_kv){.key = PQ_KEY_CATALOGUE, .value = version});
    for (size_t i = 0; i < n_kv; i++)
        kv_put(b, &kv[i]);
    if (is_store) {
        kv_put(b, &(struct pq_kv){.key = PQ_KEY_SUM, .value = no_sum});
        sum_at = b->len - PQ_SUM_DIGITS - 1; /* the struct's end is behind it */
    }
    thrift_put_binary(&file, FILE_BY, by, sizeof by - 1);
    thrift_put_list(&file, FILE_ORDERS, THRIFT_STRUCT, s->n);
    orders_put(b, s->n);
    thrift_end(&file);
    if (is_store && buf_ok(b)) {
        pq_footer_sum(b->data + begin, b->len - begin, b->data + sum_at, sum);
        memcpy(b->data + sum_at, sum, PQ_SUM_DIGITS);
    }
}
