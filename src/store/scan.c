#include "base/mem.h"
#include "store/scan_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* time_ms is never more than a day ahead of the received time (flow/fields.def), so a partition
 * that ended a day before the span cannot have a row of it. */
enum { AHEAD_MS = 24 * 3600 * 1000 };

enum {
    GROUP_BITS = 20, /* of a part's number; a file has no more groups (pq_footer.c) */
    KEPT_MAX = 200   /* files: less than a process may have open */
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- what may be in a row group --- */

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
    bool may = pq_group_may_hold(g->file, g->group, f, value);

    *g->bloom |= !may;
    return may;
}

/* false: no row of the group is in the span, or can be asked for; counted by why. */
static bool group_wanted(const struct scan *s, struct scan_part *part, struct scan_stats *stats)
{
    bool bloom = false;
    const struct scan_group g = {.file = part->file->pq, .group = part->group, .bloom = &bloom};
    int64_t min;
    int64_t max;

    part->whole = !scan_bounded(s);
    if (!part->whole && pq_group_range(g.file, g.group, FIELD_TIME, &min, &max)) {
        part->whole = min >= s->spec.from_ms && max < s->spec.to_ms;
        if (max < s->spec.from_ms || min >= s->spec.to_ms) {
            stats->by_time++;
            return false;
        }
    }
    if (!s->spec.may || s->spec.may(s->spec.may_arg, &g))
        return true;
    *(bloom ? &stats->by_bloom : &stats->by_statistics) += 1;
    return false;
}

/* --- taking parts; the lock is held where nothing else is said --- */

static uint64_t number_of_file(const struct scan *s, size_t file)
{
    return (uint64_t)(s->journals + file) << GROUP_BITS;
}

/* Forget files that nobody needs any more. */
static void close_files(struct scan *s)
{
    for (struct scan_file **at = &s->open; *at;) {
        struct scan_file *f = *at;
        if (f->kept || f->users > 0 || (!f->broken && f->group < pq_groups(f->pq))) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        pq_close(f->pq);
        free(f);
    }
}

static struct scan_file *file_with_groups(struct scan *s)
{
    struct scan_file *f = s->open;

    while (f && (f->broken || f->group == pq_groups(f->pq)))
        f = f->next;
    return f;
}

static void insert_file(struct scan *s, struct scan_file *f)
{
    struct scan_file **at = &s->open;

    while (*at && (*at)->number < f->number)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
}

/* Opens a file without the lock, so that other readers go on meanwhile. */
static int open_next(struct scan_reader *r, struct err *err)
{
    struct scan *s = r->scan;
    size_t number = s->next_file++;
    struct pq_file *pq = NULL;

    r->busy = number_of_file(s, number);
    (void)pthread_mutex_unlock(&s->lock);
    double begun = now();
    int e = pq_open(&pq, s->file[number], err);
    double took = now() - begun;
    (void)pthread_mutex_lock(&s->lock);
    r->busy = UINT64_MAX;
    s->stats.files++;
    s->stats.open_s += took;
    if (e) {
        s->stats.broken++;
        return ERR_DATA;
    }
    struct scan_file *f = mem_new(1, sizeof *f);
    f->pq = pq;
    f->number = number;
    insert_file(s, f);
    return 0;
}

/* Ask about the file's next group without the lock. */
static bool take_group(struct scan_reader *r, struct scan_file *f)
{
    struct scan *s = r->scan;
    struct scan_stats why = {0};

    r->part = (struct scan_part){.file = f, .group = f->group++};
    r->part.number = number_of_file(s, f->number) + r->part.group;
    r->busy = r->part.number;
    f->users++;
    (void)pthread_mutex_unlock(&s->lock);
    bool wanted = group_wanted(s, &r->part, &why);
    (void)pthread_mutex_lock(&s->lock);
    s->stats.groups++;
    s->stats.groups_skipped += !wanted;
    s->stats.by_time += why.by_time;
    s->stats.by_statistics += why.by_statistics;
    s->stats.by_bloom += why.by_bloom;
    if (!wanted) {
        r->busy = UINT64_MAX;
        f->users--;
    }
    r->part.first = wanted && !s->begun;
    s->begun |= wanted;
    return wanted;
}

static int take_locked(struct scan_reader *r, struct err *err)
{
    struct scan *s = r->scan;

    for (;;) {
        close_files(s);
        struct scan_file *f = file_with_groups(s);
        if (s->next_journal < s->journals) {
            size_t n = s->next_journal++;
            r->part = (struct scan_part){.number = (uint64_t)n << GROUP_BITS,
                                         .journal = &s->journal[n],
                                         .whole = !scan_bounded(s)};
            r->busy = r->part.number;
            return 0;
        }
        if (f) {
            if (take_group(r, f))
                return 0;
            continue;
        }
        if (s->next_file == s->files)
            return ERR_EOF;
        int e = open_next(r, err);
        if (e)
            return e;
    }
}

int scan_take(struct scan_reader *r, struct err *err)
{
    (void)pthread_mutex_lock(&r->scan->lock);
    int e = take_locked(r, err);
    (void)pthread_mutex_unlock(&r->scan->lock);
    return e;
}

void scan_take_again(struct scan_reader *r, uint64_t part)
{
    struct scan *s = r->scan;
    struct scan_stats ignored = {0};

    (void)pthread_mutex_lock(&s->lock);
    struct scan_file *f = s->open;
    while (f && f->number != (part >> GROUP_BITS) - s->journals)
        f = f->next;
    assert(f); /* it is kept */
    r->part = (struct scan_part){
        .number = part, .file = f, .group = part & (((uint64_t)1 << GROUP_BITS) - 1)};
    r->busy = part;
    f->users++;
    (void)pthread_mutex_unlock(&s->lock);
    (void)group_wanted(s, &r->part, &ignored);
}

bool scan_reader_keep(struct scan_reader *r)
{
    struct scan *s = r->scan;
    struct scan_file *f = r->part.file;

    (void)pthread_mutex_lock(&s->lock);
    if (f && !f->kept && s->kept < KEPT_MAX) {
        f->kept = true;
        s->kept++;
    }
    bool kept = f && f->kept;
    (void)pthread_mutex_unlock(&s->lock);
    return kept;
}

bool scan_reader_is_inner(const struct scan_reader *r)
{
    const struct scan_file *f = r->part.file;

    return f && !r->part.first &&
           (f->number + 1 < r->scan->files || r->part.group + 1 < pq_groups(f->pq));
}

bool scan_reader_range(const struct scan_reader *r, enum field_id f, int64_t *min, int64_t *max)
{
    const struct scan_part *p = &r->part;

    return p->file && pq_group_range(p->file->pq, p->group, f, min, max);
}

void scan_give(struct scan_reader *r, bool broken)
{
    struct scan *s = r->scan;

    (void)pthread_mutex_lock(&s->lock);
    s->stats.broken += broken;
    r->busy = UINT64_MAX;
    if (r->part.file) {
        r->part.file->users--;
        r->part.file->broken |= broken;
        close_files(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

bool scan_reader_is_first(struct scan_reader *r)
{
    struct scan *s = r->scan;
    uint64_t first = UINT64_MAX;

    (void)pthread_mutex_lock(&s->lock);
    if (s->next_journal < s->journals)
        first = (uint64_t)s->next_journal << GROUP_BITS;
    else if (s->next_file < s->files)
        first = number_of_file(s, s->next_file);
    struct scan_file *f = file_with_groups(s);
    if (f && number_of_file(s, f->number) + f->group < first)
        first = number_of_file(s, f->number) + f->group;
    for (const struct scan_reader *o = s->readers; o; o = o->next)
        first = o->busy < first ? o->busy : first;
    (void)pthread_mutex_unlock(&s->lock);
    return r->part.number <= first;
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
    s->walk.entry = list_entry;
    (void)pthread_mutex_init(&s->lock, NULL);
    if (scan_bounded(s))
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

struct scan_stats scan_stats(struct scan *s)
{
    (void)pthread_mutex_lock(&s->lock);
    struct scan_stats stats = s->stats;
    (void)pthread_mutex_unlock(&s->lock);
    return stats;
}

size_t scan_parts(struct scan *s)
{
    size_t n = s->journals + s->files;

    /* A single file tells how many groups it has only when it is open. */
    return s->files > 0 ? SIZE_MAX : n;
}

double scan_progress(struct scan *s)
{
    (void)pthread_mutex_lock(&s->lock);
    double all = (double)(s->journals + s->files);
    double done = (double)(s->next_journal + s->next_file);
    for (const struct scan_file *f = s->open; f; f = f->next)
        if (pq_groups(f->pq) > 0) /* next_file is behind it */
            done -= 1 - (double)f->group / (double)pq_groups(f->pq);
    (void)pthread_mutex_unlock(&s->lock);
    return all > 0 ? done / all : 1;
}

void scan_close(struct scan *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->journals; i++)
        journal_reader_close(s->journal[i].reader);
    free(s->journal);
    while (s->open) {
        struct scan_file *f = s->open;
        s->open = f->next;
        pq_close(f->pq);
        free(f);
    }
    for (size_t i = 0; i < s->files; i++)
        free(s->file[i]);
    free(s->file);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
