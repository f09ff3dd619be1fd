/* inject: puts the packets of a capture into an interface, as fast as it takes them.
 *
 *     inject FILE DEV
 *
 * FILE: a pcap of Ethernet in this machine's byte order, as bench/probe.py writes it, of which each
 * packet goes as long as the capture has it. Says how many, and in how many seconds. */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 256, FILE_HEAD = 24, PACKET_HEAD = 16, LENGTH_AT = 8 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_dev(const char *dev)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(dev)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    int on = 1;

    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die(dev);
    (void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    return fd;
}

static uint8_t *map(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &st) != 0)
        die(path);
    *size = (size_t)st.st_size;
    void *at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED)
        die(path);
    return at;
}

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_all(int fd, struct mmsghdr *m, unsigned n)
{
    for (unsigned at = 0; at < n;) {
        int sent = sendmmsg(fd, m + at, n - at, 0);
        if (sent < 0)
            die("sendmmsg");
        at += (unsigned)sent;
    }
}

int main(int argc, char **argv)
{
    struct mmsghdr m[BATCH] = {0};
    struct iovec v[BATCH];
    size_t size;
    unsigned n = 0;
    unsigned long all = 0;

    if (argc != 3) {
        (void)fprintf(stderr, "usage: inject FILE DEV\n");
        return 2;
    }
    int fd = open_dev(argv[2]);
    uint8_t *file = map(argv[1], &size);
    double began = seconds();
    for (size_t at = FILE_HEAD; at + PACKET_HEAD <= size;) {
        uint32_t len;
        memcpy(&len, file + at + LENGTH_AT, sizeof len);
        at += PACKET_HEAD;
        if (len > size - at)
            break;
        v[n] = (struct iovec){.iov_base = file + at, .iov_len = len};
        m[n].msg_hdr = (struct msghdr){.msg_iov = &v[n], .msg_iovlen = 1};
        at += len;
        all++;
        if (++n == BATCH) {
            send_all(fd, m, n);
            n = 0;
        }
    }
    send_all(fd, m, n);
    (void)printf("%lu %.6f\n", all, seconds() - began);
    return 0;
}
