#include "store/dict.h"

#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
    TABLE_BITS_MIN = 8,
    BLOCK = 64,        /* values that are looked at together for runs */
    AHEAD = 24,        /* how far before its use a slot is fetched */
    FETCH_BITS = 13,   /* tables of 64 KB and more do not lie in the first cache */
    KEYS_MAX = 1 << 30 /* far above the owner's limits */
};

static bool is_text(const struct dict *d) { return d->kind == KIND_TEXT || d->kind == KIND_BYTES; }

void dict_init(struct dict *d, enum kind kind)
{
    static const char seed[] = "dict";

    *d = (struct dict){.kind = kind, .width = kind_table[kind].width};
    buf_init(&d->keys, KEYS_MAX);
    buf_init(&d->bytes, KEYS_MAX);
    d->multiplier = hash_keyed(seed, sizeof seed) | 1;
}

void dict_free(struct dict *d)
{
    buf_free(&d->keys);
    buf_free(&d->bytes);
    free(d->direct);
    free(d->small.slots);
    free(d->large.slots);
    d->direct = NULL;
    d->small = (struct dict_table){0};
    d->large = (struct dict_table){0};
    d->n = 0;
}

static void table_clear(struct dict_table *t)
{
    if (t->n != 0)
        memset(t->slots, 0, sizeof *t->slots << t->bits);
    t->n = 0;
}

static size_t direct_at(const struct dict *d, const uint8_t *value)
{
    uint16_t v16 = value[0];
    if (d->width == sizeof v16)
        memcpy(&v16, value, sizeof v16);
    return v16;
}

void dict_reset(struct dict *d)
{
    for (uint32_t i = 0; d->direct && i < d->n; i++)
        d->direct[direct_at(d, d->keys.data + i * d->width)] = 0;
    table_clear(&d->small);
    table_clear(&d->large);
    buf_reset(&d->keys);
    buf_reset(&d->bytes);
    d->n = 0;
}

static void out_of_memory(void) { mem_out(); }

static uint32_t push(struct dict *d, const void *value)
{
    buf_bytes(&d->keys, value, d->width);
    if (!buf_ok(&d->keys))
        out_of_memory();
    return d->n++;
}

static inline size_t small_at(const struct dict *d, uint32_t key)
{
    return (size_t)(key * d->multiplier >> (64 - d->small.bits));
}

/* Bits of the hash for the slot; the table by value takes the multiplier's upper bits. */
static size_t home(const struct dict *d, const struct dict_table *t, const struct dict_slot *s)
{
    if (t == &d->small)
        return small_at(d, s->key);
    return s->key & (((size_t)1 << t->bits) - 1);
}

/* A table at most half full. */
static void table_grow(struct dict *d, struct dict_table *t)
{
    struct dict_table old = *t;

    t->bits = old.slots ? old.bits + 1 : TABLE_BITS_MIN;
    t->slots = mem_new((size_t)1 << t->bits, sizeof *t->slots);
    size_t mask = ((size_t)1 << t->bits) - 1;
    for (size_t i = 0; old.slots && i < (size_t)1 << old.bits; i++) {
        if (old.slots[i].code == 0)
            continue;
        size_t at = home(d, t, &old.slots[i]);
        while (t->slots[at].code != 0)
            at = (at + 1) & mask;
        t->slots[at] = old.slots[i];
    }
    free(old.slots);
}

static inline bool table_full(const struct dict_table *t)
{
    return !t->slots || t->n >= (uint32_t)1 << (t->bits - 1);
}

static uint32_t table_add(struct dict *d, struct dict_table *t, size_t at, uint32_t key,
                          const void *value)
{
    uint32_t code = push(d, value);
    t->slots[at] = (struct dict_slot){.key = key, .code = code + 1};
    t->n++;
    if (table_full(t))
        table_grow(d, t);
    return code;
}

/* Code of a value that `key` tells wholly. */
static inline uint32_t small_code(struct dict *d, uint32_t key, const void *value)
{
    const struct dict_slot *slots = d->small.slots;
    size_t mask = ((size_t)1 << d->small.bits) - 1;
    size_t at = small_at(d, key);

    for (;; at = (at + 1) & mask) {
        if (slots[at].code == 0)
            return table_add(d, &d->small, at, key, value);
        if (slots[at].key == key)
            return slots[at].code - 1;
    }
}

static uint32_t large_code(struct dict *d, const void *value)
{
    uint32_t tag = (uint32_t)(hash_keyed(value, d->width) >> 32);
    size_t mask = ((size_t)1 << d->large.bits) - 1;

    for (size_t at = tag & mask;; at = (at + 1) & mask) {
        struct dict_slot s = d->large.slots[at];
        if (s.code == 0)
            return table_add(d, &d->large, at, tag, value);
        if (s.key == tag && memcmp(d->keys.data + (s.code - 1) * d->width, value, d->width) == 0)
            return s.code - 1;
    }
}

uint32_t dict_code_text(struct dict *d, const uint8_t *s, size_t n)
{
    assert(is_text(d));
    if (table_full(&d->large))
        table_grow(d, &d->large);
    uint32_t tag = (uint32_t)(hash_keyed(s, n) >> 32);
    size_t mask = ((size_t)1 << d->large.bits) - 1;

    for (size_t at = tag & mask;; at = (at + 1) & mask) {
        struct dict_slot slot = d->large.slots[at];
        struct cell cell = {.at = (uint32_t)d->bytes.len, .len = (uint32_t)n};
        if (slot.code == 0) {
            buf_bytes(&d->bytes, s, n);
            if (!buf_ok(&d->bytes))
                out_of_memory();
            return table_add(d, &d->large, at, tag, &cell);
        }
        if (slot.key != tag)
            continue;
        memcpy(&cell, d->keys.data + (slot.code - 1) * sizeof cell, sizeof cell);
        if (cell.len == n && (n == 0 || memcmp(d->bytes.data + cell.at, s, n) == 0))
            return slot.code - 1;
    }
}

static void codes_u8(struct dict *d, const uint8_t *v, size_t n, uint32_t *codes)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t *code = &d->direct[v[i]];
        if (*code == 0)
            *code = push(d, &v[i]) + 1;
        codes[i] = *code - 1;
    }
}

static void codes_u16(struct dict *d, const uint16_t *v, size_t n, uint32_t *codes)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t *code = &d->direct[v[i]];
        if (*code == 0)
            *code = push(d, &v[i]) + 1;
        codes[i] = *code - 1;
    }
}

/* What looking up by value needs, in registers: stores of codes might change a dictionary, for all
 * the compiler knows. */
struct view {
    const struct dict_slot *slots;
    uint64_t multiplier;
    unsigned shift;
};

static inline struct view view_of(const struct dict *d)
{
    return (struct view){d->small.slots, d->multiplier, 64 - d->small.bits};
}

/* Most values lie where they are sought first. */
static inline uint32_t view_code(struct view *w, struct dict *d, uint32_t key, const void *value)
{
    struct dict_slot s = w->slots[key * w->multiplier >> w->shift];

    if (s.key == key && s.code != 0)
        return s.code - 1;
    uint32_t code = small_code(d, key, value);
    *w = view_of(d); /* it may have grown */
    return code;
}

static void codes_u32(struct dict *d, const uint32_t *v, size_t n, uint32_t *codes)
{
    struct view w = view_of(d);

    for (size_t i = 0; i < n; i++)
        codes[i] = view_code(&w, d, v[i], &v[i]);
}

static void codes_u64(struct dict *d, const uint64_t *v, size_t n, uint32_t *codes)
{
    struct view w = view_of(d);

    for (size_t i = 0; i < n; i++)
        codes[i] = v[i] >> 32 ? large_code(d, &v[i]) : view_code(&w, d, (uint32_t)v[i], &v[i]);
}

static inline uint32_t v4_key(const struct addr *a)
{
    uint32_t key;
    memcpy(&key, a->b + ADDR_V4_BITS / 8, sizeof key);
    return key;
}

/* n addresses, of which the table's slots are fetched some time before they are looked at; `all` (n
 * or more) may be read. */
static void codes_addr(struct dict *d, const struct addr *v, size_t n, size_t all, uint32_t *codes)
{
    struct view w = view_of(d);
    size_t fetch = d->small.bits >= FETCH_BITS && all > AHEAD ? all - AHEAD : 0;

    for (size_t i = 0; i < n; i++) {
        if (i < fetch) /* of what is no IPv4 address it is any */
            __builtin_prefetch(&w.slots[v4_key(&v[i + AHEAD]) * w.multiplier >> w.shift]);
        codes[i] =
            addr_is_v4(&v[i]) ? view_code(&w, d, v4_key(&v[i]), &v[i]) : large_code(d, &v[i]);
    }
}

static void codes_any(struct dict *d, const uint8_t *v, size_t n, uint32_t *codes)
{
    for (size_t i = 0; i < n; i++)
        codes[i] = large_code(d, v + i * d->width);
}

/* n values, of which `all` (n or more) may be read. */
static void codes_block(struct dict *d, const void *v, size_t n, size_t all, uint32_t *codes)
{
    switch (d->kind) {
    case KIND_U8:
    case KIND_ENUM:
        codes_u8(d, v, n, codes);
        break;
    case KIND_U16:
        codes_u16(d, v, n, codes);
        break;
    case KIND_U32:
        codes_u32(d, v, n, codes);
        break;
    case KIND_U64:
    case KIND_TIME:
    case KIND_F64:
        codes_u64(d, v, n, codes);
        break;
    case KIND_ADDR:
        codes_addr(d, v, n, all, codes);
        break;
    case KIND_MAC:
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_N:
        codes_any(d, v, n, codes);
        break;
    }
}

/* With a constant width memcmp is a comparison or two. */
ALWAYS_INLINE bool same_as_next(const uint8_t *v, const size_t width)
{
    return memcmp(v, v + width, width) == 0;
}

/* Where values mostly repeat the one before, as those do that are of the datagram (some of them
 * tell), each run is looked up once. false: they do not. */
ALWAYS_INLINE bool codes_runs(struct dict *d, const uint8_t *v, size_t n, uint32_t *codes,
                              const size_t width)
{
    enum { STEP = 8, TRIES = BLOCK / STEP, LEAST = TRIES - 2 };
    unsigned same = 0;

    for (size_t i = 0; i + 1 < n; i += STEP)
        same += same_as_next(v + i * width, width);
    if (same < LEAST)
        return false;
    for (size_t i = 0; i < n;) {
        uint32_t code;
        codes_block(d, v + i * width, 1, 1, &code);
        do
            codes[i++] = code;
        while (i < n && same_as_next(v + (i - 1) * width, width));
    }
    return true;
}

static bool try_runs(struct dict *d, const uint8_t *v, size_t n, uint32_t *codes)
{
    switch (d->width) {
    case 4:
        return codes_runs(d, v, n, codes, 4);
    case 8:
        return codes_runs(d, v, n, codes, 8);
    case 16:
        return codes_runs(d, v, n, codes, 16);
    default: /* a table of all values is as fast */
        return false;
    }
}

void dict_codes(struct dict *d, const void *values, size_t n, uint32_t *codes)
{
    const uint8_t *v = values;

    assert(!is_text(d));
    if (d->width <= 2 && !d->direct)
        d->direct = mem_new((size_t)1 << 8 * d->width, sizeof *d->direct);
    if (d->width > 2 && !d->small.slots)
        table_grow(d, &d->small);
    if (d->width > 2 && !d->large.slots)
        table_grow(d, &d->large);
    for (size_t at = 0; at < n; at += BLOCK) {
        const uint8_t *block = v + at * d->width;
        size_t take = n - at < BLOCK ? n - at : BLOCK;
        if (!try_runs(d, block, take, codes + at))
            codes_block(d, block, take, n - at, codes + at);
    }
}
