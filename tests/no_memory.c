/* no_memory: allocation number $WEIR_NO_MEMORY fails, counted from 1; loaded with LD_PRELOAD.
 * "N-" lets all from N on fail. $WEIR_ALLOCATIONS (a file) gets how many there were, at the end. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static _Atomic unsigned long calls;
static unsigned long fail_at;
static bool go_on;

__attribute__((constructor)) static void begin(void)
{
    const char *s = getenv("WEIR_NO_MEMORY");
    char *rest;

    if (!s)
        return;
    fail_at = strtoul(s, &rest, 10);
    go_on = *rest == '-';
    calls = 0;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("WEIR_ALLOCATIONS");
    unsigned long n = calls;
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f)
        return;
    (void)fprintf(f, "%lu\n", n);
    (void)fclose(f);
}

static bool fails(void)
{
    unsigned long n = ++calls;
    bool fail = fail_at != 0 && (go_on ? n >= fail_at : n == fail_at);
    if (fail)
        errno = ENOMEM;
    return fail;
}

void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
void *aligned_alloc(size_t align, size_t n) { return fails() ? NULL : __libc_memalign(align, n); }
