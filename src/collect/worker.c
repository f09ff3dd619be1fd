#include "collect/worker.h"

#include "base/clock.h"
#include "base/log.h"

enum {
    ID_TRIES = 1000,
    NAMES_MS = 2000,         /* between names for the store */
    RETRY_MS = 250,          /* between attempts to begin a journal */
    RETRY_SUSPECT_MS = 10000 /* between journals that cannot be synced */
};

/* A name that nobody has, of this millisecond or the next free one in its hour. The clock may have
 * been set back, so a sealed file may have the name too. */
static int free_name(const struct worker *w, int64_t now_ms, struct store_id *id,
                     char path[static FILE_PATH], struct err *err)
{
    char parquet[FILE_PATH];
    int64_t hour = name_hour(now_ms);
    int64_t ms = now_ms;

    for (int i = 0; i < ID_TRIES; i++, ms = hour + (ms - hour + 1) % NAME_HOUR_MS) {
        *id = name_id(w->options.instance, w->options.number, ms);
        int r = name_journal(path, w->options.dir, id, err);
        if (r == 0)
            r = name_parquet(parquet, w->options.dir, hour, id, err);
        if (r)
            return r;
        if (!file_exists(path) && !file_exists(parquet))
            return 0;
    }
    return err_set(err, ERR_LIMIT, "no free name for a journal from %s on", path);
}

/* Begin another journal with the decoder's state. The one in hand, if any, stays so on failure. */
static int open_journal(struct worker *w, int64_t now_ms, struct err *err)
{
    struct journal_writer *j;
    struct store_id id;
    char path[FILE_PATH];
    int r = free_name(w, now_ms, &id, path, err);

    if (r == 0)
        r = journal_open(&j, path, w->order + 1, w->decoder, err);
    if (r)
        return r;
    w->journal = j;
    w->id = id;
    w->order++;
    w->hour_ms = name_hour(now_ms);
    w->frames = 0;
    w->received = 0;
    w->state_bytes = journal_bytes(j);
    w->synced_bytes = 0;
    w->dir_synced = false;
    w->closed = false;
    w->suspect = false;
    return 0;
}

/* The journal and all rows of it go to the sealing thread once the next has been begun, so that the
 * decoder's state is always in one of them. Without one (the disk is full, say) datagrams are
 * decoded on, for the templates in them. */
static void next_journal(struct worker *w, int64_t now_ms)
{
    struct journal_writer *old = w->journal;
    struct books *books = decoder_books(w->decoder);
    struct err err;

    if (!old) { /* what came until now is lost, and the next journal's head says so */
        decoder_flush(w->decoder);
        books_no_journal(books);
    }
    int r = open_journal(w, now_ms, &err);
    w->failing = r != 0;
    w->tried_mono_ms = clock_mono_ms();
    if (r)
        log_error(old ? "no new journal: the old one goes on as it can"
                      : "no journal: what is received now is lost",
                  KV("error", err.text));
    if (r && old && name_hour(now_ms) == w->hour_ms)
        return;
    if (old) {
        decoder_flush(w->decoder); /* not before: each attempt would wake up the failing disk */
        seal_end(w->seal, old, books_take(books), r ? NULL : &w->id);
    }
    books->carried = r != 0;
    if (r)
        w->journal = NULL;
    else
        seal_begin(w->seal, &w->id, w->hour_ms);
}

/* Whether the journal in hand cannot take what comes now. */
static bool journal_over(const struct worker *w, int64_t now_ms)
{
    return !w->journal || w->closed || name_hour(now_ms) != w->hour_ms ||
           journal_bytes(w->journal) - w->state_bytes >= w->options.journal_bytes;
}

/* What the sink has not of it. */
static void give(struct worker *w, const struct batch *b)
{
    struct sink *s = w->options.sink;

    if (s && b->rows > w->given)
        s->rows(s, w->options.number, b, w->given, b->rows - w->given);
    w->given = b->rows;
}

static struct batch *on_full(struct out *out, struct batch *full)
{
    struct worker *w = container_of(out, struct worker, out);
    struct out *seal = seal_out(w->seal);

    give(w, full);
    w->given = 0;
    return seal->push(seal, full);
}

static void give_in_hand(struct worker *w)
{
    struct sink *s = w->options.sink;

    if (!s)
        return;
    give(w, decoder_in_hand(w->decoder));
    s->pause(s, w->options.number);
}

int worker_open(struct worker *w, const struct worker_options *options, const struct buf *state,
                struct err *err)
{
    struct seal_options seal = {.dir = options->dir, .pq = options->pq, .limits = options->limits};
    struct cur in = cur_of(state->data, state->len);

    *w = (struct worker){.options = *options, .out.push = on_full, .order = options->order};
    int r = file_path(w->journal_dir, err, "%s/journal", options->dir);
    if (r == 0)
        r = seal_open(&w->seal, &seal, err);
    if (r)
        return r;
    w->decoder = decoder_new(&options->limits, &w->out, NULL, &w->counts);
    if (!w->decoder)
        r = err_set(err, ERR_LIMIT, "no memory for the decoder");
    if (r == 0 && state->len > 0)
        r = decoder_load(w->decoder, &in, err);
    if (r == 0)
        decoder_sessions_end(w->decoder); /* connections do not outlive a run */
    if (r == 0 && !decoder_set_senders(w->decoder, options->senders)) /* not those of that run */
        r = err_set(err, ERR_LIMIT, "no memory for the senders");
    if (r == 0 && !decoder_set_quirks(w->decoder, options->quirks))
        r = err_set(err, ERR_LIMIT, "no memory for the quirks");
    if (r == 0)
        r = syncer_open(&w->syncer, err);
    if (r == 0)
        r = open_journal(w, clock_wall_ms(), err);
    if (r == 0)
        seal_begin(w->seal, &w->id, w->hour_ms);
    if (r == 0)
        r = journal_sync(w->journal, err);
    if (r == 0)
        r = file_sync_dir(w->journal_dir, err);
    if (r)
        worker_close(w, 0, NULL);
    return r;
}

void worker_begin(struct worker *w, int64_t now_ms)
{
    int64_t now_mono_ms = clock_mono_ms();

    if (journal_over(w, now_ms) && (!w->failing || now_mono_ms - w->tried_mono_ms >= RETRY_MS ||
                                    (w->journal && name_hour(now_ms) != w->hour_ms)))
        next_journal(w, now_ms);
    if (w->received == 0)
        w->since_mono_ms = now_mono_ms;
    w->batch_frames = 0;
}

void worker_add(struct worker *w, const struct datagram *d)
{
    if (w->journal && !w->closed)
        journal_add(w->journal, d);
    w->batch_frames++;
    w->received++;
    decoder_datagram(w->decoder, d);
}

void worker_end_session(struct worker *w, const struct sender *who, int64_t now_ms)
{
    worker_begin(w, now_ms);
    if (w->journal && !w->closed)
        journal_add_end(w->journal, who, now_ms);
    decoder_session_end(w->decoder, who);
    worker_commit(w);
}

void worker_note(struct worker *w, const struct drops *drops, int64_t now_ms)
{
    worker_begin(w, now_ms);
    if (w->journal && !w->closed)
        journal_add_drops(w->journal, drops, now_ms);
    w->received++;
    decoder_note(w->decoder, now_ms, drops);
    worker_commit(w);
}

void worker_commit(struct worker *w)
{
    struct err err;

    if (!w->journal || w->closed) {
        decoder_books(w->decoder)->beyond_journal = true;
        count_add(&w->counts, COUNT_JOURNAL_ERRORS, w->batch_frames);
        return;
    }
    uint64_t before = journal_bytes(w->journal);
    if (journal_write(w->journal, &err) != 0) {
        count_add(&w->counts, COUNT_JOURNAL_ERRORS, w->batch_frames);
        log_error("journal not written: these datagrams would not survive a crash",
                  KV("datagrams", w->batch_frames), KV("error", err.text));
        decoder_books(w->decoder)->beyond_journal = true;
        w->closed = true;
        return;
    }
    w->frames += w->batch_frames;
    count_add(&w->counts, COUNT_JOURNAL_FRAMES, w->batch_frames);
    count_add(&w->counts, COUNT_JOURNAL_BYTES, journal_bytes(w->journal) - before);
}

static void sync_journal(struct worker *w, int64_t now_mono_ms)
{
    struct err err;

    /* After a failure the kernel may hold for written what is not: syncing again proves nothing. */
    if (syncer_poll(&w->syncer, &err) != 0) {
        count_add(&w->counts, COUNT_SYNC_ERRORS, 1);
        log_error("journal not synced; another is begun", KV("error", err.text));
        w->suspect = true;
    }
    if (!w->journal || journal_bytes(w->journal) == w->synced_bytes ||
        now_mono_ms - w->synced_mono_ms < w->options.sync_ms)
        return;
    uint64_t bytes = journal_bytes(w->journal);
    if (!syncer_start(&w->syncer, journal_fd(w->journal), w->dir_synced ? NULL : w->journal_dir))
        return;
    w->synced_bytes = bytes;
    w->synced_mono_ms = now_mono_ms;
    w->dir_synced = true;
}

/* What exporters call things since the last time is for the store. Were this lost in a crash, the
 * names are in the journal's head, and are all told again. */
static void tell_names(struct worker *w)
{
    const struct naming *n = decoder_names(w->decoder);
    struct labels names;

    w->names_mono_ms = clock_mono_ms();
    if (n->changes == w->names_told)
        return;
    labels_init(&names);
    count_add(&w->counts, COUNT_NAMES_REFUSED, labels_take(&names, n, w->names_told));
    if (seal_names(w->seal, &names))
        w->names_told = n->changes;
    labels_free(&names);
}

static void ask_seal(struct worker *w)
{
    struct err err;

    count_add(&w->counts, COUNT_FLOWS_DEFERRED, seal_deferred(w->seal));
    count_add(&w->counts, COUNT_FLOWS_LOST, seal_lost(w->seal));
    if (seal_failure(w->seal, &err))
        log_error("journal not made into a file, or not removed: it is tried again",
                  KV("error", err.text));
}

/* Gaps and restarts since the last tick. */
static void log_news(struct worker *w)
{
    struct exporters *e = decoder_exporters(w->decoder);

    for (size_t i = 0; i < e->n_news; i++) {
        const struct exporter_news *n = &e->news[i];
        char from[SENDER_TEXT];
        sender_print(n->name, &n->key.addr, n->key.port, from);
        if (n->verdict == SEQUENCE_GAP)
            log_warn("sequence gap: the exporter sent what did not arrive", KV("exporter", from),
                     KV("version", n->key.version), KV("source", n->key.source),
                     KV("missing", n->missed), KV("unit", sequence_unit(n->key.version)));
        else
            log_info("an exporter counts anew: it restarted, or was reconfigured",
                     KV("exporter", from), KV("version", n->key.version),
                     KV("source", n->key.source));
    }
    if (e->news_lost > 0)
        log_warn("more sequence gaps and restarts than can be told", KV("events", e->news_lost));
    exporters_told(e);
}

/* What could not be read since the last tick. */
static void log_troubles(struct worker *w)
{
    struct troubles *all = decoder_troubles(w->decoder);

    for (size_t i = 0; i < all->n; i++) {
        const struct trouble *t = &all->v[i];
        char from[SENDER_TEXT];
        sender_print("", &t->addr, t->port, from);
        log_warn("malformed: some of what came could not be read", KV("exporter", from),
                 KV("version", t->version), KV("source", t->source), KV("set", t->set),
                 KV("counter", count_table[t->why].name), KV("last", t->reason), KV("times", t->n));
    }
    if (all->more > 0)
        log_warn("more could not be read than can be told", KV("times", all->more));
    *all = (struct troubles){0};
}

void worker_tick(struct worker *w, int64_t now_ms)
{
    int64_t now_mono_ms = clock_mono_ms();
    bool old = w->received > 0 && now_mono_ms - w->since_mono_ms >= w->options.seal_every_ms;
    int64_t wait_ms = w->suspect ? RETRY_SUSPECT_MS : w->failing ? RETRY_MS : 0;

    if ((old || w->suspect) && now_mono_ms - w->tried_mono_ms >= wait_ms)
        next_journal(w, now_ms);
    if (now_mono_ms - w->names_mono_ms >= NAMES_MS)
        tell_names(w);
    sync_journal(w, now_mono_ms);
    give_in_hand(w);
    ask_seal(w);
    log_news(w);
    log_troubles(w);
}

void worker_rotate(struct worker *w, int64_t now_ms)
{
    if (w->journal && w->received > 0)
        next_journal(w, now_ms);
}

void worker_set_rules(struct worker *w, const struct senders *senders, const struct quirks *quirks,
                      int64_t now_ms)
{
    const struct exporters *e = decoder_exporters(w->decoder);
    bool same_senders = senders_same(&e->senders, senders);
    bool same_quirks = quirks_same(&e->quirks, quirks);

    if (!same_senders && !decoder_set_senders(w->decoder, senders))
        log_error("no memory for the senders of the configuration: those before stay in force");
    if (!same_quirks && !decoder_set_quirks(w->decoder, quirks))
        log_error("no memory for the quirks of the configuration: those before stay in force");
    if (!same_senders || !same_quirks)
        next_journal(w, now_ms);
}

void worker_counts(const struct worker *w, struct counts *into)
{
    counts_sum(into, &w->counts);
    counts_sum(into, seal_counts(w->seal));
}

void worker_close(struct worker *w, int64_t now_ms, struct counts *last)
{
    struct err err;

    if (w->decoder && w->order > w->options.order && (!w->journal || w->received > 0))
        next_journal(w, now_ms);   /* the new one holds the state only */
    if (w->journal && w->closed) { /* no new one: its file is all that has everything */
        decoder_flush(w->decoder);
        seal_end(w->seal, w->journal, books_take(decoder_books(w->decoder)), NULL);
        w->journal = NULL;
    }
    if (w->journal && journal_close(w->journal, &err) != 0)
        log_error("journal not closed", KV("error", err.text));
    w->journal = NULL;
    if (w->seal && w->decoder) {
        tell_names(w);
        ask_seal(w);
    }
    if (seal_close(w->seal, last, &err))
        log_error("journal not made into a file, or not removed: it waits for the next start",
                  KV("error", err.text));
    if (last)
        counts_sum(last, &w->counts);
    decoder_free(w->decoder);
    syncer_close(&w->syncer);
    w->seal = NULL;
    w->decoder = NULL;
}
