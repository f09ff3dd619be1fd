#include "base/map.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

void map_init(struct map *m, size_t key_len) { *m = (struct map){.key_len = key_len}; }

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

static struct map_slot *probe(const struct map *m, const void *key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->slots[i].entry &&
           (m->slots[i].hash != hash || memcmp(m->slots[i].entry, key, m->key_len) != 0))
        i = (i + 1) & (m->cap - 1);
    return &m->slots[i];
}

void *map_find(const struct map *m, const void *key)
{
    return m->n ? probe(m, key, hash_keyed(key, m->key_len))->entry : NULL;
}

static bool grow(struct map *m)
{
    struct map old = *m;
    size_t cap = old.cap ? old.cap * 2 : 16;
    struct map_slot *slots = calloc(cap, sizeof *slots);

    if (!slots)
        return false;
    m->slots = slots;
    m->cap = cap;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].entry)
            *probe(m, old.slots[i].entry, old.slots[i].hash) = old.slots[i];
    free(old.slots);
    return true;
}

bool map_add(struct map *m, void *entry)
{
    if (m->n >= m->cap / 2 && !grow(m))
        return false;
    uint64_t hash = hash_keyed(entry, m->key_len);
    *probe(m, entry, hash) = (struct map_slot){.entry = entry, .hash = hash};
    m->n++;
    return true;
}

void *map_remove(struct map *m, const void *key)
{
    if (m->n == 0)
        return NULL;
    struct map_slot *slot = probe(m, key, hash_keyed(key, m->key_len));
    void *entry = slot->entry;
    if (!entry)
        return NULL;
    m->n--;

    /* Close the gap: what stands behind it moves up unless that would put it before its home. */
    size_t gap = (size_t)(slot - m->slots);
    for (size_t i = (gap + 1) & (m->cap - 1); m->slots[i].entry; i = (i + 1) & (m->cap - 1)) {
        size_t home = m->slots[i].hash & (m->cap - 1);
        if (((i - home) & (m->cap - 1)) < ((i - gap) & (m->cap - 1)))
            continue;
        m->slots[gap] = m->slots[i];
        gap = i;
    }
    m->slots[gap] = (struct map_slot){0};
    return entry;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        void *entry = m->slots[(*at)++].entry;
        if (entry)
            return entry;
    }
    return NULL;
}
