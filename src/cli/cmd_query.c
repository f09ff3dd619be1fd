/* weir query: ask the store. Flags become a struct query_spec, query_run() answers. */
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/filters.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    OPT_STORE = 1,
    OPT_LAST,
    OPT_FROM,
    OPT_TO,
    OPT_BY,
    OPT_TOP,
    OPT_SORT,
    OPT_RAW,
    OPT_FORMAT,
    OPT_EXACT,
    OPT_LOCAL,
    OPT_MEMORY,
    OPT_CONFIG
};

enum { TOP_GROUPS = 10, MESSAGE_MAX = 4096 };

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR", "the store (default: ./var)"},
    {OPT_LAST, "last", 'l', "DURATION", "flows of the last 1h, 30m, 2d"},
    {OPT_FROM, "from", 0, "TIME", "flows from 2026-11-22T14:05 on (UTC, unless +02:00 says more)"},
    {OPT_TO, "to", 0, "TIME", "flows before that time"},
    {OPT_BY, "by", 'b', "FIELDS", "group by src_addr, dst_port, src_addr/24, time/5m, ..."},
    {OPT_TOP, "top", 'n', "N", "the first N; 0: all (default: 10 groups, all records)"},
    {OPT_SORT, "sort", 'o', "KEY", "by that, largest first; -KEY or KEY:asc: smallest first"},
    {OPT_RAW, "raw", 0, NULL, "as exported: counters not multiplied by sampling rates"},
    {OPT_FORMAT, "format", 'f', "table|csv|json|jsonl", "how to print it (default: table)"},
    {OPT_EXACT, "exact", 0, NULL, "tables show 1234567, not 1.23 M"},
    {OPT_LOCAL, "local", 0, NULL, "text shows local time, not UTC"},
    {OPT_MEMORY, "memory", 0, "SIZE", "most memory for groups (default: half of the machine's)"},
    FILTERS_OPT(OPT_CONFIG),
};

/* The flags as they came: some can only be understood when all are known. */
struct flags {
    const char *store;
    const char *last, *from, *to;
    const char *by, *sort, *top, *memory;
    const char *format, *config;
    bool raw, exact, local;
    struct buf filter; /* all positional arguments, with spaces between them */
};

static int flag_take(struct flags *f, int id, const char *value, struct err *err)
{
    switch (id) {
    case OPT_STORE:
        f->store = value;
        return 0;
    case OPT_LAST:
        f->last = value;
        return 0;
    case OPT_FROM:
        f->from = value;
        return 0;
    case OPT_TO:
        f->to = value;
        return 0;
    case OPT_BY:
        f->by = value;
        return 0;
    case OPT_TOP:
        f->top = value;
        return 0;
    case OPT_SORT:
        f->sort = value;
        return 0;
    case OPT_RAW:
        f->raw = true;
        return 0;
    case OPT_FORMAT:
        f->format = value;
        return 0;
    case OPT_EXACT:
        f->exact = true;
        return 0;
    case OPT_LOCAL:
        f->local = true;
        return 0;
    case OPT_MEMORY:
        f->memory = value;
        return 0;
    case OPT_CONFIG:
        f->config = value;
        return 0;
    case OPT_POSITIONAL:
        if (f->filter.len > 0)
            buf_text(&f->filter, " ");
        buf_text(&f->filter, value);
        return buf_ok(&f->filter) ? 0 : err_set(err, ERR_LIMIT, "the filter is too long");
    default:
        return id; /* opt_next() failed, and said why */
    }
}

static int span_parse(const struct flags *f, int64_t now_ms, struct query_spec *out,
                      struct err *err)
{
    int64_t last_ms = 0;
    int r = 0;

    out->from_ms = INT64_MIN;
    out->to_ms = INT64_MAX;
    if (f->last && (f->from || f->to))
        return err_set(err, ERR_CONFIG, "--last goes without --from and --to");
    if (f->last) {
        r = text_duration(f->last, strlen(f->last), &last_ms, err);
        out->from_ms = now_ms - last_ms;
        return r ? err_in(err, r, "--last") : 0;
    }
    if (f->from)
        r = text_time(f->from, strlen(f->from), now_ms, &out->from_ms, err);
    if (r)
        return err_in(err, r, "--from");
    if (f->to)
        r = text_time(f->to, strlen(f->to), now_ms, &out->to_ms, err);
    if (r)
        return err_in(err, r, "--to");
    if (out->from_ms >= out->to_ms)
        return err_set(err, ERR_CONFIG, "--to is not after --from");
    return 0;
}

static int memory_parse(const char *text, size_t *out, struct err *err)
{
    uint64_t v;

    if (!text) {
        long pages = sysconf(_SC_PHYS_PAGES);
        long page = sysconf(_SC_PAGESIZE);
        *out = pages > 0 && page > 0 ? (size_t)pages / 2 * (size_t)page : (size_t)1 << 30;
        return 0;
    }
    int r = text_count(text, strlen(text), SIZE_MAX / 2, &v, err);
    if (r)
        return err_in(err, r, "--memory");
    *out = (size_t)v;
    return 0;
}

static int top_parse(const char *text, bool groups, size_t *out, struct err *err)
{
    uint64_t v = groups ? TOP_GROUPS : 0;
    int r = text ? text_count(text, strlen(text), UINT32_MAX, &v, err) : 0;

    if (r)
        return err_in(err, r, "--top");
    *out = (size_t)v;
    return 0;
}

static int spec_parse(const struct flags *f, struct query_spec *out, struct err *err)
{
    struct timespec now;
    int r;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct query_spec){.store = f->store, .raw = f->raw};
    r = span_parse(f, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, out, err);
    if (!r && f->by)
        r = spec_keys(f->by, &out->keys, err);
    if (!r)
        r = top_parse(f->top, out->keys.n > 0, &out->top, err);
    if (!r && (f->sort || out->keys.n > 0))
        r = spec_sort(f->sort ? f->sort : "bytes", &out->keys, &out->sort, err);
    if (!r)
        r = memory_parse(f->memory, &out->limit_bytes, err);
    return r;
}

/* Progress and broken files, to stderr. */
struct watch {
    struct query_watch query;
    bool terminal;
    bool bar;   /* no answer is being printed to the same terminal meanwhile */
    bool shown; /* a progress line stands there */
};

static void clear(struct watch *w)
{
    if (w->shown)
        (void)fputs("\r\033[K", stderr);
    w->shown = false;
}

static void on_broken(struct query_watch *q, const char *what)
{
    struct watch *w = container_of(q, struct watch, query);

    clear(w);
    (void)fprintf(stderr, "weir query: %s\n", what);
}

static void on_progress(struct query_watch *q, double part, uint64_t rows, double seconds)
{
    enum { BAR = 30 };
    static const char full[] = "##############################";
    struct watch *w = container_of(q, struct watch, query);
    int n = part < 0 ? 0 : part > 1 ? BAR : (int)(part * BAR);
    char text[TEXT_SHORT];

    if (!w->bar || seconds < 1)
        return;
    (void)text_print_count((double)rows, text);
    (void)fprintf(stderr, "\r[%.*s%*s] %3.0f %%  %s flows, %.0f s\033[K", n, full, BAR - n, "",
                  part * 100, text, seconds);
    w->shown = true;
}

static void on_scanned(struct query_watch *q) { clear(container_of(q, struct watch, query)); }

static bool wants_bold(void)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static void print_summary(const struct summary *s)
{
    struct buf line;

    buf_init(&line, MESSAGE_MAX);
    summary_line(s, &line);
    (void)fprintf(stderr, "%.*s\n", (int)line.len, line.data ? (const char *)line.data : "");
    buf_free(&line);
}

static int answer(const struct query_spec *spec, const struct flags *f,
                  const struct print_format *format)
{
    struct print_options options = {
        .out = stdout, .raw = f->raw, .exact = f->exact, .local = f->local, .bold = wants_bold()};
    struct watch watch = {.query = {on_broken, on_progress, on_scanned},
                          .terminal = isatty(STDERR_FILENO)};
    bool streams = spec->keys.n == 0 && spec->sort.by == SORT_NONE;

    watch.bar = watch.terminal && !(streams && isatty(STDOUT_FILENO));
    struct printer *p = print_new(format, &options);
    struct summary summary;
    struct err err;
    int r = query_run(spec, p, &watch.query, &summary, &err);

    print_free(p);
    if (r) {
        (void)fprintf(stderr, "weir query: %s\n", err.text);
        return r == ERR_CONFIG ? 2 : 1;
    }
    if (format != &print_table && watch.terminal)
        print_summary(&summary);
    return summary.scan.broken ? 1 : 0;
}

static int ask(struct flags *f)
{
    const struct print_format *format = print_format_find(f->format);
    struct query_spec spec;
    struct filter *filter = NULL;
    struct err err;

    if (!format) {
        (void)err_set(&err, ERR_CONFIG, "--format is one of table, csv, json, jsonl, found \"%s\"",
                      f->format);
        return command_usage_error(&cmd_query, err.text);
    }
    if (spec_parse(f, &spec, &err) != 0)
        return command_usage_error(&cmd_query, err.text);
    buf_u8(&f->filter, 0);
    if (!buf_ok(&f->filter))
        return command_usage_error(&cmd_query, "the filter is too long");
    int status = filters_parse(&cmd_query, f->config, (const char *)f->filter.data, &filter);
    spec.filter = filter;
    if (!status)
        status = answer(&spec, f, format);
    filter_free(filter);
    return status;
}

static int cmd_query_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct flags f = {.store = "var", .format = "table"};
    struct err err;
    int r = 0;
    int id;

    buf_init(&f.filter, FILTER_TEXT_MAX + 1);
    while (!r && (id = opt_next(&scan, &err)) != OPT_END)
        r = flag_take(&f, id, scan.value, &err);
    int status = r ? command_usage_error(&cmd_query, err.text) : ask(&f);
    buf_free(&f.filter);
    return status;
}

const struct command cmd_query = {
    .name = "query",
    .summary = "list, group and sort stored flows",
    .usage = "[options] [FILTER]",
    .details =
        "Reads the sealed files and the live journals of a store: a flow can be asked for the "
        "moment it was received. Without --by records are listed; with it, groups are counted "
        "and the largest shown: flows, packets, bytes, bit/s, packets/s, bytes/packet, first and "
        "last packet. Packets and bytes of groups and totals are multiplied by the sampling rate "
        "unless --raw.\n"
        "A query means flows; `kind nat`, `kind firewall` or `kind any` in the filter asks for "
        "other records. docs/query.md and docs/filter.md say more.\n"
        "The exit status is 1 if a file could not be read (the others answer, and it is named), "
        "2 if the question is wrong.",
    .examples = "weir query --last 1h --by src_addr\n    who sent most in the last hour\n"
                "weir query --last 1d 'proto tcp and dst port 443' --by dst_addr/24 --top 20\n"
                "    which networks served most of TLS\n"
                "weir query --by time/5m --top 0 --sort time:asc --format csv\n"
                "    five-minute sums for a spreadsheet\n"
                "weir query 'ip 10.1.2.3' --sort time --top 50\n    the last 50 flows of a host\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_query_run,
};
