/* buf: bytes that we write.
 *
 * Either growing (buf_init; up to limit_bytes) or in the caller's fixed memory
 * (buf_fixed). What does not fit sets `bad`, which sticks, so a writer writes
 * a whole message and asks once: buf_ok(). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t limit;
    bool fixed;
    bool bad;
};

void buf_init(struct buf *b, size_t limit_bytes);
void buf_fixed(struct buf *b, void *mem, size_t cap);
void buf_free(struct buf *b);

static inline bool buf_ok(const struct buf *b) { return !b->bad; }

static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->bad = false;
}

/* For buf_room(): where there is none yet. */
uint8_t *buf_more(struct buf *b, size_t n);

/* Room for n bytes at the end, whose content the caller sets; NULL (and bad) if there is none. */
static inline uint8_t *buf_room(struct buf *b, size_t n)
{
    if (b->bad || n > b->cap - b->len)
        return buf_more(b, n);
    uint8_t *p = b->data + b->len;
    b->len += n;
    return p;
}

void buf_bytes(struct buf *b, const void *data, size_t n);
void buf_text(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The low n bytes of v, big-endian or little-endian. */
void buf_be(struct buf *b, uint64_t v, size_t n);
void buf_le(struct buf *b, uint64_t v, size_t n);

static inline void buf_u8(struct buf *b, uint8_t v) { buf_be(b, v, 1); }
static inline void buf_u16(struct buf *b, uint16_t v) { buf_be(b, v, 2); }
static inline void buf_u32(struct buf *b, uint32_t v) { buf_be(b, v, 4); }
static inline void buf_u64(struct buf *b, uint64_t v) { buf_be(b, v, 8); }

#endif
