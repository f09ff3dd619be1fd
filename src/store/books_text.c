#include "store/books_text.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

const char *const book_what_names[BOOK_WHATS] = {
    [BOOK_SENDER] = "sender",
    [BOOK_SOCKET] = "socket",
    [BOOK_OTHERS] = "others",
};

/* --- columns of the key --- */

enum key_column { KEY_MINUTE, KEY_WHAT, KEY_EXPORTER, KEY_VERSION, KEY_SOURCE, KEY_N };

static const char *const key_names[KEY_N] = {"minute_ms", "what", "exporter", "version", "source"};

static bool has_version(const struct book_key *k)
{
    return k->what == BOOK_SENDER && k->version != 0;
}

static void print_key(struct json *j, const struct book_key *k, enum key_column column)
{
    char text[ADDR_TEXT];

    switch (column) {
    case KEY_MINUTE:
        json_i64(j, k->minute_ms);
        return;
    case KEY_WHAT:
        json_text(j, book_what_names[k->what]);
        return;
    case KEY_EXPORTER:
        if (k->what != BOOK_SENDER)
            break;
        (void)addr_print(&k->addr, text);
        json_text(j, text);
        return;
    case KEY_VERSION:
        if (!has_version(k))
            break;
        json_u64(j, k->version);
        return;
    case KEY_SOURCE:
        if (!has_version(k) && k->what != BOOK_SOCKET)
            break;
        json_u64(j, k->source);
        return;
    case KEY_N:
        break;
    }
    json_null(j);
}

/* --- print --- */

static bool is_used(struct book *const *row, size_t n, int id)
{
    for (size_t i = 0; i < n; i++)
        if (row[i]->n[id] != 0)
            return true;
    return false;
}

void books_print(struct books *b, struct buf *out)
{
    struct json j = json_of(out);
    size_t n;
    struct book **row = books_sorted(b, &n);

    json_open(&j, '{');
    for (int c = 0; c < KEY_N; c++) {
        json_key(&j, key_names[c]);
        json_open(&j, '[');
        for (size_t i = 0; i < n; i++)
            print_key(&j, &row[i]->key, (enum key_column)c);
        json_close(&j, ']');
    }
    for (int c = 0; c < BOOK_N; c++) {
        if (!is_used(row, n, c))
            continue;
        json_key(&j, book_table[c].name);
        json_open(&j, '[');
        for (size_t i = 0; i < n; i++)
            json_i64(&j, row[i]->n[c]);
        json_close(&j, ']');
    }
    json_close(&j, '}');
    free(row);
}

/* --- parse --- */

/* A scalar: a number, a text without escapes, or null. */
struct scalar {
    enum { SCALAR_NULL, SCALAR_NUMBER, SCALAR_TEXT } kind;
    int64_t number;
    struct cur text;
};

struct parse {
    struct cur in;
    const uint8_t *begin;
    struct book_list *out;
    size_t cap;
    bool first; /* the column that says how many rows there are */
};

static int peek(const struct cur *in) { return cur_left(in) > 0 ? in->at[0] : -1; }

static void skip_space(struct cur *in)
{
    while (peek(in) == ' ' || peek(in) == '\t' || peek(in) == '\n' || peek(in) == '\r')
        (void)cur_u8(in);
}

static bool take(struct cur *in, char want)
{
    skip_space(in);
    if (peek(in) != want)
        return false;
    (void)cur_u8(in);
    return true;
}

static bool take_text(struct cur *in, struct cur *out)
{
    if (!take(in, '"'))
        return false;
    struct cur c = *in;
    size_t n = 0;
    for (; peek(&c) != '"'; n++) {
        if (peek(&c) < ' ' || peek(&c) == '\\')
            return false;
        (void)cur_u8(&c);
    }
    *out = cur_take(in, n);
    return take(in, '"');
}

static bool take_number(struct cur *in, int64_t *out)
{
    bool minus = take(in, '-');
    uint64_t v = 0;
    size_t digits = 0;

    for (; peek(in) >= '0' && peek(in) <= '9'; digits++) {
        uint64_t digit = (uint64_t)(cur_u8(in) - '0');
        if (v > ((uint64_t)INT64_MAX + minus - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = (int64_t)(minus ? 0 - v : v);
    return digits > 0;
}

static bool take_scalar(struct cur *in, struct scalar *out)
{
    *out = (struct scalar){.kind = SCALAR_NULL};
    skip_space(in);
    if (peek(in) == '"') {
        out->kind = SCALAR_TEXT;
        return take_text(in, &out->text);
    }
    if (peek(in) == 'n') {
        struct cur word = cur_take(in, 4);
        return cur_ok(in) && memcmp(word.at, "null", 4) == 0;
    }
    out->kind = SCALAR_NUMBER;
    return take_number(in, &out->number);
}

static bool is_text(const struct scalar *s, const char *text)
{
    size_t n = cur_left(&s->text);
    return s->kind == SCALAR_TEXT && n == strlen(text) && memcmp(s->text.at, text, n) == 0;
}

static bool number_in(const struct scalar *s, int64_t max)
{
    return s->kind == SCALAR_NUMBER && s->number >= 0 && s->number <= max;
}

static bool take_exporter(const struct scalar *s, struct addr *out)
{
    char text[ADDR_TEXT] = "";
    size_t n = cur_left(&s->text);

    if (s->kind != SCALAR_TEXT || n >= sizeof text)
        return s->kind == SCALAR_NULL;
    if (n > 0)
        memcpy(text, s->text.at, n);
    return addr_parse(text, out, NULL) == 0;
}

static bool take_key(const struct scalar *s, enum key_column column, struct book_key *k)
{
    enum { AHEAD = 1 << 20 };

    switch (column) {
    case KEY_MINUTE:
        k->minute_ms = s->number;
        return s->kind == SCALAR_NUMBER && s->number > INT64_MIN / AHEAD &&
               s->number < INT64_MAX / AHEAD && books_minute(s->number) == s->number;
    case KEY_WHAT:
        k->what = 0;
        while (k->what < BOOK_WHATS && !is_text(s, book_what_names[k->what]))
            k->what++;
        return k->what < BOOK_WHATS;
    case KEY_EXPORTER:
        return take_exporter(s, &k->addr);
    case KEY_VERSION:
        k->version = (uint16_t)s->number;
        return s->kind == SCALAR_NULL || number_in(s, UINT16_MAX);
    case KEY_SOURCE:
        k->source = (uint32_t)s->number;
        return s->kind == SCALAR_NULL || number_in(s, UINT32_MAX);
    case KEY_N:
        break;
    }
    return false;
}

/* Which column has this name: of the key, below KEY_N; of the sums, from KEY_N on; else -1. */
static int column_of(const struct cur *name)
{
    struct scalar s = {.kind = SCALAR_TEXT, .text = *name};

    for (int i = 0; i < KEY_N; i++)
        if (is_text(&s, key_names[i]))
            return i;
    for (int i = 0; i < BOOK_N; i++)
        if (is_text(&s, book_table[i].name))
            return KEY_N + i;
    return -1;
}

/* The row that the i-th value of a column is of; NULL: there is none. */
static struct book *row_at(struct parse *p, size_t i)
{
    struct book_list *l = p->out;

    if (i < l->n)
        return &l->v[i];
    if (!p->first || i >= BOOKS_MAX + BOOKS_OTHERS_MAX + 1)
        return NULL;
    if (l->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        l->v = mem_resize(l->v, p->cap, sizeof *l->v);
    }
    l->v[l->n] = (struct book){0};
    return &l->v[l->n++];
}

static bool take_column(struct parse *p)
{
    struct cur name;
    size_t n = 0;

    if (!take_text(&p->in, &name) || !take(&p->in, ':') || !take(&p->in, '['))
        return false;
    int column = column_of(&name);
    if (take(&p->in, ']')) {
        p->first = false;
        return p->out->n == 0;
    }
    do {
        struct scalar s;
        struct book *row = row_at(p, n++);
        if (!row || !take_scalar(&p->in, &s))
            return false;
        if (column >= KEY_N && s.kind != SCALAR_NUMBER)
            return false;
        if (column >= KEY_N)
            row->n[column - KEY_N] = s.number;
        else if (column >= 0 && !take_key(&s, (enum key_column)column, &row->key))
            return false;
    } while (take(&p->in, ','));
    p->first = false;
    return take(&p->in, ']') && n == p->out->n;
}

/* Only what has a meaning there is kept of a key, so that equal ones are equal. */
static void tidy(struct book_key *k)
{
    if (k->what != BOOK_SENDER) {
        k->addr = (struct addr){0};
        k->version = 0;
    }
    if (!has_version(k) && k->what != BOOK_SOCKET)
        k->source = 0;
}

int books_parse(struct cur text, struct book_list *out, struct err *err)
{
    struct parse p = {.in = text, .begin = text.at, .out = out, .first = true};
    bool ok;

    *out = (struct book_list){0};
    ok = take(&p.in, '{');
    if (ok && !take(&p.in, '}')) {
        do
            ok = take_column(&p);
        while (ok && take(&p.in, ','));
        ok = ok && take(&p.in, '}');
    }
    skip_space(&p.in);
    for (size_t i = 0; i < out->n; i++)
        tidy(&out->v[i].key);
    if (ok && cur_left(&p.in) == 0)
        return 0;
    return err_set(err, ERR_DATA, "books: broken at octet %zu of %zu",
                   cur_ok(&p.in) ? (size_t)(p.in.at - p.begin) : cur_left(&text), cur_left(&text));
}

void book_list_free(struct book_list *l)
{
    free(l->v);
    *l = (struct book_list){0};
}
