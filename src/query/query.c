#include "query/query.h"

#include "base/mem.h"
#include "query/groups.h"
#include "query/list.h"

#include <stdlib.h>
#include <time.h>

static const double PROGRESS_S = 0.1;

struct run {
    const struct query_spec *spec;
    struct printer *printer;
    struct query_watch *watch;
    struct scan *scan;
    struct batch batch;
    uint64_t *selected; /* a bit for each row of the batch */
    uint32_t *rows;     /* the selected ones */
    struct meter meter;
    struct agg *agg; /* of groups, */
    struct stage *stage;
    struct chunk_sink sink;
    struct list *list; /* else of records */
    uint64_t records;
    uint64_t broken;
    bool stopped;
    double begun;
    double told;
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t bits_to_rows(const uint64_t *bits, size_t n_rows, uint32_t *rows)
{
    size_t n = 0;

    for (size_t w = 0; w * 64 < n_rows; w++)
        for (uint64_t left = bits[w]; left; left &= left - 1)
            rows[n++] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
    return n;
}

static int sink_take(struct chunk_sink *to, const struct chunk *c, struct err *err)
{
    struct run *q = container_of(to, struct run, sink);
    return agg_add(q->agg, c, err);
}

static int take_chunk(struct run *q, const uint32_t *rows, size_t n, struct err *err)
{
    struct chunk c = {.batch = &q->batch,
                      .meter = &q->meter,
                      .rows = rows,
                      .n = n,
                      .sums = q->meter.sums,
                      .rest = q->meter.fractions ? q->meter.rest : NULL};
    return q->stage ? q->stage->run(q->stage, &c, &q->sink, err) : agg_add(q->agg, &c, err);
}

static int take_rows(struct run *q, const uint32_t *rows, size_t n, struct err *err)
{
    size_t wants = q->list ? list_wants(q->list) : SIZE_MAX;

    if (n > wants)
        n = wants;
    meter_rows(&q->meter, &q->batch, rows, n);
    q->records += n;
    int r = q->list ? list_add(q->list, &q->batch, rows, n, err) : take_chunk(q, rows, n, err);
    q->stopped = n == wants;
    return r;
}

static int take_batch(struct run *q, struct err *err)
{
    if (q->batch.rows == 0)
        return 0;
    filter_eval(q->spec->filter, &q->batch, q->selected);
    size_t n = bits_to_rows(q->selected, q->batch.rows, q->rows);
    if (n == 0)
        return 0;
    meter_batch(&q->meter, &q->batch);
    for (size_t i = 0; i < n && !q->stopped; i += METER_CHUNK) {
        int r = take_rows(q, q->rows + i, n - i < METER_CHUNK ? n - i : METER_CHUNK, err);
        if (r)
            return r;
    }
    return 0;
}

static void tell(struct run *q)
{
    double t = now();

    if (t - q->told < PROGRESS_S)
        return;
    q->told = t;
    q->watch->progress(q->watch, scan_progress(q->scan), scan_stats(q->scan)->rows, t - q->begun);
}

static int scan_all(struct run *q, struct err *err)
{
    while (!q->stopped) {
        struct err why;
        int r = scan_next(q->scan, &q->batch, &why);
        if (r == ERR_EOF)
            break;
        if (r == ERR_DATA) { /* the others can still answer */
            q->broken++;
            q->watch->broken(q->watch, why.text);
            continue;
        }
        if (r)
            return err_set(err, r, "%s", why.text);
        r = take_batch(q, err);
        if (r)
            return r;
        tell(q);
    }
    return 0;
}

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
    meter_fields(spec->raw, &s.want);
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

static int run_open(struct run *q, struct err *err)
{
    struct scan_spec s = scan_spec_of(q->spec, q->printer);

    meter_init(&q->meter, q->spec->raw);
    q->selected = mem_new((BATCH_ROWS + 63) / 64, sizeof *q->selected);
    q->rows = mem_new(BATCH_ROWS, sizeof *q->rows);
    if (!batch_init(&q->batch, BATCH_ROWS))
        return err_set(err, ERR_LIMIT, "no memory for a batch");
    if (q->spec->grouped) {
        q->sink.take = sink_take;
        if (q->spec->extra && q->spec->extra->stage)
            q->stage = q->spec->extra->stage(q->spec->extra);
        q->agg = mem_new(1, sizeof *q->agg);
        if (!agg_init(q->agg, &q->spec->keys, q->spec->extra, q->spec->limit_bytes))
            return err_set(err, ERR_LIMIT, "no memory for groups");
    }
    int r = scan_open(&q->scan, q->spec->store, &s, err);
    if (!r && !q->agg)
        q->list = list_new(q->spec, q->printer);
    return r;
}

static void run_free(struct run *q)
{
    if (q->scan)
        scan_close(q->scan);
    if (q->agg)
        agg_free(q->agg);
    free(q->agg);
    if (q->stage)
        q->stage->free(q->stage);
    list_free(q->list);
    meter_free(&q->meter);
    batch_free(&q->batch);
    free(q->selected);
    free(q->rows);
}

static int print_rows(struct run *q, struct err *err)
{
    if (q->list)
        return list_finish(q->list, err);
    agg_finish(q->agg);
    return groups_print(q->agg, q->spec, q->printer, err);
}

static struct summary summarize(const struct run *q)
{
    struct sums total = q->meter.total;

    sums_add_fraction(&total, &q->meter.total_rest);
    struct summary s = {
        .grouped = q->agg != NULL,
        .stopped = q->stopped,
        .scaled = q->meter.scaled,
        .shown = q->printer->rows,
        .groups = q->agg ? q->agg->n : 0,
        .records = q->records,
        .flows = total.flows,
        .packets = total.packets,
        .bytes = total.bytes,
        .scan = *scan_stats(q->scan),
        .seconds = now() - q->begun,
    };
    s.scan.broken = s.scan.broken > q->broken ? s.scan.broken : q->broken;
    return s;
}

int query_run(const struct query_spec *spec, struct printer *p, struct query_watch *w,
              struct summary *out, struct err *err)
{
    double begun = now();
    struct run *q = mem_new(1, sizeof *q);

    *q = (struct run){.spec = spec, .printer = p, .watch = w, .begun = begun, .told = begun};
    int r = run_open(q, err);
    if (!r)
        r = scan_all(q, err);
    w->scanned(w);
    if (!r)
        r = print_rows(q, err);
    if (!r) {
        struct summary s = summarize(q);
        r = print_end(p, &s, err);
        if (!r)
            *out = s;
    }
    run_free(q);
    free(q);
    return r;
}
