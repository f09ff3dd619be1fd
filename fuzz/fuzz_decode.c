/* A sequence of datagrams through one decoder, its state saved and loaded on the way and at the
 * end.
 *
 *   datagram  flags u8, length u16, octets
 *   flags     bits 0 and 1: UDP port or TCP session; bit 2: of TCP; bit 3: a minute later;
 *             bit 4: the session ends first; bit 5: go on with a decoder loaded from this one's
 * state
 *
 * Under small limits, so that eviction, expiry and giving up happen. */
#include "base/cursor.h"
#include "flow/decode.h"
#include "fuzz.h"

#include <stdlib.h>

enum { LATER_MS = 60000, STATE_MAX = 1 << 22 };

struct drain {
    struct out out;
    struct decode_watch watch;
    struct counts counts;
    uint64_t rows; /* pushed */
    uint64_t said; /* told of */
};

static struct batch *push(struct out *out, struct batch *full)
{
    struct drain *s = container_of(out, struct drain, out);

    s->rows += full->rows;
    batch_reset(full);
    return full;
}

/* Touch every value of every row, so that a sanitizer sees cells that point nowhere. */
static void on(struct decode_watch *watch, const struct decode_event *e)
{
    struct drain *s = container_of(watch, struct drain, watch);

    if (e->what != DECODE_FLOWS && e->what != DECODE_OPTIONS)
        return;
    if (e->what == DECODE_FLOWS)
        s->said += e->rows;
    for (int f = 0; f < FIELD_N; f++)
        for (size_t row = e->row; row < e->row + e->rows; row++) {
            size_t n = kind_table[field_table[f].kind].width;
            bool cell = field_table[f].kind == KIND_TEXT || field_table[f].kind == KIND_BYTES;
            const uint8_t *p = cell ? batch_bytes(e->batch, (enum field_id)f, row, &n)
                                    : batch_at(e->batch, (enum field_id)f, row);
            for (size_t i = 0; p && i < n; i++) {
                volatile uint8_t sink = p[i];
                (void)sink;
            }
        }
}

static struct decoder *open_decoder(struct drain *s)
{
    struct decode_limits limits = {
        .templates = 20, .held_bytes = 4096, .held_ms = 3 * LATER_MS, .template_ms = 5 * LATER_MS};
    struct decoder *d = decoder_new(&limits, &s->out, &s->watch, &s->counts);

    if (!d)
        abort();
    return d;
}

/* What it saved must load, and save as much again. */
static struct decoder *reload(struct decoder *d, struct drain *s)
{
    struct buf saved;
    struct buf again;
    struct err err;
    struct decoder *e = open_decoder(s);

    decoder_flush(d);
    buf_init(&saved, STATE_MAX);
    buf_init(&again, STATE_MAX);
    decoder_save(d, &saved);
    struct cur in = cur_of(saved.data, saved.len);
    if (!buf_ok(&saved) || decoder_load(e, &in, &err) != 0)
        abort();
    decoder_save(e, &again);
    if (again.len != saved.len)
        abort();
    buf_free(&saved);
    buf_free(&again);
    decoder_free(d);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct drain s = {.out = {push}, .watch = {on}};
    struct decoder *d = open_decoder(&s);
    struct cur in = cur_of(data, size);
    struct datagram g = {.received_ms = INT64_C(1700000000000),
                         .from = {.addr = {.b = {[15] = 1}}}};
    uint64_t sent = 0;

    while (cur_left(&in) >= 3) {
        uint8_t flags = cur_u8(&in);
        size_t len = cur_u16(&in);
        struct cur body = cur_take(&in, len < cur_left(&in) ? len : cur_left(&in));
        g.from.port = flags & 4 ? 9 : flags & 3;
        g.from.session = flags & 4 ? 1 + (flags & 3u) : 0;
        g.received_ms += flags & 8 ? LATER_MS : 1;
        if (flags & 16)
            decoder_session_end(d, &g.from);
        if (flags & 32)
            d = reload(d, &s);
        g.data = body.at;
        g.len = cur_left(&body);
        decoder_datagram(d, &g);
        sent++;
    }
    d = reload(d, &s);
    decoder_free(d);
    if (count_get(&s.counts, COUNT_DATAGRAMS) != sent || s.rows != s.said ||
        s.rows != count_get(&s.counts, COUNT_FLOWS))
        abort();

    /* And the octets as a state. */
    struct err err;
    d = open_decoder(&s);
    in = cur_of(data, size);
    if (decoder_load(d, &in, &err) == 0)
        d = reload(d, &s);
    decoder_datagram(d, &g);
    decoder_free(d);
    return 0;
}
