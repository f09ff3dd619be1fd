#include "base/clock.h"
#include "base/mem.h"
#include "net/sock.h"
#include "probe/way.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SNDBUF = 4 << 20, NO_BUFFERS_MS = 10, TRIES = 2 };

struct way_by_udp {
    struct way way;
    struct counts *counts;
    int fd;
    uint64_t pace;
    uint64_t paced;
    int64_t pace_begin_ns;
};

static void wait_for_pace(struct way_by_udp *u, size_t n)
{
    if (u->pace == 0)
        return;
    if (u->pace_begin_ns == 0)
        u->pace_begin_ns = clock_mono_ns();
    int64_t due = u->pace_begin_ns + (int64_t)((double)u->paced * 1e9 / (double)u->pace);
    int64_t left = due - clock_mono_ns();
    struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    if (left > 0)
        (void)nanosleep(&t, NULL);
    u->paced += n;
}

/* Of a failure: whether to try the same datagram again. */
static bool again(const struct way_by_udp *u)
{
    struct pollfd p = {.fd = u->fd, .events = POLLOUT};

    if (errno == EAGAIN || errno == ENOBUFS)
        (void)poll(&p, 1, NO_BUFFERS_MS);
    return errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
}

static void send_datagrams(struct way *w, const struct udp_out *v, size_t n, int64_t export_ms)
{
    struct way_by_udp *u = container_of(w, struct way_by_udp, way);
    size_t at = 0;

    (void)export_ms;
    wait_for_pace(u, n);
    for (int tries = 0; at < n;) {
        size_t some = n - at;
        if (udp_send(u->fd, v + at, &some, NULL) == 0) {
            at += some;
            continue;
        }
        if (errno == ECONNREFUSED && tries++ < TRIES) { /* the answer to one sent before */
            count_add(u->counts, COUNT_EXPORT_REFUSED, 1);
            continue;
        }
        if (tries++ < TRIES && again(u))
            continue;
        count_add(u->counts, COUNT_EXPORT_FAILED, 1);
        at++;
        tries = 0;
    }
}

static void close_udp(struct way *w)
{
    struct way_by_udp *u = container_of(w, struct way_by_udp, way);

    (void)close(u->fd);
    free(u);
}

int way_udp(struct way **out, const struct setup_exporter *s, const struct way_options *o,
            struct counts *counts, struct err *err)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(&s->to, s->port, &ss);
    int bytes = SNDBUF;
    char to[ADDR_PORT_TEXT];
    int fd;
    int r = way_socket(s, SOCK_DGRAM, &fd, err);

    if (r)
        return r;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (connect(fd, (struct sockaddr *)&ss, len) != 0) {
        (void)addr_port_print(&s->to, s->port, to);
        r = err_sys(err, "send to %s", to);
        (void)close(fd);
        return r;
    }
    struct way_by_udp *u = mem_new(1, sizeof *u);
    *u = (struct way_by_udp){.way = {.send = send_datagrams, .close = close_udp, .fresh = true},
                             .counts = counts,
                             .fd = fd,
                             .pace = o->pace};
    way_bound(&u->way, fd);
    *out = &u->way;
    return 0;
}
