/* rates: sampling rates as exporters announce them in options data.
 *
 * Kept by sender's address, domain and sampler (or selector); an announcement without a sampler
 * holds for the domain. Which rate a record gets: forced, else its own, else its sampler's, else
 * its domain's, else the header's (v5), else the default, else none (1).
 *
 * Bounded: RATES_MAX entries of 48 octets; when full, new samplers are not learned and counted. */
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
    uint32_t what;    /* RATE_DOMAIN or RATE_SAMPLER of enum rate_from */
    uint64_t sampler; /* 0 for a domain's */
};

struct rate {
    struct rate_key key; /* first: map.h */
    double one_in;
};

struct rates {
    struct map map;
    struct counts *counts;
};

void rates_init(struct rates *r, struct counts *counts);
void rates_free(struct rates *r);

bool rates_put(struct rates *r, const struct rate_key *key, double one_in);

/* Learn from rows [row, row + n) of options data. */
void rates_learn(struct rates *r, const struct addr *addr, uint32_t domain, const struct batch *b,
                 size_t row, size_t n);

/* What a record's own columns say: one in how many, or 0. */
double rates_of_record(const struct batch *b, size_t row);

/* A sampler's rate, or the domain's (sampler NULL); 0 if not known. */
double rates_find(const struct rates *r, const struct addr *addr, uint32_t domain,
                  const uint64_t *sampler);

#endif
