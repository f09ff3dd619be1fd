/* addr: an IP address as 16 bytes, IPv4 as ::ffff:a.b.c.d; prefixes; text. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    ADDR_TEXT = 46,      /* the longest address, with its zero byte */
    ADDR_PORT_TEXT = 54, /* [address]:port */
    PREFIX_TEXT = 50,    /* address/bits */
    ADDR_V4_BITS = 96    /* where an IPv4 address begins in the 16 bytes */
};

struct addr {
    uint8_t b[16];
};

struct prefix {
    struct addr addr;
    uint8_t bits; /* of the 16 bytes: an IPv4 /24 is 120 */
};

static inline struct addr addr_of_v4(const uint8_t v4[static 4])
{
    struct addr a = {.b = {[10] = 0xff, [11] = 0xff}};
    memcpy(a.b + 12, v4, 4);
    return a;
}

static inline bool addr_is_v4(const struct addr *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(a->b, mapped, sizeof mapped) == 0;
}

/* 0.0.0.0 or ::, which mean that there is none. */
static inline bool addr_is_zero(const struct addr *a)
{
    static const uint8_t none[16];
    return memcmp(a->b, none, 10) == 0 && memcmp(a->b + 12, none, 4) == 0 &&
           (addr_is_v4(a) || memcmp(a->b + 10, none, 2) == 0);
}

static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* `a` with all but its first `bits` (0..128) bits zero. */
struct addr addr_mask(struct addr a, unsigned bits);

#define ADDR_SHARE_MUL UINT32_C(0x9e3779b1) /* 2^32 by the golden ratio */

/* Which of n (at least 1) equal shares of all addresses this one is in, from 0. It is what the
 * kernel is told to choose a socket by (net/steer.h), so state shared out by it meets its sender.
 */
unsigned addr_share(const struct addr *a, unsigned n);

/* Of an IPv4 netmask, "255.255.255.0": how many ones, 0 to 32. false: they do not all stand first.
 */
bool addr_netmask(const struct addr *mask, uint8_t *bits);

/* Writes text and its zero byte; returns the length. */
size_t addr_print(const struct addr *a, char out[static ADDR_TEXT]);

/* "192.0.2.1", "2001:db8::1". Returns 0 or ERR_CONFIG. */
int addr_parse(const char *text, struct addr *out, struct err *err) MUST_USE;

/* As addr_parse, or with "/bits"; without it the prefix is the host. IPv4 bits are 0..32 in the
 * text. Bits behind the prefix are cleared. */
int prefix_parse(const char *text, struct prefix *out, struct err *err) MUST_USE;

/* "192.0.2.0/24", "2001:db8::/32". */
size_t prefix_print(const struct prefix *p, char out[static PREFIX_TEXT]);

static inline bool prefix_has(const struct prefix *p, const struct addr *a)
{
    struct addr m = addr_mask(*a, p->bits);
    return addr_eq(&m, &p->addr);
}

/* "HOST:PORT", "[v6]:PORT", ":PORT" or "PORT" (then `out` is left as it is and only the port is
 * set). Host is an address, not a name. */
int addr_port_parse(const char *text, struct addr *out, uint16_t *port, struct err *err) MUST_USE;

/* "192.0.2.1:2055", "[2001:db8::1]:2055". */
size_t addr_port_print(const struct addr *a, uint16_t port, char out[static ADDR_PORT_TEXT]);

#endif
