/* ends: a conversation, whichever way its packets go: both ends, the lower first. */
#ifndef PROBE_ENDS_H
#define PROBE_ENDS_H

#include "probe/facts.h"
#include "wire/packet.h"

#include <stdbool.h>
#include <string.h>

/* No padding: it is hashed, and compared, as bytes. */
struct ends {
    struct addr addr[2];
    uint16_t port[2];
    uint8_t proto;
    uint8_t zero[3];
};

/* Returns which of the ends the packet comes from. `ports`: its protocol has some. */
static inline uint8_t ends_of(const struct facts *f, bool ports, struct ends *out)
{
    uint16_t src_port = ports ? f->src_port : 0;
    uint16_t dst_port = ports ? f->dst_port : 0;
    int order = memcmp(&f->src, &f->dst, sizeof f->src);
    uint8_t src = order > 0 || (order == 0 && src_port > dst_port);

    *out = (struct ends){.proto = f->proto};
    out->addr[src] = f->src;
    out->addr[1 - src] = f->dst;
    out->port[src] = src_port;
    out->port[1 - src] = dst_port;
    return src;
}

/* Does the packet open a TCP connection, or close one? */
static inline bool ends_open(const struct facts *f)
{
    enum { ACK = 0x10 };

    return f->proto == PACKET_TCP && (f->tcp_flags & (PACKET_TCP_SYN | ACK)) == PACKET_TCP_SYN;
}

static inline bool ends_close(const struct facts *f)
{
    return f->proto == PACKET_TCP && (f->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_RST));
}

#endif
