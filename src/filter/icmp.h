/* icmp: names of ICMP types and codes, which mean other numbers in ICMPv6. */
#ifndef FILTER_ICMP_H
#define FILTER_ICMP_H

#include "base/near.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ICMP_PROTO = 1, ICMP6_PROTO = 58 };

/* What a name is in one of the protocols. */
struct icmp_meaning {
    bool is; /* it has one there */
    uint8_t type;
    uint8_t code; /* of a code's name */
};

struct icmp_name {
    struct icmp_meaning v4;
    struct icmp_meaning v6;
};

/* The name of a type, or of a code together with the type that it belongs to, in any case. */
bool icmp_find(bool code, const char *s, size_t n, struct icmp_name *out);

void icmp_try(bool code, struct near *near);

#endif
