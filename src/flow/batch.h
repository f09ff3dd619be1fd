/* batch: some thousands of flows, an array for each field and a presence bit for each value.
 *
 * Rows of several layouts mix. A column's memory is taken when it is first written and kept over
 * batch_reset(). A value whose presence bit is clear is absent (null); what lies in its array slot
 * then is not to be read. TEXT and BYTES values are cells that point into the batch's own `bytes`.
 *
 * A batch has one owner at a time; struct out (flow/out.h) says how ownership moves. */
#ifndef FLOW_BATCH_H
#define FLOW_BATCH_H

#include "base/addr.h"
#include "base/attr.h"
#include "base/buf.h"
#include "flow/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BATCH_ROWS = 4096,                 /* the usual capacity */
    BATCH_ROWS_MAX = 1 << 20,          /* so that no size computed from it can wrap */
    BATCH_BYTES_MAX = 64 * 1024 * 1024 /* of TEXT and BYTES values in one batch */
};

/* Where a TEXT or BYTES value lies in batch.bytes. */
struct cell {
    uint32_t at;
    uint32_t len;
};

struct batch {
    size_t rows;
    size_t cap;
    void *col[FIELD_N];      /* values, kind_table[].width each; NULL if never written */
    uint64_t *seen[FIELD_N]; /* presence bits, (cap + 63) / 64 words; NULL with col */
    struct field_set used;   /* columns written since the last reset */
    struct buf bytes;
};

/* false if there is no memory or cap is 0 or above BATCH_ROWS_MAX. */
bool batch_init(struct batch *b, size_t cap) MUST_USE;
void batch_free(struct batch *b);

/* The same on the heap; NULL if there is no memory. NULL is fine for batch_delete. */
struct batch *batch_new(size_t cap) MUST_USE;
void batch_delete(struct batch *b);

/* Empty again; memory is kept. */
void batch_reset(struct batch *b);

/* For batch_col(): a column that the batch does not use yet. */
void *batch_col_new(struct batch *b, enum field_id f);

/* The column to write to, taken from the heap at its first use ever and marked used; NULL if there
 * is no memory. */
static inline void *batch_col(struct batch *b, enum field_id f)
{
    return field_set_has(&b->used, f) ? b->col[f] : batch_col_new(b, f);
}

/* Mark rows [from, from + n) of a used column present. */
static inline void batch_set(struct batch *b, enum field_id f, size_t from, size_t n)
{
    uint64_t *w = b->seen[f];

    for (size_t end = from + n; from < end;) {
        size_t bit = from % 64;
        size_t take = 64 - bit < end - from ? 64 - bit : end - from;
        w[from / 64] |= (~UINT64_C(0) >> (64 - take)) << bit;
        from += take;
    }
}

/* A run of rows that is marked in many columns: up to 64 of them touch two words at most, which are
 * worked out once. */
struct batch_run {
    size_t from;
    size_t n;
    uint64_t low;  /* bits of the word that `from` is in, */
    uint64_t high; /* and of the next */
};

static inline struct batch_run batch_run_of(size_t from, size_t n)
{
    struct batch_run r = {.from = from, .n = n};
    size_t bit = from % 64;

    if (n == 0 || n > 64)
        return r;
    uint64_t ones = ~UINT64_C(0) >> (64 - n);
    r.low = ones << bit;
    r.high = bit + n > 64 ? ones >> (64 - bit) : 0;
    return r;
}

/* The same as batch_set(b, f, r->from, r->n). */
static inline void batch_set_run(struct batch *b, enum field_id f, const struct batch_run *r)
{
    uint64_t *w = b->seen[f] + r->from / 64;

    if (r->n > 64) {
        batch_set(b, f, r->from, r->n);
        return;
    }
    w[0] |= r->low;
    if (r->high)
        w[1] |= r->high;
}

static inline bool batch_uses(const struct batch *b, enum field_id f)
{
    return field_set_has(&b->used, f);
}

static inline bool batch_has(const struct batch *b, enum field_id f, size_t row)
{
    return batch_uses(b, f) && (b->seen[f][row / 64] >> (row % 64) & 1);
}

/* Are all of rows [from, from + n) there? */
static inline bool batch_has_all(const struct batch *b, enum field_id f, size_t from, size_t n)
{
    if (!batch_uses(b, f))
        return false;
    for (size_t end = from + n; from < end;) {
        size_t bit = from % 64;
        size_t take = 64 - bit < end - from ? 64 - bit : end - from;
        uint64_t ones = (~UINT64_C(0) >> (64 - take)) << bit;
        if ((b->seen[f][from / 64] & ones) != ones)
            return false;
        from += take;
    }
    return true;
}

/* An integer, enum or time column's value, widened (times: the two's complement); 0 if absent. */
uint64_t batch_u64(const struct batch *b, enum field_id f, size_t row);

/* Pointer to the value as it lies in the column (any kind), or NULL if absent. */
const void *batch_at(const struct batch *b, enum field_id f, size_t row);

/* A number of 1, 2, 4 or 8 octets as it lies in a column. */
static inline uint64_t batch_load(const void *p, size_t width)
{
    uint64_t v8;
    uint32_t v4;
    uint16_t v2;

    switch (width) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        memcpy(&v2, p, sizeof v2);
        return v2;
    case 4:
        memcpy(&v4, p, sizeof v4);
        return v4;
    default:
        memcpy(&v8, p, sizeof v8);
        return v8;
    }
}

/* A TEXT or BYTES value; returns NULL and *len = 0 if absent, a pointer that is not NULL if it is
 * there but empty. */
const uint8_t *batch_bytes(const struct batch *b, enum field_id f, size_t row, size_t *len);

/* Write one value and mark it present. They return false only when there is no memory. */
bool batch_put_u64(struct batch *b, enum field_id f, size_t row, uint64_t v);
bool batch_put_f64(struct batch *b, enum field_id f, size_t row, double v);
bool batch_put_raw(struct batch *b, enum field_id f, size_t row,
                   const void *value); /* width bytes */
bool batch_put_bytes(struct batch *b, enum field_id f, size_t row, const void *s, size_t n);

/* Back to so many rows and so many octets in `bytes`: forget what was written since, after a
 * failure. */
void batch_cut(struct batch *b, size_t rows, size_t bytes);

/* Append row `row` of `from` to `to`, which must have room. false when there is no memory. */
bool batch_copy_row(struct batch *to, const struct batch *from, size_t row);

/* The same of rows [row, row + n), a column at a time. Where it is false none has been appended. */
bool batch_copy_rows(struct batch *to, const struct batch *from, size_t row, size_t n) MUST_USE;

#endif
