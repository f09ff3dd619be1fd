#include "cli/probe_status.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/put.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int probe_socket(char *out, size_t size, const char *store, const char *instance, struct err *err)
{
    const char *user = getenv("XDG_RUNTIME_DIR");
    const char *base = geteuid() == 0 ? "/run" : user ? user : "";
    char dir[256];

    if (store || getenv("RUNTIME_DIRECTORY"))
        return collect_socket(out, size, store ? store : "", instance, err);
    if (base[0] == '\0' || (size_t)snprintf(dir, sizeof dir, "%s/weir", base) >= sizeof dir)
        return err_set(err, ERR_CONFIG,
                       "there is no folder for a control socket; expected "
                       "$XDG_RUNTIME_DIR or $RUNTIME_DIRECTORY");
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return err_sys(err, "%s", dir);
    int n = snprintf(out, size, "%s/%s.sock", dir, instance);
    return n < 0 || (size_t)n >= size ? err_set(err, ERR_LIMIT, "control socket's path is too long")
                                      : 0;
}

static struct counts *all_counts(const struct probe_status *s)
{
    struct counts *all = mem_new(1, sizeof *all);

    counts_sum(all, s->counts);
    probe_counts(s->probe, all);
    if (s->store)
        probe_store_counts(s->store, all);
    return all;
}

/* What all its rings have. */
static void put_interface(const struct probe_status *s, size_t at, struct json *j)
{
    uint64_t packets = 0;
    uint64_t drops = 0;

    for (size_t i = at; i < at + s->n_rings; i++) {
        packets += s->live[i]->packets;
        drops += s->live[i]->drops;
    }
    json_open(j, '{');
    put_text(j, "interface", s->live[at]->dev);
    put_number(j, "number", (uint64_t)s->live[at]->ifindex);
    put_number(j, "packets", packets);
    put_number(j, "kernel_drops", drops);
    json_close(j, '}');
}

static void put_interfaces(const struct probe_status *s, struct json *j)
{
    json_key(j, "interfaces");
    json_open(j, '[');
    for (size_t i = 0; i < s->n_live; i += s->n_rings)
        put_interface(s, i, j);
    json_close(j, ']');
}

static void put_monitors(const struct probe_status *s, struct json *j)
{
    static const char *const ends[CACHE_ENDS] = {
        [CACHE_END_IDLE] = "ended_idle",     [CACHE_END_ACTIVE] = "ended_active",
        [CACHE_END_SEEN] = "ended_seen",     [CACHE_END_FORCED] = "ended_forced",
        [CACHE_END_FULL] = "ended_too_many",
    };

    json_key(j, "monitors");
    json_open(j, '[');
    for (size_t i = 0; i < s->setup->n_monitors; i++) {
        const struct setup_monitor *m = &s->setup->monitors[i];
        struct cache_stats c = probe_cache_stats(s->probe, i);
        json_open(j, '{');
        put_text(j, "monitor", m->name);
        put_text(j, "record", s->setup->records[m->record].name);
        put_number(j, "entries", m->entries);
        put_number(j, "flows", c.now);
        put_number(j, "high_water", c.high);
        put_number(j, "added", c.added);
        for (int e = CACHE_END_IDLE; e < CACHE_ENDS; e++)
            put_number(j, ends[e], c.ended[e]);
        put_number(j, "packets_refused", c.refused);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_exporters(const struct probe_status *s, struct json *j)
{
    json_key(j, "exporters");
    json_open(j, '[');
    for (size_t i = 0; i < s->setup->n_exporters; i++) {
        const struct setup_exporter *x = &s->setup->exporters[i];
        struct exporter_totals t = probe_exporter_totals(s->probe, i);
        json_open(j, '{');
        put_text(j, "name", x->name);
        if (!x->own_way) {
            put_address(j, "to", &x->to, x->port);
            put_text(j, "transport", x->tcp ? "tcp" : "udp");
        }
        put_number(j, "version", x->version);
        put_number(j, "records", t.records);
        put_number(j, "messages", t.messages);
        put_number(j, "bytes", t.bytes);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_rib(const struct rib_stats *r, struct json *j)
{
    json_key(j, "routes");
    json_open(j, '{');
    put_number(j, "prefixes", r->prefixes);
    put_number(j, "left_out", r->left_out);
    put_number(j, "broken", r->broken);
    put_number(j, "bytes", r->bytes);
    json_close(j, '}');
}

static void put_probe(const struct probe_status *s, struct json *j)
{
    put_text(j, "version", WEIR_VERSION);
    put_text(j, "instance", s->instance);
    put_number(j, "pid", (uint64_t)getpid());
    put_number(j, "threads", s->n_rings);
    put_number(j, "uptime_ms", (uint64_t)(clock_wall_ms() - s->started_ms));
    put_interfaces(s, j);
    put_monitors(s, j);
    put_exporters(s, j);
    if (s->rib && *s->rib)
        put_rib(rib_stats(*s->rib), j);
}

void probe_status_answer(const struct probe_status *s, const char *line, struct buf *out)
{
    if (probe_answers_ask(s->answers, line, out))
        return;
    struct json j = json_of(out);
    struct counts *all = all_counts(s);

    json_open(&j, '{');
    if (strcmp(line, "probe") == 0) {
        put_probe(s, &j);
        put_counters(&j, all);
    } else if (strcmp(line, "counters") == 0) {
        put_counters(&j, all);
    } else if (strcmp(line, "drops") == 0) {
        put_losses(&j, all);
    } else {
        put_text(&j, "error", "a probe is asked for probe, counters or drops");
    }
    json_close(&j, '}');
    buf_u8(out, '\n');
    free(all);
}
