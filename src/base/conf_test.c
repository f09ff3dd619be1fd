/* Commands of a made-up kind, as they should be taken and refused. */
#include "base/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENDER = 1 };

/* What was taken, as "[no ]command|argument|argument;" for each. */
static char taken[1024];

static int note(const char *command, const struct conf_line *line)
{
    size_t n = strlen(taken);

    n += (size_t)snprintf(taken + n, sizeof taken - n, "%s%s", line->no ? "no " : "", command);
    for (size_t i = 0; i < line->n; i++)
        n += (size_t)snprintf(taken + n, sizeof taken - n, "|%.*s", (int)line->arg[i].len,
                              line->arg[i].s);
    (void)snprintf(taken + n, sizeof taken - n, ";");
    return 0;
}

static int on_filter(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    if (line->n > 1 && line->arg[1].len == 3 && memcmp(line->arg[1].s, "bad", 3) == 0)
        return conf_fail(line, line->arg[1].column, err, "expected good, found bad");
    return note("filter", line);
}

static int on_record(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    (void)err;
    return note("record", line);
}

static int on_monitor(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    (void)err;
    return note("monitor", line);
}

static int on_sender(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    (void)err;
    return note("sender", line);
}

static int on_rate(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    (void)err;
    assert_int_equal(line->command->id, 7);
    return note("rate", line);
}

static int on_listen(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    (void)err;
    return note(line->n > 1 ? "listen-port" : "listen", line);
}

static int on_shut(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    (void)err;
    return note("shutdown", line);
}

static int on_match(struct conf *c, const struct conf_line *line, struct err *err)
{
    char text[32];

    (void)c;
    (void)err;
    assert_non_null(line->then);
    assert_int_equal(line->command->id, 3);
    (void)snprintf(text, sizeof text, "match%d", line->then->id);
    return note(text, line);
}

static const struct conf_command fields[] = {
    {.words = "source port", .id = 1},
    {.words = "source port low N", .id = 2, .bare = true},
    {.words = "flags", .id = 4},
    {.words = "flags TEXT", .id = 5},
    {.words = NULL},
};

static const struct conf_command commands[] = {
    {.words = "filter NAME TEXT", .take = on_filter},
    {.words = "flow record NAME", .take = on_record},
    {.words = "flow monitor NAME", .take = on_monitor},
    {.words = "shutdown", .take = on_shut},
    {.words = "sender PREFIX", .take = on_sender, .opens = SENDER},
    {.words = "rate N", .take = on_rate, .in = SENDER, .id = 7, .bare = true},
    {.words = "match", .take = on_match, .in = SENDER, .id = 3, .then = fields},
    {.words = "for NAME only", .take = on_match, .in = SENDER, .id = 3, .then = fields},
    {.words = "listen ADDR", .take = on_listen, .in = SENDER},
    {.words = "listen ADDR port PORT", .take = on_listen, .in = SENDER},
};

static int read_text(const char *text, struct err *err)
{
    struct conf c = {.commands = commands, .n = COUNT_OF(commands)};

    *taken = '\0';
    return conf_read(&c, "x.conf", text, strlen(text), err);
}

static void takes_commands(void **state)
{
    static const struct {
        const char *text;
        const char *taken;
    } rows[] = {
        {"", ""},
        {"\n\n  \n", ""},
        {"! nothing\n# nothing\n   ! nothing\n", ""},
        {"filter web dst port 443", "filter|web|dst port 443;"},
        {"filter web   dst port != 443 # x \r\n", "filter|web|dst port != 443 # x;"},
        {"\tfilter a b\nshutdown\n", "filter|a|b;shutdown;"},
        {"flow record r1\nflow monitor m1", "record|r1;monitor|m1;"},
        {"fi a b\nfl r c\nfl mon d\nsh", "filter|a|b;record|c;monitor|d;shutdown;"},
        {"no filter web", "no filter|web;"},
        {"no filter web any", "no filter|web|any;"},
        {"no shutdown", "no shutdown;"},
        {"sender a\n rate 5\nexit\nshutdown", "sender|a;rate|5;shutdown;"},
        {"sender a\n r 5\nflow record x\nsender b\nr 6",
         "sender|a;rate|5;record|x;sender|b;rate|6;"},
        {"sender a\nno rate\nno rate 5\nno sender b\n", "sender|a;no rate;no rate|5;no sender|b;"},
        {"sender a\nlisten b\nli b p 5", "sender|a;listen|b;listen-port|b|5;"},
        {"sender a\nsh", "sender|a;shutdown;"},
        {"sender a\nmatch source port\nm s p low 5\nrate 6", "sender|a;match1;match2|5;rate|6;"},
        {"sender a\nno match source port\nno match s p low\nno m s p l 5",
         "sender|a;no match1;no match2;no match2|5;"},
        {"sender a\nmatch flags\nmatch flags syn  ack \nno match flags",
         "sender|a;match4;match5|syn  ack;no match4;"},
        {"sender a\nfor b only flags\nfo b on sou po lo 7", "sender|a;match4|b;match2|b|7;"},
    };
    struct err err = {""};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (read_text(rows[i].text, &err) != 0)
            fail_msg("%s: %s", rows[i].text, err.text);
        assert_string_equal(taken, rows[i].taken);
    }
}

static void says_where_it_is_wrong(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"filer web any",
         "x.conf:1:1: expected filter or flow or shutdown or sender, found \"filer\"; did you "
         "mean filter?"},
        {"shutdown\n  filter", "x.conf:2:9: expected NAME, found the end of the line"},
        {"filter web", "x.conf:1:11: expected TEXT, found the end of the line"},
        {"f web any", "x.conf:1:1: expected more of the word: \"f\" may be filter or flow"},
        {"flow recrod x", "x.conf:1:6: expected record or monitor, found \"recrod\"; did you mean "
                          "record?"},
        {"flow", "x.conf:1:5: expected record or monitor, found the end of the line"},
        {"shutdown now", "x.conf:1:10: expected the end of the line, found \"now\""},
        {"filter x bad", "x.conf:1:10: expected good, found bad"},
        {"rate 5", "x.conf:1:1: expected filter or flow or shutdown or sender, found \"rate\""},
        {"sender a\nrate 5\nexit\nrate 5",
         "x.conf:4:1: expected filter or flow or shutdown or sender, found \"rate\""},
        {"sender a\nlisten b prot 5",
         "x.conf:2:10: expected port, found \"prot\"; did you mean port?"},
        {"sender a\nlisten b port", "x.conf:2:14: expected PORT, found the end of the line"},
        {"sender a\nmatch", "x.conf:2:6: expected source or flags, found the end of the line"},
        {"sender a\nmatch dource port",
         "x.conf:2:7: expected source or flags, found \"dource\"; did you mean source?"},
        {"sender a\nmatch source port lw",
         "x.conf:2:19: expected low, found \"lw\"; did you mean low?"},
        {"sender a\nmatch source port low", "x.conf:2:22: expected N, found the end of the line"},
        {"sender a\nmatch source port low 5 6",
         "x.conf:2:25: expected the end of the line, found \"6\""},
        {"sender a\nexit now", "x.conf:2:6: expected the end of the line, found \"now\""},
        {"exit", "x.conf:1:1: expected filter or flow or shutdown or sender, found \"exit\""},
        {"no",
         "x.conf:1:3: expected filter or flow or shutdown or sender, found the end of the line"},
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(read_text(rows[i].text, &err), ERR_CONFIG);
        assert_string_equal(err.text, rows[i].error);
    }
}

static int mistakes;

static void on_wrong(struct conf *c, const struct err *err)
{
    (void)c;
    assert_non_null(strstr(err->text, mistakes++ == 0 ? "x.conf:1:" : "x.conf:3:"));
}

static void tells_every_mistake_where_it_is_asked_to(void **state)
{
    static const char text[] = "shut down\nshutdown\nfilter\nflow record x\n";
    struct conf c = {.commands = commands, .n = COUNT_OF(commands), .wrong = on_wrong};
    struct err err;

    (void)state;
    *taken = '\0';
    mistakes = 0;
    assert_int_equal(conf_read(&c, "x.conf", text, strlen(text), &err), ERR_CONFIG);
    assert_int_equal(mistakes, 2);
    assert_string_equal(taken, "shutdown;record|x;");
}

static void reads_files(void **state)
{
    char path[] = "/tmp/conf_test_XXXXXX";
    struct conf c = {.commands = commands, .n = COUNT_OF(commands)};
    struct err err;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "shutdown\n", 9), 9);
    *taken = '\0';
    assert_int_equal(conf_read_file(&c, path, &err), 0);
    assert_string_equal(taken, "shutdown;");
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(conf_read_file(&c, path, &err), ERR_SYS);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(conf_read_file(&c, "/tmp", &err), ERR_SYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_commands),
        cmocka_unit_test(says_where_it_is_wrong),
        cmocka_unit_test(tells_every_mistake_where_it_is_asked_to),
        cmocka_unit_test(reads_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
