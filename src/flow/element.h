/* element: which field an information element fills, and how its octets become the value. */
#ifndef FLOW_ELEMENT_H
#define FLOW_ELEMENT_H

#include "flow/field.h"
#include "wire/layout.h"

enum conv {
    CONV_INT,   /* unsigned, 1 to 8 octets, big-endian (reduced size, RFC 7011 section 6.2) */
    CONV_F64,   /* IEEE 754, 4 or 8 octets */
    CONV_ADDR,  /* 4 octets of family 4, 16 of family 6 */
    CONV_MAC,   /* 6 octets */
    CONV_TEXT,  /* trailing zero octets cut */
    CONV_BYTES, /* as they are */
    CONV_SEC,   /* seconds since 1970 */
    CONV_MSEC,  /* milliseconds since 1970 */
    CONV_USEC,  /* a duration in microseconds → milliseconds, cut */
    CONV_NTP,   /* 32 bits of seconds since 1900, 32 of fraction (RFC 7011 section 6.1.9, 6.1.10) */
    CONV_DELTA, /* microseconds before the export time */
    CONV_UPTIME, /* milliseconds of the exporter's uptime */
    CONV_ICMP,   /* type × 256 + code: fills ICMP_TYPE and ICMP_CODE */
    CONV_APP,    /* engine, then selector (RFC 6759): fills APP_ENGINE and APP_SELECTOR */
    CONV_MPLS    /* one label stack entry of the stack */
};

struct element {
    uint32_t enterprise;
    uint16_t number;
    enum field_id field;
    enum conv conv;
    uint8_t family; /* 4 or 6: of a pair of twins; 0: no twin */
};

/* Is it a moment, in whatever form? A number that may be of any length? */
static inline bool element_is_time(const struct element *e)
{
    return e->conv == CONV_SEC || e->conv == CONV_MSEC || e->conv == CONV_NTP ||
           e->conv == CONV_DELTA || e->conv == CONV_UPTIME;
}

static inline bool element_is_number(const struct element *e)
{
    return e->conv == CONV_INT || e->conv == CONV_USEC || element_is_time(e);
}

/* The row for a field of a layout, or NULL: it has no column. A lower address wins over a higher
 * one where two rows compete for one field. */
const struct element *element_find(enum space space, const struct layout_field *f);

/* Its place among the rows: what wins is lower. */
size_t element_rank(const struct element *e);

/* Does any row fill the field by itself? */
bool element_fills(enum field_id f);

/* Every row in turn, for documentation: NULL at the end. *space gets "", "v9", "v9 scope", "v1-v8".
 */
const struct element *element_at(size_t i, const char **space);

#endif
