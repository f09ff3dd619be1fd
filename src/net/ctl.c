#include "net/ctl.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ASK_TIMEOUT_S = 10 };

struct client {
    struct io io;
    struct ctl *ctl;
    bool answering;
    size_t line_len;
    char line[CTL_LINE_MAX];
    size_t sent;
    struct buf out;
};

/* A socket's address holds 107 bytes. A longer path is reached through its folder's descriptor,
 * which *dir_fd keeps open (-1: not needed). */
static int address(const char *path, struct sockaddr_un *out, int *dir_fd, struct err *err)
{
    char dir[4096];
    const char *slash = strrchr(path, '/');

    *dir_fd = -1;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) < sizeof out->sun_path) {
        memcpy(out->sun_path, path, strlen(path) + 1);
        return 0;
    }
    if (!slash || (size_t)(slash - path) >= sizeof dir || strlen(slash) > 64)
        return err_set(err, ERR_LIMIT, "control socket's path is too long: %s", path);
    (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    *dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dir_fd < 0)
        return err_sys(err, "open folder %s", dir);
    (void)snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d%.64s", *dir_fd, slash);
    return 0;
}

static int dial(const char *path, int *fd, struct err *err)
{
    struct sockaddr_un sun;
    int dir_fd;
    int r = address(path, &sun, &dir_fd, err);

    if (r)
        return r;
    int f = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f < 0)
        r = err_sys(err, "control socket");
    else if (connect(f, (struct sockaddr *)&sun, sizeof sun) != 0)
        r = err_set(err, ERR_CONFIG, "nobody listens on %s (%s)", path, strerror(errno));
    if (r && f >= 0)
        (void)close(f);
    if (dir_fd >= 0)
        (void)close(dir_fd);
    if (r == 0)
        *fd = f;
    return r;
}

static void free_client(struct io *io)
{
    struct client *c = container_of(io, struct client, io);
    buf_free(&c->out);
    free(c);
}

static void hang_up(struct client *c)
{
    loop_del(c->ctl->loop, &c->io);
    (void)close(c->io.fd);
    c->ctl->clients--;
}

/* What fits now; the rest when there is room. */
static void send_some(struct client *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->io.fd, c->out.data + c->sent, c->out.len - c->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN && loop_change(c->ctl->loop, &c->io, EPOLLOUT, NULL) == 0)
            return;
        if (n <= 0)
            break;
        c->sent += (size_t)n;
    }
    hang_up(c);
}

static void on_client(struct io *io, uint32_t events)
{
    struct client *c = container_of(io, struct client, io);

    (void)events;
    if (c->answering) {
        send_some(c);
        return;
    }
    ssize_t n = recv(io->fd, c->line + c->line_len, sizeof c->line - c->line_len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    c->line_len += n > 0 ? (size_t)n : 0;
    char *end = memchr(c->line, '\n', c->line_len);
    if (end) {
        *end = '\0';
        c->ctl->answer(c->ctl, c->line, &c->out);
        c->answering = true;
        send_some(c);
    } else if (n <= 0 || c->line_len == sizeof c->line) {
        hang_up(c);
    }
}

static void on_listener(struct io *io, uint32_t events)
{
    struct ctl *ctl = container_of(io, struct ctl, io);
    int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0)
        return;
    if (ctl->clients >= CTL_CLIENTS_MAX) {
        (void)close(fd);
        return;
    }
    struct client *c = mem_new(1, sizeof *c);
    c->io = (struct io){.fd = fd, .on = on_client, .gone = free_client};
    c->ctl = ctl;
    buf_init(&c->out, CTL_ANSWER_MAX);
    if (loop_add(ctl->loop, &c->io, EPOLLIN, NULL) != 0) {
        (void)close(fd);
        free_client(&c->io);
        return;
    }
    ctl->clients++;
}

int ctl_open(struct ctl *c, struct loop *loop, const char *path, struct err *err)
{
    struct sockaddr_un sun;
    int dir_fd;
    int fd;

    if (strlen(path) >= sizeof c->path)
        return err_set(err, ERR_LIMIT, "control socket's path is too long");
    if (dial(path, &fd, NULL) == 0) {
        (void)close(fd);
        return err_set(err, ERR_CONFIG, "%s: another program answers there", path);
    }
    (void)unlink(path);
    int r = address(path, &sun, &dir_fd, err);
    if (r)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0 || chmod(path, 0660) != 0 ||
        listen(fd, CTL_CLIENTS_MAX) != 0)
        r = err_sys(err, "control socket %s", path);
    if (dir_fd >= 0)
        (void)close(dir_fd);
    c->io = (struct io){.fd = fd, .on = on_listener};
    c->loop = loop;
    c->clients = 0;
    if (r == 0)
        r = loop_add(loop, &c->io, EPOLLIN, err);
    if (r) {
        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    memcpy(c->path, path, strlen(path) + 1);
    c->open = true;
    return 0;
}

void ctl_close(struct ctl *c)
{
    if (!c->open)
        return;
    loop_del(c->loop, &c->io);
    (void)close(c->io.fd);
    (void)unlink(c->path);
    c->open = false;
}

int ctl_ask(const char *path, const char *line, struct buf *answer, struct err *err)
{
    struct timeval limit = {.tv_sec = ASK_TIMEOUT_S};
    uint8_t part[16384];
    int fd;
    int r = dial(path, &fd, err);

    if (r)
        return r;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    size_t len = strlen(line);
    if (send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len || send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
        r = err_sys(err, "ask %s", path);
    while (r == 0) {
        ssize_t n = recv(fd, part, sizeof part, 0);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            r = err_sys(err, "answer of %s", path);
        else
            buf_bytes(answer, part, (size_t)n);
    }
    (void)close(fd);
    if (r == 0 && (!buf_ok(answer) || answer->len == 0))
        r = err_set(err, ERR_DATA, "%s: expected an answer, found %s", path,
                    answer->len ? "one that is too long" : "none");
    return r;
}
