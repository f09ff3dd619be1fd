/* connections: who began a conversation, and with which packet.
 *
 * A table of the conversations seen of late, by addresses, protocol and ports of both directions.
 * The client is who sent the first packet, or, where that is TCP's SYN and ACK, who it answers. A
 * connection ends by silence, or where a SYN follows FIN or RST. The table's size is fixed (4 MiB):
 * in a full row the one that was silent for longest makes room, and is counted. */
#ifndef PROBE_CONNECTIONS_H
#define PROBE_CONNECTIONS_H

#include "base/count.h"
#include "probe/facts.h"

struct connections;

struct connection {
    uint32_t number; /* from 1 on */
    bool from_client;
    bool begun;        /* by this packet */
    uint64_t since_ms; /* the one before it */
};

struct connections *connections_new(struct counts *counts);
void connections_free(struct connections *c);

void connections_see(struct connections *c, const struct facts *f, int64_t time_ms,
                     struct connection *out);

#endif
