#include "query/spec.h"

#include "base/near.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum field_id field;
} short_names[] = {
    {"src", FIELD_SRC_ADDR},   {"dst", FIELD_DST_ADDR}, {"sport", FIELD_SRC_PORT},
    {"dport", FIELD_DST_PORT}, {"time", FIELD_TIME},    {"first", FIELD_FIRST},
    {"last", FIELD_LAST},
};

static bool is(const char *name, const char *s, size_t len)
{
    return strlen(name) == len && memcmp(name, s, len) == 0;
}

enum field_id spec_field(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(short_names); i++)
        if (is(short_names[i].name, name, len))
            return short_names[i].field;
    return field_by_name(name, len);
}

static int unknown(const char *what, const char *expected, const char *name, size_t len,
                   struct err *err)
{
    struct near near = near_of(name, len);

    for (int f = 0; f < FIELD_N; f++)
        near_try(&near, field_table[f].name);
    for (size_t i = 0; i < COUNT_OF(short_names); i++)
        near_try(&near, short_names[i].name);
    const char *best = near_best(&near);
    return err_set(err, ERR_CONFIG, "%s: expected %s, found \"%.*s\"%s%s%s", what, expected,
                   (int)(len < 64 ? len : 64), name, best ? "; did you mean " : "",
                   best ? best : "", best ? "?" : " (weir fields lists them)");
}

static int bits_parse(const char *s, size_t len, unsigned max, uint8_t *out, struct err *err)
{
    unsigned v = 0;
    bool ok = len > 0 && len <= 3;

    for (size_t i = 0; ok && i < len; i++) {
        ok = s[i] >= '0' && s[i] <= '9';
        v = v * 10 + (unsigned)(s[i] - '0');
    }
    if (!ok || v > max)
        return err_set(err, ERR_CONFIG, "--by: expected a mask of 0 to %u bits, found \"/%.*s\"",
                       max, (int)(len < 64 ? len : 64), s);
    *out = (uint8_t)v;
    return 0;
}

static bool is_number(const char *s, size_t len)
{
    return len > 0 && strspn(s, "0123456789") >= len;
}

/* What is behind the slash; *end moves past a second mask. */
static int argument_parse(struct key *key, const char *s, const char **end, struct err *err)
{
    const struct field *f = &field_table[key->field];
    size_t len = (size_t)(*end - s);
    struct err why;
    int r;

    if (f->kind == KIND_TIME) {
        r = text_duration(s, len, &key->bucket_ms, &why);
        if (!r && key->bucket_ms < 1)
            r = err_set(&why, ERR_CONFIG, "expected a duration above 0, found \"%.*s\"", (int)len,
                        s);
        return r ? err_set(err, r, "--by: %s: %s", f->name, why.text) : 0;
    }
    if (f->kind != KIND_ADDR)
        return err_set(err, ERR_CONFIG,
                       "--by: %s takes no \"/%.*s\"; addresses take masks (src_addr/24), times "
                       "take durations (time/5m)",
                       f->name, (int)(len < 64 ? len : 64), s);
    key->masked = true;
    key->v6_bits = 64;
    r = bits_parse(s, len, 32, &key->v4_bits, err);
    if (r || **end != ',')
        return r;
    const char *second = *end + 1;
    size_t second_len = strcspn(second, ",");
    if (!is_number(second, second_len))
        return 0;
    *end = second + second_len;
    return bits_parse(second, second_len, 128, &key->v6_bits, err);
}

static int key_parse(const char *s, const char **end, struct keys *k, struct err *err)
{
    size_t len = (size_t)(*end - s);
    const char *slash = memchr(s, '/', len);
    size_t name_len = slash ? (size_t)(slash - s) : len;
    struct key key = {.field = spec_field(s, name_len)};

    if (key.field == FIELD_NONE)
        return unknown("--by", "a field", s, name_len, err);
    for (size_t i = 0; i < k->n; i++)
        if (k->at[i].field == key.field)
            return err_set(err, ERR_CONFIG, "--by: %s is named twice", field_table[key.field].name);
    if (k->n == KEYS_MAX)
        return err_set(err, ERR_CONFIG, "--by: more than %d fields", KEYS_MAX);
    int r = slash ? argument_parse(&key, slash + 1, end, err) : 0;
    if (!r)
        k->at[k->n++] = key;
    return r;
}

/* Keys behind those that there are; *out is set if all is well. NULL: no more. */
static int keys_parse(const char *text, struct keys *k, struct keys *out, struct err *err)
{
    for (const char *s = text; s;) {
        const char *end = s + strcspn(s, ",");
        int r = key_parse(s, &end, k, err);
        if (r)
            return r;
        if (*end == '\0')
            break;
        s = end + 1;
    }
    keys_place(k);
    *out = *k;
    return 0;
}

int spec_keys(const char *text, struct keys *out, struct err *err)
{
    struct keys k = {0};

    return keys_parse(text, &k, out, err);
}

int spec_every(const char *text, const char *by, struct keys *out, struct err *err)
{
    struct keys k = {0};
    struct key time = {.field = FIELD_TIME};
    int r = text_duration(text, strlen(text), &time.bucket_ms, err);

    if (!r && time.bucket_ms < 1)
        r = err_set(err, ERR_CONFIG, "expected a duration above 0, found \"%s\"", text);
    if (r)
        return err_in(err, r, "--every");
    k.at[k.n++] = time;
    return keys_parse(by, &k, out, err);
}

static struct columns_of columns_of_spec(const struct query_spec *spec)
{
    return (struct columns_of){.groups = spec->grouped, .folded = spec->fold, .keys = &spec->keys};
}

int spec_columns(const char *text, struct query_spec *spec, struct err *err)
{
    struct columns_of of = columns_of_spec(spec);

    return columns_parse(text, &of, &spec->columns, err);
}

size_t spec_columns_hidden(struct query_spec *spec, const char *const *names, size_t n)
{
    struct columns_of of = columns_of_spec(spec);
    struct columns *c = &spec->columns;
    size_t before = c->n;

    for (size_t i = 0; i < n && before > 0 && c->n < COLUMNS_MAX; i++) {
        struct answer_column column;
        size_t at = 0;
        if (columns_find(names[i], strlen(names[i]), "--names", &of, c, &column, NULL) != 0)
            continue; /* groups have no such thing */
        while (at < c->n && strcmp(c->at[at].name, column.name) != 0)
            at++;
        if (at == c->n)
            c->at[c->n++] = column;
    }
    return c->n - before;
}

/* The order that a column of groups gives. */
static struct sort sort_of_group(const struct answer_column *c)
{
    static const enum sort_by by[] = {
        [FROM_KEY] = SORT_KEY,       [FROM_MEASURE] = SORT_MEASURE,
        [FROM_SHARE] = SORT_MEASURE, [FROM_CUMULATIVE] = SORT_MEASURE,
        [FROM_SOURCE] = SORT_NONE,   [FROM_AGGREGATE] = SORT_AGGREGATE,
    };
    return (struct sort){.by = by[c->from], .which = c->which, .part = c->part};
}

static struct sort sort_of_source(const struct source *s)
{
    switch (s->kind) {
    case SOURCE_BYTES:
        return (struct sort){.by = SORT_FIELD, .which = FIELD_BYTES};
    case SOURCE_PACKETS:
        return (struct sort){.by = SORT_FIELD, .which = FIELD_PACKETS};
    case SOURCE_DURATION:
        return (struct sort){.by = SORT_DURATION};
    case SOURCE_BPS:
        return (struct sort){.by = SORT_RATIO, .which = RATIO_BPS};
    case SOURCE_PPS:
        return (struct sort){.by = SORT_RATIO, .which = RATIO_PPS};
    case SOURCE_BPP:
        return (struct sort){.by = SORT_RATIO, .which = RATIO_BPP};
    case SOURCE_BYTES_OUT:
    case SOURCE_BYTES_IN:
    case SOURCE_PACKETS_OUT:
    case SOURCE_PACKETS_IN:
    case SOURCE_FIELD:
        break;
    }
    return (struct sort){.by = SORT_FIELD, .which = s->field};
}

int spec_sort(const char *text, struct query_spec *spec, struct err *err)
{
    struct columns_of of = columns_of_spec(spec);
    struct answer_column column;

    if (!text && !spec->grouped) {
        spec->sort = (struct sort){.by = SORT_NONE};
        return 0;
    }
    text = text ? text : "bytes";
    const char *s = text + (*text == '-');
    size_t len = strcspn(s, ":");
    const char *order = s + len;

    if (*order != '\0' && strcmp(order, ":asc") != 0 && strcmp(order, ":desc") != 0)
        return err_set(err, ERR_CONFIG, "--sort: expected :asc or :desc, found \"%.32s\"", order);
    int r = columns_find(s, len, "--sort", &of, &spec->columns, &column, err);
    if (r)
        return r;
    if (spec->grouped)
        columns_show(&spec->columns, &column);
    spec->sort = spec->grouped ? sort_of_group(&column) : sort_of_source(&column.source);
    spec->sort.ascending = *text == '-' ? strcmp(order, ":desc") != 0 : strcmp(order, ":asc") == 0;
    return 0;
}

int64_t spec_bucket(const struct query_spec *spec)
{
    for (size_t i = 0; i < spec->keys.n; i++)
        if (spec->keys.at[i].bucket_ms > 0)
            return spec->keys.at[i].bucket_ms;
    return 0;
}

static void need_measure(struct meter_needs *n, size_t measure)
{
    n->bytes |= measure == GROUP_BYTES || measure == GROUP_BPS || measure == GROUP_BPP;
    n->packets |= measure == GROUP_PACKETS || measure == GROUP_PPS || measure == GROUP_BPP;
    n->times |= measure == GROUP_BPS || measure == GROUP_PPS || measure == GROUP_FIRST ||
                measure == GROUP_LAST;
}

static void need_source(struct meter_needs *n, enum source_kind kind)
{
    n->bytes |= kind == SOURCE_BYTES || kind == SOURCE_BPS || kind == SOURCE_BPP;
    n->packets |= kind == SOURCE_PACKETS || kind == SOURCE_PPS || kind == SOURCE_BPP;
}

struct meter_needs spec_needs(const struct query_spec *spec, bool totals)
{
    struct meter_needs n = {.packets = totals, .bytes = totals};
    const struct columns *c = &spec->columns;

    if (!spec->grouped || spec->fold || spec->spread || spec->dedup)
        return (struct meter_needs){.packets = true, .bytes = true, .times = true};
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].from == FROM_MEASURE || c->at[i].from == FROM_SHARE ||
            c->at[i].from == FROM_CUMULATIVE)
            need_measure(&n, c->at[i].which);
    for (size_t i = 0; i < c->aggregates.n; i++)
        need_source(&n, c->aggregates.at[i].of.kind);
    for (size_t i = 0; i < spec->keys.n; i++) {
        n.bytes |= spec->keys.at[i].field == FIELD_BYTES;
        n.packets |= spec->keys.at[i].field == FIELD_PACKETS;
    }
    if (spec->sort.by == SORT_MEASURE)
        need_measure(&n, spec->sort.which);
    n.bytes |= spec->shape != SHAPE_LIST; /* by which runs are ordered, unless told */
    return n;
}
