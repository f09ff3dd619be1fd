#include "query/spec.h"

#include "base/near.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

const struct column group_columns[GROUP_MEASURES] = {
    [GROUP_FLOWS] = {"flows", "flows", UNIT_COUNT, true},
    [GROUP_PACKETS] = {"packets", "packets", UNIT_COUNT, true},
    [GROUP_BYTES] = {"bytes", "bytes", UNIT_BYTES, true},
    [GROUP_BPS] = {"bps", "bit/s", UNIT_BITS_S, true},
    [GROUP_PPS] = {"pps", "packets/s", UNIT_PACKETS_S, true},
    [GROUP_BPP] = {"bpp", "bytes/packet", UNIT_RATIO, true},
    [GROUP_FIRST] = {"first_ms", "first", UNIT_NONE, false},
    [GROUP_LAST] = {"last_ms", "last", UNIT_NONE, false},
};

static const struct {
    const char *name;
    enum field_id field;
} short_names[] = {
    {"src", FIELD_SRC_ADDR},   {"dst", FIELD_DST_ADDR}, {"sport", FIELD_SRC_PORT},
    {"dport", FIELD_DST_PORT}, {"time", FIELD_TIME},    {"first", FIELD_FIRST},
    {"last", FIELD_LAST},
};

static const struct {
    const char *name;
    enum ratio ratio;
} ratio_names[] = {{"bps", RATIO_BPS}, {"pps", RATIO_PPS}, {"bpp", RATIO_BPP}};

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

int spec_keys(const char *text, struct keys *out, struct err *err)
{
    struct keys k = {0};

    for (const char *s = text;;) {
        const char *end = s + strcspn(s, ",");
        int r = key_parse(s, &end, &k, err);
        if (r)
            return r;
        if (*end == '\0')
            break;
        s = end + 1;
    }
    keys_place(&k);
    *out = k;
    return 0;
}

struct column spec_key_column(const struct key *key)
{
    static const char *const by[GROUP_MEASURES] = {"by_flows",    "by_packets", "by_bytes",
                                                   "by_bps",      "by_pps",     "by_bpp",
                                                   "by_first_ms", "by_last_ms"};
    struct column c = column_of(key->field);

    for (size_t i = 0; i < GROUP_MEASURES; i++)
        if (strcmp(c.name, group_columns[i].name) == 0)
            c.name = c.title = by[i];
    if (strcmp(c.name, "time_ms") == 0)
        c.title = "time";
    return c;
}

static bool measure_name(size_t measure, const char *s, size_t len)
{
    return is(group_columns[measure].name, s, len) ||
           (measure == GROUP_FIRST && is("first", s, len)) ||
           (measure == GROUP_LAST && is("last", s, len));
}

static int sort_groups(const char *s, size_t len, const struct keys *keys, struct sort *out,
                       struct err *err)
{
    for (size_t i = 0; i < GROUP_MEASURES; i++) {
        if (measure_name(i, s, len)) {
            *out = (struct sort){.by = SORT_MEASURE, .which = i};
            return 0;
        }
    }
    for (size_t i = 0; i < keys->n; i++) {
        struct column c = spec_key_column(&keys->at[i]);
        if (is(c.name, s, len) || spec_field(s, len) == keys->at[i].field) {
            *out = (struct sort){.by = SORT_KEY, .which = i};
            return 0;
        }
    }
    return err_set(err, ERR_CONFIG,
                   "--sort: expected flows, packets, bytes, bps, pps, bpp, first, last or one of "
                   "--by, found \"%.*s\"",
                   (int)(len < 64 ? len : 64), s);
}

static int sort_records(const char *s, size_t len, struct sort *out, struct err *err)
{
    enum field_id f = spec_field(s, len);

    for (size_t i = 0; i < COUNT_OF(ratio_names); i++) {
        if (is(ratio_names[i].name, s, len)) {
            *out = (struct sort){.by = SORT_RATIO, .which = ratio_names[i].ratio};
            return 0;
        }
    }
    if (is("duration", s, len)) {
        *out = (struct sort){.by = SORT_DURATION};
        return 0;
    }
    if (f == FIELD_NONE)
        return unknown("--sort", "bps, pps, bpp, duration or a field", s, len, err);
    *out = (struct sort){.by = SORT_FIELD, .which = f};
    return 0;
}

int spec_sort(const char *text, const struct keys *keys, struct sort *out, struct err *err)
{
    const char *s = text + (*text == '-');
    size_t len = strcspn(s, ":");
    const char *order = s + len;
    struct sort sort = {0};

    if (*order != '\0' && strcmp(order, ":asc") != 0 && strcmp(order, ":desc") != 0)
        return err_set(err, ERR_CONFIG, "--sort: expected :asc or :desc, found \"%.32s\"", order);
    int r = keys->n ? sort_groups(s, len, keys, &sort, err) : sort_records(s, len, &sort, err);
    if (r)
        return r;
    sort.ascending = *text == '-' ? strcmp(order, ":desc") != 0 : strcmp(order, ":asc") == 0;
    *out = sort;
    return 0;
}
