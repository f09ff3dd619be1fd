#include "store/pq_format.h"

const char pq_magic[PQ_MAGIC_BYTES] = {'P', 'A', 'R', '1'};

enum {
    UTF8 = 0,
    TIMESTAMP_MILLIS = 9,
    UINT_8 = 11,
    UINT_16 = 12,
    UINT_32 = 13,
    UINT_64 = 14,
    NO = -1
};

/* clang-format off */
const struct pq_kind pq_kinds[KIND_N] = {
    [KIND_U8]    = {.physical = PQ_INT32,      .converted = UINT_8,  .int_bits = 8,  .width = 4},
    [KIND_U16]   = {.physical = PQ_INT32,      .converted = UINT_16, .int_bits = 16, .width = 4},
    [KIND_U32]   = {.physical = PQ_INT32,      .converted = UINT_32, .int_bits = 32, .width = 4},
    [KIND_U64]   = {.physical = PQ_INT64,      .converted = UINT_64, .int_bits = 64, .width = 8},
    [KIND_F64]   = {.physical = PQ_DOUBLE,     .converted = NO,                      .width = 8},
    [KIND_TIME]  = {.physical = PQ_INT64,      .converted = TIMESTAMP_MILLIS, .timestamp = true, .width = 8},
    [KIND_ADDR]  = {.physical = PQ_FIXED,      .converted = NO,                      .width = 16},
    [KIND_MAC]   = {.physical = PQ_FIXED,      .converted = NO,                      .width = 6},
    [KIND_TEXT]  = {.physical = PQ_BYTE_ARRAY, .converted = UTF8, .string = true},
    [KIND_BYTES] = {.physical = PQ_BYTE_ARRAY, .converted = NO},
    [KIND_ENUM]  = {.physical = PQ_BYTE_ARRAY, .converted = UTF8, .string = true},
};
/* clang-format on */
