/* IPFIX as a stream (RFC 7011 section 10.4). Each connection is a transport session of its own: its
 * templates and sequence numbers begin anew, so what waits for one that is lost is lost with it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/sock.h"
#include "probe/way.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    QUEUE = 4 << 20,
    CONNECT_MS = 5000,
    STUCK_MS = 10000, /* a collector that takes nothing for so long is given up */
    RETRY_MS = 1000,
    RETRY_MOST_MS = 30000,
    LENGTH_AT = 2 /* of a message, in its header */
};

struct way_by_tcp {
    struct way way;
    const struct setup_exporter *setup;
    struct counts *counts;
    char to[ADDR_PORT_TEXT];
    bool patient;
    int fd; /* -1: there is no connection */
    bool connecting;
    int64_t retry_ms; /* monotonic: when to try again, */
    int64_t pause_ms; /* and how long after the try before */
    uint8_t *queue;
    size_t at;   /* the first message that has not gone, */
    size_t gone; /* how much of it has, */
    size_t end;
};

static size_t message_len(const uint8_t *m) { return (size_t)m[LENGTH_AT] << 8 | m[LENGTH_AT + 1]; }

static void lose(struct way_by_tcp *t, const char *why)
{
    uint64_t n = 0;

    for (size_t at = t->at; at < t->end; at += message_len(t->queue + at))
        n++;
    count_add(t->counts, COUNT_EXPORT_FAILED, n);
    log_warn("no connection to the collector: it is tried again", KV("collector", t->to),
             KV("why", why), KV("messages_lost", n));
    t->at = t->gone = t->end = 0;
    if (t->fd >= 0)
        (void)close(t->fd);
    t->fd = -1;
    t->connecting = false;
    t->pause_ms = t->pause_ms == 0 ? RETRY_MS : t->pause_ms * 2;
    if (t->pause_ms > RETRY_MOST_MS)
        t->pause_ms = RETRY_MOST_MS;
    t->retry_ms = clock_mono_ms() + t->pause_ms;
}

static bool is_ready(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int r;

    do
        r = poll(&p, 1, wait_ms);
    while (r < 0 && errno == EINTR);
    return r > 0;
}

static void connected(struct way_by_tcp *t)
{
    int e = 0;
    socklen_t len = sizeof e;

    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0 || e != 0) {
        lose(t, strerror(e));
        return;
    }
    t->connecting = false;
    t->pause_ms = 0;
    t->way.fresh = true;
    way_bound(&t->way, t->fd);
    log_info("connected", KV("collector", t->to));
}

/* Get on with the connection as far as it goes without waiting longer than that. */
static void dial(struct way_by_tcp *t, int wait_ms)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(&t->setup->to, t->setup->port, &ss);
    struct err err;

    if (t->fd < 0 && clock_mono_ms() >= t->retry_ms) {
        if (way_socket(t->setup, SOCK_STREAM | SOCK_NONBLOCK, &t->fd, &err) != 0) {
            t->fd = -1;
            lose(t, err.text);
            return;
        }
        t->connecting = true;
        if (connect(t->fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS) {
            lose(t, strerror(errno));
            return;
        }
    }
    if (t->connecting && is_ready(t->fd, wait_ms))
        connected(t);
}

/* Has the collector hung up? It says nothing else. */
static bool is_over(struct way_by_tcp *t)
{
    uint8_t some[256];
    ssize_t n;

    while ((n = recv(t->fd, some, sizeof some, MSG_DONTWAIT)) > 0)
        ;
    return n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* As much as goes; all, if it may take its time. */
static void push(struct way_by_tcp *t, bool patient)
{
    while (t->fd >= 0 && t->at < t->end) {
        const uint8_t *from = t->queue + t->at + t->gone;
        ssize_t n = send(t->fd, from, t->end - t->at - t->gone, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && !patient)
            return;
        if (n < 0 && errno == EAGAIN) {
            if (!is_ready(t->fd, STUCK_MS))
                lose(t, "it takes nothing");
            continue;
        }
        if (n < 0) {
            lose(t, strerror(errno));
            return;
        }
        t->gone += (size_t)n;
        while (t->at < t->end && t->gone >= message_len(t->queue + t->at)) {
            size_t len = message_len(t->queue + t->at);
            t->gone -= len;
            t->at += len;
        }
    }
    if (t->at == t->end)
        t->at = t->end = 0;
}

static bool has_room(struct way_by_tcp *t, size_t len)
{
    if (QUEUE - t->end >= len)
        return true;
    memmove(t->queue, t->queue + t->at, t->end - t->at);
    t->end -= t->at;
    t->at = 0;
    return QUEUE - t->end >= len;
}

static void send_stream(struct way *w, const struct udp_out *v, size_t n, int64_t export_ms)
{
    struct way_by_tcp *t = container_of(w, struct way_by_tcp, way);

    (void)export_ms;
    if (t->fd >= 0 && !t->connecting && is_over(t))
        lose(t, "it closed the connection");
    bool open = t->fd >= 0 && !t->connecting;
    for (size_t i = 0; i < n; i++) {
        if (open && !has_room(t, v[i].len))
            push(t, t->patient);
        open = open && t->fd >= 0;
        if (!open || !has_room(t, v[i].len)) {
            count_add(t->counts, COUNT_EXPORT_FAILED, 1);
            continue;
        }
        memcpy(t->queue + t->end, v[i].data, v[i].len);
        t->end += v[i].len;
    }
    if (open)
        push(t, t->patient);
    else /* what comes next begins with templates */
        dial(t, t->patient ? CONNECT_MS : 0);
}

static void close_stream(struct way *w)
{
    struct way_by_tcp *t = container_of(w, struct way_by_tcp, way);

    if (t->fd >= 0 && !t->connecting)
        push(t, true);
    if (t->fd >= 0)
        (void)close(t->fd);
    free(t->queue);
    free(t);
}

int way_tcp(struct way **out, const struct setup_exporter *s, const struct way_options *o,
            struct counts *counts, struct err *err)
{
    struct way_by_tcp *t = mem_new(1, sizeof *t);
    int fd;
    int r =
        way_socket(s, SOCK_STREAM, &fd, err); /* what is wrong with the source is said at once */

    if (r) {
        free(t);
        return r;
    }
    (void)close(fd);
    *t = (struct way_by_tcp){.way = {.send = send_stream, .close = close_stream},
                             .setup = s,
                             .counts = counts,
                             .patient = o->patient,
                             .fd = -1,
                             .queue = mem_new(QUEUE, 1)};
    (void)addr_port_print(&s->to, s->port, t->to);
    dial(t, CONNECT_MS);
    if (t->patient && (t->fd < 0 || t->connecting)) {
        close_stream(&t->way);
        return err_set(err, ERR_SYS, "cannot connect to %s", s->name);
    }
    *out = &t->way;
    return 0;
}
