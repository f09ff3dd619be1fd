#include "collect/syncer.h"

#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

static void *run(void *arg)
{
    struct syncer *s = arg;

    (void)pthread_setname_np(pthread_self(), "sync");
    for (;;) {
        struct sync_request *q = ring_wait(&s->todo, -1);
        if (q->fd < 0)
            return NULL;
        q->r = fdatasync(q->fd) == 0 ? 0 : err_sys(&q->err, "sync the journal");
        if (q->r == 0 && q->dir)
            q->r = file_sync_dir(q->dir, &q->err);
        (void)close(q->fd);
        (void)!ring_push(&s->done, q);
    }
}

int syncer_open(struct syncer *s, struct err *err)
{
    *s = (struct syncer){0};
    int r = ring_init(&s->todo, 2, err);
    if (r == 0)
        r = ring_init(&s->done, 2, err);
    if (r == 0 && pthread_create(&s->thread, NULL, run, s) != 0)
        r = err_set(err, ERR_SYS, "cannot start the syncing thread");
    s->open = r == 0;
    if (r) {
        ring_free(&s->todo);
        ring_free(&s->done);
    }
    return r;
}

bool syncer_start(struct syncer *s, int fd, const char *dir)
{
    if (s->busy)
        return false;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the journal may be closed meanwhile */
    if (own < 0)
        return false;
    s->request = (struct sync_request){.fd = own, .dir = dir};
    s->busy = ring_push(&s->todo, &s->request);
    return s->busy;
}

int syncer_poll(struct syncer *s, struct err *err)
{
    struct sync_request *q = ring_pop(&s->done);

    if (!q)
        return 0;
    s->busy = false;
    if (q->r && err)
        *err = q->err;
    return q->r;
}

void syncer_close(struct syncer *s)
{
    if (!s->open)
        return;
    struct sync_request stop = {.fd = -1};
    (void)!ring_push(&s->todo, &stop); /* two places, one request: there is room */
    (void)pthread_join(s->thread, NULL);
    ring_free(&s->todo);
    ring_free(&s->done);
    s->open = false;
}
