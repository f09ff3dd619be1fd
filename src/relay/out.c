#include "relay/out.h"

#include "base/mem.h"
#include "net/raw.h"
#include "net/sock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NO_BUFFERS_MS = 10, TRIES = 2 };

struct queued {
    struct raw_ends ends;
    uint8_t head[RAW_HEAD];
};

struct relay_out {
    const struct relay_receiver *to;
    struct relay_sent sent;
    struct sockaddr_storage ss;
    socklen_t ss_len;
    int fd;                /* connected; -1: by raw */
    struct relay_raw *raw; /* NULL: as ours */
    bool no_checksum;
    uint32_t turn; /* of its one in N */
    size_t n;
    struct udp_out queue[UDP_BATCH];
    struct queued *heads; /* UDP_BATCH of them; NULL: as ours */
    struct mmsghdr messages[UDP_BATCH];
    struct iovec iov[UDP_BATCH][2];
};

static int connect_to(struct relay_out *o, size_t buffer_bytes, struct err *err)
{
    int bytes = buffer_bytes > 1 << 30 ? 1 << 30 : (int)buffer_bytes;

    o->fd = socket(o->ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (o->fd < 0)
        return err_sys(err, "a socket to %s", o->to->name);
    (void)setsockopt(o->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    /* An unroutable one may be reached later: sending says what it then is. */
    (void)connect(o->fd, (struct sockaddr *)&o->ss, o->ss_len);
    return 0;
}

int relay_out_new(struct relay_out **out, const struct relay_receiver *to, struct relay_raw *raw,
                  bool no_checksum, size_t buffer_bytes, struct err *err)
{
    struct relay_out *o = mem_new(1, sizeof *o);
    int r = 0;

    o->to = to;
    o->fd = -1;
    o->raw = raw;
    o->no_checksum = no_checksum;
    o->ss_len = sock_of(&to->to, raw ? 0 : to->port, &o->ss);
    if (raw)
        o->heads = mem_new(UDP_BATCH, sizeof *o->heads);
    else
        r = connect_to(o, buffer_bytes, err);
    if (r)
        relay_out_free(o);
    else
        *out = o;
    return r;
}

void relay_out_free(struct relay_out *o)
{
    if (!o)
        return;
    if (o->fd >= 0)
        (void)close(o->fd);
    free(o->heads);
    free(o);
}

bool relay_out_is(const struct relay_out *o, const struct relay_receiver *to)
{
    return o->to->port == to->port && o->to->every == to->every && o->to->ttl == to->ttl &&
           o->to->pause_us == to->pause_us && addr_eq(&o->to->to, &to->to);
}

void relay_out_move(struct relay_out *o, const struct relay_receiver *to) { o->to = to; }

const struct relay_sent *relay_out_sent(const struct relay_out *o) { return &o->sent; }

void relay_out_add(struct relay_out *o, const struct udp_datagram *d, uint64_t sum)
{
    uint32_t turn = o->turn;

    o->turn = turn + 1 == o->to->every ? 0 : turn + 1;
    if (turn != 0) {
        o->sent.skipped++;
        return;
    }
    if (o->heads && addr_is_v4(&d->addr) != addr_is_v4(&o->to->to)) {
        o->sent.other_family++;
        return;
    }
    if (o->heads) {
        struct queued *q = &o->heads[o->n];
        q->ends = (struct raw_ends){.src = d->addr,
                                    .dst = o->to->to,
                                    .src_port = d->port,
                                    .dst_port = o->to->port,
                                    .ttl = o->to->ttl,
                                    .no_checksum = o->no_checksum};
        size_t head = raw_head(&q->ends, d->len, sum, q->head);
        o->iov[o->n][0] = (struct iovec){q->head, head};
    }
    o->queue[o->n++] = (struct udp_out){.data = d->data, .len = d->len};
    if (o->n == UDP_BATCH || o->to->pause_us != 0)
        relay_out_flush(o);
}

/* --- sending --- */

static void gone(struct relay_out *o, size_t at, size_t n)
{
    o->sent.datagrams += n;
    for (size_t i = at; i < at + n; i++)
        o->sent.bytes += o->queue[i].len;
}

static void lost(struct relay_out *o)
{
    o->sent.failed++;
    o->sent.last_error = errno;
}

/* Of a failure: whether to try the same datagram again. */
static bool again(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (errno == EAGAIN || errno == ENOBUFS)
        (void)poll(&p, 1, NO_BUFFERS_MS);
    return errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
}

/* Once there is a way, the socket has to be told. */
static bool connected_now(const struct relay_out *o)
{
    return (errno == ENOTCONN || errno == EDESTADDRREQ) &&
           connect(o->fd, (const struct sockaddr *)&o->ss, o->ss_len) == 0;
}

static void flush_plain(struct relay_out *o)
{
    size_t at = 0;

    for (int tries = 0; at < o->n;) {
        size_t some = o->n - at;
        if (udp_send(o->fd, o->queue + at, &some, NULL) == 0) {
            gone(o, at, some);
            at += some;
            tries = 0;
            continue;
        }
        if (errno == ECONNREFUSED && tries++ < TRIES) { /* the answer to one sent before */
            o->sent.refused++;
            continue;
        }
        if (tries++ < TRIES && (again(o->fd) || connected_now(o)))
            continue;
        lost(o);
        at++;
        tries = 0;
    }
}

/* The i-th of the queue, longer than the way allows: in parts. */
static bool send_parts(struct relay_out *o, size_t i)
{
    const struct queued *q = &o->heads[i];

    size_t mtu = raw_mtu(&o->to->to);
    return mtu > 0 && raw_send_parts(o->raw->fd, &q->ends, q->head, o->queue[i].data,
                                     o->queue[i].len, mtu, ++o->raw->parted);
}

static void flush_raw(struct relay_out *o)
{
    size_t at = 0;

    for (size_t i = 0; i < o->n; i++) {
        union {
            const uint8_t *in;
            void *out;
        } p = {.in = o->queue[i].data}; /* an iovec has no const; sending does not write */
        o->iov[i][1] = (struct iovec){p.out, o->queue[i].len};
        o->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &o->ss, .msg_namelen = o->ss_len, .msg_iov = o->iov[i], .msg_iovlen = 2};
    }
    for (int tries = 0; at < o->n;) {
        int n = sendmmsg(o->raw->fd, o->messages + at, (unsigned)(o->n - at), 0);
        if (n > 0) {
            gone(o, at, (size_t)n);
            at += (size_t)n;
            tries = 0;
            continue;
        }
        if (tries++ < TRIES && again(o->raw->fd))
            continue;
        if (errno == EMSGSIZE && send_parts(o, at))
            gone(o, at, 1);
        else
            lost(o);
        at++;
        tries = 0;
    }
}

void relay_out_flush(struct relay_out *o)
{
    const struct timespec pause = {.tv_sec = o->to->pause_us / 1000000,
                                   .tv_nsec = (long)(o->to->pause_us % 1000000) * 1000};

    if (o->n == 0)
        return;
    if (o->heads)
        flush_raw(o);
    else
        flush_plain(o);
    o->n = 0;
    if (o->to->pause_us != 0)
        (void)nanosleep(&pause, NULL);
}
