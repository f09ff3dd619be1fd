/* A capture or a file of bare datagrams, any bytes; and the same bytes as a frame of every link. */
#include "fuzz.h"
#include "net/capfile.h"
#include "wire/packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void as_file(const uint8_t *data, size_t size)
{
    struct capfile *c;
    struct capfile_item item;
    char path[64];
    volatile uint8_t sum = 0;
    int fd = memfd_create("capture", 0);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (capfile_open(&c, path, NULL) == 0) {
        while (capfile_next(c, &item, NULL) == 0)
            for (size_t i = 0; i < item.len; i++)
                sum = (uint8_t)(sum + item.data[i]);
        (void)capfile_skipped(c);
        capfile_close(c);
    }
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int links[] = {PACKET_ETHERNET, PACKET_SLL, PACKET_SLL2, PACKET_NULL, PACKET_RAW};
    struct packet p;
    struct segment s;

    as_file(data, size);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (packet_read(links[i], cur_of(data, size), &p))
            (void)packet_segment(&p, &s);
    return 0;
}
