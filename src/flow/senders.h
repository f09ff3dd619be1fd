/* senders: what the operator says of those who send, by prefix; the longest that fits decides.
 *
 * Kept longest first, SENDERS_MAX at most, and tried in turn: once for an exporter that is new, not
 * for each datagram. */
#ifndef FLOW_SENDERS_H
#define FLOW_SENDERS_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SENDERS_MAX = 1024, SENDER_NAME = 64 };

struct sender_rule {
    struct prefix prefix;
    double rate;            /* one in how many, whatever the exporter says; 0: as it says */
    bool reject;            /* what comes out of order */
    bool trusts;            /* it relays: exporters are whom its records name (elements 130, 131) */
    char name[SENDER_NAME]; /* what the operator calls it; empty: nothing */
};

/* Zeroed is empty. */
struct senders {
    struct sender_rule *v;
    size_t n;
};

/* The rule of exactly this prefix, made if there is none; NULL if there are SENDERS_MAX, or there
 * is no memory. */
struct sender_rule *senders_get(struct senders *s, const struct prefix *p);
void senders_remove(struct senders *s, const struct prefix *p);
void senders_free(struct senders *s);

/* false if there is no memory; then `to` is as it was. */
bool senders_copy(struct senders *to, const struct senders *from);

bool senders_same(const struct senders *a, const struct senders *b);

/* NULL: nothing is said of it. */
const struct sender_rule *senders_find(const struct senders *s, const struct addr *who);

/* "core-1 192.0.2.1:2055", or without the name where that is empty. */
enum { SENDER_TEXT = SENDER_NAME + ADDR_PORT_TEXT };
void sender_print(const char *name, const struct addr *addr, uint16_t port,
                  char out[static SENDER_TEXT]);

#endif
