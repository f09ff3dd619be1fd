#include "net/raw.h"

#include "net/sock.h"

#include <endian.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include <unistd.h>

enum {
    V4_HEAD = 20,
    V6_HEAD = 40,
    UDP_HEAD = 8,
    FRAGMENT_HEAD = 8,
    UDP = 17,
    FRAGMENT = 44,
    SNDBUF = 4 << 20,
    V4_MTU_MIN = 68,
    V6_MTU_MIN = 1280
};

int raw_open(bool v4, int *fd, struct err *err)
{
    int bytes = SNDBUF;
    int s = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);

    if (s < 0)
        return err_sys(err, "a raw socket, to send with the address of others");
    if (setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(s, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    *fd = s;
    return 0;
}

uint64_t raw_sum(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;

    for (; len >= sizeof(uint32_t); len -= sizeof(uint32_t), data += sizeof(uint32_t)) {
        uint32_t four;
        memcpy(&four, data, sizeof four);
        sum += four;
    }
    if (len > 0) {
        uint32_t rest = 0;
        memcpy(&rest, data, len);
        sum += rest;
    }
    return sum;
}

/* Sums are of words as they lie in memory: what comes out does, too (RFC 1071). */
static uint16_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put16(uint8_t *to, uint16_t v)
{
    uint16_t be = htobe16(v);

    memcpy(to, &be, sizeof be);
}

static void put_udp(const struct raw_ends *e, bool v4, size_t len, uint64_t sum, uint8_t *out)
{
    size_t from = v4 ? 12 : 0;
    uint16_t udp_len = (uint16_t)(UDP_HEAD + len);

    put16(out, e->src_port);
    put16(out + 2, e->dst_port);
    put16(out + 4, udp_len);
    memset(out + 6, 0, 2);
    if (v4 && e->no_checksum)
        return;
    sum += raw_sum(e->src.b + from, sizeof e->src.b - from);
    sum += raw_sum(e->dst.b + from, sizeof e->dst.b - from);
    sum += htobe16(UDP) + (uint64_t)htobe16(udp_len);
    sum += raw_sum(out, UDP_HEAD);
    uint16_t check = fold(sum);
    check = check ? check : 0xffff; /* 0 would say that there is none */
    memcpy(out + 6, &check, sizeof check);
}

size_t raw_head(const struct raw_ends *e, size_t len, uint64_t sum, uint8_t out[static RAW_HEAD])
{
    bool v4 = addr_is_v4(&e->dst);

    memset(out, 0, RAW_HEAD);
    if (v4) {
        out[0] = 0x45;
        put16(out + 2, (uint16_t)(V4_HEAD + UDP_HEAD + len));
        out[8] = e->ttl;
        out[9] = UDP;
        memcpy(out + 12, e->src.b + 12, 4);
        memcpy(out + 16, e->dst.b + 12, 4);
        put_udp(e, true, len, sum, out + V4_HEAD);
        return V4_HEAD + UDP_HEAD;
    }
    out[0] = 0x60;
    put16(out + 4, (uint16_t)(UDP_HEAD + len));
    out[6] = UDP;
    out[7] = e->ttl;
    memcpy(out + 8, e->src.b, sizeof e->src.b);
    memcpy(out + 24, e->dst.b, sizeof e->dst.b);
    put_udp(e, false, len, sum, out + V6_HEAD);
    return V6_HEAD + UDP_HEAD;
}

static bool send_one(int fd, const struct addr *to, struct iovec *iov, size_t n)
{
    struct sockaddr_storage ss;
    struct msghdr h = {.msg_name = &ss, .msg_iov = iov, .msg_iovlen = n};

    h.msg_namelen = sock_of(to, 0, &ss);
    return sendmsg(fd, &h, 0) >= 0;
}

/* Where a part's payload lies: the UDP header comes before the data. */
static size_t put_part(const uint8_t *udp, const uint8_t *data, size_t at, size_t n,
                       struct iovec iov[static 2])
{
    size_t k = 0;
    union {
        const uint8_t *in;
        void *out;
    } p; /* an iovec has no const; sending does not write */

    if (at < UDP_HEAD) {
        size_t some = UDP_HEAD - at < n ? UDP_HEAD - at : n;
        p.in = udp + at;
        iov[k++] = (struct iovec){p.out, some};
        at += some;
        n -= some;
    }
    if (n > 0) {
        p.in = data + (at - UDP_HEAD);
        iov[k++] = (struct iovec){p.out, n};
    }
    return k;
}

bool raw_send_parts(int fd, const struct raw_ends *e, const uint8_t *head, const uint8_t *data,
                    size_t len, size_t mtu, uint32_t id)
{
    bool v4 = addr_is_v4(&e->dst);
    size_t ip = v4 ? V4_HEAD : V6_HEAD;
    size_t own = v4 ? ip : ip + FRAGMENT_HEAD;
    size_t least = v4 ? V4_MTU_MIN : V6_MTU_MIN;
    size_t most = ((mtu > least ? mtu : least) - own) & ~(size_t)7;
    size_t total = UDP_HEAD + len;

    for (size_t at = 0; at < total; at += most) {
        size_t n = total - at < most ? total - at : most;
        bool more = at + n < total;
        uint8_t part[RAW_HEAD + FRAGMENT_HEAD] = {0};
        struct iovec iov[3] = {{part, own}};
        memcpy(part, head, ip);
        if (v4) {
            put16(part + 2, (uint16_t)(own + n));
            put16(part + 4, (uint16_t)(id % UINT16_MAX + 1)); /* 0: the kernel would choose */
            put16(part + 6, (uint16_t)(at / 8 | (more ? IP_MF : 0)));
        } else {
            put16(part + 4, (uint16_t)(FRAGMENT_HEAD + n));
            part[6] = FRAGMENT;
            part[ip] = UDP;
            put16(part + ip + 2, (uint16_t)(at | more));
            put16(part + ip + 4, (uint16_t)(id >> 16));
            put16(part + ip + 6, (uint16_t)id);
        }
        if (!send_one(fd, &e->dst, iov, 1 + put_part(head + ip, data, at, n, iov + 1)))
            return false;
    }
    return true;
}

size_t raw_mtu(const struct addr *to)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(to, 9, &ss);
    bool v4 = addr_is_v4(to);
    int mtu = 0;
    socklen_t n = sizeof mtu;
    int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    bool got =
        connect(fd, (struct sockaddr *)&ss, len) == 0 &&
        getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &n) == 0;
    (void)close(fd);
    return got && mtu > 0 ? (size_t)mtu : 0;
}
