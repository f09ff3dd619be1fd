/* columns: what stands in the columns of an answer, and the words of --columns.
 *
 *   columns   COLUMN[,COLUMN...]
 *   COLUMN    of groups: a key, flows, packets, bytes, bps, pps, bpp, first, last;
 * FUNCTION(SOURCE); share, cumulative (of bytes, unless (packets) or (flows) is said); with --fold
 *             bytes_out, bytes_in, packets_out, packets_in
 *             of records: any field, duration, bps, pps, bpp
 *   FUNCTION  sum avg min max median p0..p100 (p99.9) distinct
 *   SOURCE    any field, bytes, packets, duration, bps, pps, bpp
 *
 * In csv, json and parquet avg(duration) is called avg_duration_ms. */
#ifndef QUERY_COLUMNS_H
#define QUERY_COLUMNS_H

#include "query/aggregate.h"
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

extern const struct column group_columns[GROUP_MEASURES];

enum column_from {
    FROM_KEY,        /* of groups: number of the key */
    FROM_MEASURE,    /* enum group_measure */
    FROM_AGGREGATE,  /* number of the aggregate */
    FROM_SHARE,      /* of all, in enum group_measure: flows, packets or bytes */
    FROM_CUMULATIVE, /* the shares so far */
    FROM_SOURCE      /* of records */
};

enum { COLUMNS_MAX = 48, COLUMN_NAME = 64 };

struct answer_column {
    enum column_from from;
    size_t which;
    double part; /* of a percentile */
    struct source source;
    enum unit unit;
    bool right;
    enum kind kind;
    char name[COLUMN_NAME];
    char title[COLUMN_NAME];
};

struct columns {
    struct answer_column at[COLUMNS_MAX];
    size_t n;   /* of records: 0 if the format decides */
    bool usual; /* not asked for: those that there are unless told */
    struct aggregates aggregates;
};

/* What columns are about. */
struct columns_of {
    bool groups;
    bool folded;
    const struct keys *keys; /* none: all is one group */
};

/* Does a list of columns ask for groups, even without --by? */
bool columns_ask_groups(const char *text);

/* --columns; NULL: those that groups have unless told. 0 or ERR_CONFIG. */
int columns_parse(const char *text, const struct columns_of *of, struct columns *out,
                  struct err *err) MUST_USE;

/* One column by its name, as --sort has it; its aggregate is added to `c`. `word` is the option's
 * name. */
int columns_find(const char *name, size_t len, const char *word, const struct columns_of *of,
                 struct columns *c, struct answer_column *out, struct err *err) MUST_USE;

/* Add what groups are sorted by, unless it is there, or columns were asked for. */
void columns_show(struct columns *c, const struct answer_column *column);

/* How printers know it; points into `c`. */
struct column columns_shown(const struct answer_column *c);

/* Column of a key; one that would have the name of a measure gets "by_" before it. */
struct column columns_key(const struct key *key);

#endif
