/* coder: packed keys and group numbers of a reader's rows, by dictionary codes where columns have
 * them.
 *
 * Each distinct value of a dictionary is packed once: its part of a key (query/keys.h). Where all
 * keys are codes and their combinations are few enough to be numbered, a table keeps the group of
 * each, so that a row costs a look at it and no hash. Otherwise rows are packed from the parts and
 * from columns of values. One thread. */
#ifndef QUERY_CODER_H
#define QUERY_CODER_H

#include "query/agg.h"
#include "store/scan.h"

struct coder;

struct coder *coder_new(const struct keys *k, struct intern *ids); /* never NULL */
void coder_free(struct coder *c);

/* Can keys be had this way at all? */
bool coder_can(const struct keys *k);

/* The groups in `a` that its table knows are others from now on. */
void coder_forget(struct coder *c);

/* Look at the rows in hand. *cells: they can be had by coder_groups(), else by coder_pack(). */
int coder_begin(struct coder *c, struct scan_reader *r, bool *cells, struct err *err) MUST_USE;

/* The group of each of n selected rows: 0 or ERR_LIMIT. */
int coder_groups(struct coder *c, struct agg *a, const uint32_t *rows, size_t n, uint32_t *groups,
                 struct err *err) MUST_USE;

/* The keys of n (at most METER_CHUNK) of them, into out[n][words]. false if `ids` is full. */
bool coder_pack(struct coder *c, const struct batch *b, const uint32_t *rows, size_t n,
                uint64_t *out) MUST_USE;

#endif
