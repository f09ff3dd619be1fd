/* weir query: ask the store. Flags become a struct query_spec, query_run() answers. */
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/filters.h"
#include "query/answer.h"
#include "query/chart.h"
#include "query/dedup.h"
#include "query/extra.h"
#include "query/print_named.h"
#include "query/query.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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
    OPT_QUIET,
    OPT_LOCAL,
    OPT_MEMORY,
    OPT_EXPLAIN,
    OPT_THREADS,
    OPT_COLUMNS,
    OPT_BOTTOM,
    OPT_OTHER,
    OPT_EVERY,
    OPT_SPREAD,
    OPT_NO_SPREAD,
    OPT_FOLD,
    OPT_MATRIX,
    OPT_CHART,
    OPT_CHART_FILE,
    OPT_ASCII,
    OPT_NAMES,
    OPT_GEO,
    OPT_CONFIG,
    OPT_DEDUP,
    OPT_NAMES_FILE,
    OPT_COVERAGE
};

enum { TOP_GROUPS = 10, MESSAGE_MAX = 4096 };

/* What --fold groups by, unless told. */
#define CONVERSATION "src_addr,src_port,dst_addr,dst_port,proto"

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR", "the store (default: ./var)"},
    {OPT_LAST, "last", 'l', "DURATION", "flows of the last 1h, 30m, 2d"},
    {OPT_FROM, "from", 0, "TIME", "flows from 2026-11-22T14:05 on (UTC, unless +02:00 says more)"},
    {OPT_TO, "to", 0, "TIME", "flows before that time"},
    {OPT_BY, "by", 'b', "FIELDS", "group by src_addr, dst_port, src_addr/24, time/5m, ..."},
    {OPT_EVERY, "every", 'e', "DURATION",
     "a series: rows for each 5m, with --by for each of its groups"},
    {OPT_MATRIX, "matrix", 0, "FIELDS", "a table of two fields: src_as,dst_as"},
    {OPT_COLUMNS, "columns", 'c', "COLUMNS",
     "flows, bytes, share, avg(duration), p95(bytes), distinct(dst_addr), ..."},
    {OPT_TOP, "top", 'n', "N", "the first N; 0: all (default: 10 groups, all records)"},
    {OPT_SORT, "sort", 'o', "COLUMN",
     "by that, largest first; -COLUMN or COLUMN:asc: smallest first"},
    {OPT_BOTTOM, "bottom", 0, "N", "the last N: --top of the other end"},
    {OPT_OTHER, "other", 0, NULL, "one more row for all groups that are not shown"},
    {OPT_FOLD, "fold", 0, NULL, "both directions of a conversation as one group"},
    {OPT_DEDUP, "dedup", 0, NULL,
     "flows that several exporters saw count once, where most was seen"},
    {OPT_SPREAD, "spread", 0, NULL, "packets and bytes over the time that a flow lived"},
    {OPT_NO_SPREAD, "no-spread", 0, NULL, "a series counts flows whole, where they ended"},
    {OPT_RAW, "raw", 0, NULL, "as exported: counters not multiplied by sampling rates"},
    {OPT_FORMAT, "format", 'f', "table|csv|json|jsonl|parquet", "how to print it (default: table)"},
    {OPT_CHART, "chart", 0, NULL, "draw bars of groups, columns of a series, shades of a matrix"},
    {OPT_CHART_FILE, "chart-file", 0, "FILE", "the same as .svg or .png, by gnuplot"},
    {OPT_ASCII, "ascii", 0, NULL, "charts without Unicode blocks"},
    {OPT_NAMES, "names", 0, "services|dns|interfaces",
     "columns of names: of ports and protocols, of addresses, of what exporters have numbers for"},
    {OPT_NAMES_FILE, "names-file", 0, "FILE",
     "names of interfaces and the like, where exporters announce none"},
    {OPT_GEO, "geo", 0, "FILE",
     "columns of countries and AS names, out of an .mmdb file; repeatable"},
    {OPT_EXACT, "exact", 0, NULL, "tables show 1234567, not 1.23 M"},
    {OPT_QUIET, "quiet", 'q', NULL, "rows only: no titles, no summary"},
    {OPT_LOCAL, "local", 0, NULL, "text shows local time, not UTC"},
    {OPT_EXPLAIN, "explain", 0, NULL, "say what was skipped and where the time went"},
    {OPT_COVERAGE, "coverage", 0, NULL, "say on what share of the flows that were sent it rests"},
    {OPT_THREADS, "threads", 0, "N", "work on so many cores (default: all)"},
    {OPT_MEMORY, "memory", 0, "SIZE", "most memory for groups (default: half of the machine's)"},
    FILTERS_OPT(OPT_CONFIG),
};

/* The flags as they came: some can only be understood when all are known. */
struct flags {
    const char *store;
    const char *last, *from, *to;
    const char *by, *sort, *top, *bottom, *memory;
    const char *columns, *every, *matrix, *chart_file;
    const char *format, *config, *threads;
    bool raw, exact, quiet, explain, coverage, local, other, fold, dedup, spread, no_spread, chart,
        ascii;
    const char *name_kinds, *names_file;
    const char *geo[NAMES_GEO_FILES + 1];
    size_t n_geo;
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
    case OPT_QUIET:
        f->quiet = true;
        return 0;
    case OPT_LOCAL:
        f->local = true;
        return 0;
    case OPT_EXPLAIN:
        f->explain = true;
        return 0;
    case OPT_COVERAGE:
        f->coverage = true;
        return 0;
    case OPT_THREADS:
        f->threads = value;
        return 0;
    case OPT_MEMORY:
        f->memory = value;
        return 0;
    case OPT_COLUMNS:
        f->columns = value;
        return 0;
    case OPT_BOTTOM:
        f->bottom = value;
        return 0;
    case OPT_OTHER:
        f->other = true;
        return 0;
    case OPT_EVERY:
        f->every = value;
        return 0;
    case OPT_SPREAD:
        f->spread = true;
        return 0;
    case OPT_NO_SPREAD:
        f->no_spread = true;
        return 0;
    case OPT_FOLD:
        f->fold = true;
        return 0;
    case OPT_DEDUP:
        f->dedup = true;
        return 0;
    case OPT_MATRIX:
        f->matrix = value;
        return 0;
    case OPT_CHART:
        f->chart = true;
        return 0;
    case OPT_CHART_FILE:
        f->chart_file = value;
        return 0;
    case OPT_NAMES:
        f->name_kinds = value;
        return 0;
    case OPT_NAMES_FILE:
        f->names_file = value;
        return 0;
    case OPT_GEO:
        if (f->n_geo <= NAMES_GEO_FILES) /* one too many is refused later */
            f->geo[f->n_geo++] = value;
        return 0;
    case OPT_ASCII:
        f->ascii = true;
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

/* --top and --bottom: how many, and from which end. */
static int threads_parse(const char *text, size_t *out, struct err *err)
{
    enum { THREADS_MAX = 256 };
    uint64_t v = 0;
    int r = text ? text_count(text, strlen(text), THREADS_MAX, &v, err) : 0;

    *out = (size_t)v;
    return r ? err_in(err, r, "--threads") : 0;
}

static int top_parse(const struct flags *f, struct query_spec *out, struct err *err)
{
    const char *text = f->bottom ? f->bottom : f->top;
    uint64_t v = out->grouped ? TOP_GROUPS : 0;
    int r = text ? text_count(text, strlen(text), UINT32_MAX, &v, err) : 0;

    if (f->top && f->bottom)
        return err_set(err, ERR_CONFIG, "--top and --bottom exclude each other");
    if (f->bottom && out->sort.by == SORT_NONE)
        return err_set(err, ERR_CONFIG, "--bottom needs --sort, or groups (--by)");
    if (r)
        return err_in(err, r, f->bottom ? "--bottom" : "--top");
    out->top = (size_t)v;
    if (f->bottom)
        out->sort.ascending = !out->sort.ascending;
    return 0;
}

/* --by, --every and --matrix: what groups there are, and how they are laid out. */
static int keys_parse(const struct flags *f, struct query_spec *out, struct err *err)
{
    int r;

    out->grouped =
        f->by || f->every || f->matrix || f->fold || (f->columns && columns_ask_groups(f->columns));
    if (f->matrix && (f->by || f->every))
        return err_set(err, ERR_CONFIG, "--matrix goes without --by and --every");
    if (f->every) {
        out->shape = SHAPE_SERIES;
        return spec_every(f->every, f->by, &out->keys, err);
    }
    if (!f->matrix)
        return out->grouped ? spec_keys(f->fold && !f->by ? CONVERSATION : f->by, &out->keys, err)
                            : 0;
    out->shape = SHAPE_MATRIX;
    r = spec_keys(f->matrix, &out->keys, err);
    if (!r && out->keys.n != 2)
        r = err_set(err, ERR_CONFIG, "--matrix: expected two fields, found \"%.64s\"", f->matrix);
    return r;
}

/* --fold and --spread, and what they need. */
static int changes_parse(const struct flags *f, struct query_spec *out, struct err *err)
{
    if (f->spread && f->no_spread)
        return err_set(err, ERR_CONFIG, "--spread and --no-spread exclude each other");
    if (f->spread && spec_bucket(out) == 0)
        return err_set(err, ERR_CONFIG,
                       "--spread needs buckets of time: --every 5m, or --by time/5m");
    if (f->other && !out->grouped)
        return err_set(err, ERR_CONFIG, "--other needs groups (--by)");
    if (f->dedup && !out->grouped)
        return err_set(err, ERR_CONFIG, "--dedup needs groups (--by, or --columns flows,bytes)");
    out->dedup = f->dedup;
    out->spread = f->spread || (f->every && !f->no_spread);
    out->fold = f->fold;
    out->others = f->other;
    return 0;
}

static bool has_shares(const struct columns *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].from == FROM_SHARE || c->at[i].from == FROM_CUMULATIVE)
            return true;
    return false;
}

static int spec_parse(const struct flags *f, struct query_spec *out, struct err *err)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    *out = (struct query_spec){.store = f->store, .raw = f->raw, .until_ms = INT64_MIN};
    int r = span_parse(f, now_ms, out, err);
    if (f->last)
        out->until_ms = now_ms;
    if (!r)
        r = keys_parse(f, out, err);
    if (!r)
        r = changes_parse(f, out, err);
    if (!r && (out->grouped || f->columns))
        r = spec_columns(f->columns, out, err);
    if (!r)
        r = spec_sort(f->sort, out, err);
    if (!r)
        r = top_parse(f, out, err);
    if (!r)
        r = memory_parse(f->memory, &out->limit_bytes, err);
    if (!r)
        r = threads_parse(f->threads, &out->threads, err);
    out->all_groups = out->shape != SHAPE_LIST || out->others || has_shares(&out->columns);
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

/* Charts are drawn with Unicode blocks where the locale can show them. */
static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

static size_t screen_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void print_summary(const struct summary *s)
{
    struct buf line;

    buf_init(&line, MESSAGE_MAX);
    summary_line(s, &line);
    (void)fprintf(stderr, "%.*s\n", (int)line.len, line.data ? (const char *)line.data : "");
    buf_free(&line);
}

static void print_explained(const struct summary *s)
{
    struct buf text;

    buf_init(&text, MESSAGE_MAX);
    summary_explain(s, &text);
    (void)fprintf(stderr, "%.*s", (int)text.len, text.data ? (const char *)text.data : "");
    buf_free(&text);
}

/* Where it is not printed with the answer. */
static void print_coverage(const struct coverage *c)
{
    struct buf text;

    buf_init(&text, MESSAGE_MAX);
    coverage_text(c, &text);
    (void)fprintf(stderr, "%.*s", (int)text.len, text.data ? (const char *)text.data : "");
    buf_free(&text);
}

static void on_broken_books(void *arg, const char *text)
{
    (void)arg;
    (void)fprintf(stderr, "weir query: %s\n", text);
}

/* The first Ctrl-C asks for what is known so far, the next ends the program as ever. */
static atomic_bool interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    atomic_store(&interrupted, true);
}

static void watch_interrupts(void)
{
    struct sigaction act = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&act.sa_mask);
    (void)sigaction(SIGINT, &act, NULL);
}

/* Names of interfaces and the like: the file is --names-file, or the configuration's. */
static int names_of_things(const struct flags *f, struct names *out, struct err *err)
{
    const char *path = f->names_file ? NULL : f->config ? f->config : config_usual();
    struct config *c = mem_new(1, sizeof *c);

    config_init(c);
    int r = path ? config_read(c, path, err) : 0;
    if (!r)
        r = names_things(out, f->store, f->names_file ? f->names_file : c->names, err);
    config_free(c);
    free(c);
    return r;
}

static int names_of_flags(const struct flags *f, struct names *out, struct err *err)
{
    int r = f->name_kinds ? names_parse(f->name_kinds, out, err) : 0;

    out->interfaces |= f->names_file != NULL;
    if (!r && out->interfaces)
        r = names_of_things(f, out, err);
    for (size_t i = 0; !r && i < f->n_geo; i++)
        r = names_geo(out, f->geo[i], err);
    return r;
}

/* The only exporter whose records a filter selects. */
struct only {
    size_t asked;
    struct addr addr;
};

static bool any_range(const void *arg, enum field_id f, int64_t min, int64_t max)
{
    (void)arg;
    (void)f;
    return min <= max;
}

static bool note_exporter(const void *arg, enum field_id f, const struct addr *value)
{
    struct only *o = *(struct only *const *)arg;

    if (f != FIELD_EXPORTER)
        return true;
    if (o->asked == 0 || !addr_eq(&o->addr, value))
        o->asked++;
    o->addr = *value;
    return false;
}

/* What print_named() has to know of the answer; columns that it needs are added to the spec. */
static struct named_all named_all_of(struct query_spec *spec, const struct names *names)
{
    static const char *const record[] = {"exporter", "domain", "app_engine", "time_ms"};
    static const char *const group[] = {"first_ms", "last_ms"};
    struct named_all all = {
        .from_ms = spec->from_ms, .to_ms = spec->to_ms, .bucket_ms = spec_bucket(spec)};
    struct only only = {0};
    struct only *arg = &only;
    const struct filter_known known = {any_range, note_exporter, &arg};

    if (!names->things)
        return all;
    /* If no record without these exporters can be selected, it is one of theirs. */
    all.exported = !filter_may_select(spec->filter, &known) && only.asked == 1;
    all.exporter = only.addr;
    if (!spec->grouped)
        all.hidden = spec_columns_hidden(spec, record, COUNT_OF(record));
    else if (spec->shape == SHAPE_LIST)
        all.hidden = spec_columns_hidden(spec, group, COUNT_OF(group));
    return all;
}

static int answer(struct query_spec *spec, const struct flags *f, const struct print_format *format,
                  struct names *names, struct coverage *coverage)
{
    struct print_options options = {
        .out = stdout, .raw = f->raw, .exact = f->exact, .local = f->local, .bold = wants_bold()};
    options.quiet = f->quiet;
    options.colour = options.bold;
    options.ascii = f->ascii || !is_utf8();
    options.width = screen_width();
    options.chart_file = f->chart_file;
    struct watch watch = {
        .query = {.broken = on_broken, .progress = on_progress, .scanned = on_scanned},
        .terminal = isatty(STDERR_FILENO)};
    bool streams = !spec->grouped && spec->sort.by == SORT_NONE;

    watch.bar = watch.terminal && !(streams && isatty(STDOUT_FILENO));
    struct printer *p = print_new(format, &options);
    if (f->name_kinds || f->names_file || f->n_geo) {
        const struct named_all all = named_all_of(spec, names);
        p = print_named(p, names, &all);
    }
    struct dedup *dropped = NULL;
    struct summary summary;
    struct err err;
    watch.query.stop = &interrupted;
    watch_interrupts();
    int r = spec->dedup ? dedup_find(&dropped, spec, &watch.query, &err) : 0;

    spec->dropped = dropped;
    if (!r && f->coverage) {
        r = coverage_find(coverage, spec, on_broken_books, NULL, &err);
        spec->coverage = coverage;
    }
    if (!r)
        r = query_run(spec, p, &watch.query, &summary, &err);
    dedup_free(dropped);
    print_free(p);
    if (r) {
        (void)fprintf(stderr, "weir query: %s\n", err.text);
        return r == ERR_CONFIG ? 2 : 1;
    }
    if (format->all_columns && ((watch.terminal && !f->quiet) || summary.interrupted))
        print_summary(&summary);
    if (f->coverage && !(format == &print_json || (format == &print_table && !f->quiet)))
        print_coverage(coverage);
    if (f->explain)
        print_explained(&summary);
    return summary.scan.broken || summary.interrupted ? 1 : 0;
}

/* --chart is for groups, and takes the place of a table. */
static int chart_check(const struct flags *f, const struct query_spec *spec, struct err *err)
{
    if (!spec->grouped)
        return err_set(err, ERR_CONFIG, "--chart needs groups (--by, --every, --matrix)");
    if (strcmp(f->format, "table") != 0)
        return err_set(err, ERR_CONFIG, "--chart goes without --format");
    if (answer_drawn(spec) == SIZE_MAX)
        return err_set(err, ERR_CONFIG, "--chart: none of --columns is a number");
    int r = f->chart_file ? chart_file_check(f->chart_file, err) : 0;
    return r ? err_in(err, r, "--chart-file") : 0;
}

static int ask(struct flags *f)
{
    const struct print_format *format = print_format_find(f->format);
    struct query_spec spec;
    struct extra extra;
    struct names names = {0};
    struct coverage coverage;
    struct filter *filter = NULL;
    struct err err;

    if (!format) {
        (void)err_set(&err, ERR_CONFIG,
                      "--format is one of table, csv, json, jsonl, parquet, found \"%s\"",
                      f->format);
        return command_usage_error(&cmd_query, err.text);
    }
    if (format == &print_parquet && isatty(STDOUT_FILENO))
        return command_usage_error(&cmd_query, "--format parquet is no text; send it to a file: "
                                               "weir query ... > answer.parquet");
    if (spec_parse(f, &spec, &err) != 0)
        return command_usage_error(&cmd_query, err.text);
    if (f->chart || f->chart_file) {
        if (chart_check(f, &spec, &err) != 0)
            return command_usage_error(&cmd_query, err.text);
        format = &print_chart;
    }
    buf_u8(&f->filter, 0);
    if (!buf_ok(&f->filter))
        return command_usage_error(&cmd_query, "the filter is too long");
    if (names_of_flags(f, &names, &err) != 0) {
        names_free(&names);
        return command_usage_error(&cmd_query, err.text);
    }
    int status = filters_parse(&cmd_query, f->config, (const char *)f->filter.data, &filter);
    spec.filter = filter;
    spec.extra = extra_init(&extra, &spec);
    if (!status)
        status = answer(&spec, f, format, &names, &coverage);
    names_free(&names);
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
        "--columns chooses other columns: any of these, share, cumulative, and sum, avg, min, max, "
        "median, p95 (p0 to p100) and distinct of a field, of bytes, packets, duration, bps, pps "
        "or "
        "bpp. Of records it takes fields.\n"
        "--every makes a series: all buckets, in the order of time, with the packets and bytes of "
        "a flow spread over its life. --matrix shows two fields as a table. --fold makes one group "
        "of both directions of a conversation, whose source is the client. --chart draws any of "
        "these.\n"
        "A query means flows; `kind nat`, `kind firewall` or `kind any` in the filter asks for "
        "other records. docs/query.md and docs/filter.md say more.\n"
        "The exit status is 1 if a file could not be read (the others answer, and it is named), "
        "2 if the question is wrong.",
    .examples =
        "weir query --last 1h --by src_addr\n    who sent most in the last hour\n"
        "weir query --last 1d 'proto tcp and dst port 443' --by dst_addr/24 --top 20\n"
        "    which networks served most of TLS\n"
        "weir query --last 1d --every 5m --by proto --chart\n"
        "    traffic by protocol, drawn in the terminal\n"
        "weir query --by dst_port --columns 'flows,share,p95(bytes),distinct(src_addr)'\n"
        "    services, with how many hosts use them\n"
        "weir query --matrix src_as,dst_as --format csv\n    who sends to whom, for a spreadsheet\n"
        "weir query --fold --by src_addr,dst_addr --sort bytes_in\n"
        "    conversations, by what came back\n"
        "weir query --by dst_addr --names dns --geo country.mmdb\n"
        "    with names of hosts and countries\n"
        "weir query --by exporter,in_if --names interfaces\n"
        "    with what the exporters call them\n"
        "weir query 'ip 10.1.2.3' --sort time --top 50\n    the last 50 flows of a host\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_query_run,
};
