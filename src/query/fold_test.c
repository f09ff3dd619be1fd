#include "query/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *src, *dst;
    int proto, sport, dport; /* -1: absent */
    int said;                /* biflow_direction */
    bool turned;
} records[] = {
    {"10.0.0.1", "192.0.2.9", 6, 40000, 443, -1, false},   /* the client has the higher port */
    {"192.0.2.9", "10.0.0.1", 6, 443, 40000, -1, true},
    {"192.0.2.9", "10.0.0.1", 17, 53, 53, -1, true},       /* equal ports: the lower address */
    {"10.0.0.1", "192.0.2.9", 17, 53, 53, -1, false},
    {"192.0.2.9", "10.0.0.1", 1, 0, 2048, -1, true},       /* ports of ICMP are none */
    {"10.0.0.1", "192.0.2.9", 1, 0, 2048, -1, false},
    {"10.0.0.1", "192.0.2.9", 6, -1, 443, -1, false},      /* no port, no guess by it */
    {"10.0.0.1", "192.0.2.9", 6, 443, 40000, 1, false},    /* the exporter knows better */
    {"10.0.0.1", "192.0.2.9", 6, 40000, 443, 2, true},
    {"10.0.0.1", "192.0.2.9", 6, 443, 40000, 0, true},     /* arbitrary: it does not know */
    {"2001:db8::2", "2001:db8::1", 47, -1, -1, -1, true},
    {NULL, NULL, 6, 80, 40000, -1, true},
    {NULL, NULL, 47, -1, -1, -1, false},
};
/* clang-format on */

enum { RECORDS = sizeof records / sizeof *records };

static void put_addr(struct batch *b, enum field_id f, size_t row, const char *text)
{
    struct addr a;

    if (!text)
        return;
    assert_int_equal(addr_parse(text, &a, NULL), 0);
    assert_true(batch_put_raw(b, f, row, &a));
}

static void put(struct batch *b, enum field_id f, size_t row, int v)
{
    if (v >= 0)
        assert_true(batch_put_u64(b, f, row, (uint64_t)v));
}

static void finds_the_client(void **state)
{
    struct batch b;
    uint32_t rows[RECORDS];
    uint64_t swap[METER_CHUNK / 64];

    (void)state;
    assert_true(batch_init(&b, 64));
    for (size_t i = 0; i < RECORDS; i++, b.rows++) {
        rows[i] = (uint32_t)i;
        put_addr(&b, FIELD_SRC_ADDR, i, records[i].src);
        put_addr(&b, FIELD_DST_ADDR, i, records[i].dst);
        put(&b, FIELD_PROTO, i, records[i].proto);
        put(&b, FIELD_SRC_PORT, i, records[i].sport);
        put(&b, FIELD_DST_PORT, i, records[i].dport);
        put(&b, FIELD_BIFLOW_DIRECTION, i, records[i].said);
    }
    fold_find(&(struct chunk){.batch = &b, .rows = rows, .n = RECORDS}, swap);
    for (size_t i = 0; i < RECORDS; i++)
        assert_int_equal(swap[0] >> i & 1, records[i].turned);
    batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_client)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
