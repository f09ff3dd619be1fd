/* bend: what rules (quirk.h) make of the fields of a layout, before it is compiled. */
#ifndef FLOW_BEND_H
#define FLOW_BEND_H

#include "flow/element.h"
#include "flow/quirk.h"

/* A field of a layout, as it is to be read. */
struct bent {
    struct element element;
    bool known;           /* it fills a field */
    size_t rank;          /* of two that fill one field the lower wins */
    enum quirk_unit unit; /* of a time */
    bool little;          /* its octets stand last first */
};

/* `choice` may be NULL: the field is read as the tables say. */
struct bent bend_field(const struct quirk_choice *choice, enum space space,
                       const struct layout_field *f);

/* Fields of a fixed layout that lie elsewhere: sets their offsets, where the record has room. */
void bend_offsets(const struct quirk_choice *choice, const struct layout *layout,
                  struct layout_field *fields);

/* Do the rules say so, of the layout as a whole? */
bool bend_has(const struct quirk_choice *choice, enum quirk_verb verb);

#endif
