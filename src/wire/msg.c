#include "wire/msg.h"

enum { IPFIX_HEADER = 16 };

uint16_t msg_version(const void *data, size_t len)
{
    struct cur in = cur_of(data, len);
    return cur_u16(&in);
}

size_t msg_header_len(uint16_t version)
{
    switch (version) {
    case 1:
    case 10:
        return 16;
    case 9:
        return 20;
    case 5:
    case 6:
    case 7:
        return 24;
    case 8:
        return 28;
    default:
        return 0;
    }
}

/* v1 to v9: uptime, seconds and (but for v9) nanoseconds. */
static void read_clocks(struct cur *in, struct msg *m)
{
    m->count = cur_u16(in);
    m->uptime_ms = cur_u32(in);
    m->export_ms = (int64_t)cur_u32(in) * 1000;
    if (m->version < 9)
        m->export_ms += cur_u32(in) / 1000000;
}

static void read_engine(struct cur *in, struct msg *m)
{
    m->sequence = cur_u32(in);
    uint8_t type = cur_u8(in);
    uint8_t id = cur_u8(in);
    uint16_t last = cur_u16(in);
    if (msg_has_engine(m)) {
        m->engine_type = type;
        m->engine_id = id;
    }
    if (m->version == 5)
        m->sampling = last;
    if (m->version == 8) {
        m->aggregation = (uint8_t)(last >> 8);
        (void)cur_u32(in); /* reserved */
    }
}

static void read_ipfix(struct cur *in, struct msg *m)
{
    m->count = cur_u16(in); /* the length, until the caller has used it */
    m->export_ms = (int64_t)cur_u32(in) * 1000;
    m->sequence = cur_u32(in);
    m->domain = cur_u32(in);
}

/* Where an IPFIX message ends: where its length says, if that is the end or if there another
 * message begins; else at the end of what there is. */
static size_t ipfix_body_len(const struct cur *in, uint16_t length, bool *odd)
{
    size_t left = cur_left(in);
    size_t said = length < IPFIX_HEADER ? 0 : (size_t)length - IPFIX_HEADER;

    *odd = length < IPFIX_HEADER || said > left;
    if (*odd || said == left)
        return left;
    struct cur behind = *in;
    (void)cur_bytes(&behind, said);
    if (cur_left(&behind) >= IPFIX_HEADER && cur_u16(&behind) == 10)
        return said;
    *odd = true;
    return left;
}

int msg_read(struct cur *in, struct msg *out, struct err *err)
{
    size_t all = cur_left(in);
    struct cur at = *in;
    struct msg m = {.version = cur_u16(&at)};
    size_t need = msg_header_len(m.version);

    if (all >= 2 && need == 0)
        return err_set(err, ERR_LIMIT, "version %u is not 1, 5, 6, 7, 8, 9 or 10", m.version);
    if (all < need || need == 0)
        return err_set(err, ERR_DATA, "header cut short: %zu octets, expected %zu", all, need);

    size_t body = all - need;
    if (m.version == 10) {
        read_ipfix(&at, &m);
        body = ipfix_body_len(&at, m.count, &m.odd_length);
        m.count = 0;
    } else {
        read_clocks(&at, &m);
        if (m.version == 9) {
            m.sequence = cur_u32(&at);
            m.domain = cur_u32(&at);
        } else if (m.version != 1) {
            read_engine(&at, &m);
        }
    }
    m.body = cur_take(&at, body);
    *in = at;
    *out = m;
    return 0;
}
