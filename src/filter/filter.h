/* filter: the predicate language: text → tree → selection bitmap over a batch.
 *
 * docs/filter.md describes the language. A filter does not change after filter_parse() (but for
 * filter_only_flows()), so threads may share one. Evaluation takes no memory from the heap.
 *
 * Bounds: the enum below; beyond them filter_parse() gives ERR_LIMIT. */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "flow/batch.h"
#include "flow/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FILTER_TEXT_MAX = 32 * 1024 * 1024,   /* bytes of text */
    FILTER_LIST_MAX = 1 << 20,            /* items in one list, */
    FILTER_SET_MAX = 1 << 22,             /* and in one with files */
    FILTER_FILE_MAX = 256 * 1024 * 1024,  /* bytes of a file of values */
    FILTER_NAMED_MAX = 16,                /* filters by name within filters by name */
    FILTER_DEPTH_MAX = 100,               /* brackets and filters by name within each other */
    FILTER_BYTES_MAX = 512 * 1024 * 1024, /* memory of one filter */
    FILTER_SHOW_COLUMNS = 100             /* of the text that filter_error_print() shows */
};

struct filter;

/* Where a text is wrong, and how. */
struct filter_error {
    size_t at;           /* byte in the text, counted from 0; strlen(text) at its end */
    size_t len;          /* bytes that are wrong; 0 at the end of the text */
    char text[ERR_TEXT]; /* "expected ..., found ..." */
};

/* What a filter may refer to beside the catalogue; all of it may be left out. Where filters come
 * from strangers, leave out read_file. */
struct filter_env {
    /* The file of values that `in @PATH` names: its bytes, of which there may be FILTER_FILE_MAX.
     * 0, or an error whose text says why. */
    int (*read_file)(const void *arg, const char *path, struct buf *out, struct err *err);
    /* The filter that `filter NAME` means: the i-th of them, NULL behind the last. */
    const struct filter_named *(*named)(const void *arg, size_t i);
    const void *arg;
};

struct filter_named {
    char *name;
    char *text;
    const char *file; /* where the text stands, for messages */
    size_t line;
    size_t column;
};

/* A text without terms selects everything. Returns 0, ERR_CONFIG (the text is wrong) or ERR_LIMIT;
 * the error text is "filter: column 12: expected ..., found ...". */
int filter_parse(struct filter **out, const char *text, struct err *err) MUST_USE;

/* The same for those who show the place; env may be NULL. */
int filter_parse_at(struct filter **out, const char *text, const struct filter_env *env,
                    struct filter_error *error) MUST_USE;

/* Three lines: the text (the line of it that is wrong, cut to FILTER_SHOW_COLUMNS), carets under
 * the place, what was expected. */
void filter_error_print(const struct filter_error *error, const char *text, struct buf *out);

void filter_free(struct filter *f);

/* A query means flows unless it says otherwise: adds `and kind = flow` if the text does not name
 * `kind` (`kind any` names it), or an event, which only records of another kind have. Returns 0 or
 * ERR_LIMIT (no memory). */
int filter_only_flows(struct filter *f, struct err *err) MUST_USE;

/* Adds the columns that filter_eval() looks at. */
void filter_fields(const struct filter *f, struct field_set *out);

/* Whether every row is selected whatever it holds. */
bool filter_is_all(const struct filter *f);

/* Sets selected[(b->rows + 63) / 64]: a bit for each row; bits behind the last row are 0. */
void filter_eval(const struct filter *f, const struct batch *b, uint64_t *selected);

/* Bounds of an integer or time field, for leaving out row groups by their statistics: true if
 * every row that can be selected has the field, with a value in [*min, *max]. Values above
 * INT64_MAX count as INT64_MAX. When nothing can be selected at all, *min is above *max. */
bool filter_range(const struct filter *f, enum field_id field, int64_t *min, int64_t *max);

/* What is known of rows that nobody has looked at yet. */
struct filter_known {
    /* Can one of them have the field, with a value in [min, max] where it is an integer or a time?
     * Values above INT64_MAX count as INT64_MAX. */
    bool (*may_range)(const void *arg, enum field_id field, int64_t min, int64_t max);
    /* Can one of them have this address there? */
    bool (*may_hold)(const void *arg, enum field_id field, const struct addr *value);
    const void *arg;
};

/* false: none of the rows can be selected. */
bool filter_may_select(const struct filter *f, const struct filter_known *known);

#endif
