/* The footer, read: pq_footer_read() of pq_meta.h. Field numbers are parquet.thrift's. */
#include "base/mem.h"
#include "store/pq_meta.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 1 << 20, KV_MAX = 4096 };

/* One element of the schema. */
struct element {
    struct cur name;
    int64_t type;
    int64_t length;
    int64_t repetition;
    int64_t children;
    int64_t converted;
};

static struct element element_read(struct thrift_in t)
{
    struct element e = {.type = -1, .repetition = -1, .converted = -1};

    while (thrift_next(&t)) {
        switch (t.id) {
        case 1:
            e.type = thrift_int(&t);
            break;
        case 2:
            e.length = thrift_int(&t);
            break;
        case 3:
            e.repetition = thrift_int(&t);
            break;
        case 4:
            e.name = thrift_binary(&t);
            break;
        case 5:
            e.children = thrift_int(&t);
            break;
        case 6:
            e.converted = thrift_int(&t);
            break;
        default:
            thrift_skip(&t);
        }
    }
    return e;
}

/* Is the column what the catalogue says of its field? */
static int element_check(const struct element *e, enum field_id f, struct err *err)
{
    const struct pq_kind *k = &pq_kinds[field_table[f].kind];
    enum { OPTIONAL = 1 };

    if (e->type == (int64_t)k->physical && e->converted == k->converted &&
        e->repetition == OPTIONAL && (k->physical != PQ_FIXED || e->length == k->width))
        return 0;
    return err_set(err, ERR_DATA,
                   "column %s: type %d, length %d, converted type %d, expected an optional column "
                   "of %d, %d, %d",
                   field_table[f].name, (int)e->type, (int)e->length, (int)e->converted,
                   (int)k->physical, k->physical == PQ_FIXED ? k->width : 0, k->converted);
}

/* Files mostly have our columns in our order, so the name is first sought where it should be. */
static enum field_id field_of(const struct cur *name, size_t column)
{
    const char *s = (const char *)name->at;
    size_t n = cur_left(name);

    if (n > 0 && column < FIELD_N && strlen(field_table[column].name) == n &&
        memcmp(s, field_table[column].name, n) == 0)
        return (enum field_id)column;
    return field_by_name(s, n);
}

static int schema_read(struct thrift_in *t, struct pq_footer *f, struct err *err)
{
    size_t n = thrift_list(t, THRIFT_STRUCT);

    if (n == 0 || f->fields)
        return err_set(err, ERR_DATA, "schema is empty or comes twice");
    struct element root = element_read(thrift_in_of(t->c));
    if (!cur_ok(t->c) || root.children < 0 || (uint64_t)root.children != n - 1)
        return err_set(err, ERR_DATA, "schema is broken or nested, expected a flat one");
    f->n_columns = n - 1;
    f->fields = mem_new(n, sizeof *f->fields);
    for (size_t i = 0; i < f->n_columns; i++) {
        struct element e = element_read(thrift_in_of(t->c));
        if (!cur_ok(t->c) || e.children != 0)
            return err_set(err, ERR_DATA, "schema: column %zu is broken or nested", i);
        enum field_id id = field_of(&e.name, i);
        f->fields[i] = id;
        if (id == FIELD_NONE)
            continue;
        if (f->column[id] != SIZE_MAX)
            return err_set(err, ERR_DATA, "schema: column %s comes twice", field_table[id].name);
        f->column[id] = i;
        int r = element_check(&e, id, err);
        if (r)
            return r;
    }
    return 0;
}

static void bound_read(struct thrift_in *t, struct pq_bound *out, bool *found)
{
    struct cur in = thrift_binary(t);
    size_t n = cur_left(&in);

    *found = n <= PQ_BOUND_BYTES; /* a longer one is of no use to us */
    if (!*found || n == 0)
        return;
    out->len = (uint8_t)n;
    memcpy(out->bytes, in.at, n);
}

static void stats_read(struct thrift_in t, struct pq_chunk *c)
{
    bool min = false;
    bool max = false;

    while (thrift_next(&t)) {
        if (t.id == 3)
            c->nulls = (uint64_t)thrift_int(&t);
        else if (t.id == 5)
            bound_read(&t, &c->max, &max);
        else if (t.id == 6)
            bound_read(&t, &c->min, &min);
        else
            thrift_skip(&t);
    }
    c->bounded = min && max;
}

static void encodings_read(struct thrift_in *t, struct pq_chunk *c)
{
    size_t n = thrift_list(t, THRIFT_I32);

    for (size_t i = 0; i < n && cur_ok(t->c); i++) {
        int64_t e = thrift_int_element(t->c);
        if (e >= 0 && e < 32)
            c->encodings |= 1u << e;
    }
}

/* Numbers that are not checked against anything here; below zero they are huge. */
static uint64_t number(struct thrift_in *t) { return (uint64_t)thrift_int(t); }

static void meta_read(struct thrift_in t, struct pq_chunk *c, unsigned *seen)
{
    while (thrift_next(&t)) {
        if (t.id > 0 && t.id < 16)
            *seen |= 1u << t.id;
        switch (t.id) {
        case 2:
            encodings_read(&t, c);
            break;
        case 4:
            c->codec = (enum codec_id)(thrift_int(&t) & 0xff);
            break;
        case 5:
            c->values = number(&t);
            break;
        case 6:
            c->raw_bytes = number(&t);
            break;
        case 7:
            c->bytes = number(&t);
            break;
        case 9:
            c->data_at = number(&t);
            break;
        case 11:
            c->dict_at = number(&t);
            break;
        case 12:
            stats_read(thrift_struct(&t), c);
            break;
        case 14:
            c->bloom_at = number(&t);
            break;
        case 15:
            c->bloom_bytes = number(&t);
            break;
        default: /* the type and the path are the schema's; parquet-mr reads them there too */
            thrift_skip(&t);
        }
    }
}

static bool chunk_read(struct thrift_in t, struct pq_chunk *c)
{
    enum { NEEDED = 1u << 4 | 1u << 5 | 1u << 7 | 1u << 9 };
    unsigned seen = 0;

    *c = (struct pq_chunk){.nulls = UINT64_MAX};
    while (thrift_next(&t)) {
        if (t.id == 3)
            meta_read(thrift_struct(&t), c, &seen);
        else
            thrift_skip(&t);
    }
    return cur_ok(t.c) && (seen & NEEDED) == NEEDED;
}

static int group_read(struct thrift_in t, struct pq_footer *f, size_t group, struct err *err)
{
    struct pq_group_meta *g = &f->groups[group];
    size_t n = 0;

    g->first = group * f->n_columns;
    while (thrift_next(&t)) {
        if (t.id == 1) {
            n = thrift_list(&t, THRIFT_STRUCT);
            if (n != f->n_columns)
                return err_set(err, ERR_DATA, "row group %zu: %zu columns, expected %zu", group, n,
                               f->n_columns);
            f->chunks = mem_resize(f->chunks, g->first + n, sizeof *f->chunks);
            for (size_t i = 0; i < n; i++)
                if (!chunk_read(thrift_in_of(t.c), &f->chunks[g->first + i]))
                    return err_set(err, ERR_DATA, "row group %zu: column %zu is broken", group, i);
        } else if (t.id == 3) {
            g->rows = number(&t);
        } else {
            thrift_skip(&t);
        }
    }
    if (!cur_ok(t.c) || n != f->n_columns)
        return err_set(err, ERR_DATA, "row group %zu is broken", group);
    if (g->rows > PQ_GROUP_ROWS_MAX)
        return err_set(err, ERR_LIMIT, "row group %zu: %llu rows, at most %d are read", group,
                       (unsigned long long)g->rows, PQ_GROUP_ROWS_MAX);
    return 0;
}

static int groups_read(struct thrift_in *t, struct pq_footer *f, struct err *err)
{
    size_t n = thrift_list(t, THRIFT_STRUCT);

    if (!f->fields || f->groups)
        return err_set(err, ERR_DATA, "row groups before the schema, or twice");
    if (n > GROUPS_MAX)
        return err_set(err, ERR_LIMIT, "%zu row groups, at most %d are read", n, GROUPS_MAX);
    f->groups = mem_new(n, sizeof *f->groups);
    for (size_t i = 0; i < n; i++) {
        int r = group_read(thrift_in_of(t->c), f, i, err);
        if (r)
            return r;
        f->n_groups++;
    }
    return 0;
}

static char *text_of(struct cur c)
{
    size_t n = cur_left(&c);
    char *s = mem_new(n + 1, 1);
    if (n != 0)
        memcpy(s, c.at, n);
    return s;
}

static bool is_sum(const struct cur *key, const struct cur *value)
{
    return cur_left(key) == strlen(PQ_KEY_SUM) && cur_left(value) == PQ_SUM_DIGITS &&
           memcmp(key->at, PQ_KEY_SUM, cur_left(key)) == 0;
}

/* *sum: where the checksum stands, NULL if there is none. */
static int kv_read(struct thrift_in *t, struct pq_footer *f, const uint8_t **sum, struct err *err)
{
    size_t n = thrift_list(t, THRIFT_STRUCT);

    if (n > KV_MAX || f->kv)
        return err_set(err, ERR_DATA, "%zu keys, at most %d are read, or twice", n, KV_MAX);
    f->kv = mem_new(n, sizeof *f->kv);
    for (size_t i = 0; i < n && cur_ok(t->c); i++) {
        struct thrift_in kv = thrift_in_of(t->c);
        struct cur key = cur_of(NULL, 0);
        struct cur value = cur_of(NULL, 0);
        while (thrift_next(&kv)) {
            if (kv.id == 1)
                key = thrift_binary(&kv);
            else if (kv.id == 2)
                value = thrift_binary(&kv);
            else
                thrift_skip(&kv);
        }
        if (is_sum(&key, &value))
            *sum = value.at;
        f->kv[f->n_kv++] = (struct pq_text){.key = text_of(key), .value = text_of(value)};
    }
    return 0;
}

static int footer_read(struct thrift_in t, struct pq_footer *f, const uint8_t **sum,
                       struct err *err)
{
    int r = 0;

    while (r == 0 && thrift_next(&t)) {
        switch (t.id) {
        case 2:
            r = schema_read(&t, f, err);
            break;
        case 3:
            f->rows = number(&t);
            break;
        case 4:
            r = groups_read(&t, f, err);
            break;
        case 5:
            r = kv_read(&t, f, sum, err);
            break;
        default:
            thrift_skip(&t);
        }
    }
    if (r)
        return r;
    if (!cur_ok(t.c) || !f->fields || !f->groups)
        return err_set(err, ERR_DATA, "footer broken or cut short");
    return 0;
}

static int rows_check(const struct pq_footer *f, struct err *err)
{
    uint64_t sum = 0;
    for (size_t g = 0; g < f->n_groups; g++)
        sum += f->groups[g].rows;
    if (sum == f->rows)
        return 0;
    return err_set(err, ERR_DATA, "footer: %llu rows, the row groups have %llu",
                   (unsigned long long)f->rows, (unsigned long long)sum);
}

static int sum_check(struct cur in, const uint8_t *value, struct err *err)
{
    char sum[PQ_SUM_DIGITS + 1];

    pq_footer_sum(in.at, cur_left(&in), value, sum);
    if (memcmp(value, sum, PQ_SUM_DIGITS) == 0)
        return 0;
    return err_set(err, ERR_DATA, "footer: checksum %s, expected %.*s", sum, PQ_SUM_DIGITS,
                   (const char *)value);
}

int pq_footer_read(struct cur in, struct pq_footer *out, struct err *err)
{
    struct pq_footer f = {0};
    const struct cur whole = in;
    const uint8_t *sum = NULL;

    memset(f.column, 0xff, sizeof f.column);
    int r = footer_read(thrift_in_of(&in), &f, &sum, err);
    if (r == 0 && sum)
        r = sum_check(whole, sum, err);
    if (r == 0)
        r = rows_check(&f, err);
    if (r) {
        pq_footer_free(&f);
        return r;
    }
    *out = f;
    return 0;
}

void pq_footer_free(struct pq_footer *f)
{
    for (size_t i = 0; i < f->n_kv; i++) {
        free(f->kv[i].key);
        free(f->kv[i].value);
    }
    free(f->kv);
    free(f->fields);
    free(f->groups);
    free(f->chunks);
    *f = (struct pq_footer){0};
}
