#include "store/recover.h"

#include "store/journal.h"
#include "store/name.h"
#include "store/sealed.h"
#include "store/walk.h"

#include <inttypes.h>
#include <stdio.h>
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

static int recover_journal(struct recover *r, const struct store_id *id, int64_t opened_ms,
                           struct err *err)
{
    char path[FILE_PATH];
    struct seal_journal s = {.dir = r->dir,
                             .id = *id,
                             .hour_ms = name_hour(opened_ms),
                             .options = r->options,
                             .limits = r->limits,
                             .state = r->state};
    int e = name_journal(path, r->dir, id, err);
    if (e)
        return e;
    struct err why;
    e = seal_journal(&s, &why);
    if (e == ERR_DATA)
        return set_aside(r, path, &why, err);
    if (e) { /* a full disk, say: it stays for the next start */
        r->failed++;
        r->last_failed = why;
        return 0;
    }
    r->journals += s.datagrams > 0;
    r->datagrams += s.datagrams;
    r->rows += s.rows;
    r->files += s.sealed;
    if (s.torn_at) {
        r->torn++;
        (void)err_set(&r->last_torn, 0, "%s: torn at offset %" PRIu64, path, s.torn_at);
    }
    return 0;
}

static bool is_running(const char *dir, const char *instance)
{
    char path[FILE_PATH];
    int fd;

    if (file_path(path, NULL, "%s/run/%s.lock", dir, instance) != 0 || !file_exists(path))
        return false;
    if (file_lock(path, &fd, NULL) != 0)
        return true;
    (void)close(fd);
    return false;
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
    return strcmp(instance, r->instance) == 0 || !is_running(r->dir, instance);
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

int recover_run(struct recover *r, struct err *err)
{
    struct file_list journals;
    char folder[FILE_PATH];
    struct cleaning c = {.walk.entry = clean_entry, .recover = r};
    int e = walk_store(&c.walk, r->dir, err);

    if (e == 0)
        e = file_path(folder, err, "%s/journal", r->dir);
    if (e == 0)
        e = file_list_read(&journals, folder, err);
    if (e)
        return e;
    /* Names sort by time within a worker, so the last one has the newest state. */
    for (size_t i = 0; i < journals.n && e == 0; i++) {
        struct store_id id;
        char instance[NAME_INSTANCE];
        int64_t ms;
        if (!name_parse(journals.name[i], ".journal", &id, &ms))
            continue;
        name_instance(&id, instance);
        if (strcmp(instance, r->instance) == 0)
            e = recover_journal(r, &id, ms, err);
    }
    file_list_free(&journals);
    return e;
}
