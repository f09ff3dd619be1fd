/* advice: what `weir doctor` can find, what to do about each, and the commands that do it. */
#ifndef REPORT_ADVICE_H
#define REPORT_ADVICE_H

#include <stddef.h>
#include <stdint.h>

enum { ADVICE_COMMANDS = 6 };

/* Export versions that commands are for, as bits. */
enum advice_version { ADVICE_OLD = 1 /* v1 to v8 */, ADVICE_V9 = 2, ADVICE_IPFIX = 4 };

struct advice_commands {
    unsigned versions;
    const char *of;    /* whose: "Cisco IOS, IOS-XE: Flexible NetFlow" */
    const char *lines; /* one a line; NULL ends the list */
};

struct advice {
    const char *id; /* of the finding, in scripts: never reused */
    const char *what;
    const char *todo;
    struct advice_commands commands[ADVICE_COMMANDS];
};

enum advice_id {
#define ADVICE(id, ...) ADVICE_##id,
#include "report/advice.def"
#undef ADVICE
    ADVICE_N
};

extern const struct advice advice_table[ADVICE_N];

/* ADVICE_* bit of an export version. */
static inline unsigned advice_version(uint64_t version)
{
    return version == 9 ? ADVICE_V9 : version == 10 ? ADVICE_IPFIX : ADVICE_OLD;
}

#endif
