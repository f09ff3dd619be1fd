/* target: where lines of text go: a file, standard output, a Unix socket that somebody listens at.
 *
 *   PATH        a file; lines are added at its end. Made if need be (mode 0640).
 *   -           standard output
 *   unix:PATH   a stream socket. Nobody need listen yet: it is tried again and again.
 *
 * Nothing here waits but for a disk. What arrives is whole lines, whatever happens: where a disk is
 * full the part of a line that fitted is taken away again, and a reader that comes after another
 * gets the line in which that one went away from its beginning. What a reader had not read of
 * its socket is gone with it, and nobody can know of that. */
#ifndef SINK_TARGET_H
#define SINK_TARGET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TARGET_RETRY_MS = 250 }; /* between attempts to connect */

struct target {
    const char *to; /* borrowed */
    int fd;         /* -1: nobody listens */
    bool is_socket;
    bool is_file;
    bool gone; /* standard output's reader */
    int64_t tried_mono_ms;
};

enum target_did {
    TARGET_TOOK, /* some of it, or all */
    TARGET_BUSY, /* nothing: wait until fd can be written to */
    TARGET_AWAY, /* nothing: nobody is there, try again in a while */
    TARGET_LOST  /* nothing, and that will not change for this text */
};

/* ERR_CONFIG if it can be none of the above. */
int target_check(const char *to, struct err *err) MUST_USE;

/* For a socket that nobody listens at this is no failure. */
int target_open(struct target *t, const char *to, struct err *err) MUST_USE;
void target_close(struct target *t);

/* The file of that name may be another by now. If it cannot be opened the old one stays; logs. */
void target_reopen(struct target *t);

/* Write of text[*at, len), whole lines, what goes without waiting, and count *at up; back to the
 * beginning of a line where that has to be written again. Logs. SIGPIPE must be blocked. */
enum target_did target_write(struct target *t, const char *text, size_t len, size_t *at);

#endif
