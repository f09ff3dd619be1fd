#include "query/print_named.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A column of names. */
struct beside {
    size_t of; /* column that the names are of */
    enum names_kind kind;
};

struct named {
    struct printer printer;
    struct print_format format; /* the other's, with our functions */
    struct printer *inner;
    struct names *names;
    enum field_id *fields; /* of each column of the other */
    struct beside *beside;
    size_t n_beside;
    struct named_all all;
    size_t column[FIELD_N]; /* where a field stands; SIZE_MAX: nowhere */
    struct value *kept;     /* of rows, one behind the other */
    struct arena texts;     /* theirs */
    size_t n_kept;
    bool released; /* rows go straight on */
    struct value *row;
    char (*room)[GEO_TEXT]; /* of each column of names */
};

static struct named *named_of(struct printer *p) { return container_of(p, struct named, printer); }

/* The field of a column by its name: keys and fields of records are called as in the catalogue. */
static enum field_id field_of(const struct column *c)
{
    return field_by_name(c->name, strlen(c->name));
}

static size_t shown(const struct named *n) { return n->printer.n_columns - n->all.hidden; }

static void find_columns(struct named *n, size_t n_columns, const struct column *columns)
{
    memset(n->column, 0xff, sizeof n->column);
    for (size_t i = 0; i < n_columns; i++) {
        n->fields[i] = field_of(&columns[i]);
        if (n->fields[i] == FIELD_NONE)
            continue;
        n->column[n->fields[i]] = i;
        for (size_t k = 0; k < NAMES_KINDS && i < shown(n); k++)
            if (names_has(n->names, n->fields[i], (enum names_kind)k))
                n->beside[n->n_beside++] = (struct beside){i, (enum names_kind)k};
    }
}

static void named_begin(struct printer *p)
{
    struct named *n = named_of(p);
    size_t most = p->n_columns * (NAMES_KINDS + 1);
    struct column *columns = mem_new(most, sizeof *columns);
    struct print_names *titles = mem_new(most, sizeof *titles);
    size_t out = 0;

    arena_init(&n->texts, SIZE_MAX);
    n->fields = mem_new(p->n_columns, sizeof *n->fields);
    n->beside = mem_new(most, sizeof *n->beside);
    n->row = mem_new(most, sizeof *n->row);
    n->kept = mem_new(NAMED_ROWS * p->n_columns, sizeof *n->kept);
    find_columns(n, p->n_columns, p->columns);
    n->room = mem_new(n->n_beside + 1, sizeof *n->room);
    for (size_t i = 0, b = 0; i < shown(n); i++) {
        columns[out++] = p->columns[i];
        for (; b < n->n_beside && n->beside[b].of == i; b++) {
            (void)snprintf(titles[b].name, PRINT_TITLE, "%.200s_%s", p->columns[i].name,
                           names_suffix(n->fields[i], n->beside[b].kind));
            columns[out++] = (struct column){.name = titles[b].name,
                                             .title = titles[b].name,
                                             .kind = KIND_TEXT,
                                             .key = p->columns[i].key};
        }
    }
    n->inner->shape = p->shape;
    n->inner->measure = p->measure;
    print_begin(n->inner, columns, out, p->groups);
    free(columns);
    free(titles);
}

/* The row's value of a field if it is there and of that type. */
static const struct value *value_in(const struct named *n, const struct value *values,
                                    enum field_id f, enum value_type type)
{
    const struct value *v = n->column[f] != SIZE_MAX ? &values[n->column[f]] : NULL;
    return v && v->type == type ? v : NULL;
}

/* A record is at its time_ms; a group in its bucket, or from its first packet to its last. */
static void find_times(const struct named *n, const struct value *values, struct names_row *row)
{
    const struct value *time = value_in(n, values, FIELD_TIME, VALUE_TIME);
    const struct value *first = value_in(n, values, FIELD_FIRST, VALUE_TIME);
    const struct value *last = value_in(n, values, FIELD_LAST, VALUE_TIME);

    row->from_ms = n->all.from_ms;
    row->to_ms = n->all.to_ms;
    if (time) {
        row->from_ms = time->as.ms;
        row->to_ms = time->as.ms + (n->all.bucket_ms > 0 ? n->all.bucket_ms - 1 : 0);
    } else if (n->printer.groups && first && last) {
        row->from_ms = first->as.ms > row->from_ms ? first->as.ms : row->from_ms;
        row->to_ms = last->as.ms < row->to_ms ? last->as.ms : row->to_ms;
    }
}

static struct names_row row_of(const struct named *n, const struct value *values)
{
    const struct value *proto = value_in(n, values, FIELD_PROTO, VALUE_UINT);
    const struct value *exporter = value_in(n, values, FIELD_EXPORTER, VALUE_ADDR);
    const struct value *domain = value_in(n, values, FIELD_DOMAIN, VALUE_UINT);
    const struct value *engine = value_in(n, values, FIELD_APP_ENGINE, VALUE_UINT);
    struct names_row row = {.proto = proto ? proto->as.u : 0,
                            .exported = n->all.exported,
                            .exporter = n->all.exporter,
                            .has_domain = domain != NULL,
                            .domain = domain ? (uint32_t)domain->as.u : 0,
                            .has_engine = engine != NULL,
                            .engine = engine ? engine->as.u : 0};

    if (exporter) {
        row.exported = true;
        row.exporter = exporter->as.addr;
    }
    find_times(n, values, &row);
    return row;
}

static void pass(struct named *n, const struct value *values)
{
    const struct names_row row = row_of(n, values);
    size_t out = 0;

    for (size_t i = 0, b = 0; i < shown(n); i++) {
        n->row[out++] = values[i];
        for (; b < n->n_beside && n->beside[b].of == i; b++)
            n->row[out++] =
                names_of(n->names, n->beside[b].kind, n->fields[i], &values[i], &row, n->room[b]);
    }
    print_row(n->inner, n->row);
}

static bool has_text(const struct value *v)
{
    return v->type == VALUE_TEXT || v->type == VALUE_OCTETS || v->type == VALUE_JSON;
}

static void release(struct named *n)
{
    size_t width = n->printer.n_columns;

    names_wait(n->names);
    for (size_t i = 0; i < n->n_kept; i++)
        pass(n, n->kept + i * width);
    arena_free(&n->texts);
    n->n_kept = 0;
    n->released = true;
}

static struct value copy_of(struct named *n, const struct value *v)
{
    struct value copy = *v;

    if (has_text(v)) {
        void *at = arena_new(&n->texts, v->as.s.len + 1);
        if (!at)
            mem_out();
        if (v->as.s.len > 0)
            memcpy(at, v->as.s.at, v->as.s.len);
        copy.as.s.at = at;
    }
    return copy;
}

static void named_row(struct printer *p, const struct value *values)
{
    struct named *n = named_of(p);

    if (n->released) {
        pass(n, values);
        return;
    }
    for (size_t i = 0; i < p->n_columns; i++) {
        n->kept[n->n_kept * p->n_columns + i] = copy_of(n, &values[i]);
        if (n->fields[i] != FIELD_NONE && names_has(n->names, n->fields[i], NAMES_HOST))
            names_want(n->names, &values[i]);
    }
    if (++n->n_kept == NAMED_ROWS)
        release(n);
}

static void named_end(struct printer *p, const struct summary *s)
{
    struct named *n = named_of(p);

    release(n);
    p->failed = print_end(n->inner, s, &p->err);
}

static void named_free(struct printer *p)
{
    struct named *n = named_of(p);

    arena_free(&n->texts);
    print_free(n->inner);
    free(n->fields);
    free(n->beside);
    free(n->kept);
    free(n->row);
    free(n->room);
}

struct printer *print_named(struct printer *inner, struct names *names, const struct named_all *all)
{
    static const struct print_format named = {.name = "named", .size = sizeof(struct named)};
    struct printer *p = print_new(&named, &inner->options);
    struct named *n = named_of(p);

    n->format = *inner->format;
    n->format.begin = named_begin;
    n->format.row = named_row;
    n->format.end = named_end;
    n->format.free = named_free;
    n->format.fork = NULL;
    p->format = &n->format;
    n->inner = inner;
    n->names = names;
    n->all = *all;
    return p;
}
