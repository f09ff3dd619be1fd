#include "query/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct keys keys_of(const char *text)
{
    struct keys k = {0};
    struct err err;
    if (spec_keys(text, &k, &err))
        fail_msg("%s: %s", text, err.text);
    return k;
}

static void reads_fields_masks_and_buckets(void **state)
{
    struct keys k = keys_of("src_addr/24,dst/16,56,dport,time/5m,exporter/8,48");

    (void)state;
    assert_int_equal(k.n, 5);
    assert_int_equal(k.at[0].field, FIELD_SRC_ADDR);
    assert_true(k.at[0].masked);
    assert_int_equal(k.at[0].v4_bits, 24);
    assert_int_equal(k.at[0].v6_bits, 64);
    assert_int_equal(k.at[1].field, FIELD_DST_ADDR);
    assert_int_equal(k.at[1].v4_bits, 16);
    assert_int_equal(k.at[1].v6_bits, 56);
    assert_int_equal(k.at[2].field, FIELD_DST_PORT);
    assert_int_equal(k.at[3].field, FIELD_TIME);
    assert_int_equal(k.at[3].bucket_ms, 300000);
    assert_int_equal(k.at[4].v4_bits, 8);
    assert_int_equal(k.at[4].v6_bits, 48);
}

static void the_classic_five_are_two_words(void **state)
{
    (void)state;
    assert_int_equal(keys_of("src_addr,dst_addr,proto,src_port,dst_port").words, 2);
    assert_int_equal(keys_of("src_addr").words, 1);
    assert_int_equal(keys_of("src_as,dst_as").words, 2);
    assert_int_equal(keys_of("bytes").words, 2);
}

static void places_do_not_overlap(void **state)
{
    struct keys k = keys_of("src_mac,bytes,src_addr,proto,src_port,dst_port,in_if,username,time,"
                            "rate,kind,dst_mac,tos,tcp_flags,dst_addr,extra");
    uint64_t used[KEYS_WORDS_MAX] = {0};

    (void)state;
    assert_int_equal(k.n, KEYS_MAX);
    for (size_t i = 0; i < k.n; i++) {
        enum kind kind = field_table[k.at[i].field].kind;
        unsigned width = kind == KIND_ADDR || kind == KIND_TEXT ? 4 : kind_table[kind].width;
        uint64_t bits = width == 8 ? UINT64_MAX : (UINT64_C(1) << (width * 8)) - 1;
        assert_true(k.at[i].word < k.words && k.at[i].tag_word < k.words);
        assert_true(k.at[i].shift + width * 8 <= 64);
        assert_int_equal(used[k.at[i].word] & bits << k.at[i].shift, 0);
        used[k.at[i].word] |= bits << k.at[i].shift;
        assert_int_equal(used[k.at[i].tag_word] & UINT64_C(3) << k.at[i].tag_shift, 0);
        used[k.at[i].tag_word] |= UINT64_C(3) << k.at[i].tag_shift;
    }
}

static void refuses_keys_that_cannot_be(void **state)
{
    static const char *const bad[] = {
        "",          ",",           "src_addr,",       "src_adr",     "src_addr/33",
        "src_addr/", "src_addr/x",  "src_addr/24,129", "dst_port/24", "time/0",
        "time/5x",   "proto,proto", "src,src_addr/8",  "src_addr/-1", "24",
        "time/",     "/24",         "src_addr/0024",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct keys k = {.n = 77};
        struct err err;
        assert_int_equal(spec_keys(bad[i], &k, &err), ERR_CONFIG);
        assert_int_equal(k.n, 77);
        assert_non_null(strstr(err.text, "--by"));
    }
}

static void suggests_the_nearest_field(void **state)
{
    struct keys k;
    struct err err;

    (void)state;
    assert_int_equal(spec_keys("src_adr", &k, &err), ERR_CONFIG);
    assert_string_equal(err.text,
                        "--by: expected a field, found \"src_adr\"; did you mean src_addr?");
}

/* What --sort means for groups by these keys, or for records if there are none. */
static int sort_of(const char *text, const struct keys *keys, struct sort *out)
{
    struct query_spec spec = {.grouped = keys->n > 0, .keys = *keys};
    int r = spec_columns(NULL, &spec, NULL);

    if (!r)
        r = spec_sort(text, &spec, NULL);
    *out = spec.sort;
    return r;
}

static void reads_what_to_sort_by(void **state)
{
    struct keys k = keys_of("src_addr,bytes,first_ms");
    struct keys none = {0};
    static const struct {
        const char *text;
        bool groups;
        struct sort want;
    } good[] = {
        {"bytes", true, {SORT_MEASURE, GROUP_BYTES, false, 0}},
        {"-bps", true, {SORT_MEASURE, GROUP_BPS, true, 0}},
        {"flows:asc", true, {SORT_MEASURE, GROUP_FLOWS, true, 0}},
        {"last:desc", true, {SORT_MEASURE, GROUP_LAST, false, 0}},
        {"src", true, {SORT_KEY, 0, false, 0}},
        {"src_addr:asc", true, {SORT_KEY, 0, true, 0}},
        {"by_bytes", true, {SORT_KEY, 1, false, 0}},
        {"by_first_ms", true, {SORT_KEY, 2, false, 0}},
        {"bytes", false, {SORT_FIELD, FIELD_BYTES, false, 0}},
        {"-time", false, {SORT_FIELD, FIELD_TIME, true, 0}},
        {"bpp", false, {SORT_RATIO, RATIO_BPP, false, 0}},
        {"duration", false, {SORT_DURATION, 0, false, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct sort s;
        assert_int_equal(sort_of(good[i].text, good[i].groups ? &k : &none, &s), 0);
        assert_int_equal(s.by, good[i].want.by);
        assert_int_equal(s.which, good[i].want.which);
        assert_int_equal(s.ascending, good[i].want.ascending);
    }
}

static void refuses_what_cannot_be_sorted_by(void **state)
{
    struct keys k = keys_of("src_addr");
    struct keys none = {0};
    struct sort s;

    (void)state;
    assert_int_equal(sort_of("dst_addr", &k, &s), ERR_CONFIG);
    assert_int_equal(sort_of("bytes:up", &k, &s), ERR_CONFIG);
    assert_int_equal(sort_of("", &k, &s), ERR_CONFIG);
    assert_int_equal(sort_of("flows", &none, &s), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields_masks_and_buckets),
        cmocka_unit_test(the_classic_five_are_two_words),
        cmocka_unit_test(places_do_not_overlap),
        cmocka_unit_test(refuses_keys_that_cannot_be),
        cmocka_unit_test(suggests_the_nearest_field),
        cmocka_unit_test(reads_what_to_sort_by),
        cmocka_unit_test(refuses_what_cannot_be_sorted_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
