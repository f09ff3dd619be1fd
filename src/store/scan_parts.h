/* scan_parts: what the files of the scan share: the list of a store's parts, and who has which. */
#ifndef STORE_SCAN_PARTS_H
#define STORE_SCAN_PARTS_H

#include "store/journal.h"
#include "store/name.h"
#include "store/pq_read.h"
#include "store/scan.h"
#include "store/walk.h"

#include <pthread.h>

struct journal_source {
    struct store_id id;
    struct journal_reader *reader; /* opened when the store was listed: survives the removal */
    struct err why;                /* it is NULL */
    char path[FILE_PATH];
};

/* A file of which row groups are left to take, or are being read. */
struct scan_file {
    struct pq_file *pq;
    size_t number;          /* in the list of files */
    size_t group;           /* the next to take */
    size_t users;           /* readers within it */
    bool broken;            /* one of them failed: nobody goes on */
    bool kept;              /* until the scan is closed */
    struct scan_file *next; /* the one behind it in the list of files */
};

struct scan_group {
    const struct pq_file *file;
    size_t group;
    bool *bloom; /* set when a Bloom filter rules a value out */
};

/* A part that a reader has taken. */
struct scan_part {
    uint64_t number;
    struct journal_source *journal; /* else: */
    struct scan_file *file;
    size_t group;
    bool whole; /* every row is in the span */
    bool first; /* of the row groups that were taken */
};

struct scan {
    struct scan_spec spec;
    char dir[FILE_PATH];
    struct walk walk;
    struct journal_source *journal;
    size_t journals;
    char **file;
    size_t files;
    size_t files_cap;

    pthread_mutex_t lock; /* of all that follows */
    struct scan_stats stats;
    size_t next_journal;
    size_t next_file;
    struct scan_file *open; /* ascending */
    size_t kept;            /* of these */
    bool begun;             /* a row group was taken */
    struct scan_reader *readers;
};

struct scan_reader {
    struct scan *scan;
    struct scan_reader *next;
    uint64_t busy; /* under the scan's lock: no part before this number is its; UINT64_MAX: none */
    bool in_part;
    bool again; /* only what scan_reader_again() says */
    struct scan_part part;
    struct batch batch;
    struct pq_group *group; /* its memory serves all groups */
    struct journal_decode *decode;
    struct counts *scratch;
};

static inline bool scan_bounded(const struct scan *s)
{
    return s->spec.from_ms != INT64_MIN || s->spec.to_ms != INT64_MAX;
}

/* Take the next part that may have rows. 0, ERR_EOF, or ERR_DATA for a file that is broken. */
int scan_take(struct scan_reader *r, struct err *err) MUST_USE;

/* Take a row group of a kept file. */
void scan_take_again(struct scan_reader *r, uint64_t part);

/* Give back the part in hand; it is broken, or at its end. */
void scan_give(struct scan_reader *r, bool broken);

/* The rows of a journal, a full batch at a time. */
struct journal_decode *journal_decode_new(const char *dir, struct journal_source *j,
                                          struct counts *scratch);
int journal_decode_next(struct journal_decode *d, struct batch *out, struct err *err) MUST_USE;
void journal_decode_free(struct journal_decode *d);

#endif
