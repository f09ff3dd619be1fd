/* intern: byte strings → small numbers, each string once. For group keys that have no fixed width
 * (text, octets) or are rarely wide (IPv6 addresses among IPv4).
 *
 * Threads share one, so that equal keys are equal numbers everywhere. Strings are spread over
 * shards by their hash, each with a lock; the lowest bits of a number say which. */
#ifndef QUERY_INTERN_H
#define QUERY_INTERN_H

#include "base/attr.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTERN_SHARD_BITS = 4, INTERN_SHARDS = 1 << INTERN_SHARD_BITS };

struct intern_shard {
    pthread_mutex_t lock;
    uint8_t *bytes; /* all strings, one behind the other */
    size_t used_bytes;
    size_t cap_bytes;
    uint64_t *ends; /* of string i in bytes; it begins where the one before ends */
    size_t n;
    size_t cap;
    uint32_t *slots; /* 0: free, else place + 1; open addressing */
    size_t n_slots;  /* a power of two, or 0 */
};

struct intern {
    struct intern_shard shard[INTERN_SHARDS];
    atomic_size_t size_bytes;
    atomic_size_t limit_bytes; /* what groups take is taken off as they grow */
};

void intern_init(struct intern *t, size_t limit_bytes);
void intern_free(struct intern *t);

/* The number of a string, new or known; false if that would take more than limit_bytes. */
bool intern_id(struct intern *t, const void *at, size_t len, uint32_t *id) MUST_USE;

/* Not while others may add. */
const void *intern_at(const struct intern *t, uint32_t id, size_t *len);

/* Memory taken. */
size_t intern_size(const struct intern *t);

#endif
