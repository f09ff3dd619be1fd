/* pq_pages: the pages of one column chunk, decoded one after another into a batch's column.
 *
 * The chunk is read into memory whole. A page is decompressed when the first of its rows is asked
 * for, and not at all if none is: skipping rows costs nothing until then. Of a page, codes,
 * differences and presence bits are decoded when it is opened; values are put together as they go
 * into the batch. Where a page has dictionary codes, these can be had instead of values.
 *
 * Bounds: the chunk; a decompressed page (at most what PQ_PAGE_BYTES_MAX and the codec's ratio
 * allow); 8 bytes for each of its rows, which are at most PQ_GROUP_ROWS_MAX; the dictionary, which
 * takes at most four times its PLAIN bytes. */
#ifndef STORE_PQ_PAGES_H
#define STORE_PQ_PAGES_H

#include "base/err.h"
#include "flow/batch.h"
#include "store/pq_format.h"

/* Memory that is kept for the next use. */
struct pq_space {
    void *p;
    size_t cap;
};

enum pq_mode {
    PQ_MODE_NULL,
    PQ_MODE_SAME,
    PQ_MODE_CODES,
    PQ_MODE_PLAIN,
    PQ_MODE_SPLIT,
    PQ_MODE_WIDE
};

/* Seconds that reading took. */
struct pq_times {
    double read;   /* from the file */
    double unpack; /* decompression */
    double all;    /* these, and decoding */
};

struct pq_pages {
    enum field_id field;
    enum kind kind;
    size_t width;    /* of a value in a batch */
    size_t in_width; /* of a PLAIN value; 0: with its length before it */
    enum codec_id codec_id;
    struct codec *codec;    /* borrowed */
    struct pq_times *times; /* borrowed */
    uint64_t rows_left;     /* of the chunk, in pages not begun */

    /* The chunk. */
    struct pq_space chunk;
    uint64_t at; /* its offset in the file */
    const uint8_t *begin;
    struct cur in;

    /* Its dictionary. */
    bool has_dict;
    uint32_t dict_n;
    struct pq_space dict;     /* values of `width` bytes; TEXT and BYTES: cells in dict_raw */
    struct pq_space dict_raw; /* its page, if it was compressed */
    const uint8_t *text;      /* what a dictionary's cells refer to */
    size_t dict_bytes;        /* its length */
    struct pq_space placed;   /* TEXT and BYTES: where an entry lies in the batch */
    uint32_t batch;           /* number of the batch that is being filled */
    uint64_t serial;          /* of the dictionary: never the same for two in one process */

    /* The page begun. */
    size_t rows, row; /* how many, and the next */
    bool opened;      /* decompressed; else its head and body are all that is known */
    struct pq_page head;
    struct cur body;
    size_t n, value; /* values that are there, and the next */
    enum pq_mode mode;
    const uint8_t *values;
    struct pq_space seen;
    struct pq_space page;   /* decompressed */
    struct pq_space items;  /* codes, 64-bit values, or cells of PLAIN text */
    struct pq_space spread; /* codes of rows, where some have none */
};

/* Begin with a chunk of which `p->chunk.p` holds len bytes and DECODE_SLACK more. */
void pq_pages_begin(struct pq_pages *p, enum field_id field, const struct pq_chunk *meta,
                    struct codec *codec, struct pq_times *times, size_t len);

/* For struct pq_times: now, in seconds. */
double pq_now(void);

/* Room for n bytes in a space, contents lost. */
bool pq_space_need(struct pq_space *s, size_t n) MUST_USE;

/* How many of the next n rows can be given without taking more than `budget` bytes of text: at
 * least
 * 1. For columns that aren't text it is n. */
int pq_pages_fit(struct pq_pages *p, size_t n, size_t budget, size_t *out,
                 struct err *err) MUST_USE;

/* Give the next n rows to rows [at, at + n) of the batch, whose number is p->batch. */
int pq_pages_read(struct pq_pages *p, struct batch *b, size_t at, size_t n,
                  struct err *err) MUST_USE;

/* Leave out the next n rows. */
int pq_pages_skip(struct pq_pages *p, uint64_t n, struct err *err) MUST_USE;

/* Rows by their place in the dictionary. */
struct pq_codes {
    const uint32_t *code; /* of each row; dict_n: it has no value. NULL: all rows have `same` */
    uint32_t same;
    uint32_t dict_n;
    const void *dict; /* values as in a batch's column; cells refer to `text` */
    const uint8_t *text;
    uint64_t serial; /* another one: another dictionary */
};

/* Give the next n (at most BATCH_ROWS) rows as codes, good until the next call. *found is false,
 * and nothing is taken, if they do not lie in one page that has codes. */
int pq_pages_codes(struct pq_pages *p, size_t n, struct pq_codes *out, bool *found,
                   struct err *err) MUST_USE;

/* The values of n such rows into rows [0, n) of the batch. */
int pq_pages_from_codes(struct pq_pages *p, const struct pq_codes *codes, struct batch *b, size_t n,
                        struct err *err) MUST_USE;

/* Where in the file reading is. */
uint64_t pq_pages_offset(const struct pq_pages *p);

void pq_pages_free(struct pq_pages *p);

#endif
