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

static const struct conf_command commands[] = {
    {"filter NAME TEXT", on_any},  {"flow record NAME", on_any},
    {"flow monitor NAME", on_any}, {"flow", on_any},
    {"interface NAME", on_any},    {"shutdown", on_any},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf c = {commands, COUNT_OF(commands)};
    struct err err = {""};

    if (conf_read(&c, "x", (const char *)data, size, &err) != 0)
        assert(strncmp(err.text, "x:", 2) == 0);
    return 0;
}
