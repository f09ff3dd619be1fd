#include "net/udp.h"

#include "base/mem.h"
#include "net/sock.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PLACE =
        65536 +
        27 * 64, /* not a power of two: the starts of datagrams fall into different cache sets */
    TRUESIZE = 2304, /* what a usual datagram takes of the socket's buffer */
    NAP_FROM = 2000, /* datagrams a second: some come in each nap, and a wake-up is three calls */
    NAP_ROOM = 8     /* of the buffer, at least so many naps' worth */
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

static void set_rcvbuf(struct udp *u, size_t bytes)
{
    int want = bytes > 1 << 30 ? 1 << 30 : (int)bytes;
    int got = 0;
    socklen_t len = sizeof got;

    if (want > 0 && setsockopt(u->io.fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want) != 0)
        (void)setsockopt(u->io.fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
    if (getsockopt(u->io.fd, SOL_SOCKET, SO_RCVBUF, &got, &len) == 0 && got > 0)
        u->rcvbuf_bytes = (size_t)got;
}

int udp_open(struct udp *u, const struct addr *addr, uint16_t port, size_t rcvbuf_bytes,
             struct err *err)
{
    int fd;
    int r = sock_bind(addr, &port, SOCK_DGRAM, &fd, err);

    if (r)
        return r;
    *u = (struct udp){.io.fd = fd, .addr = *addr, .port = port};
    set_rcvbuf(u, rcvbuf_bytes);
    return 0;
}

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

bool udp_nap_ok(const struct udp *u, double datagrams_per_s)
{
    return datagrams_per_s > NAP_FROM &&
           datagrams_per_s / 1000 * LOOP_NAP_MS * TRUESIZE * NAP_ROOM < (double)u->rcvbuf_bytes;
}

int udp_send(int fd, const struct udp_out *msg, size_t *n, struct err *err)
{
    struct mmsghdr m[UDP_BATCH];
    struct iovec iov[UDP_BATCH];
    unsigned count = *n < UDP_BATCH ? (unsigned)*n : UDP_BATCH;

    memset(m, 0, sizeof m);
    for (unsigned i = 0; i < count; i++) {
        union {
            const uint8_t *in;
            void *out;
        } p = {.in = msg[i].data}; /* an iovec has no const; sending does not write */
        iov[i] = (struct iovec){.iov_base = p.out, .iov_len = msg[i].len};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }
    int sent = sendmmsg(fd, m, count, 0);
    *n = sent > 0 ? (size_t)sent : 0;
    return sent < 0 ? err_sys(err, "send") : 0;
}
