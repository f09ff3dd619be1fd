#include "store/thrift.h"

enum { DEPTH_MAX = 24, VARINT_BYTES_MAX = 10, LIST_LONG = 15 };

void thrift_varint(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_u8(b, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    buf_u8(b, (uint8_t)v);
}

void thrift_zigzag(struct buf *b, int64_t v)
{
    thrift_varint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void thrift_text(struct buf *b, const void *s, size_t n)
{
    thrift_varint(b, n);
    buf_bytes(b, s, n);
}

/* All ids that Parquet uses grow by less than 16 from field to field. */
static void head(struct thrift_out *t, int id, enum thrift_type type)
{
    buf_u8(t->b, (uint8_t)((unsigned)(id - t->last) << 4 | (unsigned)type));
    t->last = id;
}

void thrift_put_bool(struct thrift_out *t, int id, bool v)
{
    head(t, id, v ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_put_i8(struct thrift_out *t, int id, int8_t v)
{
    head(t, id, THRIFT_I8);
    buf_u8(t->b, (uint8_t)v);
}

void thrift_put_i16(struct thrift_out *t, int id, int16_t v)
{
    head(t, id, THRIFT_I16);
    thrift_zigzag(t->b, v);
}

void thrift_put_i32(struct thrift_out *t, int id, int32_t v)
{
    head(t, id, THRIFT_I32);
    thrift_zigzag(t->b, v);
}

void thrift_put_i64(struct thrift_out *t, int id, int64_t v)
{
    head(t, id, THRIFT_I64);
    thrift_zigzag(t->b, v);
}

void thrift_put_binary(struct thrift_out *t, int id, const void *s, size_t n)
{
    head(t, id, THRIFT_BINARY);
    thrift_text(t->b, s, n);
}

void thrift_put_list(struct thrift_out *t, int id, enum thrift_type element, size_t n)
{
    head(t, id, THRIFT_LIST);
    if (n < LIST_LONG) {
        buf_u8(t->b, (uint8_t)(n << 4 | (unsigned)element));
    } else {
        buf_u8(t->b, (uint8_t)(LIST_LONG << 4 | (unsigned)element));
        thrift_varint(t->b, n);
    }
}

struct thrift_out thrift_put_struct(struct thrift_out *t, int id)
{
    head(t, id, THRIFT_STRUCT);
    return thrift_out_of(t->b);
}

void thrift_end(struct thrift_out *t) { buf_u8(t->b, 0); }

uint64_t thrift_varint_read(struct cur *c)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = cur_u8(c);
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) /* does not fit 64 bits */
            break;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return cur_ok(c) ? v : 0;
    }
    c->bad = true;
    return 0;
}

int64_t thrift_int_element(struct cur *c)
{
    uint64_t v = thrift_varint_read(c);
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

struct cur thrift_binary_element(struct cur *c)
{
    uint64_t n = thrift_varint_read(c);
    if (n > cur_left(c))
        c->bad = true;
    return cur_take(c, (size_t)n);
}

bool thrift_next(struct thrift_in *t)
{
    uint8_t byte = cur_u8(t->c);

    if (!cur_ok(t->c) || byte == 0)
        return false;
    if (byte >> 4) {
        t->id += byte >> 4;
    } else {
        int64_t id = thrift_int_element(t->c);
        if (id < INT16_MIN || id > INT16_MAX)
            t->c->bad = true;
        t->id = cur_ok(t->c) ? (int)id : 0;
    }
    if (t->id > INT16_MAX)
        t->c->bad = true;
    t->type = byte & 15;
    return cur_ok(t->c);
}

bool thrift_bool(struct thrift_in *t)
{
    if (t->type != THRIFT_TRUE && t->type != THRIFT_FALSE)
        t->c->bad = true;
    return t->type == THRIFT_TRUE;
}

int64_t thrift_int(struct thrift_in *t)
{
    if (t->type == THRIFT_I8)
        return (int8_t)cur_u8(t->c);
    if (t->type != THRIFT_I16 && t->type != THRIFT_I32 && t->type != THRIFT_I64)
        t->c->bad = true;
    return thrift_int_element(t->c);
}

struct cur thrift_binary(struct thrift_in *t)
{
    if (t->type != THRIFT_BINARY)
        t->c->bad = true;
    return thrift_binary_element(t->c);
}

struct thrift_in thrift_struct(struct thrift_in *t)
{
    if (t->type != THRIFT_STRUCT)
        t->c->bad = true;
    return thrift_in_of(t->c);
}

static size_t list_head(struct cur *c, enum thrift_type *element)
{
    uint8_t byte = cur_u8(c);
    uint64_t n = byte >> 4;

    *element = byte & 15;
    if (n == LIST_LONG)
        n = thrift_varint_read(c);
    if (n > cur_left(c)) /* every element takes a byte at least */
        c->bad = true;
    return cur_ok(c) ? (size_t)n : 0;
}

size_t thrift_list(struct thrift_in *t, enum thrift_type element)
{
    enum thrift_type found;

    if (t->type != THRIFT_LIST)
        t->c->bad = true;
    size_t n = list_head(t->c, &found);
    if (n != 0 && found != element)
        t->c->bad = true;
    return cur_ok(t->c) ? n : 0;
}

static void skip(struct cur *c, enum thrift_type type, int depth);

static void skip_struct(struct cur *c, int depth)
{
    struct thrift_in t = thrift_in_of(c);
    while (thrift_next(&t))
        skip(c, t.type, depth);
}

static void skip_list(struct cur *c, int depth)
{
    enum thrift_type element;
    size_t n = list_head(c, &element);

    for (size_t i = 0; i < n && cur_ok(c); i++) {
        if (element == THRIFT_TRUE || element == THRIFT_FALSE)
            (void)cur_u8(c); /* in a list, unlike in a field, a bool has a byte */
        else
            skip(c, element, depth);
    }
}

static void skip(struct cur *c, enum thrift_type type, int depth)
{
    if (depth == DEPTH_MAX) {
        c->bad = true;
        return;
    }
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        break;
    case THRIFT_I8:
        (void)cur_u8(c);
        break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        (void)thrift_varint_read(c);
        break;
    case THRIFT_DOUBLE:
        (void)cur_bytes(c, 8);
        break;
    case THRIFT_BINARY:
        (void)thrift_binary_element(c);
        break;
    case THRIFT_LIST:
    case THRIFT_SET:
        skip_list(c, depth + 1);
        break;
    case THRIFT_STRUCT:
        skip_struct(c, depth + 1);
        break;
    case THRIFT_MAP: /* Parquet has none */
    default:
        c->bad = true;
    }
}

void thrift_skip(struct thrift_in *t) { skip(t->c, t->type, 0); }
