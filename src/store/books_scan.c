#include "store/books_scan.h"

#include "store/books_text.h"
#include "store/contents.h"
#include "store/pq_read.h"
#include "store/pq_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void broken(struct books_scan *s, const char *text)
{
    s->n_broken++;
    s->broken(s, text);
}

static void give(struct books_scan *s, const struct book *row)
{
    int64_t minute = row->key.minute_ms;

    if (minute < s->to_ms && minute + BOOKS_MINUTE_MS > s->from_ms)
        s->row(s, row);
}

/* Can a file of that hour have something to say? What was held is entered when it was received. */
static bool may_have(const struct books_scan *s, int64_t hour_ms)
{
    int64_t earliest = hour_ms - decode_limits_default().held_ms - BOOKS_MINUTE_MS;
    return hour_ms + NAME_HOUR_MS > s->from_ms && earliest < s->to_ms;
}

static int take_rows(struct books_scan *s, const struct pq_file *pq, const char *path,
                     const char *text, struct err *err)
{
    struct book_list list;
    struct book all = {0};
    int r = books_parse(cur_of(text, strlen(text)), &list, err);

    for (size_t i = 0; i < list.n && r == 0; i++) {
        book_add_row(&all, &list.v[i]);
        give(s, &list.v[i]);
    }
    book_list_free(&list);
    if (r)
        return err_in(err, r, "%s", path);
    s->files++;
    if (all.n[BOOK_STORED] == (int64_t)pq_rows(pq))
        return 0;
    return err_set(err, ERR_DATA, "%s: has %" PRIu64 " rows, its books say %" PRId64, path,
                   pq_rows(pq), all.n[BOOK_STORED]);
}

static void take_file(struct books_scan *s, const struct contents_file *f)
{
    struct pq_file *pq;
    struct err err;
    int r = pq_open(&pq, f->path, &err);

    if (r) {
        broken(s, err.text);
        return;
    }
    const char *text = pq_key(pq, PQ_KEY_BOOKS);
    if (text) {
        r = take_rows(s, pq, f->path, text, &err);
    } else {
        s->without++;
        s->without_rows += pq_rows(pq);
    }
    if (r)
        broken(s, err.text);
    pq_close(pq);
}

static void take_journal(struct books_scan *s, struct contents_journal *j)
{
    struct contents_sum sum;
    struct books books;
    struct err err;
    size_t n;

    if (j->sealed)
        return;
    books_init(&books, NULL);
    if (contents_read_journal(j, &sum, &books, &err) != 0)
        broken(s, err.text);
    struct book **row = books_sorted(&books, &n);
    for (size_t i = 0; i < n; i++)
        give(s, row[i]);
    s->journals += n > 0;
    free(row);
    books_free(&books);
}

int books_scan(struct books_scan *s, const char *dir, struct err *err)
{
    struct contents c;
    int r = contents_open(&c, dir, err);

    if (r)
        return r;
    for (size_t i = 0; i < c.files; i++)
        if (may_have(s, c.file[i].hour_ms))
            take_file(s, &c.file[i]);
    for (size_t i = 0; i < c.journals; i++)
        take_journal(s, &c.journal[i]);
    contents_close(&c);
    return 0;
}
