#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER = 1 << 16, WAIT_S = 5, TYPE = 0x3FFF };

static size_t padding(size_t len) { return (NLMSG_ALIGNTO - len % NLMSG_ALIGNTO) % NLMSG_ALIGNTO; }

/* The last may lack its padding. */
static void skip_padding(struct cur *in, size_t len)
{
    size_t n = padding(len);

    (void)cur_bytes(in, n < cur_left(in) ? n : cur_left(in));
}

bool netlink_next(struct cur *in, struct netlink_message *out)
{
    struct nlmsghdr h;
    const uint8_t *p = cur_left(in) >= sizeof h ? cur_bytes(in, sizeof h) : NULL;

    if (!p)
        return false;
    memcpy(&h, p, sizeof h);
    if (h.nlmsg_len < sizeof h || h.nlmsg_len - sizeof h > cur_left(in))
        return false;
    *out = (struct netlink_message){.type = h.nlmsg_type,
                                    .body = cur_take(in, h.nlmsg_len - sizeof h)};
    skip_padding(in, h.nlmsg_len);
    return true;
}

bool netlink_attr(struct cur *in, uint16_t *type, struct cur *value)
{
    struct nlattr a;
    const uint8_t *p = cur_left(in) >= sizeof a ? cur_bytes(in, sizeof a) : NULL;

    if (!p)
        return false;
    memcpy(&a, p, sizeof a);
    if (a.nla_len < sizeof a || a.nla_len - sizeof a > cur_left(in))
        return false;
    *type = a.nla_type & TYPE;
    *value = cur_take(in, a.nla_len - sizeof a);
    skip_padding(in, a.nla_len);
    return true;
}

uint32_t netlink_u32(struct cur value)
{
    uint32_t v = 0;
    const uint8_t *p = cur_bytes(&value, sizeof v);

    if (p)
        memcpy(&v, p, sizeof v);
    return v;
}

void netlink_text(struct cur value, char *out, size_t size)
{
    size_t n = 0;

    while (n + 1 < size && cur_left(&value) > 0) {
        uint8_t c = cur_u8(&value);
        if (c == 0)
            break;
        out[n++] = c < ' ' || c == 0x7F ? '?' : (char)c;
    }
    out[n] = '\0';
}

static int open_socket(uint32_t groups, int flags, int *out, struct err *err)
{
    struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups};
    struct timeval wait = {.tv_sec = WAIT_S};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

    if (fd < 0)
        return err_sys(err, "netlink socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        int r = err_sys(err, "netlink socket");
        (void)close(fd);
        return r;
    }
    *out = fd;
    return 0;
}

static int ask(int fd, uint16_t type, uint8_t family, struct err *err)
{
    struct {
        struct nlmsghdr h;
        union { /* both begin with the family */
            struct ifinfomsg link;
            struct rtmsg route;
        } what;
    } q = {.h = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};

    if (type == RTM_GETLINK) {
        q.what.link.ifi_family = family;
        q.h.nlmsg_len = NLMSG_LENGTH(sizeof q.what.link);
    } else {
        q.what.route.rtm_family = family;
        q.h.nlmsg_len = NLMSG_LENGTH(sizeof q.what.route);
    }
    return send(fd, &q, q.h.nlmsg_len, 0) < 0 ? err_sys(err, "netlink request") : 0;
}

/* ERR_EOF: the answer is complete. */
static int take_answer(struct cur in, struct netlink_out *out, struct err *err)
{
    struct netlink_message m;

    while (netlink_next(&in, &m)) {
        if (m.type == NLMSG_DONE)
            return ERR_EOF;
        if (m.type == NLMSG_ERROR) {
            errno = -(int)netlink_u32(m.body);
            return err_sys(err, "netlink answer");
        }
        out->message(out, &m);
    }
    return 0;
}

int netlink_dump(uint16_t type, uint8_t family, struct netlink_out *out, struct err *err)
{
    static _Thread_local uint8_t answer[ANSWER];
    int fd;
    int r = open_socket(0, 0, &fd, err);

    if (r)
        return r;
    r = ask(fd, type, family, err);
    while (r == 0) {
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        if (n < 0 && errno == EINTR)
            continue;
        r = n <= 0 ? err_sys(err, "netlink answer")
                   : take_answer(cur_of(answer, (size_t)n), out, err);
    }
    (void)close(fd);
    return r == ERR_EOF ? 0 : r;
}

int netlink_watch_routes(int *fd, struct err *err)
{
    return open_socket(RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, SOCK_NONBLOCK, fd, err);
}

bool netlink_changed(int fd)
{
    uint8_t some[4096];
    bool changed = false;
    ssize_t n;

    /* ENOBUFS: more came than there was room for, which says the same. */
    while ((n = recv(fd, some, sizeof some, MSG_TRUNC)) > 0 || (n < 0 && errno == ENOBUFS))
        changed = true;
    return changed;
}
