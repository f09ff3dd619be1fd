#include "flow/trouble.h"

#include <stdio.h>

void troubles_add(struct troubles *all, const struct trouble *t, const char *reason)
{
    size_t i = 0;

    while (i < all->n && (all->v[i].why != t->why || !addr_eq(&all->v[i].addr, &t->addr)))
        i++;
    if (i == TROUBLES_MAX) {
        all->more++;
        return;
    }
    uint64_t n = i < all->n ? all->v[i].n : 0;
    all->n += i == all->n;
    all->v[i] = *t;
    all->v[i].n = n + 1;
    (void)snprintf(all->v[i].reason, TROUBLE_TEXT, "%s", reason);
}
