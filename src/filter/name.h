/* name: values that have names of their own: protocols, code points, events.
 *
 * Names of ICMP types and codes go with a protocol and stand in filter/icmp.h; those of KIND_ENUM
 * fields in flow/field.h; ports ask the system. */
#ifndef FILTER_NAME_H
#define FILTER_NAME_H

#include "base/near.h"
#include "filter/what.h"

struct value_name {
    const char *name;
    unsigned what;
    uint32_t value;
    uint32_t mask; /* of the bits that it is about; 0: all */
};

/* The name's row, in any case; NULL if values of `what` have no such name. */
const struct value_name *name_find(unsigned what, const char *s, size_t n);

/* The first name of a value, or NULL. */
const char *name_of(unsigned what, uint64_t value);

/* The i-th name, for messages; NULL at the end. */
const char *name_at(unsigned what, size_t i);

/* Offer all names. */
void name_try(unsigned what, struct near *near);

/* The number of a protocol's name, or -1. */
int name_protocol(const char *s, size_t n);

#endif
