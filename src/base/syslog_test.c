/* A daemon of our own, and what arrives at it. */
#include "base/syslog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/syslog_test_XXXXXX";
static char text[128];

static int daemon_open(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/log", dir);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void daemon_close(int fd)
{
    char path[64];

    (void)snprintf(path, sizeof path, "%s/log", dir);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
}

static const char *arrived(int fd)
{
    static char line[4096];
    ssize_t n = recv(fd, line, sizeof line - 1, 0);

    line[n > 0 ? n : 0] = '\0';
    return line;
}

static struct syslog open_to(const char *facility)
{
    struct syslog s;
    struct err err;

    (void)snprintf(text, sizeof text, "%s@%s/log", facility, dir);
    if (syslog_open_to(&s, text, &err) != 0)
        fail_msg("%s", err.text);
    return s;
}

/* RFC 3164: the priority is facility * 8 + severity; the time is "Nov  5 09:01:02". */
static void a_line_is_as_the_daemon_wants_it(void **state)
{
    int fd = daemon_open();
    struct syslog s = open_to("local3");
    char end[64];
    const char *line;

    (void)state;
    assert_int_equal(syslog_send(&s, 4, "lost x=1", 8, NULL), 0);
    line = arrived(fd);
    assert_int_equal(strncmp(line, "<156>", 5), 0);
    assert_true(line[5 + 3] == ' ' && line[5 + 6] == ' ' && line[5 + 9] == ':');
    (void)snprintf(end, sizeof end, " weir[%d]: lost x=1", (int)getpid());
    assert_string_equal(line + 5 + 15, end);
    daemon_close(fd);
    assert_int_equal(close(s.fd), 0);
}

static void what_is_lost_is_told_when_the_daemon_is_back(void **state)
{
    struct syslog s = open_to("daemon");
    struct err err;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(syslog_send(&s, 6, "x", 1, &err), ERR_SYS);
    assert_non_null(strstr(err.text, dir));
    int fd = daemon_open();
    assert_int_equal(syslog_send(&s, 6, "y", 1, NULL), 0);
    assert_non_null(strstr(arrived(fd), ": y syslog_lost=3"));
    assert_int_equal(syslog_send(&s, 6, "z", 1, NULL), 0);
    assert_null(strstr(arrived(fd), "syslog_lost"));
    daemon_close(fd);
    assert_int_equal(close(s.fd), 0);
}

static void a_daemon_that_does_not_read_is_not_waited_for(void **state)
{
    int fd = daemon_open();
    struct syslog s = open_to("daemon");
    int sent = 0;

    (void)state;
    while (sent < 100000 && syslog_send(&s, 6, "x", 1, NULL) == 0)
        sent++;
    assert_true(sent > 0 && sent < 100000);
    for (int i = 0; i < sent; i++)
        (void)arrived(fd);
    assert_int_equal(syslog_send(&s, 6, "y", 1, NULL), 0);
    assert_non_null(strstr(arrived(fd), "syslog_lost=1"));
    daemon_close(fd);
    assert_int_equal(close(s.fd), 0);
}

static void other_texts_are_refused(void **state)
{
    static const char *const bad[] = {"",          "local8",     "Local1",       "local1@",
                                      "@/dev/log", "local1@log", "local1 daemon"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(syslog_check(bad[i], &err), ERR_CONFIG);
    assert_int_equal(syslog_check("local7", &err), 0);
    assert_int_equal(syslog_check("locl7", &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "did you mean local7?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_as_the_daemon_wants_it),
        cmocka_unit_test(what_is_lost_is_told_when_the_daemon_is_back),
        cmocka_unit_test(a_daemon_that_does_not_read_is_not_waited_for),
        cmocka_unit_test(other_texts_are_refused),
    };

    if (!mkdtemp(dir))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(dir) == 0 ? failed : 1;
}
