/* info: how much is in a store, by day of receipt. Reads footers, and journals whole. */
#ifndef STORE_INFO_H
#define STORE_INFO_H

#include "base/err.h"
#include "flow/books.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct info_sum {
    uint64_t files;
    uint64_t flows;
    uint64_t bytes;
    bool timed; /* there is a first and a last */
    int64_t first_ms;
    int64_t last_ms;
};

struct info_day {
    int64_t day_ms;
    struct info_sum sum;
};

struct info {
    struct info_day *day; /* in order */
    size_t days;
    struct info_sum total;    /* of the days */
    struct info_sum journals; /* not sealed yet; times are of receipt */
    uint64_t books_files;     /* that have books, */
    struct book books;        /* and the sums of these */
    /* Called for what cannot be read; set by the caller. */
    void (*broken)(struct info *i, const char *text);
    uint64_t n_broken;
};

int info_read(struct info *i, const char *dir, struct err *err) MUST_USE;
void info_free(struct info *i);

#endif
