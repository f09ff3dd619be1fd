/* out: the way to one receiver: a queue for a batch of datagrams, and how many came of it. */
#ifndef RELAY_OUT_H
#define RELAY_OUT_H

#include "net/udp.h"
#include "relay/setup.h"

struct relay_sent {
    uint64_t datagrams; /* handed to the kernel */
    uint64_t bytes;
    uint64_t skipped;      /* by "one in N" */
    uint64_t failed;       /* the kernel would not, see `last_error` */
    uint64_t refused;      /* its machine said that nobody listens */
    uint64_t other_family; /* a sender's address of the other version of IP */
    int last_error;        /* errno; 0: none */
};

/* A raw socket, which receivers of one version of IP share, as they do the numbers by which
 * fragments are kept together. */
struct relay_raw {
    int fd;
    uint32_t parted;
};

struct relay_out;

/* raw: of its version of IP, and outlives it; NULL: datagrams go as ours. */
int relay_out_new(struct relay_out **out, const struct relay_receiver *to, struct relay_raw *raw,
                  bool no_checksum, size_t buffer_bytes, struct err *err) MUST_USE;
void relay_out_free(struct relay_out *o);

/* One more for the queue, which has room for UDP_BATCH. The datagram's octets must stay until it is
 * flushed; `sum`: their raw_sum(). */
void relay_out_add(struct relay_out *o, const struct udp_datagram *d, uint64_t sum);
void relay_out_flush(struct relay_out *o);

/* Are both the same receiver, told in the same way? */
bool relay_out_is(const struct relay_out *o, const struct relay_receiver *to);

/* The setup has moved: `to` is the same receiver there. */
void relay_out_move(struct relay_out *o, const struct relay_receiver *to);

const struct relay_sent *relay_out_sent(const struct relay_out *o);

#endif
