/* value: one cell of an answer, and the column that it stands in. What asks (groups, list) makes
 * values, what prints (print_*) writes them; neither knows the other. */
#ifndef QUERY_VALUE_H
#define QUERY_VALUE_H

#include "base/addr.h"
#include "flow/batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
    VALUE_NONE, /* absent: empty, null, "-" */
    VALUE_UINT,
    VALUE_REAL,
    VALUE_TIME,
    VALUE_ADDR,
    VALUE_PREFIX, /* addr and bits, those of its own family (0..32, 0..128) */
    VALUE_MAC,
    VALUE_TEXT,
    VALUE_OCTETS, /* hex */
    VALUE_JSON    /* text that is JSON where it is well-formed: json_ok() */
};

struct value {
    enum value_type type;
    uint8_t bits;
    union {
        uint64_t u;
        double d;
        int64_t ms;
        struct addr addr;
        uint8_t mac[6];
        struct {
            const void *at;
            size_t len;
        } s; /* borrowed from the batch, or static */
    } as;
};

/* What people want to see behind a number; machines get the number. */
enum unit {
    UNIT_NONE,
    UNIT_COUNT,
    UNIT_BYTES,
    UNIT_BITS_S,
    UNIT_PACKETS_S,
    UNIT_RATIO,
    UNIT_PROTO,
    UNIT_FLAGS,
    UNIT_DURATION, /* milliseconds */
    UNIT_SHARE     /* 0 to 1, shown as per cent */
};

struct column {
    const char *name;  /* in csv and json */
    const char *title; /* in tables */
    enum unit unit;
    bool right;     /* aligned so in tables */
    enum kind kind; /* of its values, for formats that have types */
    bool key;       /* of groups: what they are made by */
    bool drawn;     /* what a chart shows */
};

/* A field of a row as it is stored; VALUE_NONE if absent. */
struct value value_of(const struct batch *b, enum field_id f, size_t row);

/* The same from its parts: an integer, enum or time of `f`, widened; octets or text of `f`. */
struct value value_of_u64(enum field_id f, uint64_t v);
struct value value_of_bytes(enum field_id f, const void *at, size_t len);

static inline struct value value_uint(uint64_t v)
{
    return (struct value){.type = VALUE_UINT, .as.u = v};
}

static inline struct value value_real(double v)
{
    return (struct value){.type = VALUE_REAL, .as.d = v};
}

static inline struct value value_time(int64_t ms)
{
    return (struct value){.type = VALUE_TIME, .as.ms = ms};
}

static inline struct value value_text(const void *at, size_t len)
{
    return (struct value){.type = VALUE_TEXT, .as.s = {at, len}};
}

/* Order of two values of one column: absent first, then by number, time, address or octets. */
int value_compare(const struct value *a, const struct value *b);

/* The column of a field: its name as title, aligned by its kind. */
struct column column_of(enum field_id f);

/* Is this one whole JSON value (RFC 8259) in ASCII, on one line, not nested deeper than 64? What
 * we write into `extra` is; a file may hold anything. */
bool json_ok(const void *text, size_t len);

#endif
