#include "probe/words.h"

#include "base/attr.h"
#include "base/text.h"
#include "wire/layout.h"

#include <stdio.h>
#include <string.h>

struct row {
    int line; /* of words.def, as ids of commands are */
    const char *words;
    uint32_t enterprise;
    uint16_t number; /* 0: unknown */
    uint16_t len;    /* 0: it is the argument */
};

#define FIELD(text, ent, num, octets) {__LINE__, (text), (ent), (num), (octets)},
#define VALUE FIELD
#define KEY FIELD
static const struct row rows[] = {
#include "probe/words.def"
};
#undef FIELD

#define FIELD(text, ent, num, octets) {.words = (text), .id = __LINE__, .bare = true},
#undef VALUE
#define VALUE(text, ent, num, octets)
const struct conf_command words_match[] = {
#include "probe/words.def"
    {.words = NULL},
};
#undef VALUE
#undef KEY
#define VALUE FIELD
#define KEY(text, ent, num, octets)
const struct conf_command words_collect[] = {
#include "probe/words.def"
    {.words = NULL},
};

static const struct row *row_of(int line)
{
    size_t i = 0;

    while (rows[i].line != line)
        i++;
    return &rows[i];
}

static const char *const flag_names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};

/* Only some of TCP's flags: "syn ack". */
static int read_flags(const struct conf_line *line, uint8_t *out, struct err *err)
{
    const struct conf_word *text = &line->arg[0];
    uint8_t flags = 0;

    for (size_t at = 0; at < text->len;) {
        size_t n = 0;
        size_t k = 0;
        while (at + n < text->len && text->s[at + n] != ' ' && text->s[at + n] != '\t')
            n++;
        while (k < COUNT_OF(flag_names) &&
               (strlen(flag_names[k]) < n || memcmp(flag_names[k], text->s + at, n) != 0))
            k++;
        if (k == COUNT_OF(flag_names) || n == 0)
            return conf_fail(line, text->column + at, err,
                             "expected ack, cwr, ece, fin, psh, rst, syn or urg, found \"%.*s\"",
                             (int)(n < 40 ? n : 40), text->s + at);
        flags |= (uint8_t)(1u << k);
        at += n;
        while (at < text->len && (text->s[at] == ' ' || text->s[at] == '\t'))
            at++;
    }
    *out = flags;
    return 0;
}

static int read_section(const struct conf_line *line, uint16_t *out, struct err *err)
{
    const struct conf_word *w = &line->arg[0];
    uint64_t n = 0;

    if (line->no && line->n == 0)
        return 0;
    if (text_count(w->s, w->len, WORDS_SECTION_MAX, &n, NULL) != 0 || n == 0)
        return conf_fail(line, w->column, err, "expected 1 to %d octets, found \"%.*s\"",
                         WORDS_SECTION_MAX, (int)(w->len < 40 ? w->len : 40), w->s);
    *out = (uint16_t)n;
    return 0;
}

int words_read(const struct conf_line *line, bool key, struct setup_field *out, struct err *err)
{
    const struct row *r = row_of(line->then->id);
    struct setup_field f = {
        .enterprise = r->enterprise, .number = r->number, .len = r->len, .key = key};
    int bad = 0;

    if (f.number == 0)
        return conf_fail(line, 1, err,
                         "\"%s\": which element that is nobody has published, so it cannot be "
                         "exported",
                         r->words);
    if (f.number == 6 && line->n > 0)
        bad = read_flags(line, &f.flags, err);
    else if (f.len == 0)
        bad = read_section(line, &f.len, err);
    if (!bad)
        *out = f;
    return bad;
}

uint8_t words_family(const char *words)
{
    if (strncmp(words, "ipv4 ", 5) == 0 || strstr(words, " ipv4 "))
        return 4;
    return strncmp(words, "ipv6 ", 5) == 0 || strstr(words, " ipv6 ") ? 6 : 0;
}

static bool is_same(const struct row *row, const struct setup_field *f)
{
    return row->enterprise == f->enterprise && row->number == f->number;
}

/* Has it an element that IPv6 alone has? */
static bool is_six(const struct setup_record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t n = 0;
        size_t of_six = 0;
        for (size_t k = 0; k < COUNT_OF(rows); k++) {
            n += is_same(&rows[k], &r->fields[i]);
            of_six += is_same(&rows[k], &r->fields[i]) && words_family(rows[k].words) == 6;
        }
        if (n > 0 && n == of_six)
            return true;
    }
    return false;
}

/* How good the row's words are for it: its length says more than the version of IP. */
static int fit(const struct row *row, const struct setup_field *f, uint8_t family)
{
    uint8_t of = words_family(row->words);

    return 1 + 2 * (row->len == f->len) + (of == 0 || of == family);
}

void words_print(const struct setup_record *r, size_t i, char out[static WORDS_TEXT])
{
    const struct setup_field *f = &r->fields[i];
    uint8_t family = is_six(r) ? 6 : 4;
    const struct row *found = NULL;
    int best = 0;

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        if (is_same(&rows[k], f) && fit(&rows[k], f, family) > best) {
            found = &rows[k];
            best = fit(found, f, family);
        }
    }
    if (!found)
        (void)snprintf(out, WORDS_TEXT, "element %u of enterprise %u", f->number, f->enterprise);
    else if (found->len == 0)
        (void)snprintf(out, WORDS_TEXT, "%.*s%u", (int)strcspn(found->words, "O"), found->words,
                       f->len);
    else
        (void)snprintf(out, WORDS_TEXT, "%s", found->words);
    for (size_t k = 0; k < COUNT_OF(flag_names); k++) {
        size_t n = strlen(out);
        if (found && f->flags & 1u << k)
            (void)snprintf(out + n, WORDS_TEXT - n, " %s", flag_names[k]);
    }
}

bool words_fit_v5(const struct setup_field *f)
{
    /* The sampler stands in the header; of the AS numbers either pair, of origins or of peers. */
    static const uint16_t fits[] = {1,  2,  4,  5,  6,  7,  8,  9,  10,  11, 12,
                                    13, 14, 15, 16, 17, 21, 22, 48, 128, 129};

    for (size_t i = 0; i < COUNT_OF(fits); i++)
        if (f->enterprise == 0 && f->number == fits[i] && f->len < 8)
            return f->flags == 0;
    return false;
}
