#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t limit_bytes) { *b = (struct buf){.limit = limit_bytes}; }

void buf_fixed(struct buf *b, void *mem, size_t cap)
{
    *b = (struct buf){.data = mem, .cap = cap, .limit = cap, .fixed = true};
}

void buf_free(struct buf *b)
{
    if (!b->fixed)
        free(b->data);
    *b = (struct buf){0};
}

static bool grow(struct buf *b, size_t n)
{
    if (b->fixed || n > b->limit || b->len > b->limit - n)
        return false;
    size_t least = b->limit < 256 ? b->limit : 256;
    size_t cap = b->cap < least ? least : b->cap;
    while (cap < b->len + n)
        cap = cap > b->limit / 2 ? b->limit : cap * 2;
    uint8_t *p = realloc(b->data, cap);
    if (!p)
        return false;
    b->data = p;
    b->cap = cap;
    return true;
}

uint8_t *buf_more(struct buf *b, size_t n)
{
    if (b->bad || !grow(b, n)) {
        b->bad = true;
        return NULL;
    }
    uint8_t *p = b->data + b->len;
    b->len += n;
    return p;
}

void buf_bytes(struct buf *b, const void *data, size_t n)
{
    if (n == 0)
        return;
    uint8_t *p = buf_room(b, n);
    if (p)
        memcpy(p, data, n);
}

void buf_text(struct buf *b, const char *s) { buf_bytes(b, s, strlen(s)); }

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char small[256];

    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->bad = true;
        return;
    }
    if ((size_t)n < sizeof small) {
        buf_bytes(b, small, (size_t)n);
        return;
    }
    /* vsnprintf ends with a zero byte, which is taken back. */
    uint8_t *p = buf_room(b, (size_t)n + 1);
    if (!p)
        return;
    va_start(ap, fmt);
    (void)vsnprintf((char *)p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len--;
}

void buf_be(struct buf *b, uint64_t v, size_t n)
{
    uint8_t *p = buf_room(b, n);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void buf_le(struct buf *b, uint64_t v, size_t n)
{
    uint8_t *p = buf_room(b, n);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}
