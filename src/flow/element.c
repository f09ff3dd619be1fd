#include "flow/element.h"

#include "base/attr.h"

/* Rows stand in the order of elements.def; each remembers the number space it belongs to. */
enum row_space { ROW_IANA, ROW_V9, ROW_V9_SCOPE, ROW_FIXED, ROW_ENT };

enum row {
#define E(space, pen, number, field, conv, family) ROW_##space##_##pen##_##number,
#include "flow/elements.def"
#undef E
    ROW_N
};

static const struct element rows[ROW_N] = {
#define E(space, pen, number, field, conv, family) \
    {pen, number, FIELD_##field, CONV_##conv, family},
#include "flow/elements.def"
#undef E
};

static const uint8_t row_spaces[ROW_N] = {
#define E(space, pen, number, field, conv, family) ROW_##space,
#include "flow/elements.def"
#undef E
};

/* A dense map from IANA's numbers to rows: 0 unknown, else row + 1. The rows of the other spaces
 * are few and searched. */
enum { IANA_MAX = 512 };
#define SLOT_IANA(number, row) [number] = (row) + 1,
#define SLOT_V9(number, row)
#define SLOT_V9_SCOPE(number, row)
#define SLOT_FIXED(number, row)
#define SLOT_ENT(number, row)
static const uint8_t iana[IANA_MAX] = {
#define E(space, pen, number, field, conv, family) \
    SLOT_##space(number, (uint8_t)ROW_##space##_##pen##_##number)
#include "flow/elements.def"
#undef E
};
_Static_assert(ROW_N < UINT8_MAX, "iana[] holds row + 1 in a byte");

static const struct element *search(enum row_space space, const struct layout_field *f)
{
    for (size_t i = 0; i < ROW_N; i++)
        if (row_spaces[i] == space && rows[i].number == f->number &&
            rows[i].enterprise == f->enterprise)
            return &rows[i];
    return NULL;
}

const struct element *element_find(enum space space, const struct layout_field *f)
{
    const struct element *e = NULL;

    if (f->enterprise != 0)
        return search(ROW_ENT, f);
    if (space == SPACE_V9 && f->scope)
        return search(ROW_V9_SCOPE, f);
    if (space == SPACE_V9 && f->number >= 128)
        e = search(ROW_V9, f);
    if (space == SPACE_FIXED && f->number >= FIXED_PAD)
        e = search(ROW_FIXED, f);
    if (!e && f->number < IANA_MAX && iana[f->number])
        e = &rows[iana[f->number] - 1];
    return e;
}

size_t element_rank(const struct element *e) { return (size_t)(e - rows); }

bool element_fills(enum field_id f)
{
    for (size_t i = 0; i < ROW_N; i++)
        if (rows[i].field == f && rows[i].conv != CONV_MPLS)
            return true;
    return false;
}

const struct element *element_at(size_t i, const char **space)
{
    static const char *const names[] = {[ROW_IANA] = "",
                                        [ROW_V9] = "v9",
                                        [ROW_V9_SCOPE] = "v9 scope",
                                        [ROW_FIXED] = "v1-v8",
                                        [ROW_ENT] = ""};

    if (i >= ROW_N)
        return NULL;
    *space = names[row_spaces[i]];
    return &rows[i];
}
