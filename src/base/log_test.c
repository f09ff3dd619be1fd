#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What `write_lines` puts on stderr. */
static char *caught(void (*write_lines)(void))
{
    static char text[8192];
    FILE *f = tmpfile();
    int old = dup(STDERR_FILENO);

    assert_non_null(f);
    assert_true(old >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
    write_lines();
    assert_true(dup2(old, STDERR_FILENO) >= 0);
    (void)close(old);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    return text;
}

static void one_of_each(void)
{
    log_open(LOG_INFO);
    log_warn("sent away", KV("peer", "192.0.2.1"), KV("why", "said \"no\"\nloudly"), KV("n", 5u),
             KV("i", -5));
    log_debug("not seen");
    log_info("bare");
}

static void many(void)
{
    for (int i = 0; i < 1000; i++)
        log_warn("again");
}

static void under_journald(void)
{
    assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    log_open(LOG_WARN);
    log_error("broken");
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void quotes_values_and_cuts_levels(void **state)
{
    char *text = caught(one_of_each);

    (void)state;
    assert_non_null(strstr(
        text, "Z warn: sent away peer=192.0.2.1 why=\"said \\\"no\\\"\\x0aloudly\" n=5 i=-5\n"));
    assert_null(strstr(text, "not seen"));
    assert_non_null(strstr(text, "info: bare\n"));
}

static void one_place_writes_a_few_lines_only(void **state)
{
    char *text = caught(many);
    int lines = 0;

    (void)state;
    for (char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, LOG_BURST);
}

static void journald_gets_its_priority(void **state)
{
    (void)state;
    assert_string_equal(caught(under_journald), "<3>broken\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_values_and_cuts_levels),
        cmocka_unit_test(one_place_writes_a_few_lines_only),
        cmocka_unit_test(journald_gets_its_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
