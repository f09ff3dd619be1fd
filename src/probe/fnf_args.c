/* Arguments of the routers' commands: names, numbers, addresses, interfaces. */
#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"
#include "probe/fnf_draft.h"

#include <ctype.h>
#include <string.h>

enum { SHOWN = 40, NOTES_MAX = 64 };

int fnf_say_joined(const struct conf_line *line, const struct conf_word *w, char glue,
                   struct fnf_said *out, struct err *err)
{
    struct fnf_said said = {.line = line->number, .column = w->column};
    size_t n = 0;

    for (size_t i = 0; i < w->len; i++) {
        bool blank = isblank((unsigned char)w->s[i]);
        if (blank && (glue == 0 || (n > 0 && said.s[n - 1] == glue)))
            continue;
        if (n + 1 == sizeof said.s)
            return conf_fail(line, w->column, err, "expected a name of at most %d octets",
                             SETUP_NAME - 1);
        said.s[n] = w->s[i];
        if (blank)
            said.s[n] = glue;
        n++;
    }
    if (!utf8_ok((const uint8_t *)said.s, n) || memchr(said.s, '\0', n))
        return conf_fail(line, w->column, err, "expected a name in UTF-8");
    *out = said;
    return 0;
}

int fnf_say(const struct conf_line *line, const struct conf_word *w, struct fnf_said *out,
            struct err *err)
{
    return fnf_say_joined(line, w, ' ', out, err);
}

struct fnf_said fnf_here(const struct conf_line *line)
{
    return (struct fnf_said){.line = line->no ? 0 : line->number, .column = 1};
}

int fnf_number_at(const struct conf_line *line, const struct conf_word *w, uint64_t min,
                  uint64_t max, const char *what, uint64_t otherwise, uint64_t *out,
                  struct err *err)
{
    uint64_t n = otherwise;

    if (!line->no && (text_count(w->s, w->len, max, &n, NULL) != 0 || n < min))
        return conf_fail(line, w->column, err, "expected %llu to %llu%s%s, found \"%.*s\"",
                         (unsigned long long)min, (unsigned long long)max, *what ? " " : "", what,
                         (int)(w->len < SHOWN ? w->len : SHOWN), w->s);
    *out = n;
    return 0;
}

int fnf_number(const struct conf_line *line, uint64_t min, uint64_t max, const char *what,
               uint64_t otherwise, uint64_t *out, struct err *err)
{
    return fnf_number_at(line, &line->arg[0], min, max, what, otherwise, out, err);
}

int fnf_address(const struct conf_line *line, const struct conf_word *w, struct addr *out,
                struct err *err)
{
    struct fnf_said text;
    int r = fnf_say(line, w, &text, err);

    if (r == 0 && addr_parse(text.s, out, NULL) != 0)
        r = conf_fail(line, w->column, err, "expected an IP address, found \"%.*s\"",
                      (int)(w->len < SHOWN ? w->len : SHOWN), w->s);
    return r;
}

int fnf_device(const struct conf_line *line, const struct conf_word *w, char out[static IFNAMSIZ],
               struct err *err)
{
    if (w->len >= IFNAMSIZ || memchr(w->s, '/', w->len) || memchr(w->s, '\0', w->len) ||
        !utf8_ok((const uint8_t *)w->s, w->len))
        return conf_fail(line, w->column, err,
                         "expected an interface of Linux, of at most %d octets, found \"%.*s\"",
                         IFNAMSIZ - 1, (int)(w->len < SHOWN ? w->len : SHOWN), w->s);
    memset(out, 0, IFNAMSIZ);
    memcpy(out, w->s, w->len);
    return 0;
}

void fnf_remark(struct fnf *f, const struct conf_line *line, const char *why)
{
    if (line->no || f->n_notes == NOTES_MAX)
        return;
    f->notes = mem_resize(f->notes, f->n_notes + 1, sizeof *f->notes);
    f->notes[f->n_notes++] = (struct fnf_note){line->number, why};
}
