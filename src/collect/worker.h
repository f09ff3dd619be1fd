/* worker: datagrams → journal and decoder → the sealing thread. One receive thread's.
 *
 * Datagrams are given in batches: begin, add or end_session, commit. A batch is one write to the
 * journal, and lies in one journal. A journal ends at a size, at an age, and with the hour; each
 * begins with the decoder's state, so that it can be decoded alone. When the worker closes it
 * leaves a journal that holds nothing but this state: the next run goes on from there.
 *
 * When the disk fails: a journal that could not be written or synced gets no more datagrams, since
 * it would lack templates, and another is begun as soon as that can be. Until then its running file
 * goes on alone; where the hour is over nothing can take the flows, and they are lost and counted.
 *
 * Ages are measured with the monotonic clock: the wall clock may jump. */
#ifndef COLLECT_WORKER_H
#define COLLECT_WORKER_H

#include "collect/syncer.h"
#include "store/seal.h"

struct worker_options {
    const char *dir;
    const char *instance;
    unsigned number;
    int64_t seal_every_ms;
    uint64_t journal_bytes; /* a journal ends when it is as long */
    int64_t sync_ms;
    uint64_t order; /* one less than that of its first journal */
    struct pq_write_options pq;
    struct decode_limits limits;
    const struct senders *senders; /* the caller's, for worker_open() */
    const struct quirks *quirks;   /* likewise */
    struct sink *sink;             /* gets all flows too; may be NULL */
};

struct worker {
    struct worker_options options;
    struct counts counts; /* the receive thread's */
    struct out out;       /* the decoder's: to the sealing thread, past the sink */
    size_t given;         /* rows of the batch in hand that the sink has */
    struct decoder *decoder;
    struct seal *seal;
    struct syncer syncer;
    struct journal_writer *journal;
    struct store_id id;
    char journal_dir[FILE_PATH];
    int64_t hour_ms;       /* of the journal */
    uint64_t order;        /* of it, see journal.h */
    int64_t since_mono_ms; /* when its first datagram came */
    uint64_t frames;       /* in it */
    uint64_t received;     /* datagrams and drops for it, also those that could not be written */
    uint64_t batch_frames; /* since begin */
    uint64_t state_bytes;  /* length of its head */
    uint64_t synced_bytes;
    int64_t synced_mono_ms;
    bool dir_synced;
    bool closed;           /* nothing can be written to it any more */
    bool suspect;          /* it could not be synced */
    uint64_t names_told;   /* changes of names that the store was told */
    int64_t names_mono_ms; /* then */
    bool failing;          /* the last attempt to begin another failed, */
    int64_t tried_mono_ms; /* then */
};

/* `state`: what recover_run() gave. Starts the sealing and the syncing thread. The journal that is
 * begun is on the disk when this returns. */
int worker_open(struct worker *w, const struct worker_options *options, const struct buf *state,
                struct err *err) MUST_USE;

void worker_begin(struct worker *w, int64_t now_ms);
void worker_add(struct worker *w, const struct datagram *d);
void worker_end_session(struct worker *w, const struct sender *who, int64_t now_ms);

/* What a socket dropped since this was last said: for the books. Not within a batch. */
void worker_note(struct worker *w, const struct drops *drops, int64_t now_ms);
void worker_commit(struct worker *w);

/* End the journal now if it holds anything. */
void worker_rotate(struct worker *w, int64_t now_ms);

/* What the operator says of senders now, and the rules. If it is something else, another journal is
 * begun, whose head says it. */
void worker_set_rules(struct worker *w, const struct senders *senders, const struct quirks *quirks,
                      int64_t now_ms);

/* Now and then: end a journal by age, have it synced, log what went wrong elsewhere. */
void worker_tick(struct worker *w, int64_t now_ms);

/* What the receive and the sealing thread have counted, added to `into`. */
void worker_counts(const struct worker *w, struct counts *into);

/* Seal what is there and free everything. `last` (may be NULL) gets the counts at the end. */
void worker_close(struct worker *w, int64_t now_ms, struct counts *last);

#endif
