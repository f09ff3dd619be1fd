/* predefined: the records that routers have without being told: netflow-original, and those of the
 * NetFlow v8 aggregations. */
#ifndef PROBE_PREDEFINED_H
#define PROBE_PREDEFINED_H

#include "base/err.h"
#include "probe/setup.h"

/* Is it called as these are, rather than as somebody's own record? */
bool predefined_is(const char *name);

/* "netflow-original", "netflow ipv4 as-tos peer", words parted by one blank. ERR_CONFIG: there is
 * none of this name, or nobody has published what is in it. */
int predefined_read(const char *name, struct setup_record *out, struct err *err) MUST_USE;

/* The i-th one's name; false: there are no more. */
bool predefined_name(size_t i, char out[static SETUP_NAME]);

#endif
