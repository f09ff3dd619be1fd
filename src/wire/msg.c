#include "wire/msg.h"

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

static void read_ipfix(struct cur *in, struct msg *m, size_t all)
{
    uint16_t length = cur_u16(in);
    m->export_ms = (int64_t)cur_u32(in) * 1000;
    m->sequence = cur_u32(in);
    m->domain = cur_u32(in);
    m->odd_length = length != all;
    if (length < all) /* bytes behind the message are not its own */
        *in = cur_take(in, length < 16 ? 0 : (size_t)length - 16);
}

int msg_read(struct cur in, struct msg *out, struct err *err)
{
    size_t all = cur_left(&in);
    struct msg m = {.version = cur_u16(&in)};
    size_t need = msg_header_len(m.version);

    if (all >= 2 && need == 0)
        return err_set(err, ERR_LIMIT, "version %u is not 1, 5, 6, 7, 8, 9 or 10", m.version);
    if (all < need || need == 0)
        return err_set(err, ERR_DATA, "header cut short: %zu octets, expected %zu", all, need);

    if (m.version == 10) {
        read_ipfix(&in, &m, all);
    } else {
        read_clocks(&in, &m);
        if (m.version == 9) {
            m.sequence = cur_u32(&in);
            m.domain = cur_u32(&in);
        } else if (m.version != 1) {
            read_engine(&in, &m);
        }
    }
    m.body = in;
    *out = m;
    return 0;
}
