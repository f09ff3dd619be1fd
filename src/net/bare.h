/* bare: export datagrams written to a file one after another, without anything around them: where
 * one ends and the next begins.
 *
 * NetFlow v1 to v8 by count and record size, IPFIX by its length. v9 has no length: its datagram
 * goes on while what follows can be a flowset (id 0, 1, or 256 and up; a length that fits). */
#ifndef NET_BARE_H
#define NET_BARE_H

#include "base/cursor.h"

enum { BARE_MAX = 65535 };

/* Bytes of the datagram at the begin of `in`, at most BARE_MAX; all that is left where the header
 * promises more than there is, or is of no version we know. 0 at the end. */
size_t bare_len(struct cur in);

/* Whether this can be an export datagram: a known version, and as long as its header at least. */
bool bare_ok(struct cur in);

#endif
