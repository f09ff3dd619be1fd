/* cursor: the only way to read bytes we did not write ourselves.
 *
 * A cursor is a window [at, end) plus one sticky bit. A read past the end
 * yields zero, moves nothing and sets `bad`; every later read yields zero too.
 * So a parser reads a whole header in a row and asks once: cur_ok().
 * A cursor never owns memory; copying it is how you peek.
 *
 * One read per statement: C does not order reads inside one expression. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cur {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct cur cur_of(const void *data, size_t len)
{
    const uint8_t *p = data;
    return (struct cur){.at = p, .end = len ? p + len : p};
}

static inline bool cur_ok(const struct cur *c) { return !c->bad; }

static inline size_t cur_left(const struct cur *c) { return c->bad ? 0 : (size_t)(c->end - c->at); }

/* Borrow the next n bytes, or NULL (and bad) if there are fewer. */
static inline const uint8_t *cur_bytes(struct cur *c, size_t n)
{
    if (n > cur_left(c)) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    if (n != 0) /* NULL + 0 is not C17 */
        c->at += n;
    return p;
}

/* Split off the next n bytes as a window of their own: inner parsers cannot
 * read their neighbour's bytes, whatever lengths they find inside. */
static inline struct cur cur_take(struct cur *c, size_t n)
{
    const uint8_t *p = cur_bytes(c, n);
    struct cur sub = cur_of(p, p ? n : 0);
    sub.bad = c->bad;
    return sub;
}

/* Big-endian unsigned of 1..8 bytes: reduced-size encoding costs nothing extra. */
static inline uint64_t cur_be(struct cur *c, size_t n)
{
    const uint8_t *p = cur_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static inline uint8_t cur_u8(struct cur *c) { return (uint8_t)cur_be(c, 1); }
static inline uint16_t cur_u16(struct cur *c) { return (uint16_t)cur_be(c, 2); }
static inline uint32_t cur_u32(struct cur *c) { return (uint32_t)cur_be(c, 4); }
static inline uint64_t cur_u64(struct cur *c) { return cur_be(c, 8); }

/* Little-endian, for our own files and Parquet's. */
static inline uint64_t cur_le(struct cur *c, size_t n)
{
    const uint8_t *p = cur_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = n; p && i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

#endif
