/* err: how a function says that it failed.
 *
 * The return value is 0 or a negative kind: what the caller would do
 * differently. The text says what was expected and what was found; it is made
 * where the detail is known, and each caller may prepend where. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

enum {
    ERR_DATA = -1,   /* the bytes are wrong */
    ERR_LIMIT = -2,  /* right perhaps, but more than we allow */
    ERR_SYS = -3,    /* the operating system said no */
    ERR_CONFIG = -4, /* the user asked for something that cannot be */
    ERR_EOF = -5     /* the end, not a failure */
};

enum { ERR_TEXT = 512 };

struct err {
    char text[ERR_TEXT];
};

/* Set the text (err may be NULL) and return `kind`. */
int err_set(struct err *err, int kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set with ERR_SYS, and ": " with errno's text behind. */
int err_sys(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prepend where: "where: old text". Returns `kind`. */
int err_in(struct err *err, int kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
