#include "query/chart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char tcp[] = "tcp";
static char udp[] = "udp";
static char *labels[] = {tcp, udp};

static const struct column bytes = {
    .name = "bytes", .title = "bytes", .unit = UNIT_BYTES, .kind = KIND_U64};

static const char *draw(const struct chart *c)
{
    static char text[4096];
    struct buf out;

    buf_fixed(&out, text, sizeof text - 1);
    chart_text(c, &out);
    assert_true(buf_ok(&out));
    text[out.len] = '\0';
    return text;
}

static void bars_in_eighths(void **state)
{
    double v[] = {800, 100};
    struct chart c = {.measure = bytes,
                      .labels = labels,
                      .n_labels = 2,
                      .n_across = 1,
                      .v = v,
                      .options = {.width = 30}};

    (void)state;
    assert_string_equal(draw(&c), "bytes\n"
                                  "tcp       800 B  ███████████\n" /* 11 are left of 30 */
                                  "udp       100 B  █▍\n");        /* 11 / 8 = 1 3/8 */
    c.options.colour = true;
    c.n_labels = 1;
    assert_string_equal(draw(&c), "bytes\ntcp       800 B  \033[36m███████████\033[0m\n");
}

static void nothing_is_drawn_of_nothing(void **state)
{
    double v[] = {0, 0};
    struct chart c = {.measure = bytes, .n_across = 1, .v = v, .options = {.width = 30}};

    (void)state;
    assert_string_equal(draw(&c), "");
    c.labels = labels;
    c.n_labels = 2;
    assert_string_equal(draw(&c), "bytes\ntcp         0 B  \nudp         0 B  \n");
}

static void series_have_a_scale_each(void **state)
{
    double v[] = {0, 8, 1, 16, 8, 0, 4, 4}; /* of tcp and udp, four times */
    int64_t times[] = {0, 60000, 120000, 180000};
    struct chart c = {.shape = SHAPE_SERIES,
                      .measure = bytes,
                      .labels = labels,
                      .n_labels = 2,
                      .times = times,
                      .n_across = 4,
                      .v = v,
                      .options = {.width = 80}};

    (void)state;
    assert_string_equal(draw(&c),
                        "bytes\n"
                        "tcp         8 B   ▁█▄\n"
                        "udp        16 B  ▄█ ▂\n"
                        "                 1970-01-01 00:00:00.000  1970-01-01 00:03:00.000\n");
}

static void where_there_is_no_room_a_column_is_the_largest_of_some(void **state)
{
    double v[20] = {[3] = 8, [16] = 4};
    int64_t times[20] = {0};
    struct chart c = {.shape = SHAPE_SERIES,
                      .measure = bytes,
                      .labels = labels,
                      .n_labels = 1,
                      .times = times,
                      .n_across = 20,
                      .v = v,
                      .options = {.width = 24, .ascii = true}};

    (void)state; /* ten columns of two buckets: the second, and the ninth half as high */
    assert_non_null(strstr(draw(&c), "         8 B   #        \n"));
    assert_non_null(strstr(draw(&c), "         0 B   #      # \n"));
}

static void knows_which_files_it_can_write(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(chart_file_check("chart.pdf", &err), ERR_CONFIG);
    assert_int_equal(chart_file_check(".svg", &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "ends in .svg or .png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_in_eighths),
        cmocka_unit_test(nothing_is_drawn_of_nothing),
        cmocka_unit_test(series_have_a_scale_each),
        cmocka_unit_test(where_there_is_no_room_a_column_is_the_largest_of_some),
        cmocka_unit_test(knows_which_files_it_can_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
