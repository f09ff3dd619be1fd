/* Charts as files: a script for gnuplot, which gets it on its standard input. Text that an exporter
 * sent stands in single quotes with quotes doubled, and in no other place. */
#include "query/chart.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { SCRIPT_MAX = 256 << 20 };

static bool ends(const char *path, const char *with)
{
    size_t n = strlen(path);
    size_t m = strlen(with);
    return n > m && strcasecmp(path + n - m, with) == 0;
}

/* Is there a program of that name where the shell would look? */
static bool is_installed(const char *name)
{
    const char *path = getenv("PATH");
    char file[4096];

    for (const char *s = path ? path : "/usr/bin:/bin"; *s;) {
        size_t n = strcspn(s, ":");
        int len = snprintf(file, sizeof file, "%.*s/%s", (int)n, s, name);
        if (len > 0 && (size_t)len < sizeof file && access(file, X_OK) == 0)
            return true;
        s += n + (s[n] == ':');
    }
    return false;
}

int chart_file_check(const char *path, struct err *err)
{
    if (!ends(path, ".svg") && !ends(path, ".png"))
        return err_set(err, ERR_CONFIG, "expected a name that ends in .svg or .png, found \"%s\"",
                       path);
    if (!is_installed("gnuplot"))
        return err_set(err, ERR_CONFIG,
                       "files of charts are drawn by gnuplot, which is not installed (Debian: "
                       "apt install gnuplot-nox); --chart alone draws in the terminal");
    return 0;
}

static void quoted(struct buf *out, const char *s)
{
    buf_u8(out, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            buf_u8(out, '\'');
        buf_u8(out, (unsigned char)*s < ' ' ? (uint8_t)'?' : (uint8_t)*s);
    }
    buf_u8(out, '\'');
}

static void head(const struct chart *c, const char *path, struct buf *out)
{
    buf_printf(out, "set terminal %s size 1000,600 noenhanced\nset output ",
               ends(path, ".svg") ? "svg" : "png");
    quoted(out, path);
    buf_text(out, "\nset grid\nset format y '%.1s %c'\nset ylabel ");
    quoted(out, c->measure.title);
    buf_u8(out, '\n');
}

static void groups_script(const struct chart *c, struct buf *out)
{
    buf_text(out, "set style fill solid 0.8\nset boxwidth 0.8\nset yrange [0:*]\nset key off\n"
                  "set xtics rotate by -35\nset xrange [-0.6:*]\nset xtics (");
    for (size_t i = 0; i < c->n_labels; i++) {
        buf_text(out, i ? "," : "");
        quoted(out, c->labels[i]);
        buf_printf(out, " %zu", i);
    }
    buf_text(out, ")\n$data << EOD\n");
    for (size_t i = 0; i < c->n_labels; i++)
        buf_printf(out, "%zu %.17g\n", i, chart_at(c, i, 0));
    buf_text(out, "EOD\nplot $data using 1:2 with boxes\n");
}

static void series_script(const struct chart *c, struct buf *out)
{
    buf_text(out, "set xdata time\nset timefmt '%s'\nset format x \"%m-%d\\n%H:%M\"\n"
                  "set yrange [0:*]\nset key outside\n$data << EOD\n");
    for (size_t t = 0; t < c->n_across; t++) {
        buf_printf(out, "%" PRId64, c->times[t] / 1000);
        for (size_t i = 0; i < c->n_labels; i++)
            buf_printf(out, " %.17g", chart_at(c, i, t));
        buf_u8(out, '\n');
    }
    buf_text(out, "EOD\nplot ");
    for (size_t i = 0; i < c->n_labels; i++) {
        buf_printf(out, "%s$data using 1:%zu with lines lw 2 title ", i ? ", " : "", i + 2);
        quoted(out, c->labels[i][0] ? c->labels[i] : c->measure.title);
    }
    buf_u8(out, '\n');
}

static void tics(const char *axis, char *const *names, size_t n, struct buf *out)
{
    buf_printf(out, "set %stics (", axis);
    for (size_t i = 0; i < n; i++) {
        buf_text(out, i ? "," : "");
        quoted(out, names[i]);
        buf_printf(out, " %zu", i);
    }
    buf_text(out, ")\n");
}

static void matrix_script(const struct chart *c, struct buf *out)
{
    buf_text(out, "set key off\nunset grid\nset ylabel ''\nset format cb '%.1s %c'\nset cblabel ");
    quoted(out, c->measure.title);
    buf_printf(out,
               "\nset palette defined (0 'white', 1 'dark-blue')\nset xtics rotate by -35\n"
               "set yrange [%zu.5:-0.5]\nset xrange [-0.5:%zu.5]\n",
               c->n_labels - 1, c->n_across - 1);
    tics("x", c->across, c->n_across, out);
    tics("y", c->labels, c->n_labels, out);
    buf_text(out, "$data << EOD\n");
    for (size_t i = 0; i < c->n_labels; i++)
        for (size_t j = 0; j < c->n_across; j++)
            buf_printf(out, "%zu %zu %.17g\n", j, i, chart_at(c, i, j));
    buf_text(out, "EOD\nplot $data using 1:2:3 with image\n");
}

static int write_all(int fd, const struct buf *b, struct err *err)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(fd, b->data + at, b->len - at);
        if (n < 0 && errno != EINTR)
            return err_sys(err, "gnuplot does not take its script");
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int spawn(int in, int other, pid_t *pid, struct err *err)
{
    char name[] = "gnuplot";
    char *argv[] = {name, NULL};
    posix_spawn_file_actions_t actions;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    (void)posix_spawn_file_actions_addclose(&actions, other);
    errno = posix_spawnp(pid, name, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return errno ? err_sys(err, "gnuplot") : 0;
}

static int run(const struct buf *script, struct err *err)
{
    int ends_of_pipe[2];
    int status = 0;
    pid_t pid;

    if (pipe(ends_of_pipe) != 0)
        return err_sys(err, "pipe");
    int r = spawn(ends_of_pipe[0], ends_of_pipe[1], &pid, err);
    (void)close(ends_of_pipe[0]);
    if (!r) {
        void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* gnuplot may end before it has read all */
        r = write_all(ends_of_pipe[1], script, err);
        (void)signal(SIGPIPE, before);
        (void)close(ends_of_pipe[1]);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (!r && status != 0)
            r = err_set(err, ERR_SYS, "gnuplot could not draw the chart");
        return r;
    }
    (void)close(ends_of_pipe[1]);
    return r;
}

int chart_file(const struct chart *c, const char *path, struct err *err)
{
    struct buf script;
    int r = chart_file_check(path, err);

    if (r)
        return r;
    if (c->n_labels == 0 || c->n_across == 0)
        return err_set(err, ERR_CONFIG, "there is nothing to draw");
    buf_init(&script, SCRIPT_MAX);
    head(c, path, &script);
    if (c->shape == SHAPE_SERIES)
        series_script(c, &script);
    else if (c->shape == SHAPE_MATRIX)
        matrix_script(c, &script);
    else
        groups_script(c, &script);
    r = buf_ok(&script) ? run(&script, err)
                        : err_set(err, ERR_LIMIT, "the chart has too many values to draw");
    buf_free(&script);
    return r;
}
