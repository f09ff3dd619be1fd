/* pq_read: Parquet files → batches. Reads what pq_write writes, of any catalogue version: a column
 * that the file lacks is null, one that it has and we do not know is skipped. Every length and
 * offset in the file is checked; a broken file gives ERR_DATA with path, offset and column.
 *
 * A pq_file does not change once it is open, so threads may share it; a pq_group belongs to one.
 * Memory of a group: its wanted chunks as they are in the file, and a page of each, decoded;
 * it is kept for the next group. */
#ifndef STORE_PQ_READ_H
#define STORE_PQ_READ_H

#include "base/err.h"
#include "flow/batch.h"
#include "store/pq_pages.h"

struct pq_file;

int pq_open(struct pq_file **out, const char *path, struct err *err) MUST_USE;
void pq_close(struct pq_file *f); /* after its groups; NULL is fine */

uint64_t pq_rows(const struct pq_file *f);
size_t pq_groups(const struct pq_file *f);
uint64_t pq_group_rows(const struct pq_file *f, size_t group);

/* Value of a footer key, or NULL. */
const char *pq_key(const struct pq_file *f, const char *key);

/* Smallest and largest value of an integer or time column in a row group, from the statistics
 * (U64: only where both are below 2^63); false if the file does not say. Nulls do not count. */
bool pq_group_range(const struct pq_file *f, size_t group, enum field_id field, int64_t *min,
                    int64_t *max);

/* Does a row group have any value in this column? true where the file does not say. */
bool pq_group_any(const struct pq_file *f, size_t group, enum field_id field);

/* Can a row group have the address in this column, by the statistics and the Bloom filter? true
 * where the file does not say. Reads some bytes of the file. */
bool pq_group_may_hold(const struct pq_file *f, size_t group, enum field_id field,
                       const struct addr *value);

/* Reads one row group's wanted columns, batch by batch. */
struct pq_group;

int pq_group_open(struct pq_group **out, const struct pq_file *f, size_t group,
                  const struct field_set *want, struct err *err) MUST_USE;

/* Go over to another row group, of the same or another file, with the memory that g has: cheaper
 * than closing and opening. After a failure g is only good for this or pq_group_close(). */
int pq_group_reopen(struct pq_group *g, const struct pq_file *f, size_t group,
                    const struct field_set *want, struct err *err) MUST_USE;

/* Reset `out` and fill it with the next rows: up to its capacity, fewer at the end or where text
 * would not fit. A wanted column without any value in them is not marked used. 0, ERR_EOF at the
 * end, or an error. An enum's name that we do not know is given as 255. */
int pq_group_next(struct pq_group *g, struct batch *out, struct err *err) MUST_USE;

/* The same in steps, for those who look at some columns first and may not need the others. A
 * column is read from the file when it is first asked for, a page decoded when one of its rows is.
 *
 * Step to the next *n rows (at most `cap` and BATCH_ROWS): 0, ERR_EOF, or an error. */
int pq_group_step(struct pq_group *g, size_t cap, size_t *n, struct err *err) MUST_USE;

/* Fill a wanted column of these rows; `out` was reset since the step. Nothing is done if it is
 * filled, or has no value in them. */
int pq_group_need(struct pq_group *g, enum field_id field, struct batch *out,
                  struct err *err) MUST_USE;

/* The column as dictionary codes, good until the next step; *out is NULL where it has none. */
int pq_group_codes(struct pq_group *g, enum field_id field, const struct pq_codes **out,
                   struct err *err) MUST_USE;

/* Rows behind those in hand. */
uint64_t pq_group_left(const struct pq_group *g);

/* What all its reading took, since it was opened first. */
struct pq_times pq_group_times(const struct pq_group *g);
void pq_group_close(struct pq_group *g);

#endif
