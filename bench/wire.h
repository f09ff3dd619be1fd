/* wire: flows → export datagrams of NetFlow v5, v9 and IPFIX, templates included.
 *
 * Written apart from src/: what checks and measures the decoder must not share its tables. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "base/buf.h"
#include "mix.h"

enum { WIRE_PAYLOAD = 1472, WIRE_RECORDS_MAX = 64 };

/* One exporter's side of a conversation. */
struct wire {
    unsigned version;        /* 5, 9, 10 */
    unsigned records;        /* at most, in a datagram */
    unsigned template_every; /* datagrams */
    uint32_t domain;
    uint32_t sequence;
    uint32_t datagrams;
    bool ipv6;
};

/* Write one datagram of up to `want` flows to `out` (at least WIRE_PAYLOAD free); returns how many
 * are in it and sets when it is sent. */
size_t wire_datagram(struct wire *w, struct mix *mix, size_t want, struct buf *out, int64_t *ms);

#endif
