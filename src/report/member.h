/* member: members of JSON objects that a running weir answers with. */
#ifndef REPORT_MEMBER_H
#define REPORT_MEMBER_H

#include <inttypes.h>
#include <jansson.h>

/* A member's value: 0 or "-" if it has none. */
static inline uint64_t number(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

static inline int64_t signed_number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static inline const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "-";
}

#endif
