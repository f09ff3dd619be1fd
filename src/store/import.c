#include "store/import.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/name.h"
#include "store/sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct part {
    int64_t hour_ms;
    struct store_id id;
    uint64_t age;
    bool finished;
    struct sealed *file;
    struct books *books; /* NULL: nobody has said */
};

struct import {
    struct out out;
    const char *dir; /* borrowed */
    struct pq_write_options options;
    char instance[NAME_INSTANCE];
    int lock_fd;
    int64_t next_id_ms;
    bool has_hour;
    int64_t hour_ms;
    uint64_t now;
    uint64_t rows;
    struct part *part;
    size_t parts;
    int r;
    struct err err;
};

static int finish(struct part *p, struct err *err)
{
    int r = sealed_finish(p->file, p->books, NULL, err);

    p->finished = true;
    books_delete(p->books);
    p->books = NULL;
    return r;
}

/* The file that was written to longest ago is completed, if as many are open as may be. */
static int make_room(struct import *i)
{
    struct part *oldest = NULL;
    size_t open = 0;

    for (size_t k = 0; k < i->parts; k++) {
        struct part *p = &i->part[k];
        if (p->finished)
            continue;
        open++;
        if (!oldest || p->age < oldest->age)
            oldest = p;
    }
    if (open < IMPORT_OPEN)
        return 0;
    return finish(oldest, &i->err);
}

static struct part *open_part(const struct import *i)
{
    for (size_t k = i->parts; k > 0; k--)
        if (!i->part[k - 1].finished && i->part[k - 1].hour_ms == i->hour_ms)
            return &i->part[k - 1];
    return NULL;
}

static struct part *part_of_hour(struct import *i)
{
    struct part *open = open_part(i);

    if (open)
        return open;
    i->r = make_room(i);
    if (i->r)
        return NULL;
    struct store_id id = name_id(i->instance, 0, i->next_id_ms++);
    struct part p = {.hour_ms = i->hour_ms, .id = id};
    i->r = sealed_open(&p.file, i->dir, i->hour_ms, &id, &i->options, &i->err);
    if (i->r)
        return NULL;
    i->part = mem_resize(i->part, i->parts + 1, sizeof *i->part);
    i->part[i->parts] = p;
    return &i->part[i->parts++];
}

static struct batch *push(struct out *out, struct batch *full)
{
    struct import *i = container_of(out, struct import, out);
    struct part *p = i->r == 0 ? part_of_hour(i) : NULL;

    if (p) {
        p->age = ++i->now;
        i->r = sealed_add(p->file, full, &i->err);
        i->rows += full->rows;
    }
    batch_reset(full);
    return full;
}

int import_open(struct import **out, const char *dir, const struct pq_write_options *options,
                struct err *err)
{
    struct import *i = mem_new(1, sizeof *i);

    *i = (struct import){
        .out.push = push, .dir = dir, .options = *options, .next_id_ms = clock_wall_ms()};
    (void)snprintf(i->instance, sizeof i->instance, "import%d", (int)getpid());
    int r = store_lock(dir, i->instance, &i->lock_fd, err);
    if (r) {
        free(i);
        return r;
    }
    *out = i;
    return 0;
}

struct out *import_out(struct import *i) { return &i->out; }

bool import_is_other_hour(const struct import *i, int64_t received_ms)
{
    return !i->has_hour || name_hour(received_ms) != i->hour_ms;
}

void import_hour(struct import *i, int64_t received_ms)
{
    i->has_hour = true;
    i->hour_ms = name_hour(received_ms);
}

void import_books(struct import *i, struct books *books)
{
    struct part *p = open_part(i);

    if (!p)
        return;
    if (!p->books) {
        p->books = books_take(books);
        return;
    }
    books_add(p->books, books);
    books_free(books);
}

int import_error(const struct import *i, struct err *err)
{
    if (i->r && err)
        *err = i->err;
    return i->r;
}

uint64_t import_rows(const struct import *i) { return i->rows; }

void import_abort(struct import *i)
{
    char path[FILE_PATH];

    if (!i)
        return;
    for (size_t k = 0; k < i->parts; k++) {
        sealed_abort(i->part[k].file);
        books_delete(i->part[k].books);
    }
    free(i->part);
    if (file_path(path, NULL, "%s/run/%s.lock", i->dir, i->instance) == 0)
        (void)!file_remove(path, NULL);
    (void)close(i->lock_fd);
    free(i);
}

/* All or nothing: what is in place already goes. */
static void take_back(const struct import *i, size_t parts)
{
    char path[FILE_PATH];

    for (size_t k = 0; k < parts; k++)
        if (name_parquet(path, i->dir, i->part[k].hour_ms, &i->part[k].id, NULL) == 0)
            (void)!file_remove(path, NULL);
}

int import_publish(struct import *i, uint64_t *files, struct err *err)
{
    int r = import_error(i, err);

    for (size_t k = 0; k < i->parts && r == 0; k++)
        if (!i->part[k].finished)
            r = finish(&i->part[k], err);
    for (size_t k = 0; k < i->parts && r == 0; k++) {
        r = sealed_publish(i->part[k].file, err);
        i->part[k].file = NULL;
        if (r)
            take_back(i, k + 1); /* the last may have its name, and its folder not be synced */
    }
    *files = i->parts;
    import_abort(i); /* what is in place has been forgotten above */
    return r;
}
