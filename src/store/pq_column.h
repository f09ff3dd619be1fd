/* pq_column: one column of the row group that is being written.
 *
 * Values are encoded while they come in. A page of 65,536 rows is open; when full it is encoded,
 * compressed if that pays, and appended to the chunk, which stays in memory until the row group
 * ends. How values are kept follows from what was seen in the chunk so far:
 *
 *   SAME   all values are equal: nothing is kept but that value
 *   CODES  a dictionary is built, codes are kept
 *   RAW    the values themselves, for BYTE_STREAM_SPLIT, DELTA or PLAIN
 *
 * It only goes down this list, CODES where the catalogue says DICT. A dictionary is given up when
 * the first page shows too many distinct values (that page becomes RAW too, unless it is text), or
 * when it has become too large (the rest of the chunk is RAW).
 *
 * Bounds: the open page (at most 65,536 rows of 16 bytes, or 1 MB of text and one value more), the
 * dictionary (128 k values of 8 or 16 bytes, or 1 MB of text) and its slots, the encoded pages. */
#ifndef STORE_PQ_COLUMN_H
#define STORE_PQ_COLUMN_H

#include "flow/batch.h"
#include "store/bounds.h"
#include "store/dict.h"

/* Working memory that the columns of a writer share. */
struct pq_scratch {
    struct codec *codec;
    enum codec_id codec_id; /* set by the writer */
    struct buf levels;
    struct buf values;
    struct buf packed;
    struct buf text; /* a text made valid */
    void *dense;     /* values without the gaps of absent ones */
};

void pq_scratch_init(struct pq_scratch *s);
void pq_scratch_free(struct pq_scratch *s);

enum pq_state { PQ_SAME, PQ_CODES, PQ_RAW };
enum pq_pays { PQ_PAYS_UNKNOWN, PQ_PAYS, PQ_PAYS_NOT };

struct pq_column {
    enum field_id field;
    enum kind kind;
    size_t width;
    enum pq_state state;
    bool failed; /* no memory */

    /* Open page. */
    size_t rows;
    size_t n; /* values present */
    uint64_t *seen;
    uint8_t same[16]; /* SAME: the value */
    uint32_t *codes;
    uint8_t *raw;
    struct buf text; /* RAW text, PLAIN already */

    /* Chunk. */
    struct dict dict;
    bool has_dict;        /* some page refers to it */
    struct bounds bounds; /* of RAW values; the dictionary's are added at the end */
    struct buf pages;
    struct buf dict_page;
    struct buf bloom; /* head and bits; empty: none */
    struct pq_chunk meta;
    enum pq_pays pays;
    uint64_t chunk_rows;
};

void pq_column_init(struct pq_column *c, enum field_id field);
void pq_column_free(struct pq_column *c);

/* Append rows [from, from + n) of the batch; `row` is their place in the row group: rows that were
 * not added are null. */
void pq_column_add(struct pq_column *c, struct pq_scratch *s, const struct batch *b, size_t from,
                   size_t n, uint64_t row);

/* Bytes that the chunk takes so far, without the open page. */
static inline size_t pq_column_bytes(const struct pq_column *c) { return c->pages.len; }

/* End the chunk at so many rows. Its bytes are c->dict_page and c->pages then, with c->bloom
 * beside; c->meta is complete but for offsets. false if there was no memory. */
bool pq_column_end(struct pq_column *c, struct pq_scratch *s, uint64_t rows) MUST_USE;

/* Do two ended chunks have the same bytes? Pages do not name their column, so one place in the file
 * can serve both. */
bool pq_column_same(const struct pq_column *a, const struct pq_column *b);

/* Make `to`, in which there is nothing yet, what `from` is: of the same kind, and one that the
 * catalogue does not give a dictionary. */
void pq_column_copy(struct pq_column *to, const struct pq_column *from);

/* Begin the next row group. */
void pq_column_reset(struct pq_column *c);

#endif
