/* json: write JSON text into a buf; commas and escapes are taken care of, no tree is built.
 *
 * Strings are bytes that should be UTF-8; a byte that is not comes out as U+FFFD, so the text is
 * always valid JSON whatever an exporter sent. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#include <stdint.h>

struct json {
    struct buf *out;
    bool comma; /* the next value needs one before it */
};

static inline struct json json_of(struct buf *out) { return (struct json){.out = out}; }

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *key);
void json_text(struct json *j, const char *s);
void json_textn(struct json *j, const void *s, size_t n);
void json_hex(struct json *j, const void *bytes, size_t n);
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
void json_f64(struct json *j, double v); /* shortest that reads back the same; not finite: null */
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
void json_raw(struct json *j, const void *s, size_t n); /* is JSON already */

#endif
