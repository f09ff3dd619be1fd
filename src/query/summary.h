/* summary: what was asked of how much, in what time; one line for people, an object in json. */
#ifndef QUERY_SUMMARY_H
#define QUERY_SUMMARY_H

#include "base/json.h"
#include "query/coverage.h"
#include "store/scan.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the time of all threads together went. */
struct query_times {
    double read;       /* from files */
    double decompress; /* pages */
    double decode;     /* pages → values or codes */
    double filter;
    double group; /* or listing */
    double merge; /* of the threads' groups, by the clock */
    double print; /* with sorting, by the clock */
};

struct summary {
    bool grouped;
    bool stopped;     /* the scan ended early: enough records were found */
    bool interrupted; /* the scan ended early: the user did not want to wait */
    bool scaled;      /* a sampling rate was applied */
    uint64_t shown;   /* rows of the answer */
    uint64_t groups;  /* of which the shown ones are the first */
    uint64_t records;
    uint64_t flows; /* of all records that matched */
    uint64_t packets;
    uint64_t bytes;
    bool no_packets; /* nobody asked, and they were not counted */
    bool no_bytes;
    struct scan_stats scan;
    double seconds;
    size_t threads;
    uint64_t spilled_bytes; /* of groups, to a file and back */
    size_t late;            /* row groups whose times were left out, */
    size_t again;           /* and those of them that were read once more */
    struct query_times times;
    const struct coverage *coverage; /* NULL: not asked for */
};

/* "10 of 1,234 groups; 5.20 M flows, 12.3 GB, 9.80 M packets matched; scanned 10.0 M flows in
 * 4 files and 1 journal in 0.31 s (32.3 M flows/s)". What was not counted is not in it. */
void summary_line(const struct summary *s, struct buf *out);

/* What was skipped and why, and where the time went: some lines. */
void summary_explain(const struct summary *s, struct buf *out);

void summary_json(const struct summary *s, struct json *out);

#endif
