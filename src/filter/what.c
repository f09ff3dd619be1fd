#include "filter/what.h"

#include <math.h>

static const char *const measure_names[MEASURE_N] = {
    [MEASURE_BYTES] = "bytes",
    [MEASURE_PACKETS] = "packets",
    [MEASURE_DURATION_MS] = "duration",
};

static const char *const ratio_names[RATIO_N] = {
    [RATIO_BPS] = "bps",
    [RATIO_PPS] = "pps",
    [RATIO_BPP] = "bpp",
};

static const enum value_type kind_types[KIND_N] = {
    [KIND_U8] = VALUE_COUNT,    [KIND_U16] = VALUE_COUNT, [KIND_U32] = VALUE_COUNT,
    [KIND_U64] = VALUE_COUNT,   [KIND_F64] = VALUE_REAL,  [KIND_TIME] = VALUE_TIME,
    [KIND_ADDR] = VALUE_ADDR,   [KIND_MAC] = VALUE_MAC,   [KIND_TEXT] = VALUE_TEXT,
    [KIND_BYTES] = VALUE_BYTES, [KIND_ENUM] = VALUE_NAME,
};

/* Fields whose values have names of their own. */
static const struct {
    enum field_id field;
    enum value_type type;
} special[] = {
    {FIELD_PROTO, VALUE_PROTO},         {FIELD_SRC_PORT, VALUE_PORT},
    {FIELD_DST_PORT, VALUE_PORT},       {FIELD_NAT_SRC_PORT, VALUE_PORT},
    {FIELD_NAT_DST_PORT, VALUE_PORT},   {FIELD_TCP_FLAGS, VALUE_FLAGS},
    {FIELD_REV_TCP_FLAGS, VALUE_FLAGS},
};

const char *what_name(unsigned what)
{
    if (what < WHAT_MEASURE)
        return field_table[what].name;
    return what < WHAT_RATIO ? measure_names[what - WHAT_MEASURE] : ratio_names[what - WHAT_RATIO];
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t k = strlen(end);
    return n >= k && strcmp(name + n - k, end) == 0;
}

enum value_type what_type(unsigned what)
{
    if (what == WHAT_MEASURE + MEASURE_DURATION_MS)
        return VALUE_DURATION;
    if (what >= WHAT_MEASURE)
        return what < WHAT_RATIO ? VALUE_COUNT : VALUE_REAL;
    for (size_t i = 0; i < COUNT_OF(special); i++)
        if (special[i].field == what)
            return special[i].type;

    enum value_type type = kind_types[field_table[what].kind];
    return type == VALUE_COUNT && ends_in(field_table[what].name, "_ms") ? VALUE_MS : type;
}

void what_fields(unsigned what, struct field_set *out)
{
    if (what < WHAT_MEASURE)
        field_set_add(out, (enum field_id)what);
    else if (what < WHAT_RATIO)
        measure_fields((enum measure)(what - WHAT_MEASURE), out);
    else
        ratio_fields((enum ratio)(what - WHAT_RATIO), out);
}

struct wide what_max(unsigned what)
{
    enum value_type type = what_type(what);
    unsigned width = what < WHAT_MEASURE ? kind_table[field_table[what].kind].width : 8;

    if (type == VALUE_REAL)
        return (struct wide){0, key_of_f64(HUGE_VAL)};
    return (struct wide){width == 16 ? UINT64_MAX : 0,
                         width >= 8 ? UINT64_MAX : (UINT64_C(1) << width * 8) - 1};
}

struct wide what_min(unsigned what)
{
    return (struct wide){0, what_type(what) == VALUE_REAL ? key_of_f64(-HUGE_VAL) : 0};
}
