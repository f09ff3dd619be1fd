/* Charts in a terminal.
 *
 *   groups   a bar each: label, number, bar of the number against the largest
 *   series   one: columns of eight lines; several: a line of columns each, every one against its
 *            own largest, which stands beside it. Where there are more buckets than room, a column
 *            shows the largest of some
 *   matrix   a cell is shaded by the square root of its part of the largest, so that small ones
 *            can be told from nothing */
#include "query/chart.h"

#include <math.h>
#include <string.h>

enum {
    LABEL_MAX = 40, /* characters */
    NUMBER_WIDTH = 12,
    BAR_MIN = 10,
    EIGHTHS = 8,
    PLOT_LINES = 8,
    CELL_MIN = 2,
    CELL_MAX = 12
};

#define COLOUR "\033[36m"
#define PLAIN "\033[0m"

static const char *const across[EIGHTHS + 1] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
static const char *const upward[EIGHTHS + 1] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
static const char upward_ascii[EIGHTHS + 2] = " .:-=+*%#";
static const char shades_ascii[] = " .+*#";

enum { SHADES = COUNT_OF(shades) - 1 };

static void repeat(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_text(out, s);
}

static size_t characters(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Text in so many characters, cut or filled up. */
static void fitted(struct buf *out, const char *s, size_t width, bool right)
{
    size_t n = characters(s);
    size_t take = 0;

    if (right && n < width)
        repeat(out, " ", width - n);
    for (size_t seen = 0; s[take] && (((unsigned char)s[take] & 0xc0) == 0x80 || seen < width);
         take++)
        seen += ((unsigned char)s[take] & 0xc0) != 0x80;
    buf_bytes(out, s, take);
    if (!right && n < width)
        repeat(out, " ", width - n);
}

static size_t label_width(const struct chart *c)
{
    size_t width = 1;

    for (size_t i = 0; i < c->n_labels; i++) {
        size_t n = characters(c->labels[i]);
        width = n > width ? n : width;
    }
    return width < LABEL_MAX ? width : LABEL_MAX;
}

static void colour(const struct chart *c, struct buf *out, const char *code)
{
    if (c->options.colour)
        buf_text(out, code);
}

static void number(const struct chart *c, double v, struct buf *out)
{
    char text[64];
    struct buf b;

    buf_fixed(&b, text, sizeof text - 1);
    chart_number(c, v, &b);
    text[b.len] = '\0';
    fitted(out, text, NUMBER_WIDTH, true);
}

/* What is left of a line for the picture. */
static size_t room(const struct chart *c, size_t taken)
{
    return c->options.width > taken + BAR_MIN ? c->options.width - taken : BAR_MIN;
}

/* `part` (0 to 1) of a bar so wide; what is not nothing can be seen. */
static void bar(const struct chart *c, double part, size_t width, struct buf *out)
{
    double eighths = part * (double)(width * EIGHTHS);
    size_t n = (size_t)lround(eighths);

    n = part > 0 && n == 0 ? 1 : n;
    if (c->options.ascii) {
        repeat(out, "#", (n + EIGHTHS - 1) / EIGHTHS);
        return;
    }
    repeat(out, across[EIGHTHS], n / EIGHTHS);
    buf_text(out, across[n % EIGHTHS]);
}

static void draw_groups(const struct chart *c, struct buf *out)
{
    size_t label = label_width(c);
    size_t width = room(c, label + NUMBER_WIDTH + 4);
    double most = chart_max(c, SIZE_MAX);

    for (size_t i = 0; i < c->n_labels; i++) {
        double v = chart_at(c, i, 0);
        fitted(out, c->labels[i], label, false);
        number(c, v, out);
        buf_text(out, "  ");
        colour(c, out, COLOUR);
        bar(c, most > 0 && v > 0 ? v / most : 0, width, out);
        colour(c, out, PLAIN);
        buf_u8(out, '\n');
    }
}

/* How many columns the buckets take, in a picture of at most so many. */
static size_t columns_of(const struct chart *c, size_t width)
{
    return c->n_across < width ? c->n_across : width;
}

/* The largest of the buckets that column i of n shows. */
static double column_value(const struct chart *c, size_t label, size_t i, size_t n)
{
    size_t from = i * c->n_across / n;
    size_t to = (i + 1) * c->n_across / n;
    double most = 0;

    for (size_t b = from; b < to; b++)
        most = fmax(most, chart_at(c, label, b));
    return most;
}

/* Line `line` (0: the lowest) of a picture of so many lines. */
static void draw_line(const struct chart *c, size_t label, size_t line, size_t lines, size_t n,
                      double most, struct buf *out)
{
    colour(c, out, COLOUR);
    for (size_t i = 0; i < n; i++) {
        double v = column_value(c, label, i, n);
        double eighths = most > 0 ? v / most * (double)(lines * EIGHTHS) : 0;
        double here = eighths - (double)(line * EIGHTHS);
        long level = lround(fmin(fmax(here, 0), EIGHTHS));
        if (v > 0 && line == 0 && level == 0)
            level = 1;
        if (!c->options.ascii)
            buf_text(out, upward[level]);
        else if (lines > 1)
            buf_u8(out, level >= EIGHTHS / 2 || (line == 0 && level > 0) ? '#' : ' ');
        else
            buf_u8(out, (uint8_t)upward_ascii[level]);
    }
    colour(c, out, PLAIN);
    buf_u8(out, '\n');
}

/* From when to when, below a picture that begins at a column and has so many. */
static void draw_times(const struct chart *c, size_t indent, size_t n, struct buf *out)
{
    char from[PRINT_TIME];
    char to[PRINT_TIME];

    (void)print_time(c->times[0], c->options.local, ' ', from);
    (void)print_time(c->times[c->n_across - 1], c->options.local, ' ', to);
    repeat(out, " ", indent);
    buf_text(out, from);
    size_t used = strlen(from) + strlen(to);
    repeat(out, " ", n > used + 2 ? n - used : 2);
    buf_printf(out, "%s\n", to);
}

static void draw_plot(const struct chart *c, struct buf *out)
{
    size_t n = columns_of(c, room(c, NUMBER_WIDTH + 2));
    double most = chart_max(c, SIZE_MAX);

    for (size_t line = PLOT_LINES; line > 0; line--) {
        if (line == PLOT_LINES)
            number(c, most, out);
        else if (line == 1)
            number(c, 0, out);
        else
            repeat(out, " ", NUMBER_WIDTH);
        buf_text(out, "  ");
        draw_line(c, 0, line - 1, PLOT_LINES, n, most, out);
    }
    draw_times(c, NUMBER_WIDTH + 2, n, out);
}

static void draw_series(const struct chart *c, struct buf *out)
{
    size_t label = label_width(c);
    size_t n = columns_of(c, room(c, label + NUMBER_WIDTH + 4));

    if (c->n_across == 0)
        return;
    if (c->n_labels == 1) {
        draw_plot(c, out);
        return;
    }
    for (size_t i = 0; i < c->n_labels; i++) {
        double most = chart_max(c, i);
        fitted(out, c->labels[i], label, false);
        number(c, most, out);
        buf_text(out, "  ");
        draw_line(c, i, 0, 1, n, most, out);
    }
    draw_times(c, label + NUMBER_WIDTH + 2, n, out);
}

static void shade(const struct chart *c, double v, double most, size_t width, struct buf *out)
{
    size_t level = most > 0 && v > 0 ? (size_t)ceil(sqrt(v / most) * SHADES) : 0;
    char one[2] = {shades_ascii[level < SHADES ? level : SHADES], '\0'};

    repeat(out, c->options.ascii ? one : shades[level < SHADES ? level : SHADES], width);
}

/* Titles above the cells, or below as a list where cells are too narrow for them. */
static void draw_titles(const struct chart *c, size_t label, size_t cell, struct buf *out)
{
    repeat(out, " ", label + 2);
    for (size_t j = 0; j < c->n_across; j++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%zu", j + 1);
        fitted(out, cell > 4 ? c->across[j] : text, cell - 1, false);
        buf_u8(out, ' ');
    }
    buf_u8(out, '\n');
}

static void draw_key(const struct chart *c, double most, size_t cell, struct buf *out)
{
    buf_u8(out, '\n');
    for (size_t j = 0; cell <= 4 && j < c->n_across; j++)
        buf_printf(out, "%zu: %s\n", j + 1, c->across[j]);
    for (size_t level = 1; level <= SHADES; level++) {
        double part = (double)level / SHADES;
        shade(c, part * part * 0.999, 1, 2, out);
        buf_text(out, " to ");
        chart_number(c, part * part * most, out);
        buf_text(out, level < SHADES ? "   " : "\n");
    }
}

static void draw_matrix(const struct chart *c, struct buf *out)
{
    size_t label = label_width(c);
    size_t widest = CELL_MIN;
    double most = chart_max(c, SIZE_MAX);

    if (c->n_across == 0)
        return;
    for (size_t j = 0; j < c->n_across; j++) {
        size_t n = characters(c->across[j]) + 1;
        widest = n > widest ? n : widest;
    }
    size_t cell = room(c, label + 2) / c->n_across;
    cell = cell < widest ? cell : widest;
    cell = cell < CELL_MIN ? CELL_MIN : cell < CELL_MAX ? cell : CELL_MAX;
    draw_titles(c, label, cell, out);
    for (size_t i = 0; i < c->n_labels; i++) {
        fitted(out, c->labels[i], label, false);
        buf_text(out, "  ");
        for (size_t j = 0; j < c->n_across; j++) {
            shade(c, chart_at(c, i, j), most, cell - 1, out);
            buf_u8(out, ' ');
        }
        buf_u8(out, '\n');
    }
    draw_key(c, most, cell, out);
}

void chart_text(const struct chart *c, struct buf *out)
{
    if (c->n_labels == 0)
        return;
    buf_printf(out, "%s\n", c->measure.title);
    if (c->shape == SHAPE_SERIES)
        draw_series(c, out);
    else if (c->shape == SHAPE_MATRIX)
        draw_matrix(c, out);
    else
        draw_groups(c, out);
}
