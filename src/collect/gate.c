#include "collect/gate.h"

#include "base/attr.h"
#include "base/log.h"

void gate_lists_free(struct gate_lists *g)
{
    for (size_t i = 0; i < COUNT_OF(g->v); i++) {
        access_free(g->v[i]);
        g->v[i] = NULL;
    }
}

void gate_set(struct gate_lists *g, uint16_t listener, const struct access_rules *rules,
              uint16_t port)
{
    access_free(g->v[listener]);
    g->v[listener] = access_new(rules, port);
}

bool gate_admits(struct gate *g, uint16_t listener, const struct addr *who, int64_t now_ms)
{
    if (access_permits(g->lists.v[listener], who))
        return true;
    denied_note(&g->denied, who, now_ms);
    g->last = *who;
    g->n++;
    return false;
}

void gate_tell(struct gate *g)
{
    char from[ADDR_TEXT];

    if (g->n == g->told)
        return;
    (void)addr_print(&g->last, from);
    log_warn("denied: the access list does not permit these senders",
             KV("datagrams", g->n - g->told), KV("last_from", from), KV("see", "weir show drops"));
    g->told = g->n;
}
