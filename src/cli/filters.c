#include "cli/filters.h"

#include "base/file.h"
#include "base/mem.h"
#include "cli/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 4096 };

static int read_values(const void *arg, const char *path, struct buf *out, struct err *err)
{
    (void)arg;
    return file_read(path, out, err);
}

static const struct filter_named *named_at(const void *arg, size_t i)
{
    const struct filters *f = arg;
    return i < f->n ? &f->v[i] : NULL;
}

struct filter_env filters_env(const struct filters *f)
{
    return (struct filter_env){.read_file = read_values, .named = named_at, .arg = f};
}

static char *copy_of(const struct conf_word *w)
{
    char *s = mem_new(w->len + 1, 1);

    memcpy(s, w->s, w->len);
    return s;
}

static bool is_name(const struct conf_word *w)
{
    for (size_t i = 0; i < w->len; i++)
        if (!isalnum((unsigned char)w->s[i]) && !strchr("_-.", w->s[i]))
            return false;
    return true;
}

static void forget(struct filters *f, const struct conf_word *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strlen(f->v[i].name) != name->len || memcmp(f->v[i].name, name->s, name->len) != 0)
            continue;
        free(f->v[i].name);
        free(f->v[i].text);
        memmove(&f->v[i], &f->v[i + 1], (f->n - i - 1) * sizeof *f->v);
        f->n--;
        return;
    }
}

int filters_take(struct filters *f, const struct conf_line *line, struct err *err)
{
    const struct conf_word *name = &line->arg[0];

    forget(f, name);
    if (line->no)
        return 0;
    if (!is_name(name))
        return conf_fail(line, name->column, err,
                         "expected a name of letters, digits, _, - and ., found \"%.*s\"",
                         (int)(name->len < 40 ? name->len : 40), name->s);
    f->v = mem_resize(f->v, f->n + 1, sizeof *f->v);
    f->v[f->n++] = (struct filter_named){.name = copy_of(name),
                                         .text = copy_of(&line->arg[1]),
                                         .file = line->file,
                                         .line = line->number,
                                         .column = line->arg[1].column};
    return 0;
}

int filters_load(struct filters *f, const char *config, struct err *err)
{
    const char *path = config ? config : config_usual();

    *f = (struct filters){0};
    if (!path)
        return 0;
    struct config *c = mem_new(1, sizeof *c);
    config_init(c);
    int r = config_read(c, path, err);
    *f = c->filters;
    c->filters = (struct filters){0};
    config_free(c);
    free(c);
    return r;
}

int filters_check(const struct filters *f, struct err *err)
{
    struct filter_env env = filters_env(f);

    for (size_t i = 0; i < f->n; i++) {
        const struct filter_named *one = &f->v[i];
        struct filter_error wrong;
        struct filter *filter = NULL;
        int r = filter_parse_at(&filter, one->text, &env, &wrong);
        filter_free(filter);
        if (r)
            return err_set(err, r, "%s:%zu:%zu: %.400s", one->file, one->line,
                           one->column + wrong.at, wrong.text);
    }
    return 0;
}

void filters_free(struct filters *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->v[i].name);
        free(f->v[i].text);
    }
    free(f->v);
    *f = (struct filters){0};
}

static int parse(const struct command *c, const struct filters *f, const char *text,
                 struct filter **out)
{
    struct filter_env env = filters_env(f);
    struct filter_error wrong;
    struct err err;
    struct buf shown;

    if (filter_parse_at(out, text, &env, &wrong) != 0) {
        buf_init(&shown, MESSAGE_MAX);
        filter_error_print(&wrong, text, &shown);
        (void)fprintf(stderr, "weir %s: the filter is wrong\n%.*s", c->name, (int)shown.len,
                      shown.data ? (const char *)shown.data : "");
        buf_free(&shown);
        return 2;
    }
    if (filter_only_flows(*out, &err) != 0) {
        (void)fprintf(stderr, "weir %s: %s\n", c->name, err.text);
        return 1;
    }
    return 0;
}

int filters_parse(const struct command *c, const char *config, const char *text,
                  struct filter **out)
{
    struct filters f = {0};
    struct err err;
    int status = 2;
    bool named = config || strcasestr(text, "filter");

    if (named && filters_load(&f, config, &err) != 0)
        (void)fprintf(stderr, "weir %s: %s\n", c->name, err.text);
    else
        status = parse(c, &f, text, out);
    filters_free(&f);
    return status;
}
