/* recover: what an earlier run left behind.
 *
 * Journals of this instance are decoded and made into Parquet files; one whose file is in place is
 * just removed. Temporary files of instances that do not run are removed. A journal that holds no
 * journal is renamed to ID.journal.broken, never removed. Call with the instance locked. */
#ifndef STORE_RECOVER_H
#define STORE_RECOVER_H

#include "base/buf.h"
#include "flow/decode.h"
#include "store/pq_write.h"

struct recover {
    const char *dir;
    const char *instance;
    const struct pq_write_options *options;
    const struct decode_limits *limits;
    struct buf *state; /* gets the decoder's state at the end of the last journal; empty: none */
    /* What was done. */
    uint64_t journals; /* with datagrams in them */
    uint64_t datagrams;
    uint64_t rows;
    uint64_t files;
    uint64_t torn;
    uint64_t broken;
    uint64_t failed;      /* journals that stay, since their file could not be made */
    uint64_t leftovers;   /* temporary files removed */
    struct err last_torn; /* where, for the log */
    struct err last_broken;
    struct err last_failed;
};

int recover_run(struct recover *r, struct err *err) MUST_USE;

#endif
