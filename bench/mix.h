/* mix: a deterministic stream of flows as a network has them: hosts by a Zipf law, services and
 * ephemeral ports, log-normal sizes, long flows that are reported again, advancing time.
 *
 * Flow number i of a seed is the same whatever version it is sent in. */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value {
    SRC_ADDR, /* IPv4; IPv6 addresses are made of it when they are written */
    DST_ADDR,
    NEXT_HOP,
    SRC_AS,
    DST_AS,
    SRC_MASK,
    DST_MASK,
    IN_IF,
    OUT_IF,
    SRC_PORT,
    DST_PORT,
    PROTO,
    TCP_FLAGS,
    TOS,
    PACKETS,
    BYTES,
    FIRST_MS, /* UTC */
    LAST_MS,
    FIRST_UPTIME, /* since the exporter's start */
    LAST_UPTIME,
    ZERO,
    VALUE_N
};

struct mix_flow {
    uint64_t v[VALUE_N];
    bool ipv6;
};

struct mix_options {
    uint64_t seed;
    uint64_t flows;
    int64_t start_ms;
    int64_t span_ms; /* between the first flow and the last */
    unsigned hosts;
    unsigned ipv6_percent;
    double zipf; /* exponent */
};

struct mix;

/* The caller frees with mix_free(). */
struct mix *mix_new(const struct mix_options *o);
void mix_free(struct mix *m);

/* The next flow, and when it is exported: not before its end. Flows never end. */
int64_t mix_next(struct mix *m, struct mix_flow *out);

/* When the exporter started. */
int64_t mix_boot_ms(const struct mix *m);

#endif
