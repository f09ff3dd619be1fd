/* collect_set: the settings of a collector, one at a time, as flags and configuration give them. */
#ifndef CLI_COLLECT_SET_H
#define CLI_COLLECT_SET_H

#include "collect/collect.h"

/* From 1: they are the ids of options, too. */
enum collect_setting {
    SET_LISTEN = 1,
    SET_TCP,
    SET_PERMIT,
    SET_DENY,
    SET_STORE,
    SET_SEAL_EVERY,
    SET_JOURNAL_SIZE,
    SET_SYNC,
    SET_RCVBUF,
    SET_WORKERS,
    SET_PIN,
    SET_INSTANCE,
    SET_USER,
    SET_N
};

/* `text` must live as long as `o`; NULL for a setting without a value. 0, ERR_CONFIG or ERR_LIMIT.
 */
int collect_set(struct collect_options *o, enum collect_setting what, const char *text,
                struct err *err) MUST_USE;

/* As it was without; of lists the entry that `text` says. */
int collect_unset(struct collect_options *o, enum collect_setting what, const char *text,
                  struct err *err) MUST_USE;

#endif
