/* resume: what an earlier run left → the store, and a run that goes on from there.
 *
 *   resume_begin()    its journals become files; the state of the newest is there
 *   worker_open()     each worker, with its share of the state: the caller's
 *   resume_end()      the earlier journals go, but for those that are tried again
 *   resume_free()     in any case */
#ifndef COLLECT_RESUME_H
#define COLLECT_RESUME_H

#include "collect/collect.h"
#include "collect/worker.h"
#include "store/recover.h"

enum { RESUME_STATE_MAX = 256 * 1024 * 1024 };

struct resume {
    struct worker_options worker; /* for worker_open(), but the number */
    struct buf state;             /* of all workers, one behind the other; empty: none */
    struct recover recover;
};

/* The instance of the store must be ours (store_lock()). Logs. `o` must outlive it. */
int resume_begin(struct resume *r, const struct collect_options *o, struct err *err) MUST_USE;

/* `first` takes on what could not be made into files, and counts. */
int resume_end(struct resume *r, struct worker *first, struct err *err) MUST_USE;
void resume_free(struct resume *r);

#endif
