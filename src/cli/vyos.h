/* vyos: what VyOS's `system flow-accounting` says a probe is to do, with VyOS's meaning and
 * defaults.
 *
 * The file is a whole config.boot, that block alone, or `set` commands (base/braces.h). */
#ifndef CLI_VYOS_H
#define CLI_VYOS_H

#include "cli/probe_set.h"

enum { VYOS_FACILITY = 32 };

/* `note` (may be NULL) is told "FILE:LINE:COLUMN: why" of each line that has no counterpart here.
 * capture: packets come out of a file, so interfaces do not matter. may_be_none: no collector, too.
 * facility: of syslog, "" if none is said. *out is the caller's to free. ERR_CONFIG with its place.
 */
int vyos_setup(const char *path, bool capture, bool may_be_none, void (*note)(const char *text),
               struct setup *out, char facility[static VYOS_FACILITY], struct err *err) MUST_USE;

#endif
