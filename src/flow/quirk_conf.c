#include "flow/quirk_conf.h"

#include "base/text.h"
#include "flow/element.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1, SHOWN = 40, SCHEME_MAX = 14, VERSION_MAX = 10, OCTET_MAX = 60 };

static int shown(const struct conf_word *w) { return (int)(w->len < SHOWN ? w->len : SHOWN); }

static int number(const struct conf_line *line, const struct conf_word *w, uint32_t max,
                  uint32_t *out, struct err *err)
{
    uint64_t v;

    if (memchr(w->s, '.', w->len) || text_count(w->s, w->len, max, &v, NULL) != 0)
        return conf_fail(line, w->column, err, "expected a number of 0 to %u, found \"%.*s\"", max,
                         shown(w), w->s);
    *out = (uint32_t)v;
    return 0;
}

/* "150", "9/12235". */
static int element(const struct conf_line *line, const struct conf_word *w,
                   struct quirk_element *out, struct err *err)
{
    const char *slash = memchr(w->s, '/', w->len);
    size_t at = slash ? (size_t)(slash - w->s) + 1 : 0;
    struct conf_word first = {w->s, at > 0 ? at - 1 : 0, w->column};
    struct conf_word last = {w->s + at, w->len - at, w->column};
    uint32_t enterprise = 0;
    uint32_t n;

    if (number(line, &last, UINT16_MAX, &n, NULL) != 0 ||
        (slash && number(line, &first, UINT32_MAX, &enterprise, NULL) != 0))
        return conf_fail(line, w->column, err,
                         "expected an element as 150 or 9/12235, found \"%.*s\"", shown(w), w->s);
    *out = (struct quirk_element){.enterprise = enterprise, .number = (uint16_t)n};
    return 0;
}

static int prefix(const struct conf_line *line, const struct conf_word *w, struct prefix *out,
                  struct err *err)
{
    char text[PREFIX_TEXT] = "";
    struct err why;

    if (w->len < sizeof text)
        memcpy(text, w->s, w->len);
    if (prefix_parse(text, out, &why) != 0)
        return conf_fail(line, w->column, err, "%s", why.text);
    return 0;
}

static bool is_name(const struct conf_word *w)
{
    bool is = w->len < QUIRK_NAME_MAX;

    for (size_t i = 0; i < w->len && is; i++)
        is = isalnum((unsigned char)w->s[i]) || (w->s[i] && strchr("-_.", w->s[i]));
    return is;
}

static bool is_text(const struct conf_word *w)
{
    bool is = w->len < QUIRK_TEXT_MAX;

    for (size_t i = 0; i < w->len && is; i++)
        is = !iscntrl((unsigned char)w->s[i]);
    return is;
}

/* --- rules --- */

static int take_new(struct quirk_reading *q, const struct conf_line *line, struct err *err)
{
    const struct conf_word *w = &line->arg[0];
    struct quirk *old = quirks_find(&q->quirks, w->s, w->len);
    size_t file_len = strlen(line->file);

    q->name[0] = '\0';
    if (line->no) {
        if (!old)
            return conf_fail(line, w->column, err, "there is no quirk \"%.*s\" before this line",
                             shown(w), w->s);
        quirks_remove(&q->quirks, old);
        return 0;
    }
    if (!is_name(w))
        return conf_fail(line, w->column, err,
                         "expected a name of at most %d letters, digits, -, _ and ., found "
                         "\"%.*s\"",
                         QUIRK_NAME_MAX - 1, shown(w), w->s);
    if (old && strncmp(old->place, line->file, file_len) == 0 && old->place[file_len] == ':')
        return conf_fail(line, w->column, err, "there is a quirk \"%s\" in this file already: %s",
                         old->name, old->place);
    struct quirk *r = quirks_new(&q->quirks, w->s, w->len);
    if (!r)
        return conf_fail(line, w->column, err, "at most %d quirks", QUIRKS_MAX);
    (void)snprintf(r->place, sizeof r->place, "%.*s:%zu", QUIRK_PLACE_MAX - 24, line->file,
                   line->number);
    memcpy(q->name, r->name, sizeof q->name);
    return 0;
}

static int take_for(struct quirk_reading *q, const struct conf_line *line, struct err *err)
{
    const struct conf_word *w = &line->arg[0];
    struct quirk *r = quirks_find(&q->quirks, w->s, w->len);
    struct prefix p;

    if (!r)
        return conf_fail(line, w->column, err, "there is no quirk \"%.*s\" before this line",
                         shown(w), w->s);
    int e = prefix(line, &line->arg[1], &p, err);
    if (e)
        return e;
    if (line->no)
        quirk_remove_prefix(r, &p);
    else if (!quirk_add_prefix(r, &p))
        return conf_fail(line, line->arg[1].column, err, "at most %d senders of a quirk",
                         QUIRK_PREFIXES);
    return 0;
}

static int take_text(struct quirk *r, const struct conf_line *line, struct err *err)
{
    const struct conf_word *w = &line->arg[0];

    if (!is_text(w))
        return conf_fail(line, w->column, err, "expected a line of text, of at most %d octets",
                         QUIRK_TEXT_MAX - 1);
    memset(r->text, 0, sizeof r->text);
    memcpy(r->text, w->s, w->len);
    return 0;
}

static int take_match(struct quirk *r, const struct conf_line *line, struct err *err)
{
    static const uint32_t max[] = {[QUIRK_VERSION] = VERSION_MAX,
                                   [QUIRK_SCHEME] = SCHEME_MAX,
                                   [QUIRK_ENTERPRISE] = UINT32_MAX};
    struct quirk_match m = {.test = (enum quirk_test)(line->command->id - QUIRK_CMD_MATCH)};
    bool of_element = m.test == QUIRK_HAS || m.test == QUIRK_LACKS;
    uint32_t len = 0;
    int e = of_element ? element(line, &line->arg[0], &m.element, err)
                       : number(line, &line->arg[0], max[m.test], &m.n, err);

    if (e == 0 && line->n > 1)
        e = number(line, &line->arg[1], UINT16_MAX, &len, err);
    if (e)
        return e;
    if (r->n_matches == QUIRK_MATCHES)
        return conf_fail(line, 1, err, "at most %d matches", QUIRK_MATCHES);
    m.len = (uint16_t)len;
    r->match[r->n_matches++] = m;
    return 0;
}

static int field(const struct conf_line *line, const struct conf_word *w, uint16_t *out,
                 struct err *err)
{
    enum field_id f = field_by_name(w->s, w->len);

    if (f == FIELD_NONE || !element_fills(f))
        return conf_fail(line, w->column, err,
                         "expected a field that an element can fill ('weir fields' lists them), "
                         "found \"%.*s\"",
                         shown(w), w->s);
    *out = (uint16_t)f;
    return 0;
}

/* Octets of what is no number have no order. Of unknown elements a meaning may be told as well. */
static int number_element(const struct conf_line *line, const struct quirk_element *is,
                          struct err *err)
{
    static const enum space spaces[] = {SPACE_IPFIX, SPACE_V9};
    const struct layout_field f = {.enterprise = is->enterprise, .number = is->number, .len = 4};

    for (size_t i = 0; i < COUNT_OF(spaces); i++) {
        const struct element *e = element_find(spaces[i], &f);
        if (e && !element_is_number(e))
            return conf_fail(line, line->arg[0].column, err,
                             "expected an element that is a number, found one of %s",
                             field_table[e->field].name);
    }
    return 0;
}

static int take_action(struct quirk *r, const struct conf_line *line, struct err *err)
{
    int id = line->command->id;
    struct quirk_action a = {.verb = QUIRK_TIMES};
    uint32_t octet = 0;
    int e = 0;

    if (id >= QUIRK_CMD_TIMES)
        a.n = (uint16_t)(id - QUIRK_CMD_TIMES);
    else
        a.verb = (enum quirk_verb)(id - QUIRK_CMD_ACTION);
    if (line->n > 0)
        e = element(line, &line->arg[0], &a.element, err);
    if (e == 0 && a.verb == QUIRK_LITTLE)
        e = number_element(line, &a.element, err);
    if (e == 0 && a.verb == QUIRK_MEANS)
        e = field(line, &line->arg[1], &a.n, err);
    if (e == 0 && a.verb == QUIRK_AT)
        e = number(line, &line->arg[1], OCTET_MAX, &octet, err);
    if (e)
        return e;
    if (a.verb == QUIRK_AT)
        a.n = (uint16_t)octet;
    if (r->n_actions == QUIRK_ACTIONS)
        return conf_fail(line, 1, err, "at most %d actions", QUIRK_ACTIONS);
    r->action[r->n_actions++] = a;
    return 0;
}

static int take_sender(struct quirk *r, const struct conf_line *line, struct err *err)
{
    struct prefix p;
    int e = prefix(line, &line->arg[0], &p, err);

    if (e == 0 && !quirk_add_prefix(r, &p))
        return conf_fail(line, line->arg[0].column, err, "at most %d senders of a quirk",
                         QUIRK_PREFIXES);
    return e;
}

int quirk_take(struct quirk_reading *q, const struct conf_line *line, struct err *err)
{
    int id = line->command->id;

    if (id == QUIRK_CMD_NEW)
        return take_new(q, line, err);
    if (id == QUIRK_CMD_FOR)
        return take_for(q, line, err);
    struct quirk *r = quirks_find(&q->quirks, q->name, strlen(q->name));
    if (!r || *q->name == '\0') /* which was told */
        return 0;
    if (line->no)
        return conf_fail(line, 1, err,
                         "expected a match or an action, found \"no\": leave out what the rule is "
                         "not to have, or undo it whole: no quirk %s",
                         r->name);
    if (id == QUIRK_CMD_DESCRIPTION)
        return take_text(r, line, err);
    if (id == QUIRK_CMD_SENDER)
        return take_sender(r, line, err);
    if (id < QUIRK_CMD_ACTION && id >= QUIRK_CMD_MATCH)
        return take_match(r, line, err);
    if (id >= QUIRK_CMD_ACTION)
        return take_action(r, line, err);
    assert(id == QUIRK_CMD_CONFIRMED);
    r->confirmed = true;
    return 0;
}

int quirk_check(const struct quirk_reading *q, struct err *err)
{
    for (size_t i = 0; i < q->quirks.n; i++)
        if (q->quirks.v[i].n_actions == 0)
            return err_set(err, ERR_CONFIG, "%s:1: expected an action in the quirk \"%s\"",
                           q->quirks.v[i].place, q->quirks.v[i].name);
    return 0;
}

/* --- a file of its own --- */

struct reader {
    struct conf conf;
    struct quirk_reading *to;
};

static int on_command(struct conf *c, const struct conf_line *line, struct err *err)
{
    return quirk_take(container_of(c, struct reader, conf)->to, line, err);
}

static const struct conf_command commands[] = {QUIRK_COMMANDS(BLOCK, on_command)};

static struct reader reader_of(struct quirk_reading *q)
{
    return (struct reader){.conf = {.commands = commands, .n = COUNT_OF(commands)}, .to = q};
}

int quirk_read(struct quirk_reading *q, const char *file, const char *text, size_t len,
               struct err *err)
{
    struct reader r = reader_of(q);
    int e = conf_read(&r.conf, file, text, len, err);

    return e ? e : quirk_check(q, err);
}

int quirk_read_file(struct quirk_reading *q, const char *path, struct err *err)
{
    struct reader r = reader_of(q);
    int e = conf_read_file(&r.conf, path, err);

    return e ? e : quirk_check(q, err);
}
