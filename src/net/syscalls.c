#include "net/syscalls.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(WEIR_SANITIZED) || !defined(ARCH)

int syscalls_restrict(struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "this build has sanitizers, which make other system calls, or "
                   "is for a processor whose calls are not known here");
}

#else

#include "base/attr.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* clang-format off */
static const int allowed[] = {
    /* for every datagram, nearly; the first are found first */
    SYS_recvmmsg, SYS_epoll_pwait, SYS_write, SYS_getsockopt, SYS_futex, SYS_read,
    SYS_clock_nanosleep,
    /* what is open */
    SYS_readv, SYS_pread64, SYS_preadv, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_lseek,
    SYS_close, SYS_fcntl, SYS_dup, SYS_fstat, SYS_flock, SYS_ftruncate, SYS_fallocate,
    SYS_fadvise64, SYS_fsync, SYS_fdatasync, SYS_sync_file_range, SYS_fchmod, SYS_fstatfs,
    /* files by name */
    SYS_openat, SYS_newfstatat, SYS_statx, SYS_faccessat, SYS_faccessat2, SYS_readlinkat,
    SYS_getdents64, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_mkdirat, SYS_fchmodat,
    SYS_umask, SYS_statfs,
    /* sockets */
    SYS_recvmsg, SYS_recvfrom, SYS_sendto, SYS_sendmsg, SYS_accept, SYS_accept4, SYS_connect,
    SYS_bind, SYS_listen, SYS_shutdown, SYS_setsockopt, SYS_getsockname, SYS_getpeername,
    /* waiting, time, signals */
    SYS_epoll_ctl, SYS_epoll_create1, SYS_eventfd2, SYS_ppoll, SYS_nanosleep,
    SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_restart_syscall,
    SYS_rt_sigreturn, SYS_rt_sigprocmask,
    /* memory, threads */
    SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_set_robust_list, SYS_rseq,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_getcpu,
    SYS_sched_getparam, SYS_sched_getscheduler, SYS_exit, SYS_exit_group, SYS_getpid,
    SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrandom,
    SYS_getrusage, SYS_sysinfo, SYS_uname,
#ifdef __x86_64__ /* others never had these */
    SYS_epoll_wait, SYS_poll, SYS_time, SYS_open, SYS_stat, SYS_lstat, SYS_access,
    SYS_readlink, SYS_rename, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_chmod,
#endif
};

static const int fatal[] = {
    /* other programs and processes */
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_pidfd_open, SYS_pidfd_getfd, SYS_kill, SYS_tkill, SYS_kcmp, SYS_memfd_create,
    SYS_pkey_mprotect, SYS_personality,
    /* other users, other worlds */
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
    SYS_setgroups, SYS_capset, SYS_chroot, SYS_pivot_root, SYS_mount, SYS_umount2, SYS_unshare,
    SYS_setns, SYS_open_by_handle_at, SYS_linkat, SYS_symlinkat, SYS_mknodat,
    /* much of the kernel that we do not use */
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter,
    SYS_io_uring_register, SYS_add_key, SYS_request_key, SYS_keyctl, SYS_init_module,
    SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load, SYS_reboot,
#ifdef __x86_64__
    SYS_fork, SYS_vfork, SYS_link, SYS_symlink, SYS_mknod,
#endif
};
/* clang-format on */

/* --- what is said at the end; only calls that signal handlers may make --- */

static size_t put(char *line, size_t at, const char *text)
{
    while (*text)
        line[at++] = *text++;
    return at;
}

static size_t put_number(char *line, size_t at, unsigned n)
{
    char digits[16];
    size_t i = sizeof digits;

    digits[--i] = '\0';
    do
        digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return put(line, at, digits + i);
}

/* The signal is the default's again (SA_RESETHAND) and not held back (SA_NODEFER). */
static void on_fatal(int signal, siginfo_t *info, void *context)
{
    char line[256];
    char thread[17] = "";
    size_t at = put(line, 0, "weir: error: system call ");

    (void)context;
    (void)prctl(PR_GET_NAME, thread, 0, 0, 0);
    at = put_number(line, at, (unsigned)info->si_syscall);
    at = put(line, at,
             " (ausyscall says its name) is none that a collector makes: it is ended, as "
             "somebody else may be at work in it thread=");
    at = put(line, at, thread);
    at = put(line, at, "\n");
    (void)!write(STDERR_FILENO, line, at);
    (void)raise(signal);
    _exit(128 + signal);
}

static int catch_fatal(struct err *err)
{
    struct sigaction a = {.sa_sigaction = on_fatal,
                          .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_NODEFER)};

    (void)sigemptyset(&a.sa_mask);
    return sigaction(SIGSYS, &a, NULL) == 0 ? 0 : err_sys(err, "catch SIGSYS");
}

/* --- the filter --- */

/* Where the low half of argument `arg`, seen through `mask`, is `value`. Where no row fits, the
 * call does not exist. */
static const struct condition {
    int call;
    unsigned arg;
    uint32_t mask;
    uint32_t value;
    uint32_t action;
} conditions[] = {
    {SYS_mmap, 2, PROT_EXEC, 0, SECCOMP_RET_ALLOW},
    {SYS_mmap, 2, PROT_EXEC, PROT_EXEC, SECCOMP_RET_TRAP},
    {SYS_mprotect, 2, PROT_EXEC, 0, SECCOMP_RET_ALLOW},
    {SYS_mprotect, 2, PROT_EXEC, PROT_EXEC, SECCOMP_RET_TRAP},
    {SYS_clone, 0, CLONE_THREAD, CLONE_THREAD, SECCOMP_RET_ALLOW},
    {SYS_clone, 0, CLONE_THREAD, 0, SECCOMP_RET_TRAP},
    {SYS_socket, 0, UINT32_MAX, AF_UNIX, SECCOMP_RET_ALLOW},
    {SYS_socket, 0, 0, 0, SECCOMP_RET_TRAP},
    {SYS_prctl, 0, UINT32_MAX, PR_SET_NAME, SECCOMP_RET_ALLOW},
    {SYS_prctl, 0, UINT32_MAX, PR_GET_NAME, SECCOMP_RET_ALLOW},
    {SYS_ioctl, 1, UINT32_MAX, TCGETS, SECCOMP_RET_ALLOW}, /* isatty() */
};

struct program {
    struct sock_filter code[512];
    size_t n;
};

static void put_code(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    assert(p->n < COUNT_OF(p->code));
    p->code[p->n++] = (struct sock_filter){.code = code, .k = k, .jt = yes, .jf = no};
}

static void load(struct program *p, size_t offset)
{
    put_code(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct program *p, uint32_t action) { put_code(p, BPF_RET | BPF_K, action, 0, 0); }

/* If what is loaded is k, the next `n` instructions. */
static void if_equal(struct program *p, uint32_t k, uint8_t n)
{
    put_code(p, BPF_JMP | BPF_JEQ | BPF_K, k, 0, n);
}

/* Leaves the number of the call loaded. */
static void put_condition(struct program *p, const struct condition *c)
{
    if_equal(p, (uint32_t)c->call, 5);
    load(p, offsetof(struct seccomp_data, args) + c->arg * sizeof(uint64_t));
    put_code(p, BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
    if_equal(p, c->value, 1);
    give(p, c->action);
    load(p, offsetof(struct seccomp_data, nr));
}

static void put_list(struct program *p, const int *calls, size_t n, uint32_t action)
{
    for (size_t i = 0; i < n; i++) {
        if_equal(p, (uint32_t)calls[i], 1);
        give(p, action);
    }
}

static void make(struct program *p)
{
    /* abort() sends a signal to its own thread. */
    const struct condition ours = {SYS_tgkill, 0, UINT32_MAX, (uint32_t)getpid(),
                                   SECCOMP_RET_ALLOW};

    p->n = 0;
    load(p, offsetof(struct seccomp_data, arch));
    put_code(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    give(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
    put_list(p, allowed, COUNT_OF(allowed), SECCOMP_RET_ALLOW);
    put_condition(p, &ours);
    for (size_t i = 0; i < COUNT_OF(conditions); i++)
        put_condition(p, &conditions[i]);
    put_list(p, fatal, COUNT_OF(fatal), SECCOMP_RET_TRAP);
    give(p, SECCOMP_RET_ERRNO | ENOSYS);
}

/* Speculation is left alone: nobody else's code is run here, and older kernels would make all of
 * the process slower. */
static int install(struct program *p)
{
    const struct sock_fprog f = {.len = (unsigned short)p->n, .filter = p->code};

    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &f) == 0)
        return 0;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f);
}

int syscalls_restrict(struct err *err)
{
    struct program p;
    int r = catch_fatal(err); /* while we may */

    if (r)
        return r;
    make(&p);
    return install(&p) == 0 ? 0 : err_sys(err, "seccomp");
}

#endif
