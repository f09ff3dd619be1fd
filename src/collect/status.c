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

    worker_counts(&c->worker, all);
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

static void put_listeners(const struct collect *c, struct json *j)
{
    json_key(j, "listeners");
    json_open(j, '[');
    for (size_t i = 0; i < c->n_udp; i++) {
        const struct udp *u = &c->udp[i].udp;
        json_open(j, '{');
        put_address(j, "udp", &u->addr, u->port);
        json_key(j, "datagrams");
        json_u64(j, u->datagrams);
        json_key(j, "kernel_drops");
        json_u64(j, u->kernel_drops);
        json_key(j, "rcvbuf_bytes");
        json_u64(j, u->rcvbuf_bytes);
        json_close(j, '}');
    }
    for (size_t i = 0; i < c->n_tcp; i++) {
        json_open(j, '{');
        put_address(j, "tcp", &c->listener[i].addr, c->listener[i].port);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_journal(const struct collect *c, struct json *j)
{
    const struct worker *w = &c->worker;

    json_key(j, "journal");
    if (!w->journal) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "id");
    json_text(j, w->id.text);
    json_key(j, "bytes");
    json_u64(j, journal_bytes(w->journal));
    json_key(j, "datagrams");
    json_u64(j, w->frames);
    json_key(j, "age_ms");
    json_i64(j, w->received ? clock_mono_ms() - w->since_mono_ms : 0);
    json_close(j, '}');
}

static void put_collect(const struct collect *c, struct json *j)
{
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
    put_listeners(c, j);
    json_key(j, "tcp_sessions");
    json_u64(j, c->tcp.n);
    put_journal(c, j);
    json_key(j, "journals_waiting");
    json_u64(j, seal_waiting(c->worker.seal));
    put_counters(c, j);
}

void status_answer(const struct collect *c, const char *line, struct buf *out)
{
    struct json j = json_of(out);

    json_open(&j, '{');
    if (strcmp(line, "collect") == 0) {
        put_collect(c, &j);
    } else if (strcmp(line, "counters") == 0) {
        put_counters(c, &j);
    } else {
        json_key(&j, "error");
        json_text(&j, "unknown question; expected \"collect\" or \"counters\"");
    }
    json_close(&j, '}');
    buf_u8(out, '\n');
}
