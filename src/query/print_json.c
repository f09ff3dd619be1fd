#include "query/print.h"

#include <string.h>

void print_json_value(struct json *j, const struct value *v)
{
    char text[ADDR_TEXT + 8];
    size_t n;

    switch (v->type) {
    case VALUE_NONE:
        json_null(j);
        return;
    case VALUE_UINT:
        json_u64(j, v->as.u);
        return;
    case VALUE_REAL:
        json_f64(j, v->as.d);
        return;
    case VALUE_TIME:
        json_i64(j, v->as.ms);
        return;
    case VALUE_ADDR:
        n = addr_print(&v->as.addr, text);
        json_textn(j, text, n);
        return;
    case VALUE_PREFIX:
        n = addr_print(&v->as.addr, text);
        n += (size_t)snprintf(text + n, 8, "/%u", v->bits);
        json_textn(j, text, n);
        return;
    case VALUE_MAC:
        n = (size_t)snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", v->as.mac[0],
                             v->as.mac[1], v->as.mac[2], v->as.mac[3], v->as.mac[4], v->as.mac[5]);
        json_textn(j, text, n);
        return;
    case VALUE_OCTETS:
        json_hex(j, v->as.s.at, v->as.s.len);
        return;
    case VALUE_JSON: /* from a file that anyone may have written */
        if (json_ok(v->as.s.at, v->as.s.len)) {
            json_raw(j, v->as.s.at, v->as.s.len);
            return;
        }
        break;
    case VALUE_TEXT:
        break;
    }
    json_textn(j, v->as.s.at, v->as.s.len);
}

void print_json_fields(struct json *j, const struct batch *b, size_t row)
{
    for (int f = 0; f < FIELD_N; f++) {
        struct value v = value_of(b, (enum field_id)f, row);
        if (v.type == VALUE_NONE)
            continue;
        json_key(j, field_table[f].name);
        print_json_value(j, &v);
    }
}

void print_json_line(struct buf *out, const struct batch *b, size_t row)
{
    struct json j = json_of(out);

    json_open(&j, '{');
    print_json_fields(&j, b, row);
    json_close(&j, '}');
    buf_u8(out, '\n');
}

/* Groups have all their keys, null or not; records only what they have. */
static void write_row(struct printer *p, const struct value *values)
{
    struct json j = json_of(&p->text);

    json_open(&j, '{');
    for (size_t i = 0; i < p->n_columns; i++) {
        if (values[i].type == VALUE_NONE && !p->groups)
            continue;
        json_key(&j, p->columns[i].name);
        print_json_value(&j, &values[i]);
    }
    json_close(&j, '}');
}

static void json_begin(struct printer *p)
{
    buf_printf(&p->text, "{\"%s\":[", p->groups ? "groups" : "records");
}

static void json_row(struct printer *p, const struct value *values)
{
    buf_text(&p->text, p->rows ? ",\n" : "\n");
    write_row(p, values);
    print_some(p);
}

static void json_end(struct printer *p, const struct summary *s)
{
    struct json j = json_of(&p->text);

    buf_text(&p->text, "\n],\n\"summary\":");
    summary_json(s, &j);
    if (s->coverage) {
        buf_text(&p->text, ",\n\"coverage\":");
        struct json more = json_of(&p->text);
        coverage_json(s->coverage, &more);
    }
    buf_text(&p->text, "}\n");
}

static void jsonl_begin(struct printer *p) { (void)p; }

static void jsonl_row(struct printer *p, const struct value *values)
{
    write_row(p, values);
    buf_u8(&p->text, '\n');
    print_some(p);
}

static void jsonl_end(struct printer *p, const struct summary *s)
{
    (void)p;
    (void)s;
}

/* A row is by itself. */
static bool rows_fork(struct printer *fork, const struct printer *p)
{
    return fork->format == p->format;
}

const struct print_format print_json = {
    .name = "json",
    .size = sizeof(struct printer),
    .all_columns = true,
    .totals = true,
    .begin = json_begin,
    .row = json_row,
    .fork = rows_fork,
    .end = json_end,
};

const struct print_format print_jsonl = {
    .name = "jsonl",
    .size = sizeof(struct printer),
    .all_columns = true,
    .begin = jsonl_begin,
    .row = jsonl_row,
    .fork = rows_fork,
    .end = jsonl_end,
};
