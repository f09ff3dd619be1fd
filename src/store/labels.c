#include "store/labels.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, SHOWN = 40, LOCK_TRIES = 500, LOCK_WAIT_NS = 10000000 };

/* Of times: the year 9999 ends; text has no others. */
static const int64_t time_max_ms = INT64_C(253402300799999);

static const char heading[] = "exporter,kind,number,name,since,domain\n";

void labels_init(struct labels *l)
{
    *l = (struct labels){.tidy = true};
    buf_init(&l->text, LABELS_TEXT_MAX);
}

void labels_free(struct labels *l)
{
    free(l->v);
    buf_free(&l->text);
    *l = (struct labels){0};
}

/* --- adding --- */

/* Text on one line: what is no UTF-8, or a control character, becomes U+FFFD. */
static size_t clean(const uint8_t *s, size_t len, uint8_t out[static LABEL_TEXT])
{
    size_t n = 0;

    for (size_t i = 0; i < len;) {
        size_t one = utf8_len(s + i, len - i);
        bool good = one > 1 || (one == 1 && s[i] >= ' ' && s[i] != 0x7f);
        const void *from = good ? (const void *)(s + i) : UTF8_BAD;
        size_t take = good ? one : strlen(UTF8_BAD);
        if (n + take > LABEL_TEXT - 1)
            break;
        memcpy(out + n, from, take);
        n += take;
        i += one ? one : 1;
    }
    return n;
}

bool labels_add(struct labels *l, const struct label_key *key, int64_t since_ms, const void *name,
                size_t len)
{
    uint8_t text[LABEL_TEXT];
    size_t n = clean(name, len, text);

    if (n == 0)
        return true;
    if (l->n == LABELS_MAX || key->id > INT64_MAX || since_ms > time_max_ms ||
        (since_ms < 0 && since_ms != INT64_MIN) || n > LABELS_TEXT_MAX - l->text.len)
        return false;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->v = mem_resize(l->v, l->cap, sizeof *l->v);
    }
    l->v[l->n++] = (struct label){
        .key = *key, .since_ms = since_ms, .at = (uint32_t)l->text.len, .len = (uint16_t)n};
    buf_bytes(&l->text, text, n);
    if (!buf_ok(&l->text))
        mem_out();
    l->tidy = false;
    return true;
}

static uint64_t add_all(struct labels *to, const struct labels *from)
{
    uint64_t refused = 0;

    for (size_t i = 0; i < from->n; i++)
        refused += !labels_add(to, &from->v[i].key, from->v[i].since_ms,
                               from->text.data + from->v[i].at, from->v[i].len);
    return refused;
}

uint64_t labels_move(struct labels *to, struct labels *from)
{
    uint64_t refused = 0;

    if (to->n > 0) {
        refused = add_all(to, from);
        labels_free(from);
    } else {
        labels_free(to);
        *to = *from;
    }
    labels_init(from);
    return refused;
}

uint64_t labels_take(struct labels *l, const struct naming *n, uint64_t told)
{
    const struct name *x;
    uint64_t refused = 0;

    for (size_t at = 0; (x = map_next(&n->map, &at));)
        for (const struct name_version *v = x->now, *newer = NULL; v && v->change > told;
             newer = v, v = v->before) {
            if (newer && newer->since_ms == v->since_ms)
                continue; /* it held no time */
            struct name_said said = name_version_said(v);
            struct label_key key = {.exporter = {.addr = x->key.addr, .bits = 128},
                                    .kind = (enum name_kind)x->key.kind,
                                    .engine = x->key.engine,
                                    .id = x->key.id,
                                    .domain = x->key.domain};
            bool named = said.name_len > 0;
            refused += !labels_add(l, &key, v->since_ms, named ? said.name : said.description,
                                   named ? said.name_len : said.description_len);
        }
    return refused;
}

/* --- order --- */

static int order(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* Of what has a name, whatever the domain. */
static int compare_what(const struct label_key *a, const struct label_key *b)
{
    int r = order(a->kind, b->kind);

    r = r ? r : order(a->id, b->id);
    r = r ? r : order(a->engine, b->engine);
    r = r ? r : order(a->exporter.bits, b->exporter.bits);
    return r ? r : memcmp(&a->exporter.addr, &b->exporter.addr, sizeof a->exporter.addr);
}

static int compare_key(const struct label_key *a, const struct label_key *b)
{
    int r = compare_what(a, b);

    r = r ? r : order(a->any_domain, b->any_domain);
    return r ? r : order(a->domain, b->domain);
}

static int compare(const void *x, const void *y)
{
    const struct label *a = x;
    const struct label *b = y;
    int r = compare_key(&a->key, &b->key);

    r = r ? r : (a->since_ms > b->since_ms) - (a->since_ms < b->since_ms);
    return r ? r : order(a->at, b->at); /* what came later is right */
}

static bool same_text(const struct labels *l, const struct label *a, const struct label *b)
{
    return a->len == b->len && memcmp(l->text.data + a->at, l->text.data + b->at, a->len) == 0;
}

/* Versions of one thing, by time: the first of the same name counts, the last said at one time. */
static size_t tidy_run(struct labels *l, const struct label *run, size_t n, size_t to)
{
    size_t first = to;

    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && run[i + 1].since_ms == run[i].since_ms)
            continue;
        if (to > first && same_text(l, &l->v[to - 1], &run[i]))
            continue;
        l->v[to++] = run[i]; /* never behind run[i] */
    }
    if (to - first > LABEL_VERSIONS) {
        size_t drop = to - first - LABEL_VERSIONS;
        memmove(&l->v[first], &l->v[first + drop], LABEL_VERSIONS * sizeof *l->v);
        to = first + LABEL_VERSIONS;
    }
    return to;
}

void labels_tidy(struct labels *l)
{
    size_t to = 0;

    if (l->tidy)
        return;
    qsort(l->v, l->n, sizeof *l->v, compare);
    for (size_t i = 0, n; i < l->n; i += n) {
        for (n = 1; i + n < l->n && compare_key(&l->v[i].key, &l->v[i + n].key) == 0;)
            n++;
        l->has_bits[l->v[i].key.exporter.bits] = true;
        to = tidy_run(l, &l->v[i], n, to);
    }
    l->n = to;
    l->tidy = true;
}

/* --- text --- */

/* A file on its way in. */
struct reading {
    struct labels *labels;
    const char *file;
    size_t line;
    const char *begin; /* of the line */
};

/* A field of a line, without its quotes. */
struct csv_field {
    size_t column; /* from 1 */
    size_t len;
    char text[LINE_MAX_BYTES + 1];
};

static int fail(const struct reading *r, const struct csv_field *c, const char *expected,
                struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s:%zu:%zu: expected %s, found \"%.*s\"", r->file, r->line,
                   c->column, expected, SHOWN, c->text);
}

/* The next field; *at goes behind its comma, or is NULL if it was the last. */
static int csv_next(const struct reading *r, const char **at, const char *end,
                    struct csv_field *out, struct err *err)
{
    const char *s = *at;
    bool quoted = s < end && *s == '"';

    out->column = (size_t)(s - r->begin) + 1;
    out->len = 0;
    out->text[0] = '\0';
    for (s += quoted; s < end && (quoted || *s != ','); s++) {
        if (quoted && *s == '"') {
            if (s + 1 == end || s[1] != '"')
                break;
            s++;
        }
        out->text[out->len++] = *s; /* a line is not longer than a cell */
    }
    out->text[out->len] = '\0';
    if (quoted && s == end)
        return fail(r, out, "a quote at its end", err);
    s += quoted;
    if (s < end && *s != ',')
        return fail(r, out, "a comma behind the quote", err);
    *at = s < end ? s + 1 : NULL;
    return 0;
}

static int exporter_of(const struct reading *r, const struct csv_field *c, struct prefix *out,
                       struct err *err)
{
    *out = (struct prefix){0};
    if (strcmp(c->text, "any") == 0)
        return 0;
    return prefix_parse(c->text, out, NULL) == 0
               ? 0
               : fail(r, c, "an address, a prefix as 10.0.0.0/24, or any", err);
}

static int kind_of(const struct reading *r, const struct csv_field *c, enum name_kind *out,
                   struct err *err)
{
    for (int k = 0; k < NAME_KINDS; k++)
        if (strcmp(c->text, name_kinds[k]) == 0) {
            *out = (enum name_kind)k;
            return 0;
        }
    return fail(r, c, "interface, vrf, application or sampler", err);
}

static bool number_of(const char *s, size_t len, uint64_t max, uint64_t *out)
{
    return len > 0 && strspn(s, "0123456789") >= len && text_count(s, len, max, out, NULL) == 0;
}

static int id_of(const struct reading *r, const struct csv_field *c, struct label_key *key,
                 struct err *err)
{
    const char *colon = strchr(c->text, ':');
    size_t before = colon ? (size_t)(colon - c->text) : 0;
    uint64_t engine = 0;

    if (key->kind != NAME_APPLICATION)
        return number_of(c->text, c->len, INT64_MAX, &key->id) ? 0 : fail(r, c, "a number", err);
    if (!colon || !number_of(c->text, before, UINT8_MAX, &engine) ||
        !number_of(colon + 1, c->len - before - 1, INT64_MAX, &key->id))
        return fail(r, c, "ENGINE:SELECTOR as 3:80", err);
    key->engine = (uint16_t)engine;
    return 0;
}

static int since_of(const struct reading *r, const struct csv_field *c, int64_t *out,
                    struct err *err)
{
    *out = INT64_MIN;
    if (c->len == 0)
        return 0;
    if (text_time(c->text, c->len, 0, out, NULL) == 0 && *out >= 0 && *out <= time_max_ms)
        return 0;
    return fail(r, c, "a time as 2026-11-22T14:05", err);
}

static int domain_of(const struct reading *r, const struct csv_field *c, struct label_key *key,
                     struct err *err)
{
    uint64_t domain = 0;

    key->any_domain = c->len == 0;
    if (c->len > 0 && !number_of(c->text, c->len, UINT32_MAX, &domain))
        return fail(r, c, "the number of an observation domain", err);
    key->domain = (uint32_t)domain;
    return 0;
}

static int line_read(struct reading *r, const char *end, struct err *err)
{
    enum { EXPORTER, KIND, NUMBER, NAME, SINCE, DOMAIN, CELLS };
    struct label_key key = {.any_domain = true};
    char name[LABEL_TEXT] = "";
    size_t name_len = 0;
    int64_t since_ms = INT64_MIN;
    const char *at = r->begin;
    struct csv_field c = {.column = 1};
    int e = 0;

    for (int i = 0; e == 0 && (at || i <= NAME); i++) {
        if (!at)
            return fail(r, &c, "EXPORTER,KIND,NUMBER,NAME: more behind this", err);
        e = csv_next(r, &at, end, &c, err);
        if (e)
            break;
        if (i == CELLS)
            e = fail(r, &c, "the end of the line", err);
        else if (i == EXPORTER)
            e = exporter_of(r, &c, &key.exporter, err);
        else if (i == KIND)
            e = kind_of(r, &c, &key.kind, err);
        else if (i == NUMBER)
            e = id_of(r, &c, &key, err);
        else if (i == SINCE)
            e = since_of(r, &c, &since_ms, err);
        else if (i == DOMAIN)
            e = domain_of(r, &c, &key, err);
        else if (c.len == 0 || c.len >= sizeof name)
            e = fail(r, &c, "a name of 1 to 255 octets", err);
        else
            memcpy(name, c.text, name_len = c.len);
    }
    if (e)
        return e;
    return labels_add(r->labels, &key, since_ms, name, name_len)
               ? 0
               : err_set(err, ERR_LIMIT, "%s:%zu: more than %d names, or %d MB of them", r->file,
                         r->line, LABELS_MAX, LABELS_TEXT_MAX >> 20);
}

int labels_read(struct labels *l, const char *file, const char *text, size_t len, struct err *err)
{
    struct reading r = {.labels = l, .file = file};
    struct cur in = cur_of(text, len);

    while (cur_left(&in) > 0) {
        const char *begin = (const char *)in.at;
        const char *newline = memchr(begin, '\n', cur_left(&in));
        size_t n = newline ? (size_t)(newline - begin) : cur_left(&in);
        (void)cur_bytes(&in, n + (newline != NULL));
        if (n > 0 && begin[n - 1] == '\r')
            n--;
        r.line++;
        r.begin = begin;
        bool titles = r.line == 1 && n > 9 && memcmp(begin, heading, 9) == 0;
        if (n == 0 || begin[0] == '#' || titles)
            continue;
        if (n > LINE_MAX_BYTES)
            return err_set(err, ERR_CONFIG, "%s:%zu:1: expected a line of at most %d octets", file,
                           r.line, LINE_MAX_BYTES);
        int e = line_read(&r, begin + n, err);
        if (e)
            return e;
    }
    return 0;
}

int labels_read_file(struct labels *l, const char *path, struct err *err)
{
    struct buf text;

    buf_init(&text, LABELS_FILE_MAX);
    int r = file_read(path, &text, err);
    if (r == 0)
        r = labels_read(l, path, (const char *)text.data, text.len, err);
    buf_free(&text);
    return r;
}

static void put_name(struct buf *out, const uint8_t *s, size_t len)
{
    bool plain = true;

    for (size_t i = 0; i < len; i++)
        plain &= s[i] != ',' && s[i] != '"';
    if (!plain)
        buf_u8(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"')
            buf_u8(out, '"');
        buf_u8(out, s[i]);
    }
    if (!plain)
        buf_u8(out, '"');
}

static void put_exporter(struct buf *out, const struct prefix *p)
{
    char text[ADDR_TEXT];
    unsigned bits = p->bits;

    if (bits == 0) {
        buf_text(out, "any");
        return;
    }
    buf_bytes(out, text, addr_print(&p->addr, text));
    if (bits < 128)
        buf_printf(out, "/%u", bits >= 96 && addr_is_v4(&p->addr) ? bits - 96 : bits);
}

void labels_write(struct labels *l, struct buf *out)
{
    char text[TEXT_TIME];

    labels_tidy(l);
    buf_text(out, heading);
    for (size_t i = 0; i < l->n; i++) {
        const struct label *x = &l->v[i];
        put_exporter(out, &x->key.exporter);
        buf_printf(out, ",%s,", name_kinds[x->key.kind]);
        if (x->key.kind == NAME_APPLICATION)
            buf_printf(out, "%u:", x->key.engine);
        buf_printf(out, "%llu,", (unsigned long long)x->key.id);
        put_name(out, l->text.data + x->at, x->len);
        buf_u8(out, ',');
        if (x->since_ms != INT64_MIN)
            buf_bytes(out, text, text_print_time(x->since_ms, text));
        buf_u8(out, ',');
        if (!x->key.any_domain)
            buf_printf(out, "%u", x->key.domain);
        buf_u8(out, '\n');
    }
}

/* --- a store's --- */

static int store_path(char out[static FILE_PATH], const char *dir, struct err *err)
{
    return file_path(out, err, "%s/names.csv", dir);
}

int labels_of_store(struct labels *l, const char *dir, struct err *err)
{
    char path[FILE_PATH];
    int r = store_path(path, dir, err);

    if (r == 0 && file_exists(path))
        r = labels_read_file(l, path, err);
    return r;
}

/* Others write it too: workers, collectors, imports. */
static int lock(const char *dir, int *fd, struct err *err)
{
    char path[FILE_PATH];
    int r = file_path(path, err, "%s/run", dir);

    if (r == 0)
        r = file_mkdirs(path, err);
    if (r == 0)
        r = file_path(path, err, "%s/run/names.lock", dir);
    for (int i = 0; r == 0 && i < LOCK_TRIES; i++) {
        r = file_lock(path, fd, err);
        if (r != ERR_LIMIT || i + 1 == LOCK_TRIES)
            return r;
        struct timespec t = {.tv_nsec = LOCK_WAIT_NS};
        (void)nanosleep(&t, NULL);
        r = 0;
    }
    return r;
}

static int write_file(const char *dir, const struct buf *text, struct err *err)
{
    char path[FILE_PATH];
    char tmp[FILE_PATH];
    size_t done = 0;
    int r = store_path(path, dir, err);

    if (r == 0)
        r = file_path(tmp, err, "%s/.names.csv.tmp", dir);
    if (r)
        return r;
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_sys(err, "%s", tmp);
    while (r == 0 && done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n <= 0)
            r = err_sys(err, "%s: write", tmp);
        else
            done += (size_t)n;
    }
    if (r == 0 && fsync(fd) != 0)
        r = err_sys(err, "%s: sync", tmp);
    if (close(fd) != 0 && r == 0)
        r = err_sys(err, "%s: close", tmp);
    if (r == 0)
        r = file_rename(tmp, path, err);
    if (r)
        (void)!file_remove(tmp, NULL);
    return r;
}

static int replace(const char *dir, const struct labels *news, uint64_t *refused, struct err *err)
{
    struct labels all;
    struct buf before;
    struct buf after;
    char path[FILE_PATH];

    labels_init(&all);
    buf_init(&before, LABELS_FILE_MAX);
    buf_init(&after, LABELS_FILE_MAX);
    int r = store_path(path, dir, err);
    if (r == 0 && file_exists(path))
        r = file_read(path, &before, err);
    if (r == 0 && before.len > 0)
        r = labels_read(&all, path, (const char *)before.data, before.len, err);
    uint64_t left = r == 0 ? add_all(&all, news) : 0;
    if (r == 0) {
        labels_write(&all, &after);
        if (!buf_ok(&after))
            r = err_set(err, ERR_LIMIT, "%s: more than %d MB", path, LABELS_FILE_MAX >> 20);
        else if (after.len != before.len || memcmp(after.data, before.data, after.len) != 0)
            r = write_file(dir, &after, err);
    }
    if (refused)
        *refused += left;
    labels_free(&all);
    buf_free(&before);
    buf_free(&after);
    return r;
}

int labels_keep(const char *dir, const struct labels *news, uint64_t *refused, struct err *err)
{
    int fd;

    if (news->n == 0)
        return 0;
    int r = lock(dir, &fd, err);
    if (r)
        return r;
    r = replace(dir, news, refused, err);
    (void)close(fd);
    return r;
}

/* --- finding --- */

/* The first label that is not before `key`, by compare_what(). */
static size_t lower(const struct labels *l, const struct label_key *key)
{
    size_t from = 0;
    size_t to = l->n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (compare_what(&l->v[mid].key, key) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static bool has_part(const char *text, size_t n, const char *part, size_t len)
{
    for (size_t i = 0; i + len <= n; i++)
        if ((i == 0 || (i > 1 && text[i - 1] == ' ' && text[i - 2] == ',')) &&
            memcmp(text + i, part, len) == 0 && (i + len == n || text[i + len] == ','))
            return true;
    return false;
}

/* Names of one thing in one domain, in the order of time. */
static size_t names_in(const struct labels *l, size_t at, size_t n, int64_t from_ms, int64_t to_ms,
                       char out[static LABEL_TEXT])
{
    size_t len = 0;

    for (size_t i = at; i < at + n; i++) {
        const struct label *x = &l->v[i];
        bool early = i == at && x->since_ms > INT64_MIN + LABEL_EARLY_MS;
        int64_t since_ms = early ? x->since_ms - LABEL_EARLY_MS : x->since_ms;
        int64_t until_ms = i + 1 < at + n ? l->v[i + 1].since_ms : INT64_MAX;
        const char *text = (const char *)l->text.data + x->at;
        if (since_ms > to_ms || (until_ms <= from_ms && until_ms != INT64_MAX) || x->len == 0 ||
            has_part(out, len, text, x->len))
            continue;
        size_t comma = len > 0 ? 2 : 0;
        if (len + comma + x->len > LABEL_TEXT - 1)
            break;
        memcpy(out + len, ", ", comma);
        memcpy(out + len + comma, text, x->len);
        len += comma + x->len;
    }
    return len;
}

/* Of labels from `at` on, as far as they are of this. */
static size_t find_at(const struct labels *l, size_t at, const struct label_key *key,
                      int64_t from_ms, int64_t to_ms, char out[static LABEL_TEXT])
{
    char other[LABEL_TEXT];
    size_t len = 0;
    bool differ = false;

    for (size_t n; at < l->n && compare_what(&l->v[at].key, key) == 0; at += n) {
        const struct label_key *k = &l->v[at].key;
        for (n = 1; at + n < l->n && compare_key(&l->v[at + n].key, k) == 0;)
            n++;
        size_t got = names_in(l, at, n, from_ms, to_ms, other);
        if (got == 0)
            continue;
        bool own = !key->any_domain && !k->any_domain && k->domain == key->domain;
        if (!own && len > 0 && (len != got || memcmp(out, other, len) != 0))
            differ = true;
        len = got;
        memcpy(out, other, got);
        if (own)
            return len;
    }
    return differ ? 0 : len;
}

size_t labels_find(const struct labels *l, const struct label_key *key, int64_t from_ms,
                   int64_t to_ms, char out[static LABEL_TEXT])
{
    struct label_key k = *key;

    for (unsigned bits = 129; bits-- > 0;) {
        if (!l->has_bits[bits])
            continue;
        k.exporter.bits = (uint8_t)bits;
        k.exporter.addr = addr_mask(key->exporter.addr, bits);
        size_t n = find_at(l, lower(l, &k), &k, from_ms, to_ms, out);
        if (n > 0)
            return n;
    }
    return 0;
}
