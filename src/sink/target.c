#include "sink/target.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char unix_prefix[] = "unix:";

static const char *socket_path(const char *to)
{
    size_t n = sizeof unix_prefix - 1;
    return strncmp(to, unix_prefix, n) == 0 ? to + n : NULL;
}

int target_check(const char *to, struct err *err)
{
    const char *path = socket_path(to);
    struct sockaddr_un un;

    if (*to == '\0' || (path && *path == '\0'))
        return err_set(err, ERR_CONFIG, "expected a file, - or unix:PATH, found \"%s\"", to);
    if (path && strlen(path) >= sizeof un.sun_path)
        return err_set(err, ERR_CONFIG, "the path of a socket has at most %zu octets",
                       sizeof un.sun_path - 1);
    return 0;
}

static int open_file(const char *path, int *fd, struct err *err)
{
    struct stat st;
    int f = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

    if (f < 0 && errno == ENXIO) /* a pipe without a reader */
        return err_set(err, ERR_CONFIG, "%s is no file: a pipe can be standard output (-)", path);
    if (f < 0)
        return err_sys(err, "open %s", path);
    if (fstat(f, &st) != 0 || S_ISFIFO(st.st_mode)) {
        (void)close(f);
        return err_set(err, ERR_CONFIG, "%s is no file: a pipe can be standard output (-)", path);
    }
    *fd = f;
    return 0;
}

static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void dial(struct target *t)
{
    const char *path = socket_path(t->to);
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    t->tried_mono_ms = clock_mono_ms();
    memcpy(un.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&un, sizeof un) != 0) {
        (void)close(fd);
        fd = -1;
    }
    t->fd = fd;
    if (fd >= 0)
        log_info("JSON lines: connected", KV("to", path));
}

int target_open(struct target *t, const char *to, struct err *err)
{
    *t = (struct target){.to = to, .fd = -1, .is_socket = socket_path(to) != NULL};
    int r = target_check(to, err);

    if (r)
        return r;
    if (t->is_socket) {
        dial(t);
        if (t->fd < 0)
            log_warn("JSON lines: nobody listens yet", KV("to", to));
        return 0;
    }
    if (strcmp(to, "-") == 0)
        t->fd = STDOUT_FILENO;
    else
        r = open_file(to, &t->fd, err);
    t->is_file = r == 0 && (t->fd != STDOUT_FILENO || is_file(t->fd));
    return r;
}

void target_close(struct target *t)
{
    if (t->fd > STDERR_FILENO)
        (void)close(t->fd);
    t->fd = -1;
}

void target_reopen(struct target *t)
{
    struct err err;
    int fd;

    if (t->is_socket || t->fd == STDOUT_FILENO)
        return;
    if (open_file(t->to, &fd, &err) != 0) {
        log_error("JSON lines: SIGHUP: the file cannot be opened again: the one before goes on",
                  KV("error", err.text));
        return;
    }
    target_close(t);
    t->fd = fd;
}

/* The start of the line that `at` is in. */
static size_t line_start(const char *text, size_t at)
{
    while (at > 0 && text[at - 1] != '\n')
        at--;
    return at;
}

/* --- sockets --- */

static enum target_did hang_up(struct target *t, const char *text, size_t *at)
{
    log_warn("JSON lines: the reader has gone: flows wait for the next as long as there is room",
             KV("to", t->to));
    target_close(t);
    t->tried_mono_ms = clock_mono_ms();
    *at = line_start(text, *at);
    return TARGET_AWAY;
}

static enum target_did write_socket(struct target *t, const char *text, size_t len, size_t *at)
{
    if (t->fd < 0 && clock_mono_ms() - t->tried_mono_ms >= TARGET_RETRY_MS)
        dial(t);
    if (t->fd < 0)
        return TARGET_AWAY;
    ssize_t n = send(t->fd, text + *at, len - *at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
        *at += (size_t)n;
        return TARGET_TOOK;
    }
    return errno == EAGAIN || errno == EINTR ? TARGET_BUSY : hang_up(t, text, at);
}

/* --- files (and devices that do as if) --- */

static enum target_did write_file(struct target *t, const char *text, size_t len, size_t *at)
{
    size_t from = *at;

    while (from < len) {
        ssize_t n = write(t->fd, text + from, len - from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        from += (size_t)n;
    }
    *at = from;
    if (from == len)
        return TARGET_TOOK;
    struct err err;
    (void)err_sys(&err, "%s", t->to);
    log_error("JSON lines: the file takes no more: flows are left out", KV("error", err.text));
    struct stat st;
    size_t part = from - line_start(text, from);
    *at = from - part;
    if (part > 0 && fstat(t->fd, &st) == 0 && S_ISREG(st.st_mode) &&
        ftruncate(t->fd, st.st_size - (off_t)part) == 0)
        (void)lseek(t->fd, 0, SEEK_END); /* standard output may not append by itself */
    return TARGET_LOST;
}

/* --- pipes, terminals --- */

/* Where poll() says that there is room, PIPE_BUF octets do not wait. */
static enum target_did write_pipe(struct target *t, const char *text, size_t len, size_t *at)
{
    struct pollfd p = {.fd = t->fd, .events = POLLOUT};
    size_t left = len - *at;

    if (t->gone)
        return TARGET_LOST;
    if (poll(&p, 1, 0) <= 0)
        return TARGET_BUSY;
    ssize_t n = write(t->fd, text + *at, left < PIPE_BUF ? left : (size_t)PIPE_BUF);
    if (n >= 0) {
        *at += (size_t)n;
        return TARGET_TOOK;
    }
    if (errno == EAGAIN || errno == EINTR)
        return TARGET_BUSY;
    log_error("JSON lines: nobody reads standard output any more: flows are stored only");
    t->gone = true;
    return TARGET_LOST;
}

enum target_did target_write(struct target *t, const char *text, size_t len, size_t *at)
{
    if (t->is_socket)
        return write_socket(t, text, len, at);
    return t->is_file ? write_file(t, text, len, at) : write_pipe(t, text, len, at);
}
