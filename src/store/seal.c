#include "store/seal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/ring.h"
#include "store/sealed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RING_ITEMS = 1024 };

enum item_kind { ITEM_BATCH, ITEM_END, ITEM_NAMES, ITEM_STOP, ITEM_FAILURE };

struct job;

/* What goes through the rings: to the thread as BATCH, END, NAMES or STOP; back as BATCH, now
 * holding an empty one (or none yet), or FAILURE. */
struct item {
    enum item_kind kind;
    struct job *job;
    struct batch *batch;
    struct labels names;
    struct err err;
};

/* A journal and its file. The receive thread's until ITEM_END, except what is marked. */
struct job {
    struct item end;
    struct job *next; /* in one list: of those that wait for room in the ring, or for another try */
    struct store_id id;
    int64_t hour_ms;
    struct journal_writer *journal; /* NULL: it is to be read only */
    struct store_id heir;           /* the journal behind it; empty: none */
    struct books *books;            /* of the journal; NULL: decoding it again tells them */
    bool spoiled;                   /* a batch is missing in the running file */
    struct sealed *file;            /* the thread's */
    bool broken;                    /* the thread's: the running file could not be written */
};

struct seal {
    struct seal_options options;
    pthread_t thread;
    struct ring todo;
    struct ring back;
    /* The receive thread's. */
    struct out out;
    struct item item[SEAL_BATCHES];
    struct item *idle[SEAL_BATCHES]; /* the one used last on top: its memory is in the cache */
    size_t idle_n;
    struct job *job;
    struct job *late; /* ended, but the ring was full */
    uint64_t deferred;
    uint64_t lost;
    _Atomic uint64_t ended; /* others read it */
    struct item *failures; /* the last one only */
    struct item stop;
    /* The sealing thread's. */
    struct counts counts;
    struct job *again;
    struct labels names; /* that the store does not know yet */
    int64_t tried_mono_ms;
};

/* --- the sealing thread --- */

static void tell(struct seal *s, const struct err *err)
{
    struct item *i = mem_new(1, sizeof *i);

    count_add(&s->counts, COUNT_SEAL_ERRORS, 1);
    *i = (struct item){.kind = ITEM_FAILURE, .err = *err};
    if (!ring_push(&s->back, i)) /* nobody reads: the counter says it */
        free(i);
}

static void add_batch(struct seal *s, struct job *j, const struct batch *b)
{
    struct err err;
    int r = 0;

    if (j->broken)
        return;
    if (!j->file)
        r = sealed_open(&j->file, s->options.dir, j->hour_ms, &j->id, &s->options.pq, &err);
    if (r == 0)
        r = sealed_add(j->file, b, &err);
    if (r == 0)
        return;
    sealed_abort(j->file);
    j->file = NULL;
    j->broken = true;
    tell(s, &err);
}

static void keep_names(struct seal *s)
{
    uint64_t refused = 0;
    struct err err;
    int r = labels_keep(s->options.dir, &s->names, &refused, &err);

    count_add(&s->counts, COUNT_NAMES_REFUSED, refused);
    s->tried_mono_ms = clock_mono_ms();
    if (r) {
        tell(s, &err);
        return;
    }
    labels_free(&s->names);
    labels_init(&s->names);
}

static void add_names(struct seal *s, struct item *i)
{
    count_add(&s->counts, COUNT_NAMES_REFUSED, labels_move(&s->names, &i->names));
    free(i);
    keep_names(s);
}

static void stored(struct seal *s, uint64_t rows)
{
    count_add(&s->counts, COUNT_FLOWS_STORED, rows);
    count_add(&s->counts, COUNT_FILES_SEALED, 1);
}

static void done(struct seal *s, struct job *j)
{
    count_add(&s->counts, COUNT_JOURNALS_DONE, 1);
    books_delete(j->books);
    free(j);
}

static bool has_heir(const struct job *j) { return j->heir.text[0] != '\0'; }

/* Templates and held data of a journal are in the head of its heir, which must be on the disk
 * before the journal goes. */
static int sync_heir(const struct seal *s, const struct job *j, struct err *err)
{
    char path[FILE_PATH];

    if (!has_heir(j))
        return 0;
    int r = name_journal(path, s->options.dir, &j->heir, err);
    if (r == 0)
        r = file_sync(path, err);
    if (r == 0)
        r = file_path(path, err, "%s/journal", s->options.dir);
    return r ? r : file_sync_dir(path, err);
}

/* From the running file. */
static int finish(struct seal *s, struct job *j, struct err *err)
{
    char path[FILE_PATH];
    uint64_t rows = 0;
    int r = name_journal(path, s->options.dir, &j->id, err);

    if (r == 0 && !j->file && !books_empty(j->books))
        r = sealed_open(&j->file, s->options.dir, j->hour_ms, &j->id, &s->options.pq, err);
    if (r == 0 && j->file)
        r = sealed_finish(j->file, j->books, &rows, err);
    if (r == 0 && j->file) {
        r = sealed_publish(j->file, err);
        j->file = NULL;
        if (r == 0)
            stored(s, rows);
    }
    sealed_abort(j->file);
    j->file = NULL;
    if (r == 0)
        r = sync_heir(s, j, err);
    if (r)
        return r;
    journal_abandon(j->journal);
    j->journal = NULL;
    r = has_heir(j) ? file_remove(path, err) : 0;
    if (r)
        return r;
    done(s, j);
    return 0;
}

/* From the journal: the running file was given up, or an earlier try failed. */
static int finish_again(struct seal *s, struct job *j, struct err *err)
{
    struct seal_journal again = {.dir = s->options.dir,
                                 .id = j->id,
                                 .hour_ms = j->hour_ms,
                                 .keep = !has_heir(j),
                                 .options = &s->options.pq,
                                 .limits = &s->options.limits};
    if (j->books && !j->books->beyond_journal) { /* it may have to wait: not with them */
        books_delete(j->books);
        j->books = NULL;
    }
    again.books = j->books;
    int r = sync_heir(s, j, err);

    if (r == 0)
        r = seal_journal(&again, err);
    if (again.sealed)
        stored(s, again.rows);
    if (r == 0)
        done(s, j);
    return r;
}

static void retry(struct seal *s)
{
    struct job *list = s->again;
    struct err err;

    if (s->names.n > 0)
        keep_names(s);
    s->again = NULL;
    while (list) {
        struct job *j = list;
        list = j->next;
        if (finish_again(s, j, &err) != 0) {
            tell(s, &err);
            j->next = s->again;
            s->again = j;
        }
    }
    s->tried_mono_ms = clock_mono_ms();
}

static void end_job(struct seal *s, struct job *j)
{
    struct err err;
    int r;

    /* Nobody else syncs what came last, and the file may take its time. */
    if (j->journal && journal_sync(j->journal, &err) != 0)
        tell(s, &err);
    if (!j->spoiled && !j->broken) {
        r = finish(s, j, &err);
    } else {
        sealed_abort(j->file);
        j->file = NULL;
        journal_abandon(j->journal);
        j->journal = NULL;
        r = finish_again(s, j, &err);
    }
    if (r == 0)
        return;
    tell(s, &err);
    journal_abandon(j->journal);
    j->journal = NULL;
    j->next = s->again;
    s->again = j;
    s->tried_mono_ms = clock_mono_ms();
}

static void *run(void *arg)
{
    struct seal *s = arg;

    (void)pthread_setname_np(pthread_self(), "seal");
    for (;;) {
        bool left = s->again || s->names.n > 0;
        struct item *i = ring_wait(&s->todo, left ? SEAL_RETRY_MS : -1);
        if (i && i->kind == ITEM_STOP)
            break;
        if (i && i->kind == ITEM_BATCH) {
            add_batch(s, i->job, i->batch);
            batch_reset(i->batch);
            (void)!ring_push(&s->back, i); /* there is room: see seal_open() */
        } else if (i && i->kind == ITEM_NAMES) {
            add_names(s, i);
        } else if (i) {
            end_job(s, i->job);
        }
        if ((s->again || s->names.n > 0) && clock_mono_ms() - s->tried_mono_ms >= SEAL_RETRY_MS)
            retry(s);
    }
    retry(s);
    return NULL;
}

/* --- the receive thread --- */

static void take_back(struct seal *s)
{
    for (struct item *i; (i = ring_pop(&s->back));) {
        if (i->kind == ITEM_BATCH) {
            s->idle[s->idle_n++] = i;
            continue;
        }
        free(s->failures);
        s->failures = i;
    }
}

/* Ended journals that the ring had no room for, oldest first. true: none is left. */
static bool push_late(struct seal *s)
{
    while (s->late) {
        struct job *j = s->late;
        struct job *next = j->next; /* j is the thread's once it is pushed */
        if (!ring_push(&s->todo, &j->end))
            return false;
        s->late = next;
    }
    return true;
}

static struct batch *push(struct out *out, struct batch *full)
{
    struct seal *s = container_of(out, struct seal, out);
    struct item *i = NULL;

    take_back(s);
    if (!s->job) { /* no journal could be begun, so there is no file either */
        s->lost += full->rows;
        batch_reset(full);
        return full;
    }
    if (!s->job->spoiled && s->idle_n > 0 && push_late(s)) {
        i = s->idle[s->idle_n - 1];
        if (!i->batch)
            i->batch = batch_new(full->cap);
    }
    if (i && i->batch) {
        struct batch *empty = i->batch;
        i->job = s->job;
        i->batch = full;
        if (ring_push(&s->todo, i)) {
            s->idle_n--;
            return empty;
        }
        i->batch = empty;
    }
    s->job->spoiled = true;
    s->deferred += full->rows;
    batch_reset(full);
    return full;
}

struct out *seal_out(struct seal *s) { return &s->out; }

static struct job *new_job(const struct store_id *id, int64_t hour_ms)
{
    struct job *j = mem_new(1, sizeof *j);

    j->end = (struct item){.kind = ITEM_END, .job = j};
    j->id = *id;
    j->hour_ms = hour_ms;
    return j;
}

static void end_later(struct seal *s, struct job *j)
{
    struct job **last = &s->late;

    atomic_fetch_add_explicit(&s->ended, 1, memory_order_relaxed);
    while (*last)
        last = &(*last)->next;
    *last = j;
    (void)push_late(s);
}

void seal_begin(struct seal *s, const struct store_id *id, int64_t hour_ms)
{
    s->job = new_job(id, hour_ms);
}

void seal_end(struct seal *s, struct journal_writer *journal, struct books *books,
              const struct store_id *heir)
{
    struct job *j = s->job;

    j->journal = journal;
    j->books = books;
    if (heir)
        j->heir = *heir;
    s->job = NULL;
    end_later(s, j);
}

void seal_adopt(struct seal *s, const struct store_id *id, int64_t hour_ms)
{
    struct job *j = new_job(id, hour_ms);

    j->spoiled = true;
    j->heir = s->job->id;
    end_later(s, j);
}

bool seal_names(struct seal *s, struct labels *names)
{
    struct item *i = mem_new(1, sizeof *i);

    *i = (struct item){.kind = ITEM_NAMES};
    labels_init(&i->names);
    (void)labels_move(&i->names, names);
    if (push_late(s) && ring_push(&s->todo, i))
        return true;
    (void)labels_move(names, &i->names);
    free(i);
    return false;
}

uint64_t seal_deferred(struct seal *s)
{
    uint64_t n = s->deferred;
    s->deferred = 0;
    return n;
}

uint64_t seal_lost(struct seal *s)
{
    uint64_t n = s->lost;
    s->lost = 0;
    return n;
}

bool seal_failure(struct seal *s, struct err *out)
{
    take_back(s);
    (void)push_late(s);
    if (!s->failures)
        return false;
    if (out)
        *out = s->failures->err;
    free(s->failures);
    s->failures = NULL;
    return true;
}

const struct counts *seal_counts(const struct seal *s) { return &s->counts; }

uint64_t seal_waiting(const struct seal *s)
{
    uint64_t done = count_get(&s->counts, COUNT_JOURNALS_DONE); /* first: never more than ended */

    return atomic_load_explicit(&s->ended, memory_order_relaxed) - done;
}

static void free_seal(struct seal *s)
{
    take_back(s);
    for (size_t i = 0; i < s->idle_n; i++)
        batch_delete(s->idle[i]->batch);
    while (s->again) {
        struct job *j = s->again;
        s->again = j->next;
        books_delete(j->books);
        free(j);
    }
    labels_free(&s->names);
    free(s->failures);
    pq_work_free(s->options.pq.work);
    ring_free(&s->todo);
    ring_free(&s->back);
    free(s);
}

int seal_open(struct seal **out, const struct seal_options *options, struct err *err)
{
    struct seal *s = mem_new(1, sizeof *s);

    s->options = *options;
    s->options.pq.work = pq_work_new(); /* the thread's */
    s->out.push = push;
    labels_init(&s->names);
    /* `back` holds every item there is, and failures besides while there is room. */
    int r = ring_init(&s->todo, RING_ITEMS, err);
    if (r == 0)
        r = ring_init(&s->back, RING_ITEMS, err);
    for (size_t i = 0; i < SEAL_BATCHES; i++) {
        s->item[i].kind = ITEM_BATCH;
        s->idle[s->idle_n++] = &s->item[i];
    }
    if (r == 0 && pthread_create(&s->thread, NULL, run, s) != 0)
        r = err_set(err, ERR_SYS, "cannot start the sealing thread");
    if (r) {
        free_seal(s);
        return r;
    }
    *out = s;
    return 0;
}

bool seal_close(struct seal *s, struct counts *last, struct err *failure)
{
    if (!s)
        return false;
    s->stop.kind = ITEM_STOP;
    while (!push_late(s) || !ring_push(&s->todo, &s->stop)) {
        struct timespec t = {.tv_nsec = 1000000};
        (void)nanosleep(&t, NULL); /* the end of the program: the ring empties as files are made */
    }
    (void)pthread_join(s->thread, NULL);
    if (last)
        counts_sum(last, &s->counts);
    if (s->job) { /* begun and not ended: its journal stays */
        sealed_abort(s->job->file);
        free(s->job);
    }
    bool failed = seal_failure(s, failure);
    free_seal(s);
    return failed;
}
