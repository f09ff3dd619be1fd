/* weir store: is it whole, and how much is in it? */
#include "base/json.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "store/info.h"
#include "store/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { REPORT_BYTES_MAX = 1 << 30, DATE = 10, SECONDS = 19, CELL = 40 };

struct flags {
    const char *dir;
    bool json;
    bool exact;
};

/* "12.3 M", or all digits. */
static const char *count_text(const struct flags *f, uint64_t n, char out[static CELL])
{
    char text[TEXT_SHORT];

    (void)text_print_count((double)n, text);
    if (f->exact)
        (void)snprintf(out, CELL, "%" PRIu64, n);
    else
        (void)snprintf(out, CELL, "%s", text);
    return out;
}

static const char *bytes_text(const struct flags *f, uint64_t n, char out[static CELL])
{
    char text[TEXT_SHORT];
    size_t len = text_print_count((double)n, text);
    bool prefix = text[len - 1] < '0' || text[len - 1] > '9';

    if (f->exact)
        (void)snprintf(out, CELL, "%" PRIu64, n);
    else
        (void)snprintf(out, CELL, "%s%sB", text, prefix ? "" : " ");
    return out;
}

/* "2026-11-22 14:05:09" */
static const char *time_text(int64_t ms, char out[static CELL])
{
    char text[TEXT_TIME];

    (void)text_print_time(ms, text);
    (void)snprintf(out, CELL, "%.10s %.8s", text, text + 11);
    return out;
}

static void json_time(struct json *j, const char *key, bool is, int64_t ms)
{
    json_key(j, key);
    if (is)
        json_i64(j, ms);
    else
        json_null(j);
}

static void json_number(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_u64(j, n);
}

static void json_string(struct json *j, const char *key, const char *s)
{
    json_key(j, key);
    json_text(j, s);
}

static int print_buf(struct buf *b)
{
    buf_u8(b, '\n');
    bool ok = buf_ok(b) && fwrite(b->data, 1, b->len, stdout) == b->len;

    buf_free(b);
    return ok ? 0 : 1;
}

/* --- verify --- */

/* With --json three lists grow beside each other. */
struct report {
    struct verify verify;
    const struct flags *flags;
    struct progress progress;
    struct buf broken_text, notes_text, journals_text;
    struct json broken, notes, journals;
};

static void on_note(struct verify *v, bool broken, const char *path, const char *text)
{
    struct report *r = container_of(v, struct report, verify);
    struct json *j = broken ? &r->broken : &r->notes;

    if (!r->flags->json) {
        progress_end(&r->progress);
        (void)printf("%s %s\n", broken ? "BROKEN" : "note  ", text);
        return;
    }
    json_open(j, '{');
    json_string(j, "path", path);
    json_string(j, "text", text);
    json_close(j, '}');
}

static void on_journal(struct verify *v, const struct verify_journal *n)
{
    struct report *r = container_of(v, struct report, verify);
    struct json *j = &r->journals;
    char flows[CELL];
    char first[CELL];
    char last[CELL];

    if (!r->flags->json) {
        progress_end(&r->progress);
        (void)printf("only in %s (its collector %s): %s flows, received %s to %s\n", n->path,
                     n->running ? "runs" : "does not run", count_text(r->flags, n->flows, flows),
                     time_text(n->first_ms, first), time_text(n->last_ms, last));
        return;
    }
    json_open(j, '{');
    json_string(j, "path", n->path);
    json_number(j, "bytes", n->bytes);
    json_number(j, "datagrams", n->datagrams);
    json_number(j, "flows", n->flows);
    json_time(j, "first_ms", true, n->first_ms);
    json_time(j, "last_ms", true, n->last_ms);
    json_key(j, "running");
    json_bool(j, n->running);
    json_close(j, '}');
}

static void on_progress(struct verify *v, uint64_t at, uint64_t of, const char *path)
{
    struct report *r = container_of(v, struct report, verify);

    if (progress_due(&r->progress))
        progress_show(&r->progress, at, of, path);
}

static struct json list_begin(struct buf *b)
{
    buf_init(b, REPORT_BYTES_MAX);
    struct json j = json_of(b);
    json_open(&j, '[');
    return j;
}

static void list_end(struct json *out, const char *key, struct json *list, struct buf *b)
{
    json_close(list, ']');
    json_key(out, key);
    if (buf_ok(b))
        json_raw(out, b->data, b->len);
    else
        json_null(out);
    buf_free(b);
}

static int verify_json(struct report *r)
{
    const struct verify *v = &r->verify;
    struct buf out;

    buf_init(&out, REPORT_BYTES_MAX);
    struct json j = json_of(&out);
    json_open(&j, '{');
    json_number(&j, "files", v->files);
    json_number(&j, "bytes", v->bytes);
    json_number(&j, "flows", v->flows);
    json_number(&j, "risk_flows", v->risk_flows);
    json_number(&j, "files_with_books", v->books);
    list_end(&j, "journals", &r->journals, &r->journals_text);
    list_end(&j, "broken", &r->broken, &r->broken_text);
    list_end(&j, "notes", &r->notes, &r->notes_text);
    json_close(&j, '}');
    return print_buf(&out);
}

static void verify_print(const struct report *r)
{
    const struct verify *v = &r->verify;
    char flows[CELL];
    char bytes[CELL];
    char risk[CELL];

    (void)printf("%" PRIu64 " file%s, %s flows, %s; in journals only: %s flows. ", v->files,
                 v->files == 1 ? "" : "s", count_text(r->flags, v->flows, flows),
                 bytes_text(r->flags, v->bytes, bytes), count_text(r->flags, v->risk_flows, risk));
    if (v->broken)
        (void)printf("%" PRIu64 " broken\n", v->broken);
    else
        (void)printf("All is whole\n");
}

static int run_verify(const struct flags *f, struct err *err)
{
    struct report r = {.flags = f, .progress = progress_of()};

    r.verify = (struct verify){.note = on_note, .journal = on_journal, .progress = on_progress};
    r.broken = list_begin(&r.broken_text);
    r.notes = list_begin(&r.notes_text);
    r.journals = list_begin(&r.journals_text);
    int e = verify_store(&r.verify, f->dir, err);
    int status = 0;
    progress_end(&r.progress);
    if (e == 0 && f->json)
        status = verify_json(&r);
    else if (e == 0)
        verify_print(&r);
    buf_free(&r.broken_text);
    buf_free(&r.notes_text);
    buf_free(&r.journals_text);
    if (e)
        return e;
    return r.verify.broken ? 1 : status;
}

/* --- info --- */

static void on_broken(struct info *i, const char *text)
{
    (void)i;
    (void)fprintf(stderr, "weir store: %s\n", text);
}

static double per_flow(const struct info_sum *s)
{
    return s->flows ? (double)s->bytes / (double)s->flows : 0;
}

static void info_row(const struct flags *f, const char *name, const struct info_sum *s)
{
    char flows[CELL];
    char bytes[CELL];
    char first[CELL] = "-";
    char last[CELL] = "-";
    char each[CELL] = "-";

    if (s->timed) {
        (void)time_text(s->first_ms, first);
        (void)time_text(s->last_ms, last);
    }
    if (s->flows)
        (void)snprintf(each, sizeof each, "%.2f", per_flow(s));
    (void)printf("%-10s %14s %14s %11s %8" PRIu64 "  %-*s  %s\n", name,
                 count_text(f, s->flows, flows), bytes_text(f, s->bytes, bytes), each, s->files,
                 SECONDS, first, last);
}

static void info_books(const struct flags *f, const struct info *i)
{
    const struct book *b = &i->books;
    char received[CELL];
    char stored[CELL];
    char refused[CELL];
    char malformed[CELL];

    (void)printf("books of %" PRIu64 " of %" PRIu64
                 " files: received %s = stored %s + refused %s + malformed %s\n",
                 i->books_files, i->total.files,
                 count_text(f, (uint64_t)b->n[BOOK_RECEIVED], received),
                 count_text(f, (uint64_t)b->n[BOOK_STORED], stored),
                 count_text(f, (uint64_t)book_refused(b), refused),
                 count_text(f, (uint64_t)b->n[BOOK_MALFORMED], malformed));
}

static void info_print(const struct flags *f, const struct info *i)
{
    char date[TEXT_TIME];

    (void)printf("%-10s %14s %14s %11s %8s  %-*s  %s\n", "received", "flows", "bytes", "bytes/flow",
                 "files", SECONDS, "first", "last");
    for (size_t k = 0; k < i->days; k++) {
        (void)text_print_time(i->day[k].day_ms, date);
        date[DATE] = '\0';
        info_row(f, date, &i->day[k].sum);
    }
    info_row(f, "total", &i->total);
    if (i->journals.files)
        info_row(f, "journals", &i->journals);
    info_books(f, i);
}

static void json_sum(struct json *j, const struct info_sum *s)
{
    json_number(j, "flows", s->flows);
    json_number(j, "bytes", s->bytes);
    json_key(j, "bytes_per_flow");
    if (s->flows)
        json_f64(j, per_flow(s));
    else
        json_null(j);
    json_number(j, "files", s->files);
    json_time(j, "first_ms", s->timed, s->first_ms);
    json_time(j, "last_ms", s->timed, s->last_ms);
}

static void json_sums(struct json *j, const char *key, const struct info_sum *s)
{
    json_key(j, key);
    json_open(j, '{');
    json_sum(j, s);
    json_close(j, '}');
}

static int info_json(const struct info *i)
{
    char date[TEXT_TIME];
    struct buf out;

    buf_init(&out, REPORT_BYTES_MAX);
    struct json j = json_of(&out);
    json_open(&j, '{');
    json_key(&j, "days");
    json_open(&j, '[');
    for (size_t k = 0; k < i->days; k++) {
        (void)text_print_time(i->day[k].day_ms, date);
        date[DATE] = '\0';
        json_open(&j, '{');
        json_string(&j, "date", date);
        json_sum(&j, &i->day[k].sum);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_sums(&j, "total", &i->total);
    json_sums(&j, "journals", &i->journals);
    json_key(&j, "books");
    json_open(&j, '{');
    json_number(&j, "files", i->books_files);
    for (int k = 0; k < BOOK_N; k++) {
        json_key(&j, book_table[k].name);
        json_i64(&j, i->books.n[k]);
    }
    json_close(&j, '}');
    json_number(&j, "broken", i->n_broken);
    json_close(&j, '}');
    return print_buf(&out);
}

static int run_info(const struct flags *f, struct err *err)
{
    struct info i = {.broken = on_broken};
    int status = info_read(&i, f->dir, err);

    if (status == 0) {
        if (f->json)
            status = info_json(&i);
        else
            info_print(f, &i);
        status = i.n_broken ? 1 : status;
    }
    info_free(&i);
    return status;
}

/* --- the command --- */

/* 0 or 1: the exit status; below 0: an error. */
static const struct {
    const char *word;
    int (*run)(const struct flags *f, struct err *err);
} actions[] = {
    {"verify", run_verify},
    {"info", run_info},
};

enum { OPT_STORE = 1, OPT_JSON, OPT_EXACT };

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR", "the store (./var)"},
    {OPT_JSON, "json", 'j', NULL, "the answer as JSON"},
    {OPT_EXACT, "exact", 0, NULL, "tables show 1234567, not 1.23 M"},
};

static int act(const char *word, const struct flags *f)
{
    struct err err;

    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (strcmp(word, actions[i].word) != 0)
            continue;
        int status = actions[i].run(f, &err);
        if (status >= 0)
            return status;
        (void)fprintf(stderr, "weir store: %s\n", err.text);
        return status == ERR_CONFIG ? 2 : 1;
    }
    (void)err_set(&err, ERR_CONFIG, "expected what to do, verify or info, found \"%s\"", word);
    return command_usage_error(&cmd_store, err.text);
}

static int cmd_store_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    struct flags f = {.dir = "./var"};
    const char *word = NULL;
    struct err err;
    int id;

    while ((id = opt_next(&scan, &err)) != OPT_END) {
        if (id == ERR_CONFIG)
            return command_usage_error(&cmd_store, err.text);
        if (id == OPT_STORE)
            f.dir = scan.value;
        else if (id == OPT_JSON)
            f.json = true;
        else if (id == OPT_EXACT)
            f.exact = true;
        else if (!word)
            word = scan.value;
        else
            return command_usage_error(&cmd_store, "expected one word: verify or info");
    }
    if (!word)
        return command_usage_error(&cmd_store, "expected what to do: verify or info");
    return act(word, &f);
}

const struct command cmd_store = {
    .name = "store",
    .summary = "check a store, or say how much is in it",
    .usage = "[options] verify|info",
    .details =
        "verify reads everything: each file's checksums, counts, name and hour, whether its books "
        "say what its flows do, each journal's frames. It says what is broken, with the place in "
        "the file, and which flows are in "
        "journals only, which a collector makes into files within minutes. Beside running "
        "collectors it may be used at any time. The exit status is 1 if something is broken.\n"
        "info shows flows, bytes, bytes per flow and files of each day, by the time (UTC) they "
        "were received; first and last are the flows' own times; then what the books say ('weir "
        "books').",
    .examples = "weir store verify --store /var/lib/weir\n    is everything whole?\n"
                "weir store info --store /var/lib/weir\n    how much is there, by day\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_store_run,
};
