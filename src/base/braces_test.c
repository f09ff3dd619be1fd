#include "base/braces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct taker {
    struct braces braces;
    char told[4096];
    size_t n;
};

static int take(struct braces *b, const struct braces_line *line, struct err *err)
{
    struct taker *t = container_of(b, struct taker, braces);

    (void)err;
    t->n += (size_t)snprintf(t->told + t->n, sizeof t->told - t->n, "%zu", line->number);
    for (size_t i = 0; i < line->n; i++)
        t->n += (size_t)snprintf(t->told + t->n, sizeof t->told - t->n, " %.*s@%zu",
                                 (int)line->path[i].len, line->path[i].s, line->path[i].column);
    t->n += (size_t)snprintf(t->told + t->n, sizeof t->told - t->n, line->opens ? " {\n" : "\n");
    return 0;
}

static void hands_on_each_statement_with_its_blocks(void **state)
{
    static const char text[] = "/* a\n comment */ a {\n  b 1\n  c \"two words\" {\n    d\n  }\n}\n"
                               "// b\nset e 'f g' h\ni { j }";
    struct taker t = {.braces = {.take = take}};

    (void)state;
    assert_int_equal(braces_read(&t.braces, "x", text, strlen(text), NULL), 0);
    assert_string_equal(t.told, "2 a@13 {\n3 a@13 b@3 1@5\n4 a@13 c@3 two words@5 {\n"
                                "5 a@13 c@3 two words@5 d@5\n9 e@5 f g@7 h@13\n10 i@1 {\n"
                                "10 i@1 j@5\n");
}

static const struct {
    const char *text;
    const char *told;
} quotes[] = {
    {"a {\n b \"c \\\"{\\\" d\"\n}\n", "1 a@1 {\n2 a@1 b@2 c \\\"{\\\" d@4\n"},
    {"a \"b\\\\\" c", "1 a@1 b\\\\@3 c@9\n"},
    {"set a 'b's {c'\nset d 'C:\\'\n", "1 a@5 b's {c@7\n2 d@5 C:\\@7\n"},
    {"set a b{c } 'd' e\n", "1 a@5 b{c@7 }@11 d@13 e@17\n"},
    {"comment a 'b's } c'\nd {\n}\n", "1 comment@1 a@9 b's } c@11\n2 d@1 {\n"},
    {"a {\n set b {\n }\n}\n", "1 a@1 {\n2 a@1 set@2 b@6 {\n"},
};

static void quotes_hide_quotes_and_braces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(quotes); i++) {
        struct taker t = {.braces = {.take = take}};
        struct err err;
        if (braces_read(&t.braces, "x", quotes[i].text, strlen(quotes[i].text), &err) != 0)
            fail_msg("%s: %s", quotes[i].text, err.text);
        assert_string_equal(t.told, quotes[i].told);
    }
}

static void says_where_and_what_was_expected(void **state)
{
    static const char *const cases[][2] = {
        {"a {\n b\n", "x:3:1: expected \"}\", found the end"},
        {"a\n}\n", "x:2:1: expected a statement, found \"}\" without its \"{\""},
        {"{\n", "x:1:1: expected the name of a block before \"{\""},
        {"set a 'b\nset c 'd'\n", "x:1:7: expected the end of the quoted word on its line"},
        {"a \"b\\\"\n", "x:1:3: expected the end of the quoted word on its line"},
        {"a 'b\n", "x:1:3: expected the end of the quoted word on its line"},
        {"a /* b\n\n", "expected the end of the comment"},
        {"a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{", "x:1:34: expected fewer blocks in each other"},
    };
    char words[4 * BRACES_WORDS] = "";
    struct taker t = {.braces = {.take = take}};
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        t.n = 0;
        assert_int_equal(braces_read(&t.braces, "x", cases[i][0], strlen(cases[i][0]), &err),
                         ERR_CONFIG);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.text);
    }
    for (size_t i = 0; i <= BRACES_WORDS; i++)
        strcat(words, "a ");
    assert_int_equal(braces_read(&t.braces, "x", words, strlen(words), &err), ERR_CONFIG);
    assert_string_equal(err.text, "x:1:129: expected fewer words");
}

static void no_beginning_of_a_text_harms(void **state)
{
    static const char text[] = "a 'b' {\n /* c */ d \"e\\\"\" {\n f\n }\n}\n"
                               "set g 'h's' // i\n";

    (void)state;
    for (size_t n = 0; n <= strlen(text); n++) {
        struct taker t = {.braces = {.take = take}};
        char *copy = malloc(n + 1);
        struct err err;
        assert_non_null(copy);
        memcpy(copy, text, n);
        (void)!braces_read(&t.braces, "x", copy, n, &err);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_each_statement_with_its_blocks),
        cmocka_unit_test(quotes_hide_quotes_and_braces),
        cmocka_unit_test(says_where_and_what_was_expected),
        cmocka_unit_test(no_beginning_of_a_text_harms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
