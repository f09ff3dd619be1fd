/* pq_write: batches → one Parquet file with all columns of the catalogue, in its order.
 *
 * Row groups are encoded while batches are added. The file is complete only after
 * pq_writer_finish(); the caller gives a temporary path and renames. A writer belongs to one
 * thread.
 *
 * Text that is not UTF-8 gets U+FFFD for each bad byte: engines refuse it otherwise. */
#ifndef STORE_PQ_WRITE_H
#define STORE_PQ_WRITE_H

#include "base/err.h"
#include "flow/batch.h"

/* Footer key of the catalogue's version, which every file has. */
#define PQ_KEY_CATALOGUE "weir.catalogue"

/* Footer key of the books, see books_text.h. */
#define PQ_KEY_BOOKS "weir.books"

/* Footer key of the footer's own checksum, the last one. Pages have theirs by the format; without
 * this one a statistic that was damaged on the disk would hide rows, and nobody would know. */
#define PQ_KEY_SUM "weir.footer_crc32c"
enum { PQ_SUM_DIGITS = 8 };

struct pq_writer;

/* What a writer needs while a row group is open, some tens of MB. Who writes file after file keeps
 * it: fresh memory costs more than encoding does. */
struct pq_work;
struct pq_work *pq_work_new(void); /* never NULL */
void pq_work_free(struct pq_work *w);

/* A key and value for the footer; both are text. */
struct pq_kv {
    const char *key;
    const char *value;
};

struct pq_write_options {
    size_t group_rows; /* rows of a row group, at most 1,048,576; 0: that */
    enum { PQ_ZSTD, PQ_LZ4, PQ_NONE } codec;
    struct pq_work *work; /* borrowed until the file is finished or aborted, by one writer of the
                             same thread at a time: if it is taken, or NULL, it has its own */
};

/* Creates (or truncates) the file. On failure *out is untouched. `options` may be NULL. */
int pq_writer_open(struct pq_writer **out, const char *path, const struct pq_write_options *options,
                   struct err *err) MUST_USE;

/* Append all rows of the batch (copied or encoded before it returns). After a failure the writer is
 * only good for pq_writer_abort() or, which fails too, pq_writer_finish(). */
int pq_writer_add(struct pq_writer *w, const struct batch *b, struct err *err) MUST_USE;

/* Rows added, and bytes of whole row groups written, so far. */
uint64_t pq_writer_rows(const struct pq_writer *w);
uint64_t pq_writer_bytes(const struct pq_writer *w);

/* Last row group, footer, fsync, close. Frees w whatever it returns; the file stays, incomplete if
 * this fails. *rows (may be NULL) gets the number of rows in the file. */
int pq_writer_finish(struct pq_writer *w, const struct pq_kv *kv, size_t n_kv, uint64_t *rows,
                     struct err *err) MUST_USE;

/* Close, remove the file, free. NULL is fine. */
void pq_writer_abort(struct pq_writer *w);

#endif
