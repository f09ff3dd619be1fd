/* The rows of one live journal, decoded as they would be when it is sealed. */
#include "base/mem.h"
#include "store/scan_parts.h"

#include <inttypes.h>
#include <stdlib.h>

/* Full batches that a decoder gave out and that were not fetched yet. */
struct queue {
    struct out out;
    struct batch **full;
    size_t n;
    size_t at;
    size_t cap;
    struct batch *spare; /* an empty one to give next */
};

struct journal_decode {
    const char *dir;
    struct journal_source *journal;
    struct counts *scratch;
    struct decoder *decoder;
    struct queue queue;
    bool over;
    int result; /* once it is over: what to say behind its last rows */
    struct err why;
};

static struct batch *queue_push(struct out *out, struct batch *full)
{
    struct queue *q = container_of(out, struct queue, out);

    if (q->n == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 8;
        q->full = mem_resize(q->full, q->cap, sizeof *q->full);
    }
    q->full[q->n++] = full;
    struct batch *empty = q->spare ? q->spare : batch_new(full->cap);
    q->spare = NULL;
    if (empty)
        return empty;
    q->n--; /* no memory: push() must give a batch, so these rows cannot be kept */
    batch_reset(full);
    return full;
}

static void queue_free(struct queue *q)
{
    while (q->at < q->n)
        batch_delete(q->full[q->at++]);
    free(q->full);
    batch_delete(q->spare);
    *q = (struct queue){0};
}

/* The next full batch changes places with `out`, which is as large. */
static void queue_take(struct queue *q, struct batch *out)
{
    struct batch *full = q->full[q->at++];
    struct batch t = *out;

    *out = *full;
    *full = t;
    batch_reset(full);
    if (q->spare)
        batch_delete(full);
    else
        q->spare = full;
}

struct journal_decode *journal_decode_new(const char *dir, struct journal_source *j,
                                          struct counts *scratch)
{
    struct journal_decode *d = mem_new(1, sizeof *d);

    d->dir = dir;
    d->journal = j;
    d->scratch = scratch;
    d->queue.out.push = queue_push;
    return d;
}

void journal_decode_free(struct journal_decode *d)
{
    if (!d)
        return;
    decoder_free(d->decoder);
    journal_reader_close(d->journal->reader);
    d->journal->reader = NULL;
    queue_free(&d->queue);
    free(d);
}

/* Bytes that are no frame. The end of a live journal may be one that is being written. */
static int say_torn(const char *dir, const struct journal_source *j, struct err *err)
{
    struct journal_torn torn = journal_reader_torn(j->reader);
    char instance[NAME_INSTANCE];

    name_instance(&j->id, instance);
    if (torn.bytes == 0 || (!torn.inside && store_is_running(dir, instance)))
        return 0;
    return err_set(err, ERR_DATA,
                   "%s: %" PRIu64 " bytes cannot be read, the first at offset %" PRIu64, j->path,
                   torn.bytes, torn.at);
}

/* Decode until there is a batch, or the journal ends; how, is in d->result: rows come before it. */
static int fill(struct journal_decode *d, struct err *err)
{
    struct journal_source *j = d->journal;
    struct decode_limits limits = decode_limits_default();
    struct journal_frame f;
    int r = 0;

    if (!j->reader) {
        d->why = j->why;
        d->result = ERR_DATA;
        d->over = true;
        return 0;
    }
    if (!d->decoder) {
        d->decoder = decoder_new(&limits, &d->queue.out, NULL, d->scratch);
        if (!d->decoder)
            return err_set(err, ERR_LIMIT, "scan: no memory for a decoder");
    }
    while (d->queue.at == d->queue.n && r == 0) {
        d->queue.at = d->queue.n = 0;
        r = journal_next(j->reader, &f, NULL, &d->why);
        if (r == 0)
            r = journal_apply(&f, d->decoder, &d->why);
    }
    if (r == 0)
        return 0;
    decoder_flush(d->decoder);
    d->over = true;
    d->result = r == ERR_EOF ? say_torn(d->dir, j, &d->why) : err_in(&d->why, r, "%s", j->path);
    return 0;
}

int journal_decode_next(struct journal_decode *d, struct batch *out, struct err *err)
{
    batch_reset(out);
    while (d->queue.at == d->queue.n) {
        if (d->over) {
            int r = d->result;
            d->result = 0;
            if (r && err)
                *err = d->why;
            return r ? r : ERR_EOF;
        }
        int r = fill(d, err);
        if (r)
            return r;
    }
    queue_take(&d->queue, out);
    return 0;
}
