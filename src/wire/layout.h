/* layout: what a data record looks like: a list of (element, length), fixed or announced.
 *
 * NetFlow v1, v5, v6, v7 and the v8 aggregations have constant layouts (wire/fixed.h); v9 and IPFIX
 * announce theirs in templates (wire/set.h). From here on they are the same thing. */
#ifndef WIRE_LAYOUT_H
#define WIRE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LAYOUT_VARLEN = 65535,     /* length of a variable-length field (RFC 7011 section 7) */
    LAYOUT_FIELDS_MAX = 4096,  /* of one template; more is refused */
    ENTERPRISE_REVERSE = 29305 /* RFC 5103: the same element, reverse direction */
};

/* What an element number means depends on where it stands. */
enum space {
    SPACE_IPFIX, /* IANA's numbers for enterprise 0, else the enterprise's own */
    SPACE_V9,    /* Cisco's: IANA's up to 127, above often but not always; no enterprises */
    SPACE_FIXED  /* IANA's where there is one, else FIXED_* below */
};

/* Fields of the fixed formats that have no information element. */
enum {
    FIXED_PAD = 0x8000,
    FIXED_ROUTER_SC,
    FIXED_PEER_NEXT_HOP,
    FIXED_IN_ENCAPS,
    FIXED_OUT_ENCAPS,
    FIXED_VALID_FLAGS,
    FIXED_FLAGS2,
    FIXED_MARKED_TOS,
    FIXED_EXTRA_PACKETS,
    FIXED_TCP_RETX_COUNT,
    FIXED_TCP_RETX_SECS,
    FIXED_TCP_MISSEQ
};

struct layout_field {
    uint32_t enterprise;
    uint16_t number;
    uint16_t len;    /* octets, or LAYOUT_VARLEN */
    uint16_t offset; /* in the record; meaningless behind a variable-length field */
    bool scope;      /* of an options template */
};

struct layout {
    enum space space;
    bool options;
    bool variable; /* has a variable-length field */
    uint16_t n;
    uint32_t record_len; /* octets; of a variable record, the least it can have */
    const struct layout_field *fields;
};

#endif
