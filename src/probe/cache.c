#include "probe/cache.h"

#include "base/hash.h"
#include "base/mem.h"
#include "wire/packet.h"

#include <stdlib.h>
#include <string.h>

enum { SLOT_MS = 64, SLOTS = 4096, ALIGN = 8 };

/* A place of the hash table, which is probed one after the other: of most keys that are not there,
 * nothing but it has to be looked at. */
struct spot {
    uint32_t hash;
    uint32_t number; /* 0: empty */
};

struct slot {
    uint32_t head;
    uint32_t tail;
};

struct cache {
    struct cache_options o;
    struct cache_out *out;
    struct cache_stats stats;
    size_t stride;
    size_t running_at; /* in a flow's data */
    uint8_t *entries;  /* number i at (i - 1) * stride */
    struct spot *spots;
    uint32_t mask;
    uint32_t fresh; /* entries above this number were never used */
    uint32_t freed; /* a list of those that were, by `next` */
    bool begun;
    int64_t wheel_at;   /* the slot time that is running; those before it are empty */
    int64_t evict_from; /* slots before this one are empty too */
    int64_t given_ms;   /* permanent: when totals were given out */
    struct slot slots[SLOTS];
};

static struct cache_flow *at(const struct cache *c, uint32_t number)
{
    return (void *)(c->entries + (size_t)(number - 1) * c->stride);
}

static size_t spot_count(size_t entries)
{
    size_t n = 16;

    while (n < entries + entries / 2)
        n *= 2;
    return n;
}

struct cache *cache_new(const struct cache_options *options, struct cache_out *out)
{
    struct cache *c = mem_new(1, sizeof *c);
    size_t n = spot_count(options->entries);

    c->o = *options;
    c->out = out;
    c->running_at = c->o.key_bytes + c->o.value_bytes;
    c->stride = (sizeof(struct cache_flow) + c->running_at + c->o.n_running * sizeof(uint64_t) +
                 ALIGN - 1) &
                ~(size_t)(ALIGN - 1);
    c->mask = (uint32_t)(n - 1);
    c->entries = mem_big_new(c->o.entries * c->stride);
    c->spots = mem_big_new(n * sizeof *c->spots);
    if (c->entries && c->spots)
        return c;
    cache_free(c);
    return NULL;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    mem_big_free(c->entries, c->o.entries * c->stride);
    mem_big_free(c->spots, ((size_t)c->mask + 1) * sizeof *c->spots);
    free(c);
}

const struct cache_stats *cache_stats(const struct cache *c) { return &c->stats; }

size_t cache_entry_bytes(const struct cache *c)
{
    return c->stride + ((size_t)c->mask + 1) * sizeof *c->spots / c->o.entries;
}

size_t cache_bytes(const struct cache *c) { return c->o.entries * cache_entry_bytes(c); }

uint64_t cache_hash(const struct cache *c, const void *key)
{
    return hash_keyed(key, c->o.key_bytes);
}

void cache_fetch_spot(const struct cache *c, uint64_t hash)
{
    __builtin_prefetch(&c->spots[(uint32_t)hash & c->mask], 1);
}

/* 0: there is none. */
static inline void fetch(const struct cache *c, uint32_t number)
{
    if (number == 0)
        return;
    const uint8_t *f = (const uint8_t *)at(c, number);
    __builtin_prefetch(f, 1);
    __builtin_prefetch(f + 64, 1);
}

void cache_fetch_flow(const struct cache *c, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & c->mask;

    while (c->spots[i].number != 0 && c->spots[i].hash != (uint32_t)hash)
        i = (i + 1) & c->mask;
    fetch(c, c->spots[i].number);
}

/* --- the wheel --- */

static int64_t last_ms(const struct cache_flow *f) { return f->first_ms + f->age_ms; }

/* When it ends if no packet comes. */
static int64_t deadline_ms(const struct cache *c, const struct cache_flow *f)
{
    int64_t idle = last_ms(f) + c->o.idle_ms[f->class];
    int64_t active = f->first_ms + c->o.active_ms;

    return idle < active ? idle : active;
}

static enum cache_end reason_of(const struct cache *c, const struct cache_flow *f)
{
    if (f->class == CACHE_TCP_FIN || f->class == CACHE_TCP_RST)
        return CACHE_END_SEEN;
    return last_ms(f) + c->o.idle_ms[f->class] <= f->first_ms + c->o.active_ms ? CACHE_END_IDLE
                                                                               : CACHE_END_ACTIVE;
}

/* Slot time of the deadline, as far as the wheel goes. */
static int64_t slot_time(const struct cache *c, const struct cache_flow *f)
{
    int64_t t = deadline_ms(c, f) / SLOT_MS;

    if (t < c->wheel_at)
        return c->wheel_at;
    return t < c->wheel_at + SLOTS ? t : c->wheel_at + SLOTS - 1;
}

static struct slot *slot_of(struct cache *c, int64_t t) { return &c->slots[t & (SLOTS - 1)]; }

static void wheel_put(struct cache *c, uint32_t number)
{
    struct cache_flow *f = at(c, number);
    int64_t t = slot_time(c, f);
    struct slot *s = slot_of(c, t);

    f->slot_next = 0;
    f->slot_prev = s->tail;
    f->slot_time = (uint16_t)(t & (SLOTS - 1));
    if (s->tail)
        at(c, s->tail)->slot_next = number;
    else
        s->head = number;
    s->tail = number;
    if (t < c->evict_from)
        c->evict_from = t;
}

static void wheel_take(struct cache *c, uint32_t number)
{
    struct cache_flow *f = at(c, number);
    struct slot *s = &c->slots[f->slot_time];

    if (f->slot_prev)
        at(c, f->slot_prev)->slot_next = f->slot_next;
    else
        s->head = f->slot_next;
    if (f->slot_next)
        at(c, f->slot_next)->slot_prev = f->slot_prev;
    else
        s->tail = f->slot_prev;
}

/* --- entries --- */

static void spot_put(struct cache *c, uint32_t hash, uint32_t number)
{
    uint32_t i = hash & c->mask;

    while (c->spots[i].number != 0)
        i = (i + 1) & c->mask;
    c->spots[i] = (struct spot){.hash = hash, .number = number};
}

/* What stands behind it and would not be found over a gap moves up. */
static void spot_take(struct cache *c, uint32_t hash, uint32_t number)
{
    uint32_t gap = hash & c->mask;

    while (c->spots[gap].number != number)
        gap = (gap + 1) & c->mask;
    for (uint32_t i = (gap + 1) & c->mask; c->spots[i].number != 0; i = (i + 1) & c->mask) {
        uint32_t home = c->spots[i].hash & c->mask;
        if (((i - home) & c->mask) < ((i - gap) & c->mask))
            continue;
        c->spots[gap] = c->spots[i];
        gap = i;
    }
    c->spots[gap].number = 0;
}

static void give(struct cache *c, struct cache_flow *f, enum cache_end end)
{
    f->end = (uint8_t)end;
    c->stats.ended[end]++;
    c->out->flow(c->out, f);
}

static void end_flow(struct cache *c, uint32_t number, enum cache_end end)
{
    struct cache_flow *f = at(c, number);

    wheel_take(c, number);
    spot_take(c, f->hash, number);
    give(c, f, end);
    f->next = c->freed;
    c->freed = number;
    c->stats.now--;
}

/* Flows that end one behind the other lie anywhere: the next one's spot, and the one behind it,
 * are on their way while this one ends. */
static void fetch_ahead(const struct cache *c, uint32_t number)
{
    uint32_t next = at(c, number)->slot_next;

    if (next == 0)
        return;
    __builtin_prefetch(&c->spots[at(c, next)->hash & c->mask], 1);
    fetch(c, at(c, next)->slot_next);
}

/* The flow that ends first. Entries that got packets since they were put there move on. */
static void evict(struct cache *c)
{
    if (c->evict_from < c->wheel_at)
        c->evict_from = c->wheel_at;
    for (;; c->evict_from++) {
        uint32_t number = slot_of(c, c->evict_from)->head;
        while (number != 0 && slot_time(c, at(c, number)) > c->evict_from) {
            uint32_t next = at(c, number)->slot_next;
            wheel_take(c, number);
            wheel_put(c, number);
            number = next;
        }
        if (number != 0) {
            fetch_ahead(c, number);
            end_flow(c, number, CACHE_END_FULL);
            return;
        }
    }
}

static uint32_t entry_new(struct cache *c)
{
    uint32_t number = c->freed;

    if (number != 0)
        c->freed = at(c, number)->next;
    else if (c->fresh < c->o.entries)
        number = ++c->fresh;
    return number;
}

/* Keys are whole words, see cache_options. */
static inline bool same_key(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint64_t differ = 0;

    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t x;
        uint64_t y;
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        differ |= x ^ y;
    }
    return differ == 0;
}

static uint32_t find(const struct cache *c, const struct cache_packet *p)
{
    uint32_t hash = (uint32_t)p->hash;

    for (uint32_t i = hash & c->mask; c->spots[i].number != 0; i = (i + 1) & c->mask)
        if (c->spots[i].hash == hash &&
            same_key(at(c, c->spots[i].number)->data, p->key, c->o.key_bytes))
            return c->spots[i].number;
    return 0;
}

static enum cache_class class_of(uint8_t proto, uint8_t tcp_flags)
{
    switch (proto) {
    case PACKET_TCP:
        return tcp_flags & PACKET_TCP_RST   ? CACHE_TCP_RST
               : tcp_flags & PACKET_TCP_FIN ? CACHE_TCP_FIN
                                            : CACHE_TCP;
    case PACKET_UDP:
        return CACHE_UDP;
    case PACKET_ICMP:
    case PACKET_ICMPV6:
        return CACHE_ICMP;
    default:
        return CACHE_GENERIC;
    }
}

static void fill(const struct cache *c, struct cache_flow *f, const struct cache_packet *p)
{
    f->hash = (uint32_t)p->hash;
    f->end = 0;
    f->first_ms = p->time_ms;
    f->age_ms = 0;
    f->tcp_flags = p->tcp_flags;
    f->class = (uint8_t)class_of(p->proto, p->tcp_flags);
    f->packets = p->packets;
    f->bytes = p->bytes;
    memcpy(f->data, p->key, c->o.key_bytes);
    if (c->o.value_bytes != 0)
        p->values(p, f->data + c->o.key_bytes);
    if (c->o.n_running != 0)
        memcpy(f->data + c->running_at, p->running, c->o.n_running * sizeof *p->running);
}

static void add_new(struct cache *c, const struct cache_packet *p)
{
    uint32_t number = entry_new(c);

    if (number == 0 && c->o.type == CACHE_PERMANENT) {
        c->stats.refused++;
        return;
    }
    if (number == 0) {
        evict(c);
        number = entry_new(c);
    }
    struct cache_flow *f = at(c, number);
    fill(c, f, p);
    spot_put(c, f->hash, number);
    wheel_put(c, number);
    c->stats.added++;
    if (++c->stats.now > c->stats.high)
        c->stats.high = c->stats.now;
}

/* Is the packet one of another flow, with the same key? */
static bool is_over(const struct cache *c, const struct cache_flow *f, const struct cache_packet *p)
{
    bool closed = f->class == CACHE_TCP_FIN || f->class == CACHE_TCP_RST;

    return c->o.type != CACHE_PERMANENT &&
           (p->time_ms >= deadline_ms(c, f) || (closed && (p->tcp_flags & PACKET_TCP_SYN)));
}

/* Packets may come in another order than their times; clocks may jump, which is no age. */
static void set_times(const struct cache *c, struct cache_flow *f, int64_t time_ms)
{
    int64_t last = last_ms(f);

    if (time_ms < f->first_ms && f->first_ms - time_ms <= c->o.active_ms)
        f->first_ms = time_ms;
    if (time_ms > last)
        last = time_ms;
    f->age_ms = last - f->first_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)(last - f->first_ms);
}

static void run_on(const struct cache *c, struct cache_flow *f, const uint64_t *v)
{
    uint8_t *to = f->data + c->running_at;

    for (size_t i = 0; i < c->o.n_running; i++, to += sizeof(uint64_t)) {
        uint64_t now;
        memcpy(&now, to, sizeof now);
        switch (c->o.running[i]) {
        case CACHE_MIN:
            now = v[i] < now ? v[i] : now;
            break;
        case CACHE_MAX:
            now = v[i] > now ? v[i] : now;
            break;
        default:
            now += v[i];
        }
        memcpy(to, &now, sizeof now);
    }
}

static void update(struct cache *c, uint32_t number, const struct cache_packet *p)
{
    struct cache_flow *f = at(c, number);

    f->packets += p->packets;
    f->bytes += p->bytes;
    f->tcp_flags |= p->tcp_flags;
    if (c->o.n_running != 0)
        run_on(c, f, p->running);
    set_times(c, f, p->time_ms);
    if (p->proto == PACKET_TCP && class_of(p->proto, f->tcp_flags) != f->class) {
        f->class = (uint8_t)class_of(p->proto, f->tcp_flags);
        wheel_take(c, number);
        wheel_put(c, number);
    }
}

static void begin(struct cache *c, int64_t now_ms)
{
    if (c->begun)
        return;
    c->begun = true;
    c->wheel_at = now_ms / SLOT_MS;
    c->evict_from = c->wheel_at;
    c->given_ms = now_ms;
}

static void add_alone(struct cache *c, const struct cache_packet *p)
{
    struct cache_flow *f = at(c, 1);

    fill(c, f, p);
    c->stats.added++;
    give(c, f, CACHE_END_FORCED);
}

void cache_add(struct cache *c, const struct cache_packet *p)
{
    if (c->o.type == CACHE_IMMEDIATE) {
        add_alone(c, p);
        return;
    }
    begin(c, p->time_ms);
    uint32_t number = find(c, p);
    if (number != 0) {
        struct cache_flow *f = at(c, number);
        bool full = f->bytes + p->bytes > c->o.split_bytes;
        if (!full && !is_over(c, f, p)) {
            update(c, number, p);
            return;
        }
        end_flow(c, number, full ? CACHE_END_ACTIVE : reason_of(c, f));
    }
    add_new(c, p);
}

/* --- time --- */

static void run_slot(struct cache *c, struct slot *s, int64_t now_ms)
{
    uint32_t number = s->head;
    uint32_t last = s->tail;

    while (number != 0) {
        uint32_t next = number == last ? 0 : at(c, number)->slot_next;
        fetch_ahead(c, number);
        if (deadline_ms(c, at(c, number)) <= now_ms) {
            end_flow(c, number, reason_of(c, at(c, number)));
        } else {
            wheel_take(c, number);
            wheel_put(c, number);
        }
        number = next;
    }
}

static void give_totals(struct cache *c, int64_t now_ms)
{
    if (now_ms - c->given_ms < c->o.active_ms)
        return;
    c->given_ms = now_ms;
    for (uint32_t i = 1; i <= c->fresh; i++)
        give(c, at(c, i), CACHE_END_ACTIVE);
}

void cache_tick(struct cache *c, int64_t now_ms)
{
    if (!c->begun)
        return;
    if (c->o.type == CACHE_PERMANENT) {
        give_totals(c, now_ms);
        return;
    }
    int64_t from = c->wheel_at;
    int64_t n = now_ms / SLOT_MS - from;
    if (n <= 0)
        return;
    c->wheel_at = now_ms / SLOT_MS;
    for (int64_t i = 0; i < (n < SLOTS ? n : SLOTS); i++)
        run_slot(c, slot_of(c, from + i), now_ms);
}

/* In a permanent cache all that there are; else those that have not ended. */
static bool is_there(const struct cache *c, uint32_t number)
{
    return c->o.type == CACHE_PERMANENT || at(c, number)->end == 0;
}

static uint32_t last_of(const struct cache *c, uint32_t from, uint32_t n)
{
    return c->fresh - from > n ? from + n : c->fresh;
}

uint32_t cache_look(const struct cache *c, uint32_t from, uint32_t n, struct cache_out *out)
{
    if (from >= c->fresh)
        return 0;
    uint32_t last = last_of(c, from, n);

    for (uint32_t i = from + 1; i <= last; i++)
        if (is_there(c, i))
            out->flow(out, at(c, i));
    return last < c->fresh ? last : 0;
}

uint32_t cache_end_some(struct cache *c, uint32_t from, uint32_t n)
{
    if (from >= c->fresh)
        return 0;
    uint32_t last = last_of(c, from, n);

    for (uint32_t i = from + 1; i <= last; i++) {
        if (!is_there(c, i))
            continue;
        if (c->o.type == CACHE_PERMANENT)
            give(c, at(c, i), CACHE_END_FORCED);
        else
            end_flow(c, i, CACHE_END_FORCED);
    }
    return last < c->fresh ? last : 0;
}

void cache_flush(struct cache *c)
{
    if (c->o.type == CACHE_PERMANENT) {
        for (uint32_t i = 1; i <= c->fresh; i++)
            give(c, at(c, i), CACHE_END_FORCED);
        return;
    }
    for (int i = 0; i < SLOTS; i++)
        for (uint32_t number; (number = c->slots[i].head) != 0;) {
            fetch_ahead(c, number);
            end_flow(c, number, CACHE_END_FORCED);
        }
}
