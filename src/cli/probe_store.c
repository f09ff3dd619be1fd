#include "cli/probe_store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "collect/resume.h"
#include "store/import.h"
#include "store/labels.h"
#include "store/name.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 65000 };

struct probe_store {
    struct way way;
    const char *dir;
    int result; /* what went wrong */
    struct err err;
    /* Live. */
    bool live;
    int lock_fd;
    struct worker worker;
    struct counts last; /* of the worker, once it is closed */
    /* Of a capture. */
    struct import *import;
    struct decoder *decoder;
    struct counts counts;
};

static struct datagram datagram_of(const struct udp_out *v, int64_t received_ms)
{
    static const uint8_t here[4] = {127, 0, 0, 1};

    return (struct datagram){.data = v->data,
                             .len = v->len,
                             .received_ms = received_ms,
                             .from = {.addr = addr_of_v4(here)}};
}

static void send_live(struct way *w, const struct udp_out *v, size_t n, int64_t export_ms)
{
    struct probe_store *s = container_of(w, struct probe_store, way);
    int64_t now = clock_wall_ms();

    (void)export_ms;
    worker_begin(&s->worker, now);
    for (size_t i = 0; i < n; i++) {
        struct datagram d = datagram_of(&v[i], now);
        worker_add(&s->worker, &d);
    }
    worker_commit(&s->worker);
}

static void tick_live(struct way *w)
{
    struct probe_store *s = container_of(w, struct probe_store, way);

    worker_tick(&s->worker, clock_wall_ms());
}

static void send_capture(struct way *w, const struct udp_out *v, size_t n, int64_t export_ms)
{
    struct probe_store *s = container_of(w, struct probe_store, way);

    if (s->result == 0)
        s->result = import_error(s->import, &s->err);
    if (s->result)
        return;
    if (import_is_other_hour(s->import, export_ms)) {
        decoder_flush(s->decoder);
        import_books(s->import, decoder_books(s->decoder));
        import_hour(s->import, export_ms);
    }
    for (size_t i = 0; i < n; i++) {
        struct datagram d = datagram_of(&v[i], export_ms);
        decoder_datagram(s->decoder, &d);
    }
}

static void close_nothing(struct way *w) { (void)w; }

/* --- open --- */

static int open_worker(struct probe_store *s, const char *instance, struct err *err)
{
    struct collect_options o = collect_options_default();
    struct resume earlier;

    o.dir = s->dir;
    o.instance = instance;
    int r = resume_begin(&earlier, &o, err);
    if (r == 0)
        r = worker_open(&s->worker, &earlier.worker, &earlier.state, err);
    if (r == 0) {
        r = resume_end(&earlier, &s->worker, err);
        if (r)
            worker_close(&s->worker, clock_wall_ms(), NULL);
    }
    resume_free(&earlier);
    return r;
}

static int open_live(struct probe_store *s, const char *instance, struct err *err)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    int r = store_lock(s->dir, instance, &s->lock_fd, err);
    if (r == 0)
        r = open_worker(s, instance, err);
    if (r && s->lock_fd >= 0)
        (void)close(s->lock_fd);
    return r;
}

static int open_capture(struct probe_store *s, struct err *err)
{
    struct pq_write_options pq = {.codec = PQ_ZSTD};
    struct decode_limits limits = decode_limits_default();
    int r = import_open(&s->import, s->dir, &pq, err);

    if (r)
        return r;
    s->decoder = decoder_new(&limits, import_out(s->import), NULL, &s->counts);
    if (s->decoder)
        return 0;
    import_abort(s->import);
    return err_set(err, ERR_LIMIT, "no memory for a decoder");
}

int probe_store_open(struct probe_store **out, const char *dir, const char *instance, bool live,
                     struct err *err)
{
    struct probe_store *s = mem_new(1, sizeof *s);

    s->dir = dir;
    s->live = live;
    s->lock_fd = -1;
    s->way = (struct way){.send = live ? send_live : send_capture,
                          .tick = live ? tick_live : NULL,
                          .close = close_nothing,
                          .fresh = true};
    int r = live ? open_live(s, instance, err) : open_capture(s, err);
    if (r)
        free(s);
    else
        *out = s;
    return r;
}

struct way *probe_store_way(struct probe_store *s) { return &s->way; }

int probe_store_join(struct setup *s, struct err *err)
{
    struct setup_exporter x = setup_exporter_default();
    int number = (int)s->n_exporters;

    (void)snprintf(x.name, sizeof x.name, "the store");
    x.version = 10;
    x.own_way = true;
    x.mtu = MESSAGE_BYTES;
    x.option_s[SETUP_INTERFACE_TABLE] = x.template_s;
    s->exporters = mem_resize(s->exporters, s->n_exporters + 1, sizeof *s->exporters);
    s->exporters[s->n_exporters++] = x;
    for (size_t i = 0; i < s->n_monitors; i++) {
        struct setup_monitor *m = &s->monitors[i];
        if (m->n_exporters == SETUP_EXPORTERS)
            return err_set(err, ERR_CONFIG,
                           "flow monitor %s has %d exporters; with --store it may have one less",
                           m->name, SETUP_EXPORTERS);
        m->exporters[m->n_exporters++] = number;
    }
    return 0;
}

void probe_store_counts(const struct probe_store *s, struct counts *into)
{
    if (s->live)
        worker_counts(&s->worker, into);
    else
        counts_sum(into, &s->counts);
}

/* --- close --- */

static int close_capture(struct probe_store *s, uint64_t *rows, struct err *err)
{
    struct labels names;
    uint64_t files;
    int r = s->result;

    *rows = 0;
    if (r) {
        *err = s->err;
        import_abort(s->import);
        decoder_free(s->decoder);
        return r;
    }
    decoder_flush(s->decoder);
    import_books(s->import, decoder_books(s->decoder));
    *rows = import_rows(s->import);
    r = import_publish(s->import, &files, err);
    labels_init(&names);
    (void)labels_take(&names, decoder_names(s->decoder), 0); /* the decoder's bound is lower */
    if (r == 0)
        r = labels_keep(s->dir, &names, NULL, err);
    labels_free(&names);
    decoder_free(s->decoder);
    return r;
}

int probe_store_close(struct probe_store *s, uint64_t *rows, struct err *err)
{
    int r = 0;

    if (s->live) {
        worker_close(&s->worker, clock_wall_ms(), &s->last);
        (void)close(s->lock_fd);
        *rows = count_get(&s->last, COUNT_FLOWS_STORED);
        if (count_get(&s->last, COUNT_SEAL_ERRORS) > 0)
            r = err_set(
                err, ERR_SYS,
                "%s: not all files could be made; journals stay, and are tried again at the "
                "next start",
                s->dir);
    } else {
        r = close_capture(s, rows, err);
    }
    free(s);
    return r;
}
