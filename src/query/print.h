/* print: an answer as text. One struct of functions for each format; who answers knows only this.
 *
 *   table   for people: aligned, units, times as text, names of protocols
 *   csv     RFC 4180 quoting, lines end in LF; absent is empty, empty text is ""
 *   json    one object: {"groups" or "records": [...], "summary": {...}}
 *   jsonl   one object a line; absent fields of records are left out
 *   parquet a file with the types of the store
 *
 * Machines' formats have numbers as numbers and times as integers in ms; only csv without --raw
 * has times as text (RFC 3339), for spreadsheets. */
#ifndef QUERY_PRINT_H
#define QUERY_PRINT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "query/summary.h"
#include "query/value.h"

#include <stdio.h>

struct print_options {
    FILE *out;
    bool raw;   /* --raw */
    bool exact; /* tables: numbers in full */
    bool local; /* text shows times as the machine's clock does, not in UTC */
    bool bold;  /* the table's heading */
    bool quiet; /* tables and csv: rows only, no titles and no summary */
    bool colour;
    bool ascii;             /* charts in ASCII */
    size_t width;           /* columns of the screen that charts may take */
    const char *chart_file; /* where a chart goes; NULL: with the rest */
};

/* How groups are laid out. */
enum shape {
    SHAPE_LIST,   /* the first of an order */
    SHAPE_SERIES, /* the first key is time: by bucket, those without anything too */
    SHAPE_MATRIX  /* two keys: one down, one across */
};

enum { PRINT_TITLE = 256 };

struct print_names {
    char name[PRINT_TITLE];
    char title[PRINT_TITLE];
};

struct printer {
    const struct print_format *format;
    struct print_options options;
    struct column *columns;
    struct print_names *names; /* of columns, which may go away before they are printed */
    size_t n_columns;
    bool groups; /* rows are groups, not records */
    enum shape shape;
    const char *measure; /* of groups: what a chart shows; lives as long as the query */
    bool fork;           /* one of print_fork(): keeps all its text */
    uint64_t rows;
    struct buf text; /* waits to be written to options.out */
    int failed;      /* what end() came to, and why */
    struct err err;
};

struct print_format {
    const char *name;
    size_t size;      /* of the struct that begins with a printer */
    bool all_columns; /* of records: every field, not a choice for people */
    bool totals;      /* those of all that matched are part of it, whatever is asked for */
    bool wide;        /* matrices as such, not a row for each cell */
    void (*begin)(struct printer *p);
    void (*row)(struct printer *p, const struct value *values); /* one for each column */
    void (*end)(struct printer *p, const struct summary *s);
    void (*free)(struct printer *p); /* of what begin made; may be NULL */
    /* Begin with a fork of `p`; false: not now. NULL: rows need those before them. */
    bool (*fork)(struct printer *fork, const struct printer *p);
};

extern const struct print_format print_table;
extern const struct print_format print_csv;
extern const struct print_format print_json;
extern const struct print_format print_jsonl;
extern const struct print_format print_parquet;
extern const struct print_format print_chart; /* by --chart, not by its name */

/* NULL if there is no such format. */
const struct print_format *print_format_find(const char *name);

struct printer *print_new(const struct print_format *f, const struct print_options *o);
void print_free(struct printer *p);

/* In this order: begin, row for each, end. */
void print_begin(struct printer *p, const struct column *columns, size_t n, bool groups);
void print_row(struct printer *p, const struct value *values);

/* Another printer for rows that come later, so that threads can print at the same time; NULL if
 * that cannot be, or not yet. What it has printed goes out when it is joined. */
struct printer *print_fork(const struct printer *p);
void print_join(struct printer *p, struct printer *fork);

/* Returns 0, or ERR_SYS if any of it could not be written. */
int print_end(struct printer *p, const struct summary *s, struct err *err) MUST_USE;

/* A key as the title of a column: text, cut where it is too long. */
void print_title(const struct printer *p, const struct value *v, enum unit unit,
                 char out[static PRINT_TITLE]);

/* A value as csv has it, but without quotes; as tables have it. */
void print_csv_value(struct buf *out, const struct print_options *o, const struct value *v);
void print_table_value(struct buf *out, const struct print_options *o, enum unit unit,
                       const struct value *v);

/* A value as json and jsonl have it; absent is null. */
void print_json_value(struct json *j, const struct value *v);

/* The members of a record, all that it has; the record as a line of jsonl. */
void print_json_fields(struct json *j, const struct batch *b, size_t row);
void print_json_line(struct buf *out, const struct batch *b, size_t row);

/* For the formats: write out what waits; at once, or when there is much. */
void print_flush(struct printer *p);
void print_some(struct printer *p);

enum { PRINT_TIME = 40 };

/* "2026-11-22T14:05:09.250Z", local "2026-11-22T15:05:09.250+01:00"; with `sep` for the T, and
 * without the zone if it is no 'T'. Returns the length. */
size_t print_time(int64_t ms, bool local, char sep, char out[static PRINT_TIME]);

#endif
