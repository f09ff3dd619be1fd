#include "flow/field.h"

#include <string.h>

const struct field field_table[FIELD_N] = {
#define FIELD(id, kind, enc, name, doc) [FIELD_##id] = {name, doc, KIND_##kind, ENC_##enc},
#include "flow/fields.def"
#undef FIELD
};

const struct kind_info kind_table[KIND_N] = {
    [KIND_U8] = {"u8", "INT32 (UINT_8)", "UInt8", 1},
    [KIND_U16] = {"u16", "INT32 (UINT_16)", "UInt16", 2},
    [KIND_U32] = {"u32", "INT32 (UINT_32)", "UInt32", 4},
    [KIND_U64] = {"u64", "INT64 (UINT_64)", "UInt64", 8},
    [KIND_F64] = {"f64", "DOUBLE", "Float64", 8},
    [KIND_TIME] = {"time", "INT64 (TIMESTAMP_MILLIS, UTC)", "DateTime64(3, 'UTC')", 8},
    [KIND_ADDR] = {"address", "FIXED_LEN_BYTE_ARRAY(16)", "IPv6", 16},
    [KIND_MAC] = {"mac", "FIXED_LEN_BYTE_ARRAY(6)", "FixedString(6)", 6},
    [KIND_TEXT] = {"text", "BYTE_ARRAY (UTF8)", "String", 8},
    [KIND_BYTES] = {"bytes", "BYTE_ARRAY", "String", 8},
    [KIND_ENUM] = {"name", "BYTE_ARRAY (UTF8)", "LowCardinality(String)", 1},
};

static const char *const kind_names[] = {"flow", "firewall", "nat", "sample", "options"};
static const char *const rate_names[] = {"none",      "forced", "record", "sampler",
                                         "interface", "domain", "header", "default"};

enum field_id field_by_name(const char *name, size_t len)
{
    for (int f = 0; f < FIELD_N; f++)
        if (strlen(field_table[f].name) == len && memcmp(field_table[f].name, name, len) == 0)
            return (enum field_id)f;
    return FIELD_NONE;
}

static const char *const *enum_names(enum field_id f, size_t *n)
{
    *n = f == FIELD_RECORD_KIND ? sizeof kind_names / sizeof *kind_names
         : f == FIELD_RATE_FROM ? sizeof rate_names / sizeof *rate_names
                                : 0;
    return f == FIELD_RECORD_KIND ? kind_names : rate_names;
}

const char *field_enum_name(enum field_id f, uint8_t code)
{
    size_t n;
    const char *const *names = enum_names(f, &n);
    return code < n ? names[code] : NULL;
}

int field_enum_code(enum field_id f, const char *name, size_t len)
{
    size_t n;
    const char *const *names = enum_names(f, &n);
    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return (int)i;
    return -1;
}
