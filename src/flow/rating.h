/* rating: which sampling rate a record gets, and where it comes from.
 *
 * The nearest saying counts: forced by the operator, else the record's own, else that of the
 * sampler which the record names, else of the interface where it was metered, else the domain's,
 * else the header's (v5), else the operator's default, else none (1).
 *
 * A record of sampler 0 in a domain whose samplers are known, none of them 0, was not sampled. */
#ifndef FLOW_RATING_H
#define FLOW_RATING_H

#include "flow/plan.h"
#include "flow/rates.h"
#include "wire/msg.h"

struct rating {
    const struct rates *rates;
    const struct addr *addr;
    const struct msg *head;
    double forced;    /* 0: none */
    double otherwise; /* the default; 0: none */
    bool no_header;   /* what the header says is not believed */
};

/* Fill the columns rate and rate_from of rows [row, row + n), which are of this plan. false if
 * there is no memory. */
bool rating_fill(const struct rating *r, const struct plan *p, struct batch *b, size_t row,
                 size_t n) MUST_USE;

#endif
