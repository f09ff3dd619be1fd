/* opt: command-line options from a table. Help, shell completion and manual pages are printed from
 * the same table (cli/command.h). */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct opt {
    int id;           /* above 0; what opt_next() returns */
    const char *name; /* long name without dashes */
    char letter;      /* short name, or 0 */
    const char *arg;  /* what stands for the value in help ("DIR"); NULL: a flag */
    const char *help;
};

enum { OPT_END = 0, OPT_POSITIONAL = -100 };

/* Walks argv[1..]; options and other arguments may be mixed, "--" ends the options. */
struct opt_scan {
    const struct opt *table;
    size_t n;
    int argc;
    char **argv;
    int at;           /* argv index of what comes next */
    size_t letter_at; /* within a group of short flags */
    bool no_more;
    const char *value; /* of the option or the positional just returned */
};

struct opt_scan opt_scan_of(const struct opt *table, size_t n, int argc, char **argv);

/* The option's id with its value, OPT_POSITIONAL, OPT_END, or ERR_CONFIG: unknown option (with the
 * nearest known one), value missing, value given to a flag. Long options may be cut to a unique
 * prefix; "--name=value" and "--name value", "-n value" and "-nvalue" are the same. */
int opt_next(struct opt_scan *s, struct err *err);

#endif
