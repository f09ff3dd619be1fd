#include "store/pq_write.h"

#include "base/mem.h"
#include "store/pq_column.h"
#include "store/pq_meta.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OUT_BYTES = 1 << 18,         /* small pieces are written together */
    GROUP_BYTES_MAX = 256 << 20, /* encoded; a row group ends early rather than take more memory */
    CHECK_ROWS = 4096,           /* how often that is looked at */
    WORK_KEEP =
        16 << 20 /* a column of numbers never takes more: what long texts took is not kept */
};

struct pq_work {
    bool taken;
    struct pq_scratch scratch;
    struct pq_column columns[FIELD_N];
};

struct pq_writer {
    int fd;
    char *path;
    bool failed;
    size_t group_rows;
    uint64_t at;   /* file offset, what waits in `out` included */
    uint64_t rows; /* of groups written */
    uint64_t row;  /* of the open group */
    bool twins;    /* time_ms and last_ms are alike in it so far; only time_ms is encoded */
    size_t n_groups;
    struct buf out;
    struct buf groups; /* their part of the footer */
    struct pq_work *work;
    bool own_work;
};

struct pq_work *pq_work_new(void)
{
    struct pq_work *w = mem_new(1, sizeof *w);

    pq_scratch_init(&w->scratch);
    for (int f = 0; f < FIELD_N; f++)
        pq_column_init(&w->columns[f], (enum field_id)f);
    return w;
}

void pq_work_free(struct pq_work *w)
{
    if (!w)
        return;
    for (int f = 0; f < FIELD_N; f++)
        pq_column_free(&w->columns[f]);
    pq_scratch_free(&w->scratch);
    free(w);
}

static void work_take(struct pq_writer *w, struct pq_work *offered, enum codec_id codec)
{
    w->own_work = !offered || offered->taken;
    w->work = w->own_work ? pq_work_new() : offered;
    w->work->taken = true;
    w->work->scratch.codec_id = codec;
}

static void work_give_back(struct pq_writer *w)
{
    if (w->own_work) {
        pq_work_free(w->work);
        return;
    }
    for (int f = 0; f < FIELD_N; f++) {
        struct pq_column *c = &w->work->columns[f];
        if (c->pages.cap <= WORK_KEEP && c->text.cap <= WORK_KEEP) {
            pq_column_reset(c); /* of a row group that was not finished */
            continue;
        }
        pq_column_free(c);
        pq_column_init(c, (enum field_id)f);
    }
    if (w->work->scratch.values.cap > WORK_KEEP) {
        pq_scratch_free(&w->work->scratch);
        pq_scratch_init(&w->work->scratch);
    }
    w->work->taken = false;
}

static void writer_free(struct pq_writer *w)
{
    if (w->fd >= 0)
        (void)close(w->fd);
    work_give_back(w);
    buf_free(&w->out);
    buf_free(&w->groups);
    free(w->path);
    free(w);
}

static int write_all(struct pq_writer *w, const uint8_t *p, size_t n, struct err *err)
{
    while (n != 0) {
        ssize_t done = write(w->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_sys(err, "%s: write of %zu bytes", w->path, n);
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

static int flush(struct pq_writer *w, struct err *err)
{
    int r = write_all(w, w->out.data, w->out.len, err);
    buf_reset(&w->out);
    return r;
}

static int put(struct pq_writer *w, const struct buf *b, struct err *err)
{
    int r = 0;

    w->at += b->len;
    if (b->len > OUT_BYTES - w->out.len)
        r = flush(w, err);
    if (r)
        return r;
    if (b->len > OUT_BYTES)
        return write_all(w, b->data, b->len, err);
    buf_bytes(&w->out, b->data, b->len);
    return buf_ok(&w->out) ? 0 : err_set(err, ERR_LIMIT, "%s: no memory", w->path);
}

int pq_writer_open(struct pq_writer **out, const char *path, const struct pq_write_options *options,
                   struct err *err)
{
    static const struct pq_write_options defaults = {0};
    const struct pq_write_options *o = options ? options : &defaults;
    enum codec_id codec = o->codec == PQ_ZSTD  ? CODEC_ZSTD
                          : o->codec == PQ_LZ4 ? CODEC_LZ4
                                               : CODEC_NONE;

    if (o->group_rows > PQ_GROUP_ROWS_MAX)
        return err_set(err, ERR_CONFIG, "%s: row groups of %zu rows, at most %d are possible", path,
                       o->group_rows, PQ_GROUP_ROWS_MAX);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(err, "%s: create", path);

    struct pq_writer *w = mem_new(1, sizeof *w);
    w->fd = fd;
    w->path = mem_new(strlen(path) + 1, 1);
    memcpy(w->path, path, strlen(path));
    w->group_rows = o->group_rows ? o->group_rows : PQ_GROUP_ROWS;
    buf_init(&w->out, OUT_BYTES);
    buf_init(&w->groups, PQ_FOOTER_BYTES_MAX);
    work_take(w, o->work, codec);
    buf_bytes(&w->out, pq_magic, sizeof pq_magic);
    w->at = sizeof pq_magic;
    w->twins = true;
    *out = w;
    return 0;
}

/* Write a chunk, or point to the one before it in the row group that has the same bytes: the page
 * of nulls of most columns, last_ms where it is time_ms in every row. */
static int column_put(struct pq_writer *w, enum field_id f, struct err *err)
{
    struct pq_column *c = &w->work->columns[f];

    if (!pq_column_end(c, &w->work->scratch, w->row))
        return err_set(err, ERR_LIMIT, "%s: column %s: no memory for %llu rows", w->path,
                       field_table[f].name, (unsigned long long)w->row);
    for (int i = 0; i < (int)f; i++)
        if (pq_column_same(&w->work->columns[i], c)) {
            c->meta.dict_at = w->work->columns[i].meta.dict_at;
            c->meta.data_at = w->work->columns[i].meta.data_at;
            return 0;
        }
    c->meta.dict_at = c->dict_page.len ? w->at : 0;
    int r = put(w, &c->dict_page, err);
    if (r)
        return r;
    c->meta.data_at = w->at;
    return put(w, &c->pages, err);
}

static int bloom_write(struct pq_writer *w, struct pq_column *c, struct err *err)
{
    if (c->bloom.len == 0)
        return 0;
    c->meta.bloom_at = w->at;
    c->meta.bloom_bytes = c->bloom.len;
    return put(w, &c->bloom, err);
}

static int group_end(struct pq_writer *w, struct err *err)
{
    struct pq_chunk chunks[FIELD_N];
    int r = 0;

    if (w->twins)
        pq_column_copy(&w->work->columns[FIELD_LAST], &w->work->columns[FIELD_TIME]);
    for (int f = 0; f < FIELD_N && r == 0; f++)
        r = column_put(w, (enum field_id)f, err);
    for (int f = 0; f < FIELD_N && r == 0; f++)
        r = bloom_write(w, &w->work->columns[f], err);
    if (r)
        return r;
    for (int f = 0; f < FIELD_N; f++) {
        chunks[f] = w->work->columns[f].meta;
        pq_column_reset(&w->work->columns[f]);
    }
    pq_group_put(&w->groups, &pq_catalogue, chunks, w->row);
    if (!buf_ok(&w->groups))
        return err_set(err, ERR_LIMIT, "%s: %zu row groups do not fit a footer of %d bytes",
                       w->path, w->n_groups, PQ_FOOTER_BYTES_MAX);
    w->rows += w->row;
    w->row = 0;
    w->twins = true;
    w->n_groups++;
    return 0;
}

static bool group_full(const struct pq_writer *w)
{
    size_t bytes = 0;

    if (w->row >= w->group_rows)
        return true;
    for (int f = 0; f < FIELD_N; f++)
        bytes += pq_column_bytes(&w->work->columns[f]);
    return bytes > GROUP_BYTES_MAX;
}

/* time_ms is last_ms but where that is missing or not plausible. */
static bool are_twins(const struct batch *b, size_t from, size_t n)
{
    const int64_t *time = b->col[FIELD_TIME];
    const int64_t *last = b->col[FIELD_LAST];

    return batch_has_all(b, FIELD_TIME, from, n) && batch_has_all(b, FIELD_LAST, from, n) &&
           memcmp(time + from, last + from, n * sizeof *time) == 0;
}

static void add_rows(struct pq_writer *w, const struct batch *b, size_t from, size_t n)
{
    if (w->twins && !are_twins(b, from, n)) {
        w->twins = false;
        if (w->row != 0)
            pq_column_copy(&w->work->columns[FIELD_LAST], &w->work->columns[FIELD_TIME]);
    }
    for (int i = 0; i < FIELD_N; i++) {
        enum field_id f = (enum field_id)i;
        if (f == FIELD_LAST && w->twins)
            continue;
        if (batch_uses(b, f))
            pq_column_add(&w->work->columns[f], &w->work->scratch, b, from, n, w->row);
    }
    w->row += n;
}

int pq_writer_add(struct pq_writer *w, const struct batch *b, struct err *err)
{
    if (w->failed)
        return err_set(err, ERR_SYS, "%s: not written to after a failure", w->path);
    for (size_t from = 0; from < b->rows;) {
        size_t n = b->rows - from < CHECK_ROWS ? b->rows - from : CHECK_ROWS;
        if (n > w->group_rows - w->row)
            n = w->group_rows - (size_t)w->row;
        add_rows(w, b, from, n);
        from += n;
        int r = group_full(w) ? group_end(w, err) : 0;
        if (r) {
            w->failed = true;
            return r;
        }
    }
    return 0;
}

uint64_t pq_writer_rows(const struct pq_writer *w) { return w->rows + w->row; }

uint64_t pq_writer_bytes(const struct pq_writer *w) { return w->at; }

static int footer_end(struct pq_writer *w, const struct pq_kv *kv, size_t n_kv, struct err *err)
{
    struct buf footer;

    buf_init(&footer, PQ_FOOTER_BYTES_MAX);
    pq_footer_put(&footer, &pq_catalogue, w->rows, &w->groups, w->n_groups, kv, n_kv);
    buf_le(&footer, footer.len, 4);
    buf_bytes(&footer, pq_magic, sizeof pq_magic);
    int r = buf_ok(&footer) ? put(w, &footer, err)
                            : err_set(err, ERR_LIMIT, "%s: footer of more than %d bytes", w->path,
                                      PQ_FOOTER_BYTES_MAX);
    buf_free(&footer);
    return r;
}

int pq_writer_finish(struct pq_writer *w, const struct pq_kv *kv, size_t n_kv, uint64_t *rows,
                     struct err *err)
{
    int r = w->failed ? err_set(err, ERR_SYS, "%s: not finished after a failure", w->path) : 0;

    if (r == 0 && w->row != 0)
        r = group_end(w, err);
    if (r == 0)
        r = footer_end(w, kv, n_kv, err);
    if (r == 0)
        r = flush(w, err);
    if (r == 0 && fsync(w->fd) != 0)
        r = err_sys(err, "%s: fsync", w->path);
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) != 0 && r == 0)
        r = err_sys(err, "%s: close", w->path);
    if (r == 0 && rows)
        *rows = w->rows;
    writer_free(w);
    return r;
}

void pq_writer_abort(struct pq_writer *w)
{
    if (!w)
        return;
    (void)unlink(w->path);
    writer_free(w);
}
