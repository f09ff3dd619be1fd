/* IPFIX messages out of a TCP stream: however the bytes are cut into reads, the messages are the
 * same, and the stream is found wrong at the same place. The first two bytes seed the cuts. */
#include "fuzz.h"
#include "net/tcp.h"

#include <assert.h>
#include <stdbool.h>

enum { HEAD = 16 };

struct sum {
    size_t messages;
    size_t octets;
    bool wrong;
};

/* Messages of `in`, whose end is moved on by `step` octets at a time (0: all at once). */
static struct sum cut(struct cur all, size_t step)
{
    struct sum s = {0};
    struct cur in = cur_of(all.at, step ? 0 : cur_left(&all));
    struct cur message;
    int r;

    for (;;) {
        while ((r = tcp_message(&in, &message)) == 0) {
            assert(cur_left(&message) >= HEAD);
            s.messages++;
            s.octets += cur_left(&message);
        }
        s.wrong = r == ERR_DATA;
        if (s.wrong || in.end == all.end)
            return s;
        size_t rest = (size_t)(all.end - in.end);
        in = cur_of(in.at, cur_left(&in) + (step < rest ? step : rest));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur in = cur_of(data, size);
    size_t step = cur_u16(&in) % 1500u + 1;

    if (!cur_ok(&in))
        return 0;
    struct sum once = cut(in, 0);
    struct sum often = cut(in, step);
    assert(once.messages == often.messages && once.octets == often.octets);
    assert(once.wrong == often.wrong);
    assert(once.octets <= cur_left(&in));
    return 0;
}
