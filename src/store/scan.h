/* scan: all flows of a store in a span of time, sealed files and live journals alike.
 *
 * The store is listed once; then as many readers as there are threads take parts of it, a journal
 * or a row group each, from the shared list. A reader gives some thousands of rows at a time, their
 * columns on demand: as values in a batch, or, of files, as dictionary codes.
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
#include "store/pq_pages.h"

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
    uint64_t by_time, by_statistics, by_bloom; /* why groups were skipped */
    uint64_t journals;
    uint64_t rows;   /* rows given out or looked at */
    uint64_t broken; /* files and journals that could not be read, wholly or in part */
    double open_s;   /* time spent in opening files, by all readers together */
};

/* Lists the store. A store that does not exist is ERR_CONFIG. */
int scan_open(struct scan **out, const char *dir, const struct scan_spec *spec,
              struct err *err) MUST_USE;
void scan_close(struct scan *s); /* after its readers */

/* What readers have done so far: of each part when it is over. */
struct scan_stats scan_stats(struct scan *s);

/* How many parts there are at least: no use having more readers. */
size_t scan_parts(struct scan *s);

/* How much of what is to be read has been, 0 to 1; for people who wait. */
double scan_progress(struct scan *s);

/* Belongs to one thread. */
struct scan_reader;

struct scan_reader *scan_reader_new(struct scan *s); /* NULL if there is no memory */
void scan_reader_free(struct scan_reader *r);        /* NULL is fine */

/* Go to the next rows, whose number is b->rows of scan_reader_batch(). 0 or ERR_EOF; a file that is
 * broken is ERR_DATA with its path, and reading may be continued behind it. */
int scan_reader_next(struct scan_reader *r, struct err *err) MUST_USE;

/* These rows: wanted columns as far as they were needed. Its owner is the reader. */
struct batch *scan_reader_batch(struct scan_reader *r);

/* Have a wanted column in the batch. On ERR_DATA these rows cannot be used. */
int scan_reader_need(struct scan_reader *r, enum field_id f, struct err *err) MUST_USE;

/* The same, where only some rows of it will be looked at: the others may be absent. */
int scan_reader_need_rows(struct scan_reader *r, enum field_id f, const uint32_t *rows, size_t n,
                          struct err *err) MUST_USE;

/* Have it as codes: *out is NULL if it does not lie so. */
int scan_reader_codes(struct scan_reader *r, enum field_id f, const struct pq_codes **out,
                      struct err *err) MUST_USE;

/* Smallest and largest value of an integer or time column in the row group in hand, by its
 * statistics. false: it has none, the file does not say, or it is a journal. */
bool scan_reader_range(const struct scan_reader *r, enum field_id f, int64_t *min, int64_t *max);

/* Is it a row group behind the first that was given and before the last of the store? */
bool scan_reader_is_inner(const struct scan_reader *r);

/* Keep the file of the row group in hand, so that it can be read once more though it may be removed
 * meanwhile; false: it is a journal, or too many files are kept. */
bool scan_reader_keep(struct scan_reader *r);

/* When the scan is over: go to a part that was kept. Its rows come again, but are not counted
 * again, and ERR_EOF at its end; at once, if its file was broken. */
int scan_reader_again(struct scan_reader *r, uint64_t part, struct err *err) MUST_USE;

/* What its reading of files took so far. */
struct pq_times scan_reader_times(const struct scan_reader *r);

/* Clear the bits of rows outside the span. */
int scan_reader_cut(struct scan_reader *r, uint64_t *selected, struct err *err) MUST_USE;

/* Are they of a file, not of a journal? */
bool scan_reader_is_file(const struct scan_reader *r);

/* Are the rows in hand the last of their part? false where that is not known. */
bool scan_reader_is_last(const struct scan_reader *r);

/* Parts have numbers that go up in the order of the store. Is there none before that of the rows in
 * hand that is not over yet? */
uint64_t scan_reader_part(const struct scan_reader *r);
bool scan_reader_is_first(struct scan_reader *r);

#endif
