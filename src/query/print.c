#include "query/print.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT_MAX = 1 << 30, SOME_BYTES = 1 << 16 };

static const struct print_format *const formats[] = {&print_table, &print_csv, &print_json,
                                                     &print_jsonl, &print_parquet};

const struct print_format *print_format_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

struct printer *print_new(const struct print_format *f, const struct print_options *o)
{
    struct printer *p = mem_new(1, f->size);

    p->format = f;
    p->options = *o;
    buf_init(&p->text, TEXT_MAX);
    return p;
}

void print_free(struct printer *p)
{
    if (!p)
        return;
    if (p->format->free)
        p->format->free(p);
    buf_free(&p->text);
    free(p->columns);
    free(p->names);
    free(p);
}

void print_begin(struct printer *p, const struct column *columns, size_t n, bool groups)
{
    p->columns = mem_new(n, sizeof *columns);
    p->names = mem_new(n, sizeof *p->names);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(p->names[i].name, PRINT_TITLE, "%s", columns[i].name);
        (void)snprintf(p->names[i].title, PRINT_TITLE, "%s", columns[i].title);
        p->columns[i] = columns[i];
        p->columns[i].name = p->names[i].name;
        p->columns[i].title = p->names[i].title;
    }
    p->n_columns = n;
    p->groups = groups;
    p->format->begin(p);
}

void print_row(struct printer *p, const struct value *values)
{
    p->format->row(p, values);
    p->rows++;
}

struct printer *print_fork(const struct printer *p)
{
    if (!p->format->fork || p->rows == 0)
        return NULL;
    struct printer *f = print_new(p->format, &p->options);
    f->columns = mem_new(p->n_columns, sizeof *f->columns);
    memcpy(f->columns, p->columns, p->n_columns * sizeof *f->columns);
    f->n_columns = p->n_columns;
    f->groups = p->groups;
    f->shape = p->shape;
    f->fork = true;
    f->rows = 1;
    if (!p->format->fork(f, p)) {
        print_free(f);
        return NULL;
    }
    return f;
}

void print_join(struct printer *p, struct printer *fork)
{
    print_flush(p);
    p->text.bad |= !buf_ok(&fork->text);
    if (fork->text.len > 0)
        (void)fwrite(fork->text.data, 1, fork->text.len, p->options.out);
    buf_reset(&fork->text);
    p->rows += fork->rows - 1;
    fork->rows = 1;
}

int print_end(struct printer *p, const struct summary *s, struct err *err)
{
    p->format->end(p, s);
    print_flush(p);
    if (!buf_ok(&p->text))
        return err_set(err, ERR_LIMIT, "one row of the answer is larger than %d MB",
                       TEXT_MAX >> 20);
    if (p->failed)
        return err_set(err, p->failed, "%s", p->err.text);
    if (fflush(p->options.out) != 0 || ferror(p->options.out))
        return err_sys(err, "writing the answer");
    return 0;
}

void print_title(const struct printer *p, const struct value *v, enum unit unit,
                 char out[static PRINT_TITLE])
{
    struct buf text;

    buf_init(&text, SOME_BYTES);
    if (p->format->all_columns)
        print_csv_value(&text, &p->options, v);
    else
        print_table_value(&text, &p->options, unit, v);
    (void)snprintf(out, PRINT_TITLE, "%.*s", (int)text.len,
                   text.len > 0 ? (const char *)text.data : "");
    buf_free(&text);
}

void print_flush(struct printer *p)
{
    bool bad = !buf_ok(&p->text);

    if (p->text.len > 0) /* print_end() asks ferror() */
        (void)fwrite(p->text.data, 1, p->text.len, p->options.out);
    buf_reset(&p->text);
    p->text.bad = bad;
}

void print_some(struct printer *p)
{
    if (p->text.len >= SOME_BYTES && !p->fork)
        print_flush(p);
}

/* Seconds that local time is ahead of UTC at a moment. */
static long local_offset(int64_t ms)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;

    return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

size_t print_time(int64_t ms, bool local, char sep, char out[static PRINT_TIME])
{
    long offset = local ? local_offset(ms) : 0;
    char zone[16] = "Z";
    char text[TEXT_TIME];
    int64_t shown;

    if (__builtin_add_overflow(ms, offset * INT64_C(1000), &shown)) {
        shown = ms;
        offset = 0;
        local = false;
    }
    size_t len = text_print_time(shown, text);
    if (len > 0 && text[len - 1] == 'Z')
        text[len - 1] = '\0';
    char *t = strchr(text, 'T');
    if (t)
        *t = sep;
    if (!local) {
        len = strlen(text);
        memcpy(out, text, len + 1);
        if (sep == 'T')
            memcpy(out + len++, "Z", 2);
        return len;
    }
    (void)snprintf(zone, sizeof zone, "%c%02ld:%02ld", offset < 0 ? '-' : '+',
                   labs(offset) / 3600 % 100, labs(offset) / 60 % 60);
    return (size_t)snprintf(out, PRINT_TIME, "%s%s", text, sep == 'T' ? zone : "");
}
