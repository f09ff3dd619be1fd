#include "net/udp.h"

#include "base/mem.h"
#include "net/sock.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PLACE =
        65536 +
        27 * 64, /* not a power of two: the starts of datagrams fall into different cache sets */
    SKB_BYTES = 768,   /* what a datagram takes of the socket's buffer besides its own bytes */
    TRUESIZE = 2304,   /* what a usual datagram takes in all */
    NAP_FROM = 400,    /* datagrams a second: some come in each nap */
    NAP_FILLS = 96,    /* datagrams that a nap waits for, */
    NAP_MAX_US = 8000, /* at most so long */
    NAP_ROOM = 8,      /* of the buffer, at least so many naps' worth */
    RCVBUF_MIN = 1 << 16,
    RCVBUF_MAX = 1 << 28
};

struct udp_batch {
    uint8_t *mem;
    struct mmsghdr msg[UDP_BATCH];
    struct iovec iov[UDP_BATCH];
    struct sockaddr_storage from[UDP_BATCH];
    struct udp_datagram out[UDP_BATCH];
};

struct udp_batch *udp_batch_new(void)
{
    struct udp_batch *b = mem_new(1, sizeof *b);

    b->mem = mem_new(UDP_BATCH, PLACE);
    for (size_t i = 0; i < UDP_BATCH; i++) {
        b->iov[i] = (struct iovec){.iov_base = b->mem + i * PLACE, .iov_len = 65536};
        b->msg[i].msg_hdr =
            (struct msghdr){.msg_name = &b->from[i], .msg_iov = &b->iov[i], .msg_iovlen = 1};
    }
    return b;
}

void udp_batch_free(struct udp_batch *b)
{
    if (!b)
        return;
    free(b->mem);
    free(b);
}

static size_t rcvbuf_of(int fd)
{
    int got = 0;
    socklen_t len = sizeof got;

    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len) == 0 && got > 0 ? (size_t)got : 0;
}

/* What SO_RCVBUF gives, as any socket can tell: ours might shrink by it. */
static size_t rcvbuf_allowed(int want)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size_t got = 0;

    if (fd < 0)
        return 0;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want) == 0)
        got = rcvbuf_of(fd);
    (void)close(fd);
    return got;
}

static bool force_rcvbuf(int fd, int want)
{
    return setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want) == 0;
}

void udp_set_rcvbuf(struct udp *u, size_t bytes)
{
    int want = bytes > 1 << 30 ? 1 << 30 : (int)bytes;

    if (want > 0 && !force_rcvbuf(u->io.fd, want) && rcvbuf_allowed(want) > u->rcvbuf_bytes)
        (void)setsockopt(u->io.fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
    u->rcvbuf_bytes = rcvbuf_of(u->io.fd);
    u->rcvbuf_asked = bytes;
}

void udp_force_rcvbuf(struct udp *u, size_t bytes)
{
    if (!force_rcvbuf(u->io.fd, (int)bytes))
        return;
    u->rcvbuf_bytes = rcvbuf_of(u->io.fd);
    u->rcvbuf_asked = bytes;
}

size_t udp_rcvbuf_for(double datagrams_per_s, double bytes_each)
{
    double bytes = datagrams_per_s * (bytes_each + SKB_BYTES) / 2; /* the kernel doubles it */
    size_t n = RCVBUF_MIN;

    while ((double)n < bytes && n < RCVBUF_MAX)
        n *= 2;
    return n;
}

void udp_open(struct udp *u, int fd, const struct addr *addr, uint16_t port, size_t rcvbuf_bytes)
{
    *u = (struct udp){.io.fd = fd, .addr = *addr, .port = port};
    udp_set_rcvbuf(u, rcvbuf_bytes);
    (void)udp_drops(u);
    u->kernel_drops = 0;
}

void udp_shut(struct udp *u) { sock_refuse(u->io.fd, true); }

void udp_close(struct udp *u)
{
    if (u->port)
        (void)close(u->io.fd);
    u->port = 0;
}

size_t udp_recv(struct udp *u, struct udp_batch *b)
{
    for (size_t i = 0; i < UDP_BATCH; i++)
        b->msg[i].msg_hdr.msg_namelen = sizeof b->from[i];
    int n = recvmmsg(u->io.fd, b->msg, UDP_BATCH, MSG_DONTWAIT, NULL);
    if (n <= 0)
        return 0;
    for (int i = 0; i < n; i++) {
        struct udp_datagram *d = &b->out[i];
        d->data = b->iov[i].iov_base;
        d->len = b->msg[i].msg_len;
        u->bytes += d->len;
        sock_addr(&b->from[i], &d->addr, &d->port);
    }
    u->datagrams += (uint64_t)n;
    return (size_t)n;
}

const struct udp_datagram *udp_at(const struct udp_batch *b, size_t i) { return &b->out[i]; }

uint64_t udp_drops(struct udp *u)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;

    if (getsockopt(u->io.fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 || len < sizeof info)
        return 0;
    uint32_t more = info[SK_MEMINFO_DROPS] - u->drops_seen; /* 32 bits that wrap */
    u->drops_seen = info[SK_MEMINFO_DROPS];
    u->kernel_drops += more;
    return more;
}

unsigned udp_nap_us(const struct udp *u, double datagrams_per_s)
{
    double us = NAP_FILLS * 1e6 / datagrams_per_s;
    double room_us = (double)u->rcvbuf_bytes / TRUESIZE / NAP_ROOM * 1e6 / datagrams_per_s;

    if (datagrams_per_s < NAP_FROM)
        return 0;
    us = us > NAP_MAX_US ? NAP_MAX_US : us;
    return us < room_us ? (unsigned)us : 0;
}

/* What goes down in one call. */
struct outgoing {
    struct mmsghdr m[UDP_BATCH];
    struct iovec iov[UDP_BATCH];
    uint16_t datagrams[UDP_BATCH]; /* in each of m */
    struct {
        _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control[UDP_BATCH];
    unsigned n;
};

/* How many from the i-th on are one long packet for the kernel, which parts it after every so many
 * octets, at the last possible moment: all as long as the first, but for the last. */
static size_t run_of(const struct udp_out *msg, size_t i, size_t n)
{
    enum { SEGMENTS = 64, BYTES = 65000 }; /* UDP_MAX_SEGMENTS; an IP packet, with its headers */
    size_t len = msg[i].len;
    size_t k = 1;

    while (len > 0 && i + k < n && k < SEGMENTS && msg[i + k].len <= len && (k + 1) * len <= BYTES)
        if (msg[i + k++].len < len)
            break;
    return k;
}

static void put_segment(struct outgoing *o, struct msghdr *h, uint16_t bytes)
{
    h->msg_control = o->control[o->n].bytes;
    h->msg_controllen = sizeof o->control[o->n].bytes;
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof bytes);
    memcpy(CMSG_DATA(c), &bytes, sizeof bytes);
}

static void put_run(struct outgoing *o, const struct udp_out *msg, size_t i, size_t n)
{
    struct msghdr *h = &o->m[o->n].msg_hdr;

    *h = (struct msghdr){.msg_iov = &o->iov[i], .msg_iovlen = n};
    for (size_t k = i; k < i + n; k++) {
        union {
            const uint8_t *in;
            void *out;
        } p = {.in = msg[k].data}; /* an iovec has no const; sending does not write */
        o->iov[k] = (struct iovec){.iov_base = p.out, .iov_len = msg[k].len};
    }
    if (n > 1)
        put_segment(o, h, (uint16_t)msg[i].len);
    o->datagrams[o->n++] = (uint16_t)n;
}

/* -1: errno says why nothing went. */
static int send_runs(int fd, const struct udp_out *msg, size_t n, bool apart)
{
    struct outgoing o;
    int datagrams = 0;

    o.n = 0;
    for (size_t i = 0, some; i < n; i += some) {
        some = apart ? 1 : run_of(msg, i, n);
        put_run(&o, msg, i, some);
    }
    int sent = sendmmsg(fd, o.m, o.n, 0);
    for (int i = 0; i < sent; i++)
        datagrams += o.datagrams[i];
    return sent < 0 ? -1 : datagrams;
}

int udp_send(int fd, const struct udp_out *msg, size_t *n, struct err *err)
{
    size_t count = *n < UDP_BATCH ? *n : UDP_BATCH;
    int sent = send_runs(fd, msg, count, false);

    /* Longer than the path's MTU, or an interface that makes no checksums: one by one they go. */
    if (sent < 0 && (errno == EINVAL || errno == EIO || errno == EMSGSIZE || errno == ENOPROTOOPT))
        sent = send_runs(fd, msg, count, true);
    *n = sent > 0 ? (size_t)sent : 0;
    return sent < 0 ? err_sys(err, "send") : 0;
}
