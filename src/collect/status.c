#include "collect/status.h"

#include "base/clock.h"
#include "base/mem.h"
#include "collect/lists.h"
#include "collect/put.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of all threads; to be freed. */
static struct counts *all_counts(const struct collect *c)
{
    struct counts *all = mem_new(1, sizeof *all);

    for (unsigned w = 0; w < c->workers; w++)
        worker_counts(&c->receiver[w].worker, all);
    if (c->options->sink)
        c->options->sink->counts(c->options->sink, all);
    return all;
}

/* An address, and what all workers together have received there. */
static void put_udp(const struct collect *c, const struct receiver_status *s, size_t i,
                    struct json *j)
{
    const struct udp *u = &c->receiver[0].udp[i].udp; /* its address does not change */
    uint64_t datagrams = 0;
    uint64_t drops = 0;
    uint64_t denied = 0;
    uint64_t rcvbuf = 0;
    uint64_t wanted = 0;

    for (unsigned w = 0; w < c->workers; w++) {
        datagrams += s[w].udp[i].datagrams;
        drops += s[w].udp[i].kernel_drops;
        denied += s[w].udp[i].denied;
        rcvbuf += s[w].udp[i].rcvbuf_bytes;
        wanted = s[w].udp[i].rcvbuf_wanted > wanted ? s[w].udp[i].rcvbuf_wanted : wanted;
    }
    json_open(j, '{');
    put_address(j, "udp", &u->addr, u->port);
    put_number(j, "datagrams", datagrams);
    put_number(j, "kernel_drops", drops);
    put_number(j, "denied", denied);
    put_number(j, "rcvbuf_bytes", rcvbuf);
    put_number(j, "rcvbuf_wanted_each", wanted);
    json_close(j, '}');
}

static void put_listeners(const struct collect *c, const struct receiver_status *s, struct json *j)
{
    json_key(j, "listeners");
    json_open(j, '[');
    for (size_t i = 0; i < c->options->n_udp; i++)
        put_udp(c, s, i, j);
    for (size_t i = 0; i < c->options->n_tcp; i++) {
        const struct tcp_listener *l = &c->receiver[0].tcp_listener[i];
        json_open(j, '{');
        put_address(j, "tcp", &l->addr, l->port);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_journal(const struct receiver_status *s, struct json *j)
{
    json_key(j, "journal");
    if (!s->has_journal) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "id");
    json_text(j, s->journal.text);
    put_number(j, "bytes", s->journal_bytes);
    put_number(j, "datagrams", s->journal_datagrams);
    json_key(j, "age_ms");
    json_i64(j, s->journal_age_ms);
    json_close(j, '}');
}

static void put_workers(const struct collect *c, const struct receiver_status *s, struct json *j)
{
    uint64_t sessions = 0;
    uint64_t waiting = 0;

    json_key(j, "workers");
    json_open(j, '[');
    for (unsigned w = 0; w < c->workers; w++) {
        const struct counts *counts = &c->receiver[w].worker.counts;
        uint64_t left = seal_waiting(c->receiver[w].worker.seal);
        json_open(j, '{');
        put_number(j, "worker", w);
        put_number(j, "datagrams", count_get(counts, COUNT_DATAGRAMS));
        put_number(j, "flows", count_get(counts, COUNT_FLOWS));
        put_number(j, "datagrams_per_s", (uint64_t)s[w].datagrams_per_s);
        put_journal(&s[w], j);
        put_number(j, "journals_waiting", left);
        json_close(j, '}');
        sessions += s[w].tcp_sessions;
        waiting += left;
    }
    json_close(j, ']');
    put_number(j, "tcp_sessions", sessions);
    put_number(j, "journals_waiting", waiting);
}

static void put_collect(struct collect *c, struct json *j)
{
    struct receiver_status *s = mem_new(c->workers, sizeof *s);

    for (unsigned w = 0; w < c->workers; w++)
        receiver_look(&c->receiver[w], &s[w]);
    json_key(j, "version");
    json_text(j, WEIR_VERSION);
    json_key(j, "instance");
    json_text(j, c->options->instance);
    json_key(j, "store");
    json_text(j, c->options->dir);
    json_key(j, "pid");
    json_i64(j, getpid());
    json_key(j, "started_ms");
    json_i64(j, c->started_ms);
    json_key(j, "uptime_ms");
    json_i64(j, clock_mono_ms() - c->started_mono_ms);
    put_listeners(c, s, j);
    put_workers(c, s, j);
    struct counts *all = all_counts(c);
    put_counters(j, all);
    free(all);
    free(s);
}

/* By prefix, over all workers; the most first. */
static void put_denied(struct collect *c, struct json *j)
{
    struct denied_net *list = mem_new((size_t)c->workers * DENIED_MAX, sizeof *list);
    char net[DENIED_PREFIX_TEXT];
    struct receiver_status s;
    size_t n = 0;

    for (unsigned w = 0; w < c->workers; w++) {
        receiver_look(&c->receiver[w], &s);
        denied_add(list, &n, &s.denied);
    }
    denied_sort(list, n);
    json_key(j, "denied_from");
    json_open(j, '[');
    for (size_t i = 0; i < n && i < DENIED_MAX; i++) {
        denied_print(&list[i].net, net);
        json_open(j, '{');
        json_key(j, "prefix");
        json_text(j, net);
        put_number(j, "denied", list[i].n);
        put_number(j, "too_high_by", list[i].over);
        json_key(j, "last_ms");
        json_i64(j, list[i].last_ms);
        json_close(j, '}');
    }
    json_close(j, ']');
    free(list);
}

void status_answer(struct collect *c, const char *line, struct buf *out)
{
    struct json j = json_of(out);
    struct counts *all = all_counts(c);

    json_open(&j, '{');
    if (strcmp(line, "collect") == 0) {
        put_collect(c, &j);
    } else if (strcmp(line, "counters") == 0) {
        put_counters(&j, all);
    } else if (strcmp(line, "drops") == 0) {
        put_losses(&j, all);
        put_denied(c, &j);
    } else if (!lists_put(c, line, &j)) {
        json_key(&j, "error");
        json_text(&j, "unknown question; expected what weir show takes");
    }
    json_close(&j, '}');
    buf_u8(out, '\n');
    free(all);
}
