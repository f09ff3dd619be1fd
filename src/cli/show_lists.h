/* show_lists: the tables of `weir show` that are lists of what exporters announced. */
#ifndef CLI_SHOW_LISTS_H
#define CLI_SHOW_LISTS_H

#include <inttypes.h>
#include <jansson.h>

/* A member's value: 0 or "-" if it has none. */
static inline uint64_t number(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

static inline const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "-";
}

/* What a list does not show, said below it. */
void show_rest(const json_t *answer);

void show_templates(const json_t *answer);
void show_samplers(const json_t *answer);
void show_interfaces(const json_t *answer);
void show_names(const json_t *answer);
void show_quirks(const json_t *answer);

#endif
