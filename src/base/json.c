#include "base/json.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void before(struct json *j)
{
    if (j->comma)
        buf_u8(j->out, ',');
    j->comma = true;
}

void json_open(struct json *j, char bracket)
{
    before(j);
    buf_u8(j->out, (uint8_t)bracket);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    buf_u8(j->out, (uint8_t)bracket);
    j->comma = true;
}

void json_key(struct json *j, const char *key)
{
    json_text(j, key);
    buf_u8(j->out, ':');
    j->comma = false;
}

void json_text(struct json *j, const char *s) { json_textn(j, s, strlen(s)); }

static void escape(struct buf *out, uint8_t c)
{
    if (c == '"' || c == '\\') {
        buf_u8(out, '\\');
        buf_u8(out, c);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

void json_textn(struct json *j, const void *s, size_t n)
{
    const uint8_t *p = s;
    size_t done = 0;

    before(j);
    buf_u8(j->out, '"');
    for (size_t i = 0; i < n;) {
        size_t len = utf8_len(p + i, n - i);
        bool plain = len > 1 || (len == 1 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\');
        if (plain) {
            i += len;
            continue;
        }
        buf_bytes(j->out, p + done, i - done);
        if (len == 0)
            buf_text(j->out, UTF8_BAD);
        else
            escape(j->out, p[i]);
        done = ++i;
    }
    if (n > done)
        buf_bytes(j->out, p + done, n - done);
    buf_u8(j->out, '"');
}

void json_hex(struct json *j, const void *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    const uint8_t *p = bytes;

    before(j);
    buf_u8(j->out, '"');
    for (size_t i = 0; i < n; i++) {
        buf_u8(j->out, (uint8_t)digit[p[i] >> 4]);
        buf_u8(j->out, (uint8_t)digit[p[i] & 15]);
    }
    buf_u8(j->out, '"');
}

void json_u64(struct json *j, uint64_t v)
{
    char text[24];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    before(j);
    buf_bytes(j->out, text + at, sizeof text - at);
}

void json_i64(struct json *j, int64_t v)
{
    before(j);
    buf_printf(j->out, "%" PRId64, v);
}

void json_f64(struct json *j, double v)
{
    char text[32];

    if (!isfinite(v)) {
        json_null(j);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (!(strtod(text, NULL) < v) && !(strtod(text, NULL) > v))
            break;
    }
    before(j);
    buf_text(j->out, text);
}

void json_bool(struct json *j, bool v)
{
    before(j);
    buf_text(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
    before(j);
    buf_text(j->out, "null");
}

void json_raw(struct json *j, const void *s, size_t n)
{
    before(j);
    buf_bytes(j->out, s, n);
}
