/* spill: a file without a name for what passes the memory limit. Several threads may read. */
#ifndef QUERY_SPILL_H
#define QUERY_SPILL_H

#include "base/err.h"

#include <stdint.h>
#include <sys/uio.h>

struct spill {
    int file; /* -1: none yet */
    uint64_t bytes;
};

void spill_init(struct spill *s);
void spill_free(struct spill *s);

/* Write pieces at the end, which is s->bytes on entry. The pieces are used up. 0 or ERR_SYS. */
int spill_write(struct spill *s, struct iovec *pieces, size_t n, struct err *err) MUST_USE;

int spill_read(const struct spill *s, uint64_t at, void *out, size_t n, struct err *err) MUST_USE;

#endif
