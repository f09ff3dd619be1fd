/* command: one subcommand of weir as a table row; main.c lists them all. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/opt.h"

#include <stddef.h>

struct command {
    const char *name;
    const char *summary;  /* one line */
    const char *usage;    /* arguments behind the name: "[options] FILE..." */
    const char *details;  /* paragraphs for --help and the manual page, or NULL */
    const char *examples; /* one per line, "command\n    what it does\n", or NULL */
    const struct opt *opts;
    size_t n_opts;
    int (*run)(int argc, char **argv); /* exit status: 0, 1 failed, 2 wrong usage or configuration */
};

/* Print "weir NAME: text" and how to get help to stderr; returns 2. */
int command_usage_error(const struct command *c, const char *text);

/* Each cmd_NAME.c defines one of these; --help (-h) is handled by main before run(). */
extern const struct command cmd_collect;
extern const struct command cmd_completion;
extern const struct command cmd_decode;
extern const struct command cmd_fields;
extern const struct command cmd_import;
extern const struct command cmd_query;
extern const struct command cmd_replay;
extern const struct command cmd_show;

#endif
