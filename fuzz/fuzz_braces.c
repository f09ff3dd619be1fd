/* Any text as a configuration in braces: each statement's words lie in it, behind each other. */
#include "base/braces.h"
#include "fuzz.h"

struct taker {
    struct braces braces;
    const char *text;
    size_t len;
};

static int take(struct braces *b, const struct braces_line *line, struct err *err)
{
    const struct taker *t = container_of(b, struct taker, braces);

    (void)err;
    if (line->n == 0 || line->n > BRACES_WORDS || line->number == 0)
        __builtin_trap();
    for (size_t i = 0; i < line->n; i++) {
        const struct conf_word *w = &line->path[i];
        if (w->s < t->text || w->s + w->len > t->text + t->len || w->column == 0)
            __builtin_trap();
        if (i > 0 && w->s <= line->path[i - 1].s)
            __builtin_trap();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taker t = {.braces = {.take = take}, .text = (const char *)data, .len = size};
    struct err err;

    (void)!braces_read(&t.braces, "x", t.text, size, &err);
    return 0;
}
