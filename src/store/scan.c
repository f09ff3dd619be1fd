#include "store/scan.h"

#include "base/mem.h"
#include "store/journal.h"
#include "store/name.h"
#include "store/pq_read.h"
#include "store/walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* time_ms is never more than a day ahead of the received time (flow/fields.def), so a partition
 * that ended a day before the span cannot have a row of it. */
enum { AHEAD_MS = 24 * 3600 * 1000 };

struct journal_source {
    struct store_id id;
    struct journal_reader *reader; /* opened when the store was listed: survives the removal */
    struct err why;                /* it is NULL */
    char path[FILE_PATH];
};

/* Full batches that a decoder gave out and that were not fetched yet. */
struct queue {
    struct out out;
    struct batch **full;
    size_t n;
    size_t at;
    size_t cap;
    struct batch *spare; /* an empty one to give next */
};

struct scan {
    struct scan_spec spec;
    struct scan_stats stats;
    char dir[FILE_PATH];
    struct walk walk;
    struct journal_source *journal;
    size_t journals;
    char **file;
    size_t files;
    size_t files_cap;
    /* In hand. */
    size_t next_journal;
    size_t next_file;
    struct decoder *decoder;
    struct counts *scratch;
    struct queue queue;
    struct pq_file *pq;
    size_t group;
    struct pq_group *pq_group; /* its memory serves all groups */
    bool in_group;
    bool whole; /* every row of the group is in the span */
};

static bool bounded(const struct scan *s)
{
    return s->spec.from_ms != INT64_MIN || s->spec.to_ms != INT64_MAX;
}

/* --- cutting a batch to the span --- */

/* Move the kept rows of a column to its begin: rows[i] >= i, so nothing is overwritten unread. */
static void keep_column(struct batch *b, enum field_id f, const uint32_t *rows, size_t n)
{
    size_t width = kind_table[field_table[f].kind].width;
    uint8_t *col = b->col[f];
    uint64_t *seen = b->seen[f];
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++) {
        if (rows[i] != i)
            memcpy(col + i * width, col + rows[i] * width, width);
        word |= (seen[rows[i] / 64] >> (rows[i] % 64) & 1) << (i % 64);
        if (i % 64 == 63 || i + 1 == n) {
            seen[i / 64] = word;
            word = 0;
        }
    }
    /* Presence bits behind the last row must be clear. */
    size_t words = (b->cap + 63) / 64;
    for (size_t w = (n + 63) / 64; w < words; w++)
        seen[w] = 0;
}

static void cut(const struct scan *s, struct batch *b)
{
    uint32_t rows[1024];
    size_t kept = 0;
    uint32_t *keep = b->rows <= COUNT_OF(rows) ? rows : mem_new(b->rows, sizeof *keep);

    const int64_t *time = batch_uses(b, FIELD_TIME) ? b->col[FIELD_TIME] : NULL; /* never null */
    for (size_t i = 0; time && i < b->rows; i++) {
        int64_t t = time[i];
        if (t >= s->spec.from_ms && t < s->spec.to_ms)
            keep[kept++] = (uint32_t)i;
    }
    if (kept < b->rows) {
        for (int f = 0; f < FIELD_N; f++)
            if (batch_uses(b, (enum field_id)f))
                keep_column(b, (enum field_id)f, keep, kept);
        b->rows = kept;
    }
    if (keep != rows)
        free(keep);
}

/* --- journals --- */

static struct batch *queue_push(struct out *out, struct batch *full)
{
    struct queue *q = container_of(out, struct queue, out);

    if (q->n == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 8;
        // NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers
        q->full = mem_resize(q->full, q->cap, sizeof *q->full);
    }
    q->full[q->n++] = full;
    struct batch *empty = q->spare ? q->spare : batch_new(full->cap);
    q->spare = NULL;
    if (empty)
        return empty;
    q->n--; /* no memory: push() must give a batch, so these rows cannot be kept */
    batch_reset(full);
    return full;
}

static void queue_free(struct queue *q)
{
    while (q->at < q->n)
        batch_delete(q->full[q->at++]);
    free(q->full);
    batch_delete(q->spare);
    *q = (struct queue){0};
}

/* The next full batch changes places with `out`, or its rows are copied where capacities differ. */
static void queue_take(struct queue *q, struct batch *out)
{
    struct batch *full = q->full[q->at++];

    if (full->cap == out->cap) {
        struct batch t = *out;
        *out = *full;
        *full = t;
        batch_reset(full);
        if (q->spare)
            batch_delete(full);
        else
            q->spare = full;
        return;
    }
    size_t row = 0;
    while (row < full->rows && out->rows < out->cap && batch_copy_row(out, full, row))
        row++;
    if (row > 0 && row < full->rows) { /* the rest comes with the next call */
        struct batch *rest = batch_new(full->cap);
        while (rest && row < full->rows && batch_copy_row(rest, full, row))
            row++;
        if (rest)
            q->full[--q->at] = rest;
    }
    batch_delete(full);
}

static void end_journal(struct scan *s)
{
    decoder_free(s->decoder);
    s->decoder = NULL;
    journal_reader_close(s->journal[s->next_journal].reader);
    s->journal[s->next_journal].reader = NULL;
    s->next_journal++;
}

/* Bytes that are no frame. The end of a live journal may be one that is being written. */
static int say_torn(const struct scan *s, const struct journal_source *j, struct err *err)
{
    struct journal_torn torn = journal_reader_torn(j->reader);
    char instance[NAME_INSTANCE];

    name_instance(&j->id, instance);
    if (torn.bytes == 0 || (!torn.inside && store_is_running(s->dir, instance)))
        return 0;
    return err_set(err, ERR_DATA,
                   "%s: %" PRIu64 " bytes cannot be read, the first at offset %" PRIu64, j->path,
                   torn.bytes, torn.at);
}

/* Decode until there is a batch, or the journal ends. */
static int fill_from_journal(struct scan *s, struct err *err)
{
    struct journal_source *j = &s->journal[s->next_journal];
    struct decode_limits limits = decode_limits_default();
    struct journal_frame f;
    int r = 0;

    if (!j->reader) {
        if (err)
            *err = j->why;
        s->next_journal++;
        return ERR_DATA;
    }
    if (!s->decoder) {
        s->decoder = decoder_new(&limits, &s->queue.out, NULL, s->scratch);
        if (!s->decoder)
            return err_set(err, ERR_LIMIT, "scan: no memory for a decoder");
    }
    while (s->queue.at == s->queue.n && r == 0) {
        s->queue.at = s->queue.n = 0;
        r = journal_next(j->reader, &f, NULL, err);
        if (r == 0)
            r = journal_apply(&f, s->decoder, err);
    }
    if (r == 0)
        return 0;
    decoder_flush(s->decoder);
    int e = r == ERR_EOF ? say_torn(s, j, err) : err_in(err, r, "%s", j->path);
    end_journal(s);
    return e;
}

/* --- files --- */

static int open_file(struct scan *s, struct err *err)
{
    const char *path = s->file[s->next_file++];
    int r = pq_open(&s->pq, path, err);

    s->group = 0;
    s->stats.files++;
    if (r) {
        s->pq = NULL;
        s->stats.broken++;
        return ERR_DATA;
    }
    return 0;
}

struct scan_group {
    const struct pq_file *file;
    size_t group;
};

bool scan_may_range(const struct scan_group *g, enum field_id f, int64_t min, int64_t max)
{
    int64_t lo;
    int64_t hi;

    if (!pq_group_any(g->file, g->group, f))
        return false;
    return !pq_group_range(g->file, g->group, f, &lo, &hi) || (lo <= max && hi >= min);
}

bool scan_may_hold(const struct scan_group *g, enum field_id f, const struct addr *value)
{
    return pq_group_may_hold(g->file, g->group, f, value);
}

/* false: no row of the group is in the span, or can be asked for. */
static bool group_wanted(struct scan *s, size_t group)
{
    const struct scan_group g = {.file = s->pq, .group = group};
    int64_t min;
    int64_t max;

    if (s->spec.may && !s->spec.may(s->spec.may_arg, &g))
        return false;
    s->whole = !bounded(s);
    if (s->whole || !pq_group_range(s->pq, group, FIELD_TIME, &min, &max))
        return true;
    s->whole = min >= s->spec.from_ms && max < s->spec.to_ms;
    return max >= s->spec.from_ms && min < s->spec.to_ms;
}

static void end_file(struct scan *s)
{
    s->in_group = false;
    pq_close(s->pq);
    s->pq = NULL;
}

static int next_group(struct scan *s, struct err *err)
{
    while (s->group < pq_groups(s->pq)) {
        size_t g = s->group++;
        bool wanted = group_wanted(s, g);
        s->stats.groups++;
        if (wanted) {
            int r = s->pq_group ? pq_group_reopen(s->pq_group, s->pq, g, &s->spec.want, err)
                                : pq_group_open(&s->pq_group, s->pq, g, &s->spec.want, err);
            s->in_group = r == 0;
            return r;
        }
        s->stats.groups_skipped++;
    }
    return ERR_EOF;
}

/* Rows of the next group of the next file. ERR_EOF: no file is left. */
static int next_of_files(struct scan *s, struct batch *out, struct err *err)
{
    for (;;) {
        int r = 0;
        if (!s->pq) {
            if (s->next_file == s->files)
                return ERR_EOF;
            r = open_file(s, err);
            if (r)
                return r;
        }
        if (!s->in_group)
            r = next_group(s, err);
        if (r == ERR_EOF) {
            end_file(s);
            continue;
        }
        if (r == 0)
            r = pq_group_next(s->pq_group, out, err);
        if (r == 0)
            return 0;
        if (r == ERR_EOF) {
            s->in_group = false;
            continue;
        }
        s->stats.broken++;
        end_file(s);
        batch_reset(out);
        return r;
    }
}

int scan_next(struct scan *s, struct batch *out, struct err *err)
{
    for (;;) {
        int r = 0;
        bool whole = !bounded(s);
        batch_reset(out);
        if (s->queue.at < s->queue.n) {
            queue_take(&s->queue, out);
        } else if (s->next_journal < s->journals) {
            r = fill_from_journal(s, err);
            if (r == ERR_DATA)
                s->stats.broken++;
        } else {
            r = next_of_files(s, out, err);
            whole = s->whole;
        }
        if (r)
            return r;
        s->stats.rows += out->rows;
        if (!whole && out->rows > 0)
            cut(s, out);
        if (out->rows > 0)
            return 0;
    }
}

/* --- listing --- */

static int list_journals(struct scan *s, struct err *err)
{
    struct file_list names;
    char path[FILE_PATH];
    int r = file_path(path, err, "%s/journal", s->dir);

    if (r == 0)
        r = file_list_read(&names, path, err);
    if (r)
        return r;
    s->journal = mem_new(names.n, sizeof *s->journal);
    for (size_t i = 0; i < names.n && r == 0; i++) {
        struct journal_source *j = &s->journal[s->journals];
        int64_t ms;
        if (!name_parse(names.name[i], ".journal", &j->id, &ms))
            continue;
        r = name_journal(j->path, s->dir, &j->id, err);
        if (r)
            break;
        if (journal_reader_open(&j->reader, j->path, &j->why) == 0 || file_exists(j->path))
            s->journals++; /* else it has been sealed this moment: its file is there */
    }
    file_list_free(&names);
    return r;
}

static void add_file(struct scan *s, const char *folder, const char *name)
{
    size_t len = strlen(folder) + strlen(name) + 2;

    if (s->files == s->files_cap) {
        s->files_cap = s->files_cap ? s->files_cap * 2 : 64;
        s->file = mem_resize(s->file, s->files_cap, sizeof *s->file);
    }
    s->file[s->files] = mem_new(len, 1);
    (void)snprintf(s->file[s->files++], len, "%s/%s", folder, name);
}

/* The Parquet file counts, not the journal. */
static void drop_journal(struct scan *s, const struct store_id *id)
{
    for (size_t i = 0; i < s->journals; i++) {
        if (strcmp(s->journal[i].id.text, id->text) != 0)
            continue;
        journal_reader_close(s->journal[i].reader);
        memmove(&s->journal[i], &s->journal[i + 1], (s->journals - i - 1) * sizeof *s->journal);
        s->journals--;
        return;
    }
}

static int list_entry(struct walk *w, int64_t hour_ms, const char *folder, const char *name,
                      struct err *err)
{
    struct scan *s = container_of(w, struct scan, walk);
    bool skip = s->spec.from_ms > INT64_MIN + AHEAD_MS + NAME_HOUR_MS &&
                hour_ms <= s->spec.from_ms - AHEAD_MS - NAME_HOUR_MS;
    struct store_id id;
    int64_t ms;
    size_t len = strlen(name);

    (void)err;
    if (name[0] == '.' || len < 8 || strcmp(name + len - 8, ".parquet") != 0)
        return 0;
    if (name_parse(name, ".parquet", &id, &ms))
        drop_journal(s, &id);
    if (skip)
        s->stats.files_skipped++;
    else
        add_file(s, folder, name);
    return 0;
}

int scan_open(struct scan **out, const char *dir, const struct scan_spec *spec, struct err *err)
{
    struct stat st;
    struct scan *s = mem_new(1, sizeof *s);

    s->spec = *spec;
    s->scratch = mem_new(1, sizeof *s->scratch);
    s->queue.out.push = queue_push;
    s->walk.entry = list_entry;
    if (bounded(s))
        field_set_add(&s->spec.want, FIELD_TIME);
    int r = file_path(s->dir, err, "%s", dir);
    if (r == 0 && (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)))
        r = err_set(err, ERR_CONFIG, "%s: no store there; 'weir collect --store %s' makes one", dir,
                    dir);
    if (r == 0)
        r = list_journals(s, err); /* before the files: see scan.h */
    if (r == 0)
        r = walk_store(&s->walk, s->dir, err);
    if (r) {
        scan_close(s);
        return r;
    }
    s->stats.journals = s->journals;
    *out = s;
    return 0;
}

const struct scan_stats *scan_stats(const struct scan *s) { return &s->stats; }

double scan_progress(const struct scan *s)
{
    double all = (double)(s->journals + s->files);
    double done = (double)(s->next_journal + s->next_file);

    if (s->pq && pq_groups(s->pq) > 0) /* next_file is behind the file in hand */
        done -= 1 - (double)s->group / (double)pq_groups(s->pq);
    return all > 0 ? done / all : 1;
}

void scan_close(struct scan *s)
{
    if (!s)
        return;
    decoder_free(s->decoder);
    for (size_t i = s->next_journal; i < s->journals; i++)
        journal_reader_close(s->journal[i].reader);
    free(s->journal);
    pq_group_close(s->pq_group);
    pq_close(s->pq);
    for (size_t i = 0; i < s->files; i++)
        free(s->file[i]);
    free(s->file);
    queue_free(&s->queue);
    free(s->scratch);
    free(s);
}
