/* A decoder for tests of what is around it: a payload of n bytes becomes n rows, whose BYTES count
 * up over the decoder's life, so a missing, doubled or reordered datagram shows. Its state is that
 * count. Included by one file of a test program, where it stands in for flow/decode.c. */
#ifndef STORE_FAKE_DECODE_H
#define STORE_FAKE_DECODE_H

#include "base/mem.h"
#include "flow/books.h"
#include "flow/decode.h"

#include <stdlib.h>

struct decoder {
    struct out *out;
    struct batch *batch;
    struct counts *counts;
    uint64_t rows;
    uint64_t ended;
    struct books books;
};

struct decode_limits decode_limits_default(void) { return (struct decode_limits){.templates = 1}; }

struct decoder *decoder_new(const struct decode_limits *limits, struct out *out,
                            struct decode_watch *watch, struct counts *counts)
{
    struct decoder *d = mem_new(1, sizeof *d);

    (void)limits;
    (void)watch;
    d->out = out;
    d->counts = counts;
    books_init(&d->books, NULL);
    d->batch = batch_new(64);
    if (!d->batch)
        abort();
    return d;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    batch_delete(d->batch);
    books_free(&d->books);
    free(d);
}

void decoder_flush(struct decoder *d)
{
    if (d->batch->rows > 0)
        d->batch = d->out->push(d->out, d->batch);
}

static struct book *fake_book(struct decoder *d, const struct addr *from, int64_t ms)
{
    struct book_key key = books_key(from, 5, 0, ms);
    return books_get(&d->books, &key, true);
}

struct books *decoder_books(struct decoder *d) { return &d->books; }

void decoder_note(struct decoder *d, int64_t received_ms, const struct drops *drops)
{
    struct addr nobody = {0};
    book_add(fake_book(d, &nobody, received_ms), BOOK_KERNEL_DROPS, (int64_t)drops->kernel);
}

void decoder_datagram(struct decoder *d, const struct datagram *in)
{
    book_add(fake_book(d, &in->from.addr, in->received_ms), BOOK_RECEIVED, (int64_t)in->len);
    book_add(fake_book(d, &in->from.addr, in->received_ms), BOOK_STORED, (int64_t)in->len);
    for (size_t i = 0; i < in->len; i++) {
        struct batch *b = d->batch;
        if (!batch_put_u64(b, FIELD_BYTES, b->rows, d->rows++) ||
            !batch_put_u64(b, FIELD_TIME, b->rows, (uint64_t)in->received_ms) ||
            !batch_put_u64(b, FIELD_RECEIVED, b->rows, (uint64_t)in->received_ms) ||
            !batch_put_u64(b, FIELD_SRC_PORT, b->rows, in->data[i]))
            abort();
        count_add(d->counts, COUNT_FLOWS, 1);
        if (++b->rows == b->cap)
            decoder_flush(d);
    }
}

void decoder_session_end(struct decoder *d, const struct sender *who)
{
    (void)who;
    d->ended++;
}

void decoder_sessions_end(struct decoder *d) { d->ended++; }

void decoder_save(const struct decoder *d, struct buf *out)
{
    buf_le(out, d->rows, 8);
    buf_le(out, d->ended, 8);
}

int decoder_load(struct decoder *d, struct cur *in, struct err *err)
{
    uint64_t rows = cur_le(in, 8);
    uint64_t ended = cur_le(in, 8);

    if (!cur_ok(in))
        return err_set(err, ERR_DATA, "fake decoder: state cut short");
    d->rows = rows;
    d->ended = ended;
    return 0;
}

#endif
