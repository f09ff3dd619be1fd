/* count: numbered counters, each with one writing thread.
 *
 * A struct counts belongs to one thread, which adds; any thread may read. */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

enum count_id {
#define COUNT(id, name, help) COUNT_##id,
#define LOSS(id, name, help, advice) COUNT_##id,
#include "base/counters.def"
#undef COUNT
#undef LOSS
    COUNT_N
};

struct count_info {
    const char *name;
    const char *help;
    const char *advice; /* what to do about it; NULL: nothing is lost by it */
};

extern const struct count_info count_table[COUNT_N];

struct counts {
    _Atomic uint64_t n[COUNT_N];
};

/* One writer: a plain load and store, no locked instruction. */
static inline void count_add(struct counts *c, enum count_id id, uint64_t n)
{
    uint64_t old = atomic_load_explicit(&c->n[id], memory_order_relaxed);
    atomic_store_explicit(&c->n[id], old + n, memory_order_relaxed);
}

static inline uint64_t count_get(const struct counts *c, enum count_id id)
{
    return atomic_load_explicit(&c->n[id], memory_order_relaxed);
}

/* Sum `from` into `into`, which the caller owns. */
void counts_sum(struct counts *into, const struct counts *from);

#endif
