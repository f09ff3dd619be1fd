#include "cli/show_router.h"

#include "base/conf.h"
#include "net/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IP_CACHE,
    IP_CACHE_VERBOSE,
    IP_AGGREGATION,
    IP_EXPORT,
    IP_INTERFACE,
    IP_TOP,
    MONITOR,
    MONITOR_STATISTICS,
    MONITOR_CACHE,
    EXPORTER,
    EXPORTER_STATISTICS,
    EXPORTER_TEMPLATES,
    RECORD,
    INTERFACE,
    SAMPLER
};

struct shower {
    struct conf conf;
    const struct show_router *how;
    int status;
};

json_t *show_ask(const struct show_router *s, const char *question, struct buf *answer, size_t *at)
{
    json_error_t why;
    struct err err;

    buf_init(answer, CTL_ANSWER_MAX);
    if (ctl_ask(s->socket, question, answer, &err) != 0) {
        (void)fprintf(stderr, "weir show: no probe answers: %s\n", err.text);
        return NULL;
    }
    const uint8_t *end = memchr(answer->data, '\n', answer->len);
    *at = end ? (size_t)(end - answer->data) + 1 : answer->len;
    json_t *j = json_loadb((const char *)answer->data, *at, 0, &why);
    const json_t *error = json_object_get(j, "error");
    if (j && !error)
        return j;
    (void)fprintf(stderr, "weir show: %s\n",
                  error ? json_string_value(error) : "the answer is not JSON");
    json_decref(j);
    return NULL;
}

const json_t *show_named(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(text(json_array_get(list, i), "name"), name) == 0)
            return json_array_get(list, i);
    return NULL;
}

static int say_none(const json_t *list, const char *what, const char *name)
{
    (void)fprintf(stderr, "weir show: there is no %s %s; there are:", what, name);
    for (size_t i = 0; i < json_array_size(list); i++)
        (void)fprintf(stderr, "%s \"%s\"", i > 0 ? "," : "", text(json_array_get(list, i), "name"));
    (void)fprintf(stderr, "%s\n", json_array_size(list) > 0 ? "" : " none");
    return 1;
}

/* --- one of a list, or all --- */

static void print_one(const json_t *setup, const json_t *x, int what)
{
    switch (what) {
    case MONITOR:
        show_fnf_monitor(setup, x);
        break;
    case MONITOR_STATISTICS:
        show_fnf_statistics(x);
        break;
    case EXPORTER:
        show_fnf_exporter(x);
        break;
    case EXPORTER_STATISTICS:
        show_fnf_sent(setup, x);
        break;
    case EXPORTER_TEMPLATES:
        show_fnf_templates(setup, x);
        break;
    case RECORD:
        show_fnf_record(x);
        break;
    default:
        show_fnf_sampler(setup, x);
    }
}

static int show_list(const struct shower *s, const json_t *setup, const char *key, const char *name,
                     int what)
{
    const json_t *list = json_object_get(setup, key);
    const json_t *one = name ? show_named(list, name) : NULL;

    if (name && !one) {
        char kind[32]; /* of "monitors" a "flow monitor" */
        (void)snprintf(kind, sizeof kind, "%s%.*s", what == SAMPLER ? "" : "flow ",
                       (int)strlen(key) - 1, key);
        return say_none(list, kind, name);
    }
    if (s->how->as_json) {
        (void)json_dumpf(one ? one : list, stdout, JSON_COMPACT);
        (void)putchar('\n');
        return 0;
    }
    for (size_t i = 0; i < json_array_size(list) && !one; i++)
        print_one(setup, json_array_get(list, i), what);
    if (one)
        print_one(setup, one, what);
    return 0;
}

static int show_cache(const struct shower *s, const json_t *setup, const char *name,
                      const char *ask)
{
    const json_t *list = json_object_get(setup, "monitors");
    const json_t *m = show_named(list, name);

    return m ? show_flows(s->how, setup, "flows", name, ask) : say_none(list, "flow monitor", name);
}

static int print_json(const json_t *setup, const char *key)
{
    (void)json_dumpf(json_object_get(setup, key), stdout, JSON_COMPACT);
    (void)putchar('\n');
    return 0;
}

static int show_export(const struct shower *s, const json_t *setup)
{
    if (s->how->as_json)
        return print_json(setup, "exporters");
    show_ip_export(setup);
    return 0;
}

static int show_places(const struct shower *s, const json_t *setup, const char *dev, bool ip)
{
    if (s->how->as_json)
        return print_json(setup, "places");
    if (ip)
        show_ip_interface(setup);
    else
        show_fnf_interface(setup, dev);
    return 0;
}

/* --- the words --- */

static void word_of(const struct conf_line *line, size_t i, char *out, size_t size)
{
    if (i < line->n)
        (void)snprintf(out, size, "%.*s", (int)line->arg[i].len, line->arg[i].s);
}

static int dispatch(const struct shower *s, const json_t *setup, const struct conf_line *line)
{
    char name[256] = "";
    char rest[CTL_LINE_MAX] = "";

    word_of(line, 0, name, sizeof name);
    word_of(line, 1, rest, sizeof rest);
    const char *one = line->n > 0 ? name : NULL;
    switch (line->command->id) {
    case IP_CACHE:
    case IP_CACHE_VERBOSE:
        return show_ip_cache(s->how, setup, line->command->id == IP_CACHE_VERBOSE);
    case IP_AGGREGATION:
        return show_ip_aggregation(s->how, setup, name);
    case IP_EXPORT:
        return show_export(s, setup);
    case IP_INTERFACE:
    case INTERFACE:
        return show_places(s, setup, one, line->command->id == IP_INTERFACE);
    case IP_TOP:
        return show_ip_top(s->how, setup);
    case MONITOR_CACHE:
        return show_cache(s, setup, name, rest);
    case MONITOR:
    case MONITOR_STATISTICS:
        return show_list(s, setup, "monitors", one, line->command->id);
    case EXPORTER:
    case EXPORTER_STATISTICS:
    case EXPORTER_TEMPLATES:
        return show_list(s, setup, "exporters", one, line->command->id);
    case RECORD:
        return show_list(s, setup, "records", one, RECORD);
    default:
        return show_list(s, setup, "samplers", one, SAMPLER);
    }
}

static int on_show(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct shower *s = container_of(c, struct shower, conf);
    struct buf answer;
    size_t at;
    json_t *setup = show_ask(s->how, "setup", &answer, &at);

    (void)err;
    s->status = setup ? dispatch(s, setup, line) : 1;
    json_decref(setup);
    buf_free(&answer);
    return 0;
}

#define ROW(text, what)                                \
    {                                                  \
        .words = (text), .take = on_show, .id = (what) \
    }

static const struct conf_command show_commands[] = {
    ROW("ip cache flow", IP_CACHE),
    ROW("ip cache verbose flow", IP_CACHE_VERBOSE),
    ROW("ip cache flow aggregation NAME", IP_AGGREGATION),
    ROW("ip cache verbose flow aggregation NAME", IP_AGGREGATION),
    ROW("ip flow export", IP_EXPORT),
    ROW("ip flow interface", IP_INTERFACE),
    ROW("ip flow top-talkers", IP_TOP),
    ROW("flow monitor", MONITOR),
    ROW("flow monitor NAME", MONITOR),
    ROW("flow monitor NAME statistics", MONITOR_STATISTICS),
    ROW("flow monitor NAME cache", MONITOR_CACHE),
    ROW("flow monitor NAME cache TEXT", MONITOR_CACHE),
    ROW("flow exporter", EXPORTER),
    ROW("flow exporter statistics", EXPORTER_STATISTICS),
    ROW("flow exporter templates", EXPORTER_TEMPLATES),
    ROW("flow exporter NAME", EXPORTER),
    ROW("flow exporter NAME statistics", EXPORTER_STATISTICS),
    ROW("flow exporter NAME templates", EXPORTER_TEMPLATES),
    ROW("flow record", RECORD),
    ROW("flow record TEXT", RECORD),
    ROW("flow interface", INTERFACE),
    ROW("flow interface NAME", INTERFACE),
    ROW("sampler", SAMPLER),
    ROW("sampler NAME", SAMPLER),
};

bool show_router_is(const char *words)
{
    static const char *const first[] = {"ip", "flow", "sampler"};
    size_t n = strcspn(words, " ");

    for (size_t i = 0; i < COUNT_OF(first); i++)
        if (strlen(first[i]) == n && memcmp(first[i], words, n) == 0)
            return true;
    return false;
}

/* What is wrong is said as "weir show: ..." with its column, as nobody asked for lines. */
static int read_words(struct shower *s, const char *what, const char *words)
{
    struct err err;

    if (conf_read(&s->conf, what, words, strlen(words), &err) == 0)
        return s->status;
    const char *text = strchr(err.text, ':'); /* "weir show:1:COLUMN: ..." */
    text = text ? strchr(text + 1, ':') : NULL;
    (void)fprintf(stderr, "%s: column %s\n", what, text ? text + 1 : err.text);
    return 2;
}

int show_router(const struct show_router *how, const char *words)
{
    struct shower s = {.conf = {.commands = show_commands, .n = COUNT_OF(show_commands)},
                       .how = how};

    return read_words(&s, "weir show", words);
}

/* --- clear --- */

static int on_clear(struct conf *c, const struct conf_line *line, struct err *err)
{
    struct shower *s = container_of(c, struct shower, conf);
    char question[CTL_LINE_MAX];
    char name[256] = "";
    struct buf answer;
    size_t at;

    (void)err;
    word_of(line, 0, name, sizeof name);
    static const char *const questions[] = {"clear ip flow stats", "clear flow monitor ",
                                            "clear flow monitor ", "clear flow exporter "};
    (void)snprintf(question, sizeof question, "%s%s%s", questions[line->command->id], name,
                   line->command->id == 2 ? " cache" : "");
    json_t *j = show_ask(s->how, question, &answer, &at);
    s->status = j ? 0 : 1;
    json_decref(j);
    buf_free(&answer);
    return 0;
}

static const struct conf_command clear_commands[] = {
    {.words = "ip flow stats", .take = on_clear, .id = 0},
    {.words = "flow monitor NAME", .take = on_clear, .id = 1},
    {.words = "flow monitor NAME statistics", .take = on_clear, .id = 1},
    {.words = "flow monitor NAME cache", .take = on_clear, .id = 2},
    {.words = "flow monitor NAME cache force-export", .take = on_clear, .id = 2},
    {.words = "flow exporter NAME", .take = on_clear, .id = 3},
    {.words = "flow exporter NAME statistics", .take = on_clear, .id = 3},
};

int clear_router(const struct show_router *how, const char *words)
{
    struct shower s = {.conf = {.commands = clear_commands, .n = COUNT_OF(clear_commands)},
                       .how = how};

    return read_words(&s, "weir clear", words);
}
