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

/* clang-format off */
const struct made_info made_table[MADE_N] = {
    [MADE_DSCP] = {"dscp", {{FIELD_DSCP, 0}, {FIELD_TOS, 2}}, 2, false, 63},
    [MADE_OUT_DSCP] = {"out_dscp", {{FIELD_POST_DSCP, 0}, {FIELD_POST_TOS, 2}}, 2, false, 63},
    [MADE_FLOWS] = {"flows", {{FIELD_FLOWS, 0}}, 1, true, UINT64_MAX},
    [MADE_OUT_BYTES] = {"out_bytes", {{FIELD_REV_BYTES, 0}, {FIELD_REV_BYTES_TOTAL, 0},
        {FIELD_RESPONDER_BYTES, 0}, {FIELD_POST_BYTES, 0}, {FIELD_POST_BYTES_TOTAL, 0}},
        5, false, UINT64_MAX},
    [MADE_OUT_PACKETS] = {"out_packets", {{FIELD_REV_PACKETS, 0}, {FIELD_REV_PACKETS_TOTAL, 0},
        {FIELD_RESPONDER_PACKETS, 0}, {FIELD_POST_PACKETS, 0}, {FIELD_POST_PACKETS_TOTAL, 0}},
        5, false, UINT64_MAX},
};

/* Of the stack: label (20 bits), experimental (3), bottom (1), three octets an entry. */
#define ENTRY(name, nth, shift, mask) {name, FIELD_MPLS, PART_NTH_ENTRY, nth, shift, mask}
#define LABEL(name, nth) [PART_LABEL + 1 + (nth)] = ENTRY(name, nth, 4, 0xfffff)
#define EXP(name, nth) [PART_EXP + 1 + (nth)] = ENTRY(name, nth, 1, 7)
#define WORD(name, field, nth) {name, field, PART_NTH_WORD, nth, 0, UINT32_MAX}
static const struct part_info parts[PART_N] = {
    [PART_LABEL] = {"mpls_label", FIELD_MPLS, PART_ANY_ENTRY, 0, 4, 0xfffff},
    LABEL("mpls_label1", 0), LABEL("mpls_label2", 1), LABEL("mpls_label3", 2),
    LABEL("mpls_label4", 3), LABEL("mpls_label5", 4), LABEL("mpls_label6", 5),
    LABEL("mpls_label7", 6), LABEL("mpls_label8", 7), LABEL("mpls_label9", 8),
    LABEL("mpls_label10", 9),
    [PART_LABEL_BOTTOM] = {"mpls_bottom_label", FIELD_MPLS, PART_LAST_ENTRY, 0, 4, 0xfffff},
    [PART_EXP] = {"mpls_exp", FIELD_MPLS, PART_ANY_ENTRY, 0, 1, 7},
    EXP("mpls_exp1", 0), EXP("mpls_exp2", 1), EXP("mpls_exp3", 2), EXP("mpls_exp4", 3),
    EXP("mpls_exp5", 4), EXP("mpls_exp6", 5), EXP("mpls_exp7", 6), EXP("mpls_exp8", 7),
    EXP("mpls_exp9", 8), EXP("mpls_exp10", 9),
    [PART_DEPTH] = {"mpls_depth", FIELD_MPLS, PART_ENTRIES, 0, 0, UINT32_MAX},
    [PART_IN_ACL] = WORD("ingress_acl", FIELD_IN_ACL, 0),
    [PART_IN_ACE] = WORD("ingress_ace", FIELD_IN_ACL, 1),
    [PART_IN_XACE] = WORD("ingress_xace", FIELD_IN_ACL, 2),
    [PART_OUT_ACL] = WORD("egress_acl", FIELD_OUT_ACL, 0),
    [PART_OUT_ACE] = WORD("egress_ace", FIELD_OUT_ACL, 1),
    [PART_OUT_XACE] = WORD("egress_xace", FIELD_OUT_ACL, 2),
};
#undef ENTRY
#undef LABEL
#undef EXP
#undef WORD
/* clang-format on */

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
    {FIELD_REV_TCP_FLAGS, VALUE_FLAGS}, {FIELD_ICMP_TYPE, VALUE_ICMP},
    {FIELD_ICMP_CODE, VALUE_ICMP},
};

struct part_info part_of_what(unsigned what) { return parts[what - WHAT_PART]; }

const char *what_name(unsigned what)
{
    if (what == FIELD_VLAN) /* "vlan" is either side's */
        return "in_vlan";
    if (what < WHAT_MEASURE)
        return field_table[what].name;
    if (what < WHAT_RATIO)
        return measure_names[what - WHAT_MEASURE];
    if (what < WHAT_MADE)
        return ratio_names[what - WHAT_RATIO];
    return what < WHAT_PART ? made_table[what - WHAT_MADE].name : parts[what - WHAT_PART].name;
}

enum field_id what_field(unsigned what)
{
    if (what < WHAT_MEASURE)
        return (enum field_id)what;
    return what >= WHAT_PART ? parts[what - WHAT_PART].field : FIELD_NONE;
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
        return what >= WHAT_RATIO && what < WHAT_MADE ? VALUE_REAL : VALUE_COUNT;
    for (size_t i = 0; i < COUNT_OF(special); i++)
        if (special[i].field == what)
            return special[i].type;

    enum value_type type = kind_types[field_table[what].kind];
    return type == VALUE_COUNT && ends_in(field_table[what].name, "_ms") ? VALUE_MS : type;
}

void what_fields(unsigned what, struct field_set *out)
{
    enum field_id f = what_field(what);

    if (f != FIELD_NONE) {
        field_set_add(out, f);
    } else if (what < WHAT_RATIO) {
        measure_fields((enum measure)(what - WHAT_MEASURE), out);
    } else if (what < WHAT_MADE) {
        ratio_fields((enum ratio)(what - WHAT_RATIO), out);
    } else {
        const struct made_info *made = &made_table[what - WHAT_MADE];
        for (size_t i = 0; i < made->n; i++)
            field_set_add(out, made->from[i].field);
    }
}

struct wide what_max(unsigned what)
{
    enum value_type type = what_type(what);
    unsigned width = what < WHAT_MEASURE ? kind_table[field_table[what].kind].width : 8;

    if (type == VALUE_REAL)
        return (struct wide){0, key_of_f64(HUGE_VAL)};
    if (what >= WHAT_PART)
        return (struct wide){0, parts[what - WHAT_PART].mask};
    if (what >= WHAT_MADE)
        return (struct wide){0, made_table[what - WHAT_MADE].max};
    return (struct wide){width == 16 ? UINT64_MAX : 0,
                         width >= 8 ? UINT64_MAX : (UINT64_C(1) << width * 8) - 1};
}

struct wide what_min(unsigned what)
{
    return (struct wide){0, what_type(what) == VALUE_REAL ? key_of_f64(-HUGE_VAL) : 0};
}
