#include "sink/lines.h"

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ring.h"
#include "sink/target.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TEXT_ENOUGH = 1 << 16,       /* octets to be written at a time */
    TEXT_MAX = 64 * 1024 * 1024, /* more than a line can have */
    CHUNK_ROWS = 64,             /* copied before the octets are looked at */
    ORDER_REOPEN = 1,            /* what wakes the writing thread, */
    ORDER_STOP = 1 << 16         /* as they add up */
};

/* From one thread that decodes. */
struct feed {
    struct ring todo;
    struct ring back;
    /* That thread's. */
    struct counts counts;
    struct batch *hand; /* being filled */
    struct batch *idle[LINES_BATCHES];
    size_t n_idle;
    size_t n_made;
};

struct lines {
    struct sink sink;
    struct lines_options options;
    struct feed *feed;
    unsigned n;
    pthread_t thread;
    bool running;
    int wake;
    /* The writing thread's. */
    struct target target;
    struct counts counts;
    struct pollfd *polled;
    bool stopping;
    int64_t until_mono_ms; /* when stopping: as long as it waits for the reader */
    unsigned turn;         /* the feed to look at next */
    struct batch *batch;   /* being written, */
    struct feed *of;       /* which is this one's, */
    size_t row;            /* from here on, */
    uint64_t selected[BATCH_ROWS / 64];
    struct buf text; /* of rows before that, to be written from `at` on */
    size_t at;
};

/* --- the threads that decode --- */

static struct batch *empty_batch(struct feed *f)
{
    for (struct batch *b; (b = ring_pop(&f->back));)
        f->idle[f->n_idle++] = b;
    if (f->n_idle > 0)
        return f->idle[--f->n_idle];
    struct batch *b = f->n_made < LINES_BATCHES ? batch_new(BATCH_ROWS) : NULL;
    f->n_made += b != NULL;
    return b;
}

static void hand_over(struct feed *f)
{
    if (ring_push(&f->todo, f->hand)) /* it holds all that there are */
        f->hand = NULL;
}

static bool is_full(const struct batch *b)
{
    return b->rows == b->cap || b->bytes.len >= LINES_BYTES;
}

static void on_rows(struct sink *sink, unsigned thread, const struct batch *b, size_t row, size_t n)
{
    struct feed *f = &container_of(sink, struct lines, sink)->feed[thread];

    while (n > 0) {
        if (!f->hand)
            f->hand = empty_batch(f);
        if (!f->hand) {
            count_add(&f->counts, COUNT_JSON_LINES_LOST, n);
            return;
        }
        size_t room = f->hand->cap - f->hand->rows;
        size_t take = n < CHUNK_ROWS ? n : (size_t)CHUNK_ROWS;
        take = take < room ? take : room;
        if (!batch_copy_rows(f->hand, b, row, take))
            count_add(&f->counts, COUNT_JSON_LINES_LOST, take);
        row += take;
        n -= take;
        if (is_full(f->hand))
            hand_over(f);
    }
}

/* Where the reader is slow, batches are filled: that many are under way. */
static void on_pause(struct sink *sink, unsigned thread)
{
    struct feed *f = &container_of(sink, struct lines, sink)->feed[thread];

    if (!f->hand || f->hand->rows == 0)
        return;
    for (struct batch *b; (b = ring_pop(&f->back));)
        f->idle[f->n_idle++] = b;
    if (f->n_made - f->n_idle <= LINES_BATCHES / 2)
        hand_over(f);
}

/* --- the writing thread --- */

static bool take_batch(struct lines *l)
{
    for (unsigned i = 0; i < l->n && !l->batch; i++) {
        l->of = &l->feed[l->turn];
        l->turn = (l->turn + 1) % l->n;
        l->batch = ring_pop(&l->of->todo);
        l->row = 0;
    }
    if (l->batch && l->options.select)
        l->options.select(l->options.arg, l->batch, l->selected);
    return l->batch != NULL;
}

static bool is_wanted(const struct lines *l, size_t row)
{
    return !l->options.select || (l->selected[row / 64] >> row % 64 & 1);
}

static void give_back(struct lines *l)
{
    batch_reset(l->batch);
    (void)!ring_push(&l->of->back, l->batch); /* it holds all that there are */
    l->batch = NULL;
}

static void fill_text(struct lines *l)
{
    buf_reset(&l->text);
    l->at = 0;
    while (l->row < l->batch->rows && l->text.len < TEXT_ENOUGH) {
        size_t before = l->text.len;
        size_t row = l->row++;
        if (!is_wanted(l, row))
            continue;
        l->options.line(&l->text, l->batch, row);
        if (buf_ok(&l->text))
            continue;
        l->text.bad = false; /* there is no memory for this one */
        l->text.len = before;
        count_add(&l->counts, COUNT_JSON_LINES_LOST, 1);
    }
    if (l->row == l->batch->rows)
        give_back(l);
}

static uint64_t lines_in(const uint8_t *text, size_t n)
{
    uint64_t lines = 0;

    for (const uint8_t *end = text + n; (text = memchr(text, '\n', (size_t)(end - text))); text++)
        lines++;
    return lines;
}

static void lose_text(struct lines *l)
{
    if (l->at < l->text.len)
        count_add(&l->counts, COUNT_JSON_LINES_LOST,
                  lines_in(l->text.data + l->at, l->text.len - l->at));
    l->at = l->text.len;
}

static void take_orders(struct lines *l)
{
    uint64_t what = 0;

    if (read(l->wake, &what, sizeof what) != (ssize_t)sizeof what)
        return;
    if (what % ORDER_STOP > 0)
        target_reopen(&l->target);
    if (what >= ORDER_STOP) {
        l->stopping = true;
        l->until_mono_ms = clock_mono_ms() + LINES_LINGER_MS;
    }
}

/* Until the target may take more, or there are orders. */
static void wait_for_target(struct lines *l, enum target_did did)
{
    struct pollfd p[2] = {{.fd = l->wake, .events = POLLIN},
                          {.fd = l->target.fd, .events = POLLOUT}};

    (void)poll(p, did == TARGET_BUSY ? 2 : 1, TARGET_RETRY_MS);
    take_orders(l);
}

/* Until there are flows or orders. */
static void wait_for_flows(struct lines *l)
{
    bool asleep = true;

    for (unsigned i = 0; i < l->n; i++)
        asleep = ring_sleep(&l->feed[i].todo) && asleep;
    if (asleep)
        (void)poll(l->polled, l->n + 1, -1);
    for (unsigned i = 0; i < l->n; i++)
        ring_awake(&l->feed[i].todo);
    take_orders(l);
}

/* A line that went away with a reader is counted when it is written again. */
static void write_text(struct lines *l)
{
    size_t before = l->at;
    enum target_did did = target_write(&l->target, (const char *)l->text.data, l->text.len, &l->at);

    if (l->at > before)
        count_add(&l->counts, COUNT_JSON_LINES, lines_in(l->text.data + before, l->at - before));
    if (did == TARGET_LOST)
        lose_text(l);
    if (did == TARGET_TOOK && l->stopping)
        l->until_mono_ms = clock_mono_ms() + LINES_LINGER_MS;
    if (did != TARGET_BUSY && did != TARGET_AWAY)
        return;
    if (l->stopping && clock_mono_ms() >= l->until_mono_ms)
        lose_text(l);
    else
        wait_for_target(l, did);
}

static void *run(void *arg)
{
    struct lines *l = arg;
    sigset_t pipe;

    (void)pthread_setname_np(pthread_self(), "json-lines");
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    for (;;) {
        if (l->at < l->text.len)
            write_text(l);
        else if (l->batch || take_batch(l))
            fill_text(l);
        else if (l->stopping)
            break;
        else
            wait_for_flows(l);
    }
    return NULL;
}

/* --- the main thread --- */

static int on_start(struct sink *sink, unsigned threads, struct err *err)
{
    struct lines *l = container_of(sink, struct lines, sink);
    int r = target_open(&l->target, l->options.to, err);

    if (r)
        return r;
    l->feed = mem_new(threads, sizeof *l->feed);
    l->polled = mem_new(threads + 1, sizeof *l->polled);
    l->n = threads;
    for (unsigned i = 0; i < threads && r == 0; i++) {
        r = ring_init(&l->feed[i].todo, LINES_BATCHES, err);
        if (r == 0)
            r = ring_init(&l->feed[i].back, LINES_BATCHES, err);
        l->polled[i] = (struct pollfd){.fd = l->feed[i].todo.fd, .events = POLLIN};
    }
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->polled[threads] = (struct pollfd){.fd = l->wake, .events = POLLIN};
    if (r == 0 && l->wake < 0)
        r = err_sys(err, "JSON lines: eventfd");
    if (r == 0 && pthread_create(&l->thread, NULL, run, l) != 0)
        r = err_set(err, ERR_SYS, "cannot start the thread that writes JSON lines");
    l->running = r == 0;
    return r;
}

static void send_order(const struct lines *l, uint64_t what)
{
    if (l->running)
        (void)!write(l->wake, &what, sizeof what);
}

static void on_reopen(struct sink *sink)
{
    send_order(container_of(sink, struct lines, sink), ORDER_REOPEN);
}

static void on_stop(struct sink *sink)
{
    struct lines *l = container_of(sink, struct lines, sink);

    if (!l->running)
        return;
    for (unsigned i = 0; i < l->n; i++) /* the threads that decode have ended */
        if (l->feed[i].hand)
            hand_over(&l->feed[i]);
    send_order(l, ORDER_STOP);
    (void)pthread_join(l->thread, NULL);
    l->running = false;
    struct counts *all = mem_new(1, sizeof *all);
    sink->counts(sink, all);
    log_info("JSON lines end", KV("flows", count_get(all, COUNT_JSON_LINES)),
             KV("lost", count_get(all, COUNT_JSON_LINES_LOST)));
    free(all);
}

static void on_counts(const struct sink *sink, struct counts *into)
{
    const struct lines *l = const_container_of(sink, struct lines, sink);

    for (unsigned i = 0; i < l->n; i++)
        counts_sum(into, &l->feed[i].counts);
    counts_sum(into, &l->counts);
}

struct lines *lines_new(const struct lines_options *options)
{
    struct lines *l = mem_new(1, sizeof *l);

    l->options = *options;
    l->sink = (struct sink){.start = on_start,
                            .reopen = on_reopen,
                            .stop = on_stop,
                            .rows = on_rows,
                            .pause = on_pause,
                            .counts = on_counts};
    l->wake = -1;
    l->target.fd = -1;
    buf_init(&l->text, TEXT_MAX);
    return l;
}

struct sink *lines_sink(struct lines *l) { return &l->sink; }

static void feed_free(struct feed *f)
{
    for (struct batch *b; f->back.slot && (b = ring_pop(&f->back));)
        f->idle[f->n_idle++] = b;
    for (size_t i = 0; i < f->n_idle; i++)
        batch_delete(f->idle[i]);
    batch_delete(f->hand);
    ring_free(&f->todo);
    ring_free(&f->back);
}

void lines_free(struct lines *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->n; i++)
        feed_free(&l->feed[i]);
    if (l->wake >= 0)
        (void)close(l->wake);
    target_close(&l->target);
    buf_free(&l->text);
    free(l->feed);
    free(l->polled);
    free(l);
}
