/* spec: what a query asks for, and the words of --by and --sort.
 *
 *   by     KEY[,KEY...]
 *   KEY    FIELD                     any field of the catalogue, or src, dst, sport, dport, time
 *          ADDRESS/BITS[,BITS]       masked: IPv4 to BITS, IPv6 to the second BITS, else to 64
 *          TIME/DURATION             cut to buckets that long, from 1970 on
 *   sort   [-]NAME[:asc|:desc]       a measure, or a key (groups) or any field (records)
 */
#ifndef QUERY_SPEC_H
#define QUERY_SPEC_H

#include "base/err.h"
#include "filter/filter.h"
#include "query/acc.h"
#include "query/keys.h"

/* What is known of a group beside its keys; the order is that of columns. */
enum group_measure {
    GROUP_FLOWS,
    GROUP_PACKETS,
    GROUP_BYTES,
    GROUP_BPS,
    GROUP_PPS,
    GROUP_BPP,
    GROUP_FIRST,
    GROUP_LAST,
    GROUP_MEASURES
};

enum sort_by {
    SORT_NONE,    /* records as they come */
    SORT_MEASURE, /* of groups */
    SORT_KEY,     /* of groups */
    SORT_FIELD,   /* of records; bytes and packets by their measure */
    SORT_RATIO,   /* of records: bps, pps, bpp */
    SORT_DURATION /* of records */
};

struct sort {
    enum sort_by by;
    size_t which; /* enum group_measure, number of the key, enum field_id or enum ratio */
    bool ascending;
};

struct query_spec {
    const char *store;           /* folder */
    int64_t from_ms;             /* time_ms at least that; INT64_MIN: no beginning */
    int64_t to_ms;               /* time_ms below that; INT64_MAX: no end */
    const struct filter *filter; /* with its kind: filter_only_flows() */
    struct keys keys;            /* none: records are listed */
    struct sort sort;
    size_t top;         /* rows of the answer; 0: all */
    bool raw;           /* no sampling rates */
    size_t limit_bytes; /* of memory for groups or sorted records */
    const struct query_extra *extra; /* stages, further aggregates; NULL: none */
    bool all_groups;                 /* the answer needs all groups, not only the first */
};

extern const struct column group_columns[GROUP_MEASURES];

/* A field by its name in the catalogue or a short one; FIELD_NONE. */
enum field_id spec_field(const char *name, size_t len);

/* --by. 0 or ERR_CONFIG; *out has its places. */
int spec_keys(const char *text, struct keys *out, struct err *err) MUST_USE;

/* --sort, for groups by `keys` or, if it has none, for records. 0 or ERR_CONFIG. */
int spec_sort(const char *text, const struct keys *keys, struct sort *out,
              struct err *err) MUST_USE;

/* Column of a key; one that would have the name of a measure gets "by_" before it. */
struct column spec_key_column(const struct key *key);

#endif
