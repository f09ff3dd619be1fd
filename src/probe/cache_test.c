#include "probe/cache.h"

#include "base/hash.h"
#include "base/mem.h"
#include "wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FLOWS = 1 << 16, KEYS = 24 };

/* What was given out, in that order. */
struct given {
    uint32_t key;
    uint32_t value;
    int64_t first_ms;
    int64_t last_ms;
    uint64_t packets;
    uint64_t bytes;
    uint8_t flags;
    enum cache_end end;
};

struct taker {
    struct cache_out out;
    struct cache *cache;
    size_t n;
    struct given v[FLOWS];
};

static void take(struct cache_out *out, const struct cache_flow *f)
{
    struct taker *t = container_of(out, struct taker, out);
    struct given *g = &t->v[t->n++];

    assert_true(t->n < FLOWS);
    memcpy(&g->key, f->data, sizeof g->key);
    memcpy(&g->value, f->data + sizeof(uint64_t), sizeof g->value);
    g->first_ms = f->first_ms;
    g->last_ms = f->first_ms + f->age_ms;
    g->packets = f->packets;
    g->bytes = f->bytes;
    g->flags = f->tcp_flags;
    g->end = (enum cache_end)f->end;
}

static struct cache_options usual(void)
{
    return (struct cache_options){.entries = 64,
                                  .key_bytes = 8,
                                  .value_bytes = 4,
                                  .active_ms = 60000,
                                  .idle_ms = {[CACHE_GENERIC] = 15000,
                                              [CACHE_UDP] = 10000,
                                              [CACHE_ICMP] = 8000,
                                              [CACHE_TCP] = 20000,
                                              [CACHE_TCP_FIN] = 3000,
                                              [CACHE_TCP_RST] = 2000},
                                  .split_bytes = UINT64_MAX};
}

static struct taker *taker_new(const struct cache_options *o)
{
    struct taker *t = mem_new(1, sizeof *t);

    t->out.flow = take;
    t->cache = cache_new(o, &t->out);
    assert_non_null(t->cache);
    return t;
}

static void taker_free(struct taker *t)
{
    cache_free(t->cache);
    free(t);
}

static void put_time(const struct cache_packet *p, void *out)
{
    uint32_t value = (uint32_t)p->time_ms;

    memcpy(out, &value, sizeof value);
}

static void add(struct taker *t, uint32_t key, int64_t ms, uint8_t proto, uint8_t flags)
{
    uint64_t wide = key;
    struct cache_packet p = {.time_ms = ms,
                             .hash = cache_hash(t->cache, &wide),
                             .key = &wide,
                             .values = put_time,
                             .packets = 1,
                             .bytes = 100 + (uint64_t)ms % 10,
                             .proto = proto,
                             .tcp_flags = flags};
    cache_add(t->cache, &p);
}

static void adds_up_packets_of_a_key(void **state)
{
    struct cache_options o = usual();
    struct taker *t = taker_new(&o);

    (void)state;
    add(t, 7, 1000, PACKET_TCP, 0x10);
    add(t, 8, 1001, PACKET_TCP, 0x10);
    add(t, 7, 1250, PACKET_TCP, 0x08);
    add(t, 7, 900, PACKET_TCP, 0x20); /* late */
    assert_int_equal(t->n, 0);
    assert_int_equal(cache_stats(t->cache)->now, 2);
    cache_flush(t->cache);
    assert_int_equal(t->n, 2);
    const struct given *g = t->v[0].key == 7 ? &t->v[0] : &t->v[1];
    assert_int_equal(g->packets, 3);
    assert_int_equal(g->bytes, 300);
    assert_int_equal(g->flags, 0x38);
    assert_int_equal(g->first_ms, 900);
    assert_int_equal(g->last_ms, 1250);
    assert_int_equal(g->value, 1000); /* the first packet's */
    assert_int_equal(g->end, CACHE_END_FORCED);
    assert_int_equal(cache_stats(t->cache)->now, 0);
    taker_free(t);
}

/* A packet at exactly the timeout begins a new flow, one before it does not. */
static void idle_flows_end_where_their_timeout_says(void **state)
{
    static const struct {
        uint8_t proto;
        uint8_t flags;
        int64_t idle_ms;
        enum cache_end end;
    } cases[] = {
        {PACKET_UDP, 0, 10000, CACHE_END_IDLE},
        {PACKET_ICMP, 0, 8000, CACHE_END_IDLE},
        {PACKET_ICMPV6, 0, 8000, CACHE_END_IDLE},
        {PACKET_TCP, 0x10, 20000, CACHE_END_IDLE},
        {PACKET_TCP, PACKET_TCP_FIN | 0x10, 3000, CACHE_END_SEEN},
        {PACKET_TCP, PACKET_TCP_RST, 2000, CACHE_END_SEEN},
        {PACKET_ESP, 0, 15000, CACHE_END_IDLE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int late = 0; late < 2; late++) {
            struct cache_options o = usual();
            struct taker *t = taker_new(&o);
            add(t, 1, 5000, cases[i].proto, cases[i].flags);
            add(t, 1, 5000 + cases[i].idle_ms - 1 + late, cases[i].proto, 0x10);
            assert_int_equal(t->n, late);
            if (late) {
                assert_int_equal(t->v[0].end, cases[i].end);
                assert_int_equal(t->v[0].last_ms, 5000);
            }
            taker_free(t);
            /* The same when no packet comes, but time goes on. */
            t = taker_new(&o);
            add(t, 1, 5000, cases[i].proto, cases[i].flags);
            cache_tick(t->cache, 5000 + cases[i].idle_ms - 1);
            assert_int_equal(t->n, 0);
            cache_tick(t->cache, 5000 + cases[i].idle_ms + 128);
            assert_int_equal(t->n, 1);
            taker_free(t);
        }
    }
}

static void long_flows_are_given_out_in_parts(void **state)
{
    struct cache_options o = usual();
    struct taker *t = taker_new(&o);

    (void)state;
    for (int64_t ms = 0; ms < 180000; ms += 1000)
        add(t, 1, ms, PACKET_UDP, 0);
    assert_int_equal(t->n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(t->v[i].end, CACHE_END_ACTIVE);
        assert_int_equal(t->v[i].packets, 60);
        assert_int_equal(t->v[i].first_ms, (int)i * 60000);
        assert_int_equal(t->v[i].last_ms, (int)i * 60000 + 59000);
    }
    taker_free(t);
}

static void a_new_connection_ends_the_closed_one(void **state)
{
    struct cache_options o = usual();
    struct taker *t = taker_new(&o);

    (void)state;
    add(t, 1, 0, PACKET_TCP, PACKET_TCP_SYN);
    add(t, 1, 5, PACKET_TCP, PACKET_TCP_SYN); /* again: the same connection */
    add(t, 1, 10, PACKET_TCP, PACKET_TCP_FIN);
    add(t, 1, 20, PACKET_TCP, 0x10); /* what answers the other side's FIN */
    assert_int_equal(t->n, 0);
    add(t, 1, 30, PACKET_TCP, PACKET_TCP_SYN);
    assert_int_equal(t->n, 1);
    assert_int_equal(t->v[0].packets, 4);
    assert_int_equal(t->v[0].end, CACHE_END_SEEN);
    taker_free(t);
}

static void a_full_cache_gives_up_who_ends_first(void **state)
{
    struct cache_options o = usual();
    struct taker *t = taker_new(&o);

    (void)state;
    for (uint32_t k = 0; k < 64; k++)
        add(t, k, 100 * (int64_t)k, PACKET_UDP, 0);
    add(t, 0, 9000, PACKET_UDP, 0); /* the oldest is alive again */
    assert_int_equal(t->n, 0);
    add(t, 1000, 9100, PACKET_UDP, 0);
    assert_int_equal(t->n, 1);
    assert_int_equal(t->v[0].key, 1);
    assert_int_equal(t->v[0].end, CACHE_END_FULL);
    for (uint32_t k = 2000; k < 3000; k++) /* a flood */
        add(t, k, 9200, PACKET_UDP, 0);
    assert_int_equal(t->n, 1001);
    assert_int_equal(cache_stats(t->cache)->now, 64);
    assert_int_equal(cache_stats(t->cache)->ended[CACHE_END_FULL], 1001);
    taker_free(t);
}

static void a_counter_that_is_full_begins_another_flow(void **state)
{
    struct cache_options o = usual();
    o.split_bytes = 250;
    struct taker *t = taker_new(&o);

    (void)state;
    for (int64_t i = 0; i < 5; i++)
        add(t, 1, 10 * i, PACKET_UDP, 0);
    cache_flush(t->cache);
    assert_int_equal(t->n, 3);
    assert_int_equal(t->v[0].bytes, 200);
    assert_int_equal(t->v[2].bytes, 100);
    taker_free(t);
}

static void immediate_caches_give_out_each_packet(void **state)
{
    struct cache_options o = usual();
    o.type = CACHE_IMMEDIATE;
    struct taker *t = taker_new(&o);

    (void)state;
    for (uint32_t k = 0; k < 200; k++)
        add(t, k % 3, k, PACKET_UDP, 0);
    assert_int_equal(t->n, 200);
    assert_int_equal(t->v[7].packets, 1);
    assert_int_equal(t->v[7].key, 1);
    taker_free(t);
}

static void permanent_caches_give_totals_and_refuse_what_does_not_fit(void **state)
{
    struct cache_options o = usual();
    o.type = CACHE_PERMANENT;
    o.entries = 2;
    struct taker *t = taker_new(&o);

    (void)state;
    for (int64_t ms = 0; ms < 200000; ms += 10000) {
        for (uint32_t k = 0; k < 3; k++)
            add(t, k, ms, PACKET_UDP, 0);
        cache_tick(t->cache, ms);
    }
    assert_int_equal(t->n, 3 * 2); /* each minute */
    assert_int_equal(t->v[4].packets, 19);
    cache_flush(t->cache);
    assert_int_equal(t->n, 4 * 2);
    assert_int_equal(t->v[7].packets, 20);
    assert_int_equal(cache_stats(t->cache)->refused, 20);
    taker_free(t);
}

/* --- the same, said simply --- */

struct model {
    struct {
        bool used;
        struct given g;
        uint8_t proto;
    } v[KEYS];
    size_t n;
    struct given out[FLOWS];
};

static int64_t model_idle(const struct cache_options *o, uint8_t proto, uint8_t flags)
{
    if (proto == PACKET_TCP)
        return o->idle_ms[flags & PACKET_TCP_RST   ? CACHE_TCP_RST
                          : flags & PACKET_TCP_FIN ? CACHE_TCP_FIN
                                                   : CACHE_TCP];
    return o->idle_ms[proto == PACKET_UDP ? CACHE_UDP : CACHE_GENERIC];
}

static void model_add(struct model *m, const struct cache_options *o, uint32_t key, int64_t ms,
                      uint8_t proto, uint8_t flags)
{
    struct given *g = &m->v[key].g;

    if (m->v[key].used) {
        bool closed = proto == PACKET_TCP && (g->flags & (PACKET_TCP_FIN | PACKET_TCP_RST));
        if (ms - g->last_ms >= model_idle(o, proto, g->flags) || ms - g->first_ms >= o->active_ms ||
            (closed && (flags & PACKET_TCP_SYN))) {
            m->out[m->n++] = *g;
            m->v[key].used = false;
        }
    }
    if (!m->v[key].used)
        *g = (struct given){.key = key, .first_ms = ms};
    m->v[key].used = true;
    g->last_ms = ms;
    g->packets++;
    g->bytes += 100 + (uint64_t)ms % 10;
    g->flags |= flags;
}

static int by_key_and_time(const void *a, const void *b)
{
    const struct given *x = a;
    const struct given *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->first_ms < y->first_ms ? -1 : x->first_ms > y->first_ms;
}

static void random_packets_make_the_flows_that_rules_say(void **state)
{
    static const uint8_t flags[] = {0x10, 0x10, 0x10, 0x10, 2, 1, 4};
    struct cache_options o = usual();

    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct taker *t = taker_new(&o);
        struct model *m = mem_new(1, sizeof *m);
        int64_t ms = (int64_t)seed * 1000000;
        uint64_t r = seed;
        for (int i = 0; i < 30000; i++) {
            r = hash_mix(r + 1);
            uint32_t key = (uint32_t)(r % KEYS);
            uint8_t proto = key % 3 == 0 ? PACKET_TCP : key % 3 == 1 ? PACKET_UDP : PACKET_ESP;
            uint8_t f = proto == PACKET_TCP ? flags[(r >> 8) % COUNT_OF(flags)] : 0;
            ms += (int64_t)((r >> 16) % ((r >> 60) == 0 ? 9000 : 300));
            if ((r >> 40) % 3 == 0) /* however seldom it turns */
                cache_tick(t->cache, ms);
            add(t, key, ms, proto, f);
            model_add(m, &o, key, ms, proto, f);
        }
        cache_flush(t->cache);
        for (uint32_t k = 0; k < KEYS; k++)
            if (m->v[k].used)
                m->out[m->n++] = m->v[k].g;
        qsort(t->v, t->n, sizeof t->v[0], by_key_and_time);
        qsort(m->out, m->n, sizeof m->out[0], by_key_and_time);
        assert_int_equal(t->n, m->n);
        for (size_t i = 0; i < m->n; i++) {
            assert_int_equal(t->v[i].key, m->out[i].key);
            assert_int_equal(t->v[i].first_ms, m->out[i].first_ms);
            assert_int_equal(t->v[i].last_ms, m->out[i].last_ms);
            assert_int_equal(t->v[i].packets, m->out[i].packets);
            assert_int_equal(t->v[i].bytes, m->out[i].bytes);
            assert_int_equal(t->v[i].flags, m->out[i].flags);
        }
        free(m);
        taker_free(t);
    }
}

/* Clocks that jump by years, either way: flows end, nothing else happens. */
static void survives_any_time(void **state)
{
    static const int64_t times[] = {0, INT64_C(1) << 42, -(INT64_C(1) << 42), 5, 4, 1700000000000};
    struct cache_options o = usual();
    struct taker *t = taker_new(&o);
    uint64_t packets = 0;

    (void)state;
    for (uint32_t i = 0; i < 600; i++) {
        int64_t ms = times[hash_mix(i) % COUNT_OF(times)];
        add(t, i % 5, ms, PACKET_UDP, 0);
        cache_tick(t->cache, ms);
    }
    cache_flush(t->cache);
    for (size_t i = 0; i < t->n; i++)
        packets += t->v[i].packets;
    assert_int_equal(packets, 600);
    taker_free(t);
}

static void an_entry_of_the_traditional_record_is_small(void **state)
{
    struct cache_options o = usual();
    struct cache *c;

    (void)state;
    o.entries = 1 << 16;
    o.key_bytes = 48; /* IPv6's, the larger one: 16 + 16 + 1 + 2 + 2 + 1 + 4 */
    o.value_bytes = 4;
    c = cache_new(&o, NULL);
    assert_non_null(c);
    assert_true(cache_entry_bytes(c) <= 128);
    cache_free(c);
}

static void is_looked_at_and_emptied_piece_by_piece(void **state)
{
    struct cache_options o = usual();
    struct taker *t = taker_new(&o);
    uint32_t at = 0;
    size_t pieces = 0;

    (void)state;
    for (uint32_t key = 1; key <= 7; key++)
        add(t, key, 1000, PACKET_UDP, 0);
    do {
        at = cache_look(t->cache, at, 3, &t->out);
        pieces++;
    } while (at != 0);
    assert_int_equal(pieces, 3);
    assert_int_equal(t->n, 7); /* and they are all there still */
    assert_int_equal(cache_stats(t->cache)->now, 7);
    assert_int_equal(cache_look(t->cache, 7, 3, &t->out), 0);
    assert_int_equal(cache_look(t->cache, UINT32_MAX, 3, &t->out), 0);
    assert_int_equal(t->n, 7);
    at = cache_end_some(t->cache, 0, 5);
    assert_int_equal(at, 5);
    assert_int_equal(cache_stats(t->cache)->now, 2);
    t->n = 0;
    assert_int_equal(cache_look(t->cache, 0, 100, &t->out), 0);
    assert_int_equal(t->n, 2); /* those that ended are not seen */
    assert_int_equal(cache_end_some(t->cache, at, UINT32_MAX), 0);
    assert_int_equal(cache_stats(t->cache)->now, 0);
    assert_int_equal(cache_stats(t->cache)->ended[CACHE_END_FORCED], 7);
    taker_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_up_packets_of_a_key),
        cmocka_unit_test(idle_flows_end_where_their_timeout_says),
        cmocka_unit_test(long_flows_are_given_out_in_parts),
        cmocka_unit_test(a_new_connection_ends_the_closed_one),
        cmocka_unit_test(a_full_cache_gives_up_who_ends_first),
        cmocka_unit_test(a_counter_that_is_full_begins_another_flow),
        cmocka_unit_test(immediate_caches_give_out_each_packet),
        cmocka_unit_test(permanent_caches_give_totals_and_refuse_what_does_not_fit),
        cmocka_unit_test(random_packets_make_the_flows_that_rules_say),
        cmocka_unit_test(survives_any_time),
        cmocka_unit_test(an_entry_of_the_traditional_record_is_small),
        cmocka_unit_test(is_looked_at_and_emptied_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
