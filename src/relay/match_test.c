#include "relay/match.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "relay/samplicate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void read_setup(const char *text, struct relay_setup *out)
{
    struct samplicate_reader r = {.out = out};
    struct err err;

    *out = (struct relay_setup){.port = 0};
    if (samplicate_read(&r, "x", text, strlen(text), &err) != 0)
        fail_msg("%s", err.text);
}

/* As anybody would: each rule in turn. */
static size_t by_hand(const struct relay_setup *s, const struct addr *from, uint32_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_rules; i++) {
        const struct relay_rule *r = &s->rules[i];
        bool like = addr_is_v4(&r->from.addr) == addr_is_v4(from);
        if (r->line == 0 || (r->all && like) || (!r->all && prefix_has(&r->from, from)))
            out[n++] = (uint32_t)i;
    }
    return n;
}

static void check(struct match *m, const struct relay_setup *s, const struct addr *from)
{
    uint32_t *want = mem_new(s->n_rules + 1, sizeof *want);
    size_t n = by_hand(s, from, want);

    for (int twice = 0; twice < 2; twice++) { /* the second time the sender is known */
        const struct match_found *f = match_find(m, from);
        assert_int_equal(f->n, n <= MATCH_RULES ? n : MATCH_RULES + 1);
        assert_memory_equal(f->rules, want, (n < MATCH_RULES ? n : MATCH_RULES) * sizeof *want);
    }
    uint32_t *all = mem_new(s->n_rules + 1, sizeof *all);
    assert_int_equal(match_all(m, from, all), n);
    assert_memory_equal(all, want, n * sizeof *want);
    free(all);
    free(want);
}

static void finds_each_rule_that_a_sender_falls_under(void **state)
{
    static const char *const senders[] = {"10.1.2.3",      "10.1.2.4",    "10.9.9.9", "192.0.2.1",
                                          "2001:db8:1::1", "2001:db8::1", "::1",      "11.0.0.0"};
    struct relay_setup s;

    (void)state;
    read_setup("10.1.2.3: 1.1.1.1\n10.0.0.0/8: 1.1.1.2\n10.1.0.0/16: 1.1.1.3\n0.0.0.0/0: 1.1.1.4\n"
               "10.1.2.0/24: 1.1.1.5\n10.1.2.3/32: 1.1.1.6\n[2001:db8::]/32: 1.1.1.7\n"
               "[2001:db8:1::1]: 1.1.1.8\n[::]/0: 1.1.1.9\n10.1.2.0/25: 1.1.1.1\n10.1.2.0/26: "
               "1.1.1.1\n",
               &s);
    struct match *m = match_new(&s);
    for (size_t i = 0; i < COUNT_OF(senders); i++) {
        struct addr a;
        assert_int_equal(addr_parse(senders[i], &a, NULL), 0);
        check(m, &s, &a);
    }
    match_free(m);
    relay_setup_free(&s);
}

/* More senders than there are places, and thousands of rules. */
static void agrees_with_a_scan_for_many(void **state)
{
    struct relay_setup s;
    struct buf text;
    uint32_t x = 1;

    (void)state;
    buf_init(&text, 1 << 20);
    for (unsigned i = 0; i < 3000; i++) {
        x = x * 1664525 + 1013904223;
        buf_printf(&text, "10.%u.%u.%u/%u: 192.0.2.1\n", x >> 30, x >> 24 & 7, x >> 8 & 255,
                   16 + x % 17);
    }
    buf_u8(&text, 0);
    read_setup((const char *)text.data, &s);
    struct match *m = match_new(&s);
    for (unsigned i = 0; i < 2000; i++) {
        x = x * 1664525 + 1013904223;
        const uint8_t v4[] = {10, (uint8_t)(x >> 30), (uint8_t)(x >> 24 & 7), (uint8_t)(x >> 8)};
        struct addr a = addr_of_v4(v4);
        check(m, &s, &a);
    }
    for (uint32_t i = 0; i < 200000; i++) {
        const uint8_t v4[] = {11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        struct addr a = addr_of_v4(v4);
        assert_int_equal(match_find(m, &a)->n, 0);
    }
    match_free(m);
    relay_setup_free(&s);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_rule_that_a_sender_falls_under),
        cmocka_unit_test(agrees_with_a_scan_for_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
