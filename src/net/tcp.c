#include "net/tcp.h"

#include "base/cursor.h"
#include "base/mem.h"
#include "net/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 65535,
    IPFIX_HEAD = 16,
    READS_A_ROUND = 4,
    READS_AT_END = 256,
    IPFIX_VERSION = 10
};

struct tcp_conn {
    struct io io;
    struct tcp *tcp;
    struct tcp_conn *next;
    struct tcp_conn **prev;
    struct tcp_peer peer;
    int64_t since_mono_ms;
    bool heard; /* a whole message */
    size_t len;
    uint8_t bytes[MESSAGE_MAX];
};

static void free_conn(struct io *io) { free(container_of(io, struct tcp_conn, io)); }

static void end(struct tcp_conn *c, enum tcp_end why)
{
    struct tcp *t = c->tcp;

    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    t->n--;
    loop_del(t->loop, &c->io);
    (void)close(c->io.fd);
    t->handler->ended(t->handler, &c->peer, why);
}

int tcp_message(struct cur *in, struct cur *message)
{
    struct cur head = *in;
    uint16_t version = cur_u16(&head);
    uint16_t len = cur_u16(&head);

    if (!cur_ok(&head))
        return ERR_EOF;
    if (version != IPFIX_VERSION || len < IPFIX_HEAD)
        return ERR_DATA;
    if (len > cur_left(in))
        return ERR_EOF;
    *message = cur_take(in, len);
    return 0;
}

/* Hand on the whole messages in c->bytes and keep the rest. false: these are no IPFIX messages. */
static bool cut(struct tcp_conn *c)
{
    struct cur in = cur_of(c->bytes, c->len);
    struct tcp_handler *h = c->tcp->handler;
    struct cur message;
    int r;

    while ((r = tcp_message(&in, &message)) == 0) {
        h->message(h, &c->peer, message.at, cur_left(&message));
        c->heard = true;
    }
    if (r == ERR_DATA)
        return false;
    c->len = cur_left(&in);
    memmove(c->bytes, in.at, c->len);
    return true;
}

/* One read. A full buffer always holds a whole message, so there is room after cut(). */
static bool read_some(struct tcp_conn *c)
{
    struct tcp_handler *h = c->tcp->handler;
    ssize_t n = recv(c->io.fd, c->bytes + c->len, sizeof c->bytes - c->len, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        end(c, c->len > 0 ? TCP_BROKEN : TCP_CLOSED);
        return false;
    }
    c->len += (size_t)n;
    bool good = cut(c);
    h->read(h);
    if (!good)
        end(c, TCP_BROKEN);
    return good;
}

static void on_conn(struct io *io, uint32_t events)
{
    struct tcp_conn *c = container_of(io, struct tcp_conn, io);

    (void)events;
    for (int i = 0; i < READS_A_ROUND && read_some(c); i++)
        ;
}

static void on_listener(struct io *io, uint32_t events)
{
    struct tcp_listener *l = container_of(io, struct tcp_listener, io);
    struct tcp *t = l->tcp;
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    int one = 1;
    int fd = accept4(io->fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0)
        return;
    struct tcp_peer peer = {.listener = l->number};
    sock_addr(&ss, &peer.addr, &peer.port);
    if (!t->handler->admits(t->handler, &peer)) {
        (void)close(fd);
        return;
    }
    if (t->n >= t->max) {
        (void)close(fd);
        t->handler->refused(t->handler, &peer);
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    peer.session = t->next_session;
    t->next_session = t->next_session == UINT32_MAX ? 1 : t->next_session + 1;

    struct tcp_conn *c = malloc(sizeof *c);
    if (!c) {
        (void)close(fd);
        t->handler->refused(t->handler, &peer);
        return;
    }
    c->io = (struct io){.fd = fd, .on = on_conn, .gone = free_conn};
    c->tcp = t;
    c->peer = peer;
    c->since_mono_ms = t->loop->now_mono_ms;
    c->heard = false;
    c->len = 0;
    if (loop_add(t->loop, &c->io, EPOLLIN, NULL) != 0) {
        (void)close(fd);
        free(c);
        t->handler->refused(t->handler, &peer);
        return;
    }
    c->next = t->conns;
    c->prev = &t->conns;
    if (c->next)
        c->next->prev = &c->next;
    t->conns = c;
    t->n++;
    t->handler->opened(t->handler, &peer);
}

int tcp_listen(struct tcp_listener *l, struct tcp *tcp, int fd, const struct addr *addr,
               uint16_t port, uint16_t number, struct err *err)
{
    *l = (struct tcp_listener){.io = {.fd = fd, .on = on_listener},
                               .tcp = tcp,
                               .addr = *addr,
                               .port = port,
                               .number = number};
    int r = loop_add(tcp->loop, &l->io, EPOLLIN, err);
    if (r) {
        (void)close(fd);
        l->port = 0;
    }
    return r;
}

void tcp_listener_close(struct tcp_listener *l)
{
    if (l->port == 0)
        return;
    loop_del(l->tcp->loop, &l->io);
    (void)close(l->io.fd);
    l->port = 0;
}

void tcp_drain(struct tcp *tcp)
{
    while (tcp->conns) {
        struct tcp_conn *c = tcp->conns;
        for (int i = 0; i < READS_AT_END && read_some(c); i++)
            ;
        if (tcp->conns == c) /* it has not ended by itself */
            end(c, TCP_CLOSED);
    }
}

void tcp_sweep(struct tcp *tcp)
{
    for (struct tcp_conn *c = tcp->conns, *next; c; c = next) {
        next = c->next;
        if (!c->heard && tcp->loop->now_mono_ms - c->since_mono_ms > TCP_SILENT_MS)
            end(c, TCP_BROKEN);
    }
}

void tcp_review(struct tcp *tcp)
{
    for (struct tcp_conn *c = tcp->conns, *next; c; c = next) {
        next = c->next;
        if (!tcp->handler->admits(tcp->handler, &c->peer))
            end(c, TCP_CLOSED);
    }
}
