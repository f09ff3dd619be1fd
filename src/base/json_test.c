#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct page {
    struct buf text;
    struct json j;
};

static void page_init(struct page *p)
{
    buf_init(&p->text, 65536);
    p->j = json_of(&p->text);
}

/* What was written is this; then start anew. */
static void expect(struct page *p, const char *want)
{
    buf_u8(&p->text, 0);
    assert_true(buf_ok(&p->text));
    assert_string_equal((const char *)p->text.data, want);
    buf_reset(&p->text);
    p->j = json_of(&p->text);
}

static void puts_commas_where_they_belong(void **state)
{
    struct page p;

    (void)state;
    page_init(&p);
    json_open(&p.j, '{');
    json_key(&p.j, "a");
    json_u64(&p.j, 1);
    json_key(&p.j, "b");
    json_open(&p.j, '[');
    json_open(&p.j, '{');
    json_close(&p.j, '}');
    json_bool(&p.j, true);
    json_bool(&p.j, false);
    json_null(&p.j);
    json_open(&p.j, '[');
    json_close(&p.j, ']');
    json_raw(&p.j, "{\"x\":2}", 7);
    json_close(&p.j, ']');
    json_key(&p.j, "c");
    json_hex(&p.j, "\x00\xab\xff", 3);
    json_close(&p.j, '}');
    expect(&p, "{\"a\":1,\"b\":[{},true,false,null,[],{\"x\":2}],\"c\":\"00abff\"}");
    buf_free(&p.text);
}

static void escapes_what_json_wants_escaped(void **state)
{
    struct page p;

    (void)state;
    page_init(&p);
    json_text(&p.j, "a\"b\\c/d");
    expect(&p, "\"a\\\"b\\\\c/d\"");
    json_textn(&p.j, "\0\x01\t\n\x1f ", 6);
    expect(&p, "\"\\u0000\\u0001\\u0009\\u000a\\u001f \"");
    json_text(&p.j, "\x7f");
    expect(&p, "\"\x7f\"");
    json_text(&p.j, "");
    expect(&p, "\"\"");
    buf_free(&p.text);
}

/* Unicode table 3-7: what is well-formed stays, each other byte becomes U+FFFD. */
static void replaces_what_is_not_utf8(void **state)
{
#define BAD "\xef\xbf\xbd"
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"\xc3\xa9", "\xc3\xa9"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"\xee\x80\x80", "\xee\x80\x80"},
        {"a\x80z", "a" BAD "z"}, /* continuation alone */
        {"\xc0\xaf", BAD BAD},   /* too long a spelling of / */
        {"\xc1\xbf", BAD BAD},
        {"\xe0\x9f\xbf", BAD BAD BAD},         /* too long */
        {"\xed\xa0\x80", BAD BAD BAD},         /* a surrogate */
        {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD}, /* too long */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", BAD BAD BAD BAD},
        {"\xff", BAD},
        {"\xe2\x82", BAD BAD}, /* cut short */
        {"\xe2\x82q", BAD BAD "q"},
        {"\xc3", BAD},
        {"\xc3\"", BAD "\\\""}, /* must not swallow the quote */
    };
    struct page p;

    (void)state;
    page_init(&p);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char want[64] = "\"";
        strcat(want, cases[i].out);
        strcat(want, "\"");
        json_text(&p.j, cases[i].in);
        expect(&p, want);
    }
    buf_free(&p.text);
}

static void writes_numbers(void **state)
{
    static const struct {
        double v;
        const char *text;
    } doubles[] = {{0, "0"},
                   {1, "1"},
                   {0.1, "0.1"},
                   {-2.5, "-2.5"},
                   {1e100, "1e+100"},
                   {1e15, "1e+15"},
                   {123456789, "123456789"},
                   {(double)INFINITY, "null"},
                   {(double)NAN, "null"},
                   {-(double)INFINITY, "null"}};
    struct page p;

    (void)state;
    page_init(&p);
    json_u64(&p.j, 0);
    expect(&p, "0");
    json_u64(&p.j, UINT64_MAX);
    expect(&p, "18446744073709551615");
    json_i64(&p.j, INT64_MIN);
    expect(&p, "-9223372036854775808");
    for (size_t i = 0; i < COUNT_OF(doubles); i++) {
        json_f64(&p.j, doubles[i].v);
        expect(&p, doubles[i].text);
    }
    buf_free(&p.text);
}

static void doubles_read_back_the_same(void **state)
{
    static const double values[] = {
        1.0 / 3,           0.1 + 0.2, 2.2250738585072014e-308, 5e-324, 1.7976931348623157e308,
        4503599627370497.5};
    struct page p;

    (void)state;
    page_init(&p);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        json_f64(&p.j, values[i]);
        buf_u8(&p.text, 0);
        double back = strtod((const char *)p.text.data, NULL);
        assert_memory_equal(&back, &values[i], sizeof back);
        buf_reset(&p.text);
        p.j = json_of(&p.text);
    }
    buf_free(&p.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas_where_they_belong),
        cmocka_unit_test(escapes_what_json_wants_escaped),
        cmocka_unit_test(replaces_what_is_not_utf8),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(doubles_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
