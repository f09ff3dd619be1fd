#include "query/nfdump.h"

#include "base/mem.h"
#include "filter/filter.h"

#include <string.h>

enum {
    OPT_READ = 1,
    OPT_RANGE,
    OPT_DIRS,
    OPT_WINDOW,
    OPT_STAT,
    OPT_TOP,
    OPT_AGGREGATE,
    OPT_FIVE,
    OPT_FOLD,
    OPT_GUESS,
    OPT_ORDER,
    OPT_FORMAT,
    OPT_COUNT,
    OPT_FILE,
    OPT_SUMMARY,
    OPT_QUIET,
    OPT_PLAIN,
    OPT_FULL,
    OPT_EXPLAIN,
    OPT_NO_CONFIG,
    OPT_NONE /* and above: no counterpart; their help says what to do instead */
};

/* clang-format off */
const struct opt nfdump_opts[NFDUMP_OPTS] = {
    {OPT_READ,      "read",      'r', "DIR",   "the store (default: ./var)"},
    {OPT_RANGE,     "range",     'R', "DIR",   "the same"},
    {OPT_DIRS,      "dirs",      'M', "DIR",   "the same"},
    {OPT_WINDOW,    "time",      't', "WINDOW", "flows of 2026/11/22.14:05:00-2026/11/22.15:00:00 (UTC; the end is not included)"},
    {OPT_STAT,      "stat",      's', "STAT[:p][/ORDER]", "top N of srcip, dstport, ..., record; may stand more than once"},
    {OPT_TOP,       "top",       'n', "N",     "the first N (default: 10 of statistics, else all); 0: all"},
    {OPT_AGGREGATE, "aggregate", 'A', "KEYS",  "aggregate by srcip, dstip4/24, dstport, ..."},
    {OPT_FIVE,      "five-tuple", 'a', NULL,   "aggregate by addresses, ports and protocol"},
    {OPT_FOLD,      "bidir",     'b', NULL,    "the same, both directions as one"},
    {OPT_GUESS,     "bidir-guess", 'B', NULL,  "the same"},
    {OPT_ORDER,     "order",     'O', "ORDER", "sort by flows, packets, bytes, pps, bps, bpp, tstart, tend, duration"},
    {OPT_FORMAT,    "output",    'o', "MODE",  "line, long, extended, csv, json, pipe, raw, null, fmt:%ts %sap ..."},
    {OPT_COUNT,     "count",     'c', "N",     "the first N records that are found"},
    {OPT_FILE,      "filter-file", 'f', "FILE", "read the filter from a file"},
    {OPT_SUMMARY,   "info",      'I', NULL,    "sums by protocol"},
    {OPT_QUIET,     "quiet",     'q', NULL,    "rows only: no titles, no summary"},
    {OPT_PLAIN,     "plain",     'N', NULL,    "numbers in full"},
    {OPT_FULL,      "ipv6",      '6', NULL,    "IPv6 addresses in full; they always are"},
    {OPT_EXPLAIN,   "explain-command", 0, NULL, "show the command that it is, and run nothing"},
    {OPT_NO_CONFIG, "config",    'C', "none",  "no configuration file; there never is one"},
    {OPT_NONE + 0, "write", 'w', "FILE", "weir nfdump writes no nfcapd files; weir query --format csv, json or jsonl hands flows on"},
    {OPT_NONE + 1, "min-packets", 'l', "N", "groups have no limits here; write \"packets > N\" in the filter for records, or sort by packets with -n"},
    {OPT_NONE + 2, "min-bytes", 'L', "N", "groups have no limits here; write \"bytes > N\" in the filter for records, or sort by bytes with -n"},
    {OPT_NONE + 3, "dns", 'D', "SERVER", "filters take addresses, not names of hosts"},
    {OPT_NONE + 4, "geo", 'G', "FILE", "nfdump's own geo files are not read"},
    {OPT_NONE + 5, "ident", 'i', "IDENT", "a store has no ident; filter by exporter"},
    {OPT_NONE + 6, "recompress", 'J', "N", "a store is always compressed"},
    {OPT_NONE + 7, "lzo", 'z', NULL, "a store is always compressed"},
    {OPT_NONE + 8, "lz4", 'y', NULL, "a store is always compressed"},
    {OPT_NONE + 9, "bz2", 'j', NULL, "a store is always compressed"},
    {OPT_NONE + 10, "gnuplot", 'g', NULL, "write weir query --by time/5m --top 0 --sort time:asc --format csv"},
    {OPT_NONE + 11, "exporters", 'E', "FILE", "write weir query --by exporter,rate"},
    {OPT_NONE + 12, "verify", 'v', "FILE", "write weir store verify"},
    {OPT_NONE + 13, "extensions", 'x', "FILE", "write weir store verify"},
    {OPT_NONE + 14, "dump-filter", 'X', NULL, "weir query says what is wrong in a filter, and where"},
    {OPT_NONE + 15, "tag", 'T', NULL, "addresses are not tagged; --format csv or json is for programs"},
};
/* clang-format on */

static int no_counterpart(int id, struct err *err)
{
    const struct opt *o = nfdump_opts;

    while (o->id != id)
        o++;
    return err_set(err, ERR_CONFIG, "-%c: %s", o->letter, o->help);
}

static int take_store(struct nfdump *n, char letter, const char *value, struct err *err)
{
    if (strchr(value, ':'))
        return err_set(
            err, ERR_CONFIG,
            "-%c %s: a store is one folder; -t chooses the time, \"exporter ADDRESS\" in "
            "the filter the source",
            letter, value);
    if (n->store)
        return err_set(err, ERR_CONFIG,
                       "-%c %s: the store is already %s; -r, -R and -M all name it", letter, value,
                       n->store);
    n->store = value;
    return 0;
}

static int take_stat(struct nfdump *n, const char *value, struct err *err)
{
    if (n->n_stats == NFDUMP_STATS_MAX)
        return err_set(err, ERR_LIMIT, "-s: more than %d statistics", NFDUMP_STATS_MAX);
    n->stats[n->n_stats++] = value;
    return 0;
}

static int take_filter(struct nfdump *n, const char *value, struct err *err)
{
    if (n->filter.len > 0)
        buf_text(&n->filter, " ");
    buf_text(&n->filter, value);
    return buf_ok(&n->filter) ? 0 : err_set(err, ERR_LIMIT, "the filter is too long");
}

static int take(struct nfdump *n, int id, const char *value, struct err *err)
{
    switch (id) {
    case OPT_READ:
        return take_store(n, 'r', value, err);
    case OPT_RANGE:
        return take_store(n, 'R', value, err);
    case OPT_DIRS:
        return take_store(n, 'M', value, err);
    case OPT_WINDOW:
        n->window = value;
        return 0;
    case OPT_STAT:
        return take_stat(n, value, err);
    case OPT_TOP:
        n->top = value;
        return 0;
    case OPT_AGGREGATE:
        n->keys = value;
        return 0;
    case OPT_FIVE:
        n->five_tuple = true;
        return 0;
    case OPT_FOLD:
    case OPT_GUESS:
        n->fold = true;
        return 0;
    case OPT_ORDER:
        n->order = value;
        return 0;
    case OPT_FORMAT:
        n->format = value;
        return 0;
    case OPT_COUNT:
        n->count = value;
        return 0;
    case OPT_FILE:
        n->filter_file = value;
        return 0;
    case OPT_SUMMARY:
        n->summary = true;
        return 0;
    case OPT_QUIET:
        n->quiet = true;
        return 0;
    case OPT_PLAIN:
        n->plain = true;
        return 0;
    case OPT_FULL:
        return 0;
    case OPT_EXPLAIN:
        n->explain = true;
        return 0;
    case OPT_NO_CONFIG:
        return strcmp(value, "none") == 0
                   ? 0
                   : err_set(err, ERR_CONFIG,
                             "-C %s: nfdump's configuration is not read; write -o "
                             "fmt: here",
                             value);
    case OPT_POSITIONAL:
        return take_filter(n, value, err);
    default:
        return id >= OPT_NONE ? no_counterpart(id, err) : id;
    }
}

int nfdump_read(int argc, char **argv, struct nfdump *out, struct err *err)
{
    struct opt_scan scan = opt_scan_of(nfdump_opts, COUNT_OF(nfdump_opts), argc, argv);
    int r = 0;
    int id;

    *out = (struct nfdump){0};
    buf_init(&out->filter, FILTER_TEXT_MAX + 1);
    while (!r && (id = opt_next(&scan, err)) != OPT_END)
        r = take(out, id, scan.value, err);
    buf_u8(&out->filter, 0);
    if (!r && !buf_ok(&out->filter))
        r = err_set(err, ERR_LIMIT, "the filter is too long");
    return r;
}

void nfdump_free(struct nfdump *n) { buf_free(&n->filter); }
