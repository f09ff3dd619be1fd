#include "net/bare.h"

enum {
    V8_HEAD = 28,
    V8_SCHEME_AT = 22,
    V9_HEAD = 20,
    IPFIX_HEAD = 16,
    SET_HEAD = 4,
    SET_MIN = 256,
    V1_LONG = 52
};

/* Header and record bytes of the versions whose records are fixed; v8's go by scheme, and v1's may
 * be V1_LONG by one vendor. */
static const struct {
    uint8_t head;
    uint8_t record;
} fixed[] = {[1] = {16, 48}, [5] = {24, 48}, [6] = {24, 52}, [7] = {24, 52}, [8] = {V8_HEAD, 0}};

static const uint8_t v8_record[] = {
    [1] = 28, [2] = 28, [3] = 32,  [4] = 32,  [5] = 40,  [6] = 32,  [7] = 40,
    [8] = 44, [9] = 32, [10] = 32, [11] = 32, [12] = 32, [13] = 40, [14] = 40};

static size_t v9_len(struct cur in)
{
    const uint8_t *begin = in.at;

    (void)cur_bytes(&in, V9_HEAD);
    while (cur_left(&in) >= SET_HEAD) {
        struct cur set = in;
        uint16_t id = cur_u16(&set);
        uint16_t len = cur_u16(&set);
        if ((id > 1 && id < SET_MIN) || len < SET_HEAD)
            break;
        if (len > cur_left(&in)) { /* cut short: what is left is its */
            (void)cur_bytes(&in, cur_left(&in));
            break;
        }
        (void)cur_bytes(&in, len);
    }
    return (size_t)(in.at - begin);
}

static bool is_version_at(struct cur in, size_t at)
{
    (void)cur_bytes(&in, at);
    uint16_t version = cur_u16(&in);
    return cur_ok(&in) ? version == 1 || (version >= 5 && version <= 10) : false;
}

/* A v1 datagram has records of 52 octets if so it ends with the file or before another header, and
 * with the usual 48 it doesn't. */
static bool is_v1_long(struct cur in, size_t count)
{
    size_t left = cur_left(&in);
    size_t usual = 16 + count * 48;
    size_t longer = 16 + count * V1_LONG;

    if (left == usual || is_version_at(in, usual))
        return false;
    return left == longer || is_version_at(in, longer);
}

/* 0: no version we know, or too short for its header. */
static size_t promised(struct cur in)
{
    struct cur head = in;
    uint16_t version = cur_u16(&head);
    uint16_t count = cur_u16(&head); /* IPFIX: length */

    if (!cur_ok(&head))
        return 0;
    if (version == 10)
        return count >= IPFIX_HEAD && cur_left(&in) >= IPFIX_HEAD ? count : 0;
    if (version == 9)
        return cur_left(&in) >= V9_HEAD ? v9_len(in) : 0;
    if (version >= sizeof fixed / sizeof fixed[0] || fixed[version].head == 0 ||
        cur_left(&in) < fixed[version].head)
        return 0;
    size_t record = version == 1 && is_v1_long(in, count) ? V1_LONG : fixed[version].record;
    if (version == 8) {
        uint8_t scheme = in.at[V8_SCHEME_AT];
        record = scheme < sizeof v8_record ? v8_record[scheme] : 0;
        if (record == 0)
            return 0;
    }
    return fixed[version].head + (size_t)count * record;
}

size_t bare_len(struct cur in)
{
    size_t left = cur_left(&in);
    size_t len = promised(in);

    if (left > BARE_MAX)
        left = BARE_MAX;
    return len == 0 || len > left ? left : len;
}

bool bare_ok(struct cur in) { return promised(in) != 0; }
