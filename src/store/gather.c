#include "store/gather.h"

#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* A constant width makes memcpy a load and a store. */
#define BY_WIDTH(f, width, ...) \
    switch (width) {            \
    case 1:                     \
        f(__VA_ARGS__, 1);      \
        break;                  \
    case 2:                     \
        f(__VA_ARGS__, 2);      \
        break;                  \
    case 4:                     \
        f(__VA_ARGS__, 4);      \
        break;                  \
    case 8:                     \
        f(__VA_ARGS__, 8);      \
        break;                  \
    case 16:                    \
        f(__VA_ARGS__, 16);     \
        break;                  \
    default:                    \
        f(__VA_ARGS__, width);  \
    }

ALWAYS_INLINE void all_of(const uint8_t *dict, const uint32_t *code, size_t n, uint8_t *out,
                          const size_t width)
{
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * width, dict + code[i] * width, width);
}

void gather(const void *dict, size_t width, const uint32_t *code, size_t n, void *out)
{
    BY_WIDTH(all_of, width, dict, code, n, out)
}

void gather_same(const void *dict, size_t width, uint32_t code, size_t n, void *out)
{
    uint8_t *o = out;
    size_t have = width;
    size_t all = n * width;

    memcpy(o, (const uint8_t *)dict + code * width, width);
    while (have < all) { /* doubling */
        size_t more = have < all - have ? have : all - have;
        memcpy(o + have, o, more);
        have += more;
    }
}

struct places {
    const uint32_t *rows;
    uint8_t *col;
    uint64_t *seen;
};

ALWAYS_INLINE void some_of(const uint8_t *dict, uint32_t none, const uint32_t *code, size_t n,
                           const struct places *to, const size_t width)
{
    for (size_t i = 0; i < n; i++) {
        size_t row = to->rows[i];
        if (code[row] == none)
            continue;
        memcpy(to->col + row * width, dict + code[row] * width, width);
        to->seen[row / 64] |= UINT64_C(1) << row % 64;
    }
}

void gather_rows(const void *dict, uint32_t none, size_t width, const uint32_t *code,
                 const uint32_t *rows, size_t n, void *col, uint64_t *seen)
{
    const struct places to = {.rows = rows, .col = col, .seen = seen};
    BY_WIDTH(some_of, width, dict, none, code, n, &to)
}
