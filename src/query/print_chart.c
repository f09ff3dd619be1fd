/* --chart: gathers the rows of an answer and draws them at its end. */
#include "base/mem.h"
#include "query/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct gatherer {
    struct printer printer;
    struct chart chart;
    size_t cap_v;
    size_t n_v;
    size_t cap_labels;
    size_t cap_times;
    size_t time; /* the column of a series' time */
};

static struct gatherer *gatherer_of(struct printer *p)
{
    return container_of(p, struct gatherer, printer);
}

double chart_max(const struct chart *c, size_t label)
{
    double most = 0;

    for (size_t i = 0; i < c->n_across; i++)
        for (size_t k = 0; k < c->n_labels; k++)
            if (label == SIZE_MAX || label == k)
                most = fmax(most, chart_at(c, k, i));
    return most;
}

void chart_number(const struct chart *c, double v, struct buf *out)
{
    struct value value = value_real(v);

    if (c->measure.kind != KIND_F64)
        value = value_uint(v < 0x1p64 ? (uint64_t)(v + 0.5) : UINT64_MAX);
    print_table_value(out, &c->options, c->measure.unit, &value);
}

static void chart_begin(struct printer *p)
{
    struct gatherer *g = gatherer_of(p);
    struct chart *c = &g->chart;

    c->shape = p->shape;
    c->options = p->options;
    g->time = SIZE_MAX;
    for (size_t i = p->n_columns; i > 0; i--) {
        const struct column *column = &p->columns[i - 1];
        if (column->drawn)
            c->measure = *column;
        if (p->shape == SHAPE_SERIES && column->key && column->kind == KIND_TIME)
            g->time = i - 1;
    }
    c->measure.title = p->measure;
    if (p->shape != SHAPE_MATRIX)
        return;
    c->across = mem_new(p->n_columns, sizeof *c->across);
    for (size_t i = 0; i < p->n_columns; i++)
        if (p->columns[i].drawn)
            c->across[c->n_across++] = strdup(p->columns[i].title);
}

static void push(struct gatherer *g, double v)
{
    if (g->n_v == g->cap_v) {
        g->cap_v = g->cap_v ? g->cap_v * 2 : 64;
        g->chart.v = mem_resize(g->chart.v, g->cap_v, sizeof *g->chart.v);
    }
    g->chart.v[g->n_v++] = v;
}

/* The keys of a row but its time, with two spaces between them. */
static void push_label(struct gatherer *g, const struct value *values)
{
    struct printer *p = &g->printer;
    struct chart *c = &g->chart;
    struct buf text;

    if (c->n_labels == g->cap_labels) {
        g->cap_labels = g->cap_labels ? g->cap_labels * 2 : 64;
        c->labels = mem_resize(c->labels, g->cap_labels, sizeof *c->labels);
    }
    buf_init(&text, 1 << 16);
    for (size_t i = 0; i < p->n_columns; i++) {
        if (!p->columns[i].key || i == g->time)
            continue;
        if (text.len > 0)
            buf_text(&text, "  ");
        print_table_value(&text, &p->options, p->columns[i].unit, &values[i]);
    }
    buf_u8(&text, 0);
    c->labels[c->n_labels++] = strdup(buf_ok(&text) ? (const char *)text.data : "");
    buf_free(&text);
}

static double number_of(const struct value *v)
{
    if (v->type == VALUE_UINT)
        return (double)v->as.u;
    return v->type == VALUE_REAL && isfinite(v->as.d) && v->as.d > 0 ? v->as.d : 0;
}

/* A series' rows come bucket by bucket, with the same series in each. */
static void take_time(struct gatherer *g, int64_t ms)
{
    struct chart *c = &g->chart;

    if (c->n_across > 0 && c->times[c->n_across - 1] == ms)
        return;
    if (c->n_across == g->cap_times) {
        g->cap_times = g->cap_times ? g->cap_times * 2 : 64;
        c->times = mem_resize(c->times, g->cap_times, sizeof *c->times);
    }
    c->times[c->n_across++] = ms;
}

static void chart_row(struct printer *p, const struct value *values)
{
    struct gatherer *g = gatherer_of(p);

    if (p->shape == SHAPE_SERIES && g->time != SIZE_MAX)
        take_time(g, values[g->time].as.ms);
    if (p->shape != SHAPE_SERIES || g->chart.n_across == 1)
        push_label(g, values);
    for (size_t i = 0; i < p->n_columns; i++)
        if (p->columns[i].drawn)
            push(g, number_of(&values[i]));
}

/* A matrix comes row by row, its last row being the totals: numbers go to [across][label]. */
static void turn(struct gatherer *g)
{
    struct chart *c = &g->chart;
    size_t rows = c->n_labels > 0 ? c->n_labels - 1 : 0;
    double *v = mem_new(rows * c->n_across + 1, sizeof *v);

    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < c->n_across; j++)
            v[j * rows + i] = c->v[i * c->n_across + j];
    free(c->v);
    c->v = v;
    if (c->n_labels > 0)
        free(c->labels[--c->n_labels]);
}

static void chart_end(struct printer *p, const struct summary *s)
{
    struct gatherer *g = gatherer_of(p);

    if (p->shape == SHAPE_MATRIX)
        turn(g);
    else if (p->shape == SHAPE_LIST)
        g->chart.n_across = 1;
    if (p->options.chart_file)
        p->failed = chart_file(&g->chart, p->options.chart_file, &p->err);
    else
        chart_text(&g->chart, &p->text);
    if (!p->options.chart_file && g->chart.n_labels > 0)
        buf_u8(&p->text, '\n');
    summary_line(s, &p->text);
    buf_u8(&p->text, '\n');
}

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        free(texts[i]);
    free(texts);
}

static void chart_free(struct printer *p)
{
    struct chart *c = &gatherer_of(p)->chart;

    free_texts(c->labels, c->n_labels);
    free_texts(c->across, c->across ? c->n_across : 0);
    free(c->times);
    free(c->v);
}

const struct print_format print_chart = {
    .name = "chart",
    .size = sizeof(struct gatherer),
    .wide = true,
    .begin = chart_begin,
    .row = chart_row,
    .end = chart_end,
    .free = chart_free,
};
