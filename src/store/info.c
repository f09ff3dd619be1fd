#include "store/info.h"

#include "base/mem.h"
#include "store/books_text.h"
#include "store/contents.h"
#include "store/pq_read.h"
#include "store/pq_write.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DAY_MS = 24 * NAME_HOUR_MS };

static void add(struct info_sum *to, const struct info_sum *s)
{
    to->files += s->files;
    to->flows += s->flows;
    to->bytes += s->bytes;
    if (!s->timed)
        return;
    to->first_ms = to->timed && to->first_ms < s->first_ms ? to->first_ms : s->first_ms;
    to->last_ms = to->timed && to->last_ms > s->last_ms ? to->last_ms : s->last_ms;
    to->timed = true;
}

static struct info_sum *sum_of_day(struct info *i, int64_t hour_ms)
{
    int64_t rest = hour_ms % DAY_MS;
    int64_t day_ms = hour_ms - (rest < 0 ? rest + DAY_MS : rest);

    if (i->days == 0 || i->day[i->days - 1].day_ms != day_ms) { /* files come by day */
        i->day = mem_resize(i->day, i->days + 1, sizeof *i->day);
        i->day[i->days++] = (struct info_day){.day_ms = day_ms};
    }
    return &i->day[i->days - 1].sum;
}

static void broken(struct info *i, const struct err *why)
{
    i->n_broken++;
    i->broken(i, why->text);
}

static void read_books(struct info *i, const char *path, const char *text)
{
    struct book_list list;
    struct err err;

    i->books_files++;
    int r = books_parse(cur_of(text, strlen(text)), &list, &err);
    if (r) {
        (void)err_in(&err, r, "%s", path);
        broken(i, &err);
    }
    for (size_t k = 0; k < list.n; k++)
        book_add_row(&i->books, &list.v[k]);
    book_list_free(&list);
}

static void read_file(struct info *i, const struct contents_file *f)
{
    struct info_sum s = {.files = 1};
    struct pq_file *pq;
    struct stat st;
    struct err err;

    if (stat(f->path, &st) == 0)
        s.bytes = (uint64_t)st.st_size;
    if (pq_open(&pq, f->path, &err) != 0) {
        broken(i, &err);
    } else {
        const char *books = pq_key(pq, PQ_KEY_BOOKS);
        if (books)
            read_books(i, f->path, books);
        s.flows = pq_rows(pq);
        for (size_t g = 0; g < pq_groups(pq); g++) {
            struct info_sum t = {.timed = true};
            if (pq_group_range(pq, g, FIELD_TIME, &t.first_ms, &t.last_ms))
                add(&s, &t);
        }
        pq_close(pq);
    }
    add(sum_of_day(i, f->hour_ms), &s);
    add(&i->total, &s);
}

static void read_journal(struct info *i, struct contents_journal *j)
{
    struct contents_sum sum;
    struct err err;

    if (j->sealed)
        return;
    if (contents_read_journal(j, &sum, NULL, &err) != 0)
        broken(i, &err);
    struct info_sum s = {.files = 1,
                         .flows = sum.flows,
                         .bytes = sum.bytes,
                         .timed = sum.datagrams > 0,
                         .first_ms = sum.first_ms,
                         .last_ms = sum.last_ms};
    add(&i->journals, &s);
}

int info_read(struct info *i, const char *dir, struct err *err)
{
    struct contents c;
    int r = contents_open(&c, dir, err);

    if (r)
        return r;
    for (size_t k = 0; k < c.files; k++)
        read_file(i, &c.file[k]);
    for (size_t k = 0; k < c.journals; k++)
        read_journal(i, &c.journal[k]);
    contents_close(&c);
    return 0;
}

void info_free(struct info *i)
{
    free(i->day);
    i->day = NULL;
    i->days = 0;
}
