/* setup: what a relay is to do: where it listens, to whom datagrams go, and whose go where. Made
 * from samplicate's flags and file (relay/samplicate.h); the relay only reads it. */
#ifndef RELAY_SETUP_H
#define RELAY_SETUP_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RELAY_NAME = 128,
    RELAY_RECEIVERS_MAX = 4096,
    RELAY_RULES_MAX = 65536,
    RELAY_BYTES_MAX = 65535
};

struct relay_receiver {
    char name[RELAY_NAME]; /* as it was said */
    struct addr to;
    uint16_t port;
    uint32_t every;    /* of so many datagrams the first */
    uint8_t ttl;       /* of what bears the sender's address */
    uint32_t pause_us; /* after each */
};

/* Datagrams of these senders go to receivers [first, first + n) each. */
struct relay_rule {
    struct prefix from;
    bool all; /* whoever sends by the same version of IP as `from` is of */
    size_t first;
    size_t n;
    size_t line; /* of the file; 0: of the command line: whoever sends */
};

struct relay_setup {
    struct addr listen;
    bool any; /* `listen` says nothing: at all addresses */
    bool v4;  /* of these versions of IP */
    bool v6;
    uint16_t port;
    size_t buffer_bytes;
    size_t bytes_max; /* longer datagrams are cut to it */
    bool keep_source;
    bool no_checksum;
    uint32_t quiet_ms; /* leave when nothing came for so long; 0: never */
    struct relay_receiver *receivers;
    size_t n_receivers;
    struct relay_rule *rules;
    size_t n_rules;
};

void relay_setup_free(struct relay_setup *s); /* takes a zeroed one */

#endif
