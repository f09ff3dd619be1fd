/* late: first and last of groups, of which only those that are shown need them.
 *
 * Where the first few groups of an order that is not about times are asked for, times are not read
 * with the other columns. Of each group it is kept within which times its rows can be, by the
 * statistics of the row groups that it has rows in. When the groups to show are known, the times of
 * most of them are, too: the first and the last row group of the store are read whole, and a large
 * group has rows in both. For others, row groups that may know better are read once more.
 *
 * A row group whose times are left out is a late part. Its file is kept open, so that it can be
 * read again whatever becomes of it meanwhile. */
#ifndef QUERY_LATE_H
#define QUERY_LATE_H

#include "query/agg.h"
#include "query/spec.h"
#include "store/scan.h"

struct late_part {
    uint64_t part; /* of the scan */
    int64_t first; /* no row of it is before, */
    int64_t last;  /* or after this */
};

/* Those of one thread; zeroed: none. */
struct late_parts {
    struct late_part *at;
    size_t n;
    size_t cap;
};

/* Can a query's times be late? `totals` as spec_needs() has it. */
bool late_can(const struct query_spec *spec, bool totals);

/* What groups keep beside their sums then. */
extern const struct query_extra late_extra;

/* Can the times of the row group in hand be left out? It is the last of `p` then. */
bool late_begin(struct late_parts *p, struct scan_reader *r);

/* The group with this state has rows in a late part. */
void late_add(uint64_t *state, const struct late_part *p);

enum { LATE_TOP = 50 /* groups, at most */ };

/* Groups that are shown. */
struct late_top {
    size_t n;
    size_t words; /* of a key */
    const uint64_t *key[LATE_TOP];
    struct late_known {
        int64_t first, last; /* as known by now */
        uint32_t from, to;   /* seconds in which rows of late parts can be */
    } at[LATE_TOP];
    uint8_t slots[256]; /* number + 1 by hash; 0: free */
};

/* The number of a key's group + 1; 0: it is none of them. */
size_t late_find(const struct late_top *t, const uint64_t *key);

/* How a late part is read again: all its rows' times go to t->at[]. */
struct late_reader {
    size_t n; /* parts that were read */
    int (*read)(struct late_reader *r, uint64_t part, struct late_top *t, struct err *err);
};

/* The groups of `a` that will be shown get their times. `whole`: all groups still have their
 * states. 0, ERR_LIMIT, or an error of the reader. */
int late_finish(struct agg *a, const struct query_spec *spec, const struct late_parts *p,
                bool whole, struct late_reader *r, struct err *err) MUST_USE;

#endif
