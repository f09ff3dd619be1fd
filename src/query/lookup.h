/* lookup: names of addresses, asked for by some threads at once and for a limited time.
 *
 * Who asks never waits longer than the limit, over all its waits together. Threads that a resolver
 * still holds when it is over are left alone: what they share with us is freed by the last one. */
#ifndef QUERY_LOOKUP_H
#define QUERY_LOOKUP_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOKUP_THREADS = 16, LOOKUP_NAME = 256, LOOKUP_ADDRESSES_MAX = 4096 };

/* The name of an address into out; false if it has none. May take long. Called by many threads. */
typedef bool lookup_resolve(const struct addr *a, char out[static LOOKUP_NAME]);

/* By the system: /etc/hosts, DNS. */
bool lookup_system(const struct addr *a, char out[static LOOKUP_NAME]);

struct lookup;

struct lookup *lookup_new(lookup_resolve *resolve, int64_t limit_ms);
void lookup_free(struct lookup *l);

/* Let an address be looked up: each once, and at most LOOKUP_ADDRESSES_MAX. */
void lookup_want(struct lookup *l, const struct addr *a);

/* Wait until all are known, or the time is over. */
void lookup_wait(struct lookup *l);

/* The name of an address, if it is known by now; NULL. It stays until lookup_free(). */
const char *lookup_find(struct lookup *l, const struct addr *a);

#endif
