#include "wire/fixed.h"

#include "base/attr.h"

/* clang-format off */

/* Information elements (IANA) that the old formats carry. */
enum {
    BYTES = 1, PACKETS = 2, FLOWS = 3, PROTO = 4, TOS = 5, FLAGS = 6, SRC_PORT = 7, SRC = 8, SRC_MASK = 9,
    IN_IF = 10, DST_PORT = 11, DST = 12, DST_MASK = 13, OUT_IF = 14, NEXT_HOP = 15, SRC_AS = 16, DST_AS = 17,
    LAST = 21, FIRST = 22, SRC_PREFIX = 44, DST_PREFIX = 45, PAD = FIXED_PAD
};

#define F(element, at, octets) {.number = (element), .offset = (at), .len = (octets)}

#define COMMON_V1_TO_V7 \
    F(SRC, 0, 4), F(DST, 4, 4), F(NEXT_HOP, 8, 4), F(IN_IF, 12, 2), F(OUT_IF, 14, 2), \
    F(PACKETS, 16, 4), F(BYTES, 20, 4), F(FIRST, 24, 4), F(LAST, 28, 4), \
    F(SRC_PORT, 32, 2), F(DST_PORT, 34, 2)

#define COMMON_V5_TO_V7 \
    COMMON_V1_TO_V7, F(FLAGS, 37, 1), F(PROTO, 38, 1), F(TOS, 39, 1), \
    F(SRC_AS, 40, 2), F(DST_AS, 42, 2), F(SRC_MASK, 44, 1), F(DST_MASK, 45, 1)

static const struct layout_field v1[] = {
    COMMON_V1_TO_V7, F(PAD, 36, 2), F(PROTO, 38, 1), F(TOS, 39, 1), F(FLAGS, 40, 1),
    F(FIXED_TCP_RETX_COUNT, 41, 1), F(FIXED_TCP_RETX_SECS, 42, 1), F(FIXED_TCP_MISSEQ, 43, 1),
    F(PAD, 44, 4)};
static const struct layout_field v5[] = {COMMON_V5_TO_V7, F(PAD, 36, 1), F(PAD, 46, 2)};
static const struct layout_field v6[] = {
    COMMON_V5_TO_V7, F(PAD, 36, 1), F(FIXED_IN_ENCAPS, 46, 1), F(FIXED_OUT_ENCAPS, 47, 1),
    F(FIXED_PEER_NEXT_HOP, 48, 4)};
static const struct layout_field v7[] = {
    COMMON_V5_TO_V7, F(FIXED_VALID_FLAGS, 36, 1), F(FIXED_FLAGS2, 46, 2), F(FIXED_ROUTER_SC, 48, 4)};

#define COMMON_V8 \
    F(FLOWS, 0, 4), F(PACKETS, 4, 4), F(BYTES, 8, 4), F(FIRST, 12, 4), F(LAST, 16, 4)

static const struct layout_field v8_as[] = {
    COMMON_V8, F(SRC_AS, 20, 2), F(DST_AS, 22, 2), F(IN_IF, 24, 2), F(OUT_IF, 26, 2)};
static const struct layout_field v8_proto_port[] = {
    COMMON_V8, F(PROTO, 20, 1), F(SRC_PORT, 24, 2), F(DST_PORT, 26, 2)};
static const struct layout_field v8_src_prefix[] = {
    COMMON_V8, F(SRC_PREFIX, 20, 4), F(SRC_MASK, 24, 1), F(SRC_AS, 26, 2), F(IN_IF, 28, 2)};
static const struct layout_field v8_dst_prefix[] = {
    COMMON_V8, F(DST_PREFIX, 20, 4), F(DST_MASK, 24, 1), F(DST_AS, 26, 2), F(OUT_IF, 28, 2)};
static const struct layout_field v8_prefix[] = {
    COMMON_V8, F(SRC_PREFIX, 20, 4), F(DST_PREFIX, 24, 4), F(DST_MASK, 28, 1), F(SRC_MASK, 29, 1),
    F(SRC_AS, 32, 2), F(DST_AS, 34, 2), F(IN_IF, 36, 2), F(OUT_IF, 38, 2)};
static const struct layout_field v8_dst[] = {
    F(DST, 0, 4), F(PACKETS, 4, 4), F(BYTES, 8, 4), F(FIRST, 12, 4), F(LAST, 16, 4), F(OUT_IF, 20, 2),
    F(TOS, 22, 1), F(FIXED_MARKED_TOS, 23, 1), F(FIXED_EXTRA_PACKETS, 24, 4), F(FIXED_ROUTER_SC, 28, 4)};
static const struct layout_field v8_src_dst[] = {
    F(DST, 0, 4), F(SRC, 4, 4), F(PACKETS, 8, 4), F(BYTES, 12, 4), F(FIRST, 16, 4), F(LAST, 20, 4),
    F(OUT_IF, 24, 2), F(IN_IF, 26, 2), F(TOS, 28, 1), F(FIXED_MARKED_TOS, 29, 1),
    F(FIXED_EXTRA_PACKETS, 32, 4), F(FIXED_ROUTER_SC, 36, 4)};
static const struct layout_field v8_full[] = {
    F(DST, 0, 4), F(SRC, 4, 4), F(DST_PORT, 8, 2), F(SRC_PORT, 10, 2), F(PACKETS, 12, 4), F(BYTES, 16, 4),
    F(FIRST, 20, 4), F(LAST, 24, 4), F(OUT_IF, 28, 2), F(IN_IF, 30, 2), F(TOS, 32, 1), F(PROTO, 33, 1),
    F(FIXED_MARKED_TOS, 34, 1), F(FIXED_EXTRA_PACKETS, 36, 4), F(FIXED_ROUTER_SC, 40, 4)};
static const struct layout_field v8_tos_as[] = {
    COMMON_V8, F(SRC_AS, 20, 2), F(DST_AS, 22, 2), F(IN_IF, 24, 2), F(OUT_IF, 26, 2), F(TOS, 28, 1)};
static const struct layout_field v8_tos_proto_port[] = {
    COMMON_V8, F(PROTO, 20, 1), F(TOS, 21, 1), F(SRC_PORT, 24, 2), F(DST_PORT, 26, 2), F(IN_IF, 28, 2),
    F(OUT_IF, 30, 2)};
static const struct layout_field v8_tos_src_prefix[] = {
    COMMON_V8, F(SRC_PREFIX, 20, 4), F(SRC_MASK, 24, 1), F(TOS, 25, 1), F(SRC_AS, 26, 2), F(IN_IF, 28, 2)};
static const struct layout_field v8_tos_dst_prefix[] = {
    COMMON_V8, F(DST_PREFIX, 20, 4), F(DST_MASK, 24, 1), F(TOS, 25, 1), F(DST_AS, 26, 2), F(OUT_IF, 28, 2)};
static const struct layout_field v8_tos_prefix[] = {
    COMMON_V8, F(SRC_PREFIX, 20, 4), F(DST_PREFIX, 24, 4), F(DST_MASK, 28, 1), F(SRC_MASK, 29, 1),
    F(TOS, 30, 1), F(SRC_AS, 32, 2), F(DST_AS, 34, 2), F(IN_IF, 36, 2), F(OUT_IF, 38, 2)};
static const struct layout_field v8_prefix_port[] = {
    COMMON_V8, F(SRC_PREFIX, 20, 4), F(DST_PREFIX, 24, 4), F(DST_MASK, 28, 1), F(SRC_MASK, 29, 1),
    F(TOS, 30, 1), F(PROTO, 31, 1), F(SRC_PORT, 32, 2), F(DST_PORT, 34, 2), F(IN_IF, 36, 2), F(OUT_IF, 38, 2)};

#define LAYOUT(table, octets) \
    {.space = SPACE_FIXED, .n = COUNT_OF(table), .record_len = (octets), .fields = (table)}

static const struct layout layout_v1 = LAYOUT(v1, 48);
static const struct layout layout_v1_long = LAYOUT(v1, 52);
static const struct layout layout_v5 = LAYOUT(v5, 48);
static const struct layout layout_v6 = LAYOUT(v6, 52);
static const struct layout layout_v7 = LAYOUT(v7, 52);
static const struct layout layout_v8[] = {
    [1] = LAYOUT(v8_as, 28),
    [2] = LAYOUT(v8_proto_port, 28),
    [3] = LAYOUT(v8_src_prefix, 32),
    [4] = LAYOUT(v8_dst_prefix, 32),
    [5] = LAYOUT(v8_prefix, 40),
    [6] = LAYOUT(v8_dst, 32),
    [7] = LAYOUT(v8_src_dst, 40),
    [8] = LAYOUT(v8_full, 44),
    [9] = LAYOUT(v8_tos_as, 32),
    [10] = LAYOUT(v8_tos_proto_port, 32),
    [11] = LAYOUT(v8_tos_src_prefix, 32),
    [12] = LAYOUT(v8_tos_dst_prefix, 32),
    [13] = LAYOUT(v8_tos_prefix, 40),
    [14] = LAYOUT(v8_prefix_port, 40),
};
/* clang-format on */

const struct layout *fixed_layout(uint16_t version, uint8_t aggregation)
{
    switch (version) {
    case 1:
        return &layout_v1;
    case 5:
        return &layout_v5;
    case 6:
        return &layout_v6;
    case 7:
        return &layout_v7;
    case 8:
        return aggregation > 0 && aggregation < COUNT_OF(layout_v8) ? &layout_v8[aggregation]
                                                                    : NULL;
    default:
        return NULL;
    }
}

const struct layout *fixed_layout_v1_long(void) { return &layout_v1_long; }
