/* A journal's file: any bytes; and frames of any type and content under right checksums, since no
 * fuzzer guesses those: the decoder's state, datagrams and ends of sessions. */
#include "base/buf.h"
#include "base/hash.h"
#include "fuzz.h"
#include "store/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct batch *forget(struct out *out, struct batch *full)
{
    (void)out;
    batch_reset(full);
    return full;
}

static void read_file(const uint8_t *data, size_t size)
{
    struct decode_limits limits = decode_limits_default();
    struct out out = {.push = forget};
    struct counts counts = {0};
    uint64_t torn_at;
    char path[64];
    int fd = memfd_create("journal", 0);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct decoder *d = decoder_new(&limits, &out, NULL, &counts);
    if (!d)
        abort();
    (void)!journal_decode(path, d, &torn_at, NULL);
    decoder_free(d);
    (void)close(fd);
}

/* Each frame is a type, a length of one byte, and so many bytes. */
static void read_frames(struct cur in)
{
    struct buf b;

    buf_init(&b, 1 << 24);
    buf_text(&b, "weirjrnl");
    buf_le(&b, 4, 4);
    while (cur_left(&in) > 2) {
        uint8_t body[1 + UINT8_MAX];
        body[0] = cur_u8(&in);
        size_t len = cur_u8(&in);
        len = len < cur_left(&in) ? len : cur_left(&in);
        if (len > 0)
            memcpy(body + 1, cur_bytes(&in, len), len);
        buf_le(&b, len, 4);
        buf_le(&b, hash_crc32c(0, body, len + 1), 4);
        buf_bytes(&b, body, len + 1);
    }
    read_file(b.data, b.len);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_file(data, size);
    read_frames(cur_of(data, size));
    return 0;
}
