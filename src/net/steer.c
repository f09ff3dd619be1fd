#include "net/steer.h"

#include "base/attr.h"
#include "net/sock.h"

#include <linux/filter.h>
#include <unistd.h>

/* The IP header, from where the kernel lets a filter of a UDP or TCP socket see it. */
#define NET(offset) ((uint32_t)SKF_NET_OFF + (offset))

static int attach(int fd, unsigned n, struct err *err)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NET(0)), /* version */
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(12)), /* IPv4: the source address */
        BPF_STMT(BPF_JMP | BPF_JA, 10),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(8)), /* IPv6: its four words, XORed */
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(12)),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(16)),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(20)),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, ADDR_SHARE_MUL),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0
               ? 0
               : err_sys(err, "share a port out among workers");
}

int steer_bind(const struct addr *addr, uint16_t *port, int type, int *fd, unsigned n,
               struct err *err)
{
    uint16_t at = *port;
    unsigned bound = 0;
    int r = 0;

    if (n == 1)
        return sock_bind(addr, port, type, SOCK_ALONE, fd, err);
    for (; bound < n; bound++) {
        r = sock_bind(addr, &at, type, bound == 0 ? SOCK_FIRST : SOCK_NEXT, &fd[bound], err);
        if (r)
            break;
    }
    if (r == 0)
        r = attach(fd[0], n, err);
    if (r) {
        while (bound > 0)
            (void)close(fd[--bound]);
        return r;
    }
    for (unsigned i = 0; i < n; i++)
        sock_refuse(fd[i], false);
    *port = at;
    return 0;
}
