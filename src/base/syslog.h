/* syslog: log lines to this machine's syslog daemon, without ever waiting for it.
 *
 * A line is a datagram to a Unix socket, as the C library's syslog() writes it (RFC 3164):
 * "<facility * 8 + severity>Mmm dd hh:mm:ss weir[pid]: text". What the daemon has no room for, or
 * while there is none, is lost here; how many lines stands in the next that arrives. */
#ifndef BASE_SYSLOG_H
#define BASE_SYSLOG_H

#include "base/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/un.h>

struct syslog {
    int fd;
    int facility;
    struct sockaddr_un to;
    _Atomic unsigned lost;
};

/* "local3", or with the daemon's socket: "local3@/run/log" (/dev/log). ERR_CONFIG, ERR_SYS. */
int syslog_open_to(struct syslog *s, const char *text, struct err *err) MUST_USE;

/* Whether it may be such a text. */
int syslog_check(const char *text, struct err *err) MUST_USE;

/* Severities are syslog's (3 error, 4 warning, 6 info, 7 debug). 0 or ERR_SYS. Any thread. */
int syslog_send(struct syslog *s, int severity, const char *text, size_t len, struct err *err);

#endif
