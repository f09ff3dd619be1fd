/* The table for people. Cells of the first rows are kept until their widths are known; then the
 * heading and they are printed, and what comes later goes straight out, widening a column where it
 * must. Text that an exporter sent cannot reach the terminal as control characters. */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "query/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_ROWS = 1000, NAME_BITS = 8 };

struct table {
    struct printer printer;
    struct buf cells; /* of the kept rows: their text, one behind the other */
    struct buf lens;  /* of each cell: u32 length */
    size_t *width;    /* of each column */
    bool begun;       /* the heading is out */
};

static struct table *table_of(struct printer *p) { return container_of(p, struct table, printer); }

static const char *proto_name(uint64_t v)
{
    static const char *const names[256] = {
        [0] = "hopopt", [1] = "icmp",   [2] = "igmp",   [4] = "ipip",      [6] = "tcp",
        [8] = "egp",    [9] = "igp",    [17] = "udp",   [33] = "dccp",     [41] = "ipv6",
        [46] = "rsvp",  [47] = "gre",   [50] = "esp",   [51] = "ah",       [58] = "icmp6",
        [88] = "eigrp", [89] = "ospf",  [94] = "ipip",  [103] = "pim",     [108] = "ipcomp",
        [112] = "vrrp", [115] = "l2tp", [132] = "sctp", [136] = "udplite",
    };
    return v < COUNT_OF(names) ? names[v] : NULL;
}

/* "...AP.SF" as people know it; ECN's nonce bit and above have no letter here. */
static void flags(struct buf *out, uint64_t v)
{
    static const char letters[] = "CEUAPRSF";
    char text[NAME_BITS];

    for (unsigned i = 0; i < NAME_BITS; i++)
        text[i] = v >> (NAME_BITS - 1 - i) & 1 ? letters[i] : '.';
    buf_bytes(out, text, sizeof text);
}

/* "12.3 G" and its unit: "12.3 GB", "999 B", "12.3 Gbit/s". */
static void scaled(struct buf *out, double v, const char *unit)
{
    char text[TEXT_SHORT];
    size_t n = text_print_count(v, text);
    bool prefixed = text[n - 1] < '0' || text[n - 1] > '9';

    buf_bytes(out, text, n);
    if (*unit != '\0' && !prefixed)
        buf_u8(out, ' ');
    buf_text(out, unit);
}

static void number(struct buf *out, const struct print_options *o, enum unit unit, double v,
                   uint64_t u, bool is_whole)
{
    char text[TEXT_SHORT];

    if (unit == UNIT_SHARE) {
        buf_printf(out, "%.*f %%", o->exact ? 4 : 1, v * 100);
        return;
    }
    if (unit == UNIT_DURATION) {
        u = is_whole ? u : (uint64_t)(v + 0.5);
        (void)text_print_duration(u > INT64_MAX ? INT64_MAX : (int64_t)u, text);
        if (o->exact)
            buf_printf(out, "%" PRIu64 " ms", u);
        else
            buf_text(out, text);
        return;
    }
    if (o->exact || unit == UNIT_NONE) {
        struct json j = json_of(out);
        if (is_whole)
            json_u64(&j, u);
        else if (unit == UNIT_NONE)
            json_f64(&j, v);
        else
            buf_printf(out, "%.1f", v);
        return;
    }
    scaled(out, v, unit == UNIT_BYTES ? "B" : unit == UNIT_BITS_S ? "bit/s" : "");
}

static void whole(struct buf *out, const struct print_options *o, enum unit unit, uint64_t v)
{
    if (unit == UNIT_PROTO && proto_name(v))
        buf_text(out, proto_name(v));
    else if (unit == UNIT_FLAGS)
        flags(out, v);
    else
        number(out, o, unit == UNIT_PROTO ? UNIT_NONE : unit, (double)v, v, true);
}

/* How many bytes of s are one character of UTF-8 that a terminal may get; 0: none. */
static size_t printable(const uint8_t *s, size_t n)
{
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (len > n || s[0] < 0x20 || s[0] == 0x7f || s[0] > 0xf4)
        return 0;
    if (s[0] == 0xc2 && s[1] < 0xa0) /* C1 */
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* Text without control characters and broken UTF-8. */
static void clean(struct buf *out, const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = printable(s + i, n - i);
        if (len)
            buf_bytes(out, s + i, len);
        else
            buf_u8(out, '?');
        i += len ? len : 1;
    }
}

void print_table_value(struct buf *out, const struct print_options *o, enum unit unit,
                       const struct value *v)
{
    char text[ADDR_TEXT + PRINT_TIME];

    switch (v->type) {
    case VALUE_NONE:
        buf_u8(out, '-');
        return;
    case VALUE_UINT:
        whole(out, o, unit, v->as.u);
        return;
    case VALUE_REAL:
        number(out, o, unit, v->as.d, 0, false);
        return;
    case VALUE_TIME:
        buf_bytes(out, text, print_time(v->as.ms, o->local, ' ', text));
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
    case VALUE_OCTETS: {
        const uint8_t *s = v->as.s.at;
        for (size_t i = 0; i < v->as.s.len; i++)
            buf_printf(out, "%02x", s[i]);
        return;
    }
    case VALUE_TEXT:
    case VALUE_JSON:
        break;
    }
    clean(out, v->as.s.at, v->as.s.len);
}

/* Columns on the screen that UTF-8 text takes, were all characters narrow. */
static size_t screen_width(const uint8_t *s, size_t n)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++)
        width += (s[i] & 0xc0) != 0x80;
    return width;
}

static void spaces(struct buf *out, size_t n)
{
    uint8_t *room = buf_room(out, n);
    if (room)
        memset(room, ' ', n);
}

static void cell(struct table *t, size_t column, const uint8_t *s, size_t n)
{
    struct printer *p = &t->printer;
    size_t width = screen_width(s, n);
    bool last = column + 1 == p->n_columns;

    if (width > t->width[column])
        t->width[column] = width;
    size_t pad = t->width[column] - width;
    if (column)
        buf_text(&p->text, "  ");
    if (p->columns[column].right)
        spaces(&p->text, pad);
    buf_bytes(&p->text, s, n);
    if (!p->columns[column].right && !last)
        spaces(&p->text, pad);
    if (last)
        buf_u8(&p->text, '\n');
}

static void heading(struct table *t)
{
    struct printer *p = &t->printer;

    if (p->options.bold)
        buf_text(&p->text, "\033[1m");
    for (size_t i = 0; i < p->n_columns; i++)
        cell(t, i, (const uint8_t *)p->columns[i].title, strlen(p->columns[i].title));
    if (p->options.bold && buf_ok(&p->text)) {
        p->text.len--; /* the end of the line */
        buf_text(&p->text, "\033[0m\n");
    }
}

/* Print the heading and the kept rows; from here on rows go straight out. */
static void release(struct table *t)
{
    const uint8_t *at = t->cells.data;

    t->begun = true;
    if (!t->printer.options.quiet)
        heading(t);
    for (size_t i = 0; i < t->lens.len / sizeof(uint32_t); i++) {
        uint32_t len;
        memcpy(&len, t->lens.data + i * sizeof len, sizeof len);
        cell(t, i % t->printer.n_columns, at, len);
        at += len;
    }
    buf_reset(&t->cells);
    buf_reset(&t->lens);
}

static void table_begin(struct printer *p)
{
    struct table *t = table_of(p);

    buf_init(&t->cells, SIZE_MAX);
    buf_init(&t->lens, SIZE_MAX);
    (void)buf_room(&t->cells, 1); /* so that there is memory to point into */
    buf_reset(&t->cells);
    t->width = mem_new(p->n_columns, sizeof *t->width);
    for (size_t i = 0; i < p->n_columns; i++)
        t->width[i] = p->options.quiet ? 0 : strlen(p->columns[i].title);
}

static void keep(struct table *t, size_t column, size_t from)
{
    uint32_t len = (uint32_t)(t->cells.len - from);
    size_t width = screen_width(t->cells.data + from, len);

    buf_bytes(&t->lens, &len, sizeof len);
    if (width > t->width[column])
        t->width[column] = width;
}

static void table_row(struct printer *p, const struct value *values)
{
    struct table *t = table_of(p);

    for (size_t i = 0; i < p->n_columns; i++) {
        size_t from = t->cells.len;
        print_table_value(&t->cells, &p->options, p->columns[i].unit, &values[i]);
        if (t->begun)
            cell(t, i, t->cells.data + from, t->cells.len - from);
        else
            keep(t, i, from);
    }
    if (t->begun)
        buf_reset(&t->cells);
    else if (p->rows + 1 == KEPT_ROWS)
        release(t);
    print_some(p);
}

static void table_end(struct printer *p, const struct summary *s)
{
    struct table *t = table_of(p);

    if (!t->begun)
        release(t);
    if (p->options.quiet)
        return;
    buf_u8(&p->text, '\n');
    summary_line(s, &p->text);
    buf_u8(&p->text, '\n');
}

/* Rows behind the kept ones need only the widths. */
static bool table_fork(struct printer *fork, const struct printer *p)
{
    const struct table *from = (const struct table *)(const void *)p;
    struct table *t = table_of(fork);

    table_begin(fork);
    t->begun = from->begun;
    memcpy(t->width, from->width, p->n_columns * sizeof *t->width);
    return from->begun;
}

static void table_free(struct printer *p)
{
    struct table *t = table_of(p);

    buf_free(&t->cells);
    buf_free(&t->lens);
    free(t->width);
}

const struct print_format print_table = {
    .name = "table",
    .size = sizeof(struct table),
    .wide = true,
    .begin = table_begin,
    .row = table_row,
    .end = table_end,
    .free = table_free,
    .fork = table_fork,
};
