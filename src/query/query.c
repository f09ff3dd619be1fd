#include "query/query.h"

#include "base/mem.h"
#include "query/finish.h"
#include "query/groups.h"
#include "query/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 256 };

struct run {
    struct work work;
    struct worker *workers[THREADS_MAX];
    size_t n;                                      /* of them */
    struct shared_groups *shared[THREADS_MAX / 2]; /* of workers 0 and 1, 2 and 3, ... */
    size_t n_shared;
    struct agg *agg;   /* of all, in the end */
    struct sums total; /* of all records that matched */
    struct query_times times;
    bool scaled;
    uint64_t records;
    size_t late;  /* parts whose times were left out, */
    size_t again; /* and read after all */
};

static bool known_range(const void *group, enum field_id f, int64_t min, int64_t max)
{
    return scan_may_range(group, f, min, max);
}

static bool known_hold(const void *group, enum field_id f, const struct addr *value)
{
    return scan_may_hold(group, f, value);
}

/* The filter, asked before a row group is read. */
static bool filter_may(const void *filter, const struct scan_group *g)
{
    const struct filter_known k = {.may_range = known_range, .may_hold = known_hold, .arg = g};
    return filter_may_select(filter, &k);
}

/* What the scan has to read; a filter on time_ms narrows the span. */
static struct scan_spec scan_spec_of(const struct query_spec *spec, const struct printer *p)
{
    struct scan_spec s = {
        .from_ms = spec->from_ms, .to_ms = spec->to_ms, .may = filter_may, .may_arg = spec->filter};
    int64_t min;
    int64_t max;

    filter_fields(spec->filter, &s.want);
    const struct meter_needs needs = spec_needs(spec, p->format->totals);
    meter_fields(&needs, spec->raw, &s.want);
    if (spec->grouped)
        keys_fields(&spec->keys, &s.want);
    for (size_t i = 0; spec->extra && i < sizeof s.want.bits / 8; i++)
        s.want.bits[i] |= spec->extra->want.bits[i];
    if (spec->grouped)
        ;
    else
        list_fields(spec, p->format, &s.want);
    if (filter_range(spec->filter, FIELD_TIME, &min, &max)) {
        s.from_ms = min > s.from_ms ? min : s.from_ms;
        s.to_ms = max < INT64_MAX && max + 1 < s.to_ms ? max + 1 : s.to_ms;
    }
    return s;
}

static size_t cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

/* Each two workers share groups. */
static bool share_groups(struct run *q)
{
    while (q->workers[0]->agg && q->n_shared < q->n / 2) {
        struct worker **w = &q->workers[2 * q->n_shared];
        struct shared_groups *p = shared_new(w[0]);
        if (!p)
            return false;
        q->shared[q->n_shared++] = w[0]->shared = w[1]->shared = p;
    }
    return true;
}

static int run_open(struct run *q, struct err *err)
{
    struct work *w = &q->work;
    struct scan_spec s = scan_spec_of(w->spec, w->printer);

    int r = scan_open(&w->scan, w->spec->store, &s, err);
    if (r)
        return r;
    w->late = late_can(w->spec, w->printer->format->totals) && coder_can(&w->spec->keys);
    w->threads = w->spec->threads ? w->spec->threads : cores();
    size_t parts = scan_parts(w->scan);
    w->threads = parts < w->threads ? parts : w->threads;
    w->threads = w->threads ? w->threads : 1;
    for (size_t i = 0; i < w->threads; i++) {
        q->workers[i] = worker_new(w);
        if (!q->workers[i])
            return err_set(err, ERR_LIMIT, "no memory for %zu threads", w->threads);
        q->n++;
    }
    if (!share_groups(q))
        return err_set(err, ERR_LIMIT, "no memory for %zu threads", w->threads);
    q->workers[0]->first = true;
    if (!w->spec->grouped)
        w->list = list_new(w->spec, w->printer);
    return 0;
}

static void run_free(struct run *q)
{
    for (size_t i = 0; i < q->n; i++)
        worker_free(q->workers[i]);
    for (size_t i = 0; i < q->n_shared; i++)
        shared_free(q->shared[i]);
    list_free(q->work.list);
    scan_close(q->work.scan);
    parts_free(q->work.parts);
    intern_free(&q->work.ids);
    (void)pthread_mutex_destroy(&q->work.lock);
    (void)pthread_cond_destroy(&q->work.turn);
}

static void *thread_main(void *worker)
{
    worker_run(worker);
    return NULL;
}

/* All workers to the end of the scan; the first in this thread. */
static int scan_all(struct run *q, struct err *err)
{
    size_t n = 1;

    while (n < q->n &&
           pthread_create(&q->workers[n]->thread, NULL, thread_main, q->workers[n]) == 0)
        n++; /* fewer will do */
    worker_run(q->workers[0]);
    for (size_t i = 1; i < n; i++)
        (void)pthread_join(q->workers[i]->thread, NULL);
    for (size_t i = 0; i < n; i++)
        if (q->workers[i]->status)
            return err_set(err, q->workers[i]->status, "%s", q->workers[i]->err.text);
    return 0;
}

static void add_times(struct query_times *to, const struct query_times *from)
{
    to->read += from->read;
    to->decompress += from->decompress;
    to->decode += from->decode;
    to->filter += from->filter;
    to->group += from->group;
}

/* Rows that wait in parts become groups. */
static int finish(struct run *q, struct err *err)
{
    struct parts *parts = q->work.parts;

    return parts && parts_any(parts) ? finish_groups(q->agg, parts, q->work.spec, q->n, err) : 0;
}

struct again {
    struct late_reader late;
    struct worker *worker;
};

static int read_again(struct late_reader *r, uint64_t part, struct late_top *t, struct err *err)
{
    const struct again *a = container_of(r, struct again, late);

    return worker_again(a->worker, part, t, err);
}

/* Groups that will be shown get the times that were not read. */
static int finish_late(struct run *q, struct err *err)
{
    struct again again = {.late.read = read_again, .worker = q->workers[0]};
    struct late_parts *all = &q->workers[0]->late_parts;
    bool whole = true;

    for (size_t i = 0; i < q->n; i++) {
        const struct late_parts *p = &q->workers[i]->late_parts;
        whole &= q->workers[i]->in == NULL;
        if (i == 0 || p->n == 0)
            continue;
        all->at = mem_resize(all->at, all->n + p->n, sizeof *all->at);
        memcpy(all->at + all->n, p->at, p->n * sizeof *p->at);
        all->n = all->cap = all->n + p->n;
    }
    int r = late_finish(q->agg, q->work.spec, all, whole, &again.late, err);
    q->late = all->n;
    q->again = again.late.n;
    return r;
}

/* What the threads have, together. */
static int merge(struct run *q, struct err *err)
{
    double begun = query_now();
    struct fraction rest = {0};
    int r = 0;

    q->total = sums_none();
    for (size_t i = 0; i < q->n; i++) {
        const struct worker *w = q->workers[i];
        sums_add(&q->total, &w->meter.total);
        if (w->coder)
            sums_add(&q->total, &w->tally.total);
        rest.packets += w->meter.total_rest.packets;
        rest.bytes += w->meter.total_rest.bytes;
        q->scaled |= w->meter.scaled || (w->coder && w->tally.scaled);
        q->records += w->records;
        add_times(&q->times, &w->times);
    }
    sums_add_fraction(&q->total, &rest);
    q->agg = q->n_shared > 0 ? &q->shared[0]->agg : q->workers[0]->agg;
    if (!q->agg)
        return 0;
    q->agg->limit_bytes = q->work.spec->limit_bytes;
    for (size_t i = q->n_shared > 0 ? 0 : 1; i < q->n && !r; i++)
        r = agg_merge(q->agg, q->workers[i]->agg, err);
    for (size_t i = 1; i < q->n_shared && !r; i++)
        r = agg_merge(q->agg, &q->shared[i]->agg, err);
    agg_finish(q->agg);
    if (!r)
        r = finish(q, err);
    if (!r && q->work.late)
        r = finish_late(q, err);
    q->times.merge = query_now() - begun;
    return r;
}

static int print_rows(struct run *q, struct err *err)
{
    const struct work *w = &q->work;

    return w->list ? list_finish(w->list, err) : groups_print(q->agg, w->spec, w->printer, err);
}

static struct summary summarize(const struct run *q)
{
    const struct work *w = &q->work;
    const struct meter_needs needs = spec_needs(w->spec, w->printer->format->totals);
    struct summary s = {
        .grouped = q->agg != NULL,
        .interrupted = w->interrupted,
        .stopped = w->stopped || w->interrupted,
        .scaled = q->scaled,
        .shown = w->printer->rows,
        .groups = q->agg ? q->agg->n_all : 0,
        .records = q->records,
        .flows = q->total.flows,
        .packets = q->total.packets,
        .bytes = q->total.bytes,
        .no_packets = !needs.packets,
        .no_bytes = !needs.bytes,
        .scan = scan_stats(w->scan),
        .seconds = query_now() - w->begun,
        .threads = q->n,
        .spilled_bytes = w->parts ? parts_spilled(w->parts) : 0,
        .late = q->late,
        .again = q->again,
        .times = q->times,
        .coverage = w->spec->coverage,
    };
    s.scan.broken = s.scan.broken > w->broken ? s.scan.broken : w->broken;
    return s;
}

static int run_all(struct run *q, struct summary *out, struct err *err)
{
    struct work *w = &q->work;
    int r = run_open(q, err);

    if (!r)
        r = scan_all(q, err);
    w->watch->scanned(w->watch);
    if (!r)
        r = merge(q, err);
    double begun = query_now();
    if (!r)
        r = print_rows(q, err);
    q->times.print = query_now() - begun;
    if (r)
        return r;
    struct summary s = summarize(q);
    r = print_end(w->printer, &s, err);
    if (!r)
        *out = s;
    return r;
}

int query_run(const struct query_spec *spec, struct printer *p, struct query_watch *w,
              struct summary *out, struct err *err)
{
    struct run *q = mem_new(1, sizeof *q);

    q->work.spec = spec;
    q->work.printer = p;
    q->work.watch = w;
    q->work.begun = q->work.told = query_now();
    intern_init(&q->work.ids, spec->limit_bytes);
    if (spec->grouped)
        q->work.parts = parts_new(&spec->keys, spec->limit_bytes / 2); /* the rest is for groups */
    (void)pthread_mutex_init(&q->work.lock, NULL);
    (void)pthread_cond_init(&q->work.turn, NULL);
    int r = run_all(q, out, err);
    run_free(q);
    free(q);
    return r;
}
