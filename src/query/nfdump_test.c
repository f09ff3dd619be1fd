#include "query/nfdump.h"

#include "filter/filter.h"
#include "query/nfdump_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARGS_MAX = 16 };

/* Arguments separated by blanks; a filter comes apart. */
static int split(char *text, char *argv[ARGS_MAX])
{
    static char name[] = "nfdump";
    char *rest = NULL;
    int n = 0;

    argv[n++] = name;
    for (char *s = strtok_r(text, " ", &rest); s && n < ARGS_MAX; s = strtok_r(NULL, " ", &rest))
        argv[n++] = s;
    return n;
}

/* The question number `which` as one line, "store" left out; or the error. */
static int translate(const char *args, const char *filter, size_t which, char *out, size_t size)
{
    char text[512];
    char *argv[ARGS_MAX];
    struct nfdump n;
    struct nfdump_queries q = {0};
    struct err err;

    (void)snprintf(text, sizeof text, "%s", args);
    int r = nfdump_read(split(text, argv), argv, &n, &err);
    if (!r)
        r = nfdump_translate(&n, filter, &q, &err);
    if (r) {
        (void)snprintf(out, size, "%s", err.text);
    } else if (which >= q.n) {
        (void)snprintf(out, size, "none");
    } else {
        const struct buf *b = &q.at[which].words;
        assert_true(b->len < size);
        memcpy(out, b->data, b->len);
        for (size_t i = 0; i + 1 < b->len; i++)
            if (out[i] == '\0')
                out[i] = ' ';
    }
    nfdump_queries_free(&q);
    nfdump_free(&n);
    return r;
}

static void becomes(const char *args, const char *filter, const char *want)
{
    char have[2048];
    char line[2048];

    if (translate(args, filter, 0, have, sizeof have) != 0)
        fail_msg("%s: %s", args, have);
    (void)snprintf(line, sizeof line, "--store var%s%s", *want ? " " : "", want);
    assert_string_equal(have, line);
}

static void refused(const char *args, const char *part)
{
    char have[2048];

    assert_int_equal(translate(args, "", 0, have, sizeof have), ERR_CONFIG);
    if (!strstr(have, part))
        fail_msg("%s: \"%s\" is not in: %s", args, part, have);
}

static void filters_as(const char *text, const char *want)
{
    struct buf out;

    buf_init(&out, 4096);
    nfdump_filter(text, &out);
    buf_u8(&out, 0);
    assert_string_equal(out.data, want);
    buf_free(&out);
}

static void filters_stay(const char *text) { filters_as(text, text); }

static void statistics_are_groups(void **state)
{
    (void)state;
    becomes("-s srcip/bytes", "", "--by src_addr --sort bytes --top 10");
    becomes("-s srcip", "", "--by src_addr --sort flows --top 10");
    becomes("-s dstport:p/packets -n 0", "proto tcp",
            "--by dst_port,proto --sort packets --top 0 -- proto tcp");
    becomes("-s record/bytes -n5", "",
            "--by src_addr,src_port,dst_addr,dst_port,proto --sort bytes --top 5");
    becomes("-s record/bytes -A srcip,dstip", "", "--by src_addr,dst_addr --sort bytes --top 10");
    refused("-s ip", "ask for srcip and for dstip");
    refused("-s srcip -a", "record");
    refused("-s srcip/colour", "expected flows");
}

static void each_order_of_a_statistic_is_a_question(void **state)
{
    char have[512];

    (void)state;
    assert_int_equal(translate("-s srcip/flows/bytes -s dstip/bps", "", 1, have, sizeof have), 0);
    assert_string_equal(have, "--store var --by src_addr --sort bytes --top 10");
    assert_int_equal(translate("-s srcip/flows/bytes -s dstip/bps", "", 2, have, sizeof have), 0);
    assert_string_equal(have, "--store var --by dst_addr --sort bps --top 10");
    assert_int_equal(translate("-s srcip/flows/bytes -s dstip/bps", "", 3, have, sizeof have), 0);
    assert_string_equal(have, "none");
    assert_int_equal(translate("-s srcip/flows/bytes/flows/bytes/flows/bytes/flows/bytes/flows/"
                               "bytes/flows/bytes/flows/bytes/flows/bytes/flows",
                               "", 0, have, sizeof have),
                     ERR_LIMIT);
}

static void aggregation_has_keys_and_masks(void **state)
{
    (void)state;
    becomes("-A srcip,dstip,proto,srcport,dstport -O bytes -n 10", "",
            "--by src_addr,dst_addr,proto,src_port,dst_port --sort bytes --top 10");
    becomes("-A srcip4/24,dstip6/48 -O tstart", "",
            "--by src_addr/24,128,dst_addr/32,48 --sort first:asc --top 0");
    becomes("-A dstip4/16,dstip6/56,inif", "", "--by dst_addr/16,56,in_if --sort bytes --top 0");
    becomes("-a", "", "--by src_addr,src_port,dst_addr,dst_port,proto --sort bytes --top 0");
    becomes("-b", "", "--by src_addr,src_port,dst_addr,dst_port,proto --fold --sort bytes --top 0");
    refused("-A srcnet", "srcip4/24");
    refused("-A srcip,", "has no counterpart");
    refused("-A colour", "weir fields");
    refused("-a -O duration", "tstart");
    refused("-a -c 5", "-n");
}

static void records_are_listed_or_sorted(void **state)
{
    (void)state;
    becomes("-c 20", "host 10.1.1.1", "--top 20 -- host 10.1.1.1");
    becomes("-O tstart -n 3 -N -q -6", "", "--sort first:asc --top 3 --quiet --exact");
    becomes("-I", "", "--by proto --sort flows --top 0");
    becomes("-o null", "", "--columns flows,packets,bytes,bps,pps,bpp");
    refused("-n 5", "-c 5");
    refused("-O flows", "packets or bytes");
}

static void formats_are_columns(void **state)
{
    (void)state;
    becomes("-o line6", "", "");
    becomes("-o json", "", "--format json");
    becomes("-o csv -s proto", "", "--by proto --sort flows --top 10 --format csv");
    becomes("-o raw", "", "--format jsonl");
    becomes("-o long", "",
            "--columns first_ms,duration,proto,src_addr,src_port,dst_addr,dst_port,tcp_flags,tos,"
            "packets,bytes");
    becomes("-o fmt:%ts,%sap,%dap,%in", "",
            "--columns first_ms,src_addr,src_port,dst_addr,dst_port,in_if");
    becomes("-o fmt:%line%ra", "",
            "--columns first_ms,duration,proto,src_addr,src_port,dst_addr,dst_port,packets,bytes,"
            "exporter");
    becomes("-A srcip -o fmt:%sa,%te,%fl", "",
            "--by src_addr --sort bytes --top 0 --columns src_addr,last,flows");
    refused("-o fmt:%ja3", "%ja3");
    refused("-o fmt:none", "no %tag");
    refused("-o gline", "expected line");
}

static void windows_are_times(void **state)
{
    (void)state;
    becomes("-t 2026/11/22.14:05:00-2026/11/22.15:10:30", "",
            "--from 2026-11-22T14:05:00 --to 2026-11-22T15:10:30");
    becomes("-t 2026/11/22", "", "--from 2026-11-22");
    becomes("-t 2026/11/22.14", "", "--from 2026-11-22T14:00");
    becomes("-t 2026/11/22.14:05-2026/11/23", "", "--from 2026-11-22T14:05 --to 2026-11-23");
    refused("-t +10", "--last");
    refused("-t 2026", "expected a time");
    refused("-t 2026/11/22.", "expected a time");
    refused("-t 2026/11/22.14:05:00.5", "expected a time");
    refused("-t 2026/11/22-", "expected a time");
}

static void what_has_no_counterpart_says_what_to_write(void **state)
{
    (void)state;
    refused("-w out", "csv");
    refused("-l +100", "packets > N");
    refused("-g", "time/5m");
    refused("-v file", "weir store verify");
    refused("-M /a:/b", "one folder");
    refused("-R a -r b", "already");
    refused("-C my.conf", "-o fmt:");
    refused("-Q", "unknown option");
}

static void durations_are_milliseconds(void **state)
{
    (void)state;
    filters_as("duration > 5000", "duration > 5000ms");
    filters_as("(duration GE 5000) AND Duration 7 or duration=0",
               "(duration GE 5000ms) AND Duration 7ms or duration=0ms");
    filters_stay("duration > 5s or duration in [1, 2] or duration");
    filters_stay("app_name \"duration > 5\" # duration > 5");
}

static void not_flags_are_none_of_them(void **state)
{
    (void)state;
    filters_as("flags S and not flags AFRPU", "flags S and not flags any AFRPU");
    filters_as("!flags sa", "!flags any sa");
    filters_stay("not flags S or not flags 18 or not flags all SA or not (flags SA) or not flags");
}

static void the_rest_of_a_filter_stays(void **state)
{
    (void)state;
    filters_stay("");
    filters_stay("src net 10.0.0.0 255.0.0.0 and (proto tcp or port in [80 443]) && bytes>1k");
    filters_stay("'not closed");
    filters_stay("# duration > 5\n proto tcp");
}

/* Every prefix, in memory of just that size; what is not changed is there. */
static void takes_every_truncation_of_a_filter(void **state)
{
    static const char text[] = "duration > 5000 and not flags SA or \"a b\" and port < 10 # c";
    struct buf out;

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        char *part = malloc(n + 1);
        assert_non_null(part);
        memcpy(part, text, n);
        part[n] = '\0';
        buf_init(&out, 4096);
        nfdump_filter(part, &out);
        assert_true(buf_ok(&out));
        buf_free(&out);
        free(part);
    }
}

static void all_fields_of_the_tables_exist(void **state)
{
    (void)state;
    for (size_t i = 0; i < NFDUMP_WORDS; i++) {
        const char *f = nfdump_words[i].field;
        assert_true(field_by_name(f, strlen(f)) != FIELD_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_groups),
        cmocka_unit_test(each_order_of_a_statistic_is_a_question),
        cmocka_unit_test(aggregation_has_keys_and_masks),
        cmocka_unit_test(records_are_listed_or_sorted),
        cmocka_unit_test(formats_are_columns),
        cmocka_unit_test(windows_are_times),
        cmocka_unit_test(what_has_no_counterpart_says_what_to_write),
        cmocka_unit_test(durations_are_milliseconds),
        cmocka_unit_test(not_flags_are_none_of_them),
        cmocka_unit_test(the_rest_of_a_filter_stays),
        cmocka_unit_test(takes_every_truncation_of_a_filter),
        cmocka_unit_test(all_fields_of_the_tables_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
