/* query: scan → filter → groups or list → print. Knows the store by store/scan.h alone. */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "query/print.h"
#include "query/spec.h"
#include "query/summary.h"

#include <stdatomic.h>

/* What happens on the way; who asks decides whom to tell. One call at a time, by any thread. */
struct query_watch {
    /* A file or journal that cannot be read, wholly or in part. The others answer. */
    void (*broken)(struct query_watch *w, const char *what);
    /* Ten times a second: `part` (0 to 1) of what is to be scanned is. */
    void (*progress)(struct query_watch *w, double part, uint64_t rows, double seconds);
    /* The scan is over; groups and sorted records are printed after this. */
    void (*scanned)(struct query_watch *w);
    /* NULL, or set to true by a signal's handler: the answer is then of what is known by now. */
    const atomic_bool *stop;
};

/* Answers through `p`. *out is set when 0 is returned; look at out->scan.broken then. Else an
 * error: ERR_CONFIG (no such store), ERR_LIMIT (memory), ERR_SYS. */
int query_run(const struct query_spec *spec, struct printer *p, struct query_watch *w,
              struct summary *out, struct err *err) MUST_USE;

#endif
