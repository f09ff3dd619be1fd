/* What a collector may do at work, and what ends it: each call in a process of its own. */
#include "net/syscalls.h"

#include "base/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOT_RESTRICTED = 77 };

/* Wait status of a process that does `what` under the filter; its stderr into `said`. */
static int status_of(void (*what)(void), char said[static 512])
{
    int out[2];
    int status;

    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(out[1], STDERR_FILENO);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (syscalls_restrict(NULL) != 0)
            _exit(NOT_RESTRICTED);
        what();
        _exit(0);
    }
    (void)close(out[1]);
    ssize_t n = read(out[0], said, 511);
    said[n > 0 ? n : 0] = '\0';
    (void)close(out[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void run_a_program(void)
{
    char name[] = "true";
    char *const argv[] = {name, NULL};
    (void)execve("/bin/true", argv, argv + 1);
}

static void fork_off(void) { (void)fork(); }
static void trace(void) { (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static void open_udp(void) { (void)socket(AF_INET, SOCK_DGRAM, 0); }
static void open_udp6(void) { (void)socket(AF_INET6, SOCK_DGRAM, 0); }
static void open_raw(void) { (void)socket(AF_PACKET, SOCK_RAW, 0); }
static void kill_another(void) { (void)kill(getppid(), 0); }
static void become_root(void) { (void)syscall(SYS_setuid, 0); }

static void execute_what_was_written(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void map_a_program(void)
{
    int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
}

static void what_intruders_do_ends_it(void **state)
{
    static void (*const calls[])(void) = {
        run_a_program, fork_off,    trace,
        open_udp,      open_udp6,   open_raw,
        kill_another,  become_root, execute_what_was_written,
        map_a_program,
    };
    char said[512];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        int status = status_of(calls[i], said);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RESTRICTED)
            skip(); /* sanitizers, or a kernel without seccomp */
        if (!WIFSIGNALED(status))
            fail_msg("call %zu has not ended it", i);
        assert_int_equal(WTERMSIG(status), SIGSYS);
        assert_non_null(strstr(said, "weir: error: system call "));
        assert_non_null(strstr(said, "thread=syscalls_test\n"));
    }
}

static void *in_a_thread(void *arg)
{
    trace();
    return arg;
}

static void start_a_thread(void)
{
    pthread_t t;

    if (pthread_create(&t, NULL, in_a_thread, NULL) != 0)
        _exit(1);
    (void)pthread_join(t, NULL);
}

static void threads_are_restricted_too(void **state)
{
    char said[512];

    (void)state;
    int status = status_of(start_a_thread, said);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RESTRICTED)
        skip();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* As on a kernel that has not got it: nobody but who asks for it learns of it. */
static void call_something_new(void)
{
    if (syscall(SYS_getpriority, 0, 0) != -1 || errno != ENOSYS)
        _exit(1);
}

static void work(void)
{
    char name[] = "/tmp/weir-syscalls-XXXXXX";
    char *big = malloc(64 * 1024 * 1024);
    int fd = mkstemp(name);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (!big || fd < 0 || s < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 || unlink(name) != 0)
        _exit(1);
    free(big);
    abort(); /* must be possible */
}

static void what_is_new_does_not_exist_and_work_goes_on(void **state)
{
    char said[512];

    (void)state;
    int status = status_of(call_something_new, said);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RESTRICTED)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    status = status_of(work, said);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_intruders_do_ends_it),
        cmocka_unit_test(threads_are_restricted_too),
        cmocka_unit_test(what_is_new_does_not_exist_and_work_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
