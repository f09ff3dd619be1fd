/* verify: is everything in a store as it should be, and which flows are not in a file yet?
 *
 * Each file is read whole: name, footer, every page, the number of rows, and whether its rows were
 * received in the hour it is filed under (or a little before, and held for their template), and
 * whether its books say so too, by sender and minute. Each
 * journal is read and decoded whole. May run beside collectors. */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* A journal whose flows are in no file yet. */
struct verify_journal {
    const char *path;
    uint64_t bytes;
    uint64_t datagrams;
    uint64_t flows;
    int64_t first_ms; /* received; if there are datagrams */
    int64_t last_ms;
    bool running; /* the collector that writes it */
};

/* Embedded in its owner, who sets the functions. */
struct verify {
    /* Something is not as it should be; `text` has the path, and where in the file. `broken`: else
     * it does no harm. */
    void (*note)(struct verify *v, bool broken, const char *path, const char *text);
    void (*journal)(struct verify *v, const struct verify_journal *j);
    void (*progress)(struct verify *v, uint64_t at, uint64_t of, const char *path);
    /* What was found. */
    uint64_t files;
    uint64_t bytes; /* of files */
    uint64_t flows; /* in files, as far as they can be read */
    uint64_t books; /* files that have them */
    uint64_t journals;
    uint64_t risk_flows; /* in journals only */
    uint64_t broken;
    uint64_t notes; /* that do no harm */
};

/* ERR_CONFIG: no store there. What is broken is no error here. */
int verify_store(struct verify *v, const char *dir, struct err *err) MUST_USE;

#endif
