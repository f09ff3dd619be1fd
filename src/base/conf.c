#include "base/conf.h"

#include "base/file.h"
#include "base/near.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LITERAL_MAX = 32, SHOWN = 40, EXPECTED = 320 };

/* The commands that a line may still be, word by word. */
struct match {
    bool may[CONF_COMMANDS];
};

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

void conf_say(const struct conf_line *line, size_t column, struct err *err, const char *fmt, ...)
{
    char text[ERR_TEXT];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_text(err, "%s:%zu:%zu: %.400s", line->file, line->number, column, text);
}

/* The i-th word of a command's row. */
static bool row_word(const char *words, size_t i, struct conf_word *out)
{
    for (;; i--) {
        size_t len = strcspn(words, " ");
        if (len == 0)
            return false;
        if (i == 0) {
            *out = (struct conf_word){words, len, 0};
            return true;
        }
        words += len + (words[len] == ' ');
    }
}

static bool is_argument(const struct conf_word *w) { return isupper((unsigned char)*w->s); }

static bool is_text(const struct conf_word *w) { return w->len == 4 && !memcmp(w->s, "TEXT", 4); }

static bool begins(const struct conf_word *whole, const struct conf_word *typed)
{
    return typed->len <= whole->len && memcmp(whole->s, typed->s, typed->len) == 0;
}

/* The next word of the line from *at on, or the whole rest. */
static bool next_word(const char *line, size_t len, size_t *at, bool rest, struct conf_word *out)
{
    while (*at < len && is_blank(line[*at]))
        (*at)++;
    size_t end = rest ? len : *at;
    while (!rest && end < len && !is_blank(line[end]))
        end++;
    while (rest && end > *at && is_blank(line[end - 1]))
        end--;
    *out = (struct conf_word){line + *at, end - *at, *at + 1};
    *at = end;
    return out->len > 0;
}

/* Is the word one of "collector or filter"? */
static bool is_listed(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; (at = strstr(at, word)); at += len)
        if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
            return true;
    return false;
}

/* What may stand as the i-th word: "collector, filter or a name"; also the word nearest to what was
 * typed. */
static void list_expected(const struct conf *c, const struct match *m, size_t i, struct near *near,
                          char literals[CONF_COMMANDS][LITERAL_MAX], char out[static EXPECTED])
{
    size_t used = 0;

    for (size_t k = 0; k < c->n; k++) {
        struct conf_word w;
        if (!m->may[k] || !row_word(c->commands[k].words, i, &w))
            continue;
        (void)snprintf(literals[k], LITERAL_MAX, "%.*s", (int)w.len, w.s);
        if (!is_argument(&w))
            near_try(near, literals[k]);
        if (used < EXPECTED - LITERAL_MAX && !is_listed(out, literals[k]))
            used += (size_t)snprintf(out + used, EXPECTED - used, "%s%s", used ? " or " : "",
                                     literals[k]);
    }
}

static int fail_word(const struct conf *c, const struct match *m, const struct conf_line *line,
                     size_t i, const struct conf_word *found, struct err *err)
{
    char literals[CONF_COMMANDS][LITERAL_MAX];
    char expected[EXPECTED] = "";
    struct near near = near_of(found->s, found->len);

    list_expected(c, m, i, &near, literals, expected);
    const char *best = found->len > 0 ? near_best(&near) : NULL;
    if (found->len == 0)
        return conf_fail(line, found->column, err, "expected %s, found the end of the line",
                         expected);
    return conf_fail(line, found->column, err, "expected %s, found \"%.*s\"%s%s%s",
                     *expected ? expected : "the end of the line",
                     (int)(found->len < SHOWN ? found->len : SHOWN), found->s,
                     best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
}

/* Whether the i-th words of all that are left are one and the same. */
static bool is_one_word(const struct conf *c, const struct match *m, size_t i)
{
    struct conf_word first = {0};
    struct conf_word w;

    for (size_t k = 0; k < c->n; k++) {
        if (!m->may[k] || !row_word(c->commands[k].words, i, &w))
            continue;
        if (first.s && (w.len != first.len || !begins(&first, &w)))
            return false;
        first = w;
    }
    return true;
}

/* In a block its own commands come first, where one of the top level may be meant as well. */
static void prefer_block(const struct conf *c, struct match *m)
{
    bool own = false;

    for (size_t k = 0; k < c->n; k++)
        own = own || (m->may[k] && c->commands[k].in == c->block);
    for (size_t k = 0; k < c->n && own; k++)
        m->may[k] = m->may[k] && c->commands[k].in == c->block;
}

static int fail_short(const struct conf *c, const struct match *m, const struct conf_line *line,
                      size_t i, const struct conf_word *found, struct err *err)
{
    char literals[CONF_COMMANDS][LITERAL_MAX];
    char may[EXPECTED] = "";
    struct near near = near_of(found->s, found->len);

    list_expected(c, m, i, &near, literals, may);
    return conf_fail(line, found->column, err, "expected more of the word: \"%.*s\" may be %s",
                     (int)(found->len < SHOWN ? found->len : SHOWN), found->s, may);
}

/* The commands of the block, and those of the top level. */
static void begin(const struct conf *c, struct match *m)
{
    for (size_t k = 0; k < c->n; k++)
        m->may[k] = c->commands[k].in == c->block || c->commands[k].in == 0;
}

/* Leaves those commands whose i-th word this can be; a whole word wins over its beginning, and
 * over an argument. */
static size_t narrow(const struct conf *c, struct match *m, size_t i, const struct conf_word *typed)
{
    bool whole = false;
    size_t left = 0;
    struct conf_word w;

    for (size_t k = 0; k < c->n; k++)
        whole = whole || (m->may[k] && row_word(c->commands[k].words, i, &w) && !is_argument(&w) &&
                          w.len == typed->len && begins(&w, typed));
    for (size_t k = 0; k < c->n; k++) {
        if (!m->may[k])
            continue;
        m->may[k] =
            row_word(c->commands[k].words, i, &w) &&
            ((is_argument(&w) && !whole) || (begins(&w, typed) && (!whole || w.len == typed->len)));
        left += m->may[k];
    }
    return left;
}

/* The only command that is left, whether or not all its words are read; NULL if there are several.
 */
static const struct conf_command *only(const struct conf *c, const struct match *m)
{
    const struct conf_command *found = NULL;

    for (size_t k = 0; k < c->n; k++) {
        if (m->may[k] && found)
            return NULL;
        if (m->may[k])
            found = &c->commands[k];
    }
    return found;
}

/* The only command that is left, if it can be undone without its i-th word. */
static const struct conf_command *bare(const struct conf *c, const struct match *m, size_t i)
{
    const struct conf_command *one = only(c, m);
    struct conf_word w;
    return one && one->bare && row_word(one->words, i, &w) && is_argument(&w) ? one : NULL;
}

/* The only command that is left, if its i-th word is all the rest of the line. */
static const struct conf_command *rest_of_line(const struct conf *c, const struct match *m,
                                               size_t i)
{
    const struct conf_command *one = only(c, m);
    struct conf_word w;
    return one && row_word(one->words, i, &w) && is_text(&w) ? one : NULL;
}

/* The command that has no i-th word: one may go on where another ends. */
static const struct conf_command *complete(const struct conf *c, const struct match *m, size_t i)
{
    struct conf_word w;

    for (size_t k = 0; k < c->n && i > 0; k++)
        if (m->may[k] && !row_word(c->commands[k].words, i, &w))
            return &c->commands[k];
    return NULL;
}

/* Keeps the word if it is an argument of the commands that are left, which agree on it. */
static void keep_argument(const struct conf *c, const struct match *m, size_t i,
                          const struct conf_word *typed, struct conf_line *line)
{
    struct conf_word w;

    for (size_t k = 0; k < c->n; k++) {
        if (!m->may[k])
            continue;
        if (row_word(c->commands[k].words, i, &w) && is_argument(&w) && line->n < CONF_WORDS)
            line->arg[line->n++] = *typed;
        return;
    }
}

static int take(struct conf *c, struct conf_line *line, const struct conf_command *command,
                struct err *err)
{
    if (line->command)
        line->then = command;
    else
        line->command = command;
    command = line->command;
    int r = command->take(c, line, err);
    if (command->in == 0)
        c->block = 0;
    if (command->opens && !line->no)
        c->block = command->opens;
    return r;
}

/* The table in which the words go on behind the first i: *t, or that of the only command left. */
static bool goes_on(const struct conf *t, const struct match *m, size_t i, struct conf_line *line,
                    struct conf *then)
{
    const struct conf_command *one = only(t, m);
    struct conf_word w;

    if (i == 0 || !one || !one->then || row_word(one->words, i, &w))
        return false;
    line->command = one;
    *then = (struct conf){.commands = one->then};
    while (then->commands[then->n].words)
        then->n++;
    assert(then->n <= CONF_COMMANDS);
    return true;
}

/* The word, or the whole rest of the line if that is what the command wants. */
static const struct conf_command *widen(const struct conf *t, const struct match *m, size_t i,
                                        const char *s, size_t len, size_t *at,
                                        struct conf_word *typed)
{
    const struct conf_command *rest = rest_of_line(t, m, i);

    if (!rest)
        return NULL;
    *at = typed->column - 1;
    (void)next_word(s, len, at, true, typed);
    return rest;
}

/* Reads words from `at` on until one command is whole. */
static int take_line(struct conf *c, struct conf_line *line, const char *s, size_t len, size_t at,
                     struct err *err)
{
    struct conf then;
    const struct conf *t = c;
    struct match m = {{false}};
    struct conf_word typed;

    begin(t, &m);
    for (size_t i = 0;; i++) {
        if (goes_on(t, &m, i, line, &then)) {
            t = &then;
            m = (struct match){{false}};
            begin(t, &m);
            i = 0;
        }
        const struct match before = m;
        const struct conf_command *done = complete(t, &m, i);
        const struct conf_command *rest = rest_of_line(t, &m, i);
        bool is = next_word(s, len, &at, false, &typed);
        if (!is && done)
            return take(c, line, done, err);
        const struct conf_command *undone = rest ? rest : bare(t, &m, i);
        if (!is && undone && line->no)
            return take(c, line, undone, err);
        if (!is || (done && only(t, &m)) || narrow(t, &m, i, &typed) == 0)
            return fail_word(t, &before, line, i, &typed, err);
        if (!is_one_word(t, &m, i))
            prefer_block(t, &m);
        if (!is_one_word(t, &m, i))
            return fail_short(t, &m, line, i, &typed, err);
        rest = widen(t, &m, i, s, len, &at, &typed);
        keep_argument(t, &m, i, &typed, line);
        if (rest)
            return take(c, line, rest, err);
    }
}

static int read_line(struct conf *c, struct conf_line *line, const char *s, size_t len,
                     struct err *err)
{
    size_t at = 0;
    struct conf_word first;

    if (!next_word(s, len, &at, false, &first) || *first.s == '!' || *first.s == '#')
        return 0;
    if (c->block && first.len == 4 && memcmp(first.s, "exit", 4) == 0) {
        c->block = 0;
        return next_word(s, len, &at, true, &first)
                   ? conf_fail(line, first.column, err,
                               "expected the end of the line, found \"%.*s\"",
                               (int)(first.len < SHOWN ? first.len : SHOWN), first.s)
                   : 0;
    }
    line->no = first.len == 2 && memcmp(first.s, "no", 2) == 0;
    return take_line(c, line, s, len, line->no ? at : 0, err);
}

int conf_read(struct conf *c, const char *file, const char *text, size_t len, struct err *err)
{
    size_t number = 0;
    int result = 0;

    assert(c->commands && c->n <= CONF_COMMANDS);
    c->block = 0;
    for (size_t at = 0; at < len;) {
        const char *stop = memchr(text + at, '\n', len - at);
        size_t end = stop ? (size_t)(stop - text) : len;
        struct conf_line line = {.file = file, .number = number + 1};
        int r = read_line(c, &line, text + at, end - at, err);
        if (r && !c->wrong)
            return r;
        if (r)
            c->wrong(c, err);
        result = r ? r : result;
        at = end + 1;
        number++;
    }
    return result;
}

int conf_read_file(struct conf *c, const char *path, struct err *err)
{
    struct buf text;

    buf_init(&text, CONF_BYTES_MAX);
    int r = file_read(path, &text, err);
    if (r == 0)
        r = conf_read(c, path, (const char *)text.data, text.len, err);
    buf_free(&text);
    return r;
}
