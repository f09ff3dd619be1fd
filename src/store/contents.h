/* contents: what is in a store: its journals, its Parquet files, and what else lies there.
 *
 * Journals are opened before files are listed, so one that is sealed meanwhile is seen exactly
 * once, as in scan.h. Memory: some 200 bytes for each file. */
#ifndef STORE_CONTENTS_H
#define STORE_CONTENTS_H

#include "flow/books.h"
#include "store/journal.h"
#include "store/name.h"

struct contents_file {
    char *path;
    int64_t hour_ms;
    bool has_id; /* its name is one of ours */
    struct store_id id;
};

struct contents_journal {
    char *path;
    struct store_id id;
    struct journal_reader *reader; /* NULL: it cannot be opened, `why` */
    struct err why;
    const char *sealed; /* path of its file, which counts instead, or NULL */
    bool running;       /* its collector runs */
};

enum contents_kind {
    CONTENTS_RUNNING_TMP, /* a file that is being written */
    CONTENTS_LEFT_TMP,    /* ... that nobody writes any more */
    CONTENTS_SET_ASIDE,   /* a journal that could not be read when its collector started */
    CONTENTS_UNKNOWN
};

struct contents_other {
    char *path;
    enum contents_kind kind;
};

struct contents {
    struct contents_file *file; /* by day, hour and name */
    size_t files;
    struct contents_journal *journal; /* by name */
    size_t journals;
    struct contents_other *other;
    size_t others;
    const char *dir; /* borrowed */
};

/* ERR_CONFIG: no store there. */
int contents_open(struct contents *c, const char *dir, struct err *err) MUST_USE;
void contents_close(struct contents *c);

struct contents_sum {
    uint64_t bytes;
    uint64_t datagrams;
    uint64_t flows;
    int64_t first_ms; /* received; if there are datagrams */
    int64_t last_ms;
    struct journal_torn torn;
};

/* Decode a journal whole. What was counted until an error is in *out too; its books are added to
 * `books`, which may be NULL. */
int contents_read_journal(struct contents_journal *j, struct contents_sum *out, struct books *books,
                          struct err *err) MUST_USE;

#endif
