/* Any text as samplicate's file: what is read has its bounds, and every sender gets what the rules
 * that it falls under name. */
#include "fuzz.h"
#include "relay/match.h"
#include "relay/samplicate.h"

#include <stdlib.h>

static void check(const struct relay_setup *s)
{
    for (size_t i = 0; i < s->n_rules; i++) {
        const struct relay_rule *r = &s->rules[i];
        if (r->n == 0 || r->first + r->n > s->n_receivers || r->from.bits > 128)
            __builtin_trap();
    }
    for (size_t i = 0; i < s->n_receivers; i++)
        if (s->receivers[i].port == 0 || s->receivers[i].every == 0 || s->receivers[i].ttl == 0)
            __builtin_trap();
    struct match *m = match_new(s);
    for (size_t i = 0; i < s->n_rules && i < 4; i++)
        if (match_find(m, &s->rules[i].from.addr)->n == 0)
            __builtin_trap();
    match_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct relay_setup s = {.port = 0};
    struct samplicate_reader r = {.looks = true, .out = &s};
    struct err err;

    if (samplicate_read(&r, "x", (const char *)data, size, &err) == 0)
        check(&s);
    relay_setup_free(&s);
    return 0;
}
