#include "query/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

void spill_init(struct spill *s) { *s = (struct spill){.file = -1}; }

void spill_free(struct spill *s)
{
    if (s->file >= 0)
        (void)close(s->file);
    spill_init(s);
}

static int open_file(struct spill *s, struct err *err)
{
    const char *folder = getenv("TMPDIR");

    if (!folder || !*folder)
        folder = "/var/tmp";
    s->file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->file < 0)
        return err_sys(err, "groups pass the memory limit, and there is no room for them in %s",
                       folder);
    return 0;
}

/* Leave out the first n bytes. */
static void advance(struct iovec **pieces, size_t *left, size_t n)
{
    while (*left > 0 && n >= (*pieces)->iov_len) {
        n -= (*pieces)->iov_len;
        ++*pieces;
        --*left;
    }
    if (*left > 0) {
        (*pieces)->iov_base = (char *)(*pieces)->iov_base + n;
        (*pieces)->iov_len -= n;
    }
}

int spill_write(struct spill *s, struct iovec *pieces, size_t n, struct err *err)
{
    int r = s->file < 0 ? open_file(s, err) : 0;

    advance(&pieces, &n, 0);
    while (!r && n > 0) {
        ssize_t w = pwritev(s->file, pieces, n < IOV_MAX ? (int)n : IOV_MAX, (off_t)s->bytes);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return err_sys(err, "writing groups that pass the memory limit to a file");
        s->bytes += (uint64_t)w;
        advance(&pieces, &n, (size_t)w);
    }
    return r;
}

int spill_read(const struct spill *s, uint64_t at, void *out, size_t n, struct err *err)
{
    char *to = out;

    while (n != 0) {
        ssize_t r = pread(s->file, to, n, (off_t)at);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return err_sys(err, "reading groups back from a file");
        to += r;
        at += (uint64_t)r;
        n -= (size_t)r;
    }
    return 0;
}
