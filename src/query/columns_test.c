#include "query/columns.h"

#include "query/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct keys keys_of(const char *text)
{
    struct keys k = {0};

    if (*text)
        assert_int_equal(spec_keys(text, &k, NULL), 0);
    else
        keys_place(&k);
    return k;
}

/* The names of columns, with spaces between them. */
static const char *names(const char *by, bool folded, const char *text)
{
    static char out[512];
    struct keys keys = keys_of(by ? by : "");
    struct columns_of of = {.groups = by != NULL, .folded = folded, .keys = &keys};
    struct columns c;
    struct err err;

    if (columns_parse(text, &of, &c, &err))
        fail_msg("%s", err.text);
    out[0] = '\0';
    for (size_t i = 0; i < c.n; i++) {
        strcat(out, i ? " " : "");
        strcat(out, columns_shown(&c.at[i]).name);
    }
    return out;
}

static void names_columns_as_json_does(void **state)
{
    (void)state;
    assert_string_equal(names("", false, "flows,bytes,share,avg(duration)"),
                        "flows bytes share_bytes avg_duration_ms");
    assert_string_equal(names("", false, "p95(bytes),p99.9(bps),median(packets),distinct(src)"),
                        "p95_bytes p99_9_bps median_packets distinct_src_addr");
    assert_string_equal(names("", false, "share(flows),cumulative,cumulative(packets),first,last"),
                        "share_flows cumulative_bytes cumulative_packets first_ms last_ms");
    assert_string_equal(names("", true, "bytes_in,bytes_out,min(first),max(duration_ms)"),
                        "bytes_in bytes_out min_first_ms max_duration_ms");
    assert_string_equal(names(NULL, false, "time,src,dport,duration,bps,bytes"),
                        "time_ms src_addr dst_port duration_ms bps bytes");
}

static void keys_stand_first_unless_they_are_named(void **state)
{
    (void)state;
    assert_string_equal(names("src_addr,bytes", false, "flows,bytes"),
                        "src_addr by_bytes flows bytes");
    assert_string_equal(names("src_addr,dst_port", false, "flows,src"), "dst_port flows src_addr");
    assert_string_equal(names("proto", false, NULL),
                        "proto flows packets bytes bps pps bpp first_ms last_ms");
    assert_string_equal(names("proto", true, NULL),
                        "proto flows packets packets_out packets_in bytes bytes_out bytes_in bps "
                        "pps bpp first_ms last_ms");
}

static void columns_of_one_thing_share_an_aggregate(void **state)
{
    struct keys keys = keys_of("");
    struct columns_of of = {.groups = true, .keys = &keys};
    struct columns c;

    (void)state;
    assert_int_equal(
        columns_parse("p95(bytes),median(bytes),p5(packets),min(bytes)", &of, &c, NULL), 0);
    assert_int_equal(c.aggregates.n, 3);
    assert_int_equal(c.at[0].which, c.at[1].which);
    assert_int_equal(c.aggregates.words, 1 + 1 + 2);
}

static void refuses_what_makes_no_sense(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"", "found \"\""},
        {"flows,", "found \"\""},
        {"byts", "did you mean bytes?"},
        {"flows,flows", "flows is named twice"},
        {"avg(duration),avg(duration_ms)", "avg(duration) is named twice"},
        {"avg(src_addr)", "src_addr is no number; distinct(src_addr)"},
        {"median(time)", "a time, which has min, max and distinct"},
        {"avgg(bytes)", "did you mean avg?"},
        {"avg(byts)", "did you mean bytes?"},
        {"avg()", "expected flows"},
        {"p101(bytes)", "expected sum"},
        {"p(bytes)", "expected sum"},
        {"share(bps)", "expected sum"},
        {"dst_port", "is none of --by; group by it, or ask for distinct(dst_port)"},
        {"bytes_in", "bytes_in is for --fold"},
    };
    struct keys keys = keys_of("proto");
    struct columns_of of = {.groups = true, .keys = &keys};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct columns c = {.n = 77};
        struct err err;
        assert_int_equal(columns_parse(bad[i].text, &of, &c, &err), ERR_CONFIG);
        assert_int_equal(c.n, 77);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s: %s", bad[i].text, err.text);
    }
    of.groups = false;
    struct columns c;
    assert_int_equal(columns_parse("avg(bytes)", &of, &c, NULL), ERR_CONFIG);
    assert_int_equal(columns_parse("flows", &of, &c, NULL), ERR_CONFIG);
}

static void knows_what_only_groups_have(void **state)
{
    (void)state;
    assert_true(columns_ask_groups("flows"));
    assert_true(columns_ask_groups("bytes,distinct(src_addr)"));
    assert_true(columns_ask_groups("share"));
    assert_false(columns_ask_groups("time,src,bytes,bps"));
    assert_false(columns_ask_groups(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_columns_as_json_does),
        cmocka_unit_test(keys_stand_first_unless_they_are_named),
        cmocka_unit_test(columns_of_one_thing_share_an_aggregate),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(knows_what_only_groups_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
