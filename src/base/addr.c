#include "base/addr.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct addr addr_mask(struct addr a, unsigned bits)
{
    for (unsigned i = 0; i < sizeof a.b; i++) {
        unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
        if (keep < 8)
            a.b[i] &= (uint8_t)(0xff00u >> keep);
    }
    return a;
}

static uint32_t word(const struct addr *a, size_t i)
{
    const uint8_t *p = a->b + 4 * i;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

unsigned addr_share(const struct addr *a, unsigned n)
{
    uint32_t x = word(a, 3);

    if (!addr_is_v4(a))
        x ^= word(a, 0) ^ word(a, 1) ^ word(a, 2);
    return (x * ADDR_SHARE_MUL >> 16) % n;
}

bool addr_netmask(const struct addr *mask, uint8_t *bits)
{
    uint32_t v = (uint32_t)mask->b[12] << 24 | (uint32_t)mask->b[13] << 16 |
                 (uint32_t)mask->b[14] << 8 | mask->b[15];

    *bits = (uint8_t)__builtin_popcount(v);
    return addr_is_v4(mask) && (~v & (~v + 1)) == 0;
}

size_t addr_print(const struct addr *a, char out[static ADDR_TEXT])
{
    if (addr_is_v4(a)) {
        size_t n = text_print_u64(a->b[12], out);
        for (size_t i = 13; i < 16; i++) {
            out[n++] = '.';
            n += text_print_u64(a->b[i], out + n);
        }
        out[n] = '\0';
        return n;
    }
    if (!inet_ntop(AF_INET6, a->b, out, ADDR_TEXT))
        out[0] = '\0'; /* cannot be: the room fits the longest */
    return strlen(out);
}

int addr_parse(const char *text, struct addr *out, struct err *err)
{
    uint8_t v4[4];
    struct addr v6;

    if (inet_pton(AF_INET, text, v4) == 1) {
        *out = addr_of_v4(v4);
        return 0;
    }
    if (inet_pton(AF_INET6, text, v6.b) == 1) {
        *out = v6;
        return 0;
    }
    return err_set(err, ERR_CONFIG, "expected an IPv4 or IPv6 address, found \"%s\"", text);
}

int prefix_parse(const char *text, struct prefix *out, struct err *err)
{
    char host[ADDR_TEXT];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    struct addr a;

    if (n >= sizeof host)
        return err_set(err, ERR_CONFIG, "expected an address or prefix, found \"%s\"", text);
    memcpy(host, text, n);
    host[n] = '\0';
    int r = addr_parse(host, &a, err);
    if (r)
        return r;

    unsigned base = addr_is_v4(&a) ? ADDR_V4_BITS : 0;
    unsigned long bits = 128 - base;
    if (slash) {
        char *end;
        bits = strtoul(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || bits > 128 - base)
            return err_set(err, ERR_CONFIG, "expected a prefix length of 0 to %u in \"%s\"",
                           128 - base, text);
    }
    bits += base;
    *out = (struct prefix){.addr = addr_mask(a, (unsigned)bits), .bits = (uint8_t)bits};
    return 0;
}

int addr_port_parse(const char *text, struct addr *out, uint16_t *port, struct err *err)
{
    char host[ADDR_TEXT] = "";
    const char *colon = strrchr(text, ':');
    const char *digits = text;
    struct addr a = *out;

    if (colon) {
        const char *from = text;
        const char *to = colon;
        if (*from == '[' && to > from && to[-1] == ']') {
            from++;
            to--;
        }
        size_t n = (size_t)(to - from);
        if (n >= sizeof host)
            return err_set(err, ERR_CONFIG, "expected ADDRESS:PORT, found \"%s\"", text);
        memcpy(host, from, n);
        host[n] = '\0';
        digits = colon + 1;
    }
    char *end;
    unsigned long v = strtoul(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end != '\0' || v > UINT16_MAX)
        return err_set(err, ERR_CONFIG,
                       "expected ADDRESS:PORT with a port of 0 to 65535, found \"%s\"", text);
    if (host[0] != '\0') {
        int r = addr_parse(host, &a, err);
        if (r)
            return r;
    }
    *out = a;
    *port = (uint16_t)v;
    return 0;
}

size_t prefix_print(const struct prefix *p, char out[static PREFIX_TEXT])
{
    bool v4 = p->bits >= ADDR_V4_BITS && addr_is_v4(&p->addr);
    size_t n = addr_print(&p->addr, out);

    out[n++] = '/';
    n += text_print_u64(p->bits - (v4 ? ADDR_V4_BITS : 0u), out + n);
    out[n] = '\0';
    return n;
}

size_t addr_port_print(const struct addr *a, uint16_t port, char out[static ADDR_PORT_TEXT])
{
    bool v6 = !addr_is_v4(a);
    size_t n = v6;

    out[0] = '[';
    n += addr_print(a, out + n);
    if (v6)
        out[n++] = ']';
    out[n++] = ':';
    n += text_print_u64(port, out + n);
    out[n] = '\0';
    return n;
}
