/* weir books: what came of what was received, by sender or minute. */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/command.h"
#include "store/books_scan.h"
#include "store/books_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_BYTES_MAX = 1 << 30, CELL = 64 };

/* What `lost` is counted in. */
enum lost { LOST_FLOWS, LOST_DATAGRAMS, LOST_RECORDS, LOST_N };

static const struct {
    const char *unit;
    const char *key;
} lost_table[LOST_N] = {
    [LOST_FLOWS] = {"flows", "lost_flows"},
    [LOST_DATAGRAMS] = {"datagrams", "lost_datagrams"},
    [LOST_RECORDS] = {"records", "lost_records"},
};

struct flags {
    const char *dir;
    const char *last, *from, *to;
    const char *sender;
    const char *by;
    bool json;
    bool exact;
};

/* One of the answer: the sums of all rows that have this much of the key in common. */
struct line {
    struct book book; /* first, with its key: map.h */
    int64_t lost[LOST_N];
};

struct report {
    struct books_scan scan;
    const struct flags *flags;
    bool by_sender;
    bool by_minute;
    bool has_sender;
    struct prefix sender;
    struct map lines;
    struct line total;
};

/* --- take --- */

static enum lost lost_unit(uint16_t version)
{
    return version == 9 ? LOST_DATAGRAMS : version == 10 ? LOST_RECORDS : LOST_FLOWS;
}

static struct book_key key_of(const struct report *r, const struct book_key *k)
{
    struct book_key key = r->by_sender ? *k : (struct book_key){0};

    key.minute_ms = r->by_minute ? k->minute_ms : 0;
    return key;
}

static struct line *line_of(struct report *r, const struct book_key *key)
{
    struct line *l = map_find(&r->lines, key);

    if (l)
        return l;
    l = mem_new(1, sizeof *l);
    l->book.key = *key;
    if (!map_add(&r->lines, l))
        mem_out();
    return l;
}

static void enter(struct line *l, const struct book *row)
{
    int64_t *lost = &l->lost[lost_unit(row->key.version)];

    book_add_row(&l->book, row);
    *lost = (int64_t)((uint64_t)*lost + (uint64_t)row->n[BOOK_LOST]);
}

static void on_row(struct books_scan *s, const struct book *row)
{
    struct report *r = container_of(s, struct report, scan);

    if (r->has_sender && (row->key.what != BOOK_SENDER || !prefix_has(&r->sender, &row->key.addr)))
        return;
    struct book_key key = key_of(r, &row->key);
    enter(line_of(r, &key), row);
    enter(&r->total, row);
}

static void on_broken(struct books_scan *s, const char *text)
{
    (void)s;
    (void)fprintf(stderr, "weir books: %s\n", text);
}

static int compare(const void *a, const void *b)
{
    return book_key_compare(&(*(struct line *const *)a)->book.key,
                            &(*(struct line *const *)b)->book.key);
}

static struct line **sorted(const struct report *r, size_t *n)
{
    struct line **list = mem_new(r->lines.n + 1, sizeof *list);
    struct line *l;

    *n = 0;
    for (size_t at = 0; (l = map_next(&r->lines, &at));)
        list[(*n)++] = l;
    if (*n > 0)
        qsort(list, *n, sizeof *list, compare);
    return list;
}

static bool balanced(const struct report *r)
{
    return book_difference(&r->total.book) == 0 && r->scan.n_broken == 0;
}

/* --- table --- */

static const char *count_text(const struct flags *f, int64_t n, char out[static CELL])
{
    char text[TEXT_SHORT];
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    if (f->exact)
        (void)snprintf(text, sizeof text, "%" PRIu64, size);
    else
        (void)text_print_count((double)size, text);
    (void)snprintf(out, CELL, "%s%s", n < 0 ? "-" : "", text);
    return out;
}

static const char *lost_text(const struct flags *f, const struct line *l, char out[static CELL])
{
    char n[CELL];
    size_t at = 0;

    out[0] = '\0';
    for (int i = 0; i < LOST_N; i++)
        if (l->lost[i] != 0 && at < CELL)
            at += (size_t)snprintf(out + at, CELL - at, "%s%s %s", at ? " + " : "",
                                   count_text(f, l->lost[i], n), lost_table[i].unit);
    return out[0] ? out : "0";
}

static void print_who(const struct book_key *k)
{
    char text[CELL] = "(others)";
    char version[CELL] = "-";
    char source[CELL] = "-";

    if (k->what == BOOK_SOCKET)
        (void)snprintf(text, sizeof text, "(port %" PRIu32 ")", k->source);
    if (k->what == BOOK_SENDER)
        (void)addr_print(&k->addr, text);
    if (k->what == BOOK_SENDER && k->version != 0) {
        (void)snprintf(version, sizeof version, "%u", k->version);
        (void)snprintf(source, sizeof source, "%" PRIu32, k->source);
    }
    (void)printf("%-24s %7s %10s ", text, version, source);
}

static void print_line(const struct report *r, const struct line *l)
{
    static const enum book_id shown[] = {BOOK_DATAGRAMS, BOOK_RECEIVED, BOOK_STORED};
    const int64_t *n = l->book.n;
    char text[CELL];
    char time[TEXT_TIME];

    if (r->by_minute) {
        (void)text_print_time(l->book.key.minute_ms, time);
        (void)printf("%.10s %.5s  ", time, time + 11);
    }
    if (r->by_sender)
        print_who(&l->book.key);
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        (void)printf("%10s ", count_text(r->flags, n[shown[i]], text));
    (void)printf("%8s ", count_text(r->flags, book_refused(&l->book), text));
    (void)printf("%9s ", count_text(r->flags, n[BOOK_MALFORMED], text));
    (void)printf("%8s ", count_text(r->flags, n[BOOK_HELD_SETS], text));
    (void)printf("%8s  ", count_text(r->flags, n[BOOK_KERNEL_DROPS], text));
    (void)printf("%s\n", lost_text(r->flags, l, text));
}

static void print_heading(const struct report *r)
{
    if (r->by_minute)
        (void)printf("%-16s  ", "received (UTC)");
    if (r->by_sender)
        (void)printf("%-24s %7s %10s ", "exporter", "version", "source");
    (void)printf("%10s %10s %10s %8s %9s %8s %8s  %s\n", "datagrams", "received", "stored",
                 "refused", "malformed", "held", "dropped", "lost");
}

/* "out of order 5, no journal 7" */
static void print_reasons(const struct report *r)
{
    static const struct {
        enum book_id id;
        const char *text;
    } reasons[] = {{BOOK_REJECTED, "out of sequence"},
                   {BOOK_NO_MEMORY, "no memory"},
                   {BOOK_NO_JOURNAL, "no journal could be begun"},
                   {BOOK_UNWRITTEN, "not written to the disk"}};
    const char *before = " (";
    char n[CELL];

    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        int64_t refused = r->total.book.n[reasons[i].id];
        if (refused == 0)
            continue;
        (void)printf("%s%s: %s", before, reasons[i].text, count_text(r->flags, refused, n));
        before = ", ";
    }
    (void)printf("%s", before[0] == ',' ? ")" : "");
}

static void print_balance(const struct report *r)
{
    const struct book *t = &r->total.book;
    char received[CELL];
    char stored[CELL];
    char refused[CELL];
    char malformed[CELL];

    (void)printf("%s: received %s = stored %s + refused %s",
                 balanced(r) ? "Balanced" : "NOT BALANCED",
                 count_text(r->flags, t->n[BOOK_RECEIVED], received),
                 count_text(r->flags, t->n[BOOK_STORED], stored),
                 count_text(r->flags, book_refused(t), refused));
    print_reasons(r);
    (void)printf(" + malformed %s flow records",
                 count_text(r->flags, t->n[BOOK_MALFORMED], malformed));
    if (book_difference(t) != 0)
        (void)printf("; %" PRId64 " are not accounted for", book_difference(t));
    if (r->scan.n_broken > 0)
        (void)printf("; %" PRIu64 " files or journals are not as their books say",
                     r->scan.n_broken);
    (void)printf("\n");
}

/* What no flow records are known of. */
static void print_rest(const struct report *r)
{
    static const struct {
        enum book_id id;
        const char *text;
    } rest[] = {
        {BOOK_HELD_SETS, "data sets wait for their template"},
        {BOOK_REFUSED_SETS, "data sets were given up unread"},
        {BOOK_MALFORMED_DATAGRAMS, "datagrams could not be read, wholly or in part"},
        {BOOK_DUPLICATES, "datagrams came twice"},
        {BOOK_KERNEL_DROPS, "datagrams were dropped by the kernel (they are among the lost)"},
        {BOOK_DENIED, "datagrams were denied by the access list"},
    };
    char n[CELL];

    for (size_t i = 0; i < COUNT_OF(rest); i++)
        if (r->total.book.n[rest[i].id] != 0)
            (void)printf("Besides, %s %s.\n", count_text(r->flags, r->total.book.n[rest[i].id], n),
                         rest[i].text);
    if (r->scan.without > 0)
        (void)printf("%" PRIu64 " files with %s flows have no books.\n", r->scan.without,
                     count_text(r->flags, (int64_t)r->scan.without_rows, n));
}

static void print_table(const struct report *r, struct line *const *list, size_t n)
{
    print_heading(r);
    for (size_t i = 0; i < n; i++)
        print_line(r, list[i]);
    print_balance(r);
    print_rest(r);
}

/* --- JSON --- */

static void json_number(struct json *j, const char *key, int64_t n)
{
    json_key(j, key);
    json_i64(j, n);
}

static void put_who(struct json *j, const struct book_key *k)
{
    char text[ADDR_TEXT];

    json_key(j, "what");
    json_text(j, book_what_names[k->what]);
    if (k->what == BOOK_SOCKET)
        json_number(j, "port", k->source);
    if (k->what != BOOK_SENDER)
        return;
    (void)addr_print(&k->addr, text);
    json_key(j, "exporter");
    json_text(j, text);
    if (k->version == 0)
        return;
    json_number(j, "version", k->version);
    json_number(j, "source", k->source);
}

static void put_sums(struct json *j, const struct line *l)
{
    for (int i = 0; i < BOOK_N; i++)
        if (i != BOOK_LOST)
            json_number(j, book_table[i].name, l->book.n[i]);
    json_number(j, "refused", book_refused(&l->book));
    json_number(j, "difference", book_difference(&l->book));
    for (int i = 0; i < LOST_N; i++)
        json_number(j, lost_table[i].key, l->lost[i]);
}

static int print_json(const struct report *r, struct line *const *list, size_t n)
{
    struct buf out;

    buf_init(&out, REPORT_BYTES_MAX);
    struct json j = json_of(&out);
    json_open(&j, '{');
    json_key(&j, "books");
    json_open(&j, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(&j, '{');
        if (r->by_minute)
            json_number(&j, "minute_ms", list[i]->book.key.minute_ms);
        if (r->by_sender)
            put_who(&j, &list[i]->book.key);
        put_sums(&j, list[i]);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_key(&j, "total");
    json_open(&j, '{');
    put_sums(&j, &r->total);
    json_close(&j, '}');
    json_key(&j, "balanced");
    json_bool(&j, balanced(r));
    json_number(&j, "files", (int64_t)r->scan.files);
    json_number(&j, "journals", (int64_t)r->scan.journals);
    json_number(&j, "files_without", (int64_t)r->scan.without);
    json_number(&j, "flows_without", (int64_t)r->scan.without_rows);
    json_number(&j, "broken", (int64_t)r->scan.n_broken);
    json_close(&j, '}');
    buf_u8(&out, '\n');
    bool ok = buf_ok(&out) && fwrite(out.data, 1, out.len, stdout) == out.len;
    buf_free(&out);
    return ok ? 0 : 1;
}

/* --- the command --- */

enum { OPT_STORE = 1, OPT_LAST, OPT_FROM, OPT_TO, OPT_BY, OPT_JSON, OPT_EXACT };

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR", "the store (./var)"},
    {OPT_LAST, "last", 'l', "DURATION", "what was received in the last 1h, 30m, 2d"},
    {OPT_FROM, "from", 0, "TIME",
     "received from 2026-11-22T14:05 on (UTC, unless +02:00 says more)"},
    {OPT_TO, "to", 0, "TIME", "received before that time"},
    {OPT_BY, "by", 'b', "sender|minute|both", "a row for each (default: sender)"},
    {OPT_JSON, "json", 'j', NULL, "the answer as JSON"},
    {OPT_EXACT, "exact", 0, NULL, "tables show 1234567, not 1.23 M"},
};

static int take_flag(struct flags *f, int id, const char *value, struct err *err)
{
    if (id == OPT_STORE)
        f->dir = value;
    else if (id == OPT_LAST)
        f->last = value;
    else if (id == OPT_FROM)
        f->from = value;
    else if (id == OPT_TO)
        f->to = value;
    else if (id == OPT_BY)
        f->by = value;
    else if (id == OPT_JSON)
        f->json = true;
    else if (id == OPT_EXACT)
        f->exact = true;
    else if (id != OPT_POSITIONAL)
        return id;
    else if (f->sender)
        return err_set(err, ERR_CONFIG, "expected one sender, found \"%s\" too", value);
    else
        f->sender = value;
    return 0;
}

static int take_span(const struct flags *f, struct books_scan *s, struct err *err)
{
    int64_t now_ms = clock_wall_ms();
    int64_t last_ms = 0;
    int r = 0;

    s->from_ms = INT64_MIN;
    s->to_ms = INT64_MAX;
    if (f->last && (f->from || f->to))
        return err_set(err, ERR_CONFIG, "--last goes without --from and --to");
    if (f->last) {
        r = text_duration(f->last, strlen(f->last), &last_ms, err);
        s->from_ms = now_ms - last_ms;
        return r ? err_in(err, r, "--last") : 0;
    }
    if (f->from)
        r = text_time(f->from, strlen(f->from), now_ms, &s->from_ms, err);
    if (r)
        return err_in(err, r, "--from");
    if (f->to)
        r = text_time(f->to, strlen(f->to), now_ms, &s->to_ms, err);
    if (r)
        return err_in(err, r, "--to");
    if (s->from_ms >= s->to_ms)
        return err_set(err, ERR_CONFIG, "--to is not after --from");
    return 0;
}

static int take_by(struct report *r, const char *by, struct err *err)
{
    bool both = strcmp(by, "both") == 0;

    r->by_sender = both || strcmp(by, "sender") == 0;
    r->by_minute = both || strcmp(by, "minute") == 0;
    if (r->by_sender || r->by_minute)
        return 0;
    return err_set(err, ERR_CONFIG, "--by: expected sender, minute or both, found \"%s\"", by);
}

static int run(struct report *r)
{
    struct err err;
    size_t n;
    int e = books_scan(&r->scan, r->flags->dir, &err);
    int status = balanced(r) ? 0 : 1;

    if (e) {
        (void)fprintf(stderr, "weir books: %s\n", err.text);
        return e == ERR_CONFIG ? 2 : 1;
    }
    struct line **list = sorted(r, &n);
    if (r->flags->json)
        status |= print_json(r, list, n);
    else
        print_table(r, list, n);
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
    map_free(&r->lines);
    return status;
}

static int cmd_books_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct flags f = {.dir = "./var", .by = "sender"};
    struct report r = {.flags = &f, .scan = {.row = on_row, .broken = on_broken}};
    struct err err;
    int e = 0;
    int id;

    while (e == 0 && (id = opt_next(&scan, &err)) != OPT_END)
        e = take_flag(&f, id, scan.value, &err);
    if (e == 0)
        e = take_span(&f, &r.scan, &err);
    if (e == 0)
        e = take_by(&r, f.by, &err);
    if (e == 0 && f.sender)
        e = prefix_parse(f.sender, &r.sender, &err);
    if (e)
        return command_usage_error(&cmd_books, err.text);
    r.has_sender = f.sender != NULL;
    map_init(&r.lines, sizeof(struct book_key));
    return run(&r);
}

const struct command cmd_books = {
    .name = "books",
    .summary = "what came of what was received, by sender and minute",
    .usage = "[options] [SENDER]",
    .details =
        "Of each sender (an address, an export version, and its engine, source id or domain): "
        "flow records received, and how many of them are stored, were refused, or were malformed. "
        "Data sets that wait for their template are held; lost is what the sender's sequence "
        "numbers say did not arrive, in what its version counts: flows (v5 to v8), datagrams (v9), "
        "data records (IPFIX). What the kernel dropped at a socket has a row of its own, and is "
        "among the lost of its senders. SENDER is an address or a prefix.\n"
        "The books are kept in the store, beside the flows of the same time; those of the last "
        "minutes are made from journals. Times are those of receipt, whole minutes. The last line "
        "says whether they balance: received = stored + refused + malformed, and each file has as "
        "many rows as its books say. If not, the exit status is 1.",
    .examples = "weir books --last 1h\n    of every sender\n"
                "weir books --last 1h --by minute 192.0.2.1\n    of one, minute by minute\n"
                "weir books --from 2026-11-22 --to 2026-11-23 --json\n    for scripts\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_books_run,
};
