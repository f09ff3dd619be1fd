/* map: a hash table of pointers to structs whose first key_len bytes are the key.
 *
 * Open addressing, linear probing, no tombstones (removal shifts back). The key is hashed under a
 * secret of the process, so strangers cannot aim for collisions. Entries belong to the caller and
 * their keys must not change while they are in the table; keys have no padding bytes. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    void *entry; /* NULL: free */
    uint64_t hash;
};

struct map {
    struct map_slot *slots;
    size_t cap; /* 0 or a power of two, at least twice n */
    size_t n;
    size_t key_len;
};

void map_init(struct map *m, size_t key_len);
void map_free(struct map *m); /* the table, not the entries */

void *map_find(const struct map *m, const void *key);

/* The key must not be in the table yet. false if there is no memory. */
bool map_add(struct map *m, void *entry) MUST_USE;

/* Takes the entry with this key out and returns it, or NULL. */
void *map_remove(struct map *m, const void *key);

/* Every entry, in no order: start with *at = 0; NULL at the end. No add or remove in between. */
void *map_next(const struct map *m, size_t *at);

#endif
