#include "probe/ask.h"

#include "base/attr.h"
#include "base/mem.h"
#include "probe/regroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A record: source, port, bytes, first, last, flags, input. */
static const struct pick_field fields[] = {
    {.number = 8, .at = 0, .len = 4, .key = true},
    {.number = 7, .at = 4, .len = 2, .key = true},
    {.number = 1, .at = 6, .len = 8},
    {.number = 152, .at = 14, .len = 8},
    {.number = 153, .at = 22, .len = 8},
    {.number = 6, .at = 30, .len = 1},
    {.number = 10, .at = 31, .len = 4, .key = true},
    {.number = 56, .at = 35, .len = 6},
};
static const char *const words[] = {
    "ipv4 source address",       "transport source-port",
    "counter bytes long",        "timestamp sys-uptime first",
    "timestamp sys-uptime last", "transport tcp flags",
    "interface input",           "datalink mac source address input"};
enum { N = COUNT_OF(fields), BYTES = 41 };

static void put(uint8_t *to, uint64_t v, size_t n)
{
    for (size_t i = n; i > 0; i--, v >>= 8)
        to[i - 1] = (uint8_t)v;
}

static void make(uint8_t *r, uint32_t src, uint16_t port, uint64_t bytes, uint64_t first)
{
    memset(r, 0, BYTES);
    put(r, src, 4);
    put(r + 4, port, 2);
    put(r + 6, bytes, 8);
    put(r + 14, first, 8);
    put(r + 22, first + 5, 8);
    r[30] = (uint8_t)(1 << (port % 8));
    put(r + 31, 3, 4);
}

static int read_text(const char *text, struct ask *out, struct err *err)
{
    return ask_read(text, fields, words, N, out, err);
}

static const uint8_t *pick(struct pick **p, const char *text, const uint8_t *records, size_t n,
                           size_t *left)
{
    struct ask a;

    assert_int_equal(read_text(text, &a, NULL), 0);
    assert_int_equal(pick_new(p, fields, N, BYTES, a.tests, a.n_tests, NULL), 0);
    if (a.by >= 0)
        pick_order(*p, &fields[a.by], a.lowest, a.top);
    pick_offer(*p, records, n);
    return pick_rows(*p, left);
}

static void picks_what_a_filter_says(void **state)
{
    static const struct {
        const char *text;
        size_t left;
    } cases[] = {
        {"", 100},
        {"filter transport source-port 7", 1},
        {"filter transport source-port eq 0x7", 1},
        {"filter transport source-port ne 7", 99},
        {"filter transport source-port lt 7", 7},
        {"filter transport source-port < 0", 0},
        {"filter transport source-port le 7", 8},
        {"filter transport source-port > 7", 92},
        {"filter transport source-port >= 7", 93},
        {"filter transport source-port gt 65535", 0},
        {"filter ipv4 source address 10.0.0.0/28", 16},
        {"filter ipv4 source address 10.0.0.3", 1},
        {"filter ipv4 source address ne 10.0.0.0/28", 84},
        {"filter ipv4 source address 0.0.0.0/0", 100},
        {"filter counter bytes ge 90 and transport source-port lt 95", 5},
        {"filter counter bytes long ge 90 transport source-port lt 95", 5},
        {"filter timestamp sys-uptime first ge 1970-01-01T00:00:01", 0},
        {"filter interface input 3", 100},
        {"filter datalink mac source address input 00:00:00:00:00:00", 100},
        {"filter datalink mac source address input ne 00:00:00:00:00:00", 0},
        {"filter transport source-port ge 90 sort lowest counter bytes top 3 format csv", 3},
    };
    uint8_t *records = mem_new(100, BYTES);

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        make(records + i * BYTES, 0x0a000000 + i, (uint16_t)i, i, i);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pick *p;
        size_t left;
        (void)pick(&p, cases[i].text, records, 100, &left);
        if (left != cases[i].left)
            fail_msg("%s: %zu", cases[i].text, left);
        assert_int_equal(pick_offered(p), 100);
        pick_free(p);
    }
    free(records);
}

static void sorts_and_keeps_the_first(void **state)
{
    enum { ROWS = 1000 };
    static const struct {
        const char *text;
        size_t n;
        uint64_t first;
        int step;
    } cases[] = {{"sort highest counter bytes top 10", 10, ROWS - 1, -1},
                 {"sort counter bytes", ROWS, ROWS - 1, -1},
                 {"sort lowest counter bytes long top 7", 7, 0, 1},
                 {"sort lowest counter bytes", ROWS, 0, 1}};
    uint8_t *records = mem_new(ROWS, BYTES);

    (void)state;
    for (uint32_t i = 0; i < ROWS; i++)
        make(records + i * BYTES, i, 0, (i * 7919U) % ROWS, 0);
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct pick *p;
        size_t n;
        const uint8_t *rows = pick(&p, cases[c].text, records, ROWS, &n);
        assert_int_equal(n, cases[c].n);
        for (size_t i = 0; i < n; i++) {
            uint8_t want[8];
            put(want, cases[c].first + (uint64_t)((int64_t)i * cases[c].step), 8);
            assert_memory_equal(rows + i * BYTES + 6, want, 8);
        }
        pick_free(p);
    }
    free(records);
}

static void adds_up_by_fields(void **state)
{
    enum { ROWS = 5000, GROUPS = 3000 };
    uint8_t *records = mem_new(ROWS, BYTES);
    const size_t by[] = {0, 6};
    size_t n;

    (void)state;
    for (uint32_t i = 0; i < ROWS; i++)
        make(records + i * BYTES, i % GROUPS, (uint16_t)i, i, 100 + i);
    struct regroup *g = regroup_new(fields, N, BYTES, by, COUNT_OF(by));
    regroup_offer(g, records, ROWS);
    const struct pick_field *f = regroup_fields(g, &n);
    assert_int_equal(n, 7); /* both, bytes, first, last, flags, flows */
    const struct pick_field *flows = pick_find(f, n, 0, 3);
    const struct pick_field *bytes = pick_find(f, n, 0, 1);
    const struct pick_field *first = pick_find(f, n, 0, 22);
    const struct pick_field *last = pick_find(f, n, 0, 21);
    const struct pick_field *flags = pick_find(f, n, 0, 6);
    assert_true(flows && bytes && first && last && flags && !pick_find(f, n, 0, 7));
    assert_int_equal(regroup_field_of(g, 6), N);
    const uint8_t *rows = regroup_rows(g, &n);
    assert_int_equal(n, GROUPS);
    for (uint32_t i = 0; i < GROUPS; i++) {
        const uint8_t *r = rows + i * regroup_record_bytes(g);
        bool two = i + GROUPS < ROWS;
        uint8_t want[5][8];
        put(want[0], two ? 2 : 1, 8);
        put(want[1], two ? 2 * i + GROUPS : i, 8);
        put(want[2], 100 + i, 8);
        put(want[3], 105 + i + (two ? GROUPS : 0), 8);
        put(want[4], 1U << i % 8 | (two ? 1U << (i + GROUPS) % 8 : 0), 8);
        assert_memory_equal(r + flows->at, want[0], 8);
        assert_memory_equal(r + bytes->at, want[1], 8);
        assert_memory_equal(r + first->at, want[2], 8);
        assert_memory_equal(r + last->at, want[3], 8);
        assert_memory_equal(r + flags->at, want[4], 8);
    }
    regroup_free(g);
    free(records);
}

static void says_where_and_what_was_expected(void **state)
{
    static const char *const cases[][2] = {
        {"sort", "column 5: expected a field of the record, as"},
        {"filter counter byes gt 3",
         "column 8: expected a field of the record, as \"counter bytes long\", found \"counter\""},
        {"filter counter bytes gt x", "column 25: expected a number, found \"x\""},
        {"filter counter bytes gt", "column 24: expected a number, found the end"},
        {"filter ipv4 source address ::1", "column 28: expected an IPv4 address or prefix"},
        {"filter interface input lt eth0", "column 24: expected eq or ne"},
        {"filter interface input a-name-that-is-too-long", "column 24: expected an interface"},
        {"filter transport source-port 1 filter transport source-port 2", "filter is there twice"},
        {"aggregate transport source-port transport source-port", "is there twice"},
        {"sort counter bytes top 0", "column 24: expected how many, 1 to 1000000, found \"0\""},
        {"format xml", "column 8: expected record, table or csv, found \"xml\""},
        {"order", "column 1: expected filter, aggregate, sort or format, found \"order\""},
        {"filter datalink mac source address input 00:11:22:33:44", "expected a MAC address"},
        {"filter timestamp sys-uptime first yesterday", "expected a time"},
    };
    struct ask a;
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_text(cases[i][0], &a, &err), ERR_CONFIG);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.text);
    }
}

static void what_the_record_lacks_cannot_be_asked(void **state)
{
    const struct setup_test t = {.number = 99};
    struct pick *p;
    struct err err;

    (void)state;
    assert_int_equal(pick_new(&p, fields, N, BYTES, &t, 1, &err), ERR_CONFIG);
    assert_string_equal(err.text, "flows here have no element 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_what_a_filter_says),
        cmocka_unit_test(sorts_and_keeps_the_first),
        cmocka_unit_test(adds_up_by_fields),
        cmocka_unit_test(says_where_and_what_was_expected),
        cmocka_unit_test(what_the_record_lacks_cannot_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
