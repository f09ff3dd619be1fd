#include "base/syslog.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/near.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 2304, TIME_TEXT = 32 };

static const char default_socket[] = "/dev/log";

/* By their numbers (RFC 3164, section 4.1.1); those between have no names in common use. */
static const struct {
    const char *name;
    int number;
} facilities[] = {
    {"kern", 0},      {"user", 1},    {"mail", 2},    {"daemon", 3},  {"auth", 4},
    {"syslog", 5},    {"lpr", 6},     {"news", 7},    {"uucp", 8},    {"cron", 9},
    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17}, {"local2", 18},
    {"local3", 19},   {"local4", 20}, {"local5", 21}, {"local6", 22}, {"local7", 23},
};

static int parse_facility(const char *text, size_t len, int *out, struct err *err)
{
    struct near near = near_of(text, len);

    for (size_t i = 0; i < COUNT_OF(facilities); i++) {
        near_try(&near, facilities[i].name);
        if (strlen(facilities[i].name) != len || memcmp(facilities[i].name, text, len) != 0)
            continue;
        *out = facilities[i].number;
        return 0;
    }
    const char *best = near_best(&near);
    return err_set(
        err, ERR_CONFIG,
        "expected a syslog facility (daemon, local0 to local7, ...), found \"%.40s\"%s%s%s", text,
        best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
}

static int parse(const char *text, int *facility, struct sockaddr_un *to, struct err *err)
{
    const char *at = strchr(text, '@');
    const char *path = at ? at + 1 : default_socket;
    int r = parse_facility(text, at ? (size_t)(at - text) : strlen(text), facility, err);

    if (r)
        return r;
    if (*path != '/' || strlen(path) >= sizeof to->sun_path)
        return err_set(err, ERR_CONFIG,
                       "expected the path of syslog's socket behind @ in \"%.40s\"", text);
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(to->sun_path, path, strlen(path));
    return 0;
}

int syslog_check(const char *text, struct err *err)
{
    struct sockaddr_un to;
    int facility;

    return parse(text, &facility, &to, err);
}

int syslog_open_to(struct syslog *s, const char *text, struct err *err)
{
    struct sockaddr_un to;
    int facility;
    int r = parse(text, &facility, &to, err);

    if (r)
        return r;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(err, "syslog");
    *s = (struct syslog){.fd = fd, .facility = facility, .to = to};
    return 0;
}

int syslog_send(struct syslog *s, int severity, const char *text, size_t len, struct err *err)
{
    uint8_t line[LINE_BYTES];
    char at[TIME_TEXT] = "";
    struct tm tm;
    time_t now = time(NULL);
    struct buf b;

    if (localtime_r(&now, &tm))
        (void)strftime(at, sizeof at, "%b %e %H:%M:%S ", &tm);
    buf_fixed(&b, line, sizeof line);
    buf_printf(&b, "<%d>%sweir[%d]: ", s->facility * 8 + severity, at, (int)getpid());
    buf_bytes(&b, text, len);
    unsigned lost = atomic_exchange(&s->lost, 0);
    if (lost > 0)
        buf_printf(&b, " syslog_lost=%u", lost);
    if (sendto(s->fd, b.data, b.len, MSG_NOSIGNAL, (const struct sockaddr *)&s->to, sizeof s->to) >=
        0)
        return 0;
    int r = err_sys(err, "%s", s->to.sun_path);
    atomic_fetch_add(&s->lost, lost + 1);
    return r;
}
