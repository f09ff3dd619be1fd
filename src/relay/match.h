/* match: a sender → the rules that it falls under.
 *
 * Rules lie in tables by the length of their prefix: a sender that is not known costs a look into
 * each table that there is, however many rules, and one that is known a look into the table of
 * senders. That has 262,144 places in rows of 8; the one of a row that sent nothing for longest
 * goes when another comes, which loses nothing but time. Owner: the relay's thread. */
#ifndef RELAY_MATCH_H
#define RELAY_MATCH_H

#include "relay/setup.h"

enum { MATCH_RULES = 6 };

/* What is known of a sender. */
struct match_found {
    uint64_t datagrams; /* since it has its place; the owner's to add to */
    uint64_t bytes;
    uint32_t n; /* of rules; MATCH_RULES + 1: more than stand here, see match_all() */
    uint32_t rules[MATCH_RULES]; /* their numbers, in the order of the file */
};

struct match;

/* `setup` must outlive it. */
struct match *match_new(const struct relay_setup *setup);
void match_free(struct match *m);

/* Valid until the next call. */
struct match_found *match_find(struct match *m, const struct addr *from);

/* The senders with the most datagrams, at most n, the largest first: how many. */
struct match_sender {
    struct addr addr;
    uint64_t datagrams;
    uint64_t bytes;
    uint32_t rules;
};
size_t match_largest(const struct match *m, struct match_sender *out, size_t n);

/* All rules that a sender falls under, into `out` (RELAY_RULES_MAX places): how many. */
size_t match_all(const struct match *m, const struct addr *from, uint32_t *out);

#endif
