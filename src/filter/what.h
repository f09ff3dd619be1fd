/* what: the thing a term of a filter is about: a field of the catalogue, or a measure or ratio made
 * of several (flow/measure.h). A number: fields first, then measures, then ratios. */
#ifndef FILTER_WHAT_H
#define FILTER_WHAT_H

#include "base/addr.h"
#include "flow/field.h"
#include "flow/measure.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    WHAT_MEASURE = FIELD_N,
    WHAT_RATIO = WHAT_MEASURE + MEASURE_N,
    WHAT_N = WHAT_RATIO + RATIO_N,
    WHAT_NONE = WHAT_N
};

/* How its values are written in a filter. */
enum value_type {
    VALUE_COUNT,
    VALUE_REAL,
    VALUE_TIME,
    VALUE_MS,       /* a duration; a bare number is milliseconds, as the field's name says */
    VALUE_DURATION, /* a duration; a bare number is seconds */
    VALUE_PROTO,
    VALUE_PORT,
    VALUE_FLAGS,
    VALUE_ADDR,
    VALUE_MAC,
    VALUE_TEXT,
    VALUE_BYTES,
    VALUE_NAME, /* of a KIND_ENUM field */
    VALUE_N
};

/* A number of 128 bits: an address, or any other value in `lo`. All values that have an order are
 * compared by such keys, so that ranges and lists are one piece of code. */
struct wide {
    uint64_t hi;
    uint64_t lo;
};

static inline int wide_cmp(struct wide a, struct wide b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo < b.lo ? -1 : a.lo > b.lo;
}

const char *what_name(unsigned what);
enum value_type what_type(unsigned what);
void what_fields(unsigned what, struct field_set *out);

/* The largest key it can have; the least is 0, but for reals (see key_of_f64). */
struct wide what_max(unsigned what);
struct wide what_min(unsigned what);

/* Keys: the order of the numbers is the order of the values. */
static inline uint64_t key_of_time(int64_t ms) { return (uint64_t)ms ^ UINT64_C(1) << 63; }

static inline uint64_t key_of_f64(double v)
{
    uint64_t bits;
    double plain = v + 0.0; /* minus zero is zero */

    memcpy(&bits, &plain, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline uint64_t key_of_mac(const uint8_t mac[static 6])
{
    uint64_t v = 0;
    memcpy((uint8_t *)&v + 2, mac, 6);
    return be64toh(v);
}

static inline struct wide key_of_addr(const struct addr *a)
{
    uint64_t half[2];
    memcpy(half, a->b, sizeof half);
    return (struct wide){be64toh(half[0]), be64toh(half[1])};
}

#endif
