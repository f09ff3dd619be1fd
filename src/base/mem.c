#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK_BYTES = 16384, ALIGN = 16, HUGE_PAGE = 2 * 1024 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t cap;
    _Alignas(ALIGN) unsigned char bytes[];
};

_Noreturn void mem_out(void)
{
    (void)fputs("weir: out of memory\n", stderr);
    abort();
}

void *mem_new(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        mem_out();
    return p;
}

char *mem_text(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(mem_new(n, 1), s, n);
}

void *mem_resize(void *p, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size)
        mem_out();
    void *q = realloc(p, n && size ? n * size : 1);
    if (!q)
        mem_out();
    return q;
}

void *mem_big_new(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (bytes >= HUGE_PAGE)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* works without, too */
    return p;
}

void mem_big_free(void *p, size_t bytes)
{
    if (p)
        (void)munmap(p, bytes);
}

void arena_init(struct arena *a, size_t limit_bytes)
{
    *a = (struct arena){.limit_bytes = limit_bytes};
}

void arena_free(struct arena *a)
{
    while (a->head) {
        struct arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->used_bytes = 0;
}

void *arena_new(struct arena *a, size_t n)
{
    if (n > a->limit_bytes)
        return NULL;
    size_t need = n / ALIGN * ALIGN + (n % ALIGN ? ALIGN : 0);
    if (need > a->limit_bytes || a->used_bytes > a->limit_bytes - need)
        return NULL;
    struct arena_block *b = a->head;
    if (!b || need > b->cap - b->used) {
        size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;
        b = malloc(sizeof *b + cap);
        if (!b)
            return NULL;
        *b = (struct arena_block){.next = a->head, .cap = cap};
        a->head = b;
    }
    void *p = b->bytes + b->used;
    b->used += need;
    a->used_bytes += need;
    memset(p, 0, n);
    return p;
}
