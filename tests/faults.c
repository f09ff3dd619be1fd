/* faults: a disk that fails and a clock that jumps, for tests; loaded with LD_PRELOAD.
 *
 * $WEIR_FAULTS is a file of int64, mapped by us and by the test, which changes it while the program
 * runs: struct control below. Only files under $WEIR_FAULT_DIR are concerned, but for its run/.
 * $WEIR_FAULT_TRACE gets a line for each operation that succeeded: "nanoseconds operation size
 * path" (rename: "from\tto"); what is removed is kept in $WEIR_FAULT_TRACE.removed/N, N counting
 * up. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum op { CREATE, WRITE, SYNC, RENAME, UNLINK, TRUNCATE, MKDIR, OPS };
static const char *const op_names[OPS] = {"create", "write",    "sync", "rename",
                                          "unlink", "truncate", "mkdir"};
enum mode { FAIL, SHORT, DELAY };
enum which { ALL, JOURNALS, OTHERS };
enum kill_mode { KILL_BEFORE, KILL_AFTER, KILL_HALF };

struct rule {
    _Atomic int64_t count; /* of such operations so far */
    _Atomic int64_t from;  /* the rule holds from this one on, counted from 1; 0: never */
    _Atomic int64_t n;     /* ... for so many */
    _Atomic int64_t mode;
    _Atomic int64_t arg; /* errno, or milliseconds at most: the end of the rule ends it */
    _Atomic int64_t which;
};

static struct control {
    _Atomic int64_t clock_ms; /* added to the wall clock */
    _Atomic int64_t steps;    /* operations of all kinds so far */
    _Atomic int64_t kill_at;  /* the step at which the process is killed; 0: never */
    _Atomic int64_t kill_mode;
    struct rule rule[OPS];
} * control;

static const char *dir;
static int trace_fd = -1;
static char removed_dir[PATH_MAX];
static _Atomic unsigned removed;

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WEIR_FAULTS");
    const char *trace = getenv("WEIR_FAULT_TRACE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (p == MAP_FAILED)
        abort();
    if (trace) {
        trace_fd = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        (void)snprintf(removed_dir, sizeof removed_dir, "%s.removed", trace);
        (void)mkdir(removed_dir, 0777);
    }
    dir = getenv("WEIR_FAULT_DIR");
    control = p;
}

static bool ours(const char *path)
{
    size_t n = dir ? strlen(dir) : 0;
    return control && dir && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0') &&
           strncmp(path + n, "/run", 4) != 0;
}

static bool path_of(int fd, char out[static PATH_MAX])
{
    char link[64];

    if (!control)
        return false;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    if (n < 0)
        return false;
    out[n] = '\0';
    return ours(out);
}

static void trace(enum op op, int64_t size, const char *path, const char *to)
{
    char line[2 * PATH_MAX + 100];
    struct timespec t;
    REAL(write);

    if (trace_fd < 0)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int n = snprintf(line, sizeof line, "%lld %s %lld %s%s%s\n",
                     (long long)t.tv_sec * 1000000000 + t.tv_nsec, op_names[op], (long long)size,
                     path, to ? "\t" : "", to ? to : "");
    if (n < 0 || real(trace_fd, line, (size_t)n) != n)
        abort();
}

/* What is to happen to this operation. */
struct verdict {
    bool fails; /* with errno set */
    bool half;  /* write half of it */
    bool dies;  /* afterwards */
};

static struct verdict judge(enum op op, const char *path)
{
    struct verdict v = {0};
    struct rule *r = &control->rule[op];
    bool journal = strstr(path, "/journal") != NULL;
    int64_t step = ++control->steps;
    int64_t which = r->which;

    if (step == control->kill_at) {
        if (control->kill_mode == KILL_BEFORE || (control->kill_mode == KILL_HALF && op != WRITE))
            (void)raise(SIGKILL);
        v.dies = true;
        v.half = control->kill_mode == KILL_HALF;
    }
    if (which != ALL && (which == JOURNALS) != journal)
        return v;
    int64_t count = ++r->count;
    if (r->from == 0 || count < r->from || count - r->from >= r->n)
        return v;
    if (r->mode == DELAY) {
        struct timespec t = {.tv_nsec = 10000000};
        for (int64_t ms = 0; ms < r->arg && r->from != 0; ms += 10)
            (void)nanosleep(&t, NULL);
    }
    v.fails = r->mode == FAIL;
    v.half |= r->mode == SHORT;
    if (v.fails)
        errno = (int)r->arg;
    return v;
}

static void end(struct verdict v)
{
    if (v.dies)
        (void)raise(SIGKILL);
}

static int open_common(const char *path, int flags, mode_t mode)
{
    REAL(open);
    bool makes = (flags & O_CREAT) && ours(path);
    struct verdict v = makes ? judge(CREATE, path) : (struct verdict){0};

    if (v.fails)
        return -1;
    int fd = real(path, flags, mode);
    if (makes && fd >= 0)
        trace(CREATE, 0, path, NULL);
    end(v);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_common(path, flags, mode);
}

int open64(const char *path, int flags, ...);
int open64(const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_common(path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t n)
{
    REAL(write);
    char path[PATH_MAX];
    struct stat st;

    if (!path_of(fd, path))
        return real(fd, data, n);
    struct verdict v = judge(WRITE, path);
    if (v.fails)
        return -1;
    ssize_t done = real(fd, data, v.half && n > 1 ? n / 2 : n);
    if (done > 0 && fstat(fd, &st) == 0)
        trace(WRITE, st.st_size, path, NULL);
    end(v);
    return done;
}

static int sync_common(int fd, int (*real)(int))
{
    char path[PATH_MAX];
    struct stat st;

    if (!path_of(fd, path))
        return real(fd);
    struct verdict v = judge(SYNC, path);
    if (v.fails)
        return -1;
    if (fstat(fd, &st) != 0) /* before: what is written meanwhile may not be synced */
        return -1;
    int r = real(fd);
    if (r == 0)
        trace(SYNC, S_ISDIR(st.st_mode) ? -1 : st.st_size, path, NULL);
    end(v);
    return r;
}

int fsync(int fd)
{
    REAL(fsync);
    return sync_common(fd, real);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return sync_common(fd, real);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (!ours(from))
        return real(from, to);
    struct verdict v = judge(RENAME, from);
    if (v.fails)
        return -1;
    int r = real(from, to);
    if (r == 0)
        trace(RENAME, 0, from, to);
    end(v);
    return r;
}

int unlink(const char *path)
{
    REAL(unlink);
    int (*move)(const char *, const char *) =
        (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    char keep[PATH_MAX + 32];

    if (!ours(path))
        return real(path);
    struct verdict v = judge(UNLINK, path);
    if (v.fails)
        return -1;
    unsigned number = removed;
    if (trace_fd >= 0) {
        number = removed++;
        (void)snprintf(keep, sizeof keep, "%s/%u", removed_dir, number);
    }
    int r = trace_fd >= 0 ? move(path, keep) : real(path);
    if (r == 0)
        trace(UNLINK, number, path, NULL);
    end(v);
    return r;
}

static int truncate_common(int fd, off_t len)
{
    REAL(ftruncate);
    char path[PATH_MAX];

    if (!path_of(fd, path))
        return real(fd, len);
    struct verdict v = judge(TRUNCATE, path);
    if (v.fails)
        return -1;
    int r = real(fd, len);
    if (r == 0)
        trace(TRUNCATE, len, path, NULL);
    end(v);
    return r;
}

int ftruncate(int fd, off_t len) { return truncate_common(fd, len); }

int ftruncate64(int fd, off_t len);
int ftruncate64(int fd, off_t len) { return truncate_common(fd, len); }

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    if (!ours(path))
        return real(path, mode);
    struct verdict v = judge(MKDIR, path);
    if (v.fails)
        return -1;
    int r = real(path, mode);
    if (r == 0)
        trace(MKDIR, 0, path, NULL);
    end(v);
    return r;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    REAL(clock_gettime);
    int r = real(id, t);

    if (r == 0 && control && id == CLOCK_REALTIME) {
        int64_t ms = control->clock_ms;
        int64_t ns = t->tv_nsec + ms % 1000 * 1000000;
        t->tv_sec += ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
        t->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    }
    return r;
}
