/* Long lists, in no order and with doubles, against a search from the first to the last. */
#include "filter/kit.h"

#include <stdlib.h>

enum { ROWS = 1000, VALUES = 9000, LINE = 64 };

static struct buf file;

static int read_it(const void *arg, const char *path, struct buf *out, struct err *err)
{
    (void)arg;
    (void)path;
    (void)err;
    buf_bytes(out, file.data, file.len);
    return 0;
}

static const struct filter_env env = {.read_file = read_it};

/* Row i is to be selected if `want[i]`. */
static bool want[ROWS];

static void check(const char *s)
{
    static uint64_t selected[(ROWS + 63) / 64];
    struct filter_error wrong;
    struct filter *f;

    if (filter_parse_at(&f, s, &env, &wrong) != 0)
        fail_msg("%s: %s", s, wrong.text);
    filter_eval(f, &batch, selected);
    for (size_t i = 0; i < ROWS; i++)
        if ((selected[i / 64] >> i % 64 & 1) != want[i])
            fail_msg("%s: row %zu is %s", s, i, want[i] ? "missing" : "selected");
    filter_free(f);
    memset(want, 0, sizeof want);
}

static int setup(void **state)
{
    (void)state;
    srand(5);
    assert_true(batch_init(&batch, ROWS));
    batch.rows = ROWS;
    buf_init(&file, 1 << 24);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&file);
    batch_free(&batch);
    return 0;
}

/* Hosts in two small networks, so that about half of the rows are hit. */
static struct addr any_host(void)
{
    uint8_t v4[4] = {10, (uint8_t)(rand() % 3), (uint8_t)(rand() % 32), (uint8_t)rand()};
    struct addr a = addr_of_v4(v4);

    if (rand() % 3 == 0) {
        memset(&a, 0, sizeof a);
        memcpy(a.b, "\x20\x01\x0d\xb8", 4);
        a.b[4 + rand() % 12] = (uint8_t)(rand() % 16);
        a.b[15] = (uint8_t)rand();
    }
    return a;
}

static void addresses_of_both_families(void **state)
{
    static struct prefix values[VALUES];
    static struct addr hosts[ROWS];
    char text[ADDR_TEXT];

    (void)state;
    buf_reset(&file);
    for (size_t i = 0; i < VALUES; i++) {
        struct addr a = any_host();
        unsigned cut = rand() % 4 == 0 ? (unsigned)rand() % 6 : 0;
        values[i] = (struct prefix){addr_mask(a, 128 - cut), (uint8_t)(128 - cut)};
        (void)addr_print(&a, text);
        buf_printf(&file, "%s/%u\n", text, (addr_is_v4(&a) ? 32 : 128) - cut);
    }
    for (size_t row = 0; row < ROWS; row++) {
        hosts[row] = any_host();
        assert_true(batch_put_raw(&batch, FIELD_SRC_ADDR, row, &hosts[row]));
        for (size_t i = 0; i < VALUES; i++)
            want[row] = want[row] || prefix_has(&values[i], &hosts[row]);
    }
    check("src in @file");
}

static void numbers(void **state)
{
    static uint32_t values[VALUES][2];

    (void)state;
    buf_reset(&file);
    for (size_t i = 0; i < VALUES; i++) {
        values[i][0] = (uint32_t)rand() % 100000 * 30000;
        values[i][1] = values[i][0] + (uint32_t)(rand() % 2) * 9;
        buf_printf(&file, "%u-%u\n", values[i][0], values[i][1]);
    }
    for (size_t row = 0; row < ROWS; row++) {
        uint32_t v = values[rand() % VALUES][0] + (uint32_t)(rand() % 12);
        num(FIELD_SRC_AS, row, v);
        for (size_t i = 0; i < VALUES; i++)
            want[row] = want[row] || (v >= values[i][0] && v <= values[i][1]);
    }
    check("src as in @file");
}

static void texts(void **state)
{
    static char values[VALUES][LINE];

    (void)state;
    buf_reset(&file);
    for (size_t i = 0; i < VALUES; i++) {
        (void)snprintf(values[i], LINE, "name %d", rand() % 20000);
        buf_printf(&file, "%s\n", values[i]);
    }
    for (size_t row = 0; row < ROWS; row++) {
        char own[LINE];
        (void)snprintf(own, sizeof own, "name %d", rand() % 20000);
        text(FIELD_APP_NAME, row, own);
        for (size_t i = 0; i < VALUES; i++)
            want[row] = want[row] || strcmp(own, values[i]) == 0;
    }
    check("app_name in @file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_both_families),
        cmocka_unit_test(numbers),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
