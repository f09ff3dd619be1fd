#include "store/contents.h"

#include "base/mem.h"
#include "store/walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *copy(const char *s)
{
    size_t n = strlen(s) + 1;
    char *t = mem_new(n, 1);

    memcpy(t, s, n);
    return t;
}

/* Room for one more: arrays double at powers of two. */
static void *grown(void *p, size_t n, size_t size)
{
    return (n & (n - 1)) == 0 ? mem_resize(p, n ? 2 * n : 1, size) : p;
}

static void add_other(struct contents *c, const char *path, enum contents_kind kind)
{
    c->other = grown(c->other, c->others, sizeof *c->other);
    c->other[c->others++] = (struct contents_other){.path = copy(path), .kind = kind};
}

static bool is_running(const struct contents *c, const struct store_id *id)
{
    char instance[NAME_INSTANCE];

    name_instance(id, instance);
    return store_is_running(c->dir, instance);
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s);
    size_t m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* --- journals --- */

static void add_journal(struct contents *c, const char *path, const char *name)
{
    struct contents_journal j = {0};
    int64_t ms;

    if (!name_parse(name, ".journal", &j.id, &ms)) {
        if (name_parse(name, ".journal.new", &j.id, &ms))
            add_other(c, path, is_running(c, &j.id) ? CONTENTS_RUNNING_TMP : CONTENTS_LEFT_TMP);
        else
            add_other(c, path,
                      ends_in(name, ".journal.broken") ? CONTENTS_SET_ASIDE : CONTENTS_UNKNOWN);
        return;
    }
    if (journal_reader_open(&j.reader, path, &j.why) != 0) {
        j.reader = NULL;
        if (!file_exists(path)) /* sealed this moment */
            return;
    }
    j.path = copy(path);
    j.running = is_running(c, &j.id);
    c->journal = grown(c->journal, c->journals, sizeof *c->journal);
    c->journal[c->journals++] = j;
}

static int list_journals(struct contents *c, struct err *err)
{
    struct file_list names;
    char folder[FILE_PATH];
    char path[FILE_PATH];
    int r = file_path(folder, err, "%s/journal", c->dir);

    if (r == 0)
        r = file_list_read(&names, folder, err);
    if (r)
        return r;
    for (size_t i = 0; i < names.n && r == 0; i++) {
        r = file_path(path, err, "%s/%s", folder, names.name[i]);
        if (r == 0)
            add_journal(c, path, names.name[i]);
    }
    file_list_free(&names);
    return r;
}

/* --- files --- */

struct listing {
    struct walk walk;
    struct contents *contents;
};

static int on_entry(struct walk *w, int64_t hour_ms, const char *folder, const char *name,
                    struct err *err)
{
    struct contents *c = container_of(w, struct listing, walk)->contents;
    struct contents_file f = {.hour_ms = hour_ms};
    char path[FILE_PATH];
    int64_t ms;
    int r = file_path(path, err, "%s/%s", folder, name);

    if (r)
        return r;
    if (name[0] == '.' && name_parse(name + 1, ".parquet.tmp", &f.id, &ms)) {
        bool running = is_running(c, &f.id);
        if (file_exists(path)) /* else it was renamed this moment */
            add_other(c, path, running ? CONTENTS_RUNNING_TMP : CONTENTS_LEFT_TMP);
        return 0;
    }
    if (name[0] == '.' || !ends_in(name, ".parquet")) {
        add_other(c, path, CONTENTS_UNKNOWN);
        return 0;
    }
    f.has_id = name_parse(name, ".parquet", &f.id, &ms);
    f.path = copy(path);
    c->file = grown(c->file, c->files, sizeof *c->file);
    c->file[c->files++] = f;
    return 0;
}

static void find_sealed(struct contents *c)
{
    for (size_t i = 0; i < c->files; i++)
        for (size_t k = 0; k < c->journals && c->file[i].has_id; k++)
            if (strcmp(c->file[i].id.text, c->journal[k].id.text) == 0)
                c->journal[k].sealed = c->file[i].path;
}

int contents_open(struct contents *c, const char *dir, struct err *err)
{
    struct listing l = {.walk.entry = on_entry, .contents = c};
    struct stat st;

    *c = (struct contents){.dir = dir};
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(err, ERR_CONFIG, "%s: no store there; 'weir collect --store %s' makes one",
                       dir, dir);
    int r = list_journals(c, err);
    if (r == 0)
        r = walk_store(&l.walk, dir, err);
    if (r) {
        contents_close(c);
        return r;
    }
    find_sealed(c);
    return 0;
}

void contents_close(struct contents *c)
{
    for (size_t i = 0; i < c->files; i++)
        free(c->file[i].path);
    for (size_t i = 0; i < c->journals; i++) {
        journal_reader_close(c->journal[i].reader);
        free(c->journal[i].path);
    }
    for (size_t i = 0; i < c->others; i++)
        free(c->other[i].path);
    free(c->file);
    free(c->journal);
    free(c->other);
    *c = (struct contents){0};
}

/* --- a journal --- */

static struct batch *forget(struct out *out, struct batch *full)
{
    (void)out;
    batch_reset(full);
    return full;
}

static int read_frames(struct contents_journal *j, struct decoder *d, struct contents_sum *out,
                       struct err *err)
{
    struct journal_frame f;
    int r;

    while ((r = journal_next(j->reader, &f, NULL, err)) == 0 &&
           (r = journal_apply(&f, d, err)) == 0) {
        if (f.type != JOURNAL_DATAGRAM)
            continue;
        int64_t ms = f.datagram.received_ms;
        if (out->datagrams++ == 0)
            out->first_ms = out->last_ms = ms;
        out->first_ms = ms < out->first_ms ? ms : out->first_ms;
        out->last_ms = ms > out->last_ms ? ms : out->last_ms;
    }
    out->torn = journal_reader_torn(j->reader);
    return r == ERR_EOF ? 0 : err_in(err, r, "%s", j->path);
}

int contents_read_journal(struct contents_journal *j, struct contents_sum *out, struct books *books,
                          struct err *err)
{
    struct decode_limits limits = decode_limits_default();
    struct out nowhere = {.push = forget};
    struct stat st;

    *out = (struct contents_sum){.bytes = stat(j->path, &st) == 0 ? (uint64_t)st.st_size : 0};
    if (!j->reader)
        return err_set(err, ERR_DATA, "%s", j->why.text);
    struct counts *counts = mem_new(1, sizeof *counts);
    struct decoder *d = decoder_new(&limits, &nowhere, NULL, counts);
    int r = d ? read_frames(j, d, out, err) : err_set(err, ERR_LIMIT, "no memory for a decoder");
    out->flows = count_get(counts, COUNT_FLOWS);
    if (d && books)
        books_add(books, decoder_books(d));
    decoder_free(d);
    free(counts);
    return r;
}
