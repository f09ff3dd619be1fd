/* mem: memory with a stated lifetime.
 *
 * mem_new is for small things that live as long as the program or their owner;
 * it aborts when there is none. An arena has a byte budget and is dropped
 * whole; what a stranger can make large comes from one, and may be refused. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/attr.h"

#include <stddef.h>

/* Say so and abort, as those below do. */
_Noreturn void mem_out(void);

/* A copy; free with free(). */
char *mem_text(const char *s) MUST_USE;

/* n * size zeroed bytes, never NULL. Free with free(). */
void *mem_new(size_t n, size_t size) MUST_USE;

/* As realloc for n * size bytes, never NULL; new bytes are not zeroed. */
void *mem_resize(void *p, size_t n, size_t size) MUST_USE;

/* Zeroed memory on huge pages where the system has them, for what is looked at here and there: with
 * small pages most of the time goes into finding them. NULL if there is none. */
void *mem_big_new(size_t bytes) MUST_USE;
void mem_big_free(void *p, size_t bytes); /* NULL is fine */

struct arena_block;

struct arena {
    struct arena_block *head;
    size_t used_bytes;
    size_t limit_bytes;
};

void arena_init(struct arena *a, size_t limit_bytes);
void arena_free(struct arena *a);

/* n zeroed bytes aligned for any type, or NULL when the budget is spent. */
void *arena_new(struct arena *a, size_t n);

#endif
