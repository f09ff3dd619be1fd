/* cache: packets → flows.
 *
 * A hash table of entries in one piece of memory, and a timing wheel. A packet writes to its flow's
 * entry alone: an entry lies in the wheel's slot of the earliest moment at which it could end, and
 * is looked at then; if packets have come since, it moves on. Whether a flow has ended is also
 * asked by the packet that would add to it, so flows end exactly where the timeouts say, however
 * rarely the wheel turns.
 *
 * Time is that of packets, in milliseconds; cache_tick() turns the wheel when there are none. A
 * full cache gives up the flow that would end first, and counts it. */
#ifndef PROBE_CACHE_H
#define PROBE_CACHE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a flow's idle timeout depends on. */
enum cache_class {
    CACHE_GENERIC,
    CACHE_UDP,
    CACHE_ICMP,
    CACHE_TCP,
    CACHE_TCP_FIN, /* FIN was seen */
    CACHE_TCP_RST,
    CACHE_CLASSES
};

/* flowEndReason (RFC 5102 section 5.11.3). */
enum cache_end {
    CACHE_END_IDLE = 1,
    CACHE_END_ACTIVE,
    CACHE_END_SEEN, /* by FIN or RST */
    CACHE_END_FORCED,
    CACHE_END_FULL,
    CACHE_ENDS
};

enum cache_type {
    CACHE_NORMAL,
    CACHE_IMMEDIATE, /* each packet is a flow */
    CACHE_PERMANENT  /* flows never end; their totals are given out every active_ms */
};

/* What becomes of a number that each packet has. */
enum cache_run { CACHE_SUM, CACHE_MIN, CACHE_MAX };

enum { CACHE_ENTRIES_MAX = 64 << 20, CACHE_RUNNING_MAX = 32 };

struct cache_options {
    enum cache_type type;
    size_t entries;
    size_t key_bytes;   /* a multiple of 8; compared as a whole: padding is zero */
    size_t value_bytes; /* taken from a flow's first packet */
    size_t n_running;   /* numbers that run over all its packets, and how: */
    uint8_t running[CACHE_RUNNING_MAX];
    int64_t active_ms; /* a flow that lasts longer is given out in parts */
    int64_t idle_ms[CACHE_CLASSES];
    uint64_t split_bytes; /* a flow of more is given out in parts: what its counter holds */
};

struct cache_packet {
    int64_t time_ms;
    uint64_t hash; /* cache_hash() of the key */
    const void *key;
    /* Writes what is kept of the first packet of a flow, where it is one; value_bytes 0: not
     * called. */
    void (*values)(const struct cache_packet *p, void *out);
    const uint64_t *running;
    uint64_t packets; /* 1, or what the kernel made one of; of a flow that is added, its own */
    uint64_t bytes;
    uint8_t proto;
    uint8_t tcp_flags;
};

struct cache_flow {
    uint32_t hash;
    uint32_t next; /* of those that are free; entries are numbered from 1 */
    uint32_t slot_prev;
    uint32_t slot_next;
    int64_t first_ms;
    uint32_t age_ms; /* from the first to the last packet */
    uint16_t slot_time;
    uint8_t class;
    uint8_t end; /* when it is given out */
    uint64_t packets;
    uint64_t bytes;
    uint8_t tcp_flags; /* or-ed */
    uint8_t data[];    /* key, values, running numbers (uint64_t, not aligned) */
};

/* Where flows go; embedded in the owner's. The flow is the cache's, valid during the call. */
struct cache_out {
    void (*flow)(struct cache_out *out, const struct cache_flow *f);
};

struct cache_stats {
    uint64_t added;
    uint64_t ended[CACHE_ENDS]; /* by reason */
    uint64_t refused;           /* packets without a place in a permanent cache */
    size_t now;
    size_t high; /* most at a time */
};

struct cache;

/* NULL if there is no memory. */
struct cache *cache_new(const struct cache_options *options, struct cache_out *out) MUST_USE;
void cache_free(struct cache *c); /* gives nothing out */

uint64_t cache_hash(const struct cache *c, const void *key);

/* For packets that come some steps later: fetch the place in the table, and then the entry. */
void cache_fetch_spot(const struct cache *c, uint64_t hash);
void cache_fetch_flow(const struct cache *c, uint64_t hash);

void cache_add(struct cache *c, const struct cache_packet *p);

/* End what has to end by now. */
void cache_tick(struct cache *c, int64_t now_ms);

/* End everything. */
void cache_flush(struct cache *c);

/* Hand the flows among the n entries from number `from` (0 at first) on to `out`, as they are now;
 * `end`: they end, and go where flows go instead. Returns the number to go on from; 0: that was
 * all. */
uint32_t cache_look(const struct cache *c, uint32_t from, uint32_t n, struct cache_out *out);
uint32_t cache_end_some(struct cache *c, uint32_t from, uint32_t n);

const struct cache_stats *cache_stats(const struct cache *c);

/* Octets of memory for each entry, its share of the table included; and for all. */
size_t cache_entry_bytes(const struct cache *c);
size_t cache_bytes(const struct cache *c);

#endif
