/* what: the thing a term of a filter is about, as a number: a field of the catalogue; a measure or
 * ratio made of several (flow/measure.h); the first that is there of several (struct made); or a
 * number that lies in a field's octets (struct part). */
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
    WHAT_MADE = WHAT_RATIO + RATIO_N
};

/* Numbers that exporters send in one field or another: the first of `from` that is there, shifted
 * down. */
enum made { MADE_DSCP, MADE_OUT_DSCP, MADE_FLOWS, MADE_OUT_BYTES, MADE_OUT_PACKETS, MADE_N };

struct made_from {
    enum field_id field;
    unsigned shift;
};

struct made_info {
    const char *name;
    struct made_from from[5];
    size_t n;
    bool else_one; /* where none is there it is 1 */
    uint64_t max;
};

extern const struct made_info made_table[MADE_N];

enum { WHAT_PART = WHAT_MADE + MADE_N, MPLS_NAMED = 10 };

/* Numbers within octets: bits of an entry of the MPLS stack, words of an access list's id. */
enum part {
    PART_LABEL, /* of any entry, then of the first to the tenth */
    PART_LABEL_BOTTOM = PART_LABEL + MPLS_NAMED + 1,
    PART_EXP,
    PART_DEPTH = PART_EXP + MPLS_NAMED + 1,
    PART_IN_ACL,
    PART_IN_ACE,
    PART_IN_XACE,
    PART_OUT_ACL,
    PART_OUT_ACE,
    PART_OUT_XACE,
    PART_N
};

enum { WHAT_N = WHAT_PART + PART_N, WHAT_NONE = WHAT_N };

enum part_of { PART_ANY_ENTRY, PART_NTH_ENTRY, PART_LAST_ENTRY, PART_ENTRIES, PART_NTH_WORD };

struct part_info {
    const char *name;
    enum field_id field;
    enum part_of of;
    unsigned nth; /* from 0 */
    unsigned shift;
    uint32_t mask; /* after the shift */
};

struct part_info part_of_what(unsigned what);

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
    VALUE_ICMP, /* a type or code: a number, or a name that goes with a protocol */
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

/* As a filter writes it, so that it means this and nothing beside it. */
const char *what_name(unsigned what);

/* The field that it depends on alone, or FIELD_NONE. */
enum field_id what_field(unsigned what);

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

static inline struct addr addr_of_key(struct wide key)
{
    uint64_t half[2] = {htobe64(key.hi), htobe64(key.lo)};
    struct addr a;

    memcpy(a.b, half, sizeof half);
    return a;
}

#endif
