#include "store/sealed.h"

#include "base/mem.h"
#include "store/books_text.h"
#include "store/pq_format.h"

#include <stdlib.h>

struct sealed {
    struct pq_writer *writer; /* NULL once finished */
    struct store_id id;
    char tmp[FILE_PATH];
    char path[FILE_PATH];
};

int sealed_open(struct sealed **out, const char *dir, int64_t hour_ms, const struct store_id *id,
                const struct pq_write_options *options, struct err *err)
{
    char folder[FILE_PATH];
    struct sealed *s = mem_new(1, sizeof *s);

    s->id = *id;
    int r = name_parquet(s->path, dir, hour_ms, id, err);
    if (r == 0)
        r = name_parquet_tmp(s->tmp, dir, hour_ms, id, err);
    if (r == 0)
        r = name_partition(folder, dir, hour_ms, err);
    if (r == 0)
        r = file_mkdirs(folder, err);
    if (r == 0)
        r = pq_writer_open(&s->writer, s->tmp, options, err);
    if (r) {
        free(s);
        return r;
    }
    *out = s;
    return 0;
}

int sealed_add(struct sealed *s, const struct batch *b, struct err *err)
{
    return pq_writer_add(s->writer, b, err);
}

int sealed_finish(struct sealed *s, struct books *books, uint64_t *rows, struct err *err)
{
    struct pq_kv kv[] = {{"weir.id", s->id.text}, {PQ_KEY_BOOKS, NULL}};
    struct pq_writer *w = s->writer;
    struct buf text;

    buf_init(&text, PQ_FOOTER_BYTES_MAX / 2);
    if (books)
        books_print(books, &text);
    buf_u8(&text, '\0');
    if (!buf_ok(&text)) {
        buf_free(&text);
        return err_set(err, ERR_LIMIT, "%s: the books are above %d bytes", s->tmp,
                       PQ_FOOTER_BYTES_MAX / 2);
    }
    kv[1].value = (const char *)text.data;
    s->writer = NULL;
    int r = pq_writer_finish(w, kv, books ? COUNT_OF(kv) : 1, rows, err);
    buf_free(&text);
    return r;
}

int sealed_publish(struct sealed *s, struct err *err)
{
    int r = file_rename(s->tmp, s->path, err);

    if (r)
        (void)!file_remove(s->tmp, NULL);
    free(s);
    return r;
}

void sealed_abort(struct sealed *s)
{
    if (!s)
        return;
    if (s->writer)
        pq_writer_abort(s->writer);
    else
        (void)!file_remove(s->tmp, NULL);
    free(s);
}

/* Takes batches from a decoder into a Parquet file that is opened with the first. */
struct to_file {
    struct out out;
    struct seal_journal *job;
    bool discard;
    struct sealed *file;
    int r;
    struct err err;
};

static int open_file(struct to_file *t, struct err *err)
{
    const struct seal_journal *s = t->job;
    return sealed_open(&t->file, s->dir, s->hour_ms, &s->id, s->options, err);
}

static struct batch *push(struct out *out, struct batch *full)
{
    struct to_file *t = container_of(out, struct to_file, out);

    if (t->r == 0 && !t->discard && !t->file)
        t->r = open_file(t, &t->err);
    if (t->r == 0 && t->file)
        t->r = sealed_add(t->file, full, &t->err);
    batch_reset(full);
    return full;
}

static int decode(struct seal_journal *s, const char *path, struct decoder *d, struct err *err)
{
    struct journal_reader *j;
    struct journal_frame f;
    int r = journal_reader_open(&j, path, err);

    if (r)
        return r;
    while ((r = journal_next(j, &f, NULL, err)) == 0 && (r = journal_apply(&f, d, err)) == 0)
        s->datagrams += f.type == JOURNAL_DATAGRAM;
    s->torn = journal_reader_torn(j);
    journal_reader_close(j);
    if (r != ERR_EOF)
        return err_in(err, r, "%s", path);
    decoder_flush(d);
    return 0;
}

static int finish(struct to_file *t, struct seal_journal *s, struct books *books, struct err *err)
{
    int r = t->r;

    if (r && err)
        *err = t->err;
    if (r == 0 && !t->discard && !t->file && !books_empty(books))
        r = open_file(t, err);
    if (r == 0 && t->file) {
        r = sealed_finish(t->file, books, &s->rows, err);
        if (r == 0) {
            r = sealed_publish(t->file, err);
            t->file = NULL;
        }
        s->sealed = r == 0;
    }
    sealed_abort(t->file);
    return r;
}

static int sync_partition(const struct seal_journal *s, struct err *err)
{
    char folder[FILE_PATH];
    int r = name_partition(folder, s->dir, s->hour_ms, err);
    return r ? r : file_sync_dir(folder, err);
}

int seal_journal(struct seal_journal *s, struct err *err)
{
    char journal[FILE_PATH];
    char parquet[FILE_PATH];
    struct counts *scratch;
    int r = name_journal(journal, s->dir, &s->id, err);

    if (r == 0)
        r = name_parquet(parquet, s->dir, s->hour_ms, &s->id, err);
    if (r)
        return r;
    s->rows = s->datagrams = 0;
    s->torn = (struct journal_torn){0};
    s->sealed = false;
    struct to_file t = {.out.push = push, .job = s, .discard = file_exists(parquet)};
    scratch = mem_new(1, sizeof *scratch);
    struct decoder *d = decoder_new(s->limits, &t.out, NULL, scratch);
    r = d ? decode(s, journal, d, err) : err_set(err, ERR_LIMIT, "no memory for a decoder");
    if (r == 0) {
        struct books *books = decoder_books(d);
        if (s->books)
            books_settle(s->books, books);
        r = finish(&t, s, s->books ? s->books : books, err);
        if (s->state) {
            buf_reset(s->state);
            decoder_save(d, s->state);
        }
    } else {
        sealed_abort(t.file);
    }
    decoder_free(d);
    free(scratch);
    if (r == 0 && t.discard) /* who renamed it may not have come to this */
        r = sync_partition(s, err);
    return r || s->keep ? r : file_remove(journal, err);
}
