#include "base/file.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int file_path(char out[static FILE_PATH], struct err *err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(out, FILE_PATH, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= FILE_PATH)
        return err_set(err, ERR_LIMIT, "path longer than %d bytes", FILE_PATH - 1);
    return 0;
}

/* The folder that a path lies in. */
static void dir_of(const char *path, char out[static FILE_PATH])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;

    if (!slash)
        (void)snprintf(out, FILE_PATH, ".");
    else if (n == 0)
        (void)snprintf(out, FILE_PATH, "/");
    else
        (void)snprintf(out, FILE_PATH, "%.*s", n < FILE_PATH ? (int)n : FILE_PATH - 1, path);
}

static int make_one(const char *path, struct err *err)
{
    char above[FILE_PATH];

    if (mkdir(path, 0777) == 0) {
        dir_of(path, above);
        return file_sync_dir(above, err);
    }
    if (errno != EEXIST)
        return err_sys(err, "make folder %s", path);
    struct stat st;
    if (stat(path, &st) != 0)
        return err_sys(err, "%s", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_SYS, "%s: expected a folder, found a file", path);
    return 0;
}

int file_mkdirs(const char *path, struct err *err)
{
    char part[FILE_PATH];
    int r = file_path(part, err, "%s", path);

    for (char *p = part + 1; r == 0 && part[0] != '\0' && (p = strchr(p, '/')); p++) {
        *p = '\0';
        r = make_one(part, err);
        *p = '/';
    }
    return r ? r : make_one(part, err);
}

int file_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, "open %s", path);
    int r = fdatasync(fd) == 0 ? 0 : err_sys(err, "sync %s", path);
    (void)close(fd);
    return r;
}

int file_sync_dir(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, "open folder %s", path);
    int r = 0;
    if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: this file system has no such thing */
        r = err_sys(err, "sync folder %s", path);
    (void)close(fd);
    return r;
}

int file_rename(const char *from, const char *to, struct err *err)
{
    char dir[FILE_PATH];

    if (rename(from, to) != 0)
        return err_sys(err, "rename %s to %s", from, to);
    dir_of(to, dir);
    return file_sync_dir(dir, err);
}

int file_remove(const char *path, struct err *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return err_sys(err, "remove %s", path);
    return 0;
}

static int read_all(int fd, const char *path, struct buf *out, struct err *err)
{
    enum { CHUNK = 1 << 20 };

    for (;;) {
        uint8_t beyond = 0;
        size_t room = out->limit - out->len;
        size_t ask = room < CHUNK ? room : CHUNK;
        uint8_t *to = ask ? buf_room(out, ask) : &beyond;
        if (!to)
            return err_set(err, ERR_LIMIT, "%s: no memory for it", path);
        ssize_t n = read(fd, to, ask ? ask : 1);
        if (ask)
            out->len -= ask - (n > 0 ? (size_t)n : 0);
        if (n < 0 && errno != EINTR)
            return err_sys(err, "%s", path);
        if (n == 0)
            return 0;
        if (n > 0 && !ask)
            return err_set(err, ERR_LIMIT, "%s: expected at most %zu bytes", path, out->limit);
    }
}

int file_read(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, "%s", path);
    int r = read_all(fd, path, out, err);
    (void)close(fd);
    return r;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list_read(struct file_list *out, const char *dir, struct err *err)
{
    struct file_list l = {0};
    DIR *d = opendir(dir);
    struct dirent *e;

    if (!d && errno != ENOENT)
        return err_sys(err, "list %s", dir);
    errno = 0;
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (l.n % 64 == 0)
            l.name = mem_resize(l.name, l.n + 64, sizeof *l.name);
        size_t len = strlen(e->d_name) + 1;
        l.name[l.n] = mem_new(len, 1);
        memcpy(l.name[l.n++], e->d_name, len);
        errno = 0;
    }
    int r = errno ? err_sys(err, "list %s", dir) : 0;
    if (!d)
        r = 0;
    else
        (void)closedir(d);
    if (r) {
        file_list_free(&l);
        return r;
    }
    if (l.n)
        qsort(l.name, l.n, sizeof *l.name, by_bytes);
    *out = l;
    return 0;
}

void file_list_free(struct file_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
    *l = (struct file_list){0};
}

int file_lock(const char *path, int *fd, struct err *err)
{
    int f = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    if (f < 0)
        return err_sys(err, "open %s", path);
    if (flock(f, LOCK_EX | LOCK_NB) != 0) {
        int r = errno == EWOULDBLOCK
                    ? err_set(err, ERR_LIMIT, "%s is locked by another process", path)
                    : err_sys(err, "lock %s", path);
        (void)close(f);
        return r;
    }
    *fd = f;
    return 0;
}
