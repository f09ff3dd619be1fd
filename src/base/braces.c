#include "base/braces.h"

#include <string.h>

struct reader {
    struct braces *to;
    const char *file;
    const char *text;
    size_t len;
    size_t at;
    size_t begin;                /* of the line */
    struct braces_line line;     /* what it says so far; path holds the blocks first */
    size_t blocks[BRACES_DEPTH]; /* words of the path before each block */
    size_t depth;
    struct err *err;
};

enum token { TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_LINE, TOKEN_END, TOKEN_WRONG };

static int fail_at(struct reader *r, size_t at, const char *text)
{
    const struct conf_line line = {.file = r->file, .number = r->line.number};

    return conf_fail(&line, at - r->begin + 1, r->err, "%s", text);
}

static bool is_next(const struct reader *r, const char *two)
{
    return r->len - r->at >= 2 && memcmp(r->text + r->at, two, 2) == 0;
}

static void next_line(struct reader *r)
{
    r->line.number++;
    r->begin = r->at;
}

/* Behind it; lines within count. false: it has no end. */
static bool skip_comment(struct reader *r)
{
    for (r->at += 2; r->at < r->len; r->at++) {
        if (is_next(r, "*/")) {
            r->at += 2;
            return true;
        }
        if (r->text[r->at] == '\n') {
            r->at++;
            next_line(r);
            r->at--;
        }
    }
    return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static bool is(const struct conf_word *w, const char *text)
{
    return w->len == strlen(text) && memcmp(w->s, text, w->len) == 0;
}

/* Behind `set` or `comment`: values there are quoted, but nothing in them is escaped, and braces
 * are as other characters. */
static bool is_command(const struct reader *r)
{
    return r->depth == 0 && r->line.n > 0 &&
           (is(&r->line.path[0], "set") || is(&r->line.path[0], "comment"));
}

static bool ends_word(const struct reader *r, size_t at)
{
    if (at == r->len)
        return true;
    char c = r->text[at];
    return is_blank(c) || c == '\n' || (!is_command(r) && (c == '{' || c == '}'));
}

/* Where the quoted word ends that began before `at`, or its line. In a block a backslash stands
 * before a quote that is meant, in a command a quote inside a word is meant. */
static size_t quote_end(const struct reader *r, size_t at, char quote)
{
    bool command = is_command(r);

    while (at < r->len && r->text[at] != '\n') {
        if (r->text[at] == quote && (!command || ends_word(r, at + 1)))
            return at;
        if (!command && r->text[at] == '\\' && at + 1 < r->len && r->text[at + 1] != '\n')
            at++;
        at++;
    }
    return at;
}

static enum token quoted(struct reader *r, struct conf_word *w)
{
    size_t from = r->at;
    char quote = r->text[from];

    r->at = quote_end(r, from + 1, quote);
    if (r->at == r->len || r->text[r->at] != quote) {
        (void)fail_at(r, from, "expected the end of the quoted word on its line");
        return TOKEN_WRONG;
    }
    *w = (struct conf_word){r->text + from + 1, r->at - from - 1, from - r->begin + 1};
    r->at++;
    return TOKEN_WORD;
}

static enum token next_token(struct reader *r, struct conf_word *w)
{
    for (;;) {
        while (r->at < r->len && is_blank(r->text[r->at]))
            r->at++;
        if (r->at == r->len)
            return TOKEN_END;
        size_t from = r->at;
        char c = r->text[r->at];
        if (is_next(r, "//")) {
            while (r->at < r->len && r->text[r->at] != '\n')
                r->at++;
            continue;
        }
        if (is_next(r, "/*")) {
            if (skip_comment(r))
                continue;
            (void)fail_at(r, r->len, "expected the end of the comment, \"*/\"");
            return TOKEN_WRONG;
        }
        if (c == '\'' || c == '"')
            return quoted(r, w);
        if (ends_word(r, r->at)) {
            r->at++;
            return c == '\n' ? TOKEN_LINE : c == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
        }
        while (!ends_word(r, r->at))
            r->at++;
        *w = (struct conf_word){r->text + from, r->at - from, from - r->begin + 1};
        return TOKEN_WORD;
    }
}

static size_t block_words(const struct reader *r)
{
    return r->depth > 0 ? r->blocks[r->depth - 1] : 0;
}

/* What the words since the block's begin say, if there are any. */
static int give(struct reader *r, bool opens)
{
    struct braces_line *l = &r->line;
    size_t from = block_words(r);
    int bad = 0;

    if (r->depth == 0 && l->n > 1 && is(&l->path[0], "set"))
        memmove(&l->path[0], &l->path[1], --l->n * sizeof l->path[0]);
    if (l->n > from) {
        l->opens = opens;
        bad = r->to->take(r->to, l, r->err);
    }
    if (!opens)
        l->n = from;
    return bad;
}

static int open_block(struct reader *r)
{
    if (r->line.n == block_words(r))
        return fail_at(r, r->at - 1, "expected the name of a block before \"{\"");
    if (r->depth == BRACES_DEPTH)
        return fail_at(r, r->at - 1, "expected fewer blocks in each other");
    int bad = give(r, true);
    r->blocks[r->depth++] = r->line.n;
    return bad;
}

static int close_block(struct reader *r)
{
    if (r->depth == 0)
        return fail_at(r, r->at - 1, "expected a statement, found \"}\" without its \"{\"");
    int bad = give(r, false);
    r->depth--;
    r->line.n = block_words(r);
    return bad;
}

static int add_word(struct reader *r, const struct conf_word *w)
{
    if (r->line.n == BRACES_WORDS)
        return fail_at(r, w->column - 1 + r->begin, "expected fewer words");
    r->line.path[r->line.n++] = *w;
    return 0;
}

static int take_token(struct reader *r, enum token t, const struct conf_word *w)
{
    int bad = 0;

    switch (t) {
    case TOKEN_WORD:
        return add_word(r, w);
    case TOKEN_OPEN:
        return open_block(r);
    case TOKEN_CLOSE:
        return close_block(r);
    case TOKEN_LINE:
        bad = give(r, false);
        next_line(r);
        return bad;
    case TOKEN_END:
        bad = give(r, false);
        return bad == 0 && r->depth > 0 ? fail_at(r, r->at, "expected \"}\", found the end") : bad;
    case TOKEN_WRONG:
        break;
    }
    return ERR_CONFIG;
}

int braces_read(struct braces *b, const char *file, const char *text, size_t len, struct err *err)
{
    struct reader r = {.to = b,
                       .file = file,
                       .text = text,
                       .len = len,
                       .line = {.file = file, .number = 1},
                       .err = err};
    struct conf_word w = {0};
    enum token t;
    int bad;

    do {
        t = next_token(&r, &w);
        bad = take_token(&r, t, &w);
    } while (bad == 0 && t != TOKEN_END);
    return bad;
}
