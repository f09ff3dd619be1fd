/* collect: the collector: sockets and streams → receivers → the store; the control socket.
 *
 * The main thread opens and starts receivers, and then waits for signals and questions. SIGHUP:
 * the access list is read again, what has been received until now goes into files, receive buffers
 * are asked for again. */
#ifndef COLLECT_COLLECT_H
#define COLLECT_COLLECT_H

#include "base/addr.h"
#include "base/err.h"
#include "flow/out.h"
#include "flow/quirk.h"
#include "flow/senders.h"
#include "net/access.h"
#include "net/steer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COLLECT_LISTENERS = 64,
    COLLECT_TCP_SESSIONS = 256, /* of each worker */
    COLLECT_WORKERS = STEER_MAX,
    COLLECT_RCVBUF_BYTES = 16 * 1024 * 1024,       /* to begin with */
    COLLECT_RCVBUF_FORCED_BYTES = 64 * 1024 * 1024 /* where more can be had now, and not later */
};

struct collect_listen {
    struct addr addr;
    uint16_t port;
    size_t line; /* where it was said, in collect_options.file; 0: not there */
    size_t column;
};

struct collect_options;

/* Where the options come from; embedded in the caller's. */
struct collect_source {
    /* Read them again; *out is the source's until the next call. What it gave before may go. */
    int (*read)(struct collect_source *s, const struct collect_options **out, struct err *err);
};

struct collect_options {
    struct collect_source *source; /* NULL: they stay as they are */
    const char *file;              /* that they are from; NULL: none */
    const char *dir;
    const char *instance;
    const char *user; /* whom to become; NULL: nobody */
    struct collect_listen udp[COLLECT_LISTENERS];
    size_t n_udp;
    struct collect_listen tcp[COLLECT_LISTENERS];
    size_t n_tcp;
    struct access_rules access; /* the caller's */
    struct senders senders;     /* the caller's */
    struct quirks quirks;       /* the caller's */
    unsigned workers;           /* 0: collect_workers() */
    bool pin;                   /* each to a processor */
    size_t rcvbuf_bytes;        /* 0: as the rate asks */
    int64_t seal_every_ms;
    uint64_t journal_bytes;
    int64_t sync_ms;
    struct sink *sink; /* gets all flows too; may be NULL. The caller's. */
};

struct collect_options collect_options_default(void);

/* How many suit this machine: one for two processors, since each has a sealing thread that has more
 * to do than it. At most 4, each of which takes some millions of flows a second. */
unsigned collect_workers(void);

/* "FILE:LINE:COLUMN: " of what was said there, or nothing. */
enum { COLLECT_PLACE = 512 };
void collect_place(const struct collect_options *o, size_t line, size_t column,
                   char out[static COLLECT_PLACE]);

/* Recover, listen, and work until SIGINT or SIGTERM; then drain and seal. Logs. */
int collect_run(const struct collect_options *options, struct err *err) MUST_USE;

/* Where an instance's control socket is: $RUNTIME_DIRECTORY/INSTANCE.sock, else
 * DIR/run/INSTANCE.sock. */
int collect_socket(char *out, size_t size, const char *dir, const char *instance,
                   struct err *err) MUST_USE;

#endif
