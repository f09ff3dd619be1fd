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

/* Set the text (err may be NULL); the same with ": " and errno's text behind; prepend where:
 * "where: old text". */
void err_text(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
void err_text_errno(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
void err_text_where(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* They return the kind. Macros, so that compilers and analysers see that it is not 0. */
#define err_set(err, kind, ...) (err_text((err), __VA_ARGS__), (kind))
#define err_sys(err, ...) (err_text_errno((err), __VA_ARGS__), ERR_SYS)
#define err_in(err, kind, ...) (err_text_where((err), __VA_ARGS__), (kind))

#endif
