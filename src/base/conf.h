/* conf: a configuration as commands, one a line.
 *
 *   ! or # begins a comment line; indentation is free; blanks part words
 *   COMMAND       a word of it may be cut to what no other command begins with
 *   no COMMAND    undoes it
 *   exit          ends a block
 *
 * Some commands open a block, in which others hold; it also ends where a command of the top level
 * begins.
 *
 * What commands there are, their readers say in a table: small words as they are written, capital
 * ones for arguments, and TEXT at the end for the rest of the line. A command whose words go on in
 * many ways has a table of its own for those (`then`). Errors are "FILE:LINE:COLUMN: expected ...,
 * found ...".
 *
 * Bounds: the enum below. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CONF_BYTES_MAX = 16 * 1024 * 1024, /* of a file */
    CONF_WORDS = 8,                    /* of a command, with its arguments */
    CONF_COMMANDS = 256
};

/* A piece of a line; bytes are not followed by a zero byte. */
struct conf_word {
    const char *s;
    size_t len;
    size_t column; /* from 1 */
};

struct conf_line {
    const char *file;
    size_t number;                    /* from 1 */
    bool no;                          /* undo it: TEXT may be missing, see also `bare` */
    struct conf_word arg[CONF_WORDS]; /* of the capital words, in order */
    size_t n;
    const struct conf_command *command;
    const struct conf_command *then; /* the row of command->then; NULL: it has none */
};

/* Embedded in whoever takes the commands. */
struct conf;

struct conf_command {
    const char *words; /* "filter NAME TEXT" */
    int (*take)(struct conf *c, const struct conf_line *line, struct err *err);
    int in;    /* the block in which it stands; 0: the top level */
    int opens; /* the block that it opens, or 0 */
    int id;    /* the taker's */
    bool bare; /* undone by "no" without its last argument, too */
    /* Rows that go on where these words end, up to one without words: only their words, id and bare
     * count. */
    const struct conf_command *then;
};

struct conf {
    const struct conf_command *commands;
    size_t n;
    /* If set, it is told each mistake, and reading goes on behind it. */
    void (*wrong)(struct conf *c, const struct err *err);
    int block; /* in which the next line stands */
};

/* Every command of the text is taken in turn, up to the first that is wrong (see
 * `wrong`). `file` is its name in
 * messages. 0 or ERR_CONFIG, or what take() gives. */
int conf_read(struct conf *c, const char *file, const char *text, size_t len,
              struct err *err) MUST_USE;

/* The same of the file. ERR_SYS if it cannot be read, ERR_LIMIT if it is too large. */
int conf_read_file(struct conf *c, const char *path, struct err *err) MUST_USE;

/* For take(): "FILE:LINE:COLUMN: ..." at an argument. */
void conf_say(const struct conf_line *line, size_t column, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
#define conf_fail(line, column, err, ...) \
    (conf_say((line), (column), (err), __VA_ARGS__), ERR_CONFIG)

#endif
