/* Configurations: every line is taken or refused with its place. */
#include "base/conf.h"
#include "fuzz.h"

#include <assert.h>
#include <string.h>

static int on_any(struct conf *c, const struct conf_line *line, struct err *err)
{
    (void)c;
    (void)err;
    assert(line->n <= CONF_WORDS);
    for (size_t i = 0; i < line->n; i++)
        assert(line->arg[i].len > 0 && line->arg[i].column > 0);
    return 0;
}

static const struct conf_command fields[] = {
    {.words = "source port"}, {.words = "source port low N", .bare = true},
    {.words = "flags"},       {.words = "flags TEXT"},
    {.words = NULL},
};

static const struct conf_command commands[] = {
    {.words = "filter NAME TEXT", .take = on_any},
    {.words = "flow record NAME", .take = on_any},
    {.words = "flow monitor NAME", .take = on_any},
    {.words = "flow", .take = on_any},
    {.words = "interface NAME", .take = on_any},
    {.words = "shutdown", .take = on_any},
    {.words = "sender PREFIX", .take = on_any, .opens = 1},
    {.words = "match", .take = on_any, .in = 1, .then = fields},
    {.words = "sampling RATE", .take = on_any, .in = 1},
    {.words = "permit PREFIX", .take = on_any, .in = 1},
    {.words = "permit PREFIX port PORT", .take = on_any, .in = 1},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf c = {.commands = commands, .n = COUNT_OF(commands)};
    struct err err = {""};

    if (conf_read(&c, "x", (const char *)data, size, &err) != 0)
        assert(strncmp(err.text, "x:", 2) == 0);
    return 0;
}
