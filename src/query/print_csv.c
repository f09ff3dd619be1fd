#include "base/json.h"
#include "query/print.h"

#include <string.h>

/* RFC 4180: what holds a comma, a quote or a line break stands in quotes, quotes doubled. Empty
 * text does too, so that it is not taken for absent. */
static void quoted(struct buf *out, const void *at, size_t len)
{
    const uint8_t *s = at;
    bool plain = len > 0;

    for (size_t i = 0; plain && i < len; i++)
        plain = s[i] != ',' && s[i] != '"' && s[i] != '\n' && s[i] != '\r';
    if (plain) {
        buf_bytes(out, s, len);
        return;
    }
    buf_u8(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"')
            buf_u8(out, '"');
        buf_u8(out, s[i]);
    }
    buf_u8(out, '"');
}

static void octets(struct buf *out, const uint8_t *s, size_t len)
{
    if (len == 0)
        buf_text(out, "\"\"");
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%02x", s[i]);
}

static void real(struct buf *out, double v)
{
    struct json j = json_of(out); /* its shortest form that reads back the same */
    json_f64(&j, v);
}

static void whole(struct buf *out, uint64_t v)
{
    struct json j = json_of(out);
    json_u64(&j, v);
}

static bool is_text(const struct value *v)
{
    return v->type == VALUE_TEXT || v->type == VALUE_JSON;
}

void print_csv_value(struct buf *out, const struct print_options *o, const struct value *v)
{
    char text[ADDR_TEXT + PRINT_TIME];

    switch (v->type) {
    case VALUE_NONE:
        return;
    case VALUE_UINT:
        whole(out, v->as.u);
        return;
    case VALUE_REAL:
        real(out, v->as.d);
        return;
    case VALUE_TIME:
        if (o->raw)
            buf_printf(out, "%lld", (long long)v->as.ms);
        else
            buf_bytes(out, text, print_time(v->as.ms, o->local, 'T', text));
        return;
    case VALUE_ADDR:
        buf_bytes(out, text, addr_print(&v->as.addr, text));
        return;
    case VALUE_PREFIX:
        buf_bytes(out, text, addr_print(&v->as.addr, text));
        buf_printf(out, "/%u", v->bits);
        return;
    case VALUE_MAC:
        for (int i = 0; i < 6; i++)
            buf_printf(out, "%s%02x", i ? ":" : "", v->as.mac[i]);
        return;
    case VALUE_OCTETS:
        octets(out, v->as.s.at, v->as.s.len);
        return;
    case VALUE_TEXT:
    case VALUE_JSON:
        break;
    }
    buf_bytes(out, v->as.s.at, v->as.s.len);
}

static void csv_begin(struct printer *p)
{
    if (p->options.quiet)
        return;
    for (size_t i = 0; i < p->n_columns; i++) {
        const char *name = p->columns[i].name;
        if (i)
            buf_u8(&p->text, ',');
        if (*name || p->n_columns == 1)
            quoted(&p->text, name, strlen(name));
    }
    buf_u8(&p->text, '\n');
}

static void csv_row(struct printer *p, const struct value *values)
{
    for (size_t i = 0; i < p->n_columns; i++) {
        if (i)
            buf_u8(&p->text, ',');
        if (is_text(&values[i]))
            quoted(&p->text, values[i].as.s.at, values[i].as.s.len);
        else
            print_csv_value(&p->text, &p->options, &values[i]);
    }
    buf_u8(&p->text, '\n');
    print_some(p);
}

static void csv_end(struct printer *p, const struct summary *s)
{
    (void)p;
    (void)s;
}

/* A row is by itself. */
static bool rows_fork(struct printer *fork, const struct printer *p)
{
    return fork->format == p->format;
}

const struct print_format print_csv = {
    .name = "csv",
    .size = sizeof(struct printer),
    .all_columns = true,
    .wide = true,
    .begin = csv_begin,
    .row = csv_row,
    .fork = rows_fork,
    .end = csv_end,
};
