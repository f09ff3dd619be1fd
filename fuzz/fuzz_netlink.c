/* Any bytes as the kernel's answer about links and routes. */
#include "fuzz.h"
#include "net/links.h"
#include "net/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur in = cur_of(data, size);
    struct routes *r = routes_new();
    struct links l = {0};
    struct netlink_message m;

    while (netlink_next(&in, &m)) {
        (void)links_take(&l, &m);
        (void)routes_take(r, &m);
    }
    routes_make(r);
    for (size_t i = 0; i + sizeof(struct addr) <= size && i < 256; i++) {
        struct addr a;
        memcpy(&a, data + i, sizeof a);
        const struct route *x = routes_find(r, &a);
        if (x && !addr_eq(&(struct addr){0}, &x->net)) {
            struct addr net = addr_mask(a, x->bits);
            if (!addr_eq(&net, &x->net))
                __builtin_trap();
        }
    }
    links_free(&l);
    routes_free(r);
    return 0;
}
