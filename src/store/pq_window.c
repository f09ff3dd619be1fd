#include "store/pq_window.h"

#include "store/decode.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Read behind what is asked for, so that the next page's head is there too; and so much at least,
 * since a call has its price. */
enum { AHEAD = 1024, LEAST = 32768 };

double pq_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool pq_space_need(struct pq_space *s, size_t n)
{
    if (n <= s->cap)
        return true;
    void *p = malloc(n);
    if (!p)
        return false;
    free(s->p);
    *s = (struct pq_space){.p = p, .cap = n};
    return true;
}

int pq_read_at(int fd, void *out, size_t n, uint64_t at, struct err *err)
{
    uint8_t *p = out;

    while (n != 0) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, "read of %zu bytes at offset %llu", n, (unsigned long long)at);
        if (got == 0)
            return err_set(err, ERR_DATA, "file has become shorter than %llu bytes",
                           (unsigned long long)at + 1);
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

void pq_window_begin(struct pq_window *w, int fd, uint64_t at, uint64_t len)
{
    w->fd = fd;
    w->at = at;
    w->end = at + len;
    w->in = cur_of(w->room.p, 0);
}

void pq_window_free(struct pq_window *w)
{
    free(w->room.p);
    *w = (struct pq_window){0};
}

uint64_t pq_window_left(const struct pq_window *w) { return cur_left(&w->in) + (w->end - w->at); }

/* What is left goes to the front of room for n bytes. */
static bool to_front(struct pq_window *w, size_t n)
{
    size_t have = cur_left(&w->in);
    struct pq_space old = w->room;

    if (n + DECODE_SLACK <= old.cap) {
        if (have)
            memmove(old.p, w->in.at, have);
    } else {
        w->room = (struct pq_space){0};
        if (!pq_space_need(&w->room, n + DECODE_SLACK)) {
            w->room = old;
            return false;
        }
        if (have)
            memcpy(w->room.p, w->in.at, have);
        free(old.p);
    }
    w->in = cur_of(w->room.p, have);
    return true;
}

int pq_window_need(struct pq_window *w, uint64_t n, struct err *err)
{
    size_t have = cur_left(&w->in);

    if (n <= have || w->at == w->end)
        return 0;
    uint64_t want = n > UINT64_MAX - AHEAD ? n : n + AHEAD;
    want = want > LEAST ? want : LEAST;
    want = want < pq_window_left(w) ? want : pq_window_left(w);
    size_t more = (size_t)want - have;
    if (!to_front(w, (size_t)want))
        return err_set(err, ERR_LIMIT, "no memory for %llu bytes", (unsigned long long)want);
    double begun = pq_now();
    uint8_t *to = (uint8_t *)w->room.p + have;
    int r = pq_read_at(w->fd, to, more, w->at, err);
    w->seconds += pq_now() - begun;
    if (r)
        return r;
    memset(to + more, 0, DECODE_SLACK);
    w->at += more;
    w->in = cur_of(w->room.p, have + more);
    return 0;
}

void pq_window_skip(struct pq_window *w, uint64_t n)
{
    size_t have = cur_left(&w->in);

    assert(n <= pq_window_left(w));
    if (n <= have) {
        (void)cur_take(&w->in, (size_t)n);
        return;
    }
    w->at += n - have;
    w->in = cur_of(w->room.p, 0);
}
