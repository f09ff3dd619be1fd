/* pq_window: a column chunk as it is read from its file, from the front, no more than a page and
 * a little at a time: what is read is still in the processor's cache when it is decoded, and what
 * is passed over is not read.
 *
 * Bound: the longest run of bytes that was asked for, which lies within the chunk. */
#ifndef STORE_PQ_WINDOW_H
#define STORE_PQ_WINDOW_H

#include "base/cursor.h"
#include "base/err.h"

/* Memory that is kept for the next use. */
struct pq_space {
    void *p;
    size_t cap;
};

/* Room for n bytes in a space, contents lost. */
bool pq_space_need(struct pq_space *s, size_t n) MUST_USE;

/* Exactly n bytes of a file. */
int pq_read_at(int fd, void *out, size_t n, uint64_t at, struct err *err) MUST_USE;

struct pq_window {
    int fd;      /* borrowed */
    uint64_t at; /* in the file: what is read next, */
    uint64_t end;
    struct cur in; /* what has been read and not been used; DECODE_SLACK bytes lie behind */
    struct pq_space room;
    double seconds; /* that reading took, in all */
};

/* Begin with a chunk; memory is kept. */
void pq_window_begin(struct pq_window *w, int fd, uint64_t at, uint64_t len);
void pq_window_free(struct pq_window *w);

/* Bytes of the chunk that have not been used. */
uint64_t pq_window_left(const struct pq_window *w);

/* Have n bytes in `in`, or all that are left, if they are fewer. What was taken before may move. */
int pq_window_need(struct pq_window *w, uint64_t n, struct err *err) MUST_USE;

/* Pass over n bytes, which are left. */
void pq_window_skip(struct pq_window *w, uint64_t n);

/* Seconds, on a clock that only goes forward. */
double pq_now(void);

#endif
