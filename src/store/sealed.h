/* sealed: a Parquet file on its way into a store.
 *
 * It is written under a temporary name beside its place, synced, renamed, and the folder synced:
 * readers see all of it or nothing. */
#ifndef STORE_SEALED_H
#define STORE_SEALED_H

#include "flow/books.h"
#include "flow/decode.h"
#include "store/journal.h"
#include "store/name.h"
#include "store/pq_write.h"

struct sealed;

int sealed_open(struct sealed **out, const char *dir, int64_t hour_ms, const struct store_id *id,
                const struct pq_write_options *options, struct err *err) MUST_USE;
int sealed_add(struct sealed *s, const struct batch *b, struct err *err) MUST_USE;

/* Complete it, with its books in the footer (NULL: none), and sync it, still under its temporary
 * name. *rows may be NULL. */
int sealed_finish(struct sealed *s, struct books *books, uint64_t *rows, struct err *err) MUST_USE;

/* Put a finished file in its place. Frees s whatever it returns; on failure the file is gone. */
int sealed_publish(struct sealed *s, struct err *err) MUST_USE;

/* Frees s and removes what was written. NULL is fine. */
void sealed_abort(struct sealed *s);

/* Make a journal's Parquet file from the journal alone, and remove the journal; without rows or
 * books no file comes to be. Where the Parquet file is there already, only the journal goes. */
struct seal_journal {
    const char *dir;
    struct store_id id;
    int64_t hour_ms;
    const struct pq_write_options *options;
    const struct decode_limits *limits;
    struct books *books;      /* as the journal's decoder had them, or NULL: they are taken for what
                               * they say beyond the journal; no more than the file's then */
    struct buf *state;        /* gets the decoder's state at the end; may be NULL */
    bool keep;                /* leave the journal where it is */
    uint64_t rows;            /* out: stored by this call */
    uint64_t datagrams;       /* out: in the journal */
    struct journal_torn torn; /* out */
    bool sealed;              /* out: a Parquet file was made */
};
int seal_journal(struct seal_journal *s, struct err *err) MUST_USE;

#endif
