/* lines: flows as lines of text, to a target, by a thread of its own.
 *
 * Each thread that decodes copies its flows into batches, which go through a ring to the writing
 * thread and come back empty. At most LINES_BATCHES of each are under way (4096 rows: 1 to 2 MB of
 * columns, and LINES_BYTES of texts); flows that find none empty are left out, and counted. */
#ifndef SINK_LINES_H
#define SINK_LINES_H

#include "base/buf.h"
#include "flow/out.h"

enum {
    LINES_BATCHES = 16,
    LINES_BYTES = 4 * 1024 * 1024,
    LINES_LINGER_MS = 2000 /* at the end, for a reader that takes nothing */
};

struct lines_options {
    const char *to; /* see target.h; borrowed */
    /* Write one row as a line, with its end. */
    void (*line)(struct buf *out, const struct batch *b, size_t row);
    /* Sets selected[(b->rows + 63) / 64]: which rows are wanted; NULL: all. By the writing thread.
     */
    void (*select)(const void *arg, const struct batch *b, uint64_t *selected);
    const void *arg;
};

struct lines;

struct lines *lines_new(const struct lines_options *options);
void lines_free(struct lines *l); /* after its stop() */

struct sink *lines_sink(struct lines *l);

#endif
