/* Addresses, prefixes, netmasks and MAC addresses as values. */
#include "base/text.h"
#include "filter/value.h"

#include <ctype.h>
#include <string.h>

/* "10/8" and "172.16/12": the octets that a prefix leaves out are zero. */
static bool whole_v4(char host[static VALUE_WORD_MAX])
{
    size_t dots = 0;
    size_t n = strlen(host);

    for (size_t i = 0; i < n; i++) {
        if (host[i] == '.')
            dots++;
        else if (!isdigit((unsigned char)host[i]))
            return false;
    }
    if (dots > 3 || n == 0 || host[n - 1] == '.' || n + 6 >= VALUE_WORD_MAX)
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

static unsigned digits_value(struct piece p)
{
    unsigned v = 0;

    for (size_t i = 0; i < p.n; i++)
        v = v * 10 + (unsigned)(p.s[i] - '0');
    return v;
}

int read_addr(const struct value_in *in, struct piece p, struct item *out)
{
    char host[VALUE_WORD_MAX];
    struct addr a;

    if (!piece_copy(p, host))
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
        if (!piece_is_digits(length) || length.n > 3 || (bits = digits_value(length)) > most)
            return filter_fail(in->error, ERR_CONFIG, length.at, length.n,
                               "expected a prefix length of 0 to %u, found %s", most,
                               shown_text(length.s, length.n).text);
    }
    set_prefix(out, a, bits + (128 - most));
    return 0;
}

/* Leading ones and then zeros. */
static bool is_mask(const struct addr *a, unsigned from, unsigned *bits)
{
    unsigned n = from;

    while (n < 128 && (a->b[n / 8] >> (7 - n % 8) & 1))
        n++;
    struct addr ones = addr_mask(*a, n);
    *bits = n;
    return addr_eq(&ones, a) && (n > from || from == ADDR_V4_BITS);
}

bool take_netmask(struct item *item, struct piece word)
{
    char text[VALUE_WORD_MAX];
    struct addr mask;
    struct addr a;
    unsigned bits;

    if (item->is != ITEM_RANGE || wide_cmp(item->lo, item->hi) != 0 || !piece_copy(word, text) ||
        addr_parse(text, &mask, NULL) != 0)
        return false;
    a = addr_of_key(item->lo);
    bool v4 = addr_is_v4(&a);
    if (v4 != addr_is_v4(&mask) || !is_mask(&mask, v4 ? ADDR_V4_BITS : 0, &bits))
        return false;
    set_prefix(item, a, bits);
    return true;
}

bool is_address(const char *s, size_t n)
{
    struct filter_error ignored;
    struct value_in in = {.text = s, .error = &ignored};
    struct item item;

    return read_addr(&in, (struct piece){s, n, 0}, &item) == 0;
}

/* 00:11:22:33:44:55 and 0-11-22-..., 0011.2233.4455, 001122334455. */
int read_mac(struct piece p, struct item *out)
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
    *out = (struct item){.is = ITEM_RANGE, .lo = {0, v}, .hi = {0, v}};
    return 0;
}
