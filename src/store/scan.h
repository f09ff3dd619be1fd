/* scan: all flows of a store in a span of time, sealed files and live journals alike, as batches.
 *
 *   DIR/date=YYYY-MM-DD/hour=HH/ID.parquet        sealed; partition by received time, UTC
 *   DIR/date=YYYY-MM-DD/hour=HH/.ID.parquet.tmp   being written: not read
 *   DIR/journal/ID.journal                        live, or left by a crash
 *   ID = INSTANCE-WORKER-YYYYMMDDTHHMMSSmmm        made from the time of opening
 *
 * A reader that sees both ID.journal and ID.parquet counts the Parquet file. Journals are listed
 * and opened before files are, so a journal sealed meanwhile is seen exactly once. */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "base/err.h"
#include "flow/batch.h"

struct scan;

/* A row group before it is read, of which its statistics and Bloom filters tell something: can a
 * row of it have the field, with a value in [min, max] where it is an integer or a time; can one
 * have the address there? true in doubt. */
struct scan_group;
bool scan_may_range(const struct scan_group *g, enum field_id f, int64_t min, int64_t max);
bool scan_may_hold(const struct scan_group *g, enum field_id f, const struct addr *value);

struct scan_spec {
    int64_t from_ms;       /* time_ms >= from_ms */
    int64_t to_ms;         /* time_ms < to_ms; INT64_MAX: no end */
    struct field_set want; /* time_ms is added by itself when the span is bounded */
    /* Can a row of the group be asked for? Those of which it says no are not read. NULL: all can.
     */
    bool (*may)(const void *arg, const struct scan_group *g);
    const void *may_arg;
};

struct scan_stats {
    uint64_t files, files_skipped;
    uint64_t groups, groups_skipped;
    uint64_t journals;
    uint64_t rows;   /* rows given out or looked at */
    uint64_t broken; /* files and journals that could not be read, wholly or in part */
};

/* Lists the store. A store that does not exist is ERR_CONFIG. */
int scan_open(struct scan **out, const char *dir, const struct scan_spec *spec,
              struct err *err) MUST_USE;

/* Reset `out`, fill it with the next rows. Rows are cut to the span exactly. 0 or ERR_EOF; a file
 * that is broken is ERR_DATA with its path, and the scan may be continued behind it. */
int scan_next(struct scan *s, struct batch *out, struct err *err) MUST_USE;
const struct scan_stats *scan_stats(const struct scan *s);

/* How much of what is to be read has been, 0 to 1; for people who wait. */
double scan_progress(const struct scan *s);
void scan_close(struct scan *s);

#endif
