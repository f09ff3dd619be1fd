/* command: one subcommand of weir as a table row; main.c lists them all.
 *
 * Help, manual pages and shell completion are printed from these rows, so two conventions hold. An
 * option's `arg` that names its choices is written "table|csv|json"; "DIR", "FILE" and "FIELDS"
 * complete to folders, files and names of fields, and so do such words in `usage`. Lines of
 * `details` that begin with a space are shown as they are, others are filled as paragraphs. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/opt.h"

#include <stdbool.h>
#include <stddef.h>

struct command {
    const char *name;
    const char *summary;  /* one line */
    const char *usage;    /* arguments behind the name: "[options] FILE..." */
    const char *details;  /* paragraphs for --help and the manual page, or NULL */
    const char *examples; /* "command\n    what it does\n" for each, or NULL */
    const struct opt *opts;
    size_t n_opts;
    int (*run)(int argc,
               char **argv); /* exit status: 0, 1 failed, 2 wrong usage or configuration */
};

/* All commands, in the order that help shows them. */
extern const struct command *const command_table[];
extern const size_t command_count;

/* NULL if there is none of that name. */
const struct command *command_find(const char *name);

/* Print "weir NAME: text" and how to get help to stderr; returns 2. */
int command_usage_error(const struct command *c, const char *text);

/* The same for a command that does not exist, with the nearest that does; returns 2. */
int command_unknown(const char *name);

/* One more word behind those of `words`, parted by a blank; false: there is no room. */
bool command_join(char *words, size_t size, const char *word);

/* What `weir --help` and `weir NAME --help` print. */
void help_print_all(void);
void help_print(const struct command *c);

/* Each cmd_NAME.c defines one of these; --help (-h) is handled by main before run(). */
extern const struct command cmd_books;
extern const struct command cmd_check;
extern const struct command cmd_clear;
extern const struct command cmd_collect;
extern const struct command cmd_completion;
extern const struct command cmd_decode;
extern const struct command cmd_doctor;
extern const struct command cmd_fields;
extern const struct command cmd_filter;
extern const struct command cmd_help;
extern const struct command cmd_import;
extern const struct command cmd_nfdump;
extern const struct command cmd_probe;
extern const struct command cmd_query;
extern const struct command cmd_relay;
extern const struct command cmd_replay;
extern const struct command cmd_show;
extern const struct command cmd_store;

#endif
