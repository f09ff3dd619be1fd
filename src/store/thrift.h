/* thrift: the compact protocol, as much of it as Parquet's metadata uses.
 *
 * A struct is a row of fields, each with a head byte (difference to the last field id, type), and a
 * zero byte at its end. Integers are zigzag varints, strings have their length before them.
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 * Writing: a struct thrift_out for each level, over one buf. Reading: a struct thrift_in for each
 * level over one sticky cursor; a value of another type than asked for makes the cursor bad. */
#ifndef STORE_THRIFT_H
#define STORE_THRIFT_H

#include "base/buf.h"
#include "base/cursor.h"

enum thrift_type {
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_I8 = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12
};

struct thrift_out {
    struct buf *b;
    int last; /* field id */
};

static inline struct thrift_out thrift_out_of(struct buf *b) { return (struct thrift_out){.b = b}; }

void thrift_varint(struct buf *b, uint64_t v);
void thrift_zigzag(struct buf *b, int64_t v); /* an integer as an element of a list */
void thrift_text(struct buf *b, const void *s, size_t n);

void thrift_put_bool(struct thrift_out *t, int id, bool v);
void thrift_put_i8(struct thrift_out *t, int id, int8_t v);
void thrift_put_i16(struct thrift_out *t, int id, int16_t v);
void thrift_put_i32(struct thrift_out *t, int id, int32_t v);
void thrift_put_i64(struct thrift_out *t, int id, int64_t v);
void thrift_put_binary(struct thrift_out *t, int id, const void *s, size_t n);

/* Head of a list; n elements follow, each as its type is written. */
void thrift_put_list(struct thrift_out *t, int id, enum thrift_type element, size_t n);

/* Begin a struct inside; it is written with the thrift_out returned and ended by thrift_end. */
struct thrift_out thrift_put_struct(struct thrift_out *t, int id);
void thrift_end(struct thrift_out *t);

struct thrift_in {
    struct cur *c;
    int id;                /* of the field just found */
    enum thrift_type type; /* and its type */
};

static inline struct thrift_in thrift_in_of(struct cur *c) { return (struct thrift_in){.c = c}; }

/* Find the next field; false at the end of the struct or of the bytes. */
bool thrift_next(struct thrift_in *t);

/* Take the value of the field just found. */
bool thrift_bool(struct thrift_in *t);
int64_t thrift_int(struct thrift_in *t); /* I8 to I64 */
struct cur thrift_binary(struct thrift_in *t);
struct thrift_in thrift_struct(struct thrift_in *t);
void thrift_skip(struct thrift_in *t);

/* Take the head of a list of such elements; at most as many as bytes are left. */
size_t thrift_list(struct thrift_in *t, enum thrift_type element);

/* Elements of lists. */
int64_t thrift_int_element(struct cur *c);
struct cur thrift_binary_element(struct cur *c);

/* The unsigned varint that all of these are made of. */
uint64_t thrift_varint_read(struct cur *c);

#endif
