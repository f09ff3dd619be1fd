#include "filter/value.h"

#include "base/near.h"
#include "base/text.h"
#include "filter/name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    [VALUE_FLAGS] =
        {"TCP flags such as S or SA (of F S R P A U E C N), any SA, none RF, S/SA, or a "
         "number",
         true, true},
    [VALUE_ICMP] = {"a number or a name such as echo-request or unreachable", true, true},
    [VALUE_ADDR] = {"an address or prefix such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32", true,
                    true},
    [VALUE_MAC] = {"a MAC address such as 00:11:22:33:44:55", true, false},
    [VALUE_TEXT] = {"text such as web or \"two words\"", false, false},
    [VALUE_BYTES] = {"octets in hexadecimal such as 0a1b2c", false, false},
    [VALUE_NAME] = {NULL, false, false},
};

/* Names that a message has room for, behind what else there may be. */
static void list_names(unsigned what, struct expected *out)
{
    enum { SHOWN = 5 };
    size_t len = strlen(out->text);
    const char *name;

    for (size_t i = 0; i < SHOWN && (name = name_at(what, i)) != NULL; i++)
        len += (size_t)snprintf(out->text + len, sizeof out->text - len, "%s%s",
                                i == 0 ? ", or a name: " : ", ", name);
    if (name_at(what, SHOWN))
        (void)snprintf(out->text + len, sizeof out->text - len, ", ...");
}

struct expected value_expected(unsigned what)
{
    struct expected out;
    const char *fixed = types[what_type(what)].expected;

    if (fixed) {
        (void)snprintf(out.text, sizeof out.text, "%s", fixed);
        if (what_type(what) == VALUE_COUNT)
            list_names(what, &out);
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

bool piece_is_digits(struct piece p)
{
    for (size_t i = 0; i < p.n; i++)
        if (!isdigit((unsigned char)p.s[i]))
            return false;
    return p.n > 0;
}

bool piece_copy(struct piece p, char out[static VALUE_WORD_MAX])
{
    if (p.n == 0 || p.n >= VALUE_WORD_MAX)
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
    char text[VALUE_WORD_MAX];
    char *end;

    if (p.n > 2 && p.n <= 18 && p.s[0] == '0' && (p.s[1] == 'x' || p.s[1] == 'X') &&
        piece_copy(p, text)) {
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
    char text[VALUE_WORD_MAX];
    char unit[VALUE_WORD_MAX + 1] = "1";
    char *end;
    uint64_t scale = 1;

    if (!piece_copy(p, text) || !isdigit((unsigned char)text[0]) || strpbrk(text, "xX"))
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

    if (piece_is_digits(p) && p.n < 17) { /* milliseconds, as the column has them */
        char text[VALUE_WORD_MAX];
        if (!piece_copy(p, text))
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
static int read_duration(const struct value_in *in, struct piece p, bool bare_ms, struct item *out)
{
    enum { BARE_MAX_MS = 100 * 1000 }; /* so many seconds are likelier milliseconds */
    int64_t ms;
    uint64_t v;

    if (bare_ms && piece_is_digits(p)) {
        if (!read_number(p, &v))
            return NOT_ONE;
        set_key(out, v);
        return 0;
    }
    if (text_duration(p.s, p.n, &ms, NULL) != 0)
        return NOT_ONE;
    if (piece_is_digits(p) && ms >= BARE_MAX_MS)
        return filter_fail(in->error, ERR_CONFIG, p.at, p.n,
                           "expected a unit: \"%.*ss\", or \"%.*sms\" for milliseconds, which a "
                           "bare number is in nfdump",
                           (int)p.n, p.s, (int)p.n, p.s);
    set_key(out, (uint64_t)ms);
    return 0;
}

/* A name of the value's own; code points are known to ToS too, which holds them in its upper bits.
 */
static int read_named(const struct value_in *in, struct piece p, struct item *out)
{
    const struct value_name *name = name_find(in->what, p.s, p.n);
    const struct value_name *point = NULL;

    if (!name && name_at(in->what, 0) == name_at(FIELD_TOS, 0))
        point = name_find(WHAT_MADE + MADE_DSCP, p.s, p.n);
    if (point)
        *out = (struct item){
            .is = ITEM_RANGE, .lo = {0, point->value << 2}, .hi = {0, point->value << 2 | 3}};
    else if (name && name->mask)
        *out =
            (struct item){.is = ITEM_BITS, .bits = {(uint16_t)name->mask, (uint16_t)name->value}};
    else if (name)
        set_key(out, name->value);
    return name || point ? 0 : NOT_ONE;
}

static int read_count_or_name(const struct value_in *in, struct piece p, struct item *out)
{
    int r = p.n > 0 && isalpha((unsigned char)*p.s) ? read_named(in, p, out) : NOT_ONE;
    return r == NOT_ONE ? read_count(in, p, out) : r;
}

static int read_icmp(const struct value_in *in, struct piece p, struct item *out)
{
    struct icmp_name name;

    if (!icmp_find(in->what == FIELD_ICMP_CODE, p.s, p.n, &name))
        return read_count(in, p, out);
    *out = (struct item){.is = ITEM_ICMP, .icmp = name};
    return 0;
}

static int read_port(const struct value_in *in, struct piece p, struct item *out)
{
    char name[VALUE_WORD_MAX];
    char room[4096];
    struct servent entry;
    struct servent *found;

    int r = read_count(in, p, out);
    if (r != NOT_ONE || !piece_copy(p, name) || !isalnum((unsigned char)name[0]))
        return r;
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (getservbyname_r(name, NULL, &entry, room, sizeof room, &found) != 0 || !found)
        return NOT_ONE;
    set_key(out, ntohs((uint16_t)found->s_port));
    return 0;
}

/* Letters as bits; X is all that TCP began with. */
static bool flag_bits(struct piece p, uint16_t *bits)
{
    enum { ALL_OLD = 0x3f };

    *bits = 0;
    for (size_t i = 0; i < p.n; i++) {
        const char *at = strchr(flag_letters, toupper((unsigned char)p.s[i]));
        if (toupper((unsigned char)p.s[i]) == 'X')
            *bits |= ALL_OLD;
        else if (!at || !*at)
            return false;
        else
            *bits |= (uint16_t)(1u << (at - flag_letters));
    }
    return p.n > 0;
}

/* "S/SA": of S and A only S. */
static int read_flags_of(const struct value_in *in, struct piece p, size_t slash, struct item *out)
{
    struct piece set = {p.s, slash, p.at};
    struct piece of = {p.s + slash + 1, p.n - slash - 1, p.at + slash + 1};
    struct bits bits;

    if (!flag_bits(of, &bits.mask) || (set.n > 0 && !flag_bits(set, &bits.want)))
        return NOT_ONE;
    if (set.n == 0)
        bits.want = 0;
    if (bits.want & ~bits.mask)
        return filter_fail(in->error, ERR_CONFIG, of.at, of.n,
                           "expected all of the flags %.*s among those to look at, found %s",
                           (int)set.n, set.s, shown_text(of.s, of.n).text);
    *out = (struct item){.is = ITEM_BITS, .bits = bits};
    return 0;
}

static int read_flags(const struct value_in *in, struct piece p, enum flags_mode mode,
                      struct item *out)
{
    const char *slash = memchr(p.s, '/', p.n);
    struct bits bits;

    if (slash && mode == FLAGS_PLAIN)
        return read_flags_of(in, p, (size_t)(slash - p.s), out);
    if (!flag_bits(p, &bits.mask))
        return mode == FLAGS_PLAIN ? read_count(in, p, out) : NOT_ONE;
    bits.want = mode == FLAGS_PLAIN || mode == FLAGS_ALL ? bits.mask : 0;
    *out = (struct item){.is = ITEM_BITS, .other = mode == FLAGS_ANY, .bits = bits};
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
    char name[VALUE_WORD_MAX];

    if (!piece_copy(p, name))
        return NOT_ONE;
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (in->what == FIELD_RECORD_KIND && strcmp(name, "any") == 0) {
        *out = (struct item){.is = ITEM_ANY};
        return 0;
    }
    int code = field_enum_code((enum field_id)in->what, name, p.n);
    if (code < 0)
        return piece_is_digits(p) ? read_count(in, p, out) : NOT_ONE;
    set_key(out, (uint64_t)code);
    return 0;
}

static int read_one(const struct value_in *in, struct piece p, bool quoted, struct item *out)
{
    switch (what_type(in->what)) {
    case VALUE_COUNT:
    case VALUE_PROTO:
        return read_count_or_name(in, p, out);
    case VALUE_REAL:
        return read_real(p, out);
    case VALUE_TIME:
        return read_time(p, out);
    case VALUE_MS:
        return read_duration(in, p, true, out);
    case VALUE_DURATION:
        return read_duration(in, p, false, out);
    case VALUE_ICMP:
        return read_icmp(in, p, out);
    case VALUE_PORT:
        return read_port(in, p, out);
    case VALUE_FLAGS:
        return read_flags(in, p, FLAGS_PLAIN, out);
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

/* The name that was probably meant, or NULL. */
static const char *near_name(unsigned what, struct piece p)
{
    char word[VALUE_WORD_MAX];

    if (!piece_copy(p, word) || !isalpha((unsigned char)*word))
        return NULL;
    for (char *c = word; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    struct near near = near_of(word, p.n);
    if (what_type(what) == VALUE_ICMP)
        icmp_try(what == FIELD_ICMP_CODE, &near);
    for (uint8_t code = 0; what_type(what) == VALUE_NAME; code++) {
        const char *name = field_enum_name((enum field_id)what, code);
        if (!name)
            break;
        near_try(&near, name);
    }
    name_try(what, &near);
    return near_best(&near);
}

static int not_one(const struct value_in *in, struct piece p)
{
    const char *near = near_name(in->what, p);
    bool host = what_type(in->what) == VALUE_ADDR && p.n > 0 && isalpha((unsigned char)*p.s) &&
                memchr(p.s, '.', p.n);

    return filter_fail(in->error, ERR_CONFIG, p.at, p.n, "%.*s: expected %s, found %s%s%s%s%s",
                       in->name_len, in->name, value_expected(in->what).text,
                       shown_text(p.s, p.n).text, near ? "; did you mean " : "", near ? near : "",
                       near ? "?" : "", host ? "; names of hosts are not looked up" : "");
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
    if (lo.is != ITEM_RANGE)
        return NOT_ONE;
    r = read_one(in, high, false, &hi);
    if (r)
        return r == NOT_ONE ? not_one(in, high) : r;
    if (hi.is != ITEM_RANGE)
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

int value_read_flags(const struct value_in *in, enum flags_mode mode, struct token tok,
                     struct item *out)
{
    struct piece p = {in->text + tok.at, tok.len, tok.at};
    int r = read_flags(in, p, mode, out);

    if (r == NOT_ONE)
        return filter_fail(in->error, ERR_CONFIG, p.at, p.n,
                           "expected letters of F S R P A U E C N, found %s",
                           shown_text(p.s, p.n).text);
    return r;
}

int value_read_pattern(const struct value_in *in, struct token tok, bool any_case, struct item *out)
{
    struct pattern_error wrong;
    struct pattern *p;
    const char *s = in->text + tok.at;
    enum pattern_is is = tok.is != TOKEN_REGEX ? PATTERN_GLOB
                         : any_case            ? PATTERN_REGEX_ANY_CASE
                                               : PATTERN_REGEX;

    int r = pattern_read(&p, in->arena, is, s, tok.len, &wrong);
    if (r == ERR_CONFIG)
        return filter_fail(in->error, r, tok.at + wrong.at, wrong.at < tok.len, "%s",
                           wrong.expected);
    if (r)
        return filter_fail(in->error, r, tok.at, tok.len, "the filter is too large");
    uint8_t *kept = arena_new(in->arena, tok.len + 1);
    if (!kept)
        return filter_fail(in->error, ERR_LIMIT, tok.at, tok.len, "the filter is too large");
    memcpy(kept, s, tok.len);
    *out = (struct item){.is = ITEM_PATTERN, .like = {p, {kept, tok.len}, is}};
    return 0;
}
