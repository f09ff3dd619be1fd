#include "filter/value.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WORD_MAX = 64, /* a value that is not text is shorter, with its zero byte */
    NOT_ONE = 1    /* the text is no such value, and there is no more to say */
};

/* IANA's assigned protocol numbers, those that people ask for by name. */
static const struct {
    const char *name;
    uint8_t number;
} protocols[] = {
    {"hopopt", 0},       {"icmp", 1},       {"igmp", 2},     {"ipip", 4},       {"ipv4", 4},
    {"st", 5},           {"tcp", 6},        {"cbt", 7},      {"egp", 8},        {"igp", 9},
    {"udp", 17},         {"rdp", 27},       {"dccp", 33},    {"ipv6", 41},      {"sdrp", 42},
    {"ipv6-route", 43},  {"ipv6-frag", 44}, {"idrp", 45},    {"rsvp", 46},      {"gre", 47},
    {"dsr", 48},         {"esp", 50},       {"ah", 51},      {"narp", 54},      {"mobile", 55},
    {"skip", 57},        {"icmp6", 58},     {"icmpv6", 58},  {"ipv6-icmp", 58}, {"ipv6-nonxt", 59},
    {"ipv6-opts", 60},   {"eigrp", 88},     {"ospf", 89},    {"mtp", 92},       {"etherip", 97},
    {"encap", 98},       {"pim", 103},      {"ipcomp", 108}, {"vrrp", 112},     {"l2tp", 115},
    {"isis", 124},       {"sctp", 132},     {"fc", 133},     {"mobility", 135}, {"udplite", 136},
    {"mpls-in-ip", 137}, {"manet", 138},    {"shim6", 139},  {"wesp", 141},     {"rohc", 142},
    {"ethernet", 143},
};

static const char flag_letters[] = "FSRPAUECN"; /* from bit 0 up */

static const struct {
    const char *expected;
    bool ranges; /* lo..hi */
    bool dashes; /* lo-hi: where no value has a dash within */
} types[VALUE_N] = {
    [VALUE_COUNT] = {"a number such as 1500, 10M or 0x1f", true, true},
    [VALUE_REAL] = {"a number such as 1500, 10M or 99.5", true, true},
    [VALUE_TIME] = {"a time such as 2026-11-22T14:05 (UTC), @1700000000 or now-5m", true, false},
    [VALUE_MS] = {"a duration such as 5s, 250ms or 250 (milliseconds)", true, true},
    [VALUE_DURATION] = {"a duration such as 5s, 250ms or 1h30m", true, true},
    [VALUE_PROTO] = {"a protocol such as tcp, udp or 47", true, true},
    [VALUE_PORT] = {"a port such as 443, https or 8000-8100", true, true},
    [VALUE_FLAGS] = {"TCP flags such as S or SA (of F S R P A U E C N), or a number", true, true},
    [VALUE_ADDR] = {"an address or prefix such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32", true,
                    true},
    [VALUE_MAC] = {"a MAC address such as 00:11:22:33:44:55", true, false},
    [VALUE_TEXT] = {"text such as web or \"two words\"", false, false},
    [VALUE_BYTES] = {"octets in hexadecimal such as 0a1b2c", false, false},
    [VALUE_NAME] = {NULL, false, false},
};

/* A piece of the text that is read as one value. */
struct piece {
    const char *s;
    size_t n;
    size_t at;
};

struct expected value_expected(unsigned what)
{
    struct expected out;
    const char *fixed = types[what_type(what)].expected;

    if (fixed) {
        (void)snprintf(out.text, sizeof out.text, "%s", fixed);
        return out;
    }
    size_t len = (size_t)snprintf(out.text, sizeof out.text, "one of");
    const char *name;
    for (uint8_t code = 0; (name = field_enum_name((enum field_id)what, code)) != NULL; code++)
        len +=
            (size_t)snprintf(out.text + len, sizeof out.text - len, "%s %s", code ? "," : "", name);
    if (what == FIELD_RECORD_KIND)
        (void)snprintf(out.text + len, sizeof out.text - len, ", any");
    return out;
}

static bool all_digits(struct piece p)
{
    for (size_t i = 0; i < p.n; i++)
        if (!isdigit((unsigned char)p.s[i]))
            return false;
    return p.n > 0;
}

/* With a zero byte behind, for those who want one. */
static bool copy(struct piece p, char out[static WORD_MAX])
{
    if (p.n == 0 || p.n >= WORD_MAX)
        return false;
    memcpy(out, p.s, p.n);
    out[p.n] = '\0';
    return true;
}

static void set_key(struct item *out, uint64_t key)
{
    *out = (struct item){.is = ITEM_RANGE, .lo = {0, key}, .hi = {0, key}};
}

static bool read_number(struct piece p, uint64_t *v)
{
    char text[WORD_MAX];
    char *end;

    if (p.n > 2 && p.n <= 18 && p.s[0] == '0' && (p.s[1] == 'x' || p.s[1] == 'X') &&
        copy(p, text)) {
        *v = strtoull(text + 2, &end, 16);
        return isxdigit((unsigned char)text[2]) && *end == '\0';
    }
    return text_count(p.s, p.n, UINT64_MAX, v, NULL) == 0;
}

static int read_count(const struct value_in *in, struct piece p, struct item *out)
{
    uint64_t v;
    uint64_t max = what_max(in->what).lo;

    if (!read_number(p, &v))
        return NOT_ONE;
    if (v > max)
        return filter_fail(in->error, ERR_CONFIG, p.at, p.n,
                           "%.*s is at most %" PRIu64 ", found %s", in->name_len, in->name, max,
                           shown_text(p.s, p.n).text);
    set_key(out, v);
    return 0;
}

static int read_real(struct piece p, struct item *out)
{
    char text[WORD_MAX];
    char unit[WORD_MAX + 1] = "1";
    char *end;
    uint64_t scale = 1;

    if (!copy(p, text) || !isdigit((unsigned char)text[0]) || strpbrk(text, "xX"))
        return NOT_ONE;
    double v = strtod(text, &end);
    (void)snprintf(unit + 1, sizeof unit - 1, "%s", end);
    if (*end && (isdigit((unsigned char)*end) ||
                 text_count(unit, strlen(unit), UINT64_MAX, &scale, NULL) != 0))
        return NOT_ONE;
    set_key(out, key_of_f64(v * (double)scale));
    return 0;
}

static int read_time(struct piece p, struct item *out)
{
    int64_t ms;
    struct timespec ts;

    if (all_digits(p) && p.n < 17) { /* milliseconds, as the column has them */
        char text[WORD_MAX];
        if (!copy(p, text))
            return NOT_ONE;
        set_key(out, key_of_time(strtoll(text, NULL, 10)));
        return 0;
    }
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    int64_t now = ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
    if (p.n > 4 && word_is(p.s, 3, "now") && (p.s[3] == '-' || p.s[3] == '+')) {
        if (text_duration(p.s + 4, p.n - 4, &ms, NULL) != 0)
            return NOT_ONE;
        ms = p.s[3] == '-' ? now - ms : now + ms;
    } else if (text_time(p.s, p.n, now, &ms, NULL) != 0) {
        return NOT_ONE;
    }
    set_key(out, key_of_time(ms));
    return 0;
}

/* In milliseconds, which is what a bare number is where the field's name says so (`bare_ms`); else
 * a bare number is seconds. */
static int read_duration(struct piece p, bool bare_ms, struct item *out)
{
    int64_t ms;
    uint64_t v;

    if (bare_ms && all_digits(p)) {
        if (!read_number(p, &v))
            return NOT_ONE;
        set_key(out, v);
        return 0;
    }
    if (text_duration(p.s, p.n, &ms, NULL) != 0)
        return NOT_ONE;
    set_key(out, (uint64_t)ms);
    return 0;
}

int proto_number(const char *s, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (word_is(s, n, protocols[i].name))
            return protocols[i].number;
    return -1;
}

static int read_proto(const struct value_in *in, struct piece p, struct item *out)
{
    int number = proto_number(p.s, p.n);

    if (number < 0)
        return read_count(in, p, out);
    set_key(out, (uint64_t)number);
    return 0;
}

static int read_port(const struct value_in *in, struct piece p, struct item *out)
{
    char name[WORD_MAX];
    char room[4096];
    struct servent entry;
    struct servent *found;

    int r = read_count(in, p, out);
    if (r != NOT_ONE || !copy(p, name) || !isalnum((unsigned char)name[0]))
        return r;
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (getservbyname_r(name, NULL, &entry, room, sizeof room, &found) != 0 || !found)
        return NOT_ONE;
    set_key(out, ntohs((uint16_t)found->s_port));
    return 0;
}

static int read_flags(const struct value_in *in, struct piece p, struct item *out)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < p.n; i++) {
        const char *at = strchr(flag_letters, toupper((unsigned char)p.s[i]));
        if (!at)
            return read_count(in, p, out);
        bits |= UINT64_C(1) << (at - flag_letters);
    }
    if (p.n == 0)
        return NOT_ONE;
    *out = (struct item){.is = ITEM_FLAGS, .lo = {0, bits}};
    return 0;
}

/* "10/8" and "172.16/12": the octets that a prefix leaves out are zero. */
static bool whole_v4(char host[static WORD_MAX])
{
    size_t dots = 0;
    size_t n = strlen(host);

    for (size_t i = 0; i < n; i++) {
        if (host[i] == '.')
            dots++;
        else if (!isdigit((unsigned char)host[i]))
            return false;
    }
    if (dots > 3 || n == 0 || host[n - 1] == '.' || n + 6 >= WORD_MAX)
        return false;
    for (; dots < 3; dots++) {
        memcpy(host + n, ".0", 3);
        n += 2;
    }
    return true;
}

static void set_prefix(struct item *out, struct addr a, unsigned bits)
{
    struct addr last = addr_mask(a, bits);

    *out = (struct item){.is = ITEM_RANGE, .lo = key_of_addr(&last)};
    for (unsigned i = bits; i < 128; i++)
        last.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
    out->hi = key_of_addr(&last);
}

static int read_addr(const struct value_in *in, struct piece p, struct item *out)
{
    char host[WORD_MAX];
    struct addr a;

    if (!copy(p, host))
        return NOT_ONE;
    char *slash = strchr(host, '/');
    if (slash)
        *slash = '\0';
    if (addr_parse(host, &a, NULL) != 0 &&
        (!slash || !whole_v4(host) || addr_parse(host, &a, NULL) != 0))
        return NOT_ONE;

    /* As it is written: ::ffff:a.b.c.d/120 counts its bits from the front. */
    bool v4 = strchr(host, ':') == NULL;
    unsigned most = v4 ? 32 : 128;
    unsigned bits = most;
    if (slash) {
        size_t from = (size_t)(slash + 1 - host);
        struct piece length = {p.s + from, p.n - from, p.at + from};
        uint64_t v;
        if (!all_digits(length) || length.n > 3 || !read_number(length, &v) || v > most)
            return filter_fail(in->error, ERR_CONFIG, length.at, length.n,
                               "expected a prefix length of 0 to %u, found %s", most,
                               shown_text(length.s, length.n).text);
        bits = (unsigned)v;
    }
    set_prefix(out, a, bits + (128 - most));
    return 0;
}

bool is_address(const char *s, size_t n)
{
    struct filter_error ignored;
    struct value_in in = {.text = s, .error = &ignored};
    struct item item;

    return read_addr(&in, (struct piece){s, n, 0}, &item) == 0;
}

/* 00:11:22:33:44:55 and 0-11-22-..., 0011.2233.4455, 001122334455. */
static int read_mac(struct piece p, struct item *out)
{
    uint64_t v = 0;
    uint64_t group = 0;
    size_t digits = 0;
    size_t groups = 0;
    size_t most = memchr(p.s, ':', p.n) || memchr(p.s, '-', p.n) ? 2
                  : memchr(p.s, '.', p.n)                        ? 4
                                                                 : 12;

    if (p.n > 17)
        return NOT_ONE;
    for (size_t i = 0; i <= p.n; i++) {
        unsigned char c = i < p.n ? (unsigned char)p.s[i] : ':';
        if (isxdigit(c)) {
            group = group << 4 | (uint64_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
            digits++;
            continue;
        }
        if ((c != ':' && c != '-' && c != '.') || digits == 0 || digits > most ||
            (most != 2 && digits != most))
            return NOT_ONE;
        v = v << most * 4 | group;
        group = 0;
        digits = 0;
        groups++;
    }
    if (groups * most != 12)
        return NOT_ONE;
    set_key(out, v);
    return 0;
}

static int keep_text(const struct value_in *in, struct item *out, const uint8_t *s, size_t n)
{
    uint8_t *kept = arena_new(in->arena, n ? n : 1);

    if (!kept)
        return filter_fail(in->error, ERR_LIMIT, 0, 0, "the filter is too large");
    memcpy(kept, s, n);
    *out = (struct item){.is = ITEM_TEXT, .text = {kept, n}};
    return 0;
}

/* A backslash in quotes takes the next character as it is. */
static int read_text(const struct value_in *in, struct piece p, bool quoted, struct item *out)
{
    int r = keep_text(in, out, (const uint8_t *)p.s, p.n);

    if (r || !quoted || !memchr(p.s, '\\', p.n))
        return r;
    uint8_t *to = arena_new(in->arena, p.n);
    size_t n = 0;
    if (!to)
        return filter_fail(in->error, ERR_LIMIT, 0, 0, "the filter is too large");
    for (size_t i = 0; i < p.n; i++) {
        if (p.s[i] == '\\' && i + 1 < p.n)
            i++;
        to[n++] = (uint8_t)p.s[i];
    }
    out->text = (struct text){to, n};
    return 0;
}

static int read_octets(const struct value_in *in, struct piece p, struct item *out)
{
    if (p.n >= 2 && p.s[0] == '0' && (p.s[1] == 'x' || p.s[1] == 'X'))
        p = (struct piece){p.s + 2, p.n - 2, p.at + 2};
    for (size_t i = 0; i < p.n; i++)
        if (!isxdigit((unsigned char)p.s[i]))
            return NOT_ONE;
    if (p.n == 0)
        return NOT_ONE;
    if (p.n % 2 != 0)
        return filter_fail(in->error, ERR_CONFIG, p.at, p.n,
                           "expected two hexadecimal digits for each octet, found %zu digits", p.n);
    uint8_t *to = arena_new(in->arena, p.n / 2);
    if (!to)
        return filter_fail(in->error, ERR_LIMIT, p.at, p.n, "the filter is too large");
    for (size_t i = 0; i < p.n; i++) {
        unsigned char c = (unsigned char)p.s[i];
        to[i / 2] = (uint8_t)(to[i / 2] << 4 | (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10));
    }
    *out = (struct item){.is = ITEM_TEXT, .text = {to, p.n / 2}};
    return 0;
}

static int read_name(const struct value_in *in, struct piece p, struct item *out)
{
    char name[WORD_MAX];

    if (!copy(p, name))
        return NOT_ONE;
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (in->what == FIELD_RECORD_KIND && strcmp(name, "any") == 0) {
        *out = (struct item){.is = ITEM_ANY};
        return 0;
    }
    int code = field_enum_code((enum field_id)in->what, name, p.n);
    if (code < 0)
        return all_digits(p) ? read_count(in, p, out) : NOT_ONE;
    set_key(out, (uint64_t)code);
    return 0;
}

static int read_one(const struct value_in *in, struct piece p, bool quoted, struct item *out)
{
    switch (what_type(in->what)) {
    case VALUE_COUNT:
        return read_count(in, p, out);
    case VALUE_REAL:
        return read_real(p, out);
    case VALUE_TIME:
        return read_time(p, out);
    case VALUE_MS:
        return read_duration(p, true, out);
    case VALUE_DURATION:
        return read_duration(p, false, out);
    case VALUE_PROTO:
        return read_proto(in, p, out);
    case VALUE_PORT:
        return read_port(in, p, out);
    case VALUE_FLAGS:
        return read_flags(in, p, out);
    case VALUE_ADDR:
        return read_addr(in, p, out);
    case VALUE_MAC:
        return read_mac(p, out);
    case VALUE_TEXT:
        return read_text(in, p, quoted, out);
    case VALUE_BYTES:
        return read_octets(in, p, out);
    case VALUE_NAME:
        return read_name(in, p, out);
    case VALUE_N:
        break;
    }
    return NOT_ONE; /* not reached: each type has a reader */
}

static int not_one(const struct value_in *in, struct piece p)
{
    return filter_fail(in->error, ERR_CONFIG, p.at, p.n, "%.*s: expected %s, found %s",
                       in->name_len, in->name, value_expected(in->what).text,
                       shown_text(p.s, p.n).text);
}

/* `sign` is ".." or "-". NOT_ONE if it does not stand in p, or not behind a value. */
static int read_range(const struct value_in *in, struct piece p, const char *sign, struct item *out)
{
    const char *mid = memmem(p.s, p.n, sign, strlen(sign));
    struct item lo;
    struct item hi;

    if (!mid)
        return NOT_ONE;
    size_t n = (size_t)(mid - p.s);
    size_t skip = n + strlen(sign);
    struct piece high = {p.s + skip, p.n - skip, p.at + skip};
    int r = read_one(in, (struct piece){p.s, n, p.at}, false, &lo);
    if (r)
        return r;
    r = read_one(in, high, false, &hi);
    if (r)
        return r == NOT_ONE ? not_one(in, high) : r;
    if (lo.is != ITEM_RANGE || hi.is != ITEM_RANGE)
        return NOT_ONE;
    if (wide_cmp(lo.lo, hi.hi) > 0)
        return filter_fail(in->error, ERR_CONFIG, p.at, p.n,
                           "expected a range with the smaller value first, found %s",
                           shown_text(p.s, p.n).text);
    *out = (struct item){.is = ITEM_RANGE, .lo = lo.lo, .hi = hi.hi};
    return 0;
}

int value_read(const struct value_in *in, struct token tok, struct item *out)
{
    struct piece p = {in->text + tok.at, tok.len, tok.at};
    enum value_type type = what_type(in->what);

    int r = types[type].ranges ? read_range(in, p, "..", out) : NOT_ONE;
    if (r == NOT_ONE)
        r = read_one(in, p, tok.is == TOKEN_STRING, out);
    if (r == NOT_ONE && types[type].dashes)
        r = read_range(in, p, "-", out);
    return r == NOT_ONE ? not_one(in, p) : r;
}
