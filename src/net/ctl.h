/* ctl: the control socket. A client connects, sends one line, reads the answer to its end.
 *
 * The server answers from the loop's thread; an answer is bounded (CTL_ANSWER_MAX) and written
 * without waiting: a client that does not read loses its answer, not our time. Owner: the loop. */
#ifndef NET_CTL_H
#define NET_CTL_H

#include "base/buf.h"
#include "base/err.h"
#include "net/loop.h"

enum { CTL_LINE_MAX = 1024, CTL_ANSWER_MAX = 4 * 1024 * 1024, CTL_CLIENTS_MAX = 16 };

struct ctl {
    struct io io;
    struct loop *loop;
    size_t clients;
    bool open;
    char path[4096];
    void (*answer)(struct ctl *c, const char *line, struct buf *out); /* the owner's */
};

/* Takes the place of a socket that nobody listens on; one that somebody does is ERR_CONFIG. */
int ctl_open(struct ctl *c, struct loop *loop, const char *path, struct err *err) MUST_USE;
void ctl_close(struct ctl *c); /* removes the socket */

/* Client: send the line, get the whole answer. ERR_CONFIG: nobody listens there. */
int ctl_ask(const char *path, const char *line, struct buf *answer, struct err *err) MUST_USE;

#endif
