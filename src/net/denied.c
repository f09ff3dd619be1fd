#include "net/denied.h"

#include <stdio.h>
#include <stdlib.h>

enum { V4_BITS = 24, V6_BITS = 48 };

static struct denied_net *find(struct denied_net *list, size_t n, const struct addr *net)
{
    for (size_t i = 0; i < n; i++)
        if (addr_eq(&list[i].net, net))
            return &list[i];
    return NULL;
}

static struct denied_net *lowest(struct denied *d)
{
    struct denied_net *low = &d->v[0];

    for (size_t i = 1; i < d->n; i++)
        if (d->v[i].n < low->n)
            low = &d->v[i];
    return low;
}

void denied_note(struct denied *d, const struct addr *who, int64_t now_ms)
{
    struct addr net = addr_mask(*who, addr_is_v4(who) ? ADDR_V4_BITS + V4_BITS : V6_BITS);
    struct denied_net *to = find(d->v, d->n, &net);

    if (!to && d->n < DENIED_MAX) {
        to = &d->v[d->n++];
        *to = (struct denied_net){.net = net};
    } else if (!to) {
        to = lowest(d);
        *to = (struct denied_net){.net = net, .n = to->n, .over = to->n};
    }
    to->n++;
    to->last_ms = now_ms;
}

void denied_add(struct denied_net *list, size_t *n, const struct denied *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct denied_net *one = &from->v[i];
        struct denied_net *to = find(list, *n, &one->net);
        if (!to) {
            list[(*n)++] = *one;
            continue;
        }
        to->n += one->n;
        to->over += one->over;
        to->last_ms = one->last_ms > to->last_ms ? one->last_ms : to->last_ms;
    }
}

static int by_count(const void *a, const void *b)
{
    const struct denied_net *x = a;
    const struct denied_net *y = b;

    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return memcmp(x->net.b, y->net.b, sizeof x->net.b);
}

void denied_sort(struct denied_net *list, size_t n)
{
    if (n > 0)
        qsort(list, n, sizeof *list, by_count);
}

void denied_print(const struct addr *net, char out[static DENIED_PREFIX_TEXT])
{
    char text[ADDR_TEXT];

    (void)addr_print(net, text);
    (void)snprintf(out, DENIED_PREFIX_TEXT, "%s/%d", text, addr_is_v4(net) ? V4_BITS : V6_BITS);
}
