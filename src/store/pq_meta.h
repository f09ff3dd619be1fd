/* pq_meta: page heads and footers in thrift, written and read. */
#ifndef STORE_PQ_META_H
#define STORE_PQ_META_H

#include "store/pq_format.h"
#include "store/pq_write.h"
#include "store/thrift.h"

void pq_page_put(struct buf *b, const struct pq_page *p);

/* Reads a head and checks that its sizes fit each other; the page's p->bytes follow. 0, or ERR_DATA
 * (the cursor is somewhere in the head then). */
int pq_page_read(struct cur *c, struct pq_page *out, struct err *err) MUST_USE;

/* The columns of a file: those of the catalogue, or of an answer. */
struct pq_schema {
    const struct field *columns; /* names and kinds */
    size_t n;
};

extern const struct pq_schema pq_catalogue;

/* A row group, a chunk for each column, as an element of the footer's list. */
void pq_group_put(struct buf *b, const struct pq_schema *s, const struct pq_chunk *chunks,
                  uint64_t rows);

/* CRC-32C of a footer in hexadecimal, as of one in which '0' stands for each of the PQ_SUM_DIGITS
 * octets at `value`, which lies in the footer. */
void pq_footer_sum(const uint8_t *footer, size_t n, const uint8_t *value,
                   char out[PQ_SUM_DIGITS + 1]);

/* The footer; `groups` holds n_groups row groups as pq_group_put() wrote them. Those of stores have
 * the catalogue's version and a checksum among their keys. */
void pq_footer_put(struct buf *b, const struct pq_schema *s, uint64_t rows,
                   const struct buf *groups, size_t n_groups, const struct pq_kv *kv, size_t n_kv);

struct pq_group_meta {
    uint64_t rows;
    size_t first; /* its chunks are chunks[first .. first + n_columns) */
};

struct pq_footer {
    uint64_t rows;
    size_t n_columns;       /* of the file, ours or not */
    enum field_id *fields;  /* of each column; FIELD_NONE: not of our catalogue */
    size_t column[FIELD_N]; /* of each field; SIZE_MAX: the file lacks it */
    struct pq_group_meta *groups;
    size_t n_groups;
    struct pq_chunk *chunks;
    struct pq_text {
        char *key, *value;
    } * kv;
    size_t n_kv;
};

/* Memory is at most some sixty times the footer's bytes. A checksum is compared where there is one.
 * On failure nothing is held. */
int pq_footer_read(struct cur in, struct pq_footer *out, struct err *err) MUST_USE;
void pq_footer_free(struct pq_footer *f);

#endif
