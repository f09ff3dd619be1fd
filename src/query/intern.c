#include "query/intern.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 256, FIRST_BYTES = 4096 };

void intern_init(struct intern *t, size_t limit_bytes)
{
    *t = (struct intern){.limit_bytes = limit_bytes};
}

void intern_free(struct intern *t)
{
    free(t->bytes);
    free(t->ends);
    free(t->slots);
    *t = (struct intern){0};
}

size_t intern_size(const struct intern *t)
{
    return t->cap_bytes + t->cap * sizeof *t->ends + t->n_slots * sizeof *t->slots;
}

const void *intern_at(const struct intern *t, uint32_t id, size_t *len)
{
    uint64_t from = id ? t->ends[id - 1] : 0;

    *len = (size_t)(t->ends[id] - from);
    return t->bytes + from;
}

static void rehash(struct intern *t, size_t n)
{
    free(t->slots);
    t->slots = mem_new(n, sizeof *t->slots);
    t->n_slots = n;
    for (uint32_t id = 0; id < t->n; id++) {
        size_t len;
        const void *at = intern_at(t, id, &len);
        size_t s = hash_keyed(at, len) & (n - 1);
        while (t->slots[s])
            s = (s + 1) & (n - 1);
        t->slots[s] = id + 1;
    }
}

/* Room for one more string; the limit is looked at before memory is asked for. */
static bool reserve(struct intern *t, size_t len)
{
    size_t cap_bytes = t->cap_bytes ? t->cap_bytes : FIRST_BYTES;
    size_t cap = t->cap ? t->cap : FIRST_SLOTS / 2;

    while (cap_bytes - t->used_bytes < len)
        cap_bytes *= 2;
    if (t->n == cap)
        cap *= 2;
    size_t slots = cap * 2; /* half full at most */
    if (cap > UINT32_MAX ||
        cap_bytes + cap * sizeof *t->ends + slots * sizeof *t->slots > t->limit_bytes)
        return false;
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

bool intern_id(struct intern *t, const void *at, size_t len, uint32_t *id)
{
    size_t had;

    if (!reserve(t, len))
        return false;
    size_t s = hash_keyed(at, len) & (t->n_slots - 1);
    for (; t->slots[s]; s = (s + 1) & (t->n_slots - 1)) {
        const void *other = intern_at(t, t->slots[s] - 1, &had);
        if (had == len && memcmp(other, at, len) == 0) {
            *id = t->slots[s] - 1;
            return true;
        }
    }
    if (len)
        memcpy(t->bytes + t->used_bytes, at, len);
    t->used_bytes += len;
    t->ends[t->n] = t->used_bytes;
    *id = (uint32_t)t->n++;
    t->slots[s] = *id + 1;
    return true;
}
