#include "probe/connections.h"

#include "base/hash.h"
#include "base/mem.h"
#include "probe/ends.h"
#include "wire/packet.h"

#include <stdlib.h>

enum { ROWS = 1 << 13, PLACES = 8, IDLE_MS = 300000, TCP_ACK = 0x10 };

struct entry {
    struct ends ends;
    uint8_t client; /* which of the ends */
    bool closed;
    uint32_t number; /* 0: free */
    int64_t last_ms;
};

struct connections {
    struct counts *counts;
    uint32_t last;
    struct entry rows[ROWS][PLACES];
};

_Static_assert(sizeof(struct entry) * PLACES * ROWS <= 4 << 20, "as the header says");

struct connections *connections_new(struct counts *counts)
{
    struct connections *c = mem_new(1, sizeof *c);

    c->counts = counts;
    return c;
}

void connections_free(struct connections *c) { free(c); }

static bool is_over(const struct entry *e, const struct facts *f, int64_t time_ms)
{
    return time_ms - e->last_ms > IDLE_MS || (e->closed && ends_open(f));
}

/* The entry of these ends, or the one that they may have. */
static struct entry *entry_of(struct connections *c, const struct ends *ends, int64_t time_ms)
{
    struct entry *row = c->rows[hash_keyed(ends, sizeof *ends) % ROWS];
    struct entry *oldest = row;

    for (size_t i = 0; i < PLACES; i++) {
        struct entry *e = &row[i];
        if (e->number == 0 || memcmp(&e->ends, ends, sizeof *ends) == 0)
            return e;
        if (e->last_ms < oldest->last_ms)
            oldest = e;
    }
    if (!oldest->closed && time_ms - oldest->last_ms <= IDLE_MS)
        count_add(c->counts, COUNT_CONNECTIONS_FORGOTTEN, 1);
    oldest->number = 0;
    return oldest;
}

void connections_see(struct connections *c, const struct facts *f, int64_t time_ms,
                     struct connection *out)
{
    struct ends ends;
    bool ports = f->proto != PACKET_ICMP && f->proto != PACKET_ICMPV6; /* else type and code */
    uint8_t from = ends_of(f, ports, &ends);
    struct entry *e = entry_of(c, &ends, time_ms);
    bool begun = e->number == 0 || is_over(e, f, time_ms);

    if (begun) {
        bool answer =
            f->proto == PACKET_TCP && (f->tcp_flags & PACKET_TCP_SYN) && (f->tcp_flags & TCP_ACK);
        *e = (struct entry){.ends = ends,
                            .client = answer ? 1 - from : from,
                            .number = ++c->last ? c->last : ++c->last,
                            .last_ms = time_ms};
    }
    *out = (struct connection){.number = e->number,
                               .from_client = e->client == from,
                               .begun = begun,
                               .since_ms =
                                   time_ms > e->last_ms ? (uint64_t)(time_ms - e->last_ms) : 0};
    if (time_ms > e->last_ms)
        e->last_ms = time_ms;
    if (ends_close(f))
        e->closed = true;
}
