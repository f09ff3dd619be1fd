#include "query/top.h"

#include <stdlib.h>

static int compare(const void *a, const void *b, void *order)
{
    struct order *o = order;
    const uint32_t *x = a;
    const uint32_t *y = b;

    return o->compare(o, *x, *y);
}

/* A heap whose root is the last of the chosen, the next to go. */
static void sink(struct order *o, uint32_t *heap, size_t n, size_t i)
{
    for (size_t child; (child = i * 2 + 1) < n; i = child) {
        if (child + 1 < n && o->compare(o, heap[child + 1], heap[child]) > 0)
            child++;
        if (o->compare(o, heap[child], heap[i]) <= 0)
            return;
        uint32_t swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

size_t top_of(struct order *o, size_t n, size_t k, uint32_t **out)
{
    size_t keep = k && k < n ? k : n;
    uint32_t *heap = keep ? malloc(keep * sizeof *heap) : NULL;

    *out = heap;
    if (!heap)
        return 0;
    for (size_t i = 0; i < keep; i++)
        heap[i] = (uint32_t)i;
    for (size_t i = keep < n ? keep / 2 : 0; i > 0; i--)
        sink(o, heap, keep, i - 1);
    for (size_t i = keep; i < n; i++) {
        if (o->compare(o, (uint32_t)i, heap[0]) >= 0)
            continue;
        heap[0] = (uint32_t)i;
        sink(o, heap, keep, 0);
    }
    qsort_r(heap, keep, sizeof *heap, compare, o);
    return keep;
}
