/* Globs against fnmatch(3), regular expressions against regexec(3), and what neither says. */
#include "filter/pattern.h"

#include "base/err.h"

#include <fnmatch.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static struct pattern *read_it(enum pattern_is is, const char *text)
{
    struct pattern_error error;
    struct pattern *p = NULL;

    arena_free(&arena);
    arena_init(&arena, 4 << 20);
    if (pattern_read(&p, &arena, is, text, strlen(text), &error) != 0)
        fail_msg("%s: at %zu: %s", text, error.at, error.expected);
    return p;
}

static bool matches(enum pattern_is is, const char *text, const char *s)
{
    return pattern_matches(read_it(is, text), (const uint8_t *)s, strlen(s));
}

static void check(enum pattern_is is, const char *text, const char *s, bool want)
{
    if (matches(is, text, s) != want)
        fail_msg("%s %s %s", text, want ? "should match" : "should not match", s);
}

static void knows_globs(void **state)
{
    (void)state;
    check(PATTERN_GLOB, "you*", "youtube", true);
    check(PATTERN_GLOB, "you*", "you", true);
    check(PATTERN_GLOB, "you*", "YouTube", false);
    check(PATTERN_GLOB, "you*", "a youtube", false);
    check(PATTERN_GLOB, "*tube", "youtube", true);
    check(PATTERN_GLOB, "*tube", "youtubes", false);
    check(PATTERN_GLOB, "*ut*", "youtube", true);
    check(PATTERN_GLOB, "*", "", true);
    check(PATTERN_GLOB, "**", "x", true);
    check(PATTERN_GLOB, "", "", true);
    check(PATTERN_GLOB, "", "x", false);
    check(PATTERN_GLOB, "a*b*c", "a-b-b-c", true);
    check(PATTERN_GLOB, "a*b*c", "a-c-b", false);
    check(PATTERN_GLOB, "Gi?/[0-9]", "Gi0/1", true);
    check(PATTERN_GLOB, "Gi?/[!0-9]", "Gi0/1", false);
    check(PATTERN_GLOB, "k?se", "k\xc3\xa4se", true); /* one character, two octets */
    check(PATTERN_GLOB, "k??se", "k\xc3\xa4se", false);
    check(PATTERN_GLOB, "k[!x]se", "k\xc3\xa4se", true);
    check(PATTERN_GLOB, "50\\*", "50*", true);
    check(PATTERN_GLOB, "50\\*", "500", false);
}

static void knows_regular_expressions(void **state)
{
    (void)state;
    check(PATTERN_REGEX, "ou", "youtube", true);
    check(PATTERN_REGEX, "^ou", "youtube", false);
    check(PATTERN_REGEX, "^you(tube|r)?$", "youtube", true);
    check(PATTERN_REGEX, "^you(tube|r)?$", "you", true);
    check(PATTERN_REGEX, "^you(tube|r)?$", "yourself", false);
    check(PATTERN_REGEX, "a{2,3}b", "aab", true);
    check(PATTERN_REGEX, "^a{2,3}b", "aaaab", false);
    check(PATTERN_REGEX, "^a{2,}$", "aaaaaaa", true);
    check(PATTERN_REGEX, "^a{2}$", "aaa", false);
    check(PATTERN_REGEX, "(^|,)b(,|$)", "a,b", true);
    check(PATTERN_REGEX, "(^|,)b(,|$)", "a,bc", false);
    check(PATTERN_REGEX, "\\d+\\.\\w", "v1.x", true);
    check(PATTERN_REGEX, "[\\d.]+$", "a 1.2", true);
    check(PATTERN_REGEX, "\\D\\S\\W", "ab!", true);
    check(PATTERN_REGEX, "\\x41\\t", "A\t", true);
    check(PATTERN_REGEX, "k.se", "k\xc3\xa4se", true);
    check(PATTERN_REGEX, "k..se", "k\xc3\xa4se", false);
    check(PATTERN_REGEX, "k\xc3\xa4+se", "k\xc3\xa4\xc3\xa4se", true);
    check(PATTERN_REGEX, "[^a]$", "\xe2\x82\xac", true);
    check(PATTERN_REGEX, "", "anything", true);
    check(PATTERN_REGEX, "a|", "b", true);
    check(PATTERN_REGEX, "a*?b+?", "b", true);
    check(PATTERN_REGEX, "(?:ab)+c", "xababc", true);
    check(PATTERN_REGEX, "youtube", "YouTube", false);
    check(PATTERN_REGEX_ANY_CASE, "you[t-u]ube", "YOUTUBE", true);
    check(PATTERN_REGEX_ANY_CASE, "^[^Y]", "you", false);
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *expected;
    } rows[] = {
        {"a(b", 1, "a closing )"},
        {"a)b", 1, "without its ("},
        {"*a", 0, "something to repeat"},
        {"a|+", 2, "to repeat"},
        {"[a-", 0, "a closing ]"},
        {"[b-a]", 1, "smaller one"},
        {"a{3,2}", 1, "{n,m}"},
        {"a{256}", 1, "at most 255"},
        {"a{", 1, "{n}"},
        {"\\q", 1, "the backslash"},
        {"\\", 0, "a character"},
        {"\\x4", 1, "hexadecimal"},
        {"(?=a)", 1, "(?:"},
        {"[\xc3\xa4]", 1, "ASCII"},
        {"(a{200}){200}", 0, "simpler"},
        {"(((){255}){255}){255}", 0, "simpler"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pattern_error e = {0};
        struct pattern *p = NULL;
        const char *s = rows[i].text;
        arena_free(&arena);
        arena_init(&arena, 4 << 20);
        assert_int_equal(pattern_read(&p, &arena, PATTERN_REGEX, s, strlen(s), &e), ERR_CONFIG);
        if (e.at != rows[i].at || !strstr(e.expected, rows[i].expected))
            fail_msg("%s: at %zu: %s", s, e.at, e.expected);
    }
}

static void refuses_what_is_too_deep_or_long(void **state)
{
    char text[PATTERN_BYTES + 2];
    struct pattern_error e;
    struct pattern *p;

    (void)state;
    arena_free(&arena);
    arena_init(&arena, 16 << 20);
    memset(text, '(', sizeof text);
    assert_int_equal(pattern_read(&p, &arena, PATTERN_REGEX, text, 200, &e), ERR_CONFIG);
    assert_int_equal(pattern_read(&p, &arena, PATTERN_GLOB, text, sizeof text, &e), ERR_CONFIG);
    memset(text, 'a', sizeof text);
    assert_int_equal(pattern_read(&p, &arena, PATTERN_REGEX, text, 256, &e), 0);
    assert_int_equal(pattern_read(&p, &arena, PATTERN_REGEX, text, 257, &e), ERR_CONFIG);
    arena_free(&arena);
    arena_init(&arena, 1000);
    assert_int_equal(pattern_read(&p, &arena, PATTERN_REGEX, "a", 1, &e), ERR_LIMIT);
}

static void pick(char *out, const char *signs, int most)
{
    int n = rand() % (most + 1);

    for (int i = 0; i < n; i++)
        out[i] = signs[(size_t)rand() % strlen(signs)];
    out[n] = '\0';
}

static void agrees_with_fnmatch(void **state)
{
    char glob[16];
    char s[16];

    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        pick(glob, "aab*?", 7);
        pick(s, "aabc", 9);
        check(PATTERN_GLOB, glob, s, fnmatch(glob, s, 0) == 0);
    }
}

static void agrees_with_regexec(void **state)
{
    char text[24];
    char s[16];
    int n = 0;

    (void)state;
    srand(2);
    for (int i = 0; i < 20000; i++) {
        regex_t other;
        struct pattern_error e;
        struct pattern *p;
        pick(text, "aabb().*+?|^$", 9);
        pick(s, "aabc", 9);
        /* The other one has ways of its own with repeated repeats (lazy ones here) and empty
         * brackets. */
        if (strstr(text, "()") || strpbrk(text, "^$") || strstr(text, "**") || strstr(text, "(|") ||
            strstr(text, "+?") || strstr(text, "*?") || strstr(text, "??") || strstr(text, "||") ||
            strstr(text, "|)") || *text == '|')
            continue;
        arena_free(&arena);
        arena_init(&arena, 4 << 20);
        if (pattern_read(&p, &arena, PATTERN_REGEX, text, strlen(text), &e) != 0)
            continue;
        if (regcomp(&other, text, REG_EXTENDED | REG_NOSUB) != 0)
            continue;
        bool want = regexec(&other, s, 0, NULL, 0) == 0;
        regfree(&other);
        if (pattern_matches(p, (const uint8_t *)s, strlen(s)) != want)
            fail_msg("/%s/ on \"%s\": expected %d", text, s, want);
        n++;
    }
    assert_true(n > 1000);
}

/* Where others go back and forth for years. */
static void takes_time_by_the_text_alone(void **state)
{
    static char s[1 << 20];
    struct timespec a;
    struct timespec b;

    (void)state;
    memset(s, 'a', sizeof s - 1);
    struct pattern *p = read_it(PATTERN_REGEX, "^(a*)*(a|aa)+(a?){60}a{60}b$");
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    assert_false(pattern_matches(p, (const uint8_t *)s, sizeof s - 1));
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true(b.tv_sec - a.tv_sec < 20);
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_globs),
        cmocka_unit_test(knows_regular_expressions),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(refuses_what_is_too_deep_or_long),
        cmocka_unit_test(agrees_with_fnmatch),
        cmocka_unit_test(agrees_with_regexec),
        cmocka_unit_test(takes_time_by_the_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
