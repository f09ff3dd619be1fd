/* nfdump's filter as weir's, which knows nfdump's words. Two things mean something else there and
 * are rewritten; the rest stays as it is:
 *
 *   duration > 5000    milliseconds: a number without a unit gets one
 *   not flags SA       neither S nor A, while "flags SA" is both: "not flags any SA" */
#include "query/nfdump.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A piece of the text: a word, signs of comparison, quoted text, or one other octet. */
struct piece {
    const char *at;
    size_t len;
};

static bool is_word(char c) { return c && !strchr(" \t\r\n()[],<>=!&|#\"'", c); }

static struct piece piece_at(const char *s)
{
    struct piece p = {s + strspn(s, " \t\r\n"), 0};

    if (*p.at == '#') { /* a comment, up to the end of the line */
        p.len = strcspn(p.at, "\n");
    } else if (*p.at == '"' || *p.at == '\'') {
        const char *end = strchr(p.at + 1, *p.at);
        p.len = end ? (size_t)(end - p.at) + 1 : strlen(p.at);
    } else {
        while (is_word(p.at[p.len]))
            p.len++;
        if (p.len == 0)
            p.len = strspn(p.at, "<>=");
        if (p.len == 0 && *p.at)
            p.len = 1;
    }
    return p;
}

static struct piece next(struct piece p) { return piece_at(p.at + p.len); }

static bool is(struct piece p, const char *word)
{
    return strlen(word) == p.len && strncasecmp(p.at, word, p.len) == 0;
}

static bool is_comparison(struct piece p)
{
    return (p.len > 0 && strchr("<>=", *p.at)) || is(p, "eq") || is(p, "lt") || is(p, "gt") ||
           is(p, "le") || is(p, "ge");
}

static bool is_number(struct piece p)
{
    for (size_t i = 0; i < p.len; i++)
        if (!isdigit((unsigned char)p.at[i]))
            return false;
    return p.len > 0;
}

/* "duration" stands at p: what is to be put behind how much of the text. */
static struct piece duration_value(struct piece p)
{
    struct piece value = next(p);

    if (is_comparison(value))
        value = next(value);
    return is_number(value) ? value : (struct piece){p.at, 0};
}

/* "not flags" with several letters. */
static struct piece not_letters(struct piece p)
{
    struct piece flags = next(p);
    struct piece letters = is(flags, "flags") ? next(flags) : (struct piece){p.at, 0};

    for (size_t i = 0; i < letters.len; i++)
        if (!strchr("afrpusxAFRPUSX", letters.at[i]))
            return (struct piece){p.at, 0};
    return letters.len > 1 ? letters : (struct piece){p.at, 0};
}

void nfdump_filter(const char *text, struct buf *out)
{
    const char *from = text; /* not yet written */

    for (struct piece p = piece_at(text); p.len > 0; p = next(p)) {
        struct piece value = {p.at, 0};
        if (is(p, "duration")) {
            value = duration_value(p);
            if (value.len > 0) {
                buf_bytes(out, from, (size_t)(value.at + value.len - from));
                buf_text(out, "ms");
            }
        } else if (is(p, "not") || is(p, "!")) {
            value = not_letters(p);
            if (value.len > 0) {
                buf_bytes(out, from, (size_t)(value.at - from));
                buf_printf(out, "any %.*s", (int)value.len, value.at);
            }
        }
        if (value.len > 0) {
            from = value.at + value.len;
            p = value;
        }
    }
    buf_text(out, from);
}
