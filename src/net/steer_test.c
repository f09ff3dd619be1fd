#include "net/steer.h"

#include "base/attr.h"
#include "net/sock.h"

#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOCKETS = 3, SENDERS = 60 };

/* As in linux/ipv6.h, which clashes with the C library's headers. */
struct in6_ifreq {
    uint8_t addr[16];
    uint32_t prefix;
    int index;
};

static struct addr address(const char *network, int number)
{
    char text[ADDR_TEXT];
    struct addr a;

    (void)snprintf(text, sizeof text, "%s%d", network, number);
    assert_int_equal(addr_parse(text, &a, NULL), 0);
    return a;
}

/* The kernel takes a moment to find an address usable (duplicate address detection). */
static bool usable(const struct addr *a)
{
    struct sockaddr_storage ss;
    socklen_t len = sock_of(a, 0, &ss);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool good = false;

    for (int i = 0; i < 5000 && fd >= 0 && !good; i++) {
        good = bind(fd, (struct sockaddr *)&ss, len) == 0;
        if (!good)
            (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (fd >= 0)
        (void)close(fd);
    return good;
}

/* A network of our own, where this machine has IPv6 addresses 2001:db8::1 and up. */
static bool has_addresses(void)
{
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
        return false;
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool good = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &up) == 0;
    for (int i = 1; i <= SENDERS && good; i++) {
        struct addr a = address("2001:db8::", i);
        struct in6_ifreq add = {.prefix = 128, .index = 1};
        memcpy(add.addr, a.b, sizeof add.addr);
        good = ioctl(fd, SIOCSIFADDR, &add) == 0;
    }
    for (int i = 1; i <= SENDERS && good; i++) {
        struct addr a = address("2001:db8::", i);
        good = usable(&a);
    }
    if (fd >= 0)
        (void)close(fd);
    return good;
}

static int from_to(const struct addr *from, const struct addr *to, uint16_t port, int type)
{
    struct sockaddr_storage ss;
    int fd = socket(addr_is_v4(to) ? AF_INET : AF_INET6, type, 0);

    assert_true(fd >= 0);
    socklen_t len = sock_of(from, 0, &ss);
    assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
    len = sock_of(to, port, &ss);
    assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
    return fd;
}

/* Two ports each: the socket is chosen by the address alone. One datagram in five is larger than
 * any packet. */
static void check_udp(const struct addr *home, const char *senders)
{
    static uint8_t payload[60000];
    int fd[SOCKETS];
    size_t used[SOCKETS] = {0};
    uint16_t port = 0;

    assert_int_equal(steer_bind(home, &port, SOCK_DGRAM, fd, SOCKETS, NULL), 0);
    for (int i = 1; i <= SENDERS * 2; i++) {
        struct addr a = address(senders, (i - 1) % SENDERS + 1);
        unsigned share = addr_share(&a, SOCKETS);
        size_t len = i % 5 == 0 ? sizeof payload : 100;
        int s = from_to(&a, home, port, SOCK_DGRAM);
        assert_int_equal(send(s, payload, len, 0), (ssize_t)len);
        for (unsigned k = 0; k < SOCKETS; k++)
            assert_int_equal(recv(fd[k], payload, sizeof payload, MSG_DONTWAIT),
                             k == share ? (ssize_t)len : -1);
        used[share]++;
        (void)close(s);
    }
    for (unsigned k = 0; k < SOCKETS; k++) {
        assert_true(used[k] > SENDERS / SOCKETS); /* half of an equal share */
        (void)close(fd[k]);
    }
}

static void check_tcp(const struct addr *home, const char *senders)
{
    int fd[SOCKETS];
    uint16_t port = 0;

    assert_int_equal(steer_bind(home, &port, SOCK_STREAM, fd, SOCKETS, NULL), 0);
    for (int i = 1; i <= SENDERS; i++) {
        struct addr a = address(senders, i);
        int s = from_to(&a, home, port, SOCK_STREAM);
        int accepted = accept(fd[addr_share(&a, SOCKETS)], NULL, NULL);
        assert_true(accepted >= 0);
        (void)close(accepted);
        (void)close(s);
    }
    for (unsigned k = 0; k < SOCKETS; k++)
        (void)close(fd[k]);
}

static void a_sender_always_meets_the_same_socket(void **state)
{
    struct addr home = address("127.0.0.", 1);
    struct addr home6 = address("2001:db8::", 1);

    (void)state;
    check_udp(&home, "127.0.0.");
    check_tcp(&home, "127.0.0.");
    if (!has_addresses()) {
        print_message("no network namespace here: IPv6 is not tried\n");
        return;
    }
    check_udp(&home6, "2001:db8::");
    check_tcp(&home6, "2001:db8::");
}

static void a_port_is_not_shared_with_another_program(void **state)
{
    struct addr home = address("127.0.0.", 1);
    struct err err;
    uint16_t port = 0;
    int mine[SOCKETS];
    int theirs[SOCKETS];

    (void)state;
    assert_int_equal(steer_bind(&home, &port, SOCK_DGRAM, mine, SOCKETS, NULL), 0);
    assert_int_equal(steer_bind(&home, &port, SOCK_DGRAM, theirs, SOCKETS, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "is taken by"));
    assert_int_equal(steer_bind(&home, &port, SOCK_DGRAM, theirs, 1, &err), ERR_CONFIG);
    for (int i = 0; i < SOCKETS; i++)
        (void)close(mine[i]);
    assert_int_equal(steer_bind(&home, &port, SOCK_DGRAM, theirs, 1, &err), 0);
    (void)close(theirs[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_not_shared_with_another_program),
        cmocka_unit_test(a_sender_always_meets_the_same_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
