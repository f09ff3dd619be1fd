#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A copy with a zero byte behind, since strtod and friends want one. */
static bool copy(const char *s, size_t n, char out[static 64])
{
    if (n == 0 || n >= 64)
        return false;
    memcpy(out, s, n);
    out[n] = '\0';
    return true;
}

int text_count(const char *s, size_t n, uint64_t max, uint64_t *out, struct err *err)
{
    static const char suffixes[] = "kmgt";
    char text[64];
    char *end;

    if (!copy(s, n, text) || !isdigit((unsigned char)text[0]))
        return err_set(err, ERR_CONFIG, "expected a number such as 1500 or 10M, found \"%.*s\"",
                       (int)(n > 64 ? 64 : n), s);
    errno = 0;
    uint64_t whole = strtoull(text, &end, 10);
    if (*end == '\0' && errno == 0) { /* exact, also above what a double holds */
        if (whole > max)
            return err_set(err, ERR_CONFIG, "%s is above the most that is allowed, %" PRIu64, text,
                           max);
        *out = whole;
        return 0;
    }
    double v = strtod(text, &end);
    const char *at = *end ? strchr(suffixes, tolower((unsigned char)*end)) : NULL;
    if (at) {
        bool binary = end[1] == 'i';
        v *= pow(binary ? 1024.0 : 1000.0, (double)(at - suffixes + 1));
        end += binary ? 2 : 1;
    }
    if (*end != '\0' || strpbrk(text, "xXpP"))
        return err_set(err, ERR_CONFIG, "expected a number such as 1500 or 10M, found \"%s\"",
                       text);
    if (!(v >= 0) || v > (double)max || v >= 18446744073709551616.0)
        return err_set(err, ERR_CONFIG, "%s is above the most that is allowed, %" PRIu64, text,
                       max);
    if (v < floor(v) || v > floor(v))
        return err_set(err, ERR_CONFIG, "expected a whole number, found \"%s\"", text);
    *out = (uint64_t)v;
    return 0;
}

static int64_t unit_ms(const char **s)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(*s, units[i].name, len) == 0 && !isalpha((unsigned char)(*s)[len])) {
            *s += len;
            return units[i].ms;
        }
    }
    return **s == '\0' ? 1000 : 0;
}

int text_duration(const char *s, size_t n, int64_t *out_ms, struct err *err)
{
    char text[64] = "";
    double total = 0;
    bool ok = copy(s, n, text);

    for (const char *at = text; ok && *at != '\0';) {
        char *end = text;
        double v = isdigit((unsigned char)*at) ? strtod(at, &end) : -1;
        if (v < 0) {
            ok = false;
            break;
        }
        at = end;
        int64_t ms = unit_ms(&at);
        ok = ms != 0;
        total += v * (double)ms;
        while (*at == ' ')
            at++;
    }
    if (!ok || total > 1e15)
        return err_set(err, ERR_CONFIG,
                       "expected a duration such as 90s, 5m or 1h30m, found \"%.*s\"",
                       (int)(n > 64 ? 64 : n), s);
    *out_ms = (int64_t)total;
    return 0;
}

/* Days since 1970-01-01 of a date in the Gregorian calendar (years count from March, so that the
 * leap day is the last of its year). */
static int64_t days_of(int y, int m, int d)
{
    int64_t year = m <= 2 ? y - 1 : y;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t in_era = year - era * 400;
    int64_t in_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

/* The offset behind a time: "", "Z", "+02:00", "-0530". */
static bool offset_ms(const char *s, int64_t *out)
{
    int h;
    int m;
    char sign;
    int used = 0;

    *out = 0;
    if (*s == '\0' || strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
        return true;
    if (sscanf(s, "%c%2d:%2d%n", &sign, &h, &m, &used) != 3 &&
        sscanf(s, "%c%2d%2d%n", &sign, &h, &m, &used) != 3)
        return false;
    if ((sign != '+' && sign != '-') || s[used] != '\0' || h > 14 || m > 59)
        return false;
    *out = (h * 60 + m) * (sign == '+' ? INT64_C(60000) : INT64_C(-60000));
    return true;
}

static bool parse_iso(const char *text, int64_t *out)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y;
    int mo;
    int d;
    int h = 0;
    int mi = 0;
    int s = 0;
    int ms = 0;
    int used = 0;
    int more = 0;
    int64_t offset = 0;

    if (sscanf(text, "%4d-%2d-%2d%n", &y, &mo, &d, &used) != 3 || used < 8)
        return false;
    if (text[used] == 'T' || text[used] == ' ') {
        used++;
        if (sscanf(text + used, "%2d:%2d%n", &h, &mi, &more) != 2)
            return false;
        used += more;
        if (text[used] == ':') {
            if (sscanf(text + used, ":%2d%n", &s, &more) != 1)
                return false;
            used += more;
        }
        if (text[used] == '.') {
            int scale = 100;
            for (used++; isdigit((unsigned char)text[used]); used++, scale /= 10)
                ms += (text[used] - '0') * scale;
        }
    }
    if (!offset_ms(text + used, &offset) || mo < 1 || mo > 12 || d < 1 || d > month_days[mo - 1] ||
        h > 23 || h < 0 || mi < 0 || mi > 59 || s < 0 || s > 60)
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (mo == 2 && d == 29 && !leap)
        return false;
    *out = ((days_of(y, mo, d) * 24 + h) * 60 + mi) * 60000 + s * INT64_C(1000) + ms - offset;
    return true;
}

int text_time(const char *s, size_t n, int64_t now_ms, int64_t *out_ms, struct err *err)
{
    char text[64];

    if (copy(s, n, text)) {
        char *end;
        if (strcmp(text, "now") == 0) {
            *out_ms = now_ms;
            return 0;
        }
        if (text[0] == '@' && isdigit((unsigned char)text[1])) {
            double v = strtod(text + 1, &end);
            if (*end == '\0' && v < 1e12) {
                *out_ms = (int64_t)(v * 1000);
                return 0;
            }
        }
        if (isdigit((unsigned char)text[0]) && parse_iso(text, out_ms))
            return 0;
    }
    return err_set(err, ERR_CONFIG,
                   "expected a time such as 2026-11-22T14:05 (UTC) or @1700000000, found \"%.*s\"",
                   (int)(n > 64 ? 64 : n), s);
}

size_t text_print_u64(uint64_t v, char *out)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

/* `width` digits of a number that has no more. */
static char *digits_put(char *out, int64_t v, int width)
{
    for (int i = width; i-- > 0; v /= 10)
        out[i] = (char)('0' + v % 10);
    return out + width;
}

/* v with `digits` (0 to 2) behind the point, as printf has it, which is slow. */
static size_t fixed_put(char *out, size_t room, double v, int digits)
{
    static const unsigned tens[] = {1, 10, 100};
    double parts = v * tens[digits];
    double whole = floor(parts);
    double rest = parts - whole;
    char *to = out;

    /* Next to the middle the product may have been rounded over it. */
    if (!(v >= 0 && v < 1e6) || fabs(rest - 0.5) < 1e-6)
        return (size_t)snprintf(out, room, "%.*f", digits, v);
    uint64_t n = (uint64_t)whole + (rest > 0.5);
    to += text_print_u64(n / tens[digits], to);
    if (digits) {
        *to++ = '.';
        to = digits_put(to, (int64_t)(n % tens[digits]), digits);
    }
    *to = '\0';
    return (size_t)(to - out);
}

size_t text_print_time(int64_t ms, char out[static TEXT_TIME])
{
    int64_t days = ms / 86400000;
    int64_t rest = ms % 86400000;

    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    /* The inverse of days_of, by 400-year eras. */
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    if (year >= 0 && year <= 9999) {
        const int64_t parts[] = {month, doy - (153 * mp + 2) / 5 + 1, rest / 3600000,
                                 rest / 60000 % 60, rest / 1000 % 60};
        char *to = digits_put(out, year, 4);
        for (size_t i = 0; i < COUNT_OF(parts); i++) {
            *to++ = "--T::"[i];
            to = digits_put(to, parts[i], 2);
        }
        *to++ = '.';
        to = digits_put(to, rest % 1000, 3);
        *to++ = 'Z';
        *to = '\0';
        return (size_t)(to - out);
    }
    return (size_t)snprintf(out, TEXT_TIME,
                            "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64
                            ":%02" PRId64 ".%03" PRId64 "Z",
                            year, month, doy - (153 * mp + 2) / 5 + 1, rest / 3600000,
                            rest / 60000 % 60, rest / 1000 % 60, rest % 1000);
}

size_t text_print_count(double v, char out[static TEXT_SHORT])
{
    static const char *const suffixes[] = {"", " k", " M", " G", " T", " P", " E"};
    size_t i = 0;

    /* 999.5 would print as 1000: it belongs to the next suffix. */
    while (fabs(v) >= 999.5 && i + 1 < COUNT_OF(suffixes)) {
        v /= 1000;
        i++;
    }
    bool whole = i == 0 && !(v < floor(v) || v > floor(v));
    int digits = whole || fabs(v) >= 99.95 ? 0 : fabs(v) >= 9.995 ? 1 : 2;
    size_t n = fixed_put(out, TEXT_SHORT, v, digits);
    size_t len = strlen(suffixes[i]);
    memcpy(out + n, suffixes[i], len + 1);
    return n + len;
}

size_t text_print_duration(int64_t ms, char out[static TEXT_SHORT])
{
    int64_t s = ms / 1000;

    if (ms < 0)
        return (size_t)snprintf(out, TEXT_SHORT, "-%" PRId64 " ms", -ms);
    if (ms < 1000) {
        size_t n = text_print_u64((uint64_t)ms, out);
        memcpy(out + n, " ms", 4);
        return n + 3;
    }
    if (s < 60) {
        size_t n = fixed_put(out, TEXT_SHORT, (double)ms / 1000, 1);
        memcpy(out + n, " s", 3);
        return n + 2;
    }
    if (s < 3600)
        return (size_t)snprintf(out, TEXT_SHORT, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
    if (s < 86400)
        return (size_t)snprintf(out, TEXT_SHORT, "%" PRId64 "h %" PRId64 "m", s / 3600,
                                s / 60 % 60);
    return (size_t)snprintf(out, TEXT_SHORT, "%" PRId64 "d %" PRId64 "h", s / 86400, s / 3600 % 24);
}
