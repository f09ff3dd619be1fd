/* recover: what an earlier run left behind.
 *
 * Journals of this instance are decoded and made into Parquet files; one whose file is in place is
 * just removed. Temporary files of instances that do not run are removed. A journal that holds no
 * journal is renamed to ID.journal.broken, never removed. Call with the instance locked.
 *
 * What decoding goes on from is the state at the end of the newest journal of each of the last
 * run's workers. These journals stay until the new run has begun its own: recover_done() removes
 * them. Killed in between, the next start finds them again. A new run may have another number of
 * workers; it begins worker 0's journal last, and has nothing in any of its journals before. So one
 * whose run got no further than other workers' empty journals is not a run, and these are removed.
 *
 * The order in a journal's head (journal.h) is the run's number in the upper half, counting up
 * within the run below. */
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
    struct buf *state; /* gets the states, one behind the other; empty: none */
    /* What was done. */
    uint64_t journals; /* with datagrams in them */
    uint64_t datagrams;
    uint64_t rows;
    uint64_t files;
    uint64_t torn;
    uint64_t broken;
    uint32_t run;  /* of the last run; 0: none, or one of before there were runs */
    size_t failed; /* journals that stay, since their file could not be made: which */
    struct recover_failed *failed_list;
    uint64_t leftovers;   /* temporary files removed */
    struct err last_torn; /* where, for the log */
    struct err last_broken;
    struct err last_failed;
    size_t kept; /* to be removed by recover_done() */
    struct store_id *kept_list;
};

int recover_run(struct recover *r, struct err *err) MUST_USE;

/* The order of the first journal of the run after `run`, less one. */
static inline uint64_t recover_next_order(uint32_t run) { return (uint64_t)(run + 1) << 32; }

/* The new run's journals, with the state in their heads, are on the disk. */
int recover_done(struct recover *r, struct err *err) MUST_USE;
void recover_free(struct recover *r);

#endif
