#include "filter/kernel.h"

#include "base/hash.h"

#include <endian.h>
#include <string.h>

/* 64 bytes, each 0 or 1, to a word of bits: the product brings the lowest bits of eight bytes
 * together in its highest. */
static inline uint64_t pack(const uint8_t hit[static 64])
{
    uint64_t word = 0;

    for (size_t i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, hit + i * 8, sizeof eight);
        word |= (le64toh(eight) * UINT64_C(0x0102040810204080) >> 56) << i * 8;
    }
    return word;
}

/* A kernel is a loop over whole words with a fixed count inside, and the rest row by row. HIT says
 * whether the value x passes. */
#define KERNEL_BODY(HIT)                \
    size_t at = 0;                      \
    for (; n - at >= 64; at += 64) {    \
        uint8_t is[64];                 \
        for (size_t i = 0; i < 64; i++) \
            is[i] = HIT(v[at + i]);     \
        hit[at / 64] = pack(is);        \
    }                                   \
    if (at < n)                         \
        hit[at / 64] = 0;               \
    for (size_t i = at; i < n; i++)     \
        hit[at / 64] |= (uint64_t)HIT(v[i]) << (i - at);

void kernel_range8(const uint8_t *v, size_t n, uint8_t lo, uint8_t span, uint64_t *hit)
{
#define IN_RANGE(x) ((uint8_t)((x)-lo) <= span)
    KERNEL_BODY(IN_RANGE)
#undef IN_RANGE
}

void kernel_range16(const uint16_t *v, size_t n, uint16_t lo, uint16_t span, uint64_t *hit)
{
#define IN_RANGE(x) ((uint16_t)((x)-lo) <= span)
    KERNEL_BODY(IN_RANGE)
#undef IN_RANGE
}

void kernel_range32(const uint32_t *v, size_t n, uint32_t lo, uint32_t span, uint64_t *hit)
{
#define IN_RANGE(x) ((x)-lo <= span)
    KERNEL_BODY(IN_RANGE)
#undef IN_RANGE
}

void kernel_range64(const uint64_t *v, size_t n, uint64_t lo, uint64_t span, uint64_t *hit)
{
#define IN_RANGE(x) ((x)-lo <= span)
    KERNEL_BODY(IN_RANGE)
#undef IN_RANGE
}

void kernel_bits16(const uint16_t *v, size_t n, struct bits bits, uint64_t *hit)
{
#define THESE(x) ((uint16_t)((x)&bits.mask) == bits.want)
    KERNEL_BODY(THESE)
#undef THESE
}

void kernel_table8(const uint8_t *v, size_t n, const uint64_t *table, uint64_t *hit)
{
#define IN_TABLE(x) (table[(x) / 64] >> (x) % 64 & 1)
    KERNEL_BODY(IN_TABLE)
#undef IN_TABLE
}

void kernel_table16(const uint16_t *v, size_t n, const uint64_t *table, uint64_t *hit)
{
#define IN_TABLE(x) (table[(x) / 64] >> (x) % 64 & 1)
    KERNEL_BODY(IN_TABLE)
#undef IN_TABLE
}

static inline bool in_prefix(const struct addr *a, const struct mask16 *p)
{
    uint64_t half[2];

    memcpy(half, a->b, sizeof half);
    return (((half[0] & p->mask[0]) ^ p->want[0]) | ((half[1] & p->mask[1]) ^ p->want[1])) == 0;
}

void kernel_prefix(const struct addr *v, size_t n, const struct mask16 *p, uint64_t *hit)
{
    const struct mask16 own = *p; /* hit[] is not it */
#define IN_PREFIX(x) in_prefix(&(x), &own)
    KERNEL_BODY(IN_PREFIX)
#undef IN_PREFIX
}

uint64_t kernel_list(const uint64_t v[64], uint64_t need, const struct set *set)
{
    uint64_t hit = 0;

    for (; need != 0; need &= need - 1) {
        unsigned i = (unsigned)__builtin_ctzll(need);
        hit |= (uint64_t)set_has(set, (struct wide){0, v[i]}) << i;
    }
    return hit;
}

uint64_t kernel_wide(const struct addr v[64], uint64_t need, const struct set *set)
{
    uint64_t hit = 0;

    for (; need != 0; need &= need - 1) {
        unsigned i = (unsigned)__builtin_ctzll(need);
        hit |= (uint64_t)set_has(set, key_of_addr(&v[i])) << i;
    }
    return hit;
}

/* Below 0, 0, above 0: by octets, the shorter first. */
static int compare_cell(const uint8_t *bytes, struct cell c, struct text t)
{
    size_t n = c.len < t.len ? c.len : t.len;
    int order = n ? memcmp(bytes + c.at, t.s, n) : 0;
    return order ? order : (c.len > t.len) - (c.len < t.len);
}

uint64_t kernel_order(const uint8_t *bytes, const struct cell v[64], uint64_t need,
                      const struct order *order)
{
    uint64_t hit = 0;

    for (; need != 0; need &= need - 1) {
        unsigned i = (unsigned)__builtin_ctzll(need);
        if (order->takes == ORDER_SAME && v[i].len != order->value.len)
            continue;
        int c = compare_cell(bytes, v[i], order->value);
        unsigned is = c < 0 ? ORDER_LESS : c > 0 ? ORDER_MORE : ORDER_SAME;
        hit |= (uint64_t)((order->takes & is) != 0) << i;
    }
    return hit;
}

static bool is_one_of(const uint8_t *s, size_t n, const struct texts *texts)
{
    for (size_t i = hash_keyed(s, n) & texts->mask; texts->slots[i] != 0; i = (i + 1) & texts->mask)
        if (text_is(&texts->v[texts->slots[i] - 1], s, n))
            return true;
    return false;
}

uint64_t kernel_texts(const uint8_t *bytes, const struct cell v[64], uint64_t need,
                      const struct texts *texts)
{
    uint64_t hit = 0;

    for (; need != 0; need &= need - 1) {
        unsigned i = (unsigned)__builtin_ctzll(need);
        hit |= (uint64_t)is_one_of(bytes + v[i].at, v[i].len, texts) << i;
    }
    return hit;
}

uint64_t kernel_pattern(const uint8_t *bytes, const struct cell v[64], uint64_t need,
                        const struct pattern *p)
{
    uint64_t hit = 0;

    for (; need != 0; need &= need - 1) {
        unsigned i = (unsigned)__builtin_ctzll(need);
        hit |= (uint64_t)pattern_matches(p, bytes + v[i].at, v[i].len) << i;
    }
    return hit;
}
