#include "net/links.h"

#include "base/mem.h"
#include "net/sock.h"

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct netlink_out out;
    struct links *links;
};

/* IFLA_LINKINFO of a VRF's device: its kind, and in the data its table. */
static uint32_t vrf_of(struct cur info)
{
    struct cur data = {0};
    struct cur value;
    char kind[IFNAMSIZ] = "";
    uint16_t type;

    while (netlink_attr(&info, &type, &value)) {
        if (type == IFLA_INFO_KIND)
            netlink_text(value, kind, sizeof kind);
        else if (type == IFLA_INFO_DATA)
            data = value;
    }
    while (strcmp(kind, "vrf") == 0 && netlink_attr(&data, &type, &value))
        if (type == IFLA_VRF_TABLE)
            return netlink_u32(value);
    return 0;
}

bool links_take(struct links *l, const struct netlink_message *m)
{
    struct ifinfomsg head;
    struct link k = {0};
    struct cur in = m->body;
    struct cur value;
    uint16_t type;
    const uint8_t *p = cur_bytes(&in, sizeof head);

    if (m->type != RTM_NEWLINK || !p || l->n == LINKS_MAX)
        return false;
    memcpy(&head, p, sizeof head);
    k.index = (uint32_t)head.ifi_index;
    while (netlink_attr(&in, &type, &value)) {
        if (type == IFLA_IFNAME)
            netlink_text(value, k.name, sizeof k.name);
        else if (type == IFLA_IFALIAS)
            netlink_text(value, k.alias, sizeof k.alias);
        else if (type == IFLA_LINKINFO)
            k.vrf = vrf_of(value);
    }
    l->v = mem_resize(l->v, l->n + 1, sizeof *l->v);
    l->v[l->n++] = k;
    return true;
}

static void on_message(struct netlink_out *out, const struct netlink_message *m)
{
    (void)links_take(container_of(out, struct reading, out)->links, m);
}

int links_read(struct links *l, struct err *err)
{
    struct reading r = {.out.message = on_message, .links = l};

    l->n = 0;
    return netlink_dump(RTM_GETLINK, AF_UNSPEC, &r.out, err);
}

void links_free(struct links *l)
{
    free(l->v);
    *l = (struct links){0};
}

/* Link-local addresses are none to send from. */
static bool is_usable(const struct sockaddr *sa, bool v4, struct addr *out)
{
    struct sockaddr_storage ss = {0};
    uint16_t port;

    if (!sa || sa->sa_family != (v4 ? AF_INET : AF_INET6))
        return false;
    memcpy(&ss, sa, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    sock_addr(&ss, out, &port);
    return v4 || out->b[0] != 0xFE || (out->b[1] & 0xC0) != 0x80;
}

int links_address(const char *dev, bool v4, struct addr *out, struct err *err)
{
    struct ifaddrs *all;
    bool found = false;

    if (getifaddrs(&all) != 0)
        return err_sys(err, "addresses of interfaces");
    for (const struct ifaddrs *a = all; a && !found; a = a->ifa_next)
        found = strcmp(a->ifa_name, dev) == 0 && is_usable(a->ifa_addr, v4, out);
    freeifaddrs(all);
    if (found)
        return 0;
    return err_set(err, ERR_CONFIG, "interface %s has no IPv%d address to send from", dev,
                   v4 ? 4 : 6);
}
