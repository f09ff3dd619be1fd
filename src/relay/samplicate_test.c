#include "relay/samplicate.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int read_text(const char *text, struct relay_setup *out, struct err *err)
{
    struct samplicate_reader r = {.out = out};

    *out = (struct relay_setup){.port = 0};
    return samplicate_read(&r, "x", text, strlen(text), err);
}

static void reads_receivers_as_they_are_written(void **state)
{
    static const struct {
        const char *text;
        const char *name;
        uint32_t every;
        uint8_t ttl;
        size_t n;
        const char *last;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:2000", 1, 64, 1, "192.0.2.1:2000"},
        {"192.0.2.1/9995", "192.0.2.1:9995", 1, 64, 1, "192.0.2.1:9995"},
        {"192.0.2.1/9995/10", "192.0.2.1:9995", 10, 64, 1, "192.0.2.1:9995"},
        {"192.0.2.1/9995/10,3", "192.0.2.1:9995", 10, 3, 1, "192.0.2.1:9995"},
        {"192.0.2.1/9995/,32", "192.0.2.1:9995", 1, 32, 1, "192.0.2.1:9995"},
        {"192.0.2.1//5", "192.0.2.1:2000", 5, 64, 1, "192.0.2.1:2000"},
        {"192.0.2.1/7000-7010", "192.0.2.1:7000", 1, 64, 11, "192.0.2.1:7010"},
        {"192.0.2.1/7000+10/2", "192.0.2.1:7000", 2, 64, 10, "192.0.2.1:7009"},
        {"192.0.2.1/65535+1", "192.0.2.1:65535", 1, 64, 1, "192.0.2.1:65535"},
        {"[2001:db8::1]/9995/3,255", "[2001:db8::1]:9995", 3, 255, 1, "[2001:db8::1]:9995"},
        {"[::1]", "[::1]:2000", 1, 64, 1, "[::1]:2000"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct relay_setup s = {.port = 0};
        struct samplicate_reader r = {.out = &s};
        struct err err;
        if (samplicate_receiver(&r, cases[i].text, 7, &err) != 0)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_int_equal(s.n_receivers, cases[i].n);
        assert_string_equal(s.receivers[0].name, cases[i].name);
        assert_string_equal(s.receivers[s.n_receivers - 1].name, cases[i].last);
        assert_int_equal(s.receivers[0].every, cases[i].every);
        assert_int_equal(s.receivers[0].ttl, cases[i].ttl);
        assert_int_equal(s.receivers[0].pause_us, 7);
        assert_int_equal(s.n_rules, 1);
        assert_int_equal(s.rules[0].n, cases[i].n);
        relay_setup_free(&s);
    }
}

static void refuses_what_is_no_receiver(void **state)
{
    static const char *const cases[] = {
        "",
        "/2000",
        "192.0.2.1/0",
        "192.0.2.1/70000",
        "192.0.2.1/7010-7000",
        "192.0.2.1/65530+10",
        "192.0.2.1/1/0",
        "192.0.2.1/1/x",
        "192.0.2.1/1/1,256",
        "192.0.2.1/1/,0",
        "[2001:db8::1",
        "[::1]x",
        "192.0.2.1/7000+0",
        "192.0.2.1/no-such-service",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct relay_setup s = {.port = 0};
        struct samplicate_reader r = {.out = &s};
        struct err err;
        if (samplicate_receiver(&r, cases[i], 0, &err) != ERR_CONFIG)
            fail_msg("taken: %s", cases[i]);
        assert_int_equal(s.n_receivers, 0);
        relay_setup_free(&s);
    }
}

static void reads_the_file(void **state)
{
    static const char text[] =
        "# routers\n\n 10.0.0.0/8: 192.0.2.1/2055 192.0.2.2/2055/10 # two\r\n"
        "10.1.2.3/255.255.255.0 : [2001:db8::9]/2055\n"
        "[2001:db8::]/32: 192.0.2.3\n0.0.0.0/0: 192.0.2.4\n10.0.0.1:192.0.2.5";
    struct relay_setup s;

    (void)state;
    assert_int_equal(read_text(text, &s, NULL), 0);
    assert_int_equal(s.n_rules, 5);
    assert_int_equal(s.n_receivers, 6);
    assert_int_equal(s.rules[0].line, 3);
    assert_int_equal(s.rules[0].n, 2);
    assert_int_equal(s.rules[0].from.bits, 104);
    assert_int_equal(s.rules[1].from.bits, 120);
    assert_int_equal(s.rules[1].from.addr.b[15], 0); /* what is behind the mask does not count */
    assert_int_equal(s.rules[2].from.bits, 32);
    assert_true(s.rules[3].all);
    assert_int_equal(s.rules[4].from.bits, 128);
    relay_setup_free(&s);
}

static void says_which_line_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        {"10.0.0.1 192.0.2.1\n", "x:1: expected SOURCE: RECEIVER ..., found no colon"},
        {"\n10.0.0.1:\n", "x:2: expected a receiver behind the colon, found none"},
        {"10.0.0.1/33: 192.0.2.1\n", "x:1: expected a mask, 0 to 32"},
        {"10.0.0.1/255.0.255.0: 192.0.2.1\n", "x:1: expected a mask of ones, then zeros"},
        {"[2001:db8::1]/129: 192.0.2.1\n", "x:1: expected a mask, 0 to 128"},
        {"[2001:db8::1/64: 192.0.2.1\n", "x:1: expected SOURCE: RECEIVER ..., found no colon"},
        {"10.0.0.1: 192.0.2.1/0\n", "x:1: expected a port"},
    };
    struct relay_setup s;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_text(cases[i][0], &s, &err), ERR_CONFIG);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.text);
        relay_setup_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_receivers_as_they_are_written),
        cmocka_unit_test(refuses_what_is_no_receiver),
        cmocka_unit_test(reads_the_file),
        cmocka_unit_test(says_which_line_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
