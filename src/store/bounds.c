#include "store/bounds.h"

#include <math.h>
#include <string.h>

static const uint64_t SIGN = UINT64_C(1) << 63;

static void widen(struct bounds *b, uint64_t lo, uint64_t hi)
{
    b->lo = !b->any || lo < b->lo ? lo : b->lo;
    b->hi = !b->any || hi > b->hi ? hi : b->hi;
    b->any = true;
}

static void add_u8(struct bounds *b, const uint8_t *v, size_t n)
{
    uint8_t lo = v[0];
    uint8_t hi = v[0];
    for (size_t i = 1; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    widen(b, lo, hi);
}

static void add_u16(struct bounds *b, const uint16_t *v, size_t n)
{
    uint16_t lo = v[0];
    uint16_t hi = v[0];
    for (size_t i = 1; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    widen(b, lo, hi);
}

static void add_u32(struct bounds *b, const uint32_t *v, size_t n)
{
    uint32_t lo = v[0];
    uint32_t hi = v[0];
    for (size_t i = 1; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    widen(b, lo, hi);
}

static void add_u64(struct bounds *b, const uint64_t *v, size_t n, uint64_t flip)
{
    uint64_t lo = v[0] ^ flip;
    uint64_t hi = v[0] ^ flip;
    for (size_t i = 1; i < n; i++) {
        uint64_t x = v[i] ^ flip;
        lo = x < lo ? x : lo;
        hi = x > hi ? x : hi;
    }
    widen(b, lo, hi);
}

static void add_f64(struct bounds *b, const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(v[i])) /* has no place in the order */
            continue;
        b->flo = !b->any || v[i] < b->flo ? v[i] : b->flo;
        b->fhi = !b->any || v[i] > b->fhi ? v[i] : b->fhi;
        b->any = true;
    }
}

static int compare(const struct pq_bound *a, const void *s, size_t n)
{
    size_t common = a->len < n ? a->len : n;
    int c = common ? memcmp(a->bytes, s, common) : 0;
    return c != 0 ? c : (a->len > n) - (a->len < n);
}

static void set(struct pq_bound *b, const void *s, size_t n)
{
    b->len = (uint8_t)n;
    if (n != 0)
        memcpy(b->bytes, s, n);
}

void bounds_add_bytes(struct bounds *b, const void *s, size_t n)
{
    if (b->off || n > PQ_BOUND_BYTES) {
        b->off = true;
        return;
    }
    if (!b->any || compare(&b->blo, s, n) > 0)
        set(&b->blo, s, n);
    if (!b->any || compare(&b->bhi, s, n) < 0)
        set(&b->bhi, s, n);
    b->any = true;
}

void bounds_add(struct bounds *b, enum kind kind, const void *values, size_t n)
{
    const uint8_t *bytes = values;
    size_t width = kind_table[kind].width;

    if (n == 0)
        return;
    switch (kind) {
    case KIND_U8:
        add_u8(b, values, n);
        break;
    case KIND_U16:
        add_u16(b, values, n);
        break;
    case KIND_U32:
        add_u32(b, values, n);
        break;
    case KIND_U64:
        add_u64(b, values, n, 0);
        break;
    case KIND_TIME:
        add_u64(b, values, n, SIGN);
        break;
    case KIND_F64:
        add_f64(b, values, n);
        break;
    case KIND_ADDR:
    case KIND_MAC:
        for (size_t i = 0; i < n; i++)
            bounds_add_bytes(b, bytes + i * width, width);
        break;
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_ENUM:
    case KIND_N:
        break;
    }
}

static bool get_f64(const struct bounds *b, struct pq_bound *min, struct pq_bound *max)
{
    /* Zeros compare equal: readers want the smaller of them below and the larger above. */
    double lo = b->flo > 0 || b->flo < 0 ? b->flo : -0.0;
    double hi = b->fhi > 0 || b->fhi < 0 ? b->fhi : 0.0;
    set(min, &lo, sizeof lo);
    set(max, &hi, sizeof hi);
    return true;
}

bool bounds_get(const struct bounds *b, enum kind kind, struct pq_bound *min, struct pq_bound *max)
{
    if (!b->any || b->off)
        return false;
    if (kind == KIND_F64)
        return get_f64(b, min, max);
    if (pq_kinds[kind].physical == PQ_BYTE_ARRAY || pq_kinds[kind].physical == PQ_FIXED) {
        *min = b->blo;
        *max = b->bhi;
        return true;
    }
    uint64_t flip = kind == KIND_TIME ? SIGN : 0;
    uint64_t lo = b->lo ^ flip;
    uint64_t hi = b->hi ^ flip;
    set(min, &lo, pq_kinds[kind].width);
    set(max, &hi, pq_kinds[kind].width);
    return true;
}
