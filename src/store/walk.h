/* walk: every entry of a store's partitions, by day, hour and name. */
#ifndef STORE_WALK_H
#define STORE_WALK_H

#include "base/err.h"

#include <stdint.h>

/* Embedded in its owner. What entry() returns other than 0 ends the walk. */
struct walk {
    int (*entry)(struct walk *w, int64_t hour_ms, const char *folder, const char *name,
                 struct err *err);
};

/* A store that is not there has no entries. */
int walk_store(struct walk *w, const char *dir, struct err *err) MUST_USE;

#endif
