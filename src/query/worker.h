/* worker: one thread of a query: takes parts of the scan, filters, and adds to groups of its own or
 * to the list. Workers share struct work, and nothing else that changes without its lock. */
#ifndef QUERY_WORKER_H
#define QUERY_WORKER_H

#include "query/agg.h"
#include "query/cells.h"
#include "query/coder.h"
#include "query/late.h"
#include "query/list.h"
#include "query/marks.h"
#include "query/parts.h"
#include "query/query.h"
#include "query/select.h"
#include "query/tally.h"

#include <pthread.h>
#include <stdatomic.h>

/* Groups that two threads share: each adds those of a row group at a time. That is half the memory
 * of groups of their own, most of which would be the same, and half of what is merged in the end.
 */
struct shared_groups {
    pthread_mutex_t lock;
    struct agg agg;
};

/* Of all threads. */
struct work {
    const struct query_spec *spec;
    struct printer *printer;
    struct query_watch *watch;
    struct scan *scan;
    struct intern ids;
    struct parts *parts; /* where rows go when groups have become many; NULL: none are asked for */
    size_t threads;
    bool late; /* times of groups are read when it is known whose are needed */
    double begun;

    atomic_bool stopped;     /* enough records are found, or a thread has failed */
    atomic_bool interrupted; /* the user does not want to wait */
    pthread_mutex_t lock;    /* of all that follows */
    pthread_cond_t turn;     /* a part is over: another may be the first now */
    struct list *list;       /* of records, in the order of the parts */
    atomic_bool forkable;    /* its printer can be forked now */
    uint64_t broken;
    double told;
};

struct worker {
    struct work *work;
    pthread_t thread;
    bool first; /* the caller's thread, which tells of progress */
    struct scan_reader *reader;
    struct select *select;
    struct meter meter;
    struct agg *agg;              /* of groups; NULL: records are listed */
    struct shared_groups *shared; /* for groups of cells; NULL: agg is */
    struct stage *stage;
    struct chunk_sink sink;
    struct coder *coder; /* NULL: rows are metered and packed one by one */
    struct tally tally;
    struct cells cells; /* none: rows are packed one by one */
    uint64_t cells_part;
    bool late; /* they are of a late part: */
    struct late_part late_part;
    struct late_parts late_parts;
    uint8_t *tops; /* when a part is read again: which of the shown groups a cell is */
    size_t tops_cap;
    struct marks *marks; /* what they have met; NULL: that is not asked for */
    struct tally *met;   /* cells on their way into groups; NULL: not yet */
    uint32_t left[METER_CHUNK];
    uint32_t taken[METER_CHUNK];
    struct parts_in *in;  /* to the parts; NULL: groups are not many yet */
    struct printer *fork; /* records of the part in hand that wait for its turn, as text */
    struct list *own;     /* prints to it */
    uint64_t part;
    uint64_t records;
    struct query_times times;
    uint64_t selected[SELECT_WORDS]; /* a bit for each row in hand */
    uint32_t rows[BATCH_ROWS];       /* the selected ones, */
    bool whole;                      /* which are all */
    int status;
    struct err err;
};

/* For threads of a grouped query, whose agg is like this one. NULL if there is no memory. */
struct shared_groups *shared_new(const struct worker *like);
void shared_free(struct shared_groups *p);

/* NULL if there is no memory. */
struct worker *worker_new(struct work *q);
void worker_free(struct worker *w);

/* Until the scan is over, or somebody has stopped it. Sets w->status and w->err. */
void worker_run(struct worker *w);

/* When the scan is over: read a late part again. 0, or an error that is not of the file. */
int worker_again(struct worker *w, uint64_t part, struct late_top *t, struct err *err) MUST_USE;

double query_now(void);

#endif
