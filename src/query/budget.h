/* budget: how much memory something may take, and has. What one thread took another may give back,
 * so a thread's account may be below 0. */
#ifndef QUERY_BUDGET_H
#define QUERY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
    int64_t used_bytes;
    size_t limit_bytes;
};

/* Note that n more bytes are taken; false, and nothing noted, if that is more than there may be. */
static inline bool budget_take(struct budget *b, size_t n)
{
    if (b->used_bytes > 0 && n > b->limit_bytes - (size_t)b->used_bytes)
        return false;
    if (n > b->limit_bytes)
        return false;
    b->used_bytes += (int64_t)n;
    return true;
}

static inline void budget_give(struct budget *b, size_t n) { b->used_bytes -= (int64_t)n; }

#endif
