/* raw: UDP packets whose IP header is ours to write, so that they bear the address of somebody
 * else.
 *
 * The kernel sends what it is given, and fills in IPv4's length, identification and checksum; UDP's
 * checksum is ours. It does not part what is longer than the way's MTU: that is done here. Needs
 * CAP_NET_RAW when opened, and nothing afterwards. */
#ifndef NET_RAW_H
#define NET_RAW_H

#include "base/addr.h"
#include "base/err.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum { RAW_HEAD = 48 /* of IPv6 and UDP */ };

/* Of one version of IP. */
int raw_open(bool v4, int *fd, struct err *err) MUST_USE;

struct raw_ends {
    struct addr src; /* of the same version of IP */
    struct addr dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t ttl;
    bool no_checksum; /* of UDP; IPv6 has one all the same */
};

/* The sum of a payload, for the heads of all its packets: added up as 16-bit words, not folded. */
uint64_t raw_sum(const uint8_t *data, size_t len);

/* The headers of a packet with this payload: how many octets. len: at most 65,507 (IPv6: 65,527).
 */
size_t raw_head(const struct raw_ends *e, size_t len, uint64_t sum, uint8_t out[static RAW_HEAD]);

/* A packet of these headers and payload as fragments, which `id` keeps together: another for each
 * packet. false: it did not go, errno says why. */
bool raw_send_parts(int fd, const struct raw_ends *e, const uint8_t *head, const uint8_t *data,
                    size_t len, size_t mtu, uint32_t id);

/* Of the way to an address; 0: there is none. */
size_t raw_mtu(const struct addr *to);

#endif
