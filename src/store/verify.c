#include "store/verify.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/books_text.h"
#include "store/contents.h"
#include "store/pq_read.h"
#include "store/pq_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void note(struct verify *v, bool broken, const char *path, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static void note(struct verify *v, bool broken, const char *path, const char *fmt, ...)
{
    char text[ERR_TEXT];
    char all[ERR_TEXT + FILE_PATH];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    v->broken += broken;
    v->notes += !broken;
    /* Errors of reading name the path themselves. */
    (void)snprintf(all, sizeof all, "%s: %s", path, text);
    v->note(v, broken, path, strstr(text, path) ? text : all);
}

/* --- files --- */

/* When the rows of a file were received. */
struct hours {
    int64_t hour_ms;
    int64_t held_ms;
    uint64_t rows;
    uint64_t unknown; /* they do not say */
    uint64_t outside;
    int64_t example_ms;
};

static void count_hours(struct hours *h, const struct batch *b)
{
    for (size_t i = 0; i < b->rows; i++) {
        if (!batch_has(b, FIELD_RECEIVED, i)) {
            h->unknown++;
            continue;
        }
        int64_t ms = (int64_t)batch_u64(b, FIELD_RECEIVED, i);
        bool in = ms >= h->hour_ms - h->held_ms && ms < h->hour_ms + NAME_HOUR_MS;
        if (!in && h->outside++ == 0)
            h->example_ms = ms;
    }
    h->rows += b->rows;
}

static void say_hours(struct verify *v, const char *path, const struct hours *h)
{
    char text[TEXT_TIME];

    if (h->unknown)
        note(v, true, path, "%" PRIu64 " of its flows do not say when they were received",
             h->unknown);
    if (h->outside == 0)
        return;
    (void)text_print_time(h->example_ms, text);
    /* Rows here and there may be of a clock that was set while data waited for their template. */
    if (h->outside == h->rows)
        note(v, true, path, "filed under the wrong hour: its flows were received at %s", text);
    else
        note(v, false, path, "%" PRIu64 " of its flows were received in another hour, one at %s",
             h->outside, text);
}

/* Where the books have a row, by what it says itself. */
static struct book_key book_of_row(const struct batch *b, size_t row)
{
    uint16_t version = (uint16_t)batch_u64(b, FIELD_VERSION, row);
    uint64_t engine =
        batch_u64(b, FIELD_ENGINE_TYPE, row) << 8 | batch_u64(b, FIELD_ENGINE_ID, row);
    uint64_t source = version < 9 ? engine : batch_u64(b, FIELD_DOMAIN, row);
    struct addr nobody = {0};
    const struct addr *from = batch_at(b, FIELD_EXPORTER, row);

    return books_key(from ? from : &nobody, version, (uint32_t)source,
                     (int64_t)batch_u64(b, FIELD_RECEIVED, row));
}

/* Of an exporter that somebody else may have spoken for: then its books are the relay's. */
static bool is_named(const struct batch *b, size_t row)
{
    const struct addr *named = batch_at(b, FIELD_EXPORTER_ADDR, row);
    const struct addr *exporter = batch_at(b, FIELD_EXPORTER, row);

    return named && exporter && addr_eq(named, exporter);
}

/* The row of `seen` that counts those. */
static const struct book_key named_key = {.what = BOOK_OTHERS};

static void count_rows(struct books *seen, const struct batch *b)
{
    struct book *row = NULL;

    for (size_t i = 0; i < b->rows; i++) {
        struct book_key key = is_named(b, i) ? named_key : book_of_row(b, i);
        if (!row || memcmp(&row->key, &key, sizeof key) != 0)
            row = books_get(seen, &key, true);
        book_add(row, BOOK_STORED, 1);
    }
}

/* Rows of a key that the books have too few, or 0; those too many are added to *more. */
static int64_t missing_rows(const struct books *seen, const struct book *said, int64_t *more)
{
    const struct book *row = map_find(&seen->map, &said->key);
    int64_t diff = said->n[BOOK_STORED] - (row ? row->n[BOOK_STORED] : 0);

    if (diff < 0)
        *more -= diff;
    return diff > 0 ? diff : 0;
}

static void say_book(struct verify *v, const char *path, const struct book *said, int64_t missing)
{
    char from[ADDR_TEXT];
    char time[TEXT_TIME];

    (void)addr_print(&said->key.addr, from);
    (void)text_print_time(said->key.minute_ms, time);
    note(v, true, path,
         "its books say %" PRId64 " flows of %s, version %u, in the minute of %s; it has %" PRId64,
         said->n[BOOK_STORED], from, said->key.version, time, said->n[BOOK_STORED] - missing);
}

/* Rows that are under others in the books are there under their sender; those of exporters that
 * were named in them are in the books of whoever sent them. */
static void compare_books(struct verify *v, const char *path, const struct books *said,
                          const struct books *seen)
{
    const struct book *row = map_find(&seen->map, &named_key);
    const int64_t named = row ? row->n[BOOK_STORED] : 0;
    int64_t others = 0;
    int64_t more = named;

    for (size_t at = 0; (row = map_next(&said->map, &at));) {
        if (row->key.what == BOOK_SENDER) {
            int64_t missing = missing_rows(seen, row, &more);
            if (missing > 0 && named == 0)
                say_book(v, path, row, missing);
            others += named ? missing : 0;
        } else {
            others += row->n[BOOK_STORED];
        }
        if (book_difference(row) != 0)
            note(v, true, path, "its books do not balance: %" PRId64 " flows are not accounted for",
                 book_difference(row));
    }
    for (size_t at = 0; (row = map_next(&seen->map, &at));)
        if (row->key.what == BOOK_SENDER && !map_find(&said->map, &row->key))
            more += row->n[BOOK_STORED];
    if (more != others)
        note(v, true, path, "%" PRId64 " of its flows are not in its books, which say %" PRId64,
             more, others);
}

static void check_books(struct verify *v, const char *path, const struct pq_file *pq,
                        const struct books *seen)
{
    const char *text = pq_key(pq, PQ_KEY_BOOKS);
    struct book_list list;
    struct books said;
    struct err err;

    if (!text)
        return;
    v->books++;
    if (books_parse(cur_of(text, strlen(text)), &list, &err) != 0)
        note(v, true, path, "%s", err.text);
    books_init(&said, NULL);
    said.max = SIZE_MAX;
    for (size_t i = 0; i < list.n; i++)
        book_add_row(books_get(&said, &list.v[i].key, true), &list.v[i]);
    compare_books(v, path, &said, seen);
    books_free(&said);
    book_list_free(&list);
}

static int read_group(const struct pq_file *f, size_t group, struct batch *b, struct hours *h,
                      struct books *seen, struct err *err)
{
    struct field_set all = {0};
    struct pq_group *g;
    uint64_t before = h->rows;

    for (int i = 0; i < FIELD_N; i++)
        field_set_add(&all, (enum field_id)i);
    int r = pq_group_open(&g, f, group, &all, err);
    if (r)
        return r;
    while ((r = pq_group_next(g, b, err)) == 0) {
        count_hours(h, b);
        count_rows(seen, b);
    }
    pq_group_close(g);
    if (r != ERR_EOF)
        return r;
    uint64_t want = pq_group_rows(f, group);
    return h->rows - before == want
               ? 0
               : err_set(err, ERR_DATA, "row group %zu has %" PRIu64 " rows, expected %" PRIu64,
                         group, h->rows - before, want);
}

/* Whether the file says that it is ours. */
static bool check_keys(struct verify *v, const struct contents_file *f, const struct pq_file *pq)
{
    const char *id = pq_key(pq, "weir.id");

    if (!pq_key(pq, PQ_KEY_CATALOGUE) || !id || !f->has_id) {
        note(v, false, f->path, "not written by weir: what can be read of it is part of answers");
        return false;
    }
    if (strcmp(id, f->id.text) != 0)
        note(v, true, f->path, "its name is not what its footer says, %s", id);
    return true;
}

static void check_file(struct verify *v, const struct contents_file *f, struct batch *b)
{
    struct hours h = {.hour_ms = f->hour_ms, .held_ms = decode_limits_default().held_ms};
    struct pq_file *pq;
    struct stat st;
    struct err err;
    int r = pq_open(&pq, f->path, &err);

    v->files++;
    v->bytes += stat(f->path, &st) == 0 ? (uint64_t)st.st_size : 0;
    if (r) {
        note(v, true, f->path, "%s", err.text);
        return;
    }
    uint64_t broken = v->broken;
    bool is_ours = check_keys(v, f, pq);
    struct books seen;
    books_init(&seen, NULL);
    seen.max = SIZE_MAX;
    for (size_t g = 0; g < pq_groups(pq); g++)
        if (read_group(pq, g, b, &h, &seen, &err) != 0)
            note(v, true, f->path, "%s", err.text);
    if (is_ours)
        say_hours(v, f->path, &h);
    if (v->broken == broken)
        check_books(v, f->path, pq, &seen);
    books_free(&seen);
    v->flows += h.rows;
    pq_close(pq);
}

struct twin {
    const char *id;
    const char *path;
};

static int by_id(const void *a, const void *b)
{
    const struct twin *x = a;
    const struct twin *y = b;
    return strcmp(x->id, y->id);
}

/* The same id under two hours: somebody copied a file. */
static void check_twins(struct verify *v, const struct contents *c)
{
    struct twin *sorted = mem_new(c->files, sizeof *sorted);
    size_t n = 0;

    for (size_t i = 0; i < c->files; i++)
        if (c->file[i].has_id)
            sorted[n++] = (struct twin){c->file[i].id.text, c->file[i].path};
    if (n > 0)
        qsort(sorted, n, sizeof *sorted, by_id);
    for (size_t i = 1; i < n; i++)
        if (strcmp(sorted[i].id, sorted[i - 1].id) == 0)
            note(v, true, sorted[i].path, "the same file is at %s: its flows count twice",
                 sorted[i - 1].path);
    free(sorted);
}

/* --- journals --- */

static void check_journal(struct verify *v, struct contents_journal *j)
{
    struct contents_sum sum;
    struct err err;

    if (j->sealed) {
        if (!j->running)
            note(v, false, j->path,
                 "its flows are in %s; the next start of its collector removes it", j->sealed);
        return;
    }
    int r = contents_read_journal(j, &sum, NULL, &err);
    v->journals++;
    v->risk_flows += sum.flows;
    if (r)
        note(v, true, j->path, "%s", err.text);
    else if (sum.torn.bytes > 0 && (sum.torn.inside || !j->running))
        note(v, true, j->path, "%" PRIu64 " bytes cannot be read, the first at offset %" PRIu64,
             sum.torn.bytes, sum.torn.at);
    struct verify_journal said = {.path = j->path,
                                  .bytes = sum.bytes,
                                  .datagrams = sum.datagrams,
                                  .flows = sum.flows,
                                  .first_ms = sum.first_ms,
                                  .last_ms = sum.last_ms,
                                  .running = j->running};
    if (sum.datagrams > 0)
        v->journal(v, &said);
}

static void check_others(struct verify *v, const struct contents *c)
{
    static const char *const text[] = {
        [CONTENTS_LEFT_TMP] = "left over; the next start of its collector removes it",
        [CONTENTS_SET_ASIDE] = "set aside by its collector: it could not be read",
        [CONTENTS_UNKNOWN] = "not a name of weir's; it is not read",
    };

    for (size_t i = 0; i < c->others; i++) {
        const struct contents_other *o = &c->other[i];
        if (o->kind != CONTENTS_RUNNING_TMP)
            note(v, o->kind == CONTENTS_SET_ASIDE, o->path, "%s", text[o->kind]);
    }
}

int verify_store(struct verify *v, const char *dir, struct err *err)
{
    struct contents c;
    struct batch b;
    int r = contents_open(&c, dir, err);

    if (r)
        return r;
    if (!batch_init(&b, BATCH_ROWS)) {
        contents_close(&c);
        return err_set(err, ERR_LIMIT, "no memory for a batch");
    }
    check_others(v, &c);
    check_twins(v, &c);
    for (size_t i = 0; i < c.files; i++) {
        v->progress(v, i, c.files + c.journals, c.file[i].path);
        check_file(v, &c.file[i], &b);
    }
    for (size_t i = 0; i < c.journals; i++) {
        v->progress(v, c.files + i, c.files + c.journals, c.journal[i].path);
        check_journal(v, &c.journal[i]);
    }
    batch_free(&b);
    contents_close(&c);
    return 0;
}
