#include "relay/status.h"

#include "base/clock.h"
#include "base/put.h"

#include <string.h>
#include <unistd.h>

static void put_receiver(struct json *j, const struct relay_receiver *to,
                         const struct relay_sent *s)
{
    json_open(j, '{');
    put_text(j, "receiver", to->name);
    put_number(j, "every", to->every);
    put_number(j, "datagrams", s->datagrams);
    put_number(j, "bytes", s->bytes);
    put_number(j, "skipped", s->skipped);
    put_number(j, "failed", s->failed);
    put_number(j, "refused", s->refused);
    put_number(j, "other_family", s->other_family);
    if (s->last_error)
        put_text(j, "last_error", strerror(s->last_error));
    json_close(j, '}');
}

static void put_senders(struct json *j, const struct match *senders)
{
    struct match_sender v[STATUS_SENDERS];
    size_t n = match_largest(senders, v, STATUS_SENDERS);
    char text[ADDR_TEXT];

    json_key(j, "senders");
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        (void)addr_print(&v[i].addr, text);
        json_open(j, '{');
        put_text(j, "sender", text);
        put_number(j, "datagrams", v[i].datagrams);
        put_number(j, "bytes", v[i].bytes);
        put_number(j, "rules", v[i].rules);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void relay_status_answer(const struct relay_state *s, const struct relay_setup *setup,
                         const struct relay_out *const *outs, const struct match *senders,
                         const char *line, struct buf *out)
{
    struct json all = json_of(out);
    struct json *j = &all;

    json_open(j, '{');
    if (strcmp(line, "relay") != 0) {
        put_text(j, "error", "a relay is asked for relay");
    } else {
        put_text(j, "version", WEIR_VERSION);
        put_number(j, "pid", (uint64_t)getpid());
        put_number(j, "uptime_ms", (uint64_t)(clock_wall_ms() - s->started_ms));
        put_number(j, "port", setup->port);
        json_key(j, "keep_source");
        json_bool(j, setup->keep_source);
        put_number(j, "datagrams", s->datagrams);
        put_number(j, "bytes", s->bytes);
        put_number(j, "datagrams_per_s", (uint64_t)s->per_s);
        put_number(j, "kernel_drops", s->kernel_drops);
        put_number(j, "unmatched", s->unmatched);
        put_number(j, "cut", s->cut);
        json_key(j, "receivers");
        json_open(j, '[');
        for (size_t i = 0; i < setup->n_receivers; i++)
            put_receiver(j, &setup->receivers[i], relay_out_sent(outs[i]));
        json_close(j, ']');
        put_senders(j, senders);
    }
    json_close(j, '}');
    buf_u8(out, '\n');
}
