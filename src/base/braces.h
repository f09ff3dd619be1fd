/* braces: a configuration in blocks, one statement a line, as VyOS writes it.
 *
 *   system {
 *       flow-accounting {
 *           interface eth1
 *           netflow {
 *               server 192.0.2.1 {
 *                   port 2055
 *   ...
 *   set system flow-accounting interface eth1        as `show configuration commands` has it
 *   // from here to the end of the line nothing is said, nor between slash-star and star-slash
 *
 * Each statement is handed on with all words of the blocks around it before its own. Words are
 * parted by blanks; a word may stand in ' or ", and is handed on as it is between them: what a
 * backslash escapes there is not undone. Bounds: the enum below. */
#ifndef BASE_BRACES_H
#define BASE_BRACES_H

#include "base/conf.h"

enum { BRACES_DEPTH = 16, BRACES_WORDS = 64 };

struct braces_line {
    const char *file;
    size_t number;                       /* from 1 */
    struct conf_word path[BRACES_WORDS]; /* valid during the call */
    size_t n;                            /* at least 1 */
    bool opens;                          /* a block begins */
};

/* Embedded in whoever takes the statements. */
struct braces {
    int (*take)(struct braces *b, const struct braces_line *line, struct err *err);
};

/* `file` is the text's name in messages, "FILE:LINE:COLUMN: expected ...". The first mistake, or
 * what take() gives that is not 0, ends it. */
int braces_read(struct braces *b, const char *file, const char *text, size_t len,
                struct err *err) MUST_USE;

/* For take(): what is wrong with a word. */
#define braces_fail(line, i, err, ...)                                                     \
    conf_fail((&(const struct conf_line){.file = (line)->file, .number = (line)->number}), \
              (line)->path[i].column, (err), __VA_ARGS__)

#endif
