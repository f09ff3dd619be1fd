#include "collect/status.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_counters(const struct collect *c, struct json *j)
{
    struct counts *all = mem_new(1, sizeof *all);

    for (unsigned w = 0; w < c->workers; w++)
        worker_counts(&c->receiver[w].worker, all);
    json_key(j, "counters");
    json_open(j, '{');
    for (int i = 0; i < COUNT_N; i++) {
        json_key(j, count_table[i].name);
        json_u64(j, count_get(all, (enum count_id)i));
    }
    json_close(j, '}');
    free(all);
}

static void put_address(struct json *j, const char *kind, const struct addr *a, uint16_t port)
{
    char text[ADDR_PORT_TEXT];

    (void)addr_port_print(a, port, text);
    json_key(j, kind);
    json_text(j, text);
}

static void put_number(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_u64(j, n);
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

    for (unsigned w = 0; w < c->workers; w++) {
        datagrams += s[w].udp[i].datagrams;
        drops += s[w].udp[i].kernel_drops;
        denied += s[w].udp[i].denied;
        rcvbuf += s[w].udp[i].rcvbuf_bytes;
    }
    json_open(j, '{');
    put_address(j, "udp", &u->addr, u->port);
    put_number(j, "datagrams", datagrams);
    put_number(j, "kernel_drops", drops);
    put_number(j, "denied", denied);
    put_number(j, "rcvbuf_bytes", rcvbuf);
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
        json_open(j, '{');
        put_number(j, "worker", w);
        put_number(j, "datagrams", count_get(counts, COUNT_DATAGRAMS));
        put_number(j, "flows", count_get(counts, COUNT_FLOWS));
        put_number(j, "datagrams_per_s", (uint64_t)s[w].datagrams_per_s);
        put_journal(&s[w], j);
        put_number(j, "journals_waiting", s[w].journals_waiting);
        json_close(j, '}');
        sessions += s[w].tcp_sessions;
        waiting += s[w].journals_waiting;
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
    put_counters(c, j);
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

static void put_drops(struct collect *c, struct json *j)
{
    struct counts *all = mem_new(1, sizeof *all);

    for (unsigned w = 0; w < c->workers; w++)
        worker_counts(&c->receiver[w].worker, all);
    json_key(j, "drops");
    json_open(j, '[');
    for (int i = 0; i < COUNT_N; i++) {
        if (!count_table[i].advice)
            continue;
        json_open(j, '{');
        json_key(j, "name");
        json_text(j, count_table[i].name);
        put_number(j, "count", count_get(all, (enum count_id)i));
        json_key(j, "what");
        json_text(j, count_table[i].help);
        json_key(j, "advice");
        json_text(j, count_table[i].advice);
        json_close(j, '}');
    }
    json_close(j, ']');
    free(all);
    put_denied(c, j);
}

static void put_sender(const struct exporter *x, unsigned worker, struct json *j)
{
    const struct sequence *s = &x->sequence;

    json_open(j, '{');
    put_address(j, "exporter", &x->key.addr, x->key.port);
    put_number(j, "version", x->key.version);
    if (x->key.version >= 9) {
        put_number(j, "domain", x->key.source);
    } else {
        put_number(j, "engine_type", x->key.source >> 8);
        put_number(j, "engine_id", x->key.source & 0xff);
    }
    if (x->key.session != 0)
        put_number(j, "tcp_session", x->key.session);
    put_number(j, "worker", worker);
    put_number(j, "datagrams", x->datagrams);
    put_number(j, "flows", x->flows);
    put_number(j, "options", x->options);
    json_key(j, "first_ms");
    json_i64(j, x->first_ms);
    json_key(j, "last_ms");
    json_i64(j, x->last_ms);
    json_key(j, "clock_ahead_ms");
    json_i64(j, x->export_ms - x->last_ms);
    json_key(j, "boot_ms");
    if (x->boot_ms == INT64_MIN)
        json_null(j);
    else
        json_i64(j, x->boot_ms);
    json_key(j, "unit");
    json_text(j, sequence_unit(x->key.version));
    put_number(j, "lost", s->lost);
    put_number(j, "gaps", s->gaps);
    put_number(j, "late", s->late);
    put_number(j, "duplicates", s->duplicates);
    put_number(j, "behind", s->behinds);
    put_number(j, "restarts", s->restarts);
    json_key(j, "counts_itself");
    json_bool(j, s->inclusive);
    json_close(j, '}');
}

static void put_senders(struct collect *c, struct json *j)
{
    size_t left_off = 0;
    uint64_t silent = 0;

    for (unsigned w = 0; w < c->workers; w++)
        receiver_ask_senders(&c->receiver[w]);
    json_key(j, "senders");
    json_open(j, '[');
    for (unsigned w = 0; w < c->workers; w++) {
        struct receiver_senders s;
        silent += !receiver_get_senders(&c->receiver[w], &s);
        for (size_t i = 0; i < s.n; i++)
            put_sender(&s.list[i], w, j);
        left_off += s.n_all - s.n;
        free(s.list);
    }
    json_close(j, ']');
    put_number(j, "left_off", left_off);
    put_number(j, "workers_without_answer", silent);
}

void status_answer(struct collect *c, const char *line, struct buf *out)
{
    struct json j = json_of(out);

    json_open(&j, '{');
    if (strcmp(line, "collect") == 0) {
        put_collect(c, &j);
    } else if (strcmp(line, "counters") == 0) {
        put_counters(c, &j);
    } else if (strcmp(line, "senders") == 0) {
        put_senders(c, &j);
    } else if (strcmp(line, "drops") == 0) {
        put_drops(c, &j);
    } else {
        json_key(&j, "error");
        json_text(&j, "unknown question; expected \"collect\", \"counters\", "
                      "\"drops\" or \"senders\"");
    }
    json_close(&j, '}');
    buf_u8(out, '\n');
}
