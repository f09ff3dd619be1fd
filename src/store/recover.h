/* recover: what an earlier run left behind.
 *
 * Journals of this instance are decoded and made into Parquet files; one whose file is in place is
 * just removed. Temporary files of instances that do not run are removed. A journal that holds no
 * journal is renamed to ID.journal.broken, never removed. Call with the instance locked.
 *
 * The newest journal stays until the new run has begun one of its own, since its state would be
 * nowhere else: recover_done() removes it. Killed in between, the next start finds it again. */
#ifndef STORE_RECOVER_H
#define STORE_RECOVER_H

#include "base/buf.h"
#include "flow/decode.h"
#include "store/name.h"
#include "store/pq_write.h"

/* A journal that could not be made into a file, on a full disk, say. */
struct recover_failed {
    struct store_id id;
    int64_t hour_ms;
};

struct recover {
    const char *dir;
    const char *instance;
    const struct pq_write_options *options;
    const struct decode_limits *limits;
    struct buf *state; /* gets the decoder's state at the end of the newest journal; empty: none */
    /* What was done. */
    uint64_t journals; /* with datagrams in them */
    uint64_t datagrams;
    uint64_t rows;
    uint64_t files;
    uint64_t torn;
    uint64_t broken;
    uint64_t order; /* of the newest journal */
    size_t failed;  /* journals that stay, since their file could not be made: which */
    struct recover_failed *failed_list;
    uint64_t leftovers;   /* temporary files removed */
    struct err last_torn; /* where, for the log */
    struct err last_broken;
    struct err last_failed;
    char newest[FILE_PATH]; /* to be removed by recover_done() */
};

int recover_run(struct recover *r, struct err *err) MUST_USE;

/* The new run's journal, with the state in its head, is on the disk. */
int recover_done(struct recover *r, struct err *err) MUST_USE;
void recover_free(struct recover *r);

#endif
