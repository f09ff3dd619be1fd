#include "flow/convert.h"

#include <string.h>

enum { MS = 1000 };

static const int64_t ntp_to_unix_s = INT64_C(2208988800); /* 1900 to 1970 */

static inline uint16_t be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

/* A loop for each pair of (octets on the wire, column type) that is common. */
#define LOADER(name, type, value)                                                               \
    static void name(void *restrict dst, const uint8_t *restrict from, size_t stride, size_t n) \
    {                                                                                           \
        type *to = dst;                                                                         \
        for (size_t i = 0; i < n; i++, from += stride)                                          \
            to[i] = value;                                                                      \
    }

LOADER(load_1_1, uint8_t, *from)
LOADER(load_1_2, uint16_t, *from)
LOADER(load_1_4, uint32_t, *from)
LOADER(load_2_2, uint16_t, be16(from))
LOADER(load_2_4, uint32_t, be16(from))
LOADER(load_4_4, uint32_t, be32(from))
LOADER(load_4_8, uint64_t, be32(from))
LOADER(load_8_8, uint64_t, be64(from))

static void load_addr4(void *restrict dst, const uint8_t *restrict from, size_t stride, size_t n)
{
    static const uint64_t mapped_le = UINT64_C(0xffff0000);
    uint64_t *to = dst;

    for (size_t i = 0; i < n; i++, from += stride) {
        uint32_t v4;
        memcpy(&v4, from, sizeof v4);
        to[2 * i] = 0;
        to[2 * i + 1] = mapped_le | (uint64_t)v4 << 32;
    }
}

static void load_addr16(void *restrict dst, const uint8_t *restrict from, size_t stride, size_t n)
{
    uint8_t *to = dst;
    for (size_t i = 0; i < n; i++, from += stride)
        memcpy(to + 16 * i, from, 16);
}

static convert_load *int_loader(size_t width, size_t len)
{
    switch (len << 4 | width) {
    case 1 << 4 | 1:
        return load_1_1;
    case 1 << 4 | 2:
        return load_1_2;
    case 1 << 4 | 4:
        return load_1_4;
    case 2 << 4 | 2:
        return load_2_2;
    case 2 << 4 | 4:
        return load_2_4;
    case 4 << 4 | 4:
        return load_4_4;
    case 4 << 4 | 8:
        return load_4_8;
    case 8 << 4 | 8:
        return load_8_8;
    default:
        return NULL;
    }
}

convert_load *convert_loader(const struct convert *c, size_t len)
{
    bool is_int = c->conv == CONV_INT || (c->conv == CONV_UPTIME && c->uptime_raw);

    if (c->how != CONVERT_PLAIN || c->unit != QUIRK_UNIT_OWN || c->little)
        return NULL;
    if (c->conv == CONV_ADDR)
        return len == 4 ? load_addr4 : load_addr16;
    return is_int || c->conv == CONV_MSEC
               ? int_loader(kind_table[field_table[c->field].kind].width, len)
               : NULL;
}

/* Milliseconds, cut; what is beyond is as far as it goes. */
static uint64_t in_ms(enum quirk_unit unit, uint64_t v)
{
    switch (unit) {
    case QUIRK_SECONDS:
        return v > INT64_MAX / MS ? INT64_MAX : v * MS;
    case QUIRK_MICROSECONDS:
        return v / 1000;
    case QUIRK_NANOSECONDS:
        return v / 1000000;
    case QUIRK_UNIT_OWN:
    case QUIRK_MILLISECONDS:
        break;
    }
    return v;
}

static uint64_t convert_int(const struct convert *c, const uint8_t *from, size_t len)
{
    return c->little ? convert_le(from, len) : convert_be(from, len);
}

/* What rules have changed is read here, and nothing else: the loops below need not ask. */
static uint64_t bent_value(const struct convert *c, const uint8_t *from, size_t len)
{
    return in_ms(c->unit, convert_int(c, from, len));
}

static bool is_bent(const struct convert *c) { return c->unit != QUIRK_UNIT_OWN || c->little; }

/* Integers of any size that fits the column. */
static void ints(const struct convert *c, void *dst, size_t width, const struct strip *s)
{
    const struct strip in = *s;
    const uint8_t *from = in.src;
    bool bent = is_bent(c);

    for (size_t i = 0; i < in.n; i++, from += in.stride) {
        uint64_t v = bent ? bent_value(c, from, in.len) : convert_be(from, in.len);
        if (width == 1)
            ((uint8_t *)dst)[i] = (uint8_t)v;
        else if (width == 2)
            ((uint16_t *)dst)[i] = (uint16_t)v;
        else if (width == 4)
            ((uint32_t *)dst)[i] = (uint32_t)v;
        else
            ((uint64_t *)dst)[i] = v;
    }
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "loads swap bytes for little-endian");

static void macs(uint8_t *to, const struct strip *s)
{
    const uint8_t *from = s->src;
    for (size_t i = 0; i < s->n; i++, from += s->stride)
        memcpy(to + i * 6, from, 6);
}

static void floats(void *dst, const struct strip *s)
{
    double *to = dst;
    const uint8_t *from = s->src;

    for (size_t i = 0; i < s->n; i++, from += s->stride) {
        if (s->len == 4) {
            uint32_t bits = be32(from);
            float v;
            memcpy(&v, &bits, sizeof v);
            to[i] = (double)v;
        } else {
            uint64_t bits = be64(from);
            memcpy(&to[i], &bits, sizeof bits);
        }
    }
}

/* Seconds since 1900 wrap in 2036; a first half of an era is the next era's. */
static int64_t ntp_ms(uint64_t v)
{
    uint32_t sec = (uint32_t)(v >> 32);
    int64_t era = sec < UINT32_C(0x80000000) ? INT64_C(1) << 32 : 0;
    int64_t frac_ms = (int64_t)(((v & UINT32_MAX) * MS) >> 32);
    return ((int64_t)sec + era - ntp_to_unix_s) * MS + frac_ms;
}

/* Multiply without wrapping; what is beyond is as far as it goes. */
static int64_t sec_ms(uint64_t sec) { return sec > INT64_MAX / MS ? INT64_MAX : (int64_t)sec * MS; }

static int64_t delta_ms(int64_t export_ms, uint64_t us)
{
    int64_t back = us > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)us;
    int64_t at_us = export_ms * 1000 - back;
    return at_us >= 0 ? at_us / 1000 : -((-at_us + 999) / 1000);
}

/* A start of 1970 is none, and the sum is all that can be said. */
static int64_t uptime_of_init(const struct plan_clock *clock, int64_t init_ms, uint64_t v)
{
    if (init_ms == 0 || v > UINT32_MAX)
        return (int64_t)((uint64_t)init_ms + v);
    return convert_uptime_since(clock->export_ms, init_ms, v);
}

/* Times that a rule is about. */
static void bent_times(const struct convert *c, const struct plan_clock *clock,
                       const struct strip *s, const struct batch *b, size_t row, int64_t *to)
{
    for (size_t i = 0; i < s->n; i++) {
        uint64_t v = bent_value(c, s->src + i * s->stride, s->len);
        bool own = c->unit == QUIRK_UNIT_OWN;
        if (c->conv == CONV_UPTIME)
            to[i] = c->uptime_of_init
                        ? uptime_of_init(clock, (int64_t)batch_u64(b, FIELD_INIT, row + i), v)
                        : convert_uptime(clock, v);
        else if (c->conv == CONV_DELTA)
            to[i] = own ? delta_ms(clock->export_ms, v)
                        : clock->export_ms - (int64_t)(v > INT64_MAX / 4 ? INT64_MAX / 4 : v);
        else if (own && c->conv == CONV_SEC)
            to[i] = sec_ms(v);
        else if (own && c->conv == CONV_NTP)
            to[i] = ntp_ms(v);
        else
            to[i] = v > INT64_MAX ? INT64_MAX : (int64_t)v;
    }
}

static void times(const struct convert *c, const struct plan_clock *clock, const struct strip *s,
                  const struct batch *b, size_t row, int64_t *to)
{
    const struct strip in = *s;
    const uint8_t *from = in.src;

    if (is_bent(c)) {
        bent_times(c, clock, s, b, row, to);
        return;
    }
    if (c->conv == CONV_UPTIME && !c->uptime_of_init && in.len == 4) { /* most of what there is */
        const struct plan_clock at = *clock;
        for (size_t i = 0; i < in.n; i++, from += in.stride)
            to[i] = convert_uptime(&at, be32(from));
        return;
    }
    for (size_t i = 0; i < in.n; i++, from += in.stride) {
        uint64_t v = in.len == 8 ? be64(from) : in.len == 4 ? be32(from) : convert_be(from, in.len);
        if (c->conv == CONV_MSEC)
            to[i] = (int64_t)v;
        else if (c->conv == CONV_SEC)
            to[i] = sec_ms(v);
        else if (c->conv == CONV_NTP)
            to[i] = ntp_ms(v);
        else if (c->conv == CONV_DELTA)
            to[i] = delta_ms(clock->export_ms, v);
        else if (c->uptime_of_init)
            to[i] = uptime_of_init(clock, (int64_t)batch_u64(b, FIELD_INIT, row + i), v);
        else
            to[i] = convert_uptime(clock, v);
    }
}

static bool texts(const struct convert *c, const struct strip *s, struct batch *b, size_t row)
{
    const uint8_t *from = s->src;

    for (size_t i = 0; i < s->n; i++, from += s->stride) {
        size_t len = s->len;
        while (c->conv == CONV_TEXT && len > 0 && from[len - 1] == 0)
            len--;
        if (!batch_put_bytes(b, c->field, row + i, from, len))
            return false;
    }
    return true;
}

static bool narrow(const struct convert *c, const struct strip *s, struct batch *b, size_t row)
{
    size_t width = kind_table[field_table[c->field].kind].width;
    const uint8_t *from = s->src;

    for (size_t i = 0; i < s->n; i++, from += s->stride) {
        const uint8_t *low = c->little ? from : from + s->len - width;
        const uint8_t *high = c->little ? from + width : from;
        uint64_t v = c->little ? convert_le(low, width) : convert_be(low, width);
        if (convert_zero(high, s->len - width) && !batch_put_u64(b, c->field, row + i, v))
            return false;
    }
    return true;
}

/* Is what the other family's element left in the row's column (of ICMP: columns) zero? */
static bool is_free(const struct convert *c, const struct batch *b, size_t row)
{
    static const struct addr v4_zero = {.b = {[10] = 0xff, [11] = 0xff}};
    const void *old = batch_at(b, c->field, row);

    if (!old)
        return false;
    if (c->conv == CONV_ADDR)
        return memcmp(old, &v4_zero, sizeof v4_zero) == 0;
    return batch_u64(b, c->field, row) == 0 &&
           (c->conv != CONV_ICMP || batch_u64(b, FIELD_ICMP_CODE, row) == 0);
}

static bool twin(const struct convert *c, const struct strip *s, struct batch *b, size_t row)
{
    const uint8_t *from = s->src;

    for (size_t i = 0; i < s->n; i++, from += s->stride) {
        bool ok = true;
        if (convert_zero(from, s->len) || !is_free(c, b, row + i))
            continue;
        if (c->conv == CONV_ADDR)
            ok = batch_put_raw(b, c->field, row + i, from);
        else if (c->conv == CONV_ICMP) /* type and code of one element or of the other */
            ok = batch_put_u64(b, FIELD_ICMP_TYPE, row + i, from[0]) &&
                 batch_put_u64(b, FIELD_ICMP_CODE, row + i, from[1]);
        else
            ok = batch_put_u64(b, c->field, row + i, convert_int(c, from, s->len));
        if (!ok)
            return false;
    }
    return true;
}

static void micros(const struct convert *c, uint64_t *to, const struct strip *s)
{
    const uint8_t *from = s->src;
    for (size_t i = 0; i < s->n; i++, from += s->stride)
        to[i] = convert_int(c, from, s->len) / 1000;
}

bool convert_run(const struct convert *c, const struct plan_clock *clock, const struct strip *s,
                 struct batch *b, size_t row)
{
    size_t width = kind_table[field_table[c->field].kind].width;

    if (c->how == CONVERT_TWIN)
        return twin(c, s, b, row);
    uint8_t *col = batch_col(b, c->field);
    if (!col)
        return false;
    if (c->how == CONVERT_NARROW)
        return narrow(c, s, b, row);

    void *dst = col + row * width;
    switch (c->conv) {
    case CONV_TEXT:
    case CONV_BYTES:
        return texts(c, s, b, row);
    case CONV_ADDR:
        convert_loader(c, s->len)(dst, s->src, s->stride, s->n);
        break;
    case CONV_MAC:
        macs(dst, s);
        break;
    case CONV_F64:
        floats(dst, s);
        break;
    case CONV_USEC:
        micros(c, dst, s);
        break;
    case CONV_UPTIME:
        if (c->uptime_raw)
            ints(c, dst, width, s);
        else
            times(c, clock, s, b, row, dst);
        break;
    case CONV_SEC:
    case CONV_MSEC:
    case CONV_NTP:
    case CONV_DELTA:
        times(c, clock, s, b, row, dst);
        break;
    case CONV_INT:
    case CONV_ICMP:
    case CONV_APP:
    case CONV_MPLS:
        ints(c, dst, width, s);
        break;
    }
    batch_set(b, c->field, row, s->n);
    return true;
}
