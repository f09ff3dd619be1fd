#include "query/fold.h"

#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17, PROTO_DCCP = 33, PROTO_SCTP = 132, PROTO_UDPLITE = 136 };
enum { DIRECTION_INITIATOR = 1, DIRECTION_REVERSE = 2 }; /* RFC 5103 */

void fold_fields(struct field_set *want)
{
    static const enum field_id fields[] = {FIELD_SRC_ADDR, FIELD_DST_ADDR, FIELD_SRC_PORT,
                                           FIELD_DST_PORT, FIELD_PROTO,    FIELD_BIFLOW_DIRECTION};

    for (size_t i = 0; i < COUNT_OF(fields); i++)
        field_set_add(want, fields[i]);
}

static bool has_ports(const struct batch *b, size_t row)
{
    switch (batch_u64(b, FIELD_PROTO, row)) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_DCCP:
    case PROTO_SCTP:
    case PROTO_UDPLITE:
        return batch_has(b, FIELD_SRC_PORT, row) && batch_has(b, FIELD_DST_PORT, row);
    default:
        return false;
    }
}

static bool is_turned(const struct batch *b, size_t row)
{
    uint64_t said = batch_u64(b, FIELD_BIFLOW_DIRECTION, row);

    if (said == DIRECTION_INITIATOR || said == DIRECTION_REVERSE)
        return said == DIRECTION_REVERSE;
    if (has_ports(b, row)) {
        uint64_t src = batch_u64(b, FIELD_SRC_PORT, row);
        uint64_t dst = batch_u64(b, FIELD_DST_PORT, row);
        if (src != dst)
            return src < dst;
    }
    const struct addr *src = batch_at(b, FIELD_SRC_ADDR, row);
    const struct addr *dst = batch_at(b, FIELD_DST_ADDR, row);
    return src && dst && memcmp(src, dst, sizeof *src) > 0;
}

void fold_find(const struct chunk *c, uint64_t swap[static METER_CHUNK / 64])
{
    memset(swap, 0, METER_CHUNK / 8);
    for (size_t i = 0; i < c->n; i++)
        if (is_turned(c->batch, c->rows[i]))
            swap[i / 64] |= UINT64_C(1) << (i % 64);
}
