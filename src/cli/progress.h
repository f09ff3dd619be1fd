/* progress: one line on stderr that says how far a long command is; on a terminal only. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown; /* stderr is a terminal */
    bool dirty;
    int64_t next_mono_ms;
};

struct progress progress_of(void);

/* Whether it is time for a new line: five a second. */
bool progress_due(struct progress *p);

/* `at` of `of` (0: not known) bytes or anything, and a text of your own. */
void progress_show(struct progress *p, uint64_t at, uint64_t of, const char *text);
void progress_end(struct progress *p);

#endif
