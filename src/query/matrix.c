#include "query/matrix.h"

#include "base/mem.h"
#include "query/runs.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_KEY, COLUMN_KEY, CELLS_MAX = 10000000 };

struct matrix {
    const struct query_spec *spec;
    const struct agg *agg;
    struct runs rows;
    struct runs columns;
    size_t height; /* rows and columns of cells, "other" and total included */
    size_t width;
    struct tallies cells;
    size_t drawn; /* the column of the answer that cells show */
};

/* The row or column of each run: its rank, or that of "other". */
static size_t *places(const struct runs *r)
{
    size_t *place = mem_new(r->n + 1, sizeof *place);

    for (size_t i = 0; i < r->n; i++)
        place[i] = r->n_best;
    for (size_t i = 0; i < r->n_best; i++)
        place[r->best[i]] = i;
    return place;
}

/* The best, "other" if there are others, and the total. */
static size_t extent(const struct runs *r) { return r->n_best + (r->n_best < r->n) + 1; }

static int add_cell(struct matrix *m, size_t row, size_t column, const struct known *g,
                    struct err *err)
{
    size_t last_row = m->height - 1;
    size_t last_column = m->width - 1;
    int r = tallies_add(&m->cells, row * m->width + column, g, err);

    if (!r)
        r = tallies_add(&m->cells, row * m->width + last_column, g, err);
    if (!r)
        r = tallies_add(&m->cells, last_row * m->width + column, g, err);
    return r ? r : tallies_add(&m->cells, last_row * m->width + last_column, g, err);
}

static int fill(struct matrix *m, struct err *err)
{
    size_t *row_of = mem_new(m->agg->n + 1, sizeof *row_of); /* of each group */
    size_t *row_place = places(&m->rows);
    size_t *column_place = places(&m->columns);
    int r = tallies_init(&m->cells, m->spec, m->height * m->width, err);

    for (size_t i = 0; i < m->rows.n; i++)
        for (size_t g = m->rows.begin[i]; g < m->rows.begin[i + 1]; g++)
            row_of[m->rows.groups[g]] = row_place[i];
    for (size_t i = 0; !r && i < m->columns.n; i++) {
        for (size_t g = m->columns.begin[i]; !r && g < m->columns.begin[i + 1]; g++) {
            uint32_t group = m->columns.groups[g];
            struct known known = groups_known(m->agg, group);
            r = add_cell(m, row_of[group], column_place[i], &known, err);
        }
    }
    free(row_of);
    free(row_place);
    free(column_place);
    return r;
}

/* The key of the best run at a place, or "other". */
static struct value key_at(const struct matrix *m, const struct runs *r, size_t key, size_t place)
{
    if (place >= r->n_best)
        return value_text("other", 5);
    return agg_key(m->agg, r->groups[r->begin[r->best[place]]], key);
}

/* For programs: a row for each cell that has something. */
static void print_cells(struct matrix *m, struct printer *p)
{
    struct sums total = groups_total(m->agg);
    struct value keys[KEYS_MAX];
    struct answer answer;

    answer_begin(&answer, m->spec, p, &total);
    for (size_t i = 0; i + 1 < m->height; i++) {
        for (size_t j = 0; j + 1 < m->width; j++) {
            struct known known = tallies_get(&m->cells, i * m->width + j);
            if (known.sums.flows == 0 && known.sums.packets == 0 && known.sums.bytes == 0)
                continue;
            keys[ROW_KEY] = key_at(m, &m->rows, ROW_KEY, i);
            keys[COLUMN_KEY] = key_at(m, &m->columns, COLUMN_KEY, j);
            answer_row(&answer, keys, &known);
        }
    }
}

/* Columns of the table: the row's key, then a column for each of the best, "other", and total. */
static struct column *wide_columns(const struct matrix *m, const struct printer *p,
                                   char (*titles)[PRINT_TITLE])
{
    struct column *c = mem_new(m->width + 1, sizeof *c);
    struct column cell = columns_shown(&m->spec->columns.at[m->drawn]);

    c[0] = columns_key(&m->spec->keys.at[ROW_KEY]);
    c[0].key = true;
    for (size_t j = 0; j < m->width; j++) {
        bool is_total = j + 1 == m->width;
        struct value v = key_at(m, &m->columns, COLUMN_KEY, j);
        if (is_total)
            v = value_text("total", 5);
        print_title(p, &v, columns_key(&m->spec->keys.at[COLUMN_KEY]).unit, titles[j]);
        c[j + 1] = cell;
        c[j + 1].name = c[j + 1].title = titles[j];
        c[j + 1].right = true;
        c[j + 1].drawn = !is_total;
    }
    return c;
}

static void print_wide(struct matrix *m, struct printer *p)
{
    struct value *values = mem_new(m->width + 1, sizeof *values);
    char(*titles)[PRINT_TITLE] = mem_new(m->width, sizeof *titles);
    struct column *columns = wide_columns(m, p, titles);
    struct sums total = groups_total(m->agg);

    p->shape = SHAPE_MATRIX;
    p->measure = m->spec->columns.at[m->drawn].title;
    print_begin(p, columns, m->width + 1, true);
    for (size_t i = 0; i < m->height; i++) {
        values[0] = key_at(m, &m->rows, ROW_KEY, i);
        if (i + 1 == m->height)
            values[0] = value_text("total", 5);
        for (size_t j = 0; j < m->width; j++) {
            struct known known = tallies_get(&m->cells, i * m->width + j);
            values[j + 1] = answer_value(m->spec, m->drawn, &known, &total);
        }
        print_row(p, values);
    }
    free(columns);
    free(titles);
    free(values);
}

static int too_large(const struct matrix *m, struct err *err)
{
    return err_set(
        err, ERR_LIMIT,
        "a matrix of %zu rows and %zu columns is too large; ask for the first with --top",
        m->rows.n_best, m->columns.n_best);
}

int matrix_print(const struct agg *a, const struct query_spec *spec, struct printer *p,
                 struct err *err)
{
    struct matrix m = {.spec = spec, .agg = a, .drawn = answer_drawn(spec)};
    int r;

    if (m.drawn == SIZE_MAX)
        return err_set(err, ERR_CONFIG, "--matrix: none of --columns is a number");
    r = runs_make(&m.rows, a, spec, ROW_KEY, ROW_KEY + 1, err);
    if (!r)
        r = runs_make(&m.columns, a, spec, COLUMN_KEY, COLUMN_KEY + 1, err);
    m.height = extent(&m.rows);
    m.width = extent(&m.columns);
    if (!r && m.height > CELLS_MAX / m.width)
        r = too_large(&m, err);
    if (!r)
        r = fill(&m, err);
    if (!r && p->format->wide)
        print_wide(&m, p);
    else if (!r)
        print_cells(&m, p);
    runs_free(&m.rows);
    runs_free(&m.columns);
    tallies_free(&m.cells);
    return r;
}
