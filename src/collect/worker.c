#include "collect/worker.h"

#include "base/clock.h"
#include "base/log.h"

enum { ID_TRIES = 1000 };

/* A journal whose name nobody has, of this millisecond or the next free one in its hour. The clock
 * may have been set back, so a sealed file may have the name too. */
static int open_journal(struct worker *w, int64_t now_ms, struct err *err)
{
    char path[FILE_PATH];
    char parquet[FILE_PATH];
    int64_t hour = name_hour(now_ms);
    int64_t ms = now_ms;
    int r = 0;

    for (int i = 0; i < ID_TRIES; i++, ms = hour + (ms - hour + 1) % NAME_HOUR_MS) {
        w->id = name_id(w->options.instance, w->options.number, ms);
        r = name_journal(path, w->options.dir, &w->id, err);
        if (r == 0)
            r = name_parquet(parquet, w->options.dir, hour, &w->id, err);
        if (r)
            return r;
        if (!file_exists(path) && !file_exists(parquet))
            break;
    }
    r = journal_open(&w->journal, path, w->decoder, err);
    if (r)
        return r;
    w->hour_ms = hour;
    w->frames = 0;
    w->received = 0;
    w->state_bytes = journal_bytes(w->journal);
    w->synced_bytes = 0;
    w->dir_synced = false;
    seal_begin(w->seal, &w->id, hour);
    return 0;
}

/* The journal and all rows of it go to the sealing thread. */
static void end_journal(struct worker *w)
{
    if (!w->journal)
        return;
    decoder_flush(w->decoder);
    seal_end(w->seal, w->journal);
    w->journal = NULL;
}

/* Without a journal (the disk is full, say) datagrams are decoded on, for the templates in them,
 * and each batch of them tries again to begin one. */
static void next_journal(struct worker *w, int64_t now_ms)
{
    struct err err;

    end_journal(w);
    if (open_journal(w, now_ms, &err) != 0)
        log_error("no journal: what is received now is lost", KV("error", err.text));
}

int worker_open(struct worker *w, const struct worker_options *options, const struct buf *state,
                struct err *err)
{
    struct seal_options seal = {.dir = options->dir, .pq = options->pq, .limits = options->limits};
    struct cur in = cur_of(state->data, state->len);

    *w = (struct worker){.options = *options};
    int r = file_path(w->journal_dir, err, "%s/journal", options->dir);
    if (r == 0)
        r = seal_open(&w->seal, &seal, err);
    if (r)
        return r;
    w->decoder = decoder_new(&options->limits, seal_out(w->seal), NULL, &w->counts);
    if (!w->decoder)
        r = err_set(err, ERR_LIMIT, "no memory for the decoder");
    if (r == 0 && state->len > 0)
        r = decoder_load(w->decoder, &in, err);
    if (r == 0)
        r = syncer_open(&w->syncer, err);
    if (r == 0)
        r = open_journal(w, clock_wall_ms(), err);
    if (r)
        worker_close(w, 0, NULL);
    return r;
}

void worker_begin(struct worker *w, int64_t now_ms)
{
    bool over =
        w->journal && journal_bytes(w->journal) - w->state_bytes >= w->options.journal_bytes;

    if (!w->journal || over || name_hour(now_ms) != w->hour_ms)
        next_journal(w, now_ms);
    if (w->received == 0)
        w->since_ms = now_ms;
    w->batch_frames = 0;
}

void worker_add(struct worker *w, const struct datagram *d)
{
    if (w->journal)
        journal_add(w->journal, d);
    w->batch_frames++;
    w->received++;
    decoder_datagram(w->decoder, d);
}

void worker_end_session(struct worker *w, const struct sender *who, int64_t now_ms)
{
    worker_begin(w, now_ms);
    if (w->journal)
        journal_add_end(w->journal, who, now_ms);
    decoder_session_end(w->decoder, who);
    worker_commit(w);
}

void worker_commit(struct worker *w)
{
    struct err err;

    if (!w->journal) {
        count_add(&w->counts, COUNT_JOURNAL_ERRORS, w->batch_frames);
        return;
    }
    uint64_t before = journal_bytes(w->journal);
    if (journal_write(w->journal, &err) != 0) {
        count_add(&w->counts, COUNT_JOURNAL_ERRORS, w->batch_frames);
        log_error("journal not written: these datagrams would not survive a crash",
                  KV("datagrams", w->batch_frames), KV("error", err.text));
        return;
    }
    w->frames += w->batch_frames;
    count_add(&w->counts, COUNT_JOURNAL_FRAMES, w->batch_frames);
    count_add(&w->counts, COUNT_JOURNAL_BYTES, journal_bytes(w->journal) - before);
}

static void sync_journal(struct worker *w, int64_t now_ms)
{
    struct err err;

    if (syncer_poll(&w->syncer, &err) != 0) {
        count_add(&w->counts, COUNT_SYNC_ERRORS, 1);
        log_error("journal not synced", KV("error", err.text));
    }
    if (!w->journal || journal_bytes(w->journal) == w->synced_bytes ||
        now_ms - w->synced_ms < w->options.sync_ms)
        return;
    uint64_t bytes = journal_bytes(w->journal);
    if (!syncer_start(&w->syncer, journal_fd(w->journal), w->dir_synced ? NULL : w->journal_dir))
        return;
    w->synced_bytes = bytes;
    w->synced_ms = now_ms;
    w->dir_synced = true;
}

static void ask_seal(struct worker *w)
{
    struct err err;

    count_add(&w->counts, COUNT_FLOWS_DEFERRED, seal_deferred(w->seal));
    count_add(&w->counts, COUNT_FLOWS_LOST, seal_lost(w->seal));
    if (seal_failure(w->seal, &err))
        log_error("Parquet file not made; its journal stays and is tried again",
                  KV("error", err.text));
}

void worker_tick(struct worker *w, int64_t now_ms)
{
    if (w->received > 0 && now_ms - w->since_ms >= w->options.seal_every_ms)
        next_journal(w, now_ms);
    sync_journal(w, now_ms);
    ask_seal(w);
}

void worker_counts(const struct worker *w, struct counts *into)
{
    counts_sum(into, &w->counts);
    counts_sum(into, seal_counts(w->seal));
}

void worker_close(struct worker *w, int64_t now_ms, struct counts *last)
{
    struct err err;

    if (w->journal && w->received > 0)
        next_journal(w, now_ms); /* the new one holds the state only */
    if (w->journal && journal_close(w->journal, &err) != 0)
        log_error("journal not closed", KV("error", err.text));
    w->journal = NULL;
    if (w->seal)
        ask_seal(w);
    seal_close(w->seal, last);
    if (last)
        counts_sum(last, &w->counts);
    decoder_free(w->decoder);
    syncer_close(&w->syncer);
    w->seal = NULL;
    w->decoder = NULL;
}
