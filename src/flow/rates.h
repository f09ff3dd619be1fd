/* rates: sampling rates as exporters announce them in options data.
 *
 * Kept by sender's address, domain, and what the announcement is about: a sampler (or selector),
 * an interface, or neither, which is the whole domain. One about a sampler at an interface holds
 * for both. Which rate a record gets is rating.h's business.
 *
 * An announcement that cannot be one is not believed: FortiGate's options data have been seen where
 * the rate is part of a counter, and the algorithm beside it is none that there is.
 *
 * Bounded: RATES_MAX samplers and interfaces and RATES_MAX domains, of 88 octets and a slot of 32
 * in a table each, 15 MB; when full, new ones are not learned and counted. When half full none of
 * strangers are. */
#ifndef FLOW_RATES_H
#define FLOW_RATES_H

#include "base/addr.h"
#include "base/count.h"
#include "base/map.h"
#include "flow/batch.h"

enum { RATES_MAX = 65536 };

/* More than one in so many cannot be said in 32-bit numbers; probabilities are held to it too. */
static const double rate_one_in_max = 8589934592.0; /* 2^33 */

static inline bool rate_ok(double one_in) { return one_in >= 1 && one_in <= rate_one_in_max; }

/* No padding: it is hashed as bytes. */
struct rate_key {
    struct addr addr;
    uint32_t domain;
    uint32_t what;    /* RATE_DOMAIN, RATE_SAMPLER or RATE_INTERFACE of enum rate_from */
    uint64_t sampler; /* or interface; 0 for a domain's */
};

struct rate {
    struct rate_key key; /* first: map.h */
    double one_in;       /* 0: announced without a rate, or (a domain's) not announced */
    int64_t since_ms;    /* received: when this rate was said first, */
    int64_t heard_ms;    /* and last */
    double before;       /* the rate before it; 0: there was none */
    uint32_t changes;    /* how often it changed, */
    uint32_t returns;    /* and how often to the one before the last */
    /* Of a domain's: how many of each are known with a rate. */
    uint32_t samplers;
    uint32_t interfaces;
};

struct rates {
    struct map map;     /* of samplers and interfaces */
    struct map domains; /* of each domain that said anything */
    size_t room;        /* in each, for who speaks now */
    struct counts *counts;
};

void rates_init(struct rates *r, struct counts *counts);
void rates_free(struct rates *r);

/* `one_in` is a rate, or 0: announced without, which changes none that is known. */
bool rates_put(struct rates *r, const struct rate_key *key, double one_in, int64_t now_ms);

/* Learn from rows [row, row + n) of options data; known: of who is no stranger. */
void rates_learn(struct rates *r, const struct addr *addr, uint32_t domain, bool known,
                 const struct batch *b, size_t row, size_t n, int64_t now_ms);

/* What a record's own columns say: one in how many, or 0. */
double rates_of_record(const struct batch *b, size_t row);

/* The sampler or selector that a row names, or NULL. */
const uint64_t *rates_sampler_of(const struct batch *b, size_t row);

/* NULL: nothing is known of it. */
const struct rate *rates_domain(const struct rates *r, const struct addr *addr, uint32_t domain);

/* A sampler's (RATE_SAMPLER) or an interface's (RATE_INTERFACE) rate; 0 if not known. */
double rates_find(const struct rates *r, const struct addr *addr, uint32_t domain,
                  enum rate_from what, uint64_t which);

/* RouterOS 6.49 sends the rate's octets in the wrong order (fastnetmon issue 985). If this looks
 * so, the rate that was meant, else 0. Nothing is changed by itself: who operates it is told. */
double rates_swapped(double one_in);

#endif
