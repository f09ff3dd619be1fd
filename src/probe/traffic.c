#include "probe/traffic.h"

#include "base/attr.h"
#include "wire/packet.h"

/* In the order in which routers show them; port 0: fragments that have none; -1: any other. */
static const struct {
    const char *name;
    uint8_t proto;
    int first;
    int last;
} rows[TRAFFIC_PROTOCOLS] = {
    {"TCP-Telnet", PACKET_TCP, 23, 23},
    {"TCP-FTP", PACKET_TCP, 21, 21},
    {"TCP-FTPD", PACKET_TCP, 20, 20},
    {"TCP-WWW", PACKET_TCP, 80, 80},
    {"TCP-SMTP", PACKET_TCP, 25, 25},
    {"TCP-X", PACKET_TCP, 6000, 6063},
    {"TCP-BGP", PACKET_TCP, 179, 179},
    {"TCP-NNTP", PACKET_TCP, 119, 119},
    {"TCP-Frag", PACKET_TCP, 0, 0},
    {"TCP-other", PACKET_TCP, -1, -1},
    {"UDP-DNS", PACKET_UDP, 53, 53},
    {"UDP-NTP", PACKET_UDP, 123, 123},
    {"UDP-TFTP", PACKET_UDP, 69, 69},
    {"UDP-Frag", PACKET_UDP, 0, 0},
    {"UDP-other", PACKET_UDP, -1, -1},
    {"ICMP", PACKET_ICMP, -1, -1},
    {"IGMP", 2, -1, -1},
    {"IPINIP", 4, -1, -1},
    {"GRE", 47, -1, -1},
    {"IP-other", 0, -1, -1},
};

unsigned traffic_longest(size_t i)
{
    enum { STEP = 32, LONG = 512 };

    return i < TRAFFIC_SHORT ? (unsigned)(i + 1) * STEP : (unsigned)(i - TRAFFIC_SHORT + 2) * LONG;
}

static bool is_port(size_t i, uint16_t port)
{
    return port >= rows[i].first && port <= rows[i].last;
}

size_t traffic_protocol(const struct facts *f)
{
    for (size_t i = 0; i + 1 < TRAFFIC_PROTOCOLS; i++) {
        if (rows[i].proto != f->proto)
            continue;
        if (rows[i].first < 0 || is_port(i, f->dst_port) || is_port(i, f->src_port))
            return i;
    }
    return TRAFFIC_PROTOCOLS - 1;
}

const char *traffic_name(size_t i) { return rows[i].name; }

void traffic_sum(struct traffic *sum, const struct traffic *t)
{
    for (size_t i = 0; i < TRAFFIC_SIZES; i++)
        sum->sizes[i] += t->sizes[i];
    for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++) {
        sum->by[i].flows += t->by[i].flows;
        sum->by[i].packets += t->by[i].packets;
        sum->by[i].bytes += t->by[i].bytes;
        sum->by[i].active_ms += t->by[i].active_ms;
        sum->by[i].idle_ms += t->by[i].idle_ms;
    }
}

void traffic_since(struct traffic *now, const struct traffic *then)
{
    for (size_t i = 0; i < TRAFFIC_SIZES; i++)
        now->sizes[i] -= then->sizes[i];
    for (size_t i = 0; i < TRAFFIC_PROTOCOLS; i++) {
        now->by[i].flows -= then->by[i].flows;
        now->by[i].packets -= then->by[i].packets;
        now->by[i].bytes -= then->by[i].bytes;
        now->by[i].active_ms -= then->by[i].active_ms;
        now->by[i].idle_ms -= then->by[i].idle_ms;
    }
}
