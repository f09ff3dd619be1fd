/* Whole lines, whatever happens to who takes them. */
#include "sink/target.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/weir-target-XXXXXX";

static char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static size_t read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, size);
    (void)close(fd);
    assert_true(n >= 0);
    return (size_t)n;
}

static void refuses_what_is_no_target(void **state)
{
    char longer[200] = "unix:/";
    struct err err;

    (void)state;
    memset(longer + 6, 'x', sizeof longer - 7);
    assert_int_equal(target_check("", &err), -4);
    assert_int_equal(target_check("unix:", &err), -4);
    assert_int_equal(target_check(longer, &err), -4);
    assert_int_equal(target_check("unix:/run/x", &err), 0);
    assert_int_equal(target_check("-", &err), 0);
}

static void a_file_that_may_not_grow_keeps_whole_lines(void **state)
{
    const struct rlimit small = {10, RLIM_INFINITY};
    struct rlimit before;
    struct target t;
    size_t at = 0;
    char have[64];

    (void)state;
    char *path = path_of("full");
    assert_int_equal(target_open(&t, path, NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(target_write(&t, "1234\n12345678\n9\n", 16, &at), TARGET_LOST);
    assert_int_equal(at, 5);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    at = 0;
    assert_int_equal(target_write(&t, "next\n", 5, &at), TARGET_TOOK);
    assert_int_equal(at, 5);
    target_close(&t);
    assert_int_equal(read_file(path, have, sizeof have), 10);
    assert_memory_equal(have, "1234\nnext\n", 10);
}

static void a_file_of_another_name_is_left(void **state)
{
    char moved[256];
    char have[16];
    struct target t;
    size_t at = 0;

    (void)state;
    (void)snprintf(moved, sizeof moved, "%s/moved", dir);
    char *path = path_of("log");
    assert_int_equal(target_open(&t, path, NULL), 0);
    assert_int_equal(target_write(&t, "a\n", 2, &at), TARGET_TOOK);
    assert_int_equal(rename(path, moved), 0);
    target_reopen(&t);
    at = 0;
    assert_int_equal(target_write(&t, "b\n", 2, &at), TARGET_TOOK);
    target_close(&t);
    assert_int_equal(read_file(moved, have, sizeof have), 2);
    assert_memory_equal(have, "a\n", 2);
    assert_int_equal(read_file(path, have, sizeof have), 2);
    assert_memory_equal(have, "b\n", 2);
}

static void a_pipe_is_no_file(void **state)
{
    struct target t;
    struct err err;

    (void)state;
    char *path = path_of("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(target_open(&t, path, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "standard output (-)"));
}

static int listen_at(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && strlen(path) < sizeof un.sun_path);
    memcpy(un.sun_path, path, strlen(path) + 1);
    (void)unlink(path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

/* A line in which a reader went away is written to the next from its beginning. */
static void a_line_is_not_cut_between_readers(void **state)
{
    enum { LINE = 1 << 20 };
    char *text = malloc(2 * LINE);
    char to[280];
    struct target t;
    size_t at = 0;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 2 * LINE);
    text[LINE - 1] = text[2 * LINE - 1] = '\n';
    char *path = path_of("socket");
    (void)snprintf(to, sizeof to, "unix:%s", path);
    assert_int_equal(target_open(&t, to, NULL), 0); /* nobody listens */
    assert_int_equal(target_write(&t, text, 2 * LINE, &at), TARGET_AWAY);
    int fd = listen_at(path);
    t.tried_mono_ms -= TARGET_RETRY_MS;
    enum target_did did;
    while ((did = target_write(&t, text, 2 * LINE, &at)) == TARGET_TOOK)
        ;
    assert_int_equal(did, TARGET_BUSY);
    assert_in_range(at, 1, LINE - 2);
    int reader = accept(fd, NULL, NULL);
    assert_true(reader >= 0);
    (void)close(reader);
    assert_int_equal(target_write(&t, text, 2 * LINE, &at), TARGET_AWAY);
    assert_int_equal(at, 0);
    t.tried_mono_ms -= TARGET_RETRY_MS;
    assert_int_equal(target_write(&t, text, 2 * LINE, &at), TARGET_TOOK);
    target_close(&t);
    (void)close(fd);
    free(text);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    static const char *const names[] = {"full", "log", "moved", "pipe", "socket"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlink(path_of(names[i]));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_target),
        cmocka_unit_test(a_file_that_may_not_grow_keeps_whole_lines),
        cmocka_unit_test(a_file_of_another_name_is_left),
        cmocka_unit_test(a_pipe_is_no_file),
        cmocka_unit_test(a_line_is_not_cut_between_readers),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
