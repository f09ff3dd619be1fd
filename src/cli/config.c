#include "cli/config.h"

#include "base/file.h"
#include "base/syslog.h"
#include "base/text.h"
#include "cli/collect_set.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLLECTOR = 1, STORE, SENDER, QUIRK };

static const uint64_t rate_max = UINT32_MAX;

enum { SHOWN = 40 };

/* Twice the largest file, for the words and what joins them. */
static const size_t text_max = 2 * (size_t)CONF_BYTES_MAX;

static int on_filter(struct conf *c, const struct conf_line *line, struct err *err)
{
    return filters_take(&container_of(c, struct config, conf)->filters, line, err);
}

static int on_block(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);

    if (line->no)
        return conf_fail(line, 1, err,
                         "expected a command to undo, found a block: leave it out instead");
    k->has_collector = k->has_collector || line->command->opens == COLLECTOR;
    return 0;
}

static char *text_of(struct config *k, const struct conf_word *w)
{
    char *text = arena_new(&k->text, w->len + 1);

    if (text)
        memcpy(text, w->s, w->len);
    return text;
}

static int fail_large(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the configuration is too large");
}

static int on_log(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)err;
    container_of(c, struct config, conf)->level =
        line->no ? LOG_INFO : (enum log_level)line->command->id;
    return 0;
}

static int on_syslog(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    struct err why;

    if (line->no) {
        k->syslog = NULL;
        return 0;
    }
    const char *text = text_of(k, &line->arg[0]);
    if (!text)
        return fail_large(err);
    if (syslog_check(text, &why) != 0)
        return conf_fail(line, line->arg[0].column, err, "%s", why.text);
    k->syslog = text;
    return 0;
}

static int on_sender(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    const char *text = text_of(k, &line->arg[0]);
    struct prefix p;
    struct err why;

    if (!text)
        return fail_large(err);
    if (prefix_parse(text, &p, &why) != 0)
        return conf_fail(line, line->arg[0].column, err, "%s", why.text);
    if (line->no)
        senders_remove(&k->collect.senders, &p);
    else if (!senders_get(&k->collect.senders, &p))
        return conf_fail(line, line->arg[0].column, err, "at most %d senders", SENDERS_MAX);
    k->sender = p;
    return 0;
}

/* "1000" or "1:1000": one in so many. */
static int on_sampling(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    struct sender_rule *rule = senders_get(&k->collect.senders, &k->sender);
    uint64_t rate = 0;
    struct err why;

    if (!rule)
        return fail_large(err);
    if (!line->no) {
        const struct conf_word *w = &line->arg[0];
        size_t skip = w->len > 2 && memcmp(w->s, "1:", 2) == 0 ? 2 : 0;
        if (text_count(w->s + skip, w->len - skip, rate_max, &rate, &why) != 0 || rate == 0)
            return conf_fail(line, w->column, err,
                             "expected a rate as 1000 or 1:1000, found \"%.*s\"",
                             (int)(w->len < SHOWN ? w->len : SHOWN), w->s);
    }
    rule->rate = (double)rate;
    return 0;
}

static int on_out_of_sequence(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    struct sender_rule *rule = senders_get(&k->collect.senders, &k->sender);

    if (!rule)
        return fail_large(err);
    rule->reject = line->command->id != 0 && !line->no;
    return 0;
}

/* A command's arguments as the flag of the same meaning has them: ADDR:PORT, PREFIX@PORT. */
static const char *joined(struct config *k, const struct conf_line *line)
{
    const struct conf_word *a = &line->arg[0];
    const struct conf_word *b = &line->arg[1];
    bool listens = line->command->id == SET_LISTEN || line->command->id == SET_TCP;
    bool six = listens && memchr(a->s, ':', a->len);
    size_t size = a->len + 5 + (line->n > 1 ? b->len : 0);
    char *text = arena_new(&k->text, size);

    if (text && line->n > 1)
        (void)snprintf(text, size, "%s%.*s%s%c%.*s", six ? "[" : "", (int)a->len, a->s,
                       six ? "]" : "", listens ? ':' : '@', (int)b->len, b->s);
    else if (text)
        memcpy(text, a->s, a->len);
    return text;
}

static int on_setting(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    enum collect_setting what = (enum collect_setting)line->command->id;
    const char *text = line->n > 0 ? joined(k, line) : NULL;
    struct err why;

    if (line->n > 0 && !text)
        return fail_large(err);
    int r = line->no ? collect_unset(&k->collect, what, text, &why)
                     : collect_set(&k->collect, what, text, &why);
    return r ? conf_fail(line, line->n > 0 ? line->arg[0].column : 1, err, "%s", why.text) : 0;
}

static int on_quirk(struct conf *c, const struct conf_line *line, struct err *err)
{
    return quirk_take(&container_of(c, struct config, conf)->quirks, line, err);
}

/* More rules, in a file of their own. */
static int on_quirks(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    const char *path = text_of(k, &line->arg[0]);

    if (line->no)
        return conf_fail(line, 1, err,
                         "expected a quirk to undo (no quirk NAME), found a file: leave it out "
                         "instead");
    if (!path)
        return fail_large(err);
    int r = quirk_read_file(&k->quirks, path, err);
    return r == ERR_CONFIG ? r : r ? conf_fail(line, line->arg[0].column, err, "%s", path) : 0;
}

/* The rules that weir comes with. A file that is named must be there. */
static int read_shipped(struct config *c, struct err *err)
{
    const char *path = getenv("WEIR_QUIRKS");

    if (!path && !file_exists(WEIR_QUIRKS)) {
        c->no_quirks = WEIR_QUIRKS;
        return 0;
    }
    path = path ? path : WEIR_QUIRKS;
    return *path ? quirk_read_file(&c->quirks, path, err) : 0;
}

#define SETTING(block, text, what, can_be_bare)                                                 \
    {                                                                                           \
        .words = (text), .take = on_setting, .in = (block), .id = (what), .bare = (can_be_bare) \
    }

static const struct conf_command commands[] = {
    {.words = "filter NAME TEXT", .take = on_filter},
    {.words = "collector", .take = on_block, .opens = COLLECTOR},
    SETTING(COLLECTOR, "listen udp ADDR PORT", SET_LISTEN, false),
    SETTING(COLLECTOR, "listen tcp ADDR PORT", SET_TCP, false),
    SETTING(COLLECTOR, "permit PREFIX", SET_PERMIT, false),
    SETTING(COLLECTOR, "permit PREFIX port PORT", SET_PERMIT, false),
    SETTING(COLLECTOR, "deny PREFIX", SET_DENY, false),
    SETTING(COLLECTOR, "deny PREFIX port PORT", SET_DENY, false),
    SETTING(COLLECTOR, "workers N", SET_WORKERS, true),
    SETTING(COLLECTOR, "pin", SET_PIN, false),
    SETTING(COLLECTOR, "rcvbuf BYTES", SET_RCVBUF, true),
    SETTING(COLLECTOR, "instance NAME", SET_INSTANCE, true),
    {.words = "log quiet", .take = on_log, .in = COLLECTOR, .id = LOG_WARN},
    {.words = "log verbose", .take = on_log, .in = COLLECTOR, .id = LOG_DEBUG},
    {.words = "syslog FACILITY", .take = on_syslog, .in = COLLECTOR, .bare = true},
    {.words = "store", .take = on_block, .opens = STORE},
    SETTING(STORE, "path DIR", SET_STORE, true),
    SETTING(STORE, "seal-every TIME", SET_SEAL_EVERY, true),
    SETTING(STORE, "journal-size BYTES", SET_JOURNAL_SIZE, true),
    SETTING(STORE, "sync TIME", SET_SYNC, true),
    {.words = "sender PREFIX", .take = on_sender, .opens = SENDER},
    {.words = "sampling RATE", .take = on_sampling, .in = SENDER, .bare = true},
    {.words = "out-of-sequence log", .take = on_out_of_sequence, .in = SENDER},
    {.words = "out-of-sequence reject", .take = on_out_of_sequence, .in = SENDER, .id = 1},
    {.words = "quirks FILE", .take = on_quirks},
    QUIRK_COMMANDS(QUIRK, on_quirk),
};

void config_init(struct config *c)
{
    *c = (struct config){.conf = {.commands = commands, .n = COUNT_OF(commands)},
                         .collect = collect_options_default(),
                         .level = LOG_INFO};
    arena_init(&c->text, text_max);
}

void config_free(struct config *c)
{
    access_rules_free(&c->collect.access);
    senders_free(&c->collect.senders);
    quirks_free(&c->quirks.quirks);
    filters_free(&c->filters);
    arena_free(&c->text);
}

const char *config_usual(void)
{
    const char *path = getenv("WEIR_CONFIG");

    if (!path && file_exists(FILTERS_CONFIG))
        path = FILTERS_CONFIG;
    return path && *path ? path : NULL;
}

int config_read(struct config *c, const char *path, struct err *err)
{
    int r = read_shipped(c, err);

    if (r == 0 && path)
        r = conf_read_file(&c->conf, path, err);
    if (r == 0) {
        r = quirk_check(&c->quirks, err);
        if (r && c->conf.wrong)
            c->conf.wrong(&c->conf, err);
    }
    c->collect.quirks = c->quirks.quirks;
    return r;
}

static void on_wrong(struct conf *c, const struct err *err)
{
    container_of(c, struct config, conf)->mistakes++;
    (void)fprintf(stderr, "%s\n", err->text);
}

int config_check(struct config *c, const char *path, struct err *err)
{
    c->conf.wrong = on_wrong;
    return config_read(c, path, err);
}
