#include "store/recover.h"

#include "base/mem.h"
#include "store/journal.h"
#include "store/sealed.h"
#include "store/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A crash may have come between the making of a journal and its first write. */
static bool is_empty(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size == 0;
}

static int set_aside(struct recover *r, const char *path, const struct err *why, struct err *err)
{
    char broken[FILE_PATH];
    int e;

    if (is_empty(path))
        return file_remove(path, err);
    r->broken++;
    r->last_broken = *why;
    e = file_path(broken, err, "%s.broken", path);
    return e ? e : file_rename(path, broken, err);
}

/* A journal of ours. */
struct left {
    struct store_id id;
    int64_t opened_ms;
    uint64_t order;  /* 0: it has no head */
    bool has_frames; /* or what was some */
    bool newest;     /* of its worker, in the last run: its end is where decoding goes on */
};

static uint32_t run_of(const struct left *l) { return (uint32_t)(l->order >> 32); }

static int by_order(const void *a, const void *b)
{
    const struct left *x = a;
    const struct left *y = b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return strcmp(x->id.text, y->id.text);
}

static void look_at(struct left *l, const char *path)
{
    struct journal_reader *j;
    struct journal_frame f;

    l->order = 0;
    l->has_frames = true;
    l->newest = false;
    if (journal_reader_open(&j, path, NULL) != 0)
        return;
    if (journal_next(j, &f, NULL, NULL) == 0) {
        l->order = f.order;
        l->has_frames = journal_next(j, &f, NULL, NULL) == 0 || journal_reader_torn(j).bytes > 0;
    }
    journal_reader_close(j);
}

static void say_torn(struct recover *r, const char *path, const struct journal_torn *t)
{
    r->torn++;
    (void)err_set(&r->last_torn, 0,
                  "%s: %" PRIu64 " bytes are no frame, the first at offset %" PRIu64, path,
                  t->bytes, t->at);
}

static void say_failed(struct recover *r, const struct left *l, const struct err *why)
{
    r->failed_list = mem_resize(r->failed_list, r->failed + 1, sizeof *r->failed_list);
    r->failed_list[r->failed++] =
        (struct recover_failed){.id = l->id, .hour_ms = name_hour(l->opened_ms)};
    r->last_failed = *why;
}

static int recover_journal(struct recover *r, const struct left *l, struct buf *state,
                           struct err *err)
{
    char path[FILE_PATH];
    struct seal_journal s = {.dir = r->dir,
                             .id = l->id,
                             .hour_ms = name_hour(l->opened_ms),
                             .options = r->options,
                             .limits = r->limits,
                             .state = l->newest ? state : NULL,
                             .keep = l->newest};
    int e = name_journal(path, r->dir, &l->id, err);
    if (e)
        return e;
    struct err why;
    e = seal_journal(&s, &why);
    if (e == ERR_DATA)
        return set_aside(r, path, &why, err);
    if (l->newest)
        buf_bytes(r->state, state->data, state->len);
    if (e) { /* it stays, and is tried again */
        say_failed(r, l, &why);
        return 0;
    }
    if (l->newest)
        r->kept_list[r->kept++] = l->id;
    r->journals += s.datagrams > 0;
    r->datagrams += s.datagrams;
    r->rows += s.rows;
    r->files += s.sealed;
    if (s.torn.bytes > 0)
        say_torn(r, path, &s.torn);
    return 0;
}

struct cleaning {
    struct walk walk;
    struct recover *recover;
};

/* ".ID.parquet.tmp" of an instance that is ours, or does not run. */
static bool is_leftover(const struct recover *r, const char *name)
{
    struct store_id id;
    char instance[NAME_INSTANCE];
    int64_t ms;

    if (name[0] != '.' || !name_parse(name + 1, ".parquet.tmp", &id, &ms))
        return false;
    name_instance(&id, instance);
    return strcmp(instance, r->instance) == 0 || !store_is_running(r->dir, instance);
}

static int clean_entry(struct walk *w, int64_t hour_ms, const char *folder, const char *name,
                       struct err *err)
{
    struct cleaning *c = container_of(w, struct cleaning, walk);
    char path[FILE_PATH];

    (void)hour_ms;
    if (!is_leftover(c->recover, name))
        return 0;
    int e = file_path(path, err, "%s/%s", folder, name);
    if (e == 0)
        e = file_remove(path, err);
    c->recover->leftovers += e == 0;
    return e;
}

/* Our journals, in the order in which they were begun. One that was not even that goes. */
static int list_journals(struct recover *r, struct left **out, size_t *n, struct err *err)
{
    struct file_list names;
    char folder[FILE_PATH];
    char path[FILE_PATH];
    char instance[NAME_INSTANCE];
    int e = file_path(folder, err, "%s/journal", r->dir);

    if (e == 0)
        e = file_list_read(&names, folder, err);
    if (e)
        return e;
    struct left *list = mem_new(names.n, sizeof *list);
    *n = 0;
    for (size_t i = 0; i < names.n; i++) {
        struct left *l = &list[*n];
        bool begun = name_parse(names.name[i], ".journal", &l->id, &l->opened_ms);
        if (!begun && !name_parse(names.name[i], ".journal.new", &l->id, &l->opened_ms))
            continue;
        name_instance(&l->id, instance);
        if (strcmp(instance, r->instance) != 0 ||
            file_path(path, NULL, "%s/%s", folder, names.name[i]) != 0)
            continue;
        if (begun)
            look_at(&list[(*n)++], path);
        else if (file_remove(path, NULL) == 0)
            r->leftovers++;
    }
    file_list_free(&names);
    if (*n > 0)
        qsort(list, *n, sizeof *list, by_order);
    *out = list;
    return 0;
}

/* Whether the last run, which list[from] and what follows are of, came to have a journal of each of
 * its workers. */
static bool is_run(const struct left *list, size_t from, size_t n)
{
    for (size_t i = from; i < n; i++)
        if (name_worker(&list[i].id) == 0 || list[i].has_frames || (uint32_t)list[i].order > 1)
            return true;
    return false;
}

static int remove_journal(const struct recover *r, const struct store_id *id, struct err *err)
{
    char path[FILE_PATH];
    int e = name_journal(path, r->dir, id, err);
    return e ? e : file_remove(path, err);
}

/* The last run's journals, with the newest of each worker marked; those of a run that did not come
 * to be are removed. */
static int find_run(struct recover *r, struct left *list, size_t *n, struct err *err)
{
    int e = 0;

    for (;;) {
        size_t from = *n;
        while (from > 0 && *n > 0 && run_of(&list[from - 1]) == run_of(&list[*n - 1]))
            from--;
        if (from == 0 || is_run(list, from, *n))
            break;
        for (; *n > from && e == 0; --*n)
            e = remove_journal(r, &list[*n - 1].id, err);
        if (e)
            return e;
    }
    r->run = *n > 0 ? run_of(&list[*n - 1]) : 0;
    for (size_t i = *n; i-- > 0 && list[i].order > 0 && run_of(&list[i]) == r->run;) {
        list[i].newest = true;
        for (size_t k = i + 1; k < *n && list[i].newest; k++)
            list[i].newest = name_worker(&list[k].id) != name_worker(&list[i].id);
    }
    return 0;
}

int recover_run(struct recover *r, struct err *err)
{
    struct cleaning c = {.walk.entry = clean_entry, .recover = r};
    struct left *list;
    size_t n;
    int e = walk_store(&c.walk, r->dir, err);

    if (e == 0)
        e = list_journals(r, &list, &n, err);
    if (e)
        return e;
    struct buf state;
    buf_init(&state, r->state->limit);
    buf_reset(r->state);
    e = find_run(r, list, &n, err);
    r->kept_list = mem_new(n, sizeof *r->kept_list);
    for (size_t i = 0; i < n && e == 0; i++)
        e = recover_journal(r, &list[i], &state, err);
    if (e == 0 && !buf_ok(r->state))
        e = err_set(err, ERR_LIMIT, "the state of an earlier run is above %zu bytes",
                    r->state->limit);
    buf_free(&state);
    free(list);
    return e;
}

int recover_done(struct recover *r, struct err *err)
{
    int e = 0;

    for (size_t i = 0; i < r->kept && e == 0; i++)
        e = remove_journal(r, &r->kept_list[i], err);
    return e;
}

void recover_free(struct recover *r)
{
    free(r->failed_list);
    free(r->kept_list);
    r->failed_list = NULL;
    r->kept_list = NULL;
    r->failed = r->kept = 0;
}
