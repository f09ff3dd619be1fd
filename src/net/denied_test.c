#include "net/denied.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct addr v4(uint32_t n)
{
    uint8_t b[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return addr_of_v4(b);
}

static void addresses_of_a_prefix_count_together(void **state)
{
    struct denied d = {0};
    struct addr six = {.b = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 9, 9}};
    char text[DENIED_PREFIX_TEXT];

    (void)state;
    for (uint32_t i = 0; i < 256; i++) {
        struct addr a = v4(0xc0000200 + i);
        denied_note(&d, &a, i);
    }
    denied_note(&d, &six, 1000);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.v[0].n, 256);
    assert_int_equal(d.v[0].last_ms, 255);
    denied_print(&d.v[0].net, text);
    assert_string_equal(text, "192.0.2.0/24");
    denied_print(&d.v[1].net, text);
    assert_string_equal(text, "2001:db8:1::/48");
}

/* A million prefixes; one sends every tenth datagram. */
static void who_sends_much_is_found_among_a_million(void **state)
{
    struct denied d = {0};
    struct addr loud = v4(0xc6336401);
    uint64_t sum = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000000; i++) {
        struct addr a = v4(0x0a000000 + (i << 8));
        denied_note(&d, i % 10 == 0 ? &loud : &a, i);
    }
    denied_sort(d.v, d.n);
    assert_int_equal(d.n, DENIED_MAX);
    struct addr net = addr_mask(loud, ADDR_V4_BITS + 24);
    assert_memory_equal(d.v[0].net.b, net.b, sizeof net.b);
    assert_true(d.v[0].n >= 100000);
    assert_true(d.v[0].n - d.v[0].over <= 100000);
    for (size_t i = 0; i < d.n; i++)
        sum += d.v[i].n;
    assert_int_equal(sum, 1000000); /* every datagram has added one to one place */
}

static void lists_of_workers_are_one_list(void **state)
{
    struct denied a = {0};
    struct denied b = {0};
    struct denied_net list[2 * DENIED_MAX];
    size_t n = 0;
    struct addr one = v4(0xc0000201);
    struct addr two = v4(0xc6336401);

    (void)state;
    denied_note(&a, &one, 5);
    denied_note(&b, &two, 6);
    denied_note(&b, &one, 7);
    denied_add(list, &n, &a);
    denied_add(list, &n, &b);
    denied_sort(list, n);
    assert_int_equal(n, 2);
    assert_int_equal(list[0].n, 2);
    assert_int_equal(list[0].last_ms, 7);
    assert_int_equal(list[1].n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_a_prefix_count_together),
        cmocka_unit_test(who_sends_much_is_found_among_a_million),
        cmocka_unit_test(lists_of_workers_are_one_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
