/* vyos: what VyOS's `system flow-accounting` says a probe is to do, with VyOS's meaning and
 * defaults.
 *
 * The file is a whole config.boot, that block alone, or `set` commands (base/braces.h). VyOS meters
 * by pmacct up to 1.4, and by ipt_NETFLOW since: there interfaces stand below netflow, servers have
 * sources of their own, and timeouts other names and defaults. Both are taken. */
#ifndef CLI_VYOS_H
#define CLI_VYOS_H

#include "cli/probe_set.h"

enum { VYOS_FACILITY = 32 };

struct vyos_options {
    bool capture;     /* packets come out of a file, so interfaces do not matter */
    bool may_be_none; /* no server, too */
    /* Is told "FILE:LINE:COLUMN: why" of what has no counterpart here; NULL: nobody is. */
    void (*note)(const char *text);
};

/* facility: of syslog, "" if none is said. *out is the caller's to free. ERR_CONFIG with its place.
 */
int vyos_setup(const char *path, const struct vyos_options *o, struct setup *out,
               char facility[static VYOS_FACILITY], struct err *err) MUST_USE;

/* The same of a text, whose name in messages is `file`. */
int vyos_read(const char *file, const char *text, size_t len, const struct vyos_options *o,
              struct setup *out, char facility[static VYOS_FACILITY], struct err *err) MUST_USE;

#endif
