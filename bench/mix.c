#include "mix.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ZIPF_SIZE = 1 << 20,
    NORMAL_SIZE = 1 << 14,
    LONG_FLOWS = 8192, /* that may be reported again */
    PREFIXES = 6000,
    DAY_MS = 86400000
};

struct mix {
    struct mix_options o;
    uint64_t state;
    uint64_t made;
    struct mix_flow long_flow[LONG_FLOWS];
    uint32_t zipf[ZIPF_SIZE];   /* host by evenly spread chance */
    double normal[NORMAL_SIZE]; /* normally distributed */
};

/* SplitMix64 (Steele, Lea, Flood 2014): a counter and its mixing function. */
static uint64_t scramble(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t draw(struct mix *m) { return scramble(m->state += UINT64_C(0x9e3779b97f4a7c15)); }

static uint64_t below(struct mix *m, uint64_t n) { return (draw(m) >> 32) * n >> 32; }

static bool chance(struct mix *m, unsigned percent) { return below(m, 100) < percent; }

/* (0, 1] */
static double fraction(struct mix *m) { return (double)((draw(m) >> 11) + 1) * 0x1p-53; }

static double lognormal(struct mix *m, double mu, double sigma)
{
    return exp(mu + sigma * m->normal[below(m, NORMAL_SIZE)]);
}

static void fill_tables(struct mix *m)
{
    double sum = 0;
    double reached = 1;
    uint32_t host = 0;

    for (unsigned i = 1; i <= m->o.hosts; i++)
        sum += pow(i, -m->o.zipf);
    for (size_t i = 0; i < ZIPF_SIZE; i++) {
        while (host + 1 < m->o.hosts && reached < ((double)i + 0.5) / ZIPF_SIZE * sum)
            reached += pow(++host + 1, -m->o.zipf);
        m->zipf[i] = host;
    }
    for (size_t i = 0; i < NORMAL_SIZE; i++) { /* Box and Muller */
        double radius = sqrt(-2 * log(fraction(m)));
        m->normal[i] = radius * cos(6.283185307179586 * fraction(m));
    }
}

struct mix *mix_new(const struct mix_options *o)
{
    struct mix *m = mem_new(1, sizeof *m);

    m->o = *o;
    m->state = scramble(o->seed);
    fill_tables(m);
    return m;
}

void mix_free(struct mix *m) { free(m); }

int64_t mix_boot_ms(const struct mix *m) { return m->o.start_ms - DAY_MS; }

/* Address, AS, mask and interface of an end follow from the host's number: hosts lie in prefixes,
 * prefixes belong to an AS and are reached by one interface. */
static void put_end(struct mix *m, struct mix_flow *f, enum value addr, enum value as,
                    enum value mask, enum value interface)
{
    uint64_t host = scramble(m->zipf[below(m, ZIPF_SIZE)] + UINT64_C(0x5eed));
    uint64_t prefix = scramble(host % PREFIXES + UINT64_C(0xa5));

    f->v[addr] = (20 + prefix % 170) << 24 | (prefix >> 8) % 256 << 16 | (host >> 40) % 65536;
    f->v[as] = 1000 + (prefix >> 16) % 2500 * 23; /* 16 bits, for v5 */
    f->v[mask] = 16 + (prefix >> 32) % 9;
    f->v[interface] = 1 + (prefix >> 40) % 32;
}

static void put_ports(struct mix *m, struct mix_flow *f)
{
    static const uint16_t tcp[] = {443, 443, 443, 443, 443, 443, 443,  443,
                                   80,  80,  80,  22,  25,  993, 8080, 3389};
    static const uint16_t udp[] = {53, 53, 53, 53, 53, 53, 443, 443, 443, 123};

    f->v[PROTO] = chance(m, 66) ? 6 : chance(m, 91) ? 17 : 1;
    if (f->v[PROTO] == 1) {
        f->v[DST_PORT] = chance(m, 50) ? 0x0800 : 0; /* echo request, echo reply */
        return;
    }
    uint64_t client = 32768 + below(m, 28232);
    uint64_t server = chance(m, 10)      ? 1024 + below(m, 64000)
                      : f->v[PROTO] == 6 ? tcp[below(m, sizeof tcp / sizeof *tcp)]
                                         : udp[below(m, sizeof udp / sizeof *udp)];
    bool forward = chance(m, 50);
    f->v[SRC_PORT] = forward ? client : server;
    f->v[DST_PORT] = forward ? server : client;
}

static void put_size(struct mix *m, struct mix_flow *f)
{
    if (f->v[SRC_PORT] == 53 || f->v[DST_PORT] == 53 || f->v[PROTO] == 1) {
        f->v[PACKETS] = chance(m, 12) ? 2 : 1;
        f->v[BYTES] = f->v[PACKETS] * (60 + below(m, 240));
    } else {
        double packets = lognormal(m, 1.2, 1.4);
        f->v[PACKETS] = packets < 1 ? 1 : packets > 1e6 ? 1000000 : (uint64_t)packets;
        f->v[BYTES] =
            f->v[PACKETS] * (f->v[PACKETS] < 4 ? 40 + below(m, 200) : 60 + below(m, 1400));
    }
    if (f->v[PROTO] == 6) /* a lone SYN; the usual life of a connection; one that was reset */
        f->v[TCP_FLAGS] = f->v[PACKETS] == 1 ? 0x02 : chance(m, 88) ? 0x1b : 0x1e;
}

static void put_times(struct mix *m, struct mix_flow *f, int64_t now_ms)
{
    double ms = f->v[PACKETS] == 1 ? 0 : lognormal(m, 6.5, 1.8);
    uint64_t last = (uint64_t)now_ms - below(m, 15000);
    uint64_t boot = (uint64_t)mix_boot_ms(m);

    f->v[LAST_MS] = last;
    f->v[FIRST_MS] = last - (ms > 60000 ? 60000 : (uint64_t)ms);
    f->v[FIRST_UPTIME] = f->v[FIRST_MS] - boot;
    f->v[LAST_UPTIME] = last - boot;
}

int64_t mix_next(struct mix *m, struct mix_flow *out)
{
    int64_t now_ms =
        m->o.start_ms + (int64_t)((double)m->o.span_ms * (double)m->made++ / (double)m->o.flows);
    const struct mix_flow *again = &m->long_flow[below(m, LONG_FLOWS)];

    if (chance(m, 12) && again->v[PACKETS]) {
        *out = *again;
    } else {
        *out = (struct mix_flow){.ipv6 = chance(m, m->o.ipv6_percent)};
        put_end(m, out, SRC_ADDR, SRC_AS, SRC_MASK, IN_IF);
        put_end(m, out, DST_ADDR, DST_AS, DST_MASK, OUT_IF);
        out->v[NEXT_HOP] = 0x0a000001 + out->v[DST_AS] % 16;
        out->v[TOS] = chance(m, 12) ? 0x28 : 0;
        put_ports(m, out);
    }
    put_size(m, out);
    put_times(m, out, now_ms);
    if (out->v[PACKETS] > 8)
        m->long_flow[below(m, LONG_FLOWS)] = *out;
    return now_ms;
}
