#include "probe/lane.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct lane {
    const struct setup *setup;
    pthread_mutex_t lock;
    struct counts counts;
    struct gauge *gauge;
    struct monitor **monitors;
    struct exporter *const *exporters;
    bool begun;
    int64_t now_ms;
    int64_t give_ms;     /* when what has ended goes out */
    int64_t *monitor_ms; /* of a monitor that gives more rarely */
};

static void lock(struct lane *m) { (void)pthread_mutex_lock(&m->lock); }

static void unlock(struct lane *m) { (void)pthread_mutex_unlock(&m->lock); }

int lane_new(struct lane **out, const struct setup *setup, size_t parts,
             struct exporter *const *exporters, const struct gauge_options *o, struct err *err)
{
    struct lane *m = mem_new(1, sizeof *m);
    int r = 0;

    m->setup = setup;
    m->exporters = exporters;
    (void)pthread_mutex_init(&m->lock, NULL);
    m->monitors = mem_new(setup->n_monitors + 1, sizeof(*m->monitors));
    m->monitor_ms = mem_new(setup->n_monitors + 1, sizeof *m->monitor_ms);
    for (size_t i = 0; i < setup->n_monitors && r == 0; i++)
        r = monitor_new(&m->monitors[i], setup, i, parts, exporters, err);
    if (r) {
        lane_free(m);
        return r;
    }
    for (size_t i = 0; i < setup->n_monitors; i++)
        if (setup->monitors[i].of_flows)
            monitor_feed(m->monitors[setup->monitors[i].from], m->monitors[i], &setup->monitors[i]);
    m->gauge = gauge_new(setup, m->monitors, exporters, o, &m->counts);
    for (size_t i = 0; i < setup->n_monitors; i++)
        monitor_set_applications(m->monitors[i], gauge_applications(m->gauge));
    *out = m;
    return 0;
}

void lane_free(struct lane *m)
{
    if (!m)
        return;
    gauge_free(m->gauge);
    for (size_t i = 0; i < m->setup->n_monitors; i++)
        monitor_free(m->monitors[i]);
    free((void *)m->monitors);
    free(m->monitor_ms);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

/* Uptimes count from a day before the first packet: captures may hold earlier ones behind it. */
static void begin(struct lane *m, int64_t time_ms)
{
    enum { SECOND_MS = 1000, DAY_MS = 24 * 3600 * SECOND_MS };

    m->begun = true;
    m->now_ms = time_ms;
    m->give_ms = time_ms;
    for (size_t i = 0; i < m->setup->n_exporters; i++)
        exporter_boot(m->exporters[i], time_ms - time_ms % SECOND_MS - DAY_MS);
}

static void count_up_to(struct lane *m, enum count_id id, uint64_t n)
{
    count_add(&m->counts, id, n - count_get(&m->counts, id));
}

static void take_counts(struct lane *m)
{
    struct cache_stats sum = {0};

    for (size_t i = 0; i < m->setup->n_monitors; i++) {
        const struct cache_stats *s = cache_stats(monitor_cache(m->monitors[i]));
        sum.added += m->setup->monitors[i].of_flows ? 0 : s->added;
        sum.refused += s->refused;
        sum.ended[CACHE_END_FULL] += s->ended[CACHE_END_FULL];
    }
    count_up_to(m, COUNT_FLOWS_METERED, sum.added);
    count_up_to(m, COUNT_FLOWS_EARLY, sum.ended[CACHE_END_FULL]);
    count_up_to(m, COUNT_PACKETS_REFUSED, sum.refused);
}

static void give(struct lane *m, int64_t now_ms)
{
    for (size_t i = 0; i < m->setup->n_monitors; i++) {
        if (now_ms < m->monitor_ms[i])
            continue;
        monitor_give(m->monitors[i], now_ms);
        m->monitor_ms[i] = now_ms + (int64_t)m->setup->monitors[i].give_s * 1000;
    }
    for (size_t i = 0; i < m->setup->n_exporters; i++)
        exporter_tick(m->exporters[i], now_ms);
    take_counts(m);
    m->give_ms = now_ms + LANE_WAIT_MS;
}

static size_t flows_now(const struct lane *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->setup->n_monitors; i++)
        n += cache_stats(monitor_cache(m->monitors[i]))->now;
    return n;
}

static void tick(struct lane *m, int64_t now_ms)
{
    m->now_ms = now_ms;
    for (size_t i = 0; i < m->setup->n_monitors; i++)
        monitor_tick(m->monitors[i], now_ms);
    if (now_ms >= m->give_ms)
        give(m, now_ms);
}

/* Nothing came from the last frame until now_ms: flows ended meanwhile, and went out then. */
static void catch_up(struct lane *m, int64_t now_ms)
{
    enum { STEP_MS = 10000 };
    int64_t at = m->now_ms;

    while (flows_now(m) > 0 && now_ms - at > STEP_MS) {
        at += STEP_MS;
        tick(m, at);
    }
    give(m, at);
}

/* How many go by before it is time to see what has ended. */
static size_t run_of(const struct frame *v, size_t n)
{
    size_t i = 1;

    while (i < n && v[i].time_ms - v[0].time_ms <= LANE_WAIT_MS &&
           v[i].time_ms - v[i - 1].time_ms <= LANE_WAIT_MS)
        i++;
    return i;
}

void lane_frames(struct lane *m, uint32_t ifindex, const struct frame *v, size_t n)
{
    lock(m);
    if (!m->begun && n > 0)
        begin(m, v[0].time_ms);
    for (size_t at = 0; at < n;) {
        size_t some = run_of(v + at, n - at);
        if (v[at].time_ms - m->now_ms > LANE_WAIT_MS)
            catch_up(m, v[at].time_ms);
        gauge_frames(m->gauge, ifindex, v + at, some);
        tick(m, v[at + some - 1].time_ms);
        at += some;
    }
    unlock(m);
}

void lane_tick(struct lane *m, int64_t now_ms)
{
    lock(m);
    if (!m->begun)
        begin(m, now_ms);
    tick(m, now_ms);
    unlock(m);
}

void lane_end(struct lane *m)
{
    lock(m);
    if (m->begun) {
        for (size_t i = 0; i < m->setup->n_monitors; i++)
            monitor_end(m->monitors[i], m->now_ms);
        give(m, m->now_ms);
    }
    unlock(m);
}

struct cache_stats lane_cache_stats(struct lane *m, size_t i)
{
    lock(m);
    struct cache_stats s = *cache_stats(monitor_cache(m->monitors[i]));
    unlock(m);
    return s;
}

struct applications *lane_applications(const struct lane *m)
{
    return gauge_applications(m->gauge);
}

size_t lane_cache_bytes(const struct lane *m, size_t i)
{
    return cache_bytes(monitor_cache(m->monitors[i]));
}

void lane_traffic(struct lane *m, size_t i, struct traffic *into)
{
    lock(m);
    traffic_sum(into, monitor_traffic(m->monitors[i]));
    unlock(m);
}

uint32_t lane_look(struct lane *m, size_t i, uint32_t from, uint32_t n, struct cache_out *out)
{
    lock(m);
    uint32_t next = cache_look(monitor_cache(m->monitors[i]), from, n, out);
    unlock(m);
    return next;
}

uint32_t lane_end_some(struct lane *m, size_t i, uint32_t from, uint32_t n)
{
    lock(m);
    uint32_t next = cache_end_some(monitor_cache(m->monitors[i]), from, n);
    unlock(m);
    return next;
}

const struct counts *lane_counts(const struct lane *m) { return &m->counts; }

void lane_set_routes(struct lane *m, const struct routes *routes)
{
    lock(m);
    gauge_set_routes(m->gauge, routes);
    unlock(m);
}

void lane_set_rib(struct lane *m, const struct rib *rib)
{
    lock(m);
    gauge_set_rib(m->gauge, rib);
    unlock(m);
}

size_t lane_section_bytes(const struct lane *m) { return gauge_section_bytes(m->gauge); }
