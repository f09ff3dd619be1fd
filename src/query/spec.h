/* spec: what a query asks for, and the words of --by and --sort.
 *
 *   by     KEY[,KEY...]
 *   KEY    FIELD                     any field of the catalogue, or src, dst, sport, dport, time
 *          ADDRESS/BITS[,BITS]       masked: IPv4 to BITS, IPv6 to the second BITS, else to 64
 *          TIME/DURATION             cut to buckets that long, from 1970 on
 *   sort   [-]COLUMN[:asc|:desc]     as --columns knows them
 */
#ifndef QUERY_SPEC_H
#define QUERY_SPEC_H

#include "base/err.h"
#include "filter/filter.h"
#include "query/acc.h"
#include "query/columns.h"
#include "query/print.h"

enum sort_by {
    SORT_NONE,      /* records as they come */
    SORT_MEASURE,   /* of groups */
    SORT_KEY,       /* of groups */
    SORT_AGGREGATE, /* of groups */
    SORT_FIELD,     /* of records; bytes and packets by their measure */
    SORT_RATIO,     /* of records: bps, pps, bpp */
    SORT_DURATION   /* of records */
};

struct sort {
    enum sort_by by;
    size_t
        which; /* enum group_measure, number of the key or aggregate, enum field_id or enum ratio */
    bool ascending;
    double part; /* of an aggregate that is a percentile */
};

struct query_spec {
    const char *store;           /* folder */
    int64_t from_ms;             /* time_ms at least that; INT64_MIN: no beginning */
    int64_t to_ms;               /* time_ms below that; INT64_MAX: no end */
    const struct filter *filter; /* with its kind: filter_only_flows() */
    bool grouped;                /* groups are asked for, not records */
    struct keys keys;            /* none: all is one group */
    struct columns columns;
    struct sort sort;
    size_t top;         /* rows of the answer, or series, or rows and columns of a matrix; 0: all */
    bool raw;           /* no sampling rates */
    size_t limit_bytes; /* of memory for groups or sorted records */
    size_t threads;     /* 0: as many as there are cores */

    enum shape shape;
    int64_t
        until_ms; /* a series goes on to there, were there nothing; INT64_MIN: to what there is */
    bool spread;  /* packets and bytes over the buckets that a flow lived in */
    bool fold;    /* both directions of a conversation are one */
    bool dedup;   /* what several exporters saw counts once, */
    const struct dedup *dropped; /* because these records do not; NULL before that is known */
    bool others;                 /* what is not among the first is shown as one more */

    const struct coverage *coverage; /* shown with the answer; NULL: not asked for */

    const struct query_extra *extra; /* stages, further aggregates; NULL: none */
    bool all_groups;                 /* the answer needs all groups, not only the first */
};

/* A field by its name in the catalogue or a short one; FIELD_NONE. */
enum field_id spec_field(const char *name, size_t len);

/* --by. 0 or ERR_CONFIG; *out has its places. */
int spec_keys(const char *text, struct keys *out, struct err *err) MUST_USE;

/* --every: the first key. 0 or ERR_CONFIG. */
int spec_every(const char *text, const char *by, struct keys *out, struct err *err) MUST_USE;

/* --columns (NULL: the usual ones) and --sort (NULL: by bytes, or as they come) of a spec whose
 * keys and flags are set. 0 or ERR_CONFIG. */
int spec_columns(const char *text, struct query_spec *spec, struct err *err) MUST_USE;
int spec_sort(const char *text, struct query_spec *spec, struct err *err) MUST_USE;

/* Add columns, if they are not there, behind those that are printed: somebody else needs them. Not
 * where the format decides what columns there are. Returns how many were added. */
size_t spec_columns_hidden(struct query_spec *spec, const char *const *names, size_t n);

/* What it needs to know of records' sums; `totals`: those of all are shown, too. */
struct meter_needs spec_needs(const struct query_spec *spec, bool totals);

/* The buckets of the first key that is a time; 0: there is none. */
int64_t spec_bucket(const struct query_spec *spec);

#endif
