#include "query/worker.h"

#include "base/mem.h"
#include "query/quick.h"

#include <stdlib.h>
#include <time.h>

static const double PROGRESS_S = 0.1;

enum {
    MANY = 1 << 16,         /* groups: their sums and slots pass the second-level cache */
    ASIDE_BYTES = 12 << 20, /* of records that wait for their turn: those of a row group, often */
    FORK_ROWS = 1000        /* printed, when tables know their widths */
};

double query_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int sink_take(struct chunk_sink *to, const struct chunk *c, struct err *err)
{
    struct worker *w = container_of(to, struct worker, sink);
    return agg_add(w->agg, c, err);
}

static bool groups_init(struct agg *a, struct work *q)
{
    if (!agg_init(a, &q->spec->keys, q->late ? &late_extra : q->spec->extra, &q->ids,
                  q->spec->limit_bytes / q->threads))
        return false;
    a->user_limit_bytes = q->spec->limit_bytes;
    return true;
}

struct shared_groups *shared_new(const struct worker *like)
{
    struct shared_groups *p = mem_new(1, sizeof *p);

    if (!groups_init(&p->agg, like->work)) {
        free(p);
        return NULL;
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void shared_free(struct shared_groups *p)
{
    if (!p)
        return;
    agg_free(&p->agg);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

struct worker *worker_new(struct work *q)
{
    struct worker *w = mem_new(1, sizeof *w);
    const struct query_extra *extra = q->spec->extra;
    struct meter_needs needs = spec_needs(q->spec, q->printer->format->totals);

    w->work = q;
    w->part = UINT64_MAX;
    w->sink.take = sink_take;
    meter_init(&w->meter, q->spec->raw);
    w->select = select_new(q->spec->filter);
    w->reader = scan_reader_new(q->scan);
    bool ok = w->reader != NULL;
    if (ok && q->spec->grouped) {
        if (extra && extra->stage)
            w->stage = extra->stage(extra);
        w->agg = mem_new(1, sizeof *w->agg);
        needs.times &= !q->late; /* as a rule */
        tally_init(&w->tally, &needs, q->spec->raw);
        bool counts = extra && extra->words > 0;
        if (counts && marks_can(&q->spec->columns.aggregates))
            w->marks = marks_new(&q->spec->columns.aggregates);
        if (!w->stage && (!counts || w->marks) && coder_can(&q->spec->keys))
            w->coder = coder_new(&q->spec->keys, &q->ids);
        ok = groups_init(w->agg, q);
    }
    if (!ok) {
        worker_free(w);
        w = NULL;
    }
    return w;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    scan_reader_free(w->reader);
    select_free(w->select);
    if (w->agg)
        agg_free(w->agg);
    free(w->agg);
    if (w->stage)
        w->stage->free(w->stage);
    list_free(w->own);
    print_free(w->fork);
    coder_free(w->coder);
    cells_free(&w->cells);
    free(w->late_parts.at);
    free(w->tops);
    marks_free(w->marks);
    tally_free(&w->tally);
    free(w->met);
    parts_in_free(w->in);
    meter_free(&w->meter);
    free(w);
}

static size_t bits_to_rows(const uint64_t *bits, size_t n_rows, uint32_t *rows)
{
    size_t n = 0;

    for (size_t w = 0; w * 64 < n_rows; w++) {
        uint64_t left = bits[w];
        if (left == ~UINT64_C(0)) {
            for (uint32_t i = 0; i < 64; i++)
                rows[n++] = (uint32_t)(w * 64) + i;
            continue;
        }
        for (; left; left &= left - 1)
            rows[n++] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
    }
    return n;
}

static bool is_over(struct work *q)
{
    if (q->watch->stop && atomic_load_explicit(q->watch->stop, memory_order_relaxed))
        atomic_store(&q->interrupted, true);
    return atomic_load_explicit(&q->stopped, memory_order_relaxed) ||
           atomic_load_explicit(&q->interrupted, memory_order_relaxed);
}

/* --- records --- */

/* Wait until the part in hand is the first that is not over; or, if that will do, until the printer
 * can be forked. Holds the lock. */
static void await_turn(struct worker *w, bool or_fork)
{
    struct work *q = w->work;

    while (!is_over(q) && !scan_reader_is_first(w->reader) &&
           !(or_fork && atomic_load(&q->forkable))) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1; /* to look whether the user interrupts */
        (void)pthread_cond_timedwait(&q->turn, &q->lock, &until);
    }
}

/* Print what waits, when it is its turn. */
static void join(struct worker *w)
{
    struct work *q = w->work;

    if (!w->fork || w->fork->text.len == 0)
        return;
    (void)pthread_mutex_lock(&q->lock);
    await_turn(w, false);
    if (!is_over(q))
        print_join(q->printer, w->fork);
    (void)pthread_mutex_unlock(&q->lock);
}

/* Can this part's records be printed aside, while others print theirs? They need an end that is
 * known, so that they can be joined before it is given back. */
static bool can_fork(struct worker *w)
{
    struct work *q = w->work;

    if (w->fork)
        return scan_reader_is_file(w->reader);
    if (!atomic_load(&q->forkable) || !scan_reader_is_file(w->reader))
        return false;
    (void)pthread_mutex_lock(&q->lock);
    w->fork = print_fork(q->printer);
    w->own = w->fork ? list_fork(q->list, w->fork) : NULL;
    (void)pthread_mutex_unlock(&q->lock);
    return w->fork != NULL;
}

static int list_chunk(struct worker *w, struct list *l, const uint32_t *rows, size_t n,
                      struct err *err)
{
    const struct batch *b = scan_reader_batch(w->reader);

    meter_rows(&w->meter, b, rows, n);
    w->records += n;
    return list_add(l, b, rows, n, err);
}

static int list_aside(struct worker *w, size_t n, struct err *err)
{
    int r = 0;

    for (size_t i = 0; i < n && !r; i += METER_CHUNK)
        r = list_chunk(w, w->own, w->rows + i, n - i < METER_CHUNK ? n - i : METER_CHUNK, err);
    if (w->fork->text.len > ASIDE_BYTES)
        join(w);
    return r;
}

static int list_rows(struct worker *w, size_t n, struct err *err)
{
    struct work *q = w->work;
    int r = 0;

    if (!w->fork) {
        (void)pthread_mutex_lock(&q->lock);
        await_turn(w, scan_reader_is_file(w->reader));
        (void)pthread_mutex_unlock(&q->lock);
    }
    if (can_fork(w))
        return list_aside(w, n, err);
    (void)pthread_mutex_lock(&q->lock);
    await_turn(w, false);
    for (size_t i = 0; i < n && !r && !is_over(q); i += METER_CHUNK) {
        size_t wants = list_wants(q->list);
        size_t take = n - i < METER_CHUNK ? n - i : METER_CHUNK;
        take = take < wants ? take : wants;
        r = list_chunk(w, q->list, w->rows + i, take, err);
        if (take == wants)
            atomic_store(&q->stopped, true);
    }
    bool plain = q->spec->sort.by == SORT_NONE && q->spec->top == 0;
    if (plain && q->printer->rows >= FORK_ROWS && q->printer->format->fork &&
        !atomic_exchange(&q->forkable, true))
        (void)pthread_cond_broadcast(&q->turn);
    (void)pthread_mutex_unlock(&q->lock);
    return r;
}

/* --- groups --- */

static int group_rows(struct worker *w, const uint32_t *rows, size_t n, struct err *err)
{
    meter_rows(&w->meter, scan_reader_batch(w->reader), rows, n);
    struct chunk c = {.batch = scan_reader_batch(w->reader),
                      .meter = &w->meter,
                      .rows = rows,
                      .n = n,
                      .sums = w->meter.sums,
                      .rest = w->meter.fractions ? w->meter.rest : NULL};
    w->records += n;
    return w->stage ? w->stage->run(w->stage, &c, &w->sink, err) : agg_add(w->agg, &c, err);
}

/* Have a column of n selected rows; where these are most, of all. */
static int need(struct worker *w, enum field_id f, size_t n, struct err *err)
{
    bool few = n < scan_reader_batch(w->reader)->rows / 2;

    return few ? scan_reader_need_rows(w->reader, f, w->rows, n, err)
               : scan_reader_need(w->reader, f, err);
}

/* Have all that is wanted of n selected rows. */
static int need_all(struct worker *w, size_t n, struct err *err)
{
    struct field_set spare = {0};
    int r = 0;

    if (!w->agg) {
        r = need(w, FIELD_SRC_ADDR, n, err);
        r = r ? r : need(w, FIELD_DST_ADDR, n, err);
        if (!r)
            spare = list_spares(w->work->list, scan_reader_batch(w->reader), w->rows, n);
    }
    for (int f = 0; f < FIELD_N && !r; f++)
        if (!field_set_has(&spare, (enum field_id)f))
            r = need(w, (enum field_id)f, n, err);
    return r;
}

/* The groups so far go, too; what late times they may have is not kept. */
static int begin_parts(struct worker *w, struct err *err)
{
    bool more = w->agg->rest || (w->agg->acc && !w->work->late);

    if (w->in)
        return 0;
    w->in = parts_in_new(w->work->parts);
    return more ? 0 : parts_take(w->in, w->agg, err);
}

/* Rows of `t` with packed keys: put down by parts, where these have begun; the odd ones, and all
 * before that, become groups of `to` at once. */
static int add_packed(struct worker *w, struct agg *to, const struct tally *t, size_t from,
                      size_t n, const uint64_t *packed, bool many, struct err *err)
{
    size_t words = w->agg->keys.words;
    size_t n_left;

    if (!w->in && !many) {
        int r = quick_add_keys(to, t, from, n, packed, err);
        if (r != ERR_LIMIT || w->marks)
            return r;
    }
    int r = begin_parts(w, err);
    if (r)
        return r;
    for (size_t i = 0; i < n; i++)
        w->agg->hashes[i] = agg_hash(w->agg, packed + i * words);
    r = parts_add(w->in, t, from, n, packed, w->agg->hashes, w->left, &n_left, err);
    for (size_t i = 0; i < n_left && !r; i++)
        r = quick_add_keys(to, t, from + w->left[i], 1, packed + w->left[i] * words, err);
    return r;
}

static int pack_rows(struct worker *w, size_t from, size_t n, struct err *err)
{
    uint64_t *packed = w->agg->packed;

    if (!coder_pack(w->coder, scan_reader_batch(w->reader), w->rows + from, n, packed))
        return err_set(err, ERR_LIMIT, "the text of the keys fills the memory limit");
    return add_packed(w, w->agg, &w->tally, from, n, packed, w->agg->n >= MANY, err);
}

static int cells_to(struct worker *w, struct agg *to, struct err *err)
{
    size_t at = 0;
    size_t n;
    int r = 0;

    while (!r && (n = cells_take(&w->cells, &at, w->met, w->taken)) > 0) {
        coder_keys(w->coder, w->taken, n, w->agg->packed);
        r = add_packed(w, to, w->met, 0, n, w->agg->packed, false, err);
        for (size_t i = 0; w->marks && i < n && !r; i++)
            r = marks_take(w->marks, w->taken[i], to->acc, to->state[i], err);
        for (size_t i = 0; w->late && !w->in && i < n && !r; i++)
            late_add(to->state[i], &w->late_part);
    }
    return r;
}

/* Cells become groups. */
static int end_cells(struct worker *w, struct err *err)
{
    int r;

    if (!cells_any(&w->cells))
        return 0;
    if (!w->met)
        w->met = mem_new(1, sizeof *w->met);
    if (w->shared)
        (void)pthread_mutex_lock(&w->shared->lock);
    r = cells_to(w, w->shared ? &w->shared->agg : w->agg, err);
    if (w->shared)
        (void)pthread_mutex_unlock(&w->shared->lock);
    cells_begin(&w->cells, 0, false);
    return r;
}

static void begin_cells(struct worker *w, size_t n)
{
    const struct work *q = w->work;

    w->cells_part = scan_reader_part(w->reader);
    w->late = q->late && n > 0 && late_begin(&w->late_parts, w->reader);
    if (w->late)
        w->late_part = w->late_parts.at[w->late_parts.n - 1];
    bool timed = q->late ? !w->late : w->tally.needs.times;
    cells_begin(&w->cells, n, timed);
    w->late &= w->cells.n > 0;
    if (q->late)
        w->tally.needs.times = !w->late;
}

/* Have the cells of the rows in hand: those that there are, or others. None, if these cannot be had
 * that way. */
static int have_cells(struct worker *w, struct err *err)
{
    bool other;
    bool coded = true;
    bool other_marks = false;
    size_t n;
    int r = coder_look(w->coder, w->reader, &other, err);

    if (!r && w->marks)
        r = marks_look(w->marks, w->reader, &coded, &other_marks, err);
    other |= w->work->late && w->cells_part != scan_reader_part(w->reader);
    if (r || (!other && !other_marks && w->cells.n > 0))
        return r;
    r = end_cells(w, err);
    if (!r)
        r = coder_begin(w->coder, &n, err);
    if (r)
        return r;
    if (w->in || (w->marks && (n == 0 || !coded || !marks_begin(w->marks, n))))
        n = 0;
    begin_cells(w, n);
    return 0;
}

static int quick_rows(struct worker *w, size_t n, struct err *err)
{
    const uint32_t *rows = w->whole ? NULL : w->rows;
    int r = 0;

    w->records += n;
    if (w->cells.n > 0) {
        const uint32_t *cell = coder_cells(w->coder, rows, n);
        cells_add(&w->cells, &w->tally, cell);
        if (w->marks)
            marks_add(w->marks, cell, rows, n);
        return 0;
    }
    for (size_t i = 0; i < n && !r; i += METER_CHUNK)
        r = pack_rows(w, i, n - i < METER_CHUNK ? n - i : METER_CHUNK, err);
    return r;
}

/* Row by row, by the meter. */
static int all_rows(struct worker *w, size_t n, struct err *err)
{
    int r = need_all(w, n, err);

    if (r)
        return r;
    meter_batch(&w->meter, scan_reader_batch(w->reader));
    if (!w->agg)
        return list_rows(w, n, err);
    for (size_t i = 0; i < n && !r; i += METER_CHUNK)
        r = group_rows(w, w->rows + i, n - i < METER_CHUNK ? n - i : METER_CHUNK, err);
    return r;
}

static int take_rows(struct worker *w, struct err *err)
{
    size_t n = bits_to_rows(w->selected, scan_reader_batch(w->reader)->rows, w->rows);
    bool quick = w->coder != NULL;
    int r = 0;

    if (n == 0)
        return 0;
    w->whole = n == scan_reader_batch(w->reader)->rows;
    if (quick)
        r = have_cells(w, err);
    quick &= w->cells.n > 0 || !w->marks; /* which are of cells alone */
    if (quick && !r)
        r = tally_rows(&w->tally, w->reader, w->whole ? NULL : w->rows, n, &quick, err);
    if (!r)
        r = quick ? quick_rows(w, n, err) : all_rows(w, n, err);
    return r;
}

/* Filtering and grouping have columns read on the way: that is not theirs. */
static int take_batch(struct worker *w, struct err *err)
{
    double begun = query_now();
    double read = scan_reader_times(w->reader).all;
    int r = select_rows(w->select, w->reader, w->selected, err);
    double between = query_now();
    double read_too = scan_reader_times(w->reader).all;

    if (!r)
        r = take_rows(w, err);
    if (scan_reader_is_last(w->reader))
        join(w);
    w->times.filter += between - begun - (read_too - read);
    w->times.group += query_now() - between - (scan_reader_times(w->reader).all - read_too);
    return r;
}

/* --- the way through the scan --- */

static void part_over(struct worker *w)
{
    (void)pthread_mutex_lock(&w->work->lock);
    (void)pthread_cond_broadcast(&w->work->turn);
    (void)pthread_mutex_unlock(&w->work->lock);
}

static void say_broken(struct worker *w, const char *what)
{
    struct work *q = w->work;

    (void)pthread_mutex_lock(&q->lock);
    q->broken++;
    q->watch->broken(q->watch, what);
    (void)pthread_cond_broadcast(&q->turn);
    (void)pthread_mutex_unlock(&q->lock);
}

static void tell(struct worker *w)
{
    struct work *q = w->work;
    double t = query_now();

    if (t - q->told < PROGRESS_S)
        return;
    q->told = t;
    double part = scan_progress(q->scan);
    uint64_t rows = scan_stats(q->scan).rows;
    (void)pthread_mutex_lock(&q->lock);
    q->watch->progress(q->watch, part, rows, t - q->begun);
    (void)pthread_mutex_unlock(&q->lock);
}

/* --- late parts --- */

static void late_row(struct late_known *k, const struct batch *b, size_t row)
{
    if (batch_has(b, FIELD_FIRST, row)) {
        int64_t t = ((const int64_t *)b->col[FIELD_FIRST])[row];
        k->first = t < k->first ? t : k->first;
    }
    if (batch_has(b, FIELD_LAST, row)) {
        int64_t t = ((const int64_t *)b->col[FIELD_LAST])[row];
        k->last = t > k->last ? t : k->last;
    }
}

/* Which of the shown groups each cell is. */
static void find_tops(struct worker *w, const struct late_top *t, size_t n)
{
    if (n > w->tops_cap) {
        w->tops_cap = n;
        w->tops = mem_resize(w->tops, n, 1);
    }
    for (size_t at = 0; at < n; at += METER_CHUNK) {
        size_t take = n - at < METER_CHUNK ? n - at : METER_CHUNK;
        for (size_t i = 0; i < take; i++)
            w->taken[i] = (uint32_t)(at + i);
        coder_keys(w->coder, w->taken, take, w->agg->packed);
        for (size_t i = 0; i < take; i++)
            w->tops[at + i] = (uint8_t)late_find(t, w->agg->packed + i * t->words);
    }
}

static int late_rows(struct worker *w, struct late_top *t, size_t n, struct err *err)
{
    const struct batch *b = scan_reader_batch(w->reader);

    for (size_t at = 0; at < n; at += METER_CHUNK) {
        size_t take = n - at < METER_CHUNK ? n - at : METER_CHUNK;
        if (!coder_pack(w->coder, b, w->rows + at, take, w->agg->packed))
            return err_set(err, ERR_LIMIT, "the text of the keys fills the memory limit");
        for (size_t i = 0; i < take; i++) {
            size_t top = late_find(t, w->agg->packed + i * t->words);
            if (top > 0)
                late_row(&t->at[top - 1], b, w->rows[at + i]);
        }
    }
    return 0;
}

static int again_batch(struct worker *w, struct late_top *t, struct err *err)
{
    const struct batch *b = scan_reader_batch(w->reader);
    bool other = true;
    size_t cells = 0;
    int r = select_rows(w->select, w->reader, w->selected, err);
    size_t n = r ? 0 : bits_to_rows(w->selected, b->rows, w->rows);

    if (n == 0)
        return r;
    r = coder_look(w->coder, w->reader, &other, err);
    if (!r)
        r = coder_begin(w->coder, &cells, err);
    if (!r)
        r = need(w, FIELD_FIRST, n, err);
    if (!r)
        r = need(w, FIELD_LAST, n, err);
    if (r)
        return r;
    if (cells == 0)
        return late_rows(w, t, n, err);
    if (other || w->cells_part != scan_reader_part(w->reader))
        find_tops(w, t, cells);
    w->cells_part = scan_reader_part(w->reader);
    const uint32_t *cell = coder_cells(w->coder, w->rows, n);
    for (size_t i = 0; i < n; i++)
        if (w->tops[cell[i]] > 0)
            late_row(&t->at[w->tops[cell[i]] - 1], b, w->rows[i]);
    return 0;
}

int worker_again(struct worker *w, uint64_t part, struct late_top *t, struct err *err)
{
    int r = scan_reader_again(w->reader, part, err);

    w->cells_part = UINT64_MAX;
    while (!r) {
        r = scan_reader_next(w->reader, err);
        if (!r)
            r = again_batch(w, t, err);
    }
    if (r == ERR_DATA)
        say_broken(w, err->text);
    return r == ERR_DATA || r == ERR_EOF ? 0 : r;
}

void worker_run(struct worker *w)
{
    struct work *q = w->work;
    int r = 0;

    while (!r && !is_over(q)) {
        r = scan_reader_next(w->reader, &w->err);
        if (r == 0 && scan_reader_part(w->reader) != w->part) {
            w->part = scan_reader_part(w->reader);
            part_over(w);
        }
        if (r == 0)
            r = take_batch(w, &w->err);
        if (r == ERR_DATA) { /* the others can still answer */
            say_broken(w, w->err.text);
            r = 0;
        }
        if (w->first)
            tell(w);
    }
    if (w->agg && (r == 0 || r == ERR_EOF)) {
        int e = end_cells(w, &w->err);
        if (!e && w->in)
            e = parts_over(w->in, &w->err);
        r = e ? e : r;
    }
    join(w); /* of a part that broke off */
    part_over(w);
    const struct pq_times t = scan_reader_times(w->reader);
    w->times.read = t.read;
    w->times.decompress = t.unpack;
    w->times.decode = t.all - t.read - t.unpack;
    w->status = r == ERR_EOF ? 0 : r;
    if (w->status)
        atomic_store(&q->stopped, true);
}
