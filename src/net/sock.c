#include "net/sock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

socklen_t sock_of(const struct addr *addr, uint16_t port, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (addr_is_v4(addr)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&in.sin_addr, addr->b + 12, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&in6.sin6_addr, addr->b, 16);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

void sock_addr(const struct sockaddr_storage *in, struct addr *addr, uint16_t *port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (in->ss_family == AF_INET) {
        uint8_t b[4];
        memcpy(&v4, in, sizeof v4);
        memcpy(b, &v4.sin_addr, sizeof b);
        *addr = addr_of_v4(b);
        *port = ntohs(v4.sin_port);
    } else {
        memcpy(&v6, in, sizeof v6);
        memcpy(addr->b, &v6.sin6_addr, sizeof addr->b);
        *port = ntohs(v6.sin6_port);
    }
}

int sock_resolve(const char *text, struct sockaddr_storage *out, socklen_t *len, struct err *err)
{
    char host[256];
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;

    if (n == 0 || n >= sizeof host || colon[1] == '\0')
        return err_set(err, ERR_CONFIG, "expected HOST:PORT such as 192.0.2.1:2055, found \"%s\"",
                       text);
    bool bracket = text[0] == '[' && text[n - 1] == ']';
    (void)snprintf(host, sizeof host, "%.*s", (int)(bracket ? n - 2 : n), text + bracket);
    int e = getaddrinfo(host, colon + 1, &hints, &found);
    if (e != 0)
        return err_set(err, ERR_CONFIG, "%s: %s", text, gai_strerror(e));
    *out = (struct sockaddr_storage){0};
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* Inode of the first socket in a /proc/net table that has the local port; 0: none. */
static unsigned long inode_of(const char *table, uint16_t port)
{
    char line[512];
    unsigned long found = 0;
    FILE *f = fopen(table, "re");

    while (f && !found && fgets(line, sizeof line, f)) {
        unsigned local;
        unsigned state;
        unsigned long inode;
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
                   &local, &state, &inode) == 3 &&
            local == port && (state == 0x07 || state == 0x0a)) /* bound UDP, listening TCP */
            found = inode;
    }
    if (f)
        (void)fclose(f);
    return found;
}

static bool has_socket(const char *pid, const char *link)
{
    char path[300];
    char target[64];
    struct dirent *e;
    bool found = false;

    (void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *d = opendir(path);
    while (d && !found && (e = readdir(d))) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
        if (n > 0) {
            target[n] = '\0';
            found = strcmp(target, link) == 0;
        }
    }
    if (d)
        (void)closedir(d);
    return found;
}

static void print_owner(const char *pid, char out[static SOCK_OWNER])
{
    char path[300];
    char name[64] = "a program";

    (void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *f = fopen(path, "re");
    if (f && fgets(name, sizeof name, f))
        name[strcspn(name, "\n")] = '\0';
    if (f)
        (void)fclose(f);
    (void)snprintf(out, SOCK_OWNER, "%s (pid %.20s)", name, pid);
}

void sock_owner(int type, uint16_t port, char out[static SOCK_OWNER])
{
    static const char *const tables[2][2] = {{"/proc/net/udp", "/proc/net/udp6"},
                                             {"/proc/net/tcp", "/proc/net/tcp6"}};
    char link[64];
    struct dirent *e;
    unsigned long inode = 0;

    (void)snprintf(out, SOCK_OWNER, "another program");
    for (int i = 0; i < 2 && !inode; i++)
        inode = inode_of(tables[type == SOCK_STREAM][i], port);
    DIR *d = inode ? opendir("/proc") : NULL;
    (void)snprintf(link, sizeof link, "socket:[%lu]", inode);
    while (d && (e = readdir(d)))
        if (isdigit((unsigned char)e->d_name[0]) && has_socket(e->d_name, link)) {
            print_owner(e->d_name, out);
            break;
        }
    if (d)
        (void)closedir(d);
}

static int refuse(int fd, const struct addr *addr, uint16_t port, int type, struct err *err)
{
    char where[ADDR_PORT_TEXT];
    char owner[SOCK_OWNER];
    int saved = errno;

    (void)close(fd);
    (void)addr_port_print(addr, port, where);
    if (saved == EADDRINUSE) {
        sock_owner(type, port, owner);
        return err_set(err, ERR_CONFIG,
                       "%s port %s is taken by %s: stop it, or listen on another port",
                       type == SOCK_STREAM ? "TCP" : "UDP", where, owner);
    }
    errno = saved;
    if (saved == EADDRNOTAVAIL)
        return err_set(err, ERR_CONFIG, "%s: this machine does not have that address", where);
    return err_sys(err, "listen on %s", where);
}

void sock_refuse(int fd, bool refuse)
{
    struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &none};
    int unused = 0;

    if (refuse)
        (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    else
        (void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

int sock_bind(const struct addr *addr, uint16_t *port, int type, enum sock_group group, int *fd,
              struct err *err)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(addr, *port, &ss);
    int one = 1;
    int f = socket(ss.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (f < 0)
        return err_sys(err, "socket");
    if (ss.ss_family == AF_INET6)
        (void)setsockopt(f, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (type == SOCK_STREAM) /* connections of an earlier run may linger */
        (void)setsockopt(f, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (group != SOCK_ALONE && type == SOCK_DGRAM)
        sock_refuse(f, true);
    if (group == SOCK_NEXT)
        (void)setsockopt(f, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(f, (struct sockaddr *)&ss, len) != 0)
        return refuse(f, addr, *port, type, err);
    /* Set only now, so that it shares its port with those behind it and not with another program.
     */
    if (group == SOCK_FIRST)
        (void)setsockopt(f, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (type == SOCK_STREAM && listen(f, 128) != 0)
        return refuse(f, addr, *port, type, err);
    len = sizeof ss;
    struct addr bound;
    if (getsockname(f, (struct sockaddr *)&ss, &len) == 0)
        sock_addr(&ss, &bound, port);
    *fd = f;
    return 0;
}
