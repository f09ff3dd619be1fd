#include "query/columns.h"

#include "base/near.h"
#include "query/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct column group_columns[GROUP_MEASURES] = {
    [GROUP_FLOWS] = {"flows", "flows", UNIT_COUNT, true, .kind = KIND_U64},
    [GROUP_PACKETS] = {"packets", "packets", UNIT_COUNT, true, .kind = KIND_U64},
    [GROUP_BYTES] = {"bytes", "bytes", UNIT_BYTES, true, .kind = KIND_U64},
    [GROUP_BPS] = {"bps", "bit/s", UNIT_BITS_S, true, .kind = KIND_F64},
    [GROUP_PPS] = {"pps", "packets/s", UNIT_PACKETS_S, true, .kind = KIND_F64},
    [GROUP_BPP] = {"bpp", "bytes/packet", UNIT_RATIO, true, .kind = KIND_F64},
    [GROUP_FIRST] = {"first_ms", "first", UNIT_NONE, false, .kind = KIND_TIME},
    [GROUP_LAST] = {"last_ms", "last", UNIT_NONE, false, .kind = KIND_TIME},
};

/* What may stand before a parenthesis. */
static const struct {
    const char *word;
    enum aggregate_fn fn;
    double part;
} functions[] = {
    {"sum", AGGREGATE_SUM, 0},           {"avg", AGGREGATE_AVG, 0},
    {"min", AGGREGATE_MIN, 0},           {"max", AGGREGATE_MAX, 0},
    {"median", AGGREGATE_QUANTILE, 0.5}, {"distinct", AGGREGATE_DISTINCT, 0},
};

static const struct {
    const char *word;
    enum source_kind kind;
} ways[] = {
    {"bytes_out", SOURCE_BYTES_OUT},
    {"bytes_in", SOURCE_BYTES_IN},
    {"packets_out", SOURCE_PACKETS_OUT},
    {"packets_in", SOURCE_PACKETS_IN},
};

enum { MANY = 64 /* characters of a word that an error shows */ };

static int shown(size_t len) { return (int)(len < MANY ? len : MANY); }

static bool is(const char *name, const char *s, size_t len)
{
    return strlen(name) == len && memcmp(name, s, len) == 0;
}

struct column columns_key(const struct key *key)
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
    if (key->masked)
        c.kind = KIND_TEXT;
    return c;
}

struct column columns_shown(const struct answer_column *c)
{
    return (struct column){c->name, c->title, c->unit, c->right, .kind = c->kind};
}

static void name_it(struct answer_column *c, const struct column *as)
{
    (void)snprintf(c->name, sizeof c->name, "%s", as->name);
    (void)snprintf(c->title, sizeof c->title, "%s", as->title);
    c->unit = as->unit;
    c->right = as->right;
    c->kind = as->kind;
}

static struct answer_column key_column(const struct keys *keys, size_t i)
{
    struct answer_column c = {.from = FROM_KEY, .which = i};
    struct column as = columns_key(&keys->at[i]);

    name_it(&c, &as);
    return c;
}

static struct answer_column measure_column(size_t measure)
{
    struct answer_column c = {.from = FROM_MEASURE, .which = measure};

    name_it(&c, &group_columns[measure]);
    return c;
}

static bool measure_find(const char *s, size_t len, size_t *out)
{
    for (size_t i = 0; i < GROUP_MEASURES; i++) {
        if (is(group_columns[i].name, s, len) || (i == GROUP_FIRST && is("first", s, len)) ||
            (i == GROUP_LAST && is("last", s, len))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static enum kind number_kind(enum number n)
{
    return n == NUMBER_TIME ? KIND_TIME : n == NUMBER_REAL ? KIND_F64 : KIND_U64;
}

/* The column of a function of something. */
static struct answer_column function_column(enum aggregate_fn fn, const char *word, size_t word_len,
                                            double part, const struct source *of)
{
    struct answer_column c = {.from = FROM_AGGREGATE, .part = part, .right = true};
    const char *name = source_name(of);
    int n = (int)(word_len < 16 ? word_len : 16);

    (void)snprintf(c.name, sizeof c.name, "%.*s_%.40s", n, word, name);
    for (char *p = c.name; *p; p++)
        if (*p == '.')
            *p = '_';
    (void)snprintf(c.title, sizeof c.title, "%.*s(%.40s)", n, word,
                   of->kind == SOURCE_DURATION ? "duration" : name);
    c.unit = fn == AGGREGATE_DISTINCT ? UNIT_COUNT : source_unit(of);
    c.kind = fn == AGGREGATE_DISTINCT ? KIND_U64 : number_kind(source_number(of));
    if (fn == AGGREGATE_AVG) {
        c.kind = KIND_F64;
        if (c.unit == UNIT_NONE || c.unit == UNIT_PROTO || c.unit == UNIT_FLAGS)
            c.unit = UNIT_RATIO;
    }
    return c;
}

/* "p95", "p99.9": the part of it. */
static bool percentile(const char *s, size_t len, double *out)
{
    char text[8];
    char *end;

    if (len < 2 || len >= sizeof text || s[0] != 'p' || strspn(s + 1, "0123456789.") < len - 1)
        return false;
    memcpy(text, s + 1, len - 1);
    text[len - 1] = '\0';
    double v = strtod(text, &end);
    if (*end || v < 0 || v > 100)
        return false;
    *out = v / 100;
    return true;
}

static bool function_find(const char *s, size_t len, enum aggregate_fn *fn, double *part)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        if (is(functions[i].word, s, len)) {
            *fn = functions[i].fn;
            *part = functions[i].part;
            return true;
        }
    }
    *fn = AGGREGATE_QUANTILE;
    return percentile(s, len, part);
}

static void near_sources(struct near *near)
{
    static const char *const words[] = {"duration", "bps", "pps", "bpp"};

    for (int f = 0; f < FIELD_N; f++)
        near_try(near, field_table[f].name);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        near_try(near, words[i]);
}

static int unknown(const char *word, const char *expected, const struct near *near, const char *s,
                   size_t len, struct err *err)
{
    const char *best = near_best(near);

    return err_set(err, ERR_CONFIG, "%s: expected %s, found \"%.*s\"%s%s%s", word, expected,
                   shown(len), s, best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
}

static int source_parse(const char *s, size_t len, const char *word, struct source *out,
                        struct err *err)
{
    struct near near = near_of(s, len);

    if (source_find(s, len, out))
        return 0;
    near_sources(&near);
    return unknown(word, "a field", &near, s, len, err);
}

/* What makes no sense: an average of addresses, a percentile of times. */
static int function_check(enum aggregate_fn fn, const struct source *of, const char *s, size_t len,
                          const char *word, struct err *err)
{
    enum number n = source_number(of);
    bool bounds = fn == AGGREGATE_MIN || fn == AGGREGATE_MAX;

    if (fn == AGGREGATE_DISTINCT || n == NUMBER_UINT || n == NUMBER_REAL ||
        (bounds && n == NUMBER_TIME))
        return 0;
    return err_set(err, ERR_CONFIG, "%s: %.*s: %s is %s; distinct(%s) counts how many there are",
                   word, shown(len), s, source_name(of),
                   n == NUMBER_TIME ? "a time, which has min, max and distinct" : "no number",
                   source_name(of));
}

static int function_parse(const char *s, size_t len, const char *word, struct columns *c,
                          struct answer_column *out, struct err *err)
{
    size_t fn_len = strcspn(s, "(");
    const char *inside = s + fn_len + 1;
    size_t inside_len = len - fn_len - 2;
    enum aggregate_fn fn;
    struct source of;
    double part = 0;

    if (!function_find(s, fn_len, &fn, &part)) {
        struct near near = near_of(s, fn_len);
        for (size_t i = 0; i < COUNT_OF(functions); i++)
            near_try(&near, functions[i].word);
        return unknown(word, "sum, avg, min, max, median, p95, distinct or share", &near, s, fn_len,
                       err);
    }
    int r = source_parse(inside, inside_len, word, &of, err);
    if (!r)
        r = function_check(fn, &of, s, len, word, err);
    if (r)
        return r;
    struct answer_column made = function_column(fn, s, fn_len, part, &of);
    if (!aggregates_want(&c->aggregates, fn, of, &made.which))
        return err_set(err, ERR_CONFIG, "%s: more than %d aggregates", word, AGGREGATES_MAX);
    *out = made;
    return 0;
}

/* share, share(packets), cumulative, cumulative(flows) */
static bool share_parse(const char *s, size_t len, struct answer_column *out)
{
    static const char *const words[] = {"share", "cumulative"};
    size_t measure = GROUP_BYTES;

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t n = strlen(words[i]);
        if (len < n || memcmp(s, words[i], n) != 0)
            continue;
        bool argument = len > n + 2 && s[n] == '(' && s[len - 1] == ')';
        if (argument ? !measure_find(s + n + 1, len - n - 2, &measure) : len != n)
            return false;
        if (measure > GROUP_BYTES)
            return false;
        *out = (struct answer_column){.from = i == 0 ? FROM_SHARE : FROM_CUMULATIVE,
                                      .which = measure,
                                      .unit = UNIT_SHARE,
                                      .right = true,
                                      .kind = KIND_F64};
        const char *of = group_columns[measure].name;
        (void)snprintf(out->name, sizeof out->name, "%s_%s", words[i], of);
        (void)snprintf(out->title, sizeof out->title, "%s%s%s%s", words[i], argument ? "(" : "",
                       argument ? of : "", argument ? ")" : "");
        return true;
    }
    return false;
}

static bool is_call(const char *s, size_t len)
{
    return len > 2 && s[len - 1] == ')' && memchr(s, '(', len - 2) != NULL;
}

static int way_parse(size_t way, const char *word, const struct columns_of *of, struct columns *c,
                     struct answer_column *out, struct err *err)
{
    struct source source = {.kind = ways[way].kind, .field = FIELD_NONE};
    struct column as = {ways[way].word, ways[way].word, source_unit(&source), true,
                        .kind = KIND_U64};

    if (!of->folded)
        return err_set(err, ERR_CONFIG, "%s: %s is for --fold", word, ways[way].word);
    *out = (struct answer_column){.from = FROM_AGGREGATE};
    name_it(out, &as);
    if (!aggregates_want(&c->aggregates, AGGREGATE_SUM, source, &out->which))
        return err_set(err, ERR_CONFIG, "%s: more than %d aggregates", word, AGGREGATES_MAX);
    return 0;
}

static int group_unknown(const char *s, size_t len, const char *word, const struct keys *keys,
                         struct err *err)
{
    struct near near = near_of(s, len);
    enum field_id f = spec_field(s, len);

    if (f != FIELD_NONE)
        return err_set(err, ERR_CONFIG,
                       "%s: %s is none of --by; group by it, or ask for distinct(%s)%s", word,
                       field_table[f].name, field_table[f].name,
                       field_table[f].kind <= KIND_F64 ? ", min(), max(), avg()" : "");
    for (size_t i = 0; i < GROUP_MEASURES; i++)
        near_try(&near, group_columns[i].name);
    for (size_t i = 0; i < keys->n; i++)
        near_try(&near, columns_key(&keys->at[i]).name);
    near_try(&near, "share");
    near_try(&near, "cumulative");
    return unknown(word,
                   "flows, packets, bytes, bps, pps, bpp, first, last, share, cumulative, one of "
                   "--by, or a function as avg(duration)",
                   &near, s, len, err);
}

static int group_find(const char *s, size_t len, const char *word, const struct columns_of *of,
                      struct columns *c, struct answer_column *out, struct err *err)
{
    size_t i;

    if (share_parse(s, len, out))
        return 0;
    if (is_call(s, len))
        return function_parse(s, len, word, c, out, err);
    if (measure_find(s, len, &i)) {
        *out = measure_column(i);
        return 0;
    }
    for (i = 0; i < COUNT_OF(ways); i++)
        if (is(ways[i].word, s, len))
            return way_parse(i, word, of, c, out, err);
    for (i = 0; i < of->keys->n; i++) {
        if (is(columns_key(&of->keys->at[i]).name, s, len) ||
            spec_field(s, len) == of->keys->at[i].field) {
            *out = key_column(of->keys, i);
            return 0;
        }
    }
    for (i = 0; i < c->n; i++) { /* a column as it is called in json */
        if (is(c->at[i].name, s, len)) {
            *out = c->at[i];
            return 0;
        }
    }
    return group_unknown(s, len, word, of->keys, err);
}

static int record_find(const char *s, size_t len, const char *word, struct answer_column *out,
                       struct err *err)
{
    struct source source;
    int r = source_parse(s, len, word, &source, err);

    if (r)
        return r;
    struct column as = {source_name(&source), source_name(&source), source_unit(&source), true,
                        .kind = number_kind(source_number(&source))};
    if (source.kind == SOURCE_FIELD)
        as = column_of(source.field);
    *out = (struct answer_column){.from = FROM_SOURCE, .source = source};
    name_it(out, &as);
    return 0;
}

int columns_find(const char *name, size_t len, const char *word, const struct columns_of *of,
                 struct columns *c, struct answer_column *out, struct err *err)
{
    return of->groups ? group_find(name, len, word, of, c, out, err)
                      : record_find(name, len, word, out, err);
}

void columns_show(struct columns *c, const struct answer_column *column)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->at[i].name, column->name) == 0)
            return;
    if (c->usual && column->from != FROM_KEY && c->n < COLUMNS_MAX)
        c->at[c->n++] = *column;
}

static int add(struct columns *c, const struct answer_column *column, struct err *err)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->at[i].name, column->name) == 0)
            return err_set(err, ERR_CONFIG, "--columns: %s is named twice", column->title);
    if (c->n == COLUMNS_MAX)
        return err_set(err, ERR_CONFIG, "--columns: more than %d columns", COLUMNS_MAX);
    c->at[c->n++] = *column;
    return 0;
}

static bool has_key(const struct columns *c, size_t key)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].from == FROM_KEY && c->at[i].which == key)
            return true;
    return false;
}

/* Keys that no column names stand before the columns. */
static int add_keys(struct columns *c, const struct keys *keys, struct err *err)
{
    size_t at = 0;

    for (size_t k = 0; k < keys->n; k++) {
        if (has_key(c, k))
            continue;
        if (c->n == COLUMNS_MAX)
            return err_set(err, ERR_CONFIG, "--columns: more than %d columns", COLUMNS_MAX);
        memmove(&c->at[at + 1], &c->at[at], (c->n - at) * sizeof *c->at);
        c->at[at++] = key_column(keys, k);
        c->n++;
    }
    return 0;
}

static const char *usual(const struct columns_of *of)
{
    return of->folded ? "flows,packets,packets_out,packets_in,bytes,bytes_out,bytes_in,bps,pps,bpp,"
                        "first,last"
                      : "flows,packets,bytes,bps,pps,bpp,first,last";
}

int columns_parse(const char *text, const struct columns_of *of, struct columns *out,
                  struct err *err)
{
    struct columns c = {.usual = !text};
    int r = 0;

    if (!text)
        text = usual(of);
    for (const char *s = text; !r && (of->groups || !c.usual);) {
        size_t len = strcspn(s, ",");
        struct answer_column column;
        r = columns_find(s, len, "--columns", of, &c, &column, err);
        if (!r)
            r = add(&c, &column, err);
        if (s[len] == '\0')
            break;
        s += len + 1;
    }
    if (!r && of->groups)
        r = add_keys(&c, of->keys, err);
    if (!r)
        *out = c;
    return r;
}

bool columns_ask_groups(const char *text)
{
    for (const char *s = text;;) {
        size_t len = strcspn(s, ",");
        struct answer_column column;
        if (is("flows", s, len) || is_call(s, len) || share_parse(s, len, &column))
            return true;
        if (s[len] == '\0')
            return false;
        s += len + 1;
    }
}
