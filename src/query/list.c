#include "query/list.h"

#include "base/mem.h"
#include "query/top.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of the table. */
enum {
    LIST_TIME,
    LIST_DURATION,
    LIST_PROTO,
    LIST_SRC,
    LIST_DST,
    LIST_FLAGS,
    LIST_PACKETS,
    LIST_BYTES,
    LIST_EXPORTER,
    LIST_COLUMNS
};

static const struct column table_columns[LIST_COLUMNS] = {
    [LIST_TIME] = {"time_ms", "time", UNIT_NONE, false, .kind = KIND_TIME},
    [LIST_DURATION] = {"duration_ms", "duration", UNIT_DURATION, true, .kind = KIND_U64},
    [LIST_PROTO] = {"proto", "proto", UNIT_PROTO, false, .kind = KIND_U8},
    [LIST_SRC] = {"src", "src", UNIT_NONE, false, .kind = KIND_TEXT},
    [LIST_DST] = {"dst", "dst", UNIT_NONE, false, .kind = KIND_TEXT},
    [LIST_FLAGS] = {"flags", "flags", UNIT_FLAGS, false, .kind = KIND_U16},
    [LIST_PACKETS] = {"packets", "packets", UNIT_COUNT, true, .kind = KIND_U64},
    [LIST_BYTES] = {"bytes", "bytes", UNIT_BYTES, true, .kind = KIND_U64},
    [LIST_EXPORTER] = {"exporter", "exporter", UNIT_NONE, false, .kind = KIND_ADDR},
};

static const enum field_id table_fields[] = {
    FIELD_TIME,      FIELD_PROTO,      FIELD_SRC_ADDR,  FIELD_DST_ADDR,
    FIELD_SRC_PORT,  FIELD_DST_PORT,   FIELD_TCP_FLAGS, FIELD_ICMP_TYPE,
    FIELD_ICMP_CODE, FIELD_SRC_PREFIX, FIELD_SRC_MASK,  FIELD_DST_PREFIX,
    FIELD_DST_MASK,  FIELD_SRC_AS,     FIELD_DST_AS,    FIELD_EXPORTER,
};

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58, KEEP_ROWS = 4096, END_TEXT = 64 };

/* A kept row: number `seq` of all that were. */
struct ref {
    uint32_t batch;
    uint32_t row;
};

struct list {
    struct order order;
    const struct query_spec *spec;
    struct printer *printer;
    struct column columns[FIELD_N];
    struct value values[FIELD_N];
    char src[END_TEXT], dst[END_TEXT], flags[8];
    uint64_t printed;

    /* With --sort: */
    struct batch *batches;
    size_t n_batches;
    size_t full_bytes; /* of all but the last */
    struct ref *refs;  /* in the order that the rows came in */
    size_t n_refs;
    size_t cap_refs;
    bool picked; /* refs[worst] is the last that was good enough */
    size_t worst;
};

void list_fields(const struct query_spec *spec, const struct print_format *f,
                 struct field_set *want)
{
    for (size_t i = 0; i < spec->columns.n; i++)
        source_fields(&spec->columns.at[i].source, want);
    if (f->all_columns && spec->columns.n == 0)
        for (int i = 0; i < FIELD_N; i++)
            field_set_add(want, (enum field_id)i);
    for (size_t i = 0; i < COUNT_OF(table_fields); i++)
        field_set_add(want, table_fields[i]);
    measure_fields(MEASURE_DURATION_MS, want);
    if (spec->sort.by == SORT_RATIO)
        ratio_fields((enum ratio)spec->sort.which, want);
    if (spec->sort.by == SORT_FIELD)
        field_set_add(want, (enum field_id)spec->sort.which);
}

static struct value measure_value(const struct batch *b, enum measure m, size_t row)
{
    uint64_t v;
    return measure_at(b, m, row, &v) ? value_uint(v) : (struct value){.type = VALUE_NONE};
}

static struct value ratio_value(const struct batch *b, enum ratio r, size_t row)
{
    double d;
    return ratio_at(b, r, row, &d) ? value_real(d) : (struct value){.type = VALUE_NONE};
}

/* A column of --columns: what the record itself says, without its sampling rate. */
static struct value source_value(const struct source *s, const struct batch *b, size_t row)
{
    switch (s->kind) {
    case SOURCE_BYTES:
        return measure_value(b, MEASURE_BYTES, row);
    case SOURCE_PACKETS:
        return measure_value(b, MEASURE_PACKETS, row);
    case SOURCE_DURATION:
        return measure_value(b, MEASURE_DURATION_MS, row);
    case SOURCE_BPS:
        return ratio_value(b, RATIO_BPS, row);
    case SOURCE_PPS:
        return ratio_value(b, RATIO_PPS, row);
    case SOURCE_BPP:
        return ratio_value(b, RATIO_BPP, row);
    case SOURCE_BYTES_OUT:
    case SOURCE_BYTES_IN:
    case SOURCE_PACKETS_OUT:
    case SOURCE_PACKETS_IN:
    case SOURCE_FIELD:
        break;
    }
    return value_of(b, s->field, row);
}

static struct value sort_value(const struct sort *s, const struct batch *b, size_t row)
{
    switch (s->by) {
    case SORT_RATIO:
        return ratio_value(b, (enum ratio)s->which, row);
    case SORT_DURATION:
        return measure_value(b, MEASURE_DURATION_MS, row);
    case SORT_FIELD:
        if (s->which == FIELD_BYTES || s->which == FIELD_PACKETS)
            return measure_value(b, s->which == FIELD_BYTES ? MEASURE_BYTES : MEASURE_PACKETS, row);
        return value_of(b, (enum field_id)s->which, row);
    case SORT_NONE:
    case SORT_MEASURE:
    case SORT_KEY:
    case SORT_AGGREGATE:
        break;
    }
    return (struct value){.type = VALUE_NONE};
}

/* Below 0 if the first comes first. */
static int compare_rows(const struct sort *s, const struct batch *a, size_t a_row,
                        const struct batch *b, size_t b_row)
{
    struct value x = sort_value(s, a, a_row);
    struct value y = sort_value(s, b, b_row);
    int r = value_compare(&x, &y);

    return s->ascending ? r : -r;
}

static int compare_refs(struct order *o, uint32_t a, uint32_t b)
{
    const struct list *l = container_of(o, struct list, order);
    const struct ref *x = &l->refs[a];
    const struct ref *y = &l->refs[b];
    int r =
        compare_rows(&l->spec->sort, &l->batches[x->batch], x->row, &l->batches[y->batch], y->row);

    return r ? r : (a > b) - (a < b); /* as they came */
}

struct list *list_new(const struct query_spec *spec, struct printer *p)
{
    struct list *l = mem_new(1, sizeof *l);
    size_t n = LIST_COLUMNS;

    l->order.compare = compare_refs;
    l->spec = spec;
    l->printer = p;
    if (spec->columns.n > 0) {
        n = spec->columns.n;
        for (size_t i = 0; i < n; i++)
            l->columns[i] = columns_shown(&spec->columns.at[i]);
    } else if (p->format->all_columns) {
        n = FIELD_N;
        for (int i = 0; i < FIELD_N; i++)
            l->columns[i] = column_of((enum field_id)i);
    } else {
        memcpy(l->columns, table_columns, sizeof table_columns);
    }
    print_begin(p, l->columns, n, false);
    return l;
}

struct list *list_fork(const struct list *l, struct printer *fork)
{
    struct list *f = mem_new(1, sizeof *f);

    assert(l->spec->sort.by == SORT_NONE && l->spec->top == 0);
    f->order.compare = compare_refs;
    f->spec = l->spec;
    f->printer = fork;
    memcpy(f->columns, l->columns, sizeof f->columns);
    return f;
}

static void batches_free(struct batch *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        batch_free(&b[i]);
    free(b);
}

void list_free(struct list *l)
{
    if (!l)
        return;
    batches_free(l->batches, l->n_batches);
    free(l->refs);
    free(l);
}

size_t list_wants(const struct list *l)
{
    if (l->spec->sort.by != SORT_NONE || l->spec->top == 0)
        return SIZE_MAX;
    return (size_t)(l->spec->top - l->printed);
}

/* One end of a flow: address and port; where there is no address, its prefix or its AS. */
static struct value end_value(const struct batch *b, size_t row, bool src, char text[END_TEXT])
{
    enum field_id addr = src ? FIELD_SRC_ADDR : FIELD_DST_ADDR;
    enum field_id port = src ? FIELD_SRC_PORT : FIELD_DST_PORT;
    enum field_id prefix = src ? FIELD_SRC_PREFIX : FIELD_DST_PREFIX;
    enum field_id mask = src ? FIELD_SRC_MASK : FIELD_DST_MASK;
    enum field_id as = src ? FIELD_SRC_AS : FIELD_DST_AS;
    uint64_t proto = batch_u64(b, FIELD_PROTO, row);
    const struct addr *a = batch_at(b, addr, row);
    size_t n;

    if (a) {
        bool ported = batch_has(b, port, row) && proto != PROTO_ICMP && proto != PROTO_ICMP6;
        n = ported ? addr_port_print(a, (uint16_t)batch_u64(b, port, row), text)
                   : addr_print(a, text);
        return value_text(text, n);
    }
    a = batch_at(b, prefix, row);
    if (a) {
        n = addr_print(a, text);
        if (batch_has(b, mask, row))
            n += (size_t)snprintf(text + n, END_TEXT - n, "/%u", (unsigned)batch_u64(b, mask, row));
        return value_text(text, n);
    }
    if (!batch_has(b, as, row))
        return (struct value){.type = VALUE_NONE};
    n = (size_t)snprintf(text, END_TEXT, "AS%u", (unsigned)batch_u64(b, as, row));
    return value_text(text, n);
}

/* TCP flags; of ICMP, type/code. */
static struct value flags_value(const struct batch *b, size_t row, char text[8])
{
    uint64_t proto = batch_u64(b, FIELD_PROTO, row);

    if (proto == PROTO_TCP)
        return value_of(b, FIELD_TCP_FLAGS, row);
    if ((proto != PROTO_ICMP && proto != PROTO_ICMP6) || !batch_has(b, FIELD_ICMP_TYPE, row))
        return (struct value){.type = VALUE_NONE};
    unsigned type = (unsigned)batch_u64(b, FIELD_ICMP_TYPE, row);
    unsigned code = (unsigned)batch_u64(b, FIELD_ICMP_CODE, row);
    return value_text(text, (size_t)snprintf(text, 8, "%u/%u", type & 255, code & 255));
}

static void print_one(struct list *l, const struct batch *b, size_t row)
{
    const struct columns *own = &l->spec->columns;
    struct value *v = l->values;

    if (own->n > 0) {
        for (size_t i = 0; i < own->n; i++)
            v[i] = source_value(&own->at[i].source, b, row);
    } else if (l->printer->format->all_columns) {
        for (int i = 0; i < FIELD_N; i++)
            v[i] = value_of(b, (enum field_id)i, row);
    } else {
        v[LIST_TIME] = value_of(b, FIELD_TIME, row);
        v[LIST_DURATION] = measure_value(b, MEASURE_DURATION_MS, row);
        v[LIST_PROTO] = value_of(b, FIELD_PROTO, row);
        v[LIST_SRC] = end_value(b, row, true, l->src);
        v[LIST_DST] = end_value(b, row, false, l->dst);
        v[LIST_FLAGS] = flags_value(b, row, l->flags);
        v[LIST_PACKETS] = measure_value(b, MEASURE_PACKETS, row);
        v[LIST_BYTES] = measure_value(b, MEASURE_BYTES, row);
        v[LIST_EXPORTER] = value_of(b, FIELD_EXPORTER, row);
    }
    print_row(l->printer, v);
    l->printed++;
}

static size_t batch_size(const struct batch *b)
{
    size_t size = b->bytes.cap;

    for (int f = 0; f < FIELD_N; f++)
        if (b->col[f])
            size += b->cap * kind_table[field_table[f].kind].width + b->cap / 8;
    return size;
}

static int over_limit(const struct list *l, struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "sorting more than %zu records takes more than the memory limit of %zu MB; ask "
                   "for the first with --top, filter more, or raise --memory",
                   l->n_refs, l->spec->limit_bytes / 1000000);
}

static bool append(struct batch *to, const struct batch *b, size_t row)
{
    return to->rows < to->cap && batch_copy_row(to, b, row);
}

static int keep(struct list *l, const struct batch *b, size_t row, struct err *err)
{
    struct batch *last = l->n_batches ? &l->batches[l->n_batches - 1] : NULL;

    if (!last || !append(last, b, row)) {
        l->full_bytes += last ? batch_size(last) : 0;
        if (l->full_bytes + l->cap_refs * sizeof *l->refs > l->spec->limit_bytes)
            return over_limit(l, err);
        l->batches = mem_resize(l->batches, l->n_batches + 1, sizeof *l->batches);
        last = &l->batches[l->n_batches];
        if (!batch_init(last, KEEP_ROWS))
            return over_limit(l, err);
        l->n_batches++;
        if (!append(last, b, row))
            return over_limit(l, err);
    }
    if (l->n_refs == l->cap_refs) {
        l->cap_refs = l->cap_refs ? l->cap_refs * 2 : KEEP_ROWS;
        l->refs = mem_resize(l->refs, l->cap_refs, sizeof *l->refs);
    }
    l->refs[l->n_refs++] = (struct ref){(uint32_t)(l->n_batches - 1), (uint32_t)(last->rows - 1)};
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a;
    const uint32_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* Keep only the best `top` rows, in the order that they came in. */
static int pick(struct list *l, struct err *err)
{
    uint32_t *best;
    size_t n = top_of(&l->order, l->n_refs, l->spec->top, &best);
    struct batch *old = l->batches;
    size_t n_old = l->n_batches;
    struct ref *old_refs = l->refs;
    int r = 0;

    if (!best)
        return over_limit(l, err);
    uint32_t worst = best[n - 1];
    qsort(best, n, sizeof *best, by_number);
    l->batches = NULL;
    l->refs = NULL;
    l->n_batches = l->n_refs = l->cap_refs = l->full_bytes = 0;
    for (size_t i = 0; !r && i < n; i++) {
        struct ref ref = old_refs[best[i]];
        if (best[i] == worst)
            l->worst = i;
        r = keep(l, &old[ref.batch], ref.row, err);
    }
    l->picked = true;
    batches_free(old, n_old);
    free(old_refs);
    free(best);
    return r;
}

static bool is_good(const struct list *l, const struct batch *b, size_t row)
{
    if (!l->picked)
        return true;
    assert(l->worst < l->n_refs && l->refs);
    struct ref worst = l->refs[l->worst];
    return compare_rows(&l->spec->sort, b, row, &l->batches[worst.batch], worst.row) < 0;
}

int list_add(struct list *l, const struct batch *b, const uint32_t *rows, size_t n, struct err *err)
{
    int r = 0;

    if (l->spec->sort.by == SORT_NONE) {
        for (size_t i = 0; i < n; i++)
            print_one(l, b, rows[i]);
        return 0;
    }
    size_t top = l->spec->top;
    for (size_t i = 0; !r && i < n; i++) {
        if (!is_good(l, b, rows[i]))
            continue;
        r = keep(l, b, rows[i], err);
        if (!r && top > 0 && l->n_refs >= KEEP_ROWS && l->n_refs / 2 >= top)
            r = pick(l, err);
    }
    return r;
}

int list_finish(struct list *l, struct err *err)
{
    uint32_t *order;
    size_t n = top_of(&l->order, l->n_refs, l->spec->top, &order);

    if (l->n_refs > 0 && !order)
        return over_limit(l, err);
    for (size_t i = 0; i < n; i++) {
        struct ref ref = l->refs[order[i]];
        print_one(l, &l->batches[ref.batch], ref.row);
    }
    free(order);
    return 0;
}
