#include "flow/message.h"

#include "wire/msg.h"
#include "wire/set.h"

#include <string.h>

enum { SET_HEADER = 4, SET_ALIGN = 4, ENTERPRISE_BIT = 0x8000, AGGREGATION_VERSION = 2 };

/* No version below 9 has templates: its records have one form, and its datagrams a number of them
 * that collectors have room for, as routers send it. */
static bool is_fixed(uint16_t version) { return version < 9; }

static size_t most_records(uint16_t version, size_t record_len)
{
    static const size_t most[] = {[1] = 24, [5] = 30, [6] = 27, [7] = 27};

    if (version != 8)
        return most[version];
    switch (record_len) {
    case 28:
        return 51;
    case 32:
        return 44;
    case 40:
        return 35;
    default:
        return 32;
    }
}

void message_begin(struct message *m, struct message_session *s, int64_t export_ms, void *mem,
                   size_t max_bytes)
{
    *m = (struct message){
        .session = s,
        .clock = {.export_ms = export_ms, .uptime_ms = (uint32_t)(export_ms - s->boot_ms)},
        .max_bytes = max_bytes};
    buf_fixed(&m->b, mem, max_bytes);
    memset(buf_room(&m->b, msg_header_len(s->version)), 0, msg_header_len(s->version));
}

static size_t room(const struct message *m) { return m->max_bytes - m->b.len; }

static void patch(struct message *m, size_t at, uint64_t v, size_t len)
{
    struct buf b;

    buf_fixed(&b, m->b.data + at, len);
    buf_be(&b, v, len);
}

/* v9 wants sets that end at a multiple of four octets (RFC 3954 section 5.3). */
static void set_end(struct message *m)
{
    if (m->set_at == 0)
        return;
    while (m->session->version == 9 && (m->b.len - m->set_at) % SET_ALIGN != 0)
        buf_u8(&m->b, 0);
    patch(m, m->set_at + 2, m->b.len - m->set_at, 2);
    m->set_at = 0;
}

/* How many octets of records the set of this id can still take; it may have to be begun. */
static size_t set_room(const struct message *m, uint16_t id)
{
    size_t open = m->set_at != 0 && m->set_id == id ? 0 : SET_HEADER;
    size_t spare = m->session->version == 9 ? 2 * (SET_ALIGN - 1) : 0; /* padding of two sets */

    return room(m) > open + spare ? room(m) - open - spare : 0;
}

static void set_begin(struct message *m, uint16_t id)
{
    if (m->set_at != 0 && m->set_id == id)
        return;
    set_end(m);
    m->set_at = m->b.len;
    m->set_id = id;
    buf_u16(&m->b, id);
    buf_u16(&m->b, 0);
}

static size_t count_scopes(const struct layout *l)
{
    size_t n = 0;

    while (n < l->n && l->fields[n].scope)
        n++;
    return n;
}

static size_t template_len(const struct layout *l)
{
    size_t len = l->options ? 6 : 4;

    for (size_t i = 0; i < l->n; i++)
        len += l->fields[i].enterprise ? 8 : 4;
    return len;
}

bool message_template(struct message *m, uint16_t id, const struct layout *l)
{
    bool v9 = m->session->version == 9;
    size_t scopes = count_scopes(l);
    uint16_t set = v9 ? (l->options ? SET_V9_OPTIONS : SET_V9_TEMPLATE)
                      : (l->options ? SET_IPFIX_OPTIONS : SET_IPFIX_TEMPLATE);

    if (template_len(l) > set_room(m, set))
        return false;
    set_begin(m, set);
    buf_u16(&m->b, id);
    if (l->options && v9) {
        buf_u16(&m->b, (uint16_t)(4 * scopes));
        buf_u16(&m->b, (uint16_t)(4 * (l->n - scopes)));
    } else {
        buf_u16(&m->b, l->n);
        if (l->options)
            buf_u16(&m->b, (uint16_t)scopes);
    }
    for (size_t i = 0; i < l->n; i++) {
        const struct layout_field *f = &l->fields[i];
        buf_u16(&m->b, f->enterprise ? f->number | ENTERPRISE_BIT : f->number);
        buf_u16(&m->b, f->len);
        if (f->enterprise)
            buf_u32(&m->b, f->enterprise);
    }
    m->templates++;
    return true;
}

static size_t rows_that_fit(const struct message *m, uint16_t id, size_t record_len)
{
    if (is_fixed(m->session->version)) {
        size_t left = most_records(m->session->version, record_len) - m->records;
        return room(m) / record_len < left ? room(m) / record_len : left;
    }
    return set_room(m, id) / record_len;
}

size_t message_rows(struct message *m, uint16_t id, const struct encode *e,
                    const struct encode_rows *rows, size_t from, size_t n)
{
    size_t len = encode_record_len(e);
    size_t fit = rows_that_fit(m, id, len);

    n = n < fit ? n : fit;
    if (n == 0)
        return 0;
    if (!is_fixed(m->session->version))
        set_begin(m, id);
    uint8_t *to = buf_room(&m->b, n * len);
    if (!to)
        return 0;
    m->clipped += encode_records(e, &m->clock, rows, from, n, to);
    m->records += (unsigned)n;
    return n;
}

bool message_record(struct message *m, uint16_t id, const void *record, size_t len)
{
    if (len > set_room(m, id))
        return false;
    set_begin(m, id);
    buf_bytes(&m->b, record, len);
    m->records++;
    return true;
}

static void end_fixed(struct message *m)
{
    uint16_t version = m->session->version;

    patch(m, 2, m->records, 2);
    patch(m, 4, m->clock.uptime_ms, 4);
    patch(m, 8, (uint64_t)(m->clock.export_ms / 1000), 4);
    patch(m, 12, (uint64_t)(m->clock.export_ms % 1000) * 1000000, 4);
    if (version == 1)
        return;
    patch(m, 16, m->session->sequence, 4);
    if (version != 7)
        patch(m, 20, m->session->domain, 2);
    if (version == 5)
        patch(m, 22, m->session->sampling, 2);
    if (version == 8) {
        patch(m, 22, m->session->aggregation, 1);
        patch(m, 23, AGGREGATION_VERSION, 1);
    }
    m->session->sequence += m->records;
}

static void end_v9(struct message *m)
{
    patch(m, 2, m->records + m->templates, 2);
    patch(m, 4, m->clock.uptime_ms, 4);
    patch(m, 8, (uint64_t)(m->clock.export_ms / 1000), 4);
    patch(m, 12, m->session->sequence, 4);
    patch(m, 16, m->session->domain, 4);
    m->session->sequence++;
}

static void end_ipfix(struct message *m)
{
    patch(m, 2, m->b.len, 2);
    patch(m, 4, (uint64_t)(m->clock.export_ms / 1000), 4);
    patch(m, 8, m->session->sequence, 4);
    patch(m, 12, m->session->domain, 4);
    m->session->sequence += m->records;
}

void message_end(struct message *m)
{
    set_end(m);
    patch(m, 0, m->session->version, 2);
    if (is_fixed(m->session->version))
        end_fixed(m);
    else if (m->session->version == 9)
        end_v9(m);
    else
        end_ipfix(m);
}
