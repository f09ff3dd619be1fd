/* udploop: the least that a relay can do, for comparison, and load for it.
 *
 *     udploop relay PORT TO...            each datagram to each port of this machine: recvmmsg,
 * sendmmsg udploop send PORT BYTES N RATE      N datagrams of so many bytes, RATE a second (0: no
 * limit)
 *
 * Both end by themselves: the relay when nothing came for a second. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, BYTES = 65536, RECEIVERS = 64, SOCKETS = 50, BUFFER = 32 << 20 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_in local(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(port)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connected(const char *port)
{
    struct sockaddr_in to = local(port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    return fd;
}

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int relay(int n, char **to, const char *port)
{
    static uint8_t data[BATCH][BYTES];
    struct mmsghdr in[BATCH] = {0};
    struct iovec iov[BATCH];
    int outs[RECEIVERS];
    int bytes = BUFFER;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = local(port);
    struct timeval wait = {.tv_sec = 1};
    unsigned long total = 0;

    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) != 0)
        die("bind");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    for (int i = 0; i < n; i++)
        outs[i] = connected(to[i]);
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            iov[i] = (struct iovec){data[i], BYTES};
            in[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
        }
        int got = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
        if (got <= 0)
            break;
        if (total == 0)
            (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        total += (unsigned long)got;
        for (int i = 0; i < got; i++)
            iov[i].iov_len = in[i].msg_len;
        for (int r = 0; r < n; r++)
            for (int at = 0; at < got;) {
                int sent = sendmmsg(outs[r], in + at, (unsigned)(got - at), 0);
                at += sent > 0 ? sent : 1;
            }
    }
    (void)printf("%lu\n", total);
    return 0;
}

static int send_load(const char *port, size_t bytes, unsigned long n, double rate)
{
    static uint8_t data[BYTES];
    struct mmsghdr out[BATCH] = {0};
    struct iovec iov = {data, bytes};
    int fds[SOCKETS];
    double begin = seconds();

    for (int i = 0; i < SOCKETS; i++)
        fds[i] = connected(port);
    for (int i = 0; i < BATCH; i++)
        out[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
    for (unsigned long sent = 0, turn = 0; sent < n; turn++) {
        double ahead = rate > 0 ? (double)sent / rate - (seconds() - begin) : 0;
        struct timespec t = {.tv_nsec = (long)(ahead * 1e9)};
        if (ahead > 0 && ahead < 1)
            (void)nanosleep(&t, NULL);
        int some = sendmmsg(fds[turn % SOCKETS], out, 8, 0);
        sent += some > 0 ? (unsigned long)some : 1;
    }
    (void)printf("%.3f\n", seconds() - begin);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && argc < 3 + RECEIVERS && strcmp(argv[1], "relay") == 0)
        return relay(argc - 3, argv + 3, argv[2]);
    if (argc == 6 && strcmp(argv[1], "send") == 0)
        return send_load(argv[2], (size_t)atol(argv[3]), strtoul(argv[4], NULL, 10), atof(argv[5]));
    (void)fprintf(stderr, "udploop relay PORT TO... | send PORT BYTES N RATE\n");
    return 2;
}
