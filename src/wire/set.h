/* set: the sets of v9 (RFC 3954 section 5) and IPFIX (RFC 7011 section 3.3), and the templates in
 * them.
 *
 *   set             id u16, length u16 with these four octets, records, padding
 *   template        id u16, field count u16, fields
 *   options, v9     id u16, octets of scope fields u16, octets of option fields u16, fields
 *   options, IPFIX  id u16, field count u16, scope field count u16, fields
 *   field           number u16, length u16; in IPFIX with the top bit of number: enterprise u32
 */
#ifndef WIRE_SET_H
#define WIRE_SET_H

#include "base/cursor.h"
#include "base/err.h"
#include "wire/layout.h"

enum {
    SET_V9_TEMPLATE = 0,
    SET_V9_OPTIONS = 1,
    SET_IPFIX_TEMPLATE = 2,
    SET_IPFIX_OPTIONS = 3,
    SET_DATA_MIN = 256
};

struct set {
    uint16_t id;
    struct cur body;
};

/* The next set: 0, ERR_EOF (the end, or less than a set header left), ERR_DATA: the length is
 * impossible and nothing behind it can be found. */
int set_next(struct cur *sets, struct set *out, struct err *err) MUST_USE;

static inline bool set_is_template(uint16_t version, uint16_t id)
{
    return version == 9 ? id == SET_V9_TEMPLATE || id == SET_V9_OPTIONS
                        : id == SET_IPFIX_TEMPLATE || id == SET_IPFIX_OPTIONS;
}

struct template_record {
    uint16_t id;
    bool withdrawal;      /* IPFIX, no fields: forget the template; id 2 or 3: all of that kind */
    struct layout layout; /* .fields is the caller's array */
};

/* The next template of a template set; fields go to `fields` (LAYOUT_FIELDS_MAX of them).
 * 0, ERR_EOF (the end or padding), ERR_DATA: cut short, no fields, bad id, impossible scope;
 * ERR_LIMIT: too many fields. After an error the rest of the set is lost. */
int set_template_next(struct set *set, uint16_t version, struct layout_field *fields,
                      struct template_record *out, struct err *err) MUST_USE;

/* Set offsets, record_len and variable of a layout from its fields' lengths. false if a record
 * would have no octets, or more than a datagram can. */
bool layout_measure(struct layout *layout, struct layout_field *fields);

#endif
