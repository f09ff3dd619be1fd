#include "filter/icmp.h"

#include "base/attr.h"
#include "filter/lex.h"

struct row {
    const char *name;
    struct icmp_name is;
};

/* IANA's registries "ICMP Type Numbers" and "ICMPv6 Parameters". */
/* clang-format off */
#define V4(name, type) {name, {{true, type, 0}, {false, 0, 0}}}
#define V6(name, type) {name, {{false, 0, 0}, {true, type, 0}}}
#define BOTH(name, v4, v6) {name, {{true, v4, 0}, {true, v6, 0}}}
static const struct row types[] = {
    BOTH("echo-request", 8, 128), BOTH("echo", 8, 128), BOTH("echo-reply", 0, 129),
    BOTH("unreachable", 3, 1), BOTH("destination-unreachable", 3, 1),
    BOTH("time-exceeded", 11, 3), BOTH("parameter-problem", 12, 4), BOTH("redirect", 5, 137),
    BOTH("router-solicitation", 10, 133), BOTH("router-advertisement", 9, 134),
    BOTH("extended-echo-request", 42, 160), BOTH("extended-echo-reply", 43, 161),
    V4("source-quench", 4), V4("timestamp-request", 13), V4("timestamp-reply", 14),
    V4("information-request", 15), V4("information-reply", 16),
    V4("mask-request", 17), V4("mask-reply", 18), V4("traceroute", 30),
    V6("packet-too-big", 2), V6("listener-query", 130), V6("listener-report", 131),
    V6("listener-done", 132), V6("neighbor-solicitation", 135), V6("neighbor-advertisement", 136),
    V6("router-renumbering", 138), V6("node-query", 139), V6("node-response", 140),
    V6("inverse-neighbor-solicitation", 141), V6("inverse-neighbor-advertisement", 142),
    V6("listener-report-v2", 143), V6("home-agent-request", 144), V6("home-agent-reply", 145),
    V6("mobile-prefix-solicitation", 146), V6("mobile-prefix-advertisement", 147),
    V6("certification-path-solicitation", 148), V6("certification-path-advertisement", 149),
    V6("multicast-router-advertisement", 151), V6("multicast-router-solicitation", 152),
    V6("multicast-router-termination", 153), V6("rpl-control", 155),
};
#undef V4
#undef V6
#undef BOTH

#define V4(name, type, code) {name, {{true, type, code}, {false, 0, 0}}}
#define V6(name, type, code) {name, {{false, 0, 0}, {true, type, code}}}
#define BOTH(name, v4, c4, v6, c6) {name, {{true, v4, c4}, {true, v6, c6}}}
static const struct row codes[] = {
    BOTH("port-unreachable", 3, 3, 1, 4), BOTH("admin-prohibited", 3, 13, 1, 1),
    BOTH("host-unreachable", 3, 1, 1, 3), V6("address-unreachable", 1, 3),
    BOTH("ttl-exceeded", 11, 0, 3, 0), V6("hop-limit-exceeded", 3, 0),
    BOTH("reassembly-exceeded", 11, 1, 3, 1),
    V4("net-unreachable", 3, 0), V4("protocol-unreachable", 3, 2),
    V4("fragmentation-needed", 3, 4), V4("source-route-failed", 3, 5),
    V4("net-unknown", 3, 6), V4("host-unknown", 3, 7), V4("host-isolated", 3, 8),
    V4("net-prohibited", 3, 9), V4("host-prohibited", 3, 10), V4("net-tos-unreachable", 3, 11),
    V4("host-tos-unreachable", 3, 12), V4("precedence-violation", 3, 14),
    V4("precedence-cutoff", 3, 15), V4("net-redirect", 5, 0), V4("host-redirect", 5, 1),
    V4("net-tos-redirect", 5, 2), V4("host-tos-redirect", 5, 3),
    V4("missing-option", 12, 1), V4("bad-length", 12, 2),
    V6("no-route", 1, 0), V6("beyond-scope", 1, 2), V6("source-policy-failed", 1, 5),
    V6("reject-route", 1, 6), V6("bad-header", 4, 0), V6("unknown-next-header", 4, 1),
    V6("unknown-option", 4, 2),
};
#undef V4
#undef V6
#undef BOTH
/* clang-format on */

static const struct row *table(bool code, size_t *n)
{
    *n = code ? COUNT_OF(codes) : COUNT_OF(types);
    return code ? codes : types;
}

bool icmp_find(bool code, const char *s, size_t n, struct icmp_name *out)
{
    size_t count;
    const struct row *rows = table(code, &count);

    for (size_t i = 0; i < count; i++) {
        if (word_is(s, n, rows[i].name)) {
            *out = rows[i].is;
            return true;
        }
    }
    return false;
}

void icmp_try(bool code, struct near *near)
{
    size_t count;
    const struct row *rows = table(code, &count);

    for (size_t i = 0; i < count; i++)
        near_try(near, rows[i].name);
}
