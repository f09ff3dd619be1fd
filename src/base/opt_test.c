#include "base/opt.h"

#include "base/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STORE = 1, TOP, RAW, QUIET, STORAGE };

static const struct opt table[] = {
    {STORE, "store", 's', "DIR", "where flows are"},
    {TOP, "top", 'n', "N", "how many"},
    {RAW, "raw", 0, NULL, "as they came"},
    {QUIET, "quiet", 'q', NULL, "say less"},
    {STORAGE, "storage-class", 0, "NAME", "shares a prefix with store"},
};

enum { WORDS = 8 };

struct step {
    int id;
    const char *value;
};

/* Scans `words` (ended by NULL) and compares with `steps` (ended by OPT_END or an error). */
static void scan(const char *const *words, const struct step *steps)
{
    char text[WORDS][32] = {"cmd"};
    char *argv[WORDS] = {text[0]};
    int argc = 1;
    struct err err = {{0}};

    for (; words[argc - 1]; argc++) {
        assert_true(strlen(words[argc - 1]) < sizeof text[0]);
        strcpy(text[argc], words[argc - 1]);
        argv[argc] = text[argc];
    }
    struct opt_scan s = opt_scan_of(table, COUNT_OF(table), argc, argv);
    for (;; steps++) {
        assert_int_equal(opt_next(&s, &err), steps->id);
        if (steps->id == ERR_CONFIG)
            assert_string_equal(err.text, steps->value);
        else if (steps->value)
            assert_string_equal(s.value, steps->value);
        else
            assert_null(s.value);
        if (steps->id == OPT_END || steps->id == ERR_CONFIG)
            return;
    }
}

#define SCAN(words, ...) \
    scan((const char *const[]){words, NULL}, (const struct step[]){__VA_ARGS__})
#define W(...) __VA_ARGS__

static void reads_long_options_in_every_spelling(void **state)
{
    (void)state;
    SCAN(W("--store", "x", "--store=y", "--store="), {STORE, "x"}, {STORE, "y"}, {STORE, ""},
         {OPT_END, NULL});
    SCAN(W("--raw", "--to", "10"), {RAW, NULL}, {TOP, "10"}, {OPT_END, NULL});
}

static void reads_letters_alone_grouped_and_with_values(void **state)
{
    (void)state;
    SCAN(W("-q", "-n", "5", "-n6"), {QUIET, NULL}, {TOP, "5"}, {TOP, "6"}, {OPT_END, NULL});
    SCAN(W("-qqn", "7", "-qn8"), {QUIET, NULL}, {QUIET, NULL}, {TOP, "7"}, {QUIET, NULL},
         {TOP, "8"}, {OPT_END, NULL});
}

static void mixes_options_and_other_arguments(void **state)
{
    (void)state;
    SCAN(W("a", "--raw", "-", "b", "--", "--raw", "--"), {OPT_POSITIONAL, "a"}, {RAW, NULL},
         {OPT_POSITIONAL, "-"}, {OPT_POSITIONAL, "b"}, {OPT_POSITIONAL, "--raw"},
         {OPT_POSITIONAL, "--"}, {OPT_END, NULL});
    SCAN(W("--"), {OPT_END, NULL});
    SCAN(NULL, {OPT_END, NULL});
}

static void an_exact_name_wins_over_a_longer_one(void **state)
{
    (void)state;
    SCAN(W("--store", "x"), {STORE, "x"}, {OPT_END, NULL});
    SCAN(W("--stora", "x"), {STORAGE, "x"}, {OPT_END, NULL});
    SCAN(W("--sto", "x"),
         {ERR_CONFIG, "--sto may be --store or --storage-class; write more of it"});
}

static void says_what_is_wrong_and_what_was_meant(void **state)
{
    (void)state;
    SCAN(W("--sotre", "x"), {ERR_CONFIG, "unknown option --sotre; did you mean --store?"});
    SCAN(W("--zzz"), {ERR_CONFIG, "unknown option --zzz"});
    SCAN(W("--=x"), {ERR_CONFIG, "unknown option --"});
    SCAN(W("-z"), {ERR_CONFIG, "unknown option -z"});
    SCAN(W("-qz"), {QUIET, NULL}, {ERR_CONFIG, "unknown option -z"});
    SCAN(W("--raw=1"), {ERR_CONFIG, "--raw takes no value, found \"1\""});
    SCAN(W("--store"), {ERR_CONFIG, "--store needs a value: --store DIR"});
    SCAN(W("-s"), {ERR_CONFIG, "-s needs a value: -s DIR"});
}

static void counts_edits(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } cases[] = {{"", "", 0},           {"", "abc", 3},        {"kitten", "sitting", 3},
                 {"qeury", "query", 1}, {"query", "query", 0}, {"ca", "abc", 3}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t a = strlen(cases[i].a);
        size_t b = strlen(cases[i].b);
        assert_int_equal(near_distance(cases[i].a, a, cases[i].b, b), cases[i].distance);
        assert_int_equal(near_distance(cases[i].b, b, cases[i].a, a), cases[i].distance);
    }
}

static void suggests_only_what_is_near(void **state)
{
    static const struct {
        const char *word;
        const char *best;
    } cases[] = {{"qeury", "query"}, {"col", "collect"}, {"x", NULL}, {"", NULL}, {"banana", NULL}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct near n = near_of(cases[i].word, strlen(cases[i].word));
        near_try(&n, "collect");
        near_try(&n, "query");
        if (cases[i].best)
            assert_string_equal(near_best(&n), cases[i].best);
        else
            assert_null(near_best(&n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_long_options_in_every_spelling),
        cmocka_unit_test(reads_letters_alone_grouped_and_with_values),
        cmocka_unit_test(mixes_options_and_other_arguments),
        cmocka_unit_test(an_exact_name_wins_over_a_longer_one),
        cmocka_unit_test(says_what_is_wrong_and_what_was_meant),
        cmocka_unit_test(counts_edits),
        cmocka_unit_test(suggests_only_what_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
