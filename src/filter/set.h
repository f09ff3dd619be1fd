/* set: disjoint ranges of keys, so laid out that asking takes the same time for ten and a million.
 *
 * The ranges stand in ascending order. Where they are many, nodes above them branch by one octet of
 * the key: a node says in which small slice of the ranges to look, or which node is next. Octets
 * that all ranges below a node share are not branched by but compared. So a question passes at most
 * 16 nodes (IPv4: in practice 2 or 3) and then SLICE ranges, halved five times. */
#ifndef FILTER_SET_H
#define FILTER_SET_H

#include "base/attr.h"
#include "base/mem.h"
#include "filter/what.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct set_node;

/* first[i] <= last[i] < first[i + 1]. */
struct set {
    const struct wide *first;
    const struct wide *last;
    size_t n;
    const struct set_node *nodes; /* the root first; NULL where the ranges are few */
};

enum { SET_MAX = 1 << 24 }; /* ranges */

/* Over n (1 to SET_MAX) ranges that stay where they are. false when the arena is spent. */
bool set_init(struct set *out, struct arena *a, const struct wide *first, const struct wide *last,
              size_t n) MUST_USE;

bool set_has(const struct set *set, struct wide key);

#endif
