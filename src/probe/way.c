#include "probe/way.h"

#include "net/links.h"
#include "net/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static int bind_source(int fd, const struct addr *source, struct err *err)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(source, 0, &ss);
    char text[ADDR_TEXT];

    if (bind(fd, (struct sockaddr *)&ss, len) == 0)
        return 0;
    (void)addr_print(source, text);
    return errno == EADDRNOTAVAIL
               ? err_set(err, ERR_CONFIG, "source %s: this machine does not have that address",
                         text)
               : err_sys(err, "source %s", text);
}

static int set_int(int fd, bool v4, int v4_option, int v6_option, int value, struct err *err)
{
    if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? v4_option : v6_option, &value,
                   sizeof value) != 0)
        return err_sys(err, "set option of a socket");
    return 0;
}

/* A VRF is a device, too. */
static int keep_to(int fd, const char *what, const char *dev, struct err *err)
{
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev)) == 0)
        return 0;
    return errno == ENODEV ? err_set(err, ERR_CONFIG, "%s %s: there is no such device", what, dev)
                           : err_sys(err, "%s %s", what, dev);
}

static int prepare(int fd, const struct setup_exporter *s, bool v4, struct err *err)
{
    enum { DSCP_SHIFT = 2 };
    struct addr source = s->source;
    bool has_source = s->has_source || s->source_if[0] != '\0';
    int r = s->source_if[0] != '\0' ? links_address(s->source_if, v4, &source, err) : 0;

    if (r == 0 && s->via[0] != '\0')
        r = keep_to(fd, "interface", s->via, err);
    else if (r == 0 && s->vrf[0] != '\0') /* before an address, which may be the VRF's */
        r = keep_to(fd, "VRF", s->vrf, err);
    if (r == 0 && has_source)
        r = bind_source(fd, &source, err);
    if (r == 0)
        r = set_int(fd, v4, IP_TOS, IPV6_TCLASS, s->dscp << DSCP_SHIFT, err);
    if (r == 0)
        r = set_int(fd, v4, IP_TTL, IPV6_UNICAST_HOPS, s->ttl, err);
    return r;
}

int way_socket(const struct setup_exporter *s, int type, int *out, struct err *err)
{
    bool v4 = addr_is_v4(&s->to);
    int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_sys(err, "socket");
    int r = prepare(fd, s, v4, err);
    if (r)
        (void)close(fd);
    else
        *out = fd;
    return r;
}

void way_bound(struct way *w, int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;

    if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
        sock_addr(&ss, &w->local, &w->local_port);
}

int way_open(struct way **out, const struct setup_exporter *s, const struct way_options *o,
             struct counts *counts, struct err *err)
{
    return s->tcp ? way_tcp(out, s, o, counts, err) : way_udp(out, s, o, counts, err);
}
