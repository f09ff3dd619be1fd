/* nfdump: nfdump's arguments → the arguments of `weir query` that ask the same.
 *
 * Only words are translated here; weir query understands them, and finds what is wrong in them.
 * What has no counterpart is an error that says what to write instead. docs/from-nfdump.md has the
 * tables. The filter's text is limited by FILTER_TEXT_MAX, the rest by the command line itself. */
#ifndef QUERY_NFDUMP_H
#define QUERY_NFDUMP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/opt.h"

#include <stdbool.h>
#include <stddef.h>

enum { NFDUMP_STATS_MAX = 8, NFDUMP_SHOWN = 20, NFDUMP_OPTS = 36 };

/* nfdump's options; the first NFDUMP_SHOWN have a counterpart here. */
extern const struct opt nfdump_opts[NFDUMP_OPTS];

/* The options as they came; they point into argv. */
struct nfdump {
    const char *store;
    const char *window; /* -t */
    const char *stats[NFDUMP_STATS_MAX];
    size_t n_stats;
    const char *keys;  /* -A */
    const char *order; /* -O */
    const char *top;   /* -n */
    const char *count; /* -c */
    const char *format;
    const char *filter_file;
    struct buf filter; /* what stands behind the options, with a NUL behind it */
    bool five_tuple;   /* -a */
    bool fold;         /* -b, -B */
    bool summary;      /* -I */
    bool quiet, plain, explain;
};

/* One question: arguments of weir query, each with a NUL behind it. */
struct nfdump_query {
    struct buf words;
    size_t n;
};

struct nfdump_queries {
    struct nfdump_query at[NFDUMP_STATS_MAX * 2];
    size_t n;
};

/* Read the command line; argv[0] is the program's name. 0 or ERR_CONFIG, ERR_LIMIT. Free it in any
 * case. */
int nfdump_read(int argc, char **argv, struct nfdump *out, struct err *err) MUST_USE;
void nfdump_free(struct nfdump *n);

/* What to ask: a question for each order of each -s, else one. `filter` is nfdump's filter. 0 or
 * ERR_CONFIG, ERR_LIMIT. Free them in any case. */
int nfdump_translate(const struct nfdump *n, const char *filter, struct nfdump_queries *out,
                     struct err *err) MUST_USE;
void nfdump_queries_free(struct nfdump_queries *q);

/* nfdump's filter as weir's: what means something else there is rewritten, the rest is left to
 * filter_parse(). */
void nfdump_filter(const char *text, struct buf *out);

#endif
