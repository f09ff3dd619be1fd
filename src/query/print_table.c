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

/* Cells that are no text are put together here, and then go to their place at once. */
enum { CELL_ROOM = 384 /* %.1f of any number */, SMALL = 32 /* most cells */ };

struct table {
    struct printer printer;
    char cell[CELL_ROOM]; /* in hand */
    int64_t minute;       /* of the last time that was shown, and its text up to the seconds; */
    char minute_text[PRINT_TIME];
    size_t minute_len; /* 0: none yet */
    struct buf cells;  /* of the kept rows: their text, one behind the other */
    struct buf lens;   /* of each cell: u32 length */
    size_t *width;     /* of each column */
    bool begun;        /* the heading is out */
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

static size_t text_put(char *out, const char *s)
{
    size_t n = strlen(s);
    memcpy(out, s, n + 1);
    return n;
}

/* "...AP.SF" as people know it; ECN's nonce bit and above have no letter here. */
static size_t flags(char *out, uint64_t v)
{
    static const char letters[] = "CEUAPRSF";

    for (unsigned i = 0; i < NAME_BITS; i++)
        out[i] = (char)(v >> (NAME_BITS - 1 - i) & 1 ? letters[i] : '.');
    return NAME_BITS;
}

/* "12.3 G" and its unit: "12.3 GB", "999 B", "12.3 Gbit/s". */
static size_t scaled(char *out, double v, const char *unit)
{
    size_t n = text_print_count(v, out);
    bool prefixed = out[n - 1] < '0' || out[n - 1] > '9';

    if (*unit != '\0' && !prefixed)
        out[n++] = ' ';
    return n + text_put(out + n, unit);
}

static size_t plain(char *out, double v)
{
    struct buf text;
    buf_fixed(&text, out, CELL_ROOM);
    struct json j = json_of(&text);
    json_f64(&j, v);
    return text.len;
}

static size_t duration(char *out, bool exact, uint64_t ms)
{
    if (!exact)
        return text_print_duration(ms > INT64_MAX ? INT64_MAX : (int64_t)ms, out);
    size_t n = text_print_u64(ms, out);
    return n + text_put(out + n, " ms");
}

static size_t number(char out[static CELL_ROOM], const struct print_options *o, enum unit unit,
                     double v, uint64_t u, bool is_whole)
{
    if (unit == UNIT_SHARE)
        return (size_t)snprintf(out, CELL_ROOM, "%.*f %%", o->exact ? 4 : 1, v * 100);
    if (unit == UNIT_DURATION)
        return duration(out, o->exact, is_whole ? u : (uint64_t)(v + 0.5));
    if (o->exact || unit == UNIT_NONE) {
        if (is_whole)
            return text_print_u64(u, out);
        return unit == UNIT_NONE ? plain(out, v) : (size_t)snprintf(out, CELL_ROOM, "%.1f", v);
    }
    return scaled(out, v, unit == UNIT_BYTES ? "B" : unit == UNIT_BITS_S ? "bit/s" : "");
}

static size_t whole(char out[static CELL_ROOM], const struct print_options *o, enum unit unit,
                    uint64_t v)
{
    if (unit == UNIT_PROTO && proto_name(v))
        return text_put(out, proto_name(v));
    if (unit == UNIT_FLAGS)
        return flags(out, v);
    return number(out, o, unit == UNIT_PROTO ? UNIT_NONE : unit, (double)v, v, true);
}

static size_t hex(char *out, const uint8_t *s, size_t n, const char *between)
{
    static const char digits[] = "0123456789abcdef";
    char *to = out;

    for (size_t i = 0; i < n; i++) {
        if (i)
            to += text_put(to, between);
        *to++ = digits[s[i] >> 4];
        *to++ = digits[s[i] & 15];
    }
    return (size_t)(to - out);
}

/* Text that needs no look at its characters. */
static bool is_simple(const uint8_t *s, size_t n)
{
    bool odd = n > CELL_ROOM;

    for (size_t i = 0; i < n && !odd; i++)
        odd = s[i] < 0x20 || s[i] > 0x7e;
    return !odd;
}

/* A cell all of whose characters are a byte; SIZE_MAX: it is none. */
static size_t cell_text(char out[static CELL_ROOM], const struct print_options *o, enum unit unit,
                        const struct value *v)
{
    size_t n;

    switch (v->type) {
    case VALUE_NONE:
        out[0] = '-';
        return 1;
    case VALUE_UINT:
        return whole(out, o, unit, v->as.u);
    case VALUE_REAL:
        return number(out, o, unit, v->as.d, 0, false);
    case VALUE_TIME:
        return print_time(v->as.ms, o->local, ' ', out);
    case VALUE_ADDR:
        return addr_print(&v->as.addr, out);
    case VALUE_PREFIX:
        n = addr_print(&v->as.addr, out);
        out[n++] = '/';
        return n + text_print_u64(v->bits, out + n);
    case VALUE_MAC:
        return hex(out, v->as.mac, sizeof v->as.mac, ":");
    case VALUE_OCTETS:
        return v->as.s.len > CELL_ROOM / 2 ? SIZE_MAX : hex(out, v->as.s.at, v->as.s.len, "");
    case VALUE_TEXT:
    case VALUE_JSON:
        break;
    }
    if (!is_simple(v->as.s.at, v->as.s.len))
        return SIZE_MAX;
    if (v->as.s.len)
        memcpy(out, v->as.s.at, v->as.s.len);
    return v->as.s.len;
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

/* What cell_text() does not do. */
static void cell_long(struct buf *out, const struct value *v)
{
    enum { SOME = CELL_ROOM / 2 };
    char text[CELL_ROOM];
    const uint8_t *s = v->as.s.at;

    if (v->type != VALUE_OCTETS) {
        clean(out, s, v->as.s.len);
        return;
    }
    for (size_t i = 0; i < v->as.s.len; i += SOME)
        buf_bytes(out, text, hex(text, s + i, v->as.s.len - i < SOME ? v->as.s.len - i : SOME, ""));
}

void print_table_value(struct buf *out, const struct print_options *o, enum unit unit,
                       const struct value *v)
{
    char text[CELL_ROOM];
    size_t n = cell_text(text, o, unit, v);

    if (n != SIZE_MAX)
        buf_bytes(out, text, n);
    else
        cell_long(out, v);
}

/* Columns on the screen that UTF-8 text takes, were all characters narrow. */
static size_t screen_width(const uint8_t *s, size_t n)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++)
        width += (s[i] & 0xc0) != 0x80;
    return width;
}

/* Text that is `width` wide. The cell's bytes go out at once. */
static void cell(struct table *t, size_t column, const void *s, size_t n, size_t width)
{
    struct printer *p = &t->printer;
    bool last = column + 1 == p->n_columns;
    bool right = p->columns[column].right;

    if (width > t->width[column])
        t->width[column] = width;
    size_t pad = last && !right ? 0 : t->width[column] - width;
    uint8_t *to = buf_room(&p->text, (column ? 2 : 0) + pad + n + last);
    if (!to)
        return;
    if (column) {
        *to++ = ' ';
        *to++ = ' ';
    }
    if (right && pad) {
        memset(to, ' ', pad);
        to += pad;
    }
    if (n)
        memcpy(to, s, n);
    to += n;
    if (!right && pad)
        memset(to, ' ', pad);
    if (last)
        *to = '\n';
}

/* As cell(), of t->cell, all of whose characters are a byte. Moves of one size each, whatever there
 * is to move: calls for a few bytes cost more than the bytes. */
static void cell_out(struct table *t, size_t column, size_t n)
{
    struct printer *p = &t->printer;
    bool last = column + 1 == p->n_columns;
    size_t before = column ? 2 : 0;
    size_t width = t->width[column];

    if (n > SMALL || n > width || width > SMALL || last) {
        cell(t, column, t->cell, n, n);
        return;
    }
    uint8_t *to = buf_room(&p->text, 2 + SMALL + SMALL);
    if (!to)
        return;
    p->text.len -= 2 + SMALL + SMALL - before - width;
    memset(to, ' ', 2 + SMALL);
    to += before + (p->columns[column].right ? width - n : 0);
    memcpy(to, t->cell, SMALL);
    if (!p->columns[column].right)
        memset(to + n, ' ', SMALL);
}

static void heading(struct table *t)
{
    struct printer *p = &t->printer;

    if (p->options.bold)
        buf_text(&p->text, "\033[1m");
    for (size_t i = 0; i < p->n_columns; i++) {
        const char *title = p->columns[i].title;
        cell(t, i, title, strlen(title), screen_width((const uint8_t *)title, strlen(title)));
    }
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
        cell(t, i % t->printer.n_columns, at, len, screen_width(at, len));
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

static void row_kept(struct table *t, const struct value *values)
{
    const struct printer *p = &t->printer;

    for (size_t i = 0; i < p->n_columns; i++) {
        size_t from = t->cells.len;
        print_table_value(&t->cells, &p->options, p->columns[i].unit, &values[i]);
        keep(t, i, from);
    }
    if (p->rows + 1 == KEPT_ROWS)
        release(t);
}

/* A time in UTC: most are in the minute of the one before. */
static size_t cell_time(struct table *t, int64_t ms)
{
    enum { MINUTE_MS = 60000, SECONDS = 6 /* "05.250" */ };
    int64_t in_minute = ms % MINUTE_MS;

    if (t->minute_len == 0 || in_minute < 0 || ms - in_minute != t->minute) {
        size_t n = print_time(ms, false, ' ', t->cell);
        t->minute = ms - in_minute;
        t->minute_len = in_minute < 0 || n < SECONDS ? 0 : n - SECONDS;
        memcpy(t->minute_text, t->cell, sizeof t->minute_text);
        return n;
    }
    unsigned s = (unsigned)in_minute / 1000;
    unsigned rest = (unsigned)in_minute % 1000;
    char *to = t->cell + t->minute_len;
    memcpy(t->cell, t->minute_text, sizeof t->minute_text);
    to[0] = (char)('0' + s / 10);
    to[1] = (char)('0' + s % 10);
    to[3] = (char)('0' + rest / 100);
    to[4] = (char)('0' + rest / 10 % 10);
    to[5] = (char)('0' + rest % 10);
    return t->minute_len + SECONDS;
}

static void row_out(struct table *t, const struct value *values)
{
    const struct printer *p = &t->printer;

    for (size_t i = 0; i < p->n_columns; i++) {
        bool utc = values[i].type == VALUE_TIME && !p->options.local;
        size_t n = utc ? cell_time(t, values[i].as.ms)
                       : cell_text(t->cell, &p->options, p->columns[i].unit, &values[i]);
        if (n != SIZE_MAX) {
            cell_out(t, i, n);
            continue;
        }
        cell_long(&t->cells, &values[i]);
        cell(t, i, t->cells.data, t->cells.len, screen_width(t->cells.data, t->cells.len));
        buf_reset(&t->cells);
    }
}

static void table_row(struct printer *p, const struct value *values)
{
    struct table *t = table_of(p);

    if (t->begun)
        row_out(t, values);
    else
        row_kept(t, values);
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
    if (s->coverage)
        coverage_text(s->coverage, &p->text);
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
