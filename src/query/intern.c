#include "query/intern.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, FIRST_BYTES = 512 };

void intern_init(struct intern *t, size_t limit_bytes)
{
    *t = (struct intern){.limit_bytes = limit_bytes};
    for (size_t i = 0; i < INTERN_SHARDS; i++)
        (void)pthread_mutex_init(&t->shard[i].lock, NULL);
}

void intern_free(struct intern *t)
{
    for (size_t i = 0; i < INTERN_SHARDS; i++) {
        (void)pthread_mutex_destroy(&t->shard[i].lock);
        free(t->shard[i].bytes);
        free(t->shard[i].ends);
        free(t->shard[i].slots);
    }
    *t = (struct intern){0};
}

size_t intern_size(const struct intern *t)
{
    return atomic_load_explicit(&t->size_bytes, memory_order_relaxed);
}

static const void *string_at(const struct intern_shard *t, size_t place, size_t *len)
{
    uint64_t from = place ? t->ends[place - 1] : 0;

    *len = (size_t)(t->ends[place] - from);
    return t->bytes + from;
}

const void *intern_at(const struct intern *t, uint32_t id, size_t *len)
{
    return string_at(&t->shard[id % INTERN_SHARDS], id >> INTERN_SHARD_BITS, len);
}

/* The bits of the hash that chose the shard are the same for all of it. */
static size_t slot_of(uint64_t hash, size_t n) { return (size_t)(hash >> 8) & (n - 1); }

static void rehash(struct intern_shard *t, size_t n)
{
    free(t->slots);
    t->slots = mem_new(n, sizeof *t->slots);
    t->n_slots = n;
    for (uint32_t place = 0; place < t->n; place++) {
        size_t len;
        const void *at = string_at(t, place, &len);
        size_t s = slot_of(hash_keyed(at, len), n);
        while (t->slots[s])
            s = (s + 1) & (n - 1);
        t->slots[s] = place + 1;
    }
}

static size_t shard_size(size_t cap_bytes, size_t cap, size_t slots)
{
    return cap_bytes + cap * sizeof(uint64_t) + slots * sizeof(uint32_t);
}

/* Room for one more string; the limit is looked at before memory is asked for. */
static bool reserve(struct intern *all, struct intern_shard *t, size_t len)
{
    size_t cap_bytes = t->cap_bytes ? t->cap_bytes : FIRST_BYTES;
    size_t cap = t->cap ? t->cap : FIRST_SLOTS / 2;
    size_t had = shard_size(t->cap_bytes, t->cap, t->n_slots);

    while (cap_bytes - t->used_bytes < len)
        cap_bytes *= 2;
    if (t->n == cap)
        cap *= 2;
    size_t slots = cap * 2; /* half full at most */
    size_t needs = shard_size(cap_bytes, cap, slots);
    if (needs == had)
        return true;
    size_t limit = atomic_load_explicit(&all->limit_bytes, memory_order_relaxed);
    if (cap > UINT32_MAX >> INTERN_SHARD_BITS || needs - had > limit ||
        intern_size(all) > limit - (needs - had))
        return false;
    atomic_fetch_add_explicit(&all->size_bytes, needs - had, memory_order_relaxed);
    if (cap_bytes > t->cap_bytes)
        t->bytes = mem_resize(t->bytes, cap_bytes, 1);
    if (cap > t->cap)
        t->ends = mem_resize(t->ends, cap, sizeof *t->ends);
    t->cap_bytes = cap_bytes;
    t->cap = cap;
    if (slots > t->n_slots)
        rehash(t, slots);
    return true;
}

static bool find(struct intern *all, struct intern_shard *t, const void *at, size_t len,
                 uint64_t hash, uint32_t *place)
{
    size_t had;

    if (!reserve(all, t, len))
        return false;
    size_t s = slot_of(hash, t->n_slots);
    for (; t->slots[s]; s = (s + 1) & (t->n_slots - 1)) {
        const void *other = string_at(t, t->slots[s] - 1, &had);
        if (had == len && memcmp(other, at, len) == 0) {
            *place = t->slots[s] - 1;
            return true;
        }
    }
    if (len)
        memcpy(t->bytes + t->used_bytes, at, len);
    t->used_bytes += len;
    t->ends[t->n] = t->used_bytes;
    *place = (uint32_t)t->n++;
    t->slots[s] = *place + 1;
    return true;
}

bool intern_id(struct intern *t, const void *at, size_t len, uint32_t *id)
{
    uint64_t hash = hash_keyed(at, len);
    size_t shard = hash % INTERN_SHARDS;
    uint32_t place;

    (void)pthread_mutex_lock(&t->shard[shard].lock);
    bool ok = find(t, &t->shard[shard], at, len, hash, &place);
    (void)pthread_mutex_unlock(&t->shard[shard].lock);
    if (ok)
        *id = place << INTERN_SHARD_BITS | (uint32_t)shard;
    return ok;
}
