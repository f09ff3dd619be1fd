#include "cli/config.h"

#include "base/file.h"
#include "base/syslog.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/collect_set.h"
#include "net/priv.h"
#include "sink/target.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLLECTOR = 1, STORE, SENDER, QUIRK };

static const uint64_t rate_max = UINT32_MAX;

enum { SHOWN = 40 };

/* Twice the largest file, for the words and what joins them. */
static const size_t text_max = 2 * (size_t)CONF_BYTES_MAX;

static int on_filter(struct conf *c, const struct conf_line *line, struct err *err)
{
    return filters_take(&container_of(c, struct config, conf)->filters, line, err);
}

static int on_fnf(struct conf *c, const struct conf_line *line, struct err *err)
{
    return fnf_take(container_of(c, struct config, conf)->fnf, line, err);
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

static int on_names(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);

    k->names = NULL;
    if (line->no)
        return 0;
    k->names = text_of(k, &line->arg[0]);
    return k->names ? 0 : fail_large(err);
}

/* One word, which `check` has to find right. */
static int take_text(struct config *k, const struct conf_line *line,
                     int (*check)(const char *text, struct err *err), const char **out,
                     struct err *err)
{
    const char *text = line->no ? NULL : text_of(k, &line->arg[0]);
    struct err why;

    if (!line->no && !text)
        return fail_large(err);
    if (text && check(text, &why) != 0)
        return conf_fail(line, line->arg[0].column, err, "%s", why.text);
    *out = text;
    return 0;
}

static int on_syslog(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);

    return take_text(k, line, syslog_check, &k->syslog, err);
}

static int on_json(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);

    return take_text(k, line, target_check, &k->json, err);
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

static int on_name(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    struct sender_rule *rule = senders_get(&k->collect.senders, &k->sender);
    const struct conf_word *w = &line->arg[0];

    if (!rule)
        return fail_large(err);
    memset(rule->name, 0, sizeof rule->name);
    if (line->no)
        return 0;
    if (w->len >= sizeof rule->name || !utf8_ok((const uint8_t *)w->s, w->len))
        return conf_fail(line, w->column, err, "expected a name of at most %d octets in UTF-8",
                         SENDER_NAME - 1);
    memcpy(rule->name, w->s, w->len);
    return 0;
}

static int on_trust(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);
    struct sender_rule *rule = senders_get(&k->collect.senders, &k->sender);

    if (!rule)
        return fail_large(err);
    rule->trusts = !line->no;
    return 0;
}

/* Filters by name may stand behind it, so that it is parsed when all is known. */
static int on_json_filter(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct config *k = container_of(c, struct config, conf);

    k->json_filter = line->no ? NULL : text_of(k, &line->arg[0]);
    if (!line->no && !k->json_filter)
        return fail_large(err);
    k->json_line = line->number;
    k->json_column = line->arg[0].column;
    return 0;
}

int config_json_filter(const struct config *c, struct filter **out, struct err *err)
{
    struct filter_env env = filters_env(&c->filters);
    struct filter_error wrong;
    char place[COLLECT_PLACE];

    *out = NULL;
    if (!c->json_filter)
        return 0;
    if (filter_parse_at(out, c->json_filter, &env, &wrong) != 0) {
        collect_place(&c->collect, c->json_line, c->json_column + wrong.at, place);
        return c->json_line > 0 ? err_set(err, ERR_CONFIG, "%s%.100s", place, wrong.text)
                                : err_set(err, ERR_CONFIG, "--json-filter: column %zu: %.300s",
                                          wrong.at + 1, wrong.text);
    }
    return filter_only_flows(*out, err);
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

/* Of what was added last, for mistakes that only show when all is known. */
static void note_place(struct collect_options *o, const struct conf_line *line)
{
    struct collect_listen *l = NULL;
    enum collect_setting what = (enum collect_setting)line->command->id;

    if (what == SET_LISTEN)
        l = &o->udp[o->n_udp - 1];
    else if (what == SET_TCP)
        l = &o->tcp[o->n_tcp - 1];
    if (l) {
        l->line = line->number;
        l->column = line->arg[0].column;
    } else if (what == SET_PERMIT || what == SET_DENY) {
        struct access_rule *rule = &o->access.v[o->access.n - 1];
        rule->line = line->number;
        rule->column = line->arg[line->n - 1].column;
    }
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
    if (r == 0 && !line->no)
        note_place(&k->collect, line);
    /* Not while a collector runs: looking up users may load what it may no more. */
    if (r == 0 && !line->no && what == SET_USER && c->wrong)
        r = priv_check(text, &why);
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

/* The rules that weir comes with lie in share/weir beside the program's folder; where it was built,
 * beside the program. */
static bool find_shipped(char *path, size_t size)
{
    static const char *const places[] = {"../share/weir/quirks.conf", "quirks.conf"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    for (size_t i = 0; n > 0 && i < COUNT_OF(places); i++) {
        self[n] = '\0';
        int dir = (int)(strrchr(self, '/') - self);
        int len = snprintf(path, size, "%.*s/%s", dir, self, places[i]);
        if (len > 0 && (size_t)len < size && file_exists(path))
            return true;
    }
    return false;
}

/* A file that is named must be there. */
static int read_shipped(struct config *c, struct err *err)
{
    const char *named = getenv("WEIR_QUIRKS");
    char path[PATH_MAX];

    if (named)
        return *named ? quirk_read_file(&c->quirks, named, err) : 0;
    c->no_quirks = !find_shipped(path, sizeof path);
    return c->no_quirks ? 0 : quirk_read_file(&c->quirks, path, err);
}

#define SETTING(block, text, what, can_be_bare)                                                 \
    {                                                                                           \
        .words = (text), .take = on_setting, .in = (block), .id = (what), .bare = (can_be_bare) \
    }

#define FNF(...) FNF_COMMAND(on_fnf, __VA_ARGS__)

static const struct conf_command commands[] = {
    {.words = "filter NAME TEXT", .take = on_filter},
    {.words = "names FILE", .take = on_names, .bare = true},
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
    SETTING(COLLECTOR, "user NAME", SET_USER, true),
    {.words = "log quiet", .take = on_log, .in = COLLECTOR, .id = LOG_WARN},
    {.words = "log verbose", .take = on_log, .in = COLLECTOR, .id = LOG_DEBUG},
    {.words = "syslog FACILITY", .take = on_syslog, .in = COLLECTOR, .bare = true},
    {.words = "json TARGET", .take = on_json, .in = COLLECTOR, .bare = true},
    {.words = "json-filter TEXT", .take = on_json_filter, .in = COLLECTOR, .bare = true},
    {.words = "store", .take = on_block, .opens = STORE},
    SETTING(STORE, "path DIR", SET_STORE, true),
    SETTING(STORE, "seal-every TIME", SET_SEAL_EVERY, true),
    SETTING(STORE, "journal-size BYTES", SET_JOURNAL_SIZE, true),
    SETTING(STORE, "sync TIME", SET_SYNC, true),
    {.words = "sender PREFIX", .take = on_sender, .opens = SENDER},
    {.words = "sampling RATE", .take = on_sampling, .in = SENDER, .bare = true},
    {.words = "name TEXT", .take = on_name, .in = SENDER, .bare = true},
    {.words = "trust exporter-address", .take = on_trust, .in = SENDER},
    {.words = "out-of-sequence log", .take = on_out_of_sequence, .in = SENDER},
    {.words = "out-of-sequence reject", .take = on_out_of_sequence, .in = SENDER, .id = 1},
    {.words = "quirks FILE", .take = on_quirks},
    QUIRK_COMMANDS(QUIRK, on_quirk),
#include "probe/fnf.def"
};

void config_init(struct config *c)
{
    *c = (struct config){.conf = {.commands = commands, .n = COUNT_OF(commands)},
                         .collect = collect_options_default(),
                         .level = LOG_INFO,
                         .fnf = fnf_new()};
    arena_init(&c->text, text_max);
}

void config_free(struct config *c)
{
    access_rules_free(&c->collect.access);
    senders_free(&c->collect.senders);
    quirks_free(&c->quirks.quirks);
    filters_free(&c->filters);
    fnf_free(c->fnf);
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

int config_teach(const char *path, struct decoder *d, struct err *err)
{
    struct config *c = mem_new(1, sizeof *c);

    config_init(c);
    int r = config_read(c, path, err);
    if (r == 0 &&
        !(decoder_set_senders(d, &c->collect.senders) && decoder_set_quirks(d, &c->collect.quirks)))
        r = err_set(err, ERR_LIMIT, "no memory for what the configuration says of exporters");
    config_free(c);
    free(c);
    return r;
}

int config_sender(struct config *c, const char *text, struct err *err)
{
    size_t n = strcspn(text, " ");
    struct buf lines;

    if (text[n] == '\0')
        return err_set(err, ERR_CONFIG,
                       "expected a prefix and a command, as in \"10.0.0.0/8 sampling 1000\", found "
                       "\"%.40s\"",
                       text);
    buf_init(&lines, CONF_BYTES_MAX);
    buf_printf(&lines, "sender %.*s\n%s\n", (int)n, text, text + n);
    int r = conf_read(&c->conf, "--sender", (const char *)lines.data, lines.len, err);
    buf_free(&lines);
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
