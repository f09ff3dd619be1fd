/* syncer: a thread that calls fdatasync(), so that the receive thread never waits for the disk.
 *
 * One request at a time; while it runs the next is simply not made, and what it would have synced
 * is synced by the one after. */
#ifndef COLLECT_SYNCER_H
#define COLLECT_SYNCER_H

#include "base/err.h"
#include "base/ring.h"

#include <pthread.h>
#include <stdbool.h>

struct sync_request {
    int fd;          /* our own duplicate; -1: stop */
    const char *dir; /* to be synced too (a file has just been made in it), or NULL */
    int r;
    struct err err;
};

struct syncer {
    pthread_t thread;
    struct ring todo;
    struct ring done;
    struct sync_request request;
    bool open;
    bool busy;
};

int syncer_open(struct syncer *s, struct err *err) MUST_USE;
void syncer_close(struct syncer *s); /* waits for the request under way */

/* Sync fd (and `dir`, which must live until then). false: the last request still runs. */
bool syncer_start(struct syncer *s, int fd, const char *dir);

/* The outcome of the last request, once: 0 or ERR_SYS, 0 also if it still runs. */
int syncer_poll(struct syncer *s, struct err *err) MUST_USE;

#endif
