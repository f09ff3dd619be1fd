/* out: how batches leave whoever fills them.
 *
 * push() takes ownership of a full batch and gives an empty one to fill next: the same one after
 * batch_reset() where the sink works at once, another from a free ring where a thread takes it.
 * It never fails and never returns NULL; what a sink cannot keep, it counts. Batches come from
 * batch_new(); who holds one when all is over deletes it.
 *
 * A struct sink is given the same flows besides: it copies them, and nobody ever waits for it. */
#ifndef FLOW_OUT_H
#define FLOW_OUT_H

#include "base/err.h"
#include "flow/batch.h"

struct out {
    struct batch *(*push)(struct out *out, struct batch *full);
};

struct counts;

/* Embedded in its owner. Flows come from several threads, each of which has a number from 0 on. */
struct sink {
    /* The main thread's: before the first flow; on SIGHUP; when no more flows will come. */
    int (*start)(struct sink *s, unsigned threads, struct err *err);
    void (*reopen)(struct sink *s);
    void (*stop)(struct sink *s);

    /* Of that thread: rows [row, row + n), all of which it has to know when this returns. */
    void (*rows)(struct sink *s, unsigned thread, const struct batch *b, size_t row, size_t n);
    /* Now and then: who waits for what has come until now is not to wait for more. */
    void (*pause)(struct sink *s, unsigned thread);

    /* Any thread's: what it has counted, added to `into`. */
    void (*counts)(const struct sink *s, struct counts *into);
};

#endif
