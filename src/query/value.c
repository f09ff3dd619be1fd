#include "query/value.h"

#include "base/cursor.h"

#include <string.h>

struct value value_of_u64(enum field_id f, uint64_t v)
{
    double d;

    switch (field_table[f].kind) {
    case KIND_TIME:
        return value_time((int64_t)v);
    case KIND_F64:
        memcpy(&d, &v, sizeof d);
        return value_real(d);
    case KIND_ENUM: {
        const char *name = field_enum_name(f, (uint8_t)v);
        return name ? value_text(name, strlen(name)) : value_uint(v);
    }
    case KIND_U8:
    case KIND_U16:
    case KIND_U32:
    case KIND_U64:
    case KIND_ADDR:
    case KIND_MAC:
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_N:
        break;
    }
    return value_uint(v);
}

struct value value_of_bytes(enum field_id f, const void *at, size_t len)
{
    struct value v = value_text(at, len);

    if (field_table[f].kind == KIND_BYTES)
        v.type = VALUE_OCTETS;
    else if (f == FIELD_EXTRA)
        v.type = VALUE_JSON;
    return v;
}

struct value value_of(const struct batch *b, enum field_id f, size_t row)
{
    const void *p = batch_at(b, f, row);
    struct value v = {.type = VALUE_NONE};
    size_t len;

    if (!p)
        return v;
    switch (field_table[f].kind) {
    case KIND_ADDR:
        v.type = VALUE_ADDR;
        memcpy(&v.as.addr, p, sizeof v.as.addr);
        return v;
    case KIND_MAC:
        v.type = VALUE_MAC;
        memcpy(v.as.mac, p, sizeof v.as.mac);
        return v;
    case KIND_TEXT:
    case KIND_BYTES:
        p = batch_bytes(b, f, row, &len);
        return value_of_bytes(f, p, len);
    case KIND_U8:
    case KIND_U16:
    case KIND_U32:
    case KIND_U64:
    case KIND_F64:
    case KIND_TIME:
    case KIND_ENUM:
    case KIND_N:
        break;
    }
    return value_of_u64(f, batch_u64(b, f, row));
}

static int bytes_compare(const void *a, size_t an, const void *b, size_t bn)
{
    int r = memcmp(a, b, an < bn ? an : bn);
    return r ? r : (an > bn) - (an < bn);
}

int value_compare(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return (a->type > b->type) - (a->type < b->type);
    switch (a->type) {
    case VALUE_NONE:
        return 0;
    case VALUE_UINT:
        return (a->as.u > b->as.u) - (a->as.u < b->as.u);
    case VALUE_REAL:
        return (a->as.d > b->as.d) - (a->as.d < b->as.d);
    case VALUE_TIME:
        return (a->as.ms > b->as.ms) - (a->as.ms < b->as.ms);
    case VALUE_ADDR:
    case VALUE_PREFIX: /* IPv4, being ::ffff:0:0/96, comes before the IPv6 that is in use */
        return memcmp(a->as.addr.b, b->as.addr.b, sizeof a->as.addr.b);
    case VALUE_MAC:
        return memcmp(a->as.mac, b->as.mac, sizeof a->as.mac);
    case VALUE_TEXT:
    case VALUE_OCTETS:
    case VALUE_JSON:
        break;
    }
    return bytes_compare(a->as.s.at, a->as.s.len, b->as.s.at, b->as.s.len);
}

struct column column_of(enum field_id f)
{
    enum kind kind = field_table[f].kind;
    struct column c = {.name = field_table[f].name, .title = field_table[f].name};

    c.right = kind <= KIND_F64;
    c.kind = kind;
    if (f == FIELD_PROTO || f == FIELD_TCP_FLAGS || f == FIELD_REV_TCP_FLAGS) {
        c.unit = f == FIELD_PROTO ? UNIT_PROTO : UNIT_FLAGS;
        c.right = false;
    }
    return c;
}

/* A scanner for JSON without recursion: a stack of brackets, and what may come next. */
enum { JSON_DEPTH = 64 };

static void skip_space(struct cur *c)
{
    while (cur_left(c) > 0 && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

static bool string_ok(struct cur *c) /* behind its first quote */
{
    for (;;) {
        uint8_t ch = cur_u8(c);
        if (!cur_ok(c) || ch < 0x20 || ch >= 0x7f)
            return false;
        if (ch == '"')
            return true;
        if (ch != '\\')
            continue;
        ch = cur_u8(c);
        if (ch == 'u') {
            for (int i = 0; i < 4; i++)
                if (!is_hex(cur_u8(c)))
                    return false;
        } else if (ch == 0 || !strchr("\"\\/bfnrt", ch)) {
            return false;
        }
    }
}

static size_t digits(struct cur *c)
{
    size_t n = 0;

    for (; cur_left(c) > 0 && *c->at >= '0' && *c->at <= '9'; n++)
        c->at++;
    return n;
}

static bool take(struct cur *c, const char *any_of)
{
    if (cur_left(c) == 0 || *c->at == 0 || !strchr(any_of, *c->at))
        return false;
    c->at++;
    return true;
}

static bool number_ok(struct cur *c)
{
    (void)take(c, "-");
    if (!take(c, "0") && digits(c) == 0)
        return false;
    if (take(c, ".") && digits(c) == 0)
        return false;
    if (!take(c, "eE"))
        return true;
    (void)take(c, "+-");
    return digits(c) > 0;
}

static bool word_ok(struct cur *c)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t n = strlen(words[i]);
        if (cur_left(c) >= n && memcmp(c->at, words[i], n) == 0) {
            c->at += n;
            return true;
        }
    }
    return false;
}

static bool key_ok(struct cur *c)
{
    skip_space(c);
    if (!take(c, "\"") || !string_ok(c))
        return false;
    skip_space(c);
    return take(c, ":");
}

/* After a value: commas and closing brackets. *more says whether another value must follow. */
static bool after_ok(struct cur *c, const char *stack, size_t *depth, bool *more)
{
    for (*more = false; *depth > 0 && !*more;) {
        char open = stack[*depth - 1];
        skip_space(c);
        if (take(c, ","))
            *more = true;
        else if (take(c, open == '{' ? "}" : "]"))
            --*depth;
        else
            return false;
        if (*more && open == '{' && !key_ok(c))
            return false;
    }
    return true;
}

bool json_ok(const void *text, size_t len)
{
    struct cur c = cur_of(text, len);
    char stack[JSON_DEPTH];
    size_t depth = 0;
    bool more = true;

    while (more) {
        skip_space(&c);
        bool object = take(&c, "{");
        if (object || take(&c, "[")) {
            if (depth == JSON_DEPTH)
                return false;
            stack[depth++] = object ? '{' : '[';
            skip_space(&c);
            if (!take(&c, object ? "}" : "]")) {
                if (object && !key_ok(&c))
                    return false;
                continue;
            }
            depth--;
        } else if (take(&c, "\"") ? !string_ok(&c) : !word_ok(&c) && !number_ok(&c)) {
            return false;
        }
        if (!after_ok(&c, stack, &depth, &more))
            return false;
    }
    skip_space(&c);
    return cur_ok(&c) && cur_left(&c) == 0;
}
