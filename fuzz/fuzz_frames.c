/* A capture, any bytes, read as frames of packets. */
#include "fuzz.h"
#include "net/frames.h"
#include "wire/headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BATCH = 64 };

static void read_packet(const struct frame *f)
{
    struct packet p;
    struct transport t;
    struct headers h;
    uint8_t section[BATCH];

    if (packet_read(f->link, cur_of(f->data, f->len), &p) != PACKET_GOOD)
        return;
    for (int i = 0; i < 8; i++) {
        headers_read(&p, &h);
        headers_section(&p, section, sizeof section);
        headers_payload_section(&p, section, sizeof section);
        if (!packet_inner(&p, &p))
            break;
    }
    (void)packet_transport(&p, &t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frames *f;
    struct frame v[BATCH];
    char path[64];
    size_t n;
    int fd = memfd_create("capture", 0);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (frames_open(&f, path, NULL) == 0) {
        while (frames_read(f, v, BATCH, &n, NULL) == 0)
            for (size_t i = 0; i < n; i++)
                read_packet(&v[i]);
        frames_close(f);
    }
    (void)close(fd);
    return 0;
}
