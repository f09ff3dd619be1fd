/* seal: the thread that makes Parquet files of what is received, one for each journal.
 *
 * The receive thread pushes batches through seal_out() and never waits: they go through a ring to
 * the sealing thread, which encodes them into the running file. When the ring is full the batch is
 * left out of the running file, which is then given up: its datagrams are in the journal, and
 * at the end the file is made from the journal instead. The same happens when writing failed.
 *
 *   begin(journal 1)  push push push  end(journal 1)  begin(journal 2)  push ...
 *
 * A journal is removed when its file is in place. One whose file cannot be made (a full disk)
 * stays, and is tried again until it can. At most SEAL_BATCHES batches are under way (struct batch
 * of 4096 rows: 1 to 2 MB of columns each). */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "flow/books.h"
#include "flow/decode.h"
#include "store/journal.h"
#include "store/labels.h"
#include "store/name.h"
#include "store/pq_write.h"

enum { SEAL_BATCHES = 48, SEAL_RETRY_MS = 10000 };

struct seal;

struct seal_options {
    const char *dir; /* borrowed */
    struct pq_write_options pq;
    struct decode_limits limits;
};

int seal_open(struct seal **out, const struct seal_options *options, struct err *err) MUST_USE;

/* All of these are the receive thread's. */
struct out *seal_out(struct seal *s);

/* Batches from now on belong to this journal. */
void seal_begin(struct seal *s, const struct store_id *id, int64_t hour_ms);

/* The journal is complete and goes over to the sealing thread, with its books; no batch until the
 * next begin. What decoding goes on from is in the head of `heir`, the journal opened next,
 * which is synced before this one is removed. NULL, there is none: this one stays for the next
 * start even when its file is in place. */
void seal_end(struct seal *s, struct journal_writer *journal, struct books *books,
              const struct store_id *heir);

/* A journal that an earlier run left, and that could not be made into a file when this one began:
 * it is tried again now and then. After seal_begin(). */
void seal_adopt(struct seal *s, const struct store_id *id, int64_t hour_ms);

/* Have the store know these names, see labels.h. Takes what is in `names`; false: the ring is full,
 * it stays the caller's. */
bool seal_names(struct seal *s, struct labels *names) MUST_USE;

/* Since the last call: rows left to be stored from their journal, and rows pushed while no journal
 * was begun, which are lost. */
uint64_t seal_deferred(struct seal *s);
uint64_t seal_lost(struct seal *s);

/* Wait until all is sealed that can be, stop the thread, free. Journals that could not be sealed
 * stay for the next start. `last` (may be NULL) gets what it counted; true: `failure` has the last
 * that nobody has been told of. */
bool seal_close(struct seal *s, struct counts *last, struct err *failure);

const struct counts *seal_counts(const struct seal *s); /* the sealing thread's */

/* Journals ended and not yet sealed. Any thread may ask. */
uint64_t seal_waiting(const struct seal *s);

/* A failure of the sealing thread that nobody has been told of yet: for the receive thread to log.
 * To be called now and then. */
bool seal_failure(struct seal *s, struct err *out);

#endif
