/* chart: rows of an answer as a picture: bars of groups, columns of a series, shades of a matrix.
 */
#ifndef QUERY_CHART_H
#define QUERY_CHART_H

#include "query/print.h"

/* One number of each group; of each series in each bucket; of each cell of a matrix. */
struct chart {
    enum shape shape;
    struct column measure; /* what the numbers are */
    char **labels;         /* of groups, series, or rows of the matrix */
    size_t n_labels;
    char **across;   /* titles of the matrix's columns */
    int64_t *times;  /* of the series' buckets */
    size_t n_across; /* 1 of groups */
    double *v;       /* [n_across][n_labels] */
    struct print_options options;
};

static inline double chart_at(const struct chart *c, size_t label, size_t across)
{
    return c->v[across * c->n_labels + label];
}

/* The largest number of one label, or of all (SIZE_MAX); 0 if there is none. */
double chart_max(const struct chart *c, size_t label);

/* What a number of the chart is called: "12.3 GB". */
void chart_number(const struct chart *c, double v, struct buf *out);

/* In text: options.width columns of the screen wide, in ASCII if options.ascii. */
void chart_text(const struct chart *c, struct buf *out);

/* Into a file, by gnuplot: SVG or PNG, as its name ends. 0, ERR_CONFIG (another ending, or there is
 * no gnuplot), ERR_SYS. */
int chart_file(const struct chart *c, const char *path, struct err *err) MUST_USE;

/* Can chart_file() write there? Asked before a long query. */
int chart_file_check(const char *path, struct err *err) MUST_USE;

#endif
