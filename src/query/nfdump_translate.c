/* nfdump's options, once read, as questions of weir query. */
#include "base/mem.h"
#include "filter/filter.h"
#include "query/nfdump.h"
#include "query/nfdump_words.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = FILTER_TEXT_MAX + 65536, NAME_SHOWN = 64 };

#define FIVE_TUPLE "src_addr,src_port,dst_addr,dst_port,proto"

static int shown(size_t len) { return (int)(len < NAME_SHOWN ? len : NAME_SHOWN); }

static void word(struct nfdump_query *q, const char *text)
{
    buf_bytes(&q->words, text, strlen(text) + 1);
    q->n++;
}

static void option(struct nfdump_query *q, const char *name, const char *value)
{
    word(q, name);
    word(q, value);
}

/* A word in parts: word_begin(), buf_bytes() and the like, word_end(). */
static struct buf *word_begin(struct nfdump_query *q)
{
    q->n++;
    return &q->words;
}

static void word_end(struct nfdump_query *q) { buf_u8(&q->words, 0); }

static size_t digits(const char *s, const char *end)
{
    size_t n = 0;

    while (s + n < end && s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

/* "2026/11/22.14:05:00", of which seconds, minutes and hours may be left out. */
static int time_word(struct nfdump_query *q, const char *s, const char *end, struct err *err)
{
    static const char behind[] = "//.::"; /* year, month, ... */
    static const char instead[] = "--T::";
    struct buf *out = word_begin(q);
    const char *at = s;
    size_t parts = 0;

    for (;; parts++) {
        size_t n = digits(at, end);
        if (n != (parts == 0 ? 4 : 2)) {
            parts = 0;
            break;
        }
        buf_bytes(out, at, n);
        at += n;
        if (parts == 5 || at == end || *at != behind[parts]) {
            parts++;
            break;
        }
        buf_u8(out, (uint8_t)instead[parts]);
        at++;
    }
    if (at != end || parts < 3)
        return err_set(err, ERR_CONFIG,
                       "-t: expected a time such as 2026/11/22.14:05:00, found \"%.*s\"",
                       shown((size_t)(end - s)), s);
    if (parts == 4)
        buf_text(out, ":00"); /* an hour alone */
    word_end(q);
    return 0;
}

static int window_words(struct nfdump_query *q, const char *window, struct err *err)
{
    const char *dash = window + strcspn(window, "-");

    if (*window == '+' || *window == '-')
        return err_set(err, ERR_CONFIG,
                       "-t %.64s: times relative to the flows are not there; weir query --last 10s "
                       "counts from now",
                       window);
    word(q, "--from");
    int r = time_word(q, window, dash, err);
    if (r || *dash == '\0')
        return r;
    word(q, "--to");
    return time_word(q, dash + 1, dash + strlen(dash), err);
}

static const struct {
    const char *name, *instead;
} no_keys[] = {
    {"ip", "counts both ends of a flow; ask for srcip and for dstip"},
    {"port", "counts both ends of a flow; ask for srcport and for dstport"},
    {"as", "counts both ends of a flow; ask for srcas and for dstas"},
    {"if", "counts both ends of a flow; ask for inif and for outif"},
    {"vlan", "counts both ends of a flow; ask for srcvlan and for dstvlan"},
    {"mask", "counts both ends of a flow; ask for srcmask and for dstmask"},
    {"srcmac", "counts several addresses of a flow; ask for insrcmac and for outsrcmac"},
    {"dstmac", "counts several addresses of a flow; ask for indstmac and for outdstmac"},
    {"inmac", "counts several addresses of a flow; ask for insrcmac and for indstmac"},
    {"outmac", "counts several addresses of a flow; ask for outsrcmac and for outdstmac"},
    {"srcnet", "takes each flow's own mask; srcip4/24 takes one for all"},
    {"dstnet", "takes each flow's own mask; dstip4/24 takes one for all"},
};

static int unknown_name(const char *option, const char *s, size_t len, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(no_keys); i++)
        if (strlen(no_keys[i].name) == len && memcmp(no_keys[i].name, s, len) == 0)
            return err_set(err, ERR_CONFIG, "%s %s %s", option, no_keys[i].name,
                           no_keys[i].instead);
    return err_set(err, ERR_CONFIG,
                   "%s: \"%.*s\" has no counterpart; weir query --by takes any field that weir "
                   "fields lists",
                   option, shown(len), s);
}

/* "srcip4/24" at *s, alone or followed by ",srcip6/64"; false if it is no such thing. */
static bool masked_key(const char **s, const char *side, const char *field, struct buf *out)
{
    char v4[16];
    char v6[16];
    size_t head = (size_t)snprintf(v4, sizeof v4, "%sip4/", side);

    (void)snprintf(v6, sizeof v6, "%sip6/", side);
    bool is_v4 = strncmp(*s, v4, head) == 0;
    if (!is_v4 && strncmp(*s, v6, head) != 0)
        return false;
    const char *bits = *s + head;
    size_t n = strcspn(bits, ",");
    *s = bits + n;
    if (!is_v4) {
        buf_printf(out, "%s/32,%.*s", field, (int)n, bits);
    } else if (**s == ',' && strncmp(*s + 1, v6, head) == 0) {
        const char *more = *s + 1 + head;
        size_t k = strcspn(more, ",");
        buf_printf(out, "%s/%.*s,%.*s", field, (int)n, bits, (int)k, more);
        *s = more + k;
    } else {
        buf_printf(out, "%s/%.*s,128", field, (int)n, bits);
    }
    return true;
}

static int key_words(struct nfdump_query *q, const char *keys, struct err *err)
{
    struct buf *out;

    word(q, "--by");
    out = word_begin(q);
    for (const char *s = keys;; s++) {
        size_t len = strcspn(s, ",");
        const char *field = nfdump_key_field(s, len);
        if (field) {
            buf_text(out, field);
            s += len;
        } else if (!masked_key(&s, "src", "src_addr", out) &&
                   !masked_key(&s, "dst", "dst_addr", out)) {
            return unknown_name("-A", s, len, err);
        }
        if (*s == '\0')
            break;
        buf_u8(out, ',');
    }
    word_end(q);
    return 0;
}

static int sort_words(struct nfdump_query *q, const char *option_name, const char *s, size_t len,
                      bool groups, struct err *err)
{
    const struct nfdump_order *o = nfdump_order_find(s, len);
    const char *sort = !o ? NULL : groups ? o->groups : o->records;

    if (!o)
        return err_set(err, ERR_CONFIG,
                       "%s: expected flows, packets, bytes, pps, bps, bpp, tstart, tend or "
                       "duration, found \"%.*s\"",
                       option_name, shown(len), s);
    if (!sort)
        return err_set(err, ERR_CONFIG, "%s %s: %s", option_name, o->name,
                       groups ? "groups have no duration to sort by, but tstart and tend"
                              : "a record is one flow; sort by packets or bytes");
    option(q, "--sort", sort);
    return 0;
}

/* "%ts %sap -> %dap": the columns, without what stands between them. */
static int column_list(const char *tags, bool groups, struct buf *out, struct err *err)
{
    bool any = false;

    for (const char *s = strchr(tags, '%'); s; s = strchr(s, '%')) {
        size_t len = strspn(++s, "abcdefghijklmnopqrstuvwxyz0123456789");
        const char *more = nfdump_format_tags(s, len);
        const char *columns = nfdump_tag_columns(s, len, groups);
        if (any && (more || columns))
            buf_u8(out, ',');
        any = true;
        if (more) {
            int r = column_list(more, groups, out, err); /* whose tags are no formats */
            if (r)
                return r;
        } else if (columns) {
            buf_text(out, columns);
        } else {
            return err_set(err, ERR_CONFIG,
                           "-o fmt: %%%.*s has no counterpart %s; weir query "
                           "--columns takes any field that weir fields lists",
                           shown(len), s, groups ? "in groups" : "in records");
        }
        s += len;
    }
    return any ? 0 : err_set(err, ERR_CONFIG, "-o fmt: has no %%tag");
}

static int columns_words(struct nfdump_query *q, const char *tags, bool groups, struct err *err)
{
    word(q, "--columns");
    int r = column_list(tags, groups, word_begin(q), err);
    word_end(q);
    return r;
}

static bool is_predefined(const char *format, const char *name)
{
    size_t len = strlen(name);
    return strncmp(format, name, len) == 0 && (!format[len] || strcmp(format + len, "6") == 0);
}

static int format_words(struct nfdump_query *q, const char *format, bool groups, struct err *err)
{
    size_t len = strlen(format);

    if (len > 1 && format[len - 1] == '6')
        len--;
    if (strncmp(format, "fmt:", 4) == 0)
        return columns_words(q, format + 4, groups, err);
    if (is_predefined(format, "line") || is_predefined(format, "biline"))
        return 0; /* the table that there is */
    if (is_predefined(format, "csv") || is_predefined(format, "json")) {
        option(q, "--format", format[0] == 'c' ? "csv" : "json");
        return 0;
    }
    if (is_predefined(format, "raw")) {
        option(q, "--format", "jsonl");
        return 0;
    }
    if (is_predefined(format, "pipe"))
        option(q, "--format", "csv");
    const char *tags = nfdump_format_tags(format, len);
    if (!tags)
        return err_set(err, ERR_CONFIG,
                       "-o: expected line, long, extended, csv, json, pipe, raw, null or fmt:, "
                       "found \"%.64s\"",
                       format);
    /* Groups have their keys and sums already. */
    return groups ? 0 : columns_words(q, tags, false, err);
}

static struct nfdump_query *begin(struct nfdump_queries *out, const struct nfdump *n)
{
    struct nfdump_query *q = &out->at[out->n++];

    buf_init(&q->words, WORDS_MAX);
    q->n = 0;
    option(q, "--store", n->store ? n->store : "var");
    return q;
}

/* What all questions have: time, format, filter. */
static int finish(struct nfdump_query *q, const struct nfdump *n, const char *filter, bool groups,
                  struct err *err)
{
    int r = n->window ? window_words(q, n->window, err) : 0;

    if (!r && n->format && !is_predefined(n->format, "null"))
        r = format_words(q, n->format, groups, err);
    if (r)
        return r;
    if (n->quiet)
        word(q, "--quiet");
    if (n->plain)
        word(q, "--exact");
    if (*filter) {
        word(q, "--"); /* a filter may begin with anything */
        nfdump_filter(filter, word_begin(q));
        word_end(q);
    }
    return buf_ok(&q->words) ? 0 : err_set(err, ERR_LIMIT, "the question is too long");
}

/* "srcip:p": --by src_addr,proto. A record's keys are those of -A, else the five-tuple. */
static int stat_keys(struct nfdump_query *q, const struct nfdump *n, const char *stat, size_t len,
                     struct err *err)
{
    bool by_proto = len > 2 && memcmp(stat + len - 2, ":p", 2) == 0;
    size_t name_len = by_proto ? len - 2 : len;

    if (name_len == 6 && memcmp(stat, "record", 6) == 0) {
        if (n->keys)
            return key_words(q, n->keys, err);
        option(q, "--by", FIVE_TUPLE);
        return 0;
    }
    if (n->keys || n->five_tuple || n->fold)
        return err_set(err, ERR_CONFIG,
                       "-s %.*s of aggregated records (-a, -A, -b) is not there: it would count "
                       "groups; -s record or no -s",
                       shown(len), stat);
    const char *field = nfdump_stat_field(stat, name_len);
    if (!field)
        return unknown_name("-s", stat, name_len, err);
    word(q, "--by");
    buf_printf(word_begin(q), "%s%s", field, by_proto ? ",proto" : "");
    word_end(q);
    return 0;
}

static int stat_query(struct nfdump_query *q, const struct nfdump *n, const char *filter,
                      const char *stat, const char *order, size_t order_len, struct err *err)
{
    int r = stat_keys(q, n, stat, strcspn(stat, "/"), err);

    if (!r)
        r = sort_words(q, "-s", order, order_len, true, err);
    if (r)
        return r;
    if (n->fold)
        word(q, "--fold");
    option(q, "--top", n->top ? n->top : "10");
    return finish(q, n, filter, true, err);
}

/* "srcip/flows/bytes": a question for each order, by flows where there is none. */
static int stat_queries(const struct nfdump *n, const char *filter, const char *stat,
                        struct nfdump_queries *out, struct err *err)
{
    const char *order = stat + strcspn(stat, "/");

    do {
        const char *name = *order ? order + 1 : "flows";
        size_t len = strcspn(name, "/");
        if (out->n == COUNT_OF(out->at))
            return err_set(err, ERR_LIMIT, "-s: more than %zu statistics", COUNT_OF(out->at));
        int r = stat_query(begin(out, n), n, filter, stat, name, len, err);
        if (r)
            return r;
        order = *order ? name + len : order;
    } while (*order);
    return 0;
}

static int group_query(struct nfdump_query *q, const struct nfdump *n, const char *filter,
                       struct err *err)
{
    const char *order = n->order ? n->order : "bytes";
    int r = 0;

    if (n->keys)
        r = key_words(q, n->keys, err);
    else
        option(q, "--by", FIVE_TUPLE);
    if (r)
        return r;
    if (n->fold)
        word(q, "--fold");
    r = sort_words(q, "-O", order, strlen(order), true, err);
    if (r)
        return r;
    option(q, "--top", n->top ? n->top : "0");
    return finish(q, n, filter, true, err);
}

static int record_query(struct nfdump_query *q, const struct nfdump *n, const char *filter,
                        struct err *err)
{
    if (n->top && !n->order)
        return err_set(err, ERR_CONFIG,
                       "-n: statistics (-s), aggregated (-a, -A) and sorted (-O) output have a "
                       "first N; -c %s takes the first records that are found",
                       n->top);
    if (n->count && n->order)
        return err_set(err, ERR_CONFIG,
                       "-c: with -O all records are read; -n %s shows the first of them", n->count);
    int r = n->order ? sort_words(q, "-O", n->order, strlen(n->order), false, err) : 0;
    if (r)
        return r;
    if (n->top || n->count)
        option(q, "--top", n->top ? n->top : n->count);
    return finish(q, n, filter, false, err);
}

/* -I and -o null: sums of everything. */
static int sums_query(struct nfdump_query *q, const struct nfdump *n, const char *filter,
                      struct err *err)
{
    if (n->summary) {
        option(q, "--by", "proto");
        option(q, "--sort", "flows");
        option(q, "--top", "0");
    } else {
        option(q, "--columns", "flows,packets,bytes,bps,pps,bpp");
    }
    return finish(q, n, filter, true, err);
}

int nfdump_translate(const struct nfdump *n, const char *filter, struct nfdump_queries *out,
                     struct err *err)
{
    bool aggregated = n->keys || n->five_tuple || n->fold;
    bool sums = n->summary || (n->format && is_predefined(n->format, "null"));
    int r = 0;

    out->n = 0;
    if (sums && (aggregated || n->n_stats > 0))
        return err_set(err, ERR_CONFIG,
                       "-I and -o null show sums of all flows; not with -s, -a, "
                       "-A, -b");
    if (n->count && (aggregated || sums || n->n_stats > 0))
        return err_set(err, ERR_CONFIG,
                       "-c: groups count all records that the filter selects; -n shows the first");
    if (n->fold && n->keys)
        return err_set(err, ERR_CONFIG, "-b folds the five-tuple; not with -A");
    for (size_t i = 0; !r && i < n->n_stats; i++)
        r = stat_queries(n, filter, n->stats[i], out, err);
    if (n->n_stats > 0)
        return r;
    struct nfdump_query *q = begin(out, n);
    return sums         ? sums_query(q, n, filter, err)
           : aggregated ? group_query(q, n, filter, err)
                        : record_query(q, n, filter, err);
}

void nfdump_queries_free(struct nfdump_queries *q)
{
    for (size_t i = 0; i < q->n; i++)
        buf_free(&q->at[i].words);
    q->n = 0;
}
