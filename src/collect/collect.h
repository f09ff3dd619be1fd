/* collect: the collector: sockets and streams → one worker → the store; the control socket. */
#ifndef COLLECT_COLLECT_H
#define COLLECT_COLLECT_H

#include "base/addr.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { COLLECT_LISTENERS = 64, COLLECT_TCP_SESSIONS = 256 };

struct collect_listen {
    struct addr addr;
    uint16_t port;
};

struct collect_options {
    const char *dir;
    const char *instance;
    struct collect_listen udp[COLLECT_LISTENERS];
    size_t n_udp;
    struct collect_listen tcp[COLLECT_LISTENERS];
    size_t n_tcp;
    size_t rcvbuf_bytes;
    int64_t seal_every_ms;
    uint64_t journal_bytes;
    int64_t sync_ms;
};

struct collect_options collect_options_default(void);

/* Recover, listen, and work until SIGINT or SIGTERM; then drain and seal. Logs. */
int collect_run(const struct collect_options *options, struct err *err) MUST_USE;

/* Where an instance's control socket is: $RUNTIME_DIRECTORY/INSTANCE.sock, else
 * DIR/run/INSTANCE.sock. */
int collect_socket(char *out, size_t size, const char *dir, const char *instance,
                   struct err *err) MUST_USE;

#endif
