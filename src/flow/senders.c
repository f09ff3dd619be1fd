#include "flow/senders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const struct prefix *a, const struct prefix *b)
{
    return a->bits == b->bits && addr_eq(&a->addr, &b->addr);
}

struct sender_rule *senders_get(struct senders *s, const struct prefix *p)
{
    size_t at = 0;

    while (at < s->n && s->v[at].prefix.bits >= p->bits) {
        if (is_same(&s->v[at].prefix, p))
            return &s->v[at];
        at++;
    }
    if (s->n == SENDERS_MAX)
        return NULL;
    struct sender_rule *v = realloc(s->v, (s->n + 1) * sizeof *v);
    if (!v)
        return NULL;
    memmove(&v[at + 1], &v[at], (s->n - at) * sizeof *v);
    v[at] = (struct sender_rule){.prefix = *p};
    s->v = v;
    s->n++;
    return &v[at];
}

void senders_remove(struct senders *s, const struct prefix *p)
{
    for (size_t i = 0; i < s->n; i++) {
        if (!is_same(&s->v[i].prefix, p))
            continue;
        memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1) * sizeof *s->v);
        s->n--;
        return;
    }
}

void senders_free(struct senders *s)
{
    free(s->v);
    *s = (struct senders){0};
}

bool senders_copy(struct senders *to, const struct senders *from)
{
    struct sender_rule *v = from->n > 0 ? malloc(from->n * sizeof *v) : NULL;

    if (from->n > 0 && !v)
        return false;
    if (v)
        memcpy(v, from->v, from->n * sizeof *v);
    free(to->v);
    *to = (struct senders){.v = v, .n = from->n};
    return true;
}

bool senders_same(const struct senders *a, const struct senders *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; i < a->n && same; i++)
        same = is_same(&a->v[i].prefix, &b->v[i].prefix) && a->v[i].rate == b->v[i].rate &&
               a->v[i].reject == b->v[i].reject && a->v[i].trusts == b->v[i].trusts &&
               strcmp(a->v[i].name, b->v[i].name) == 0;
    return same;
}

const struct sender_rule *senders_find(const struct senders *s, const struct addr *who)
{
    for (size_t i = 0; i < s->n; i++)
        if (prefix_has(&s->v[i].prefix, who))
            return &s->v[i];
    return NULL;
}

void sender_print(const char *name, const struct addr *addr, uint16_t port,
                  char out[static SENDER_TEXT])
{
    char text[ADDR_PORT_TEXT];

    (void)addr_port_print(addr, port, text);
    (void)snprintf(out, SENDER_TEXT, "%s%s%s", name, *name ? " " : "", text);
}
