#include "net/access.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct addr address(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(text, &a, NULL), 0);
    return a;
}

/* "+" permits, "-" denies. */
static struct access_rules rules_of(const char *const *text, size_t n)
{
    struct access_rules rules = {0};

    for (size_t i = 0; i < n; i++) {
        struct access_rule rule;
        assert_int_equal(access_rule_parse(text[i] + 1, text[i][0] == '+', &rule, NULL), 0);
        assert_int_equal(access_rules_add(&rules, &rule, NULL), 0);
    }
    return rules;
}

#define RULES(...)                               \
    rules_of((const char *const[]){__VA_ARGS__}, \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool hears(struct access_rules rules, uint16_t port, const char *who)
{
    struct access *a = access_new(&rules, port);
    struct addr addr = address(who);
    bool yes = access_permits(a, &addr);

    access_free(a);
    access_rules_free(&rules);
    return yes;
}

static void the_first_rule_that_fits_decides(void **state)
{
    (void)state;
    assert_true(hears(RULES("+10.0.0.0/8", "-10.1.0.0/16"), 1, "10.1.2.3"));
    assert_false(hears(RULES("-10.1.0.0/16", "+10.0.0.0/8"), 1, "10.1.2.3"));
    assert_true(hears(RULES("-10.1.0.0/16", "+10.0.0.0/8"), 1, "10.2.0.0"));
    assert_true(hears(RULES("-10.1.0.0/16", "+10.0.0.0/8"), 1, "10.0.255.255"));
    assert_true(hears(RULES("+10.1.2.3", "-10.1.0.0/16", "+any"), 1, "10.1.2.3"));
    assert_false(hears(RULES("+10.1.2.3", "-10.1.0.0/16", "+any"), 1, "10.1.2.4"));
    assert_true(hears(RULES("+10.1.2.3", "-10.1.0.0/16", "+any"), 1, "10.2.0.0"));
    assert_true(hears(RULES("+10.1.2.3", "-10.1.2.3"), 1, "10.1.2.3"));
    assert_true(hears(RULES("-10.0.0.1", "+any"), 1, "255.255.255.255"));
}

static void whom_no_rule_names_is_denied_where_there_are_rules(void **state)
{
    struct access_rules none = {0};

    (void)state;
    assert_true(hears(none, 2055, "192.0.2.1"));
    assert_false(hears(RULES("+10.0.0.0/8"), 1, "9.255.255.255"));
    assert_false(hears(RULES("+10.0.0.0/8"), 1, "11.0.0.0"));
    assert_true(hears(RULES("+10.0.0.0/8"), 1, "10.255.255.255"));
}

static void families_are_apart_but_for_any(void **state)
{
    (void)state;
    assert_true(hears(RULES("+any"), 1, "192.0.2.1"));
    assert_true(hears(RULES("+any"), 1, "2001:db8::1"));
    assert_true(hears(RULES("+0.0.0.0/0"), 1, "192.0.2.1"));
    assert_false(hears(RULES("+0.0.0.0/0"), 1, "2001:db8::1"));
    assert_false(hears(RULES("+::/0"), 1, "192.0.2.1"));
    assert_true(hears(RULES("+::/0"), 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_true(hears(RULES("-2001:db8:1::/48", "+2001:db8::/32"), 1, "2001:db8:2::"));
    assert_false(hears(RULES("-2001:db8:1::/48", "+2001:db8::/32"), 1, "2001:db8:1:ffff::"));
}

static void rules_may_be_for_one_port(void **state)
{
    (void)state;
    assert_true(hears(RULES("+10.0.0.1@2055", "+10.0.0.2"), 2055, "10.0.0.1"));
    assert_false(hears(RULES("+10.0.0.1@2055", "+10.0.0.2"), 4739, "10.0.0.1"));
    assert_true(hears(RULES("+10.0.0.1@2055", "+10.0.0.2"), 4739, "10.0.0.2"));
    assert_true(hears(RULES("+10.0.0.1@2055"), 4739, "192.0.2.1")); /* no list there */
}

static void a_list_that_permits_nobody_is_known(void **state)
{
    struct access_rules rules = RULES("-10.0.0.1", "-any", "+10.0.0.2");
    struct access *a = access_new(&rules, 1);

    (void)state;
    assert_false(access_permits_some(a));
    assert_true(access_permits_some(NULL));
    access_free(a);
    access_rules_free(&rules);
}

static void bad_rules_are_refused(void **state)
{
    static const char *const bad[] = {"",           "10.0.0.0/33", "10.0.0", "any/8", "10.0.0.1@",
                                      "10.0.0.1@0", "any@65536",   "any@1x", "@2055", "router1"};
    struct access_rule rule;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(access_rule_parse(bad[i], true, &rule, NULL), ERR_CONFIG);
}

static uint32_t draw(uint32_t *seed) { return *seed = *seed * 1664525 + 1013904223; }

/* Few distinct bits, so that prefixes hold each other and addresses hit them. */
static struct addr some_address(uint32_t *seed)
{
    struct addr a = {.b = {[0] = 0x20}};
    uint32_t x = draw(seed) >> 8;
    uint8_t v4[4] = {10, x & 3, x >> 2 & 7, x >> 5 & 0x3f};

    if (x >> 12 & 1)
        return addr_of_v4(v4);
    memcpy(a.b + 12, v4, sizeof v4);
    return a;
}

/* As the words above access.h say it: rule by rule. */
static bool tried_in_turn(const struct access_rules *rules, uint16_t port, const struct addr *who)
{
    for (size_t i = 0; i < rules->n; i++) {
        const struct access_rule *r = &rules->v[i];
        bool family = r->family == ACCESS_ANY || (r->family == ACCESS_V4) == addr_is_v4(who);
        if (family && (r->port == 0 || r->port == port) && prefix_has(&r->prefix, who))
            return r->permit;
    }
    return false;
}

static void ten_thousand_rules_decide_as_if_tried_in_turn(void **state)
{
    struct access_rules rules = {0};
    uint32_t seed = 7;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint32_t x = draw(&seed);
        struct access_rule rule = {.permit = x >> 31, .port = x >> 29 & 3};
        struct addr a = some_address(&seed);
        rule.family = addr_is_v4(&a) ? ACCESS_V4 : ACCESS_V6;
        unsigned bits = 128 - (draw(&seed) >> 8) % (rule.family == ACCESS_V4 ? 33 : 129);
        bits = i < 9000 && bits < 116 ? 128 : bits; /* wide ones last, or they decide everything */
        rule.prefix = (struct prefix){addr_mask(a, bits), (uint8_t)bits};
        assert_int_equal(access_rules_add(&rules, &rule, NULL), 0);
    }
    struct access *a = access_new(&rules, 2);
    for (int i = 0; i < 20000; i++) {
        struct addr who = some_address(&seed);
        assert_int_equal(access_permits(a, &who), tried_in_turn(&rules, 2, &who));
    }
    access_free(a);
    access_rules_free(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_fits_decides),
        cmocka_unit_test(whom_no_rule_names_is_denied_where_there_are_rules),
        cmocka_unit_test(families_are_apart_but_for_any),
        cmocka_unit_test(rules_may_be_for_one_port),
        cmocka_unit_test(a_list_that_permits_nobody_is_known),
        cmocka_unit_test(bad_rules_are_refused),
        cmocka_unit_test(ten_thousand_rules_decide_as_if_tried_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
