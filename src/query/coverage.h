/* coverage: on what share of the flows an answer rests, by the books (flow/books.h).
 *
 * What was sent is what was received and what is missing by the sequence numbers; what is missing
 * of version 9 is counted in datagrams, and each is taken to have held as many flows as those of
 * its sender that came. Books are by minute of receipt: those of the asked span, and of the senders
 * and versions that the filter can select. */
#ifndef QUERY_COVERAGE_H
#define QUERY_COVERAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "flow/books.h"

enum { COVERAGE_GAPS = 10 };

/* A sender of which something is missing. */
struct coverage_gap {
    struct book_key key; /* without its minute */
    double stored;       /* flow records */
    double sent;
    bool guessed; /* what is missing was counted in datagrams */
};

struct coverage {
    size_t senders;
    double stored; /* flow records */
    double sent;
    struct book sum;
    struct coverage_gap gaps[COVERAGE_GAPS]; /* the widest first */
    size_t n_gaps;                           /* may be more than are listed */
    uint64_t broken;                         /* files and journals whose books can't be had */
    uint64_t without;                        /* files without books, */
    uint64_t without_rows;                   /* and the flow records in them */
};

struct query_spec;

/* `broken` is called for each file or journal that cannot be read, with `arg`. 0, or ERR_CONFIG: no
 * store there. */
int coverage_find(struct coverage *c, const struct query_spec *spec,
                  void (*broken)(void *arg, const char *text), void *arg, struct err *err) MUST_USE;

/* 0 to 1; 1 where nothing was sent. */
double coverage_share(double stored, double sent);

/* Some lines; an object. */
void coverage_text(const struct coverage *c, struct buf *out);
void coverage_json(const struct coverage *c, struct json *out);

#endif
