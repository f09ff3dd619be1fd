#include "flow/encode.h"

#include "base/mem.h"
#include "flow/element.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { AS_TRANS = 23456, LABEL_BYTES = 3 };

/* One element of a record. */
struct move {
    bool octets; /* from those beside the batch, where they begin at `from` */
    uint16_t from;
    enum conv conv;
    enum field_id field;
    uint16_t number;
    uint16_t len;
    uint16_t at;
};

struct encode {
    size_t record_len;
    size_t n;
    struct move moves[];
};

/* Where a run of one element goes. */
struct target {
    uint8_t *to;
    size_t stride;
    size_t from;
    size_t n;
};

static bool len_fits(const struct element *e, size_t len)
{
    switch (e->conv) {
    case CONV_INT:
    case CONV_MSEC:
        return len >= 1 && len <= 8;
    case CONV_UPTIME:
    case CONV_SEC:
        return len == 4;
    case CONV_ADDR:
        return len == (e->family == 4 ? 4 : 16);
    case CONV_MAC:
        return len == 6;
    case CONV_ICMP:
        return len == 2;
    case CONV_MPLS:
        return len == LABEL_BYTES;
    case CONV_F64:
        return len == 8;
    case CONV_TEXT:
    case CONV_BYTES:
        return true; /* cut, or filled up with zeros */
    case CONV_USEC:
    case CONV_NTP:
    case CONV_DELTA:
    case CONV_APP:
        return false;
    }
    return false;
}

/* Neighbours on both sides are one. */
static void add_octets(struct encode *enc, const struct layout_field *f, uint16_t from)
{
    struct move *last = enc->n > 0 ? &enc->moves[enc->n - 1] : NULL;

    if (last && last->octets && last->from + last->len == from && last->at + last->len == f->offset)
        last->len = (uint16_t)(last->len + f->len);
    else
        enc->moves[enc->n++] =
            (struct move){.octets = true, .from = from, .len = f->len, .at = f->offset};
}

int encode_new(struct encode **out, const struct layout *l, const uint16_t *octets, struct err *err)
{
    struct encode *enc = mem_new(1, sizeof *enc + l->n * sizeof enc->moves[0]);
    enc->record_len = l->record_len;
    for (size_t i = 0; i < l->n; i++) {
        const struct layout_field *f = &l->fields[i];
        uint16_t from = octets ? octets[i] : (uint16_t)ENCODE_COLUMN;
        if (from == ENCODE_ZERO)
            continue;
        if (from != ENCODE_COLUMN) {
            add_octets(enc, f, from);
            continue;
        }
        const struct element *e = element_find(l->space, f);
        if (!e && l->space == SPACE_FIXED && f->number >= FIXED_PAD)
            continue;
        if (!e || f->len == LAYOUT_VARLEN || !len_fits(e, f->len)) {
            free(enc);
            return err_set(err, ERR_CONFIG, "element %u/%u with %u octets cannot be exported",
                           (unsigned)f->enterprise, f->number, f->len);
        }
        enc->moves[enc->n++] = (struct move){.conv = e->conv,
                                             .field = e->field,
                                             .number = f->number,
                                             .len = f->len,
                                             .at = f->offset};
    }
    *out = enc;
    return 0;
}

void encode_free(struct encode *e) { free(e); }

size_t encode_record_len(const struct encode *e) { return e->record_len; }

static inline void put_be(uint8_t *to, uint64_t v, size_t len)
{
    if (len == 4) {
        uint32_t be = htobe32((uint32_t)v);
        memcpy(to, &be, sizeof be);
        return;
    }
    if (len == 8) {
        v = htobe64(v);
        memcpy(to, &v, sizeof v);
        return;
    }
    for (size_t i = len; i > 0; i--, v >>= 8)
        to[i - 1] = (uint8_t)v;
}

static inline uint64_t most(size_t len)
{
    return len >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * len) - 1;
}

static bool is_as(enum field_id f)
{
    return f == FIELD_SRC_AS || f == FIELD_DST_AS || f == FIELD_NEXT_AS || f == FIELD_PREV_AS;
}

/* Inlined for each width, in which it then is one load. */
static inline uint64_t value_at(const struct batch *b, enum field_id f, size_t row, size_t width)
{
    if (width == 0) /* not all are there */
        return batch_u64(b, f, row);
    return batch_load((const uint8_t *)b->col[f] + row * width, width);
}

static inline size_t put_ints_of(const struct move *m, const struct batch *b, struct target t,
                                 size_t width)
{
    const uint64_t max = most(m->len);
    const uint64_t instead = is_as(m->field) ? AS_TRANS : max;
    size_t clipped = 0;

    for (size_t i = 0; i < t.n; i++, t.to += t.stride) {
        uint64_t v = value_at(b, m->field, t.from + i, width);
        if (v > max) {
            v = instead;
            clipped++;
        }
        put_be(t.to, v, m->len);
    }
    return clipped;
}

static size_t put_ints(const struct move *m, const struct batch *b, struct target t)
{
    if (!batch_has_all(b, m->field, t.from, t.n))
        return put_ints_of(m, b, t, 0);
    switch (kind_table[field_table[m->field].kind].width) {
    case 1:
        return put_ints_of(m, b, t, 1);
    case 2:
        return put_ints_of(m, b, t, 2);
    case 4:
        return put_ints_of(m, b, t, 4);
    default:
        return put_ints_of(m, b, t, 8);
    }
}

/* The sums are meant to wrap: times before the exporter's start come out right on the other side.
 */
static void put_times(const struct move *m, const struct encode_clock *clock, const struct batch *b,
                      struct target t)
{
    const int64_t *col = b->col[m->field];

    for (size_t i = 0; i < t.n; i++, t.to += t.stride) {
        if (!batch_has(b, m->field, t.from + i))
            continue;
        int64_t ms = col[t.from + i];
        uint64_t v = m->conv == CONV_SEC
                         ? (uint64_t)(ms / 1000)
                         : (uint64_t)clock->uptime_ms - (uint64_t)(clock->export_ms - ms);
        put_be(t.to, v, m->len);
    }
}

static void put_addrs(const struct move *m, const struct batch *b, struct target t)
{
    for (size_t i = 0; i < t.n; i++, t.to += t.stride) {
        const uint8_t *a = batch_at(b, m->field, t.from + i);
        if (a)
            memcpy(t.to, a + sizeof(struct addr) - m->len, m->len);
    }
}

static void put_icmp(const struct batch *b, struct target t)
{
    for (size_t i = 0; i < t.n; i++, t.to += t.stride) {
        t.to[0] = (uint8_t)batch_u64(b, FIELD_ICMP_TYPE, t.from + i);
        t.to[1] = (uint8_t)batch_u64(b, FIELD_ICMP_CODE, t.from + i);
    }
}

/* Elements 70 to 79 are the entries of one stack, from the top. */
static void put_labels(const struct move *m, const struct batch *b, struct target t)
{
    enum { TOP = 70 };
    size_t at = (size_t)(m->number - TOP) * LABEL_BYTES;

    for (size_t i = 0; i < t.n; i++, t.to += t.stride) {
        size_t len;
        const uint8_t *stack = batch_bytes(b, m->field, t.from + i, &len);
        if (stack && len >= at + LABEL_BYTES)
            memcpy(t.to, stack + at, LABEL_BYTES);
    }
}

static void put_octets(const struct move *m, const struct batch *b, struct target t)
{
    for (size_t i = 0; i < t.n; i++, t.to += t.stride) {
        size_t len;
        const uint8_t *s = batch_bytes(b, m->field, t.from + i, &len);
        if (s)
            memcpy(t.to, s, len < m->len ? len : m->len);
    }
}

static void put_values(const struct move *m, const struct batch *b, struct target t)
{
    for (size_t i = 0; i < t.n; i++, t.to += t.stride) {
        const void *v = batch_at(b, m->field, t.from + i);
        uint64_t bits;
        if (v && m->conv == CONV_MAC) {
            memcpy(t.to, v, m->len);
        } else if (v) {
            memcpy(&bits, v, sizeof bits);
            put_be(t.to, bits, sizeof bits);
        }
    }
}

static void put_beside(const struct move *m, const struct encode_rows *rows, struct target t)
{
    const uint8_t *s = rows->octets + t.from * rows->stride + m->from;

    for (size_t i = 0; i < t.n; i++, t.to += t.stride, s += rows->stride)
        memcpy(t.to, s, m->len);
}

size_t encode_records(const struct encode *e, const struct encode_clock *clock,
                      const struct encode_rows *rows, size_t from, size_t n, uint8_t *out)
{
    const struct batch *b = rows->batch;
    size_t clipped = 0;

    memset(out, 0, n * e->record_len);
    for (size_t i = 0; i < e->n; i++) {
        const struct move *m = &e->moves[i];
        struct target t = {.to = out + m->at, .stride = e->record_len, .from = from, .n = n};
        if (m->octets) {
            put_beside(m, rows, t);
            continue;
        }
        if (m->conv != CONV_ICMP && !batch_uses(b, m->field))
            continue;
        switch (m->conv) {
        case CONV_INT:
        case CONV_MSEC:
            clipped += put_ints(m, b, t);
            break;
        case CONV_UPTIME:
        case CONV_SEC:
            put_times(m, clock, b, t);
            break;
        case CONV_ADDR:
            put_addrs(m, b, t);
            break;
        case CONV_ICMP:
            put_icmp(b, t);
            break;
        case CONV_MPLS:
            put_labels(m, b, t);
            break;
        case CONV_TEXT:
        case CONV_BYTES:
            put_octets(m, b, t);
            break;
        case CONV_MAC:
        case CONV_F64:
            put_values(m, b, t);
            break;
        case CONV_USEC:
        case CONV_NTP:
        case CONV_DELTA:
        case CONV_APP:
            break; /* encode_new() takes none of them */
        }
    }
    return clipped;
}
